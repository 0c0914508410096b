//! Fields of the registrant, `res.partner`, as Odoo's `fields_get` tells of them.

use serde::{Deserialize, Serialize};

/// What `fields_get` says of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrantField {
    /// Odoo's `type`: `char`, `many2one`, `one2many` ...
    pub kind: String,
    /// Whether the value is a column, and not computed when it is read.
    pub stored: bool,
    /// Of a relation: the other model.
    pub relation: Option<String>,
}

/// A kind of field that OMC can read into a record: one value, and a plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// `char`, `text` and `html`.
    Text,
    Selection,
    Integer,
    /// `float` and `monetary`.
    Float,
    Boolean,
    /// A day, `YYYY-MM-DD` on the wire.
    Date,
    /// A time in UTC, `YYYY-MM-DD HH:MM:SS` on the wire.
    Datetime,
    /// Comes as `[id, display name]`.
    Many2one,
}

impl FieldKind {
    /// `None` for kinds with many values, or with none that could be sent: relations to many, files, references, properties.
    pub fn from_odoo(kind: &str) -> Option<Self> {
        Some(match kind {
            "char" | "text" | "html" => Self::Text,
            "selection" => Self::Selection,
            "integer" => Self::Integer,
            "float" | "monetary" => Self::Float,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "datetime" => Self::Datetime,
            "many2one" => Self::Many2one,
            _ => return None,
        })
    }
}

/// A field that a connector reads, with how its values are to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedField {
    pub name: String,
    pub kind: FieldKind,
}
