//! A simulator of the MOSIP services that a connector meets beside MTS: authmanager (login by client id and secret key, and the look at
//! a token that gateways take), auditmanager, the notifier with the paths of 1.1.5 and of 1.2.0, and a token endpoint as Keycloak has it.
//!
//! Paths, fields and codes are those of MOSIP's documentation (1.1.5, "AuthN and AuthZ APIs", and the API descriptions of 1.2.0's
//! services). MOSIP answers errors with HTTP 200 and an envelope, whose `errors` are null or empty where there are none: both come.
//! Audit and notifier want a token, as a cookie or a bearer.

mod audit;
mod authmanager;
mod door;
mod envelope;
mod faults;
mod keycloak;
mod notifier;
mod server;
mod services;
mod tokens;

use std::future::Future;
use std::sync::Arc;

use crate::clock::Clock;

/// How the simulated services are set up. One client is known.
#[derive(Debug, Clone)]
pub struct Options {
    /// To authmanager the application, to Keycloak the realm.
    pub app_id: String,
    pub client_id: String,
    pub secret_key: String,
    /// How long a token is good.
    pub token_seconds: i64,
    /// Of the chance behind faults.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            app_id: "registry".to_owned(),
            client_id: "omc".to_owned(),
            secret_key: "secret".to_owned(),
            token_seconds: 36_000,
            seed: 0,
        }
    }
}

/// Serves until `shutdown` is ready.
pub async fn serve(
    listener: tokio::net::TcpListener,
    options: Options,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    server::serve(listener, options, clock, shutdown).await
}
