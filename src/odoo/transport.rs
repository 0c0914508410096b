//! HTTP under XML-RPC.
//!
//! Odoo closes after every answer, and its prefork server gives each open connection a worker of its own and cuts off a
//! client that pauses for two seconds (`ODOO_HTTP_SOCKET_TIMEOUT`). So: one connection per call, nothing pooled or opened
//! ahead, and the answer drained at once, whatever becomes of it.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONNECTION, CONTENT_TYPE, DATE, HeaderValue};
use reqwest::{Response, redirect, retry};
use url::Url;

use super::config::ConfigError;
use super::error::{Error, Interrupted, Unreachable};
use crate::tls::{Fault, Trust};

/// The largest answer we take: 5,000 registrants with forty fields stay well below.
pub const MAX_ANSWER: u64 = 64 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An answer with HTTP status 200.
pub struct Reply {
    pub body: Vec<u8>,
    /// The server's time, from the `Date` header: whole seconds, when it began to answer.
    pub server_time: Option<DateTime<Utc>>,
}

pub struct Transport {
    http: reqwest::Client,
    max_answer: u64,
}

impl Transport {
    /// Fails where this machine has no CA certificates, and the address needs them and `trust` names none.
    pub fn new(base: &Url, trust: &Trust, max_answer: u64) -> Result<Self, ConfigError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(ConfigError::NoTlsProvider);
        }
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .pool_max_idle_per_host(0)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            // The password and people's data go to the configured address, not to whatever the environment names.
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT);
        if base.scheme() == "http" {
            // Nothing to verify: a machine without CA certificates may still talk to an Odoo next door.
            builder = builder.tls_certs_only([]);
        }
        // Of what was read and checked, nothing is refused here but for want of CA certificates.
        let http = trust.apply(builder).and_then(|b| b.build()).map_err(|_| ConfigError::NoTrustStore)?;
        Ok(Self { http, max_answer })
    }

    /// Posts one document and reads the whole answer.
    pub async fn post(&self, url: &Url, document: Vec<u8>, timeout: Duration) -> Result<Reply, Error> {
        let request = self
            .http
            .post(url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("text/xml"))
            .header(CONNECTION, HeaderValue::from_static("close"))
            .timeout(timeout)
            .body(document);
        let response = request.send().await.map_err(|error| sending(&error))?;
        match response.status().as_u16() {
            200 => {}
            413 => return Err(Error::TooLarge),
            status => return Err(Error::Http { status }),
        }
        if is_html(&response) {
            return Err(Error::HtmlInsteadOfXml);
        }
        self.drain(response).await
    }

    async fn drain(&self, mut response: Response) -> Result<Reply, Error> {
        let too_large = Error::AnswerTooLarge { limit: self.max_answer };
        let declared = response.content_length();
        if declared.is_some_and(|length| length > self.max_answer) {
            return Err(too_large);
        }
        let server_time = response.headers().get(DATE).and_then(|date| http_date(date.to_str().ok()?));
        let mut body = Vec::with_capacity(declared.map_or(0, |length| usize::try_from(length).unwrap_or(0)));
        while let Some(chunk) = response.chunk().await.map_err(|error| reading(&error))? {
            if (body.len() + chunk.len()) as u64 > self.max_answer {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
        if declared.is_some_and(|length| length != body.len() as u64) {
            return Err(Error::Interrupted(Interrupted::Truncated));
        }
        Ok(Reply { body, server_time })
    }
}

/// An HTTP date in the form every server writes (RFC 9110, section 5.6.7).
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.with_timezone(&Utc))
}

fn is_html(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("text/html")
}

fn sending(error: &reqwest::Error) -> Error {
    if error.is_connect() {
        Error::Unreachable(unreachable(error))
    } else if let Some(fault) = Fault::of_sent(error) {
        Error::Unreachable(Unreachable::Tls(fault))
    } else if error.is_timeout() {
        Error::Interrupted(Interrupted::TimedOut)
    } else {
        Error::Interrupted(Interrupted::Closed)
    }
}

fn reading(error: &reqwest::Error) -> Error {
    Error::Interrupted(if error.is_timeout() { Interrupted::TimedOut } else { Interrupted::Truncated })
}

fn unreachable(error: &reqwest::Error) -> Unreachable {
    if error.is_timeout() {
        return Unreachable::TimedOut;
    }
    if error.is_dns() {
        return Unreachable::UnknownHost;
    }
    if let Some(fault) = Fault::of(error) {
        return Unreachable::Tls(fault);
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            return Unreachable::Refused;
        }
        cause = error.source();
    }
    Unreachable::Other
}

#[cfg(test)]
#[path = "transport_test.rs"]
mod tests;
