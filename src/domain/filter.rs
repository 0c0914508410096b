//! An Odoo domain: who is meant.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A well-formed domain in prefix notation, as the JSON array Odoo takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filter(Vec<Value>);

impl Filter {
    /// The terms, operators and leaves in prefix order.
    pub fn terms(&self) -> &[Value] {
        &self.0
    }
}
