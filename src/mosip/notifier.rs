//! MOSIP's notifier: SMS and e-mail, one recipient a call. 1.1.5 has a service for each; 1.2.0 has one for both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::envelope;
use super::notify_config::Release;
use super::service::{Body, Failure, Service};
use crate::clock::Clock;
use crate::seal::Personal;

/// Stands in no text of ours.
const BOUNDARY: &str = "omc-5f0c1d9e7b3a4286-part";
/// Codes that speak of the recipient or the text, and not of the service.
const OF_CONTENT: [&str; 4] = ["KER-NOS-001", "KER-NOS-002", "KER-NOE-001", "KER-NOE-002"];

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    Email(Personal<String>),
    Phone(Personal<String>),
}

impl Recipient {
    /// The key of the configuration that it stands under.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Email(_) => "notify.emails",
            Self::Phone(_) => "notify.phones",
        }
    }
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// It will never be taken.
    #[error("it refuses the recipient or the text")]
    Refused,
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Sends messages.
#[derive(Debug)]
pub struct Notifier {
    service: Service,
    release: Release,
    /// By what was found out: the paths of 1.1.5.
    is_older: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl Notifier {
    pub fn new(service: Service, release: Release, clock: Arc<dyn Clock>) -> Self {
        Self { service, release, is_older: AtomicBool::new(release == Release::V1_1_5), clock }
    }

    /// Comes back when the notifier says that it has the message.
    pub async fn send(&self, to: &Recipient, subject: &str, text: &str) -> Result<(), Unsent> {
        let is_older = self.is_older.load(Ordering::Relaxed);
        let sent = self.send_by(to, subject, text, is_older).await;
        let sent = match sent {
            // The other release has other paths.
            Err(Failure::Status(404)) if self.release == Release::Auto => {
                let sent = self.send_by(to, subject, text, !is_older).await;
                if !matches!(sent, Err(Failure::Status(404))) {
                    self.is_older.store(!is_older, Ordering::Relaxed);
                }
                sent
            }
            sent => sent,
        };
        match sent {
            Err(Failure::Code(code)) if OF_CONTENT.contains(&code.as_str()) => Err(Unsent::Refused),
            sent => Ok(sent?),
        }
    }

    async fn send_by(&self, to: &Recipient, subject: &str, text: &str, is_older: bool) -> Result<(), Failure> {
        let (kind, older, body) = match to {
            Recipient::Phone(number) => {
                let message = json!({"number": number.expose(), "message": format!("{subject}. {text}")});
                let request = envelope::request("omc.notify", &message, self.clock.now());
                let body =
                    Body { content_type: "application/json".to_owned(), bytes: request.to_string().into_bytes() };
                ("sms", "smsnotifier", body)
            }
            Recipient::Email(address) => {
                let parts = [("mailTo", address.expose().as_str()), ("mailSubject", subject), ("mailContent", text)];
                let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
                ("email", "emailnotifier", Body { content_type, bytes: multipart(&parts).into_bytes() })
            }
        };
        let service = if is_older { older } else { "notifier" };
        self.service.post(&["v1", service, kind, "send"], &body).await
    }
}

/// RFC 7578.
fn multipart(parts: &[(&str, &str)]) -> String {
    let part = |(name, text): &(&str, &str)| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        )
    };
    let parts: String = parts.iter().map(part).collect();
    format!("{parts}--{BOUNDARY}--\r\n")
}
