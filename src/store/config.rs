//! Section `[store]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the store; made where it is missing.
    pub path: PathBuf,
    /// The key of everything that is digested or sealed in it.
    pub key_file: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: "state/store".into(), key_file: "state/key".into() }
    }
}
