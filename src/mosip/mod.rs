//! MOSIP's own services, as OMC tells them what it did: the audit manager, and the same events as lines of a file.

mod audit_file;
mod audit_request;
mod auditor;
mod config;
mod envelope;
mod service;

pub use audit_file::AuditFile;
pub use auditor::{Auditor, Untold};
pub use config::{Config, ConfigError};
pub use service::{Failure, Service, Unmade};
