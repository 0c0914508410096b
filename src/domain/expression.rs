//! A jq expression that passed the static check.

use serde::{Deserialize, Serialize};

/// An expression that parses as jq and uses nothing that reaches beyond its input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Expression(String);

impl Expression {
    pub fn source(&self) -> &str {
        &self.0
    }
}
