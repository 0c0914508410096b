//! One call of a login server: a POST that is not followed elsewhere, with a time and a size that it may take.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use url::Url;

use super::error::Cause;
use crate::seal::Personal;
use crate::tls::Fault;

/// From the first byte to the last. Whoever waits for a token waits so long, and so do its MTS's batches.
const PATIENCE: Duration = Duration::from_secs(15);
const MAX_ANSWER: usize = 64 << 10;

/// An answer. Its body and its cookies can hold a token: it has no `Debug`.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Personal<Vec<u8>>,
}

/// `key` names the address in the configuration. The client follows no redirect.
pub(super) async fn post(
    http: &reqwest::Client,
    url: Url,
    content_type: &'static str,
    body: Vec<u8>,
    key: &'static str,
) -> Result<Answer, Cause> {
    let request = http.post(url).header(CONTENT_TYPE, content_type).timeout(PATIENCE).body(body);
    let response = request.send().await.map_err(|error| cause(&error, key))?;
    let status = response.status().as_u16();
    if response.status().is_redirection() {
        return Err(Cause::Status { status, key });
    }
    let headers = response.headers().clone();
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| cause(&error, key))?;
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Cause::Strange { key });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: Personal::new(body) })
}

fn cause(error: &reqwest::Error, key: &'static str) -> Cause {
    match error {
        error if error.is_timeout() => Cause::Silent { key },
        error if error.is_connect() => {
            Fault::of(error).map_or(Cause::Unreachable { key }, |fault| Cause::Insecure { fault, key })
        }
        error => Fault::of_sent(error).map_or(Cause::BrokeOff { key }, |fault| Cause::Insecure { fault, key }),
    }
}
