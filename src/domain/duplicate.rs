//! Registrants who share a token: MOSIP takes them for one person, and an administrator is to look at them.

use serde::Serialize;

use super::identity::{IdTypeId, RegistrantId};

/// Registrants with the same token of one type; at least two, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Duplicates {
    pub token_type: IdTypeId,
    /// The same for those who share a token, at every look; it is not the token, and does not lead to it.
    pub group: String,
    pub registrants: Vec<RegistrantId>,
}
