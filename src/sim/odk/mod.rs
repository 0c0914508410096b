//! A simulator of ODK Central, as far as MTS meets it: a session for e-mail and password, and the submissions of one form by OData,
//! filtered by their dates.
//!
//! Paths, fields and codes are those of ODK Central's API documentation ("Sessions", "OData Endpoints"): dates count to the
//! millisecond, and whoever may not read a form gets 403 with an object that has no `value`.

mod door;
mod faults;
mod form;
mod server;

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::clock::Clock;
pub use door::Secure;

/// How the simulated ODK Central is set up. One user and one form are known.
#[derive(Debug, Clone)]
pub struct Options {
    pub email: String,
    pub password: String,
    pub project: String,
    pub form: String,
    /// Submissions at the start, a minute apart, the last of them a minute ago.
    pub submissions: u32,
    /// The share of them, in percent, whose name is a number: MTS fails on it.
    pub bad_percent: u8,
    /// The share, in percent, whose VID is somebody else's.
    pub refused_percent: u8,
    /// Of the chance behind submissions and faults.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            email: "seeder@odk.example".to_owned(),
            password: "odk".to_owned(),
            project: "7".to_owned(),
            form: "enrol".to_owned(),
            submissions: 0,
            bad_percent: 0,
            refused_percent: 0,
            seed: 1,
        }
    }
}

/// Serves until `shutdown` is ready; over TLS too, where that is asked for.
pub async fn serve(
    listener: TcpListener,
    secure: Option<Secure>,
    options: Options,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    server::serve(listener, secure, options, clock, shutdown).await
}
