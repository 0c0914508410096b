//! What OMC serves: the receiver of MTS's callbacks, and the listener for the people who run it.

pub mod admin;
pub mod callback;
mod config;
mod login;
mod result;
mod session;

pub use config::{AdminConfig, CallbackConfig};

use axum::Router;
use tokio::net::TcpListener;

/// Serves until told to stop, then finishes what is in hand.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}
