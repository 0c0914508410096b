//! A simulator of the MOSIP Token Seeder, releases 1.1 and 1.0.1.
//!
//! It answers as the real server does where that is awkward too: a POST is validated before it is answered and holds its worker
//! meanwhile, callbacks may come before the answer, the queue is in memory, `processed` says nothing of delivery. Faults are asked for
//! with `POST /_sim/faults`, counters read with `GET /_sim/state`.
//!
//! Like the real one it has no bound on the queue of a worker and does not stop a jq program that never ends. Unlike it, it accepts
//! any certificate of a callback receiver unless it is told whose to trust, and knows no `tostream`, `fromstream`, `@base32`, `format` and `modulemeta` in jq programs.

use std::future::Future;
use std::sync::Arc;

use crate::clock::Clock;

mod auth_data;
mod authenticator;
mod callback_properties;
mod connection;
mod csv_text;
mod delivery;
pub(super) mod dice;
mod faults;
mod fields;
mod gate;
mod jq;
mod jq_dialect;
mod json;
mod json_reader;
mod ledger;
mod line;
mod mapping;
mod mapping_keys;
mod mishap;
pub(super) mod multipart;
mod odk;
mod post;
mod process;
mod refusal;
mod request_table;
mod sender;
mod server;
mod simulator;
mod token_request;

pub use gate::Gate;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    V1_0_1,
    V1_1,
}

impl Release {
    fn version(self) -> &'static str {
        match self {
            Self::V1_0_1 => "1.0.1",
            Self::V1_1 => "1.1.0",
        }
    }
}

/// Which token an authentication gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tokens {
    /// MOSIP's: the same for the same person and partner.
    #[default]
    Static,
    /// MOSIP's, with the policy `random` for this partner: another one each time.
    Random,
    /// Of the authenticator that MTS brings for tests: base64url of SHA3-256 over VID and partner.
    OfMtsMock,
}

/// How the simulated server is set up.
#[derive(Debug, Clone)]
pub struct Options {
    pub release: Release,
    /// Worker processes, each with its own queue; at least one.
    pub workers: usize,
    /// Goes into every token.
    pub partner_id: String,
    /// Time that each record takes at the POST, and again when it is worked on, in microseconds; 0 is as fast as it goes.
    pub record_micros: u64,
    /// Of the chance behind faults.
    pub seed: u64,
    /// PEM of the CAs that callback receivers' certificates must be of, as the real MTS has them from Python's `requests`; none
    /// accepts any certificate.
    pub trusted: Option<String>,
    pub tokens: Tokens,
    /// Whom a gateway in front lets through.
    pub gate: Gate,
}

impl Default for Options {
    fn default() -> Self {
        let partner_id = "mpartner-default-omc".to_owned();
        Self {
            release: Release::V1_1,
            workers: 1,
            partner_id,
            record_micros: 0,
            seed: 0,
            trusted: None,
            tokens: Tokens::Static,
            gate: Gate::Open,
        }
    }
}

/// Serves until `shutdown` is ready; what is in the queue then is lost, as ever.
pub async fn serve(
    listener: tokio::net::TcpListener,
    options: Options,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    server::serve(listener, options, clock, shutdown).await
}
