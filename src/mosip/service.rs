//! Calls to MOSIP's services: the login, the one repetition after a 401, and the answer in its envelope.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::config::{Config, ConfigError};
use super::envelope::Answer;
use crate::access::{Access, Credential, Denied};
use crate::clock::Clock;
use crate::domain::code::Code;
use crate::tls::{Fault, FileError};

const CONNECT: Duration = Duration::from_secs(5);
/// From the first byte to the last.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers are short.
const MAX_ANSWER: usize = 64 << 10;

/// MOSIP, as one login reaches it.
#[derive(Debug, Clone)]
pub struct Service {
    url: Url,
    access: Option<Arc<Access>>,
    http: reqwest::Client,
}

/// Why MOSIP cannot be called at all.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot prepare HTTPS for [mosip]: {0}")]
    Http(#[from] reqwest::Error),
}

/// Why a service did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("it wants to know who calls (HTTP {0}), and [mosip] has no `kind`")]
    Unknown(u16),
    #[error("no secure connection: {0} (keys of [mosip])")]
    Insecure(Fault),
    #[error("cannot connect; check mosip.url and that it runs")]
    Unreachable,
    #[error("it does not answer in time; check mosip.url and that it runs")]
    Silent,
    #[error("the connection broke")]
    BrokeOff,
    #[error("HTTP {0}; check mosip.url, and the log of the service")]
    Status(u16),
    #[error("the answer is not one of MOSIP's; check mosip.url")]
    Strange,
    /// The service's own code.
    #[error("it answers {}", .0.as_str())]
    Code(Code),
    #[error("it says that it did not do it, and not why")]
    Undone,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Service {
    /// `None`: the configuration names no MOSIP. Nothing is asked for yet.
    pub fn new(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Self>, Unmade> {
        let Some((url, way)) = config.way()? else { return Ok(None) };
        let trust = config.trust()?;
        let builder = |idle: usize| {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                // Secrets go to the address that is written, not to whatever the environment names.
                .no_proxy()
                .pool_max_idle_per_host(idle)
                .connect_timeout(CONNECT)
        };
        let logins = trust.apply(builder(0))?.build()?;
        let access = way.map(|way| Arc::new(Access::new("[mosip]".to_owned(), way, logins, Arc::clone(clock))));
        Ok(Some(Self { url, access, http: trust.apply(builder(1))?.build()? }))
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What is shown, if anything is.
    pub fn access(&self) -> Option<&Arc<Access>> {
        self.access.as_ref()
    }

    /// Posts, and comes back when the service says that it is done.
    pub(super) async fn post(&self, path: &[&str], body: &Body) -> Result<(), Failure> {
        let Some(access) = &self.access else {
            return match self.send(path, body, None).await? {
                Said::Answer(answer) => judged(&answer),
                Said::WhoIsIt(status) => Err(Failure::Unknown(status)),
            };
        };
        let credential = access.credential().await?;
        let status = match self.send(path, body, Some(&credential)).await? {
            Said::Answer(answer) => return judged(&answer),
            Said::WhoIsIt(status) => status,
        };
        if status == 403 {
            return Err(access.not_let_in(status).into());
        }
        let credential = access.renew(&credential).await?;
        match self.send(path, body, Some(&credential)).await? {
            Said::Answer(answer) => judged(&answer),
            Said::WhoIsIt(status) => Err(access.not_let_in(status).into()),
        }
    }

    async fn send(&self, path: &[&str], body: &Body, credential: Option<&Credential>) -> Result<Said, Failure> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.http.post(url).header(CONTENT_TYPE, &body.content_type).timeout(PATIENCE);
        let request = request.body(body.bytes.clone());
        let request = match credential {
            Some(credential) => credential.show(request),
            None => request,
        };
        let response = request.send().await.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| failure(&error))?;
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(Failure::Strange);
            }
            bytes.extend_from_slice(&chunk);
        }
        said(status, &bytes)
    }
}

enum Said {
    Answer(Answer),
    /// 401 or 403, or the code that MOSIP has for it.
    WhoIsIt(u16),
}

fn said(status: u16, bytes: &[u8]) -> Result<Said, Failure> {
    match status {
        401 | 403 => Ok(Said::WhoIsIt(status)),
        200..=299 => {
            let answer: Answer = serde_json::from_slice(bytes).map_err(|_| Failure::Strange)?;
            // Of authmanager, which the service asks: some releases pass it on with 200.
            match answer.error() {
                Some(code) if code.as_str().starts_with("KER-ATH-403") => Ok(Said::WhoIsIt(403)),
                Some(code) if code.as_str().starts_with("KER-ATH-") => Ok(Said::WhoIsIt(401)),
                _ => Ok(Said::Answer(answer)),
            }
        }
        status => Err(Failure::Status(status)),
    }
}

fn judged(answer: &Answer) -> Result<(), Failure> {
    match answer.error() {
        Some(code) => Err(Failure::Code(code)),
        None if answer.is_done() => Ok(()),
        None => Err(Failure::Undone),
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    match error {
        error if error.is_timeout() => Failure::Silent,
        error if error.is_connect() => Fault::of(error).map_or(Failure::Unreachable, Failure::Insecure),
        error => Fault::of_sent(error).map_or(Failure::BrokeOff, Failure::Insecure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> Result<(), Failure> {
        match said(status, body.as_bytes())? {
            Said::Answer(answer) => judged(&answer),
            Said::WhoIsIt(status) => Err(Failure::Unknown(status)),
        }
    }

    #[test]
    fn only_what_says_that_it_is_done_is_done() {
        assert_eq!(told(200, r#"{"response":{"status":true},"errors":[]}"#), Ok(()));
        assert_eq!(told(200, r#"{"response":{"status":false},"errors":[]}"#), Err(Failure::Undone));
        assert_eq!(told(200, "<html>"), Err(Failure::Strange));
        assert_eq!(told(502, r#"{"response":{"status":true}}"#), Err(Failure::Status(502)));
        assert_eq!(told(302, ""), Err(Failure::Status(302)));
        let code = r#"{"response":{"status":true},"errors":[{"errorCode":"KER-AUD-500","message":"x"}]}"#;
        assert!(matches!(told(200, code), Err(Failure::Code(_))), "an error counts before a status");
    }

    #[test]
    fn who_is_not_let_in_is_told_so_in_either_way() {
        assert_eq!(told(401, "<html>"), Err(Failure::Unknown(401)));
        assert_eq!(told(403, ""), Err(Failure::Unknown(403)));
        let error = |code: &str| format!(r#"{{"response":null,"errors":[{{"errorCode":"{code}"}}]}}"#);
        assert_eq!(told(200, &error("KER-ATH-401")), Err(Failure::Unknown(401)));
        assert_eq!(told(200, &error("KER-ATH-403")), Err(Failure::Unknown(403)));
    }
}
