//! Odoo as OMC sees it: XML-RPC, and the registry behind it.
//!
//! [`Client`] makes single calls; [`registry::Registry`] is what the rest of the daemon works with. Odoo's external API is
//! described in its developer documentation under "External API".

pub mod client;
pub mod config;
pub mod connectors;
pub mod error;
mod fault;
pub mod model;
pub mod registry;
pub mod rights;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod test_wire;
mod transport;
mod wire;
pub mod xml;

pub use client::Client;
pub use config::Config;
pub use error::Error;
pub use registry::Registry;
