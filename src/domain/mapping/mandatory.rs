//! What MTS will not do without.

use serde::{Deserialize, Serialize};

use super::Target;

/// Which mapped values MTS refuses to do without (its `mandatory_validation_auth_fields`); the VID always is.
/// The default is MTS's own: name, gender, date of birth and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandatory {
    pub name: bool,
    pub gender: bool,
    pub dob: bool,
    pub phone_number: bool,
    pub email_id: bool,
    pub full_address: bool,
}

/// A name among the mandatory fields that is no field of MTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a field of MTS; write any of name, gender, dob, phoneNumber, emailId, fullAddress")]
pub struct UnknownMandatory;

impl Mandatory {
    const NONE: Self =
        Self { name: false, gender: false, dob: false, phone_number: false, email_id: false, full_address: false };

    /// From MTS's names of the fields. `vid` may be named and changes nothing; an empty list makes only the VID mandatory.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownMandatory> {
        let mut mandatory = Self::NONE;
        for name in names {
            let target = Target::ALL.into_iter().find(|target| target.name() == name.trim());
            match target.ok_or(UnknownMandatory)? {
                Target::Vid => {}
                Target::Name => mandatory.name = true,
                Target::Gender => mandatory.gender = true,
                Target::DateOfBirth => mandatory.dob = true,
                Target::PhoneNumber => mandatory.phone_number = true,
                Target::EmailId => mandatory.email_id = true,
                Target::FullAddress => mandatory.full_address = true,
            }
        }
        Ok(mandatory)
    }

    pub fn has(&self, target: Target) -> bool {
        match target {
            Target::Vid => true,
            Target::Name => self.name,
            Target::Gender => self.gender,
            Target::DateOfBirth => self.dob,
            Target::PhoneNumber => self.phone_number,
            Target::EmailId => self.email_id,
            Target::FullAddress => self.full_address,
        }
    }
}

impl Default for Mandatory {
    fn default() -> Self {
        Self { name: true, gender: true, dob: true, full_address: true, ..Self::NONE }
    }
}
