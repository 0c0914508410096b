//! Connections: closed at the first byte while that is asked for, but for whoever comes to change it; over TLS, where they come so.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::server::Central;

/// For one handshake; others wait meanwhile.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// A listener for TLS.
pub struct Secure {
    pub listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Secure {
    /// With a certificate chain and its key, in PEM.
    ///
    /// # Errors
    /// They cannot be read, or do not fit.
    pub fn new(listener: TcpListener, chain: &[u8], key: &[u8]) -> io::Result<Self> {
        let wrong = |error: String| io::Error::new(io::ErrorKind::InvalidInput, error);
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| wrong(error.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong(error.to_string()))?;
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| wrong(error.to_string()))?;
        let config = builder.with_no_client_auth().with_single_cert(chain, key);
        let config = config.map_err(|error| wrong(error.to_string()))?;
        Ok(Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

pub struct Door {
    pub listener: TcpListener,
    pub acceptor: Option<TlsAcceptor>,
    pub central: Arc<Central>,
}

impl Door {
    pub fn secure(secure: Secure, central: Arc<Central>) -> Self {
        Self { listener: secure.listener, acceptor: Some(secure.acceptor), central }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let stream: Box<dyn Stream> = match &self.acceptor {
                None => Box::new(stream),
                Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => Box::new(stream),
                    Ok(Err(_)) | Err(_) => continue,
                },
            };
            return (Connection { stream, central: Arc::clone(&self.central), fresh: true }, address);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

pub struct Connection {
    stream: Box<dyn Stream>,
    central: Arc<Central>,
    fresh: bool,
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        let new = &buf.filled()[before..];
        if this.fresh && !new.is_empty() {
            this.fresh = false;
            let ours = new.starts_with(b"GET /_sim") || new.starts_with(b"POST /_sim");
            if !ours && this.central.faults().refuse {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
