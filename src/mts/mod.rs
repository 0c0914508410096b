//! The MOSIP Token Seeder as OMC sees it: `POST /authtoken/json`, `GET /authtoken/status/{id}`, `GET /authtoken/file/{id}`,
//! `GET /ping`.

mod ability;
mod answer;
mod client;
mod config;
mod csv;
mod envelope;
mod error;
mod file;
mod odk;

pub use ability::Ability;
pub use client::{Mts, Presence};
pub use config::Config;
pub use envelope::{CallbackAddress, Credentials, Submission, Wanted};
pub use error::{Blame, StatusError, SubmitError};
pub use file::{FileError, Row};
pub use odk::{Pull, bare_host};
