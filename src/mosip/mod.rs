//! MOSIP's own services: the audit manager, which hears what OMC did (and the same as lines of a file), and the notifier, by which people
//! hear of what they are to see to.

mod audit_file;
mod audit_request;
mod auditor;
mod config;
mod envelope;
mod notifier;
mod notify_config;
mod service;

pub use audit_file::AuditFile;
pub use auditor::{Auditor, Untold};
pub use config::{Config, ConfigError};
pub use notifier::{Notifier, Recipient, Unsent};
pub use notify_config::{NotifyConfig, Release};
pub use service::{Failure, Service, Unmade};
