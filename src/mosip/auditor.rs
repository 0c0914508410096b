//! MOSIP's audit manager: one event a call.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use super::audit_request::{Teller, request};
use super::envelope;
use super::service::{Body, Failure, Service};
use crate::clock::Clock;
use crate::domain::audit::AuditEvent;
use crate::domain::code::Code;

/// Codes that speak of the event itself, and not of the service (auditmanager's API description).
const OF_CONTENT: [&str; 2] = ["KER-AUD-001", "KER-AUD-002"];
/// Linux: proc(5).
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Tells events.
#[derive(Debug)]
pub struct Auditor {
    /// `None`: only the form of the events is wanted.
    service: Option<Service>,
    daemon: Arc<str>,
    clock: Arc<dyn Clock>,
    teller: OnceCell<Teller>,
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// It will never be taken.
    #[error("it is refused with {}", .0.as_str())]
    Refused(Code),
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Auditor {
    /// `daemon` names the store that the events are numbered by.
    pub fn new(service: Option<Service>, daemon: Arc<str>, clock: Arc<dyn Clock>) -> Self {
        Self { service, daemon, clock, teller: OnceCell::new() }
    }

    /// The event, as the audit manager and a file get it. Holds no personal data.
    pub async fn form(&self, number: u64, event: &AuditEvent) -> Value {
        let teller = self.teller.get_or_init(|| self.teller()).await;
        request(teller, number, event)
    }

    /// Comes back when the audit manager says that it has the event.
    pub async fn tell(&self, number: u64, event: &AuditEvent) -> Result<(), Untold> {
        let Some(service) = &self.service else { return Ok(()) };
        let request = envelope::request("omc.audit", &self.form(number, event).await, self.clock.now());
        let body = Body { content_type: "application/json".to_owned(), bytes: request.to_string().into_bytes() };
        match service.post(&["v1", "auditmanager", "audits"], &body).await {
            Err(Failure::Code(code)) if OF_CONTENT.contains(&code.as_str()) => Err(Untold::Refused(code)),
            told => Ok(told?),
        }
    }

    async fn teller(&self) -> Teller {
        let host_name = tokio::fs::read_to_string(HOST_NAME).await.unwrap_or_default();
        let host_name = match host_name.trim() {
            "" => "unknown".to_owned(),
            name => name.to_owned(),
        };
        let towards = match &self.service {
            Some(service) => own_address(service.url()).await,
            None => None,
        };
        let host_ip = towards.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_string();
        Teller { daemon: self.daemon.to_string(), host_name, host_ip }
    }
}

/// The address of this machine that calls to a server come from. Nothing is sent.
async fn own_address(url: &Url) -> Option<IpAddr> {
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let theirs = tokio::net::lookup_host((host, port)).await.ok()?.next()?;
    let ours: SocketAddr = if theirs.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().ok()?;
    let socket = tokio::net::UdpSocket::bind(ours).await.ok()?;
    socket.connect(theirs).await.ok()?;
    Some(socket.local_addr().ok()?.ip())
}
