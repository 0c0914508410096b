//! The `[mts]` section: how OMC calls MTS. Where each MTS is, its connectors say.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::tls::{ClientFiles, FileError, Trust};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// PEM file of the CAs that an MTS's certificate may be of; unset: those of this machine.
    pub ca_cert: Option<PathBuf>,
    /// PEM file of the certificate to show to an MTS, or a proxy before it, that asks for one.
    pub client_cert: Option<PathBuf>,
    /// PEM file of its key.
    pub client_key: Option<PathBuf>,
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
}
