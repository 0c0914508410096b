//! The `[mts]` section: how OMC calls MTS. Where each MTS is, its connectors say.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use crate::access::{self, Accesses, Unmade};
use crate::clock::Clock;
use crate::tls::{ClientFiles, FileError, Trust};

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// PEM file of the CAs that an MTS's certificate may be of; unset: those of this machine.
    pub ca_cert: Option<PathBuf>,
    /// PEM file of the certificate to show to an MTS, or a proxy before it, that asks for one.
    pub client_cert: Option<PathBuf>,
    /// PEM file of its key.
    pub client_key: Option<PathBuf>,
    /// How OMC is let in where a gateway stands before an MTS, each for one address.
    pub access: Vec<access::Config>,
}

impl Config {
    /// Reads the files.
    pub fn trust(&self) -> Result<Trust, FileError> {
        Trust::load(ClientFiles {
            section: "mts",
            ca_cert: self.ca_cert.as_deref(),
            client_cert: self.client_cert.as_deref(),
            client_key: self.client_key.as_deref(),
        })
    }

    /// What is shown to gateways; logins go by the same certificates.
    pub fn accesses(&self, trust: &Trust, clock: &Arc<dyn Clock>) -> Result<Accesses, Unmade> {
        Accesses::new(&self.access, trust, clock)
    }
}
