//! What OMC serves: the receiver of MTS's callbacks, and the listener for the people who run it.

pub mod admin;
mod bodies;
pub mod callback;
mod config;
mod login;
pub mod result;
mod session;
mod stall_limit;

pub use config::{AdminConfig, CallbackConfig};

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use stall_limit::StallLimit;

/// Bytes of a request's line and headers at most, and of what is read ahead of a body.
const BUFFER: usize = 64 * 1024;
/// After a connection that could not be accepted; doubled at each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What one listener gives to those who call it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections; further ones wait in the system's queue until one of these ends.
    pub connections: usize,
    /// For a request's line and headers, and for the next request on a connection that is kept open.
    pub header_time: Duration,
    /// How long nothing of an answer may be taken.
    pub write_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 256, header_time: Duration::from_secs(10), write_time: Duration::from_secs(30) }
    }
}

/// Serves HTTP/1 within the usual [`Limits`]; see [`serve_within`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    cut: CancellationToken,
) -> io::Result<()> {
    serve_within(Limits::default(), listener, router, stop, cut).await
}

/// Serves HTTP/1. At `stop` nobody is let in any more, and requests in hand are finished; at `cut` what is left is dropped.
///
/// # Errors
///
/// The listening socket itself is broken. What fails for one connection, or for lack of resources, is tried again.
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    cut: CancellationToken,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let let_in = async {
        loop {
            let (stream, permit) = accept(&listener, &room).await?;
            let connection = connection(limits, stream, router.clone(), stop.clone());
            let cut = cut.clone();
            connections.spawn(async move {
                let _permit = permit;
                tokio::select! {
                    () = connection => {}
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

/// The next connection, once there is room for it.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let mut pause = FIRST_PAUSE;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, permit)),
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

async fn connection(limits: Limits, stream: TcpStream, router: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(StallLimit::new(stream, limits.write_time)), TowerToHyperService::new(router));
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
