//! Which value of a record is which in MTS's eyes.

use serde::{Deserialize, Serialize};

/// A plain path into a record: `given_name`, `address.city`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path(Vec<String>);

/// MTS's seven fields and the record's paths that fill them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    pub vid: Path,
    pub name: Vec<Path>,
    pub gender: Path,
    pub dob: Path,
    pub phone_number: Path,
    pub email_id: Path,
    pub full_address: Vec<Path>,
}

/// Which mapped values MTS refuses to do without (its `mandatory_validation_auth_fields`); the VID always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandatory {
    pub name: bool,
    pub gender: bool,
    pub dob: bool,
    pub full_address: bool,
}
