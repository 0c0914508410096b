//! A simulator of Odoo 17 with OpenG2P's registry, upstream's connector and, if asked for, OMC's own addon.
//!
//! It answers XML-RPC byte for byte as the real server does, keeps the registry in memory, and is as difficult: HTTP/1.0
//! without keep-alive, two workers that an idle socket holds up, four fault codes, tracebacks, silent truncation,
//! constraints that a race gets past. `GET /_sim/state` tells what the registry holds, `POST /_sim/faults` orders faults,
//! `POST /_sim/edit` plays the administrator.

mod cell;
mod control;
mod database;
mod domain;
mod door;
mod fault;
mod http;
mod orm;
mod population;
mod random;
mod row;
mod rpc;
mod schema;
mod wire;

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::clock::Clock;

/// How the registry is made. The same options give the same people, VIDs and ids.
#[derive(Debug, Clone)]
pub struct Options {
    /// Individuals who are registrants and not archived; groups and others come on top.
    pub registrants: u32,
    pub seed: u64,
    /// The share of the registrants with a trouble, in percent.
    pub invalid_percent: u8,
    /// The password of `admin`.
    pub password: String,
    /// Whether OMC's addon is installed.
    pub addon: bool,
    /// Where the connector says MTS is.
    pub mts_url: String,
    /// The MOSIP partner whose tokens the registry holds already.
    pub partner_id: String,
    pub connector_interval_minutes: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            registrants: 1_000,
            seed: 1,
            invalid_percent: 20,
            password: "admin".to_owned(),
            addon: true,
            mts_url: "http://127.0.0.1:8080".to_owned(),
            partner_id: "mpartner-default-omc".to_owned(),
            connector_interval_minutes: 1,
        }
    }
}

/// Makes the registry and serves it on the listener until `shutdown` resolves; requests under way are then cut off.
///
/// # Errors
/// None for now: a connection that fails is that client's affair.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let mut database = database::Database::new(options.addon);
    let census = population::populate(&mut database, &options, clock.now().timestamp_micros());
    let server = Arc::new(rpc::Server::new(options, clock, database, census));
    http::run(listener, server, shutdown).await
}
