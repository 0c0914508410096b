//! Sections `[callback]` and `[admin]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// The listener that MTS calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallbackConfig {
    pub listen: SocketAddr,
    /// How MTS reaches the listener; unset: `http://` and the listen address.
    pub public_url: Option<Url>,
    /// PEM file of the certificate chain; unset: plain HTTP.
    pub tls_cert: Option<PathBuf>,
    /// PEM file of its key.
    pub tls_key: Option<PathBuf>,
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
            max_body: 64 * 1024 * 1024,
        }
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
