//! Connections that can be cut at any byte, each bound to one worker process as by a shared listening socket.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::process::Process;
use super::simulator::Simulator;

/// Cuts a connection, now or after some more bytes.
#[derive(Debug)]
pub struct Cut {
    token: CancellationToken,
    allowance: AtomicUsize,
    /// It has come for MTS, not for the simulator's own paths, which no fault touches.
    exposed: AtomicBool,
}

impl Cut {
    pub fn now(&self) {
        self.token.cancel();
    }

    /// Now, if it has come for MTS.
    pub fn with_process(&self) {
        if self.exposed.load(Ordering::Relaxed) {
            self.now();
        }
    }

    pub fn after(&self, bytes: usize) {
        self.allowance.store(bytes, Ordering::Relaxed);
    }
}

/// What a handler knows of its connection.
#[derive(Debug, Clone)]
pub struct Link {
    pub process: Arc<Process>,
    pub cut: Arc<Cut>,
}

/// A listener that hands its connections to the workers in turn.
#[derive(Debug)]
pub struct Door {
    pub listener: TcpListener,
    pub simulator: Arc<Simulator>,
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let process = self.simulator.next_process();
        let (token, allowance) = (CancellationToken::new(), AtomicUsize::new(usize::MAX));
        let cut = Arc::new(Cut { token, allowance, exposed: AtomicBool::new(false) });
        process.adopt(&cut);
        let cancelled = Box::pin(cut.token.clone().cancelled_owned());
        let link = Link { process, cut };
        (Connection { stream, cancelled, link, simulator: self.simulator.clone(), fresh: true }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Link {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().link.clone()
    }
}

pub struct Connection {
    stream: TcpStream,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    link: Link,
    simulator: Arc<Simulator>,
    fresh: bool,
}

impl Connection {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cancelled.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionReset.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(cx)?;
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        let new = &buf.filled()[before..];
        if this.fresh && !new.is_empty() {
            this.fresh = false;
            // Refused from the first byte on, but for whoever comes to change that.
            let ours = new.starts_with(b"GET /_sim") || new.starts_with(b"POST /_sim");
            this.link.cut.exposed.store(!ours, Ordering::Relaxed);
            if !ours && this.simulator.faults().refuse {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(cx)?;
        let allowance = this.link.cut.allowance.load(Ordering::Relaxed);
        if allowance == 0 {
            this.link.cut.now();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut this.stream).poll_write(cx, &bytes[..bytes.len().min(allowance)]);
        if let Poll::Ready(Ok(n)) = written
            && allowance != usize::MAX
        {
            this.link.cut.after(allowance - n);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
