//! The MOSIP Token Seeder as OMC sees it: `POST /authtoken/json`, `GET /authtoken/status/{id}`, `GET /ping`.

mod answer;
mod client;
mod config;
mod envelope;
mod error;

pub use client::{Mts, Presence};
pub use config::Config;
pub use envelope::{CallbackAddress, Credentials, Submission};
pub use error::{Blame, StatusError, SubmitError};
