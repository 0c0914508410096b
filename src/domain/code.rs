//! Why a record was refused: codes of MTS, of MOSIP's ID Authentication behind it, and our own, each with a class and with
//! words for the administrator. Remote error *texts* are never used: they can quote a person's whole record.

mod known;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use known::Known;

/// A code: a known one, or an unknown one that has the form of a code.
///
/// The form is upper-case letters, digits, `-` and `_`, at most 40 of them, beginning with a letter, with a separator and a
/// digit, and never more than six digits in a row: neither a VID nor a name can pass for one, so a code may be logged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Code(Cow<'static, str>);

/// Whom a code speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// This person's data: the record is rejected.
    Person,
    /// Keys, certificates, partners, the servers themselves: nobody is rejected, it is tried again later.
    System,
    /// Not known: tried again a bounded number of times.
    Unknown,
}

/// Codes of ours.
impl Code {
    /// The registrant has several usable VIDs.
    pub const SEVERAL_VIDS: Self = Self(Cow::Borrowed("OMC-VID-001"));
    /// The only VID has expired.
    pub const VID_EXPIRED: Self = Self(Cow::Borrowed("OMC-VID-002"));
    /// The only VID is marked invalid in the registry.
    pub const VID_INVALID: Self = Self(Cow::Borrowed("OMC-VID-003"));
    /// The VID is empty, too long, or holds what no VID holds.
    pub const VID_MALFORMED: Self = Self(Cow::Borrowed("OMC-VID-004"));
    /// The VID has not the form of MOSIP's VIDs, and the configuration refuses that.
    pub const VID_UNUSUAL: Self = Self(Cow::Borrowed("OMC-VID-005"));
    /// The VID's check digit is wrong, and the configuration refuses that.
    pub const VID_CHECK_DIGIT: Self = Self(Cow::Borrowed("OMC-VID-006"));
    /// A mapped value is encrypted in the registry.
    pub const VALUE_ENCRYPTED: Self = Self(Cow::Borrowed("OMC-DATA-001"));
    /// The input format gave no record, or no text where the mapping wants one.
    pub const INPUT_FORMAT_USELESS: Self = Self(Cow::Borrowed("OMC-DATA-002"));
    /// The date of birth is no date.
    pub const DATE_OF_BIRTH_MALFORMED: Self = Self(Cow::Borrowed("OMC-DATA-003"));
    /// The input format took too much time or memory.
    pub const INPUT_FORMAT_RUNS_AWAY: Self = Self(Cow::Borrowed("OMC-DATA-004"));
    /// The registrant holds another token.
    pub const OTHER_TOKEN: Self = Self(Cow::Borrowed("OMC-TOKEN-001"));
    /// The token cannot be stored: empty, or over 100 characters.
    pub const TOKEN_NOT_STORABLE: Self = Self(Cow::Borrowed("OMC-TOKEN-002"));
    /// Odoo refuses the token, for example by the ID type's pattern.
    pub const TOKEN_REFUSED: Self = Self(Cow::Borrowed("OMC-TOKEN-003"));
    /// MTS took the record again and again and never told its result.
    pub const ANSWER_LOST: Self = Self(Cow::Borrowed("OMC-LOST-001"));
    /// MOSIP told several errors of the record at once, and MTS keeps none of them.
    pub const SEVERAL_ERRORS: Self = Self(Cow::Borrowed("OMC-AUTH-001"));
    /// MTS was through, and no token is in the registry.
    pub const NEVER_ARRIVED: Self = Self(Cow::Borrowed("OMC-LOST-002"));
    /// MTS fails on this record, sent alone.
    pub const FAILS_ALONE: Self = Self(Cow::Borrowed("OMC-SEND-001"));
    /// Odoo fails when this registrant is read alone.
    pub const READ_FAILS: Self = Self(Cow::Borrowed("OMC-READ-001"));
    /// The token could not be written, again and again.
    pub const NOT_WRITTEN: Self = Self(Cow::Borrowed("OMC-WRITE-001"));
    /// Odoo refuses a registrant field that the output format sets.
    pub const VALUES_REFUSED: Self = Self(Cow::Borrowed("OMC-VALUE-001"));
    /// An error came without a code that can be shown.
    pub const UNREADABLE: Self = Self(Cow::Borrowed("OMC-CODE-001"));
}

/// Codes of MTS that OMC's own preflight gives (MTS: "Failure details" of its API).
impl Code {
    /// MTS failed on the whole request.
    pub const MTS_FAILURE: Self = Self(Cow::Borrowed("ATS-REQ-100"));
    pub(super) const NO_VID: Self = Self(Cow::Borrowed("ATS-REQ-009"));
    pub(super) const NO_NAME: Self = Self(Cow::Borrowed("ATS-REQ-010"));
    pub(super) const EMPTY_NAME: Self = Self(Cow::Borrowed("ATS-REQ-003"));
    pub(super) const NO_GENDER: Self = Self(Cow::Borrowed("ATS-REQ-011"));
    pub(super) const EMPTY_GENDER: Self = Self(Cow::Borrowed("ATS-REQ-004"));
    pub(super) const NO_DATE_OF_BIRTH: Self = Self(Cow::Borrowed("ATS-REQ-012"));
    pub(super) const EMPTY_DATE_OF_BIRTH: Self = Self(Cow::Borrowed("ATS-REQ-006"));
    pub(super) const NO_PHONE_NUMBER: Self = Self(Cow::Borrowed("ATS-REQ-013"));
    pub(super) const NO_EMAIL_ID: Self = Self(Cow::Borrowed("ATS-REQ-014"));
    pub(super) const NO_ADDRESS: Self = Self(Cow::Borrowed("ATS-REQ-015"));
    pub(super) const EMPTY_ADDRESS: Self = Self(Cow::Borrowed("ATS-REQ-008"));
}

impl Code {
    /// The code in what a server sent. Text without the form of a code is not kept: it becomes [`Code::UNREADABLE`].
    pub fn from_wire(text: &str) -> Self {
        let text = text.trim();
        if has_form(text) { Self(Cow::Owned(text.to_owned())) } else { Self::UNREADABLE }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn class(&self) -> Class {
        self.known().map_or(Class::Unknown, |known| known.class)
    }

    /// What is wrong, for the administrator.
    pub fn reason(&self) -> &'static str {
        self.known().map_or("MTS refused the record with a code that OMC does not know.", |known| known.reason)
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        self.known().map_or(
            "Look the code up in the documentation of MOSIP; requeue the record once its cause is gone.",
            |known| known.remedy,
        )
    }

    fn known(&self) -> Option<&'static Known> {
        known::find(&self.0)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_wire(&Cow::<str>::deserialize(deserializer)?))
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn has_form(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.len() <= 40
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(allowed)
        && text.contains(['-', '_'])
        && text.contains(|c: char| c.is_ascii_digit())
        && text.split(|c: char| !c.is_ascii_digit()).all(|digits| digits.len() <= 6)
}

#[cfg(test)]
mod tests;
