//! How MTS's results come back.

use serde::{Deserialize, Serialize};

/// The way of a connector's results (MTS: `deliverytype`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// MTS calls OMC's receiver. From release 1.1 on, and only where MTS reaches OMC.
    #[default]
    Callback,
    /// OMC asks how far MTS is, and fetches a file. Every release does this.
    Download(FileForm),
    /// MTS calls an address that is not OMC's. OMC asks how far MTS is, and looks whether the tokens are in the registry.
    Elsewhere,
}

/// What the file is written in (MTS: `output`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileForm {
    Json,
    Csv,
}

impl FileForm {
    /// MTS's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

impl Delivery {
    pub fn is_download(self) -> bool {
        matches!(self, Self::Download(_))
    }
}
