//! What MTS would say of a record before it authenticates anybody: the mapping is evaluated as MTS 1.1 does, with the same
//! codes in the same order, so that a record that must fail does not spoil a batch.
//!
//! Stricter than MTS in three things: a value of blanks counts as empty, the date of birth must be a date, and the VID must
//! have the form of one.

use chrono::NaiveDate;
use serde_json::Value;

use super::code::Code;
use super::mapping::{Mandatory, Mapping, Path, Target};
use super::shape::AuthData;

/// Most characters of a VID: what the registry can hold.
const LONGEST_VID: usize = 100;

/// Judges one record. The code is that of the first field that fails.
pub fn check(data: &AuthData, mapping: &Mapping, mandatory: &Mandatory) -> Result<(), Code> {
    for (target, paths) in mapping.entries() {
        let found = evaluate(data, paths)?;
        if mandatory.has(target) {
            require(target, found.as_deref())?;
        }
        match (target, found.as_deref()) {
            (Target::Vid, Some(vid)) if !has_form_of_vid(vid) => return Err(Code::VID_MALFORMED),
            (Target::DateOfBirth, Some(date)) if !date.is_empty() && !is_date(date) => {
                return Err(Code::DATE_OF_BIRTH_MALFORMED);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a text can be a VID at all: not empty, short enough, printable, in one piece.
pub fn has_form_of_vid(vid: &str) -> bool {
    !vid.is_empty() && vid.chars().count() <= LONGEST_VID && !vid.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// The value of one field, its parts joined; parts that are missing or empty are skipped. `None`: no part is there.
fn evaluate(data: &AuthData, paths: &[Path]) -> Result<Option<String>, Code> {
    let mut parts = Vec::new();
    let mut there = false;
    for path in paths {
        match path.resolve(data.as_map()) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => {
                there = true;
                let text = text.trim();
                if !text.is_empty() {
                    parts.push(text);
                }
            }
            Some(_) => return Err(Code::INPUT_FORMAT_USELESS),
        }
    }
    Ok(there.then(|| parts.join(" ")))
}

fn require(target: Target, value: Option<&str>) -> Result<(), Code> {
    let (missing, empty) = match target {
        Target::Vid => (Code::NO_VID, Some(Code::NO_VID)),
        Target::Name => (Code::NO_NAME, Some(Code::EMPTY_NAME)),
        Target::Gender => (Code::NO_GENDER, Some(Code::EMPTY_GENDER)),
        Target::DateOfBirth => (Code::NO_DATE_OF_BIRTH, Some(Code::EMPTY_DATE_OF_BIRTH)),
        Target::PhoneNumber => (Code::NO_PHONE_NUMBER, None),
        Target::EmailId => (Code::NO_EMAIL_ID, None),
        Target::FullAddress => (Code::NO_ADDRESS, Some(Code::EMPTY_ADDRESS)),
    };
    match (value, empty) {
        (None, _) => Err(missing),
        (Some(""), Some(empty)) => Err(empty),
        (Some(_), _) => Ok(()),
    }
}

/// `YYYY/MM/DD` or `YYYY-MM-DD`, of a day that exists.
fn is_date(text: &str) -> bool {
    let form = |separator: u8| {
        text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == separator,
                _ => byte.is_ascii_digit(),
            })
    };
    let exists = |format| NaiveDate::parse_from_str(text, format).is_ok();
    (form(b'/') && exists("%Y/%m/%d")) || (form(b'-') && exists("%Y-%m-%d"))
}

#[cfg(test)]
mod tests;
