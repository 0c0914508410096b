//! Sections `[callback]` and `[admin]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::span::Span;
use crate::tls::{FileError, Identity};

/// The listener that MTS calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallbackConfig {
    pub listen: SocketAddr,
    /// How MTS reaches the listener; unset: `http://`, or with a certificate `https://`, and the listen address.
    pub public_url: Option<Url>,
    /// PEM file of the certificate chain, the own one first; unset: plain HTTP.
    pub tls_cert: Option<PathBuf>,
    /// PEM file of its key.
    pub tls_key: Option<PathBuf>,
    /// Whether a connector may have MTS call without credentials (auth type `none`).
    pub allow_unauthenticated: bool,
    /// How long MTS is given the same credentials; above zero. What went out with a batch stays good until that is settled.
    pub renew_credentials: Span,
    /// Bytes of one callback at most. MTS ignores a refusal, so this must hold a whole batch. The bodies as received take at
    /// most about eight times as much memory, all callbacks together; what is read out of them comes on top.
    pub max_body: usize,
}

impl Default for CallbackConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8710)),
            public_url: None,
            tls_cert: None,
            tls_key: None,
            allow_unauthenticated: false,
            renew_credentials: Span::from_secs(30 * 86_400),
            max_body: 64 * 1024 * 1024,
        }
    }
}

impl CallbackConfig {
    /// The certificate of the listener, where it has one.
    pub fn identity(&self) -> Result<Option<Identity>, FileError> {
        Identity::load("callback", ("tls_cert", self.tls_cert.as_deref()), ("tls_key", self.tls_key.as_deref()))
    }
}

/// The listener for the people who run OMC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    pub listen: SocketAddr,
    /// Holds the bearer of everything that is not open; made anew at each start, mode 0600.
    pub token_file: PathBuf,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8711)), token_file: "state/admin-token".into() }
    }
}
