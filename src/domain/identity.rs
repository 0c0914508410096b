//! The numbers things go by. Odoo's ids are PostgreSQL `integer`s above zero.

use serde::{Deserialize, Serialize};

macro_rules! odoo_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// Takes an id as it comes over the wire; nothing below 1 or above PostgreSQL's `integer` is one.
            pub fn from_wire(id: i64) -> Option<Self> {
                (1..=i64::from(i32::MAX)).contains(&id).then_some(Self(id as u32))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

odoo_id!(
    /// A connector definition: a row of `omc.connector`, or of upstream's `mts.connector`.
    ConnectorId
);
odoo_id!(
    /// A registrant: a row of `res.partner` with `is_registrant`. May be logged.
    RegistrantId
);
odoo_id!(
    /// A kind of ID: a row of `g2p.id.type`.
    IdTypeId
);
odoo_id!(
    /// One ID of one registrant: a row of `g2p.reg.id`.
    RegIdRow
);

/// A run, counted by the store. Nought stands for none: a record opened again by hand belongs to no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl RunId {
    pub const NONE: Self = Self(0);
}

/// A batch, counted by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub u64);
