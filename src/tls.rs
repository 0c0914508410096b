//! TLS, of both directions: certificates and keys out of PEM files, and what a handshake that failed means.

mod client;
mod fault;
mod files;
mod identity;
mod server;

pub use client::{ClientFiles, Trust};
pub use fault::Fault;
pub use files::FileError;
pub use identity::{Identity, Validity};
pub use server::server_config;
