//! How OMC shows another server who it is: a token of MOSIP's authmanager, one of OAuth 2, a fixed one, or a password.
//!
//! An [`Access`] holds what is to be shown and gets a new one in time; it knows nothing of whom it is shown to. [`Accesses`] bind
//! each to one address, so that it never goes to another that somebody writes into a connector.

mod bound;
mod client_credentials;
mod config;
mod credential;
mod error;
mod exchange;
mod held;
mod lifetime;
mod mosip;
mod reach;
mod way;

pub use bound::{Accesses, Unmade};
pub use config::{Config, ConfigError, Given, Kind, Problem, SECRETS};
pub use credential::Credential;
pub use error::{Cause, Denied};
pub use held::Access;
pub use reach::{Reach, is_of_this_machine};
pub use way::Way;
