//! TLS on a listener.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::seats::Seats;
use super::source::Source;
use crate::tls::{Identity, server_config};

/// What callers shake hands with.
#[derive(Clone)]
pub struct Handshake(TlsAcceptor);

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handshake")
    }
}

/// The handshake of one connection.
pub(super) struct Shaking {
    acceptor: TlsAcceptor,
    seats: Arc<Seats>,
    source: Source,
    time: Duration,
}

impl Handshake {
    pub fn new(identity: &Identity) -> Self {
        Self(TlsAcceptor::from(server_config(identity)))
    }

    pub(super) fn of(self, seats: Arc<Seats>, source: Source, time: Duration) -> Shaking {
        Shaking { acceptor: self.0, seats, source, time }
    }
}

impl Shaking {
    /// Comes back with nothing when the handshake fails, takes too long, or has to give way to another.
    pub async fn with<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) -> Option<TlsStream<S>> {
        let seat = self.seats.take(self.source).await;
        let shaken = async { tokio::time::timeout(self.time, self.acceptor.accept(stream)).await };
        tokio::select! {
            shaken = shaken => match shaken {
                Ok(Ok(stream)) => Some(stream),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a TLS handshake failed");
                    None
                }
                Err(_) => None,
            },
            () = seat.shed() => None,
        }
    }
}
