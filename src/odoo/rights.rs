//! What the daemon's account must be allowed in Odoo.

use crate::domain::connector::Model;

/// A model, and what the account does with its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    pub model: &'static str,
    /// In Odoo's words: `read`, `create`, `write`, `unlink`.
    pub operations: &'static [&'static str],
    /// For people.
    pub purpose: &'static str,
}

/// The group to put the account into, by the names that Odoo shows: its category and its own.
pub const fn group(model: Model) -> &'static str {
    match model {
        Model::Omc => "OMC Service Account / Daemon",
        Model::Stock => "OpenG2P Module Access / Administrator",
    }
}

/// What is needed where OMC works by plain calls, on connectors of this model. With the addon all goes through its door, which its
/// group opens.
pub fn plain(model: Model) -> [Right; 4] {
    let right = |model, operations, purpose| Right { model, operations, purpose };
    [
        right("res.partner", &["read"][..], "the registrants that a connector takes"),
        right("g2p.reg.id", &["read", "create", "unlink"], "VIDs; writing a token; removing a VID"),
        right("g2p.id.type", &["read"], "which IDs are VIDs, and which tokens"),
        right(model.name(), &["read"], "the connectors"),
    ]
}
