//! What OMC serves: the receiver of MTS's callbacks, and the listener for the people who run it.

pub mod admin;
mod admission;
mod bodies;
mod body;
pub mod callback;
mod caller;
mod config;
mod handshake;
mod login;
mod oddities;
mod reception;
mod refusals;
pub mod result;
mod seats;
mod silence;
mod source;
mod stall_limit;

pub use config::{AdminConfig, CallbackConfig};
pub use handshake::Handshake;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use caller::Attended;
use seats::{Seat, Seats};
use source::Source;
use stall_limit::StallLimit;

/// Bytes of a request's line and headers at most, and of what is read ahead of a body.
const BUFFER: usize = 32 * 1024;
/// After a connection that could not be accepted; doubled at each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What one listener gives to those who call it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections. One more takes the place of the oldest without a request in hand, of the caller with most of those;
    /// where each has one in hand, it waits until one of these ends.
    pub connections: usize,
    /// TLS handshakes at once; one more takes the place of another, likewise.
    pub handshakes: usize,
    /// For a TLS handshake.
    pub handshake_time: Duration,
    /// For a request's line and headers, and for the next request on a connection that is kept open.
    pub header_time: Duration,
    /// How long nothing of an answer may be taken.
    pub write_time: Duration,
}

/// Connections to one listener, where the system lets the process have four times as many files open.
const MOST_CONNECTIONS: usize = 1024;
const FEWEST_CONNECTIONS: usize = 64;

impl Default for Limits {
    fn default() -> Self {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let connections =
            files.map_or(MOST_CONNECTIONS, |files| usize::try_from(files / 4).unwrap_or(MOST_CONNECTIONS));
        let connections = connections.clamp(FEWEST_CONNECTIONS, MOST_CONNECTIONS);
        Self {
            connections,
            handshakes: connections / 2,
            handshake_time: Duration::from_secs(10),
            header_time: Duration::from_secs(10),
            write_time: Duration::from_secs(30),
        }
    }
}

/// Where callers come in.
#[derive(Debug)]
pub struct Entrance {
    pub socket: TcpListener,
    /// Unset: plain HTTP.
    pub tls: Option<Handshake>,
}

impl From<TcpListener> for Entrance {
    fn from(socket: TcpListener) -> Self {
        Self { socket, tls: None }
    }
}

/// Serves HTTP/1 within the usual [`Limits`]; see [`serve_within`].
pub async fn serve(
    entrance: impl Into<Entrance>,
    router: Router,
    stop: CancellationToken,
    cut: CancellationToken,
) -> io::Result<()> {
    serve_within(Limits::default(), entrance, router, stop, cut).await
}

/// Serves HTTP/1. At `stop` nobody is let in any more, and requests in hand are finished; at `cut` what is left is dropped.
///
/// # Errors
///
/// The listening socket itself is broken. What fails for one connection, or for lack of resources, is tried again.
pub async fn serve_within(
    limits: Limits,
    entrance: impl Into<Entrance>,
    router: Router,
    stop: CancellationToken,
    cut: CancellationToken,
) -> io::Result<()> {
    let Entrance { socket: listener, tls } = entrance.into();
    let seats = Seats::new(limits.connections);
    let handshakes = Seats::new(limits.handshakes);
    let connections = TaskTracker::new();
    let let_in = async {
        loop {
            let (stream, source) = accept(&listener).await?;
            let seat = Arc::new(seats.take(source).await);
            let (stop, cut, router) = (stop.clone(), cut.clone(), router.clone());
            let handshake = tls.clone().map(|tls| tls.of(Arc::clone(&handshakes), source, limits.handshake_time));
            connections.spawn(async move {
                let stream = StallLimit::new(stream, limits.write_time);
                let connection = async {
                    match handshake {
                        None => connection(limits, stream, router, stop, &seat).await,
                        Some(handshake) => {
                            let secured = stop.run_until_cancelled(handshake.with(stream)).await.flatten();
                            let Some(stream) = secured else { return };
                            connection(limits, stream, router, stop, &seat).await;
                        }
                    }
                };
                tokio::select! {
                    () = connection => {}
                    () = seat.shed() => tracing::debug!("a connection gave way to another"),
                    () = cut.cancelled() => {}
                }
            });
        }
    };
    let ended = tokio::select! {
        broken = let_in => broken,
        () = stop.cancelled() => Ok(()),
        () = cut.cancelled() => Ok(()),
    };
    // Whoever comes now is refused at once, instead of waiting for an answer that does not come.
    drop(listener);
    if ended.is_ok() {
        connections.close();
        connections.wait().await;
    }
    ended
}

/// The next connection.
async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, Source)> {
    let mut pause = FIRST_PAUSE;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return Ok((stream, Source::from(address))),
            Err(error) if is_of_the_caller(&error) => {}
            Err(error) if is_of_the_socket(&error) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// The caller went away before being let in.
fn is_of_the_caller(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// It is no listening socket, or no more.
fn is_of_the_socket(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::OPNOTSUPP))
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    limits: Limits,
    stream: S,
    router: Router,
    stop: CancellationToken,
    seat: &Arc<Seat>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), Attended::new(router, Arc::clone(seat)));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
