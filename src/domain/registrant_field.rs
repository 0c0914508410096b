//! What Odoo says about a field of the registrant.

use serde::{Deserialize, Serialize};

/// One field of `res.partner`, as `fields_get` describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrantField {
    /// Odoo's name of the type: `char`, `date`, `many2one`, ...
    pub kind: String,
    /// Whether the value is a column of its own; computed fields are not.
    pub stored: bool,
    /// The model a relational field leads to.
    pub relation: Option<String>,
}
