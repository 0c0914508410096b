//! What is to be written, and what became of it.

use serde_json::{Map, Value};

use crate::domain::identity::{RegIdRow, RegistrantId};
use crate::odoo::error::Error;
use crate::odoo::xml::write::is_writable;
use crate::seal::Personal;

/// Odoo cuts `g2p.reg.id.value` off here without a word.
pub const TOKEN_LENGTH: usize = 100;

/// One token for one registrant.
#[derive(Debug, Clone)]
pub struct WriteBack {
    pub registrant: RegistrantId,
    pub token: Personal<String>,
    /// The row of the VID that the token was made for. `None`: the VID is not from the registry; nothing is written then
    /// to a registrant who holds an ID of the VID type.
    pub vid_row: Option<RegIdRow>,
    /// That row's [`super::IdRow::written_text`] when it was submitted. The door writes nothing if it has changed since;
    /// unset, the row must only still be this registrant's.
    pub vid_written: Option<String>,
    /// Registrant fields to write with the token, by name; the door takes those that the connector lists.
    pub values: Option<Personal<Map<String, Value>>>,
}

/// A VID row to remove in a clean-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleVid {
    pub registrant: RegistrantId,
    pub vid_row: RegIdRow,
    /// The row's [`super::IdRow::written_text`] as it was seen; it must not have changed since.
    pub vid_written: Option<String>,
}

/// What became of one registrant's write-back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The token was written now. The VID stays where the connector keeps VIDs, or where it was edited meanwhile.
    Written {
        vid_removed: bool,
    },
    /// The registrant holds this very token already.
    Already {
        vid_removed: bool,
    },
    /// Somebody else works on this registrant now: ask again.
    Busy,
    /// The registrant holds another token; nothing of theirs was changed.
    Conflict,
    /// The registrant or the VID row is gone, or no longer what was submitted; nothing was written.
    Superseded,
    Refused(ApplyRefusal),
    /// Without the addon: the token is there, it was read back, but its VID could not be removed, for this reason. Applying
    /// again removes it.
    TokenWritten(Error),
}

/// Why a token was refused. None of these heals by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApplyRefusal {
    #[error("the token is empty")]
    TokenEmpty,
    #[error("the token is longer than 100 characters, which Odoo would cut off")]
    TokenTooLong,
    #[error("the token has characters that cannot be stored, or does not match the pattern of the token's ID type")]
    TokenInvalid,
    #[error("a value is for a field that the connector does not list in value_fields")]
    FieldNotAllowed,
    #[error("a value does not fit its field")]
    FieldInvalid,
    #[error("Odoo or another addon refuses an ID of this registrant; Odoo's own log has the reason")]
    Other,
}

impl ApplyRefusal {
    /// A code of the door (docs/door.md).
    pub(super) fn from_code(code: &str) -> Self {
        match code {
            "token_empty" => Self::TokenEmpty,
            "token_too_long" => Self::TokenTooLong,
            "token_invalid" => Self::TokenInvalid,
            "field_not_allowed" => Self::FieldNotAllowed,
            "field_invalid" => Self::FieldInvalid,
            _ => Self::Other,
        }
    }
}

impl WriteBack {
    /// What can be told before Odoo is asked.
    pub(super) fn refusal(&self) -> Option<ApplyRefusal> {
        let token = self.token.expose();
        if token.trim().is_empty() {
            Some(ApplyRefusal::TokenEmpty)
        } else if token.chars().count() > TOKEN_LENGTH {
            Some(ApplyRefusal::TokenTooLong)
        } else if !is_writable(token) {
            Some(ApplyRefusal::TokenInvalid)
        } else if self.values.as_ref().is_some_and(|values| !values.expose().iter().all(is_member_writable)) {
            Some(ApplyRefusal::FieldInvalid)
        } else {
            None
        }
    }
}

/// Values for scalar fields only, as the door takes them.
fn is_member_writable((name, value): (&String, &Value)) -> bool {
    is_writable(name)
        && match value {
            Value::String(text) => is_writable(text),
            Value::Number(number) => number.as_i64().is_some() || number.is_f64(),
            Value::Null | Value::Bool(_) => true,
            Value::Array(_) | Value::Object(_) => false,
        }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(token: &str, values: Option<Value>) -> WriteBack {
        WriteBack {
            registrant: RegistrantId(17),
            token: Personal::new(token.to_owned()),
            vid_row: Some(RegIdRow(5)),
            vid_written: None,
            values: values.map(|values| Personal::new(values.as_object().unwrap().clone())),
        }
    }

    #[test]
    fn a_token_that_odoo_would_spoil_is_refused() {
        assert_eq!(result("", None).refusal(), Some(ApplyRefusal::TokenEmpty));
        assert_eq!(result(" \t", None).refusal(), Some(ApplyRefusal::TokenEmpty));
        assert_eq!(result(&"7".repeat(101), None).refusal(), Some(ApplyRefusal::TokenTooLong));
        assert_eq!(result("12\u{0}34", None).refusal(), Some(ApplyRefusal::TokenInvalid));
        assert_eq!(result(&"é".repeat(100), None).refusal(), None);
    }

    #[test]
    fn only_scalars_are_values() {
        assert_eq!(result("7", Some(json!({"ref": "x", "age": 3, "share": 0.5, "ok": true}))).refusal(), None);
        for wrong in [json!({"ref": "a\u{1}"}), json!({"tags": [1]}), json!({"x": {}}), json!({"n": u64::MAX})] {
            assert_eq!(result("7", Some(wrong)).refusal(), Some(ApplyRefusal::FieldInvalid));
        }
    }

    #[test]
    fn a_result_does_not_print_what_is_personal() {
        let printed = format!("{:?}", result("36482736482736", Some(json!({"ref": "Ana"}))));
        assert!(!printed.contains("36482736482736") && !printed.contains("Ana"), "{printed}");
    }
}
