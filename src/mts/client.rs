//! HTTP towards MTS.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use reqwest::{RequestBuilder, Response, StatusCode};
use url::Url;

use super::ability::{self, Ability};
use super::answer;
use super::envelope::Submission;
use super::error::{Blame, StatusError, SubmitError};
use super::file::{self, FileError, Row};
use super::odk::Pull;
use crate::access::Accesses;
use crate::domain::batch::Status;
use crate::domain::delivery::FileForm;
use crate::seal::Personal;
use crate::tls::{Fault, Trust};

/// MTS's answers are short.
const MAX_ANSWER: usize = 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(10);
const ASK: Duration = Duration::from_secs(30);
/// For a file, from the first byte to the last.
const FETCH: Duration = Duration::from_secs(120);
const UNAUTHORIZED: StatusCode = StatusCode::UNAUTHORIZED;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;

/// Talks to any MTS. A new connection for each call: MTS's restarts would make a kept one fail in doubt.
#[derive(Debug, Clone)]
pub struct Mts {
    http: reqwest::Client,
    accesses: Accesses,
}

/// Why a call has no answer of MTS.
#[derive(Debug)]
enum Unanswered {
    /// The gateway before MTS does not let OMC through, and MTS saw nothing.
    Denied(Blame),
    Sent(reqwest::Error),
}

/// Whether an MTS is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    Answers,
    /// It takes connections and says nothing: a worker answers nobody while it takes a batch in.
    Busy,
    /// Something answers, and it is not MTS.
    Stranger,
    Unreachable,
    Insecure(Fault),
    /// A gateway does not let OMC through.
    Denied(Blame),
}

impl Mts {
    /// Fails where the machine has no CA certificates (Debian: package `ca-certificates`), and `trust` names none.
    pub fn new(trust: &Trust, accesses: Accesses) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // People's data go to the address in the definition, not to whatever the environment names.
            .no_proxy()
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT);
        Ok(Self { http: trust.apply(builder)?.build()?, accesses })
    }

    /// What is shown to gateways.
    pub fn accesses(&self) -> &Accesses {
        &self.accesses
    }

    /// Makes a call, and shows what its address takes. Where that is not taken any more, shows another, once.
    async fn send(&self, base: &Url, request: RequestBuilder) -> Result<Response, Unanswered> {
        let Some(access) = self.accesses.of(base) else {
            let response = request.send().await.map_err(Unanswered::Sent)?;
            return if response.status() == UNAUTHORIZED {
                Err(Unanswered::Denied(Blame::LoginWanted))
            } else {
                Ok(response)
            };
        };
        let denied = |denied| Unanswered::Denied(Blame::Denied(denied));
        let credential = access.credential().await.map_err(denied)?;
        let again = request.try_clone();
        let response = credential.show(request).send().await.map_err(Unanswered::Sent)?;
        let response = match again {
            Some(again) if response.status() == UNAUTHORIZED => {
                let credential = access.renew(&credential).await.map_err(denied)?;
                credential.show(again).send().await.map_err(Unanswered::Sent)?
            }
            _ => response,
        };
        match response.status() {
            status @ (UNAUTHORIZED | FORBIDDEN) => Err(denied(access.not_let_in(status.as_u16()))),
            _ => Ok(response),
        }
    }

    /// Sends a batch and returns its `request_identifier`. MTS answers only after it has stored every record of it, and of
    /// those that came before: `patience` must be long enough for all of them.
    pub async fn submit(
        &self,
        base: &Url,
        submission: &Submission,
        now: DateTime<Utc>,
        patience: Duration,
    ) -> Result<String, SubmitError> {
        let body = submission.body(now).map_err(|_| SubmitError::NotTaken(Blame::Refused { status: 0, code: None }))?;
        let body = Personal::new(body);
        self.post(base, "json", body, patience).await
    }

    /// Has MTS pull submissions from an ODK Central; gives the `request_identifier`, as [`Mts::submit`] does.
    pub async fn pull(
        &self,
        base: &Url,
        pull: &Pull<'_>,
        now: DateTime<Utc>,
        patience: Duration,
    ) -> Result<String, SubmitError> {
        let body = Personal::new(pull.body(now).expose().to_string().into_bytes());
        self.post(base, "odk", body, patience).await
    }

    async fn post(
        &self,
        base: &Url,
        kind: &str,
        body: Personal<Vec<u8>>,
        patience: Duration,
    ) -> Result<String, SubmitError> {
        let request = self
            .http
            .post(endpoint(base, &["authtoken", kind]))
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .timeout(patience)
            .body(body.into_exposed());
        let response = self.send(base, request).await.map_err(|error| match error {
            Unanswered::Denied(blame) => SubmitError::NotTaken(blame),
            Unanswered::Sent(error) if error.is_connect() || error.is_builder() => {
                SubmitError::NotTaken(Fault::of(&error).map_or(Blame::Unreachable, Blame::Insecure))
            }
            Unanswered::Sent(error) if error.is_timeout() => SubmitError::Unknown("it did not answer in time"),
            Unanswered::Sent(error) => match Fault::of_sent(&error) {
                Some(fault) => SubmitError::NotTaken(Blame::Insecure(fault)),
                None => SubmitError::Unknown("the connection broke"),
            },
        })?;
        let status = response.status().as_u16();
        let body = read(response, MAX_ANSWER).await.map_err(|error| SubmitError::Unknown(error.told()))?;
        answer::to_submit(status, &body)
    }

    /// Asks how far a request is.
    pub async fn status(&self, base: &Url, request_identifier: &str) -> Result<Status, StatusError> {
        let url = endpoint(base, &["authtoken", "status", request_identifier]);
        let response = self.send(base, self.http.get(url).timeout(ASK)).await.map_err(|error| match error {
            Unanswered::Denied(blame) => StatusError::Denied(blame),
            Unanswered::Sent(error) if error.is_connect() => StatusError::Silent("cannot connect"),
            Unanswered::Sent(error) if error.is_timeout() => {
                StatusError::Silent("it does not answer (it is silent while it takes a batch in)")
            }
            Unanswered::Sent(_) => StatusError::Silent("the connection broke"),
        })?;
        let status = response.status().as_u16();
        let body = read(response, MAX_ANSWER).await.map_err(|error| StatusError::Silent(error.told()))?;
        answer::to_status(status, &body)
    }

    /// Fetches the results of a request that was sent for download, with so many records.
    pub async fn file(
        &self,
        base: &Url,
        request_identifier: &str,
        form: FileForm,
        records: usize,
    ) -> Result<Vec<Row>, FileError> {
        let body = self.file_text(base, request_identifier, file::longest(records)).await?;
        file::rows(&body, form, records)
    }

    /// As [`Mts::file`], of a request of which it is not known how many records it has; at most so many, as JSON.
    pub async fn file_of_any(&self, base: &Url, request_identifier: &str, most: usize) -> Result<Vec<Row>, FileError> {
        let body = self.file_text(base, request_identifier, file::longest(most)).await?;
        file::any_rows(&body, most)
    }

    async fn file_text(&self, base: &Url, request_identifier: &str, longest: usize) -> Result<Vec<u8>, FileError> {
        let url = endpoint(base, &["authtoken", "file", request_identifier]);
        let response = self.send(base, self.http.get(url).timeout(FETCH)).await.map_err(|error| match error {
            Unanswered::Denied(blame) => FileError::Denied(blame),
            Unanswered::Sent(error) if error.is_connect() => FileError::Silent("cannot connect"),
            Unanswered::Sent(error) if error.is_timeout() => FileError::Silent("it does not answer"),
            // A file that grows while MTS sends it breaks off.
            Unanswered::Sent(_) => FileError::Unfinished,
        })?;
        match response.status().as_u16() {
            200 => {}
            202 | 404 | 500 => return Err(FileError::Absent),
            _ => return Err(FileError::Silent("a server error that is not MTS's own")),
        }
        read(response, longest).await.map_err(|error| match error {
            Unread::BrokeOff => FileError::Unfinished,
            Unread::TooLong => FileError::TooLong,
        })
    }

    /// Finds out which deliveries an MTS knows, for a person who asks. Nothing is queued there by it.
    pub async fn ability(&self, base: &Url, now: DateTime<Utc>) -> Option<Ability> {
        let request = self.http.post(endpoint(base, &["authtoken", "json"])).timeout(ASK);
        let response = self.send(base, request.json(&ability::question(now))).await.ok()?;
        let body = read(response, MAX_ANSWER).await.ok()?;
        ability::answer(&body)
    }

    /// Looks whether an MTS is there, for a person who asks.
    pub async fn presence(&self, base: &Url) -> Presence {
        let request = self.http.get(endpoint(base, &["ping"])).timeout(Duration::from_secs(5));
        match self.send(base, request).await {
            Ok(response) => match read(response, MAX_ANSWER).await {
                Ok(body) if body.windows(4).any(|window| window == b"pong") => Presence::Answers,
                Ok(_) => Presence::Stranger,
                Err(_) => Presence::Busy,
            },
            Err(Unanswered::Denied(blame)) => Presence::Denied(blame),
            Err(Unanswered::Sent(error)) if error.is_connect() => {
                Fault::of(&error).map_or(Presence::Unreachable, Presence::Insecure)
            }
            Err(Unanswered::Sent(error)) => Fault::of_sent(&error).map_or(Presence::Busy, Presence::Insecure),
        }
    }
}

fn endpoint(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Why an answer could not be read to its end.
enum Unread {
    BrokeOff,
    TooLong,
}

impl Unread {
    fn told(self) -> &'static str {
        match self {
            Self::BrokeOff => "the answer broke off",
            Self::TooLong => "the answer is far too long for MTS",
        }
    }
}

async fn read(response: reqwest::Response, most: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Unread::BrokeOff)?;
        if body.len() + chunk.len() > most {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
