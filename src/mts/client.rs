//! HTTP towards MTS.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use url::Url;

use super::ability::{self, Ability};
use super::answer;
use super::envelope::Submission;
use super::error::{Blame, StatusError, SubmitError};
use super::file::{self, FileError, Row};
use crate::domain::batch::Status;
use crate::domain::delivery::FileForm;
use crate::tls::{Fault, Trust};

/// MTS's answers are short.
const MAX_ANSWER: usize = 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(10);
const ASK: Duration = Duration::from_secs(30);
/// For a file, from the first byte to the last.
const FETCH: Duration = Duration::from_secs(120);

/// Talks to any MTS. A new connection for each call: MTS's restarts would make a kept one fail in doubt.
#[derive(Debug, Clone)]
pub struct Mts {
    http: reqwest::Client,
}

/// Whether an MTS is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Answers,
    /// It takes connections and says nothing: a worker answers nobody while it takes a batch in.
    Busy,
    /// Something answers, and it is not MTS.
    Stranger,
    Unreachable,
    Insecure(Fault),
}

impl Mts {
    /// Fails where the machine has no CA certificates (Debian: package `ca-certificates`), and `trust` names none.
    pub fn new(trust: &Trust) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // People's data go to the address in the definition, not to whatever the environment names.
            .no_proxy()
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT);
        Ok(Self { http: trust.apply(builder)?.build()? })
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
        let request = self
            .http
            .post(endpoint(base, &["authtoken", "json"]))
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .timeout(patience)
            .body(body);
        let response = request.send().await.map_err(|error| match error {
            error if error.is_connect() || error.is_builder() => {
                SubmitError::NotTaken(Fault::of(&error).map_or(Blame::Unreachable, Blame::Insecure))
            }
            error if error.is_timeout() => SubmitError::Unknown("it did not answer in time"),
            error => match Fault::of_sent(&error) {
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
        let response = self.http.get(url).timeout(ASK).send().await.map_err(|error| match error {
            error if error.is_connect() => StatusError("cannot connect"),
            error if error.is_timeout() => StatusError("it does not answer (it is silent while it takes a batch in)"),
            _ => StatusError("the connection broke"),
        })?;
        let status = response.status().as_u16();
        let body = read(response, MAX_ANSWER).await.map_err(|error| StatusError(error.told()))?;
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
        let url = endpoint(base, &["authtoken", "file", request_identifier]);
        let sent = self.http.get(url).timeout(FETCH).send().await;
        let response = sent.map_err(|error| match error {
            error if error.is_connect() => FileError::Silent("cannot connect"),
            error if error.is_timeout() => FileError::Silent("it does not answer"),
            // A file that grows while MTS sends it breaks off.
            _ => FileError::Unfinished,
        })?;
        match response.status().as_u16() {
            200 => {}
            202 | 404 | 500 => return Err(FileError::Absent),
            _ => return Err(FileError::Silent("a server error that is not MTS's own")),
        }
        let body = read(response, file::longest(records)).await.map_err(|error| match error {
            Unread::BrokeOff => FileError::Unfinished,
            Unread::TooLong => FileError::TooLong,
        })?;
        file::rows(&body, form, records)
    }

    /// Finds out which deliveries an MTS knows, for a person who asks. Nothing is queued there by it.
    pub async fn ability(&self, base: &Url, now: DateTime<Utc>) -> Option<Ability> {
        let request = self.http.post(endpoint(base, &["authtoken", "json"])).timeout(ASK);
        let response = request.json(&ability::question(now)).send().await.ok()?;
        let body = read(response, MAX_ANSWER).await.ok()?;
        ability::answer(&body)
    }

    /// Looks whether an MTS is there, for a person who asks.
    pub async fn presence(&self, base: &Url) -> Presence {
        let sent = self.http.get(endpoint(base, &["ping"])).timeout(Duration::from_secs(5)).send().await;
        match sent {
            Ok(response) => match read(response, MAX_ANSWER).await {
                Ok(body) if body.windows(4).any(|window| window == b"pong") => Presence::Answers,
                Ok(_) => Presence::Stranger,
                Err(_) => Presence::Busy,
            },
            Err(error) if error.is_connect() => Fault::of(&error).map_or(Presence::Unreachable, Presence::Insecure),
            Err(error) => Fault::of_sent(&error).map_or(Presence::Busy, Presence::Insecure),
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
