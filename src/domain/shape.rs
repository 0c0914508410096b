//! From what Odoo holds of a registrant to what MTS gets.
//!
//! ```text
//! Odoo's values -> Demographics -> (the connector's input format) -> Demographics -> AuthData
//! ```
//!
//! Only what the mapping and the output format name reaches MTS, which keeps all it gets in clear.

mod gender;

use std::fmt;

use serde_json::{Map, Value};

use super::code::Code;
use super::connector::Connector;
use super::mapping::{Mapping, Path, Target};
use super::registrant_field::{FieldKind, SelectedField};

/// The key under which OMC puts its correlation into a record. Neither mapping nor fields may use it.
pub const REFERENCE: &str = "omc_ref";

/// What OpenG2P's encryption addon shows in place of a value that it has encrypted.
const ENCRYPTED: &str = "encrypted";

/// The values of one registrant, under their fields' names or as the input format made them. Personal data.
#[derive(Clone, PartialEq)]
pub struct Demographics(Map<String, Value>);

/// The record for MTS. Personal data.
#[derive(Clone, PartialEq)]
pub struct AuthData(Map<String, Value>);

impl Demographics {
    /// Takes values as Odoo's `read` gives them. Unset ones are left out, a many2one is its display name, and dates of date
    /// fields are `YYYY/MM/DD`. Fields that were not selected are not taken.
    pub fn from_odoo(values: &Map<String, Value>, fields: &[SelectedField]) -> Self {
        let value = |field: &SelectedField| {
            let value = from_odoo(values.get(&field.name)?, field.kind)?;
            Some((field.name.clone(), value))
        };
        Self(fields.iter().filter_map(value).collect())
    }

    /// Takes what the input format made of the values: its first result.
    pub fn from_input_format(result: Option<Value>) -> Result<Self, Code> {
        match result {
            Some(Value::Object(object)) => Ok(Self(object)),
            _ => Err(Code::INPUT_FORMAT_USELESS),
        }
    }

    /// The values as the input format takes them.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// Makes the record for MTS: the mapped values as text, with control characters taken for blanks and no blanks around
    /// them; gender and phone number in MOSIP's form; the VID where the mapping wants it; and the keys that the output
    /// format names as they are. Everything else stays behind.
    ///
    /// # Errors
    /// [`Code::VALUE_ENCRYPTED`] and [`Code::INPUT_FORMAT_USELESS`]. What is missing or empty is for
    /// [`super::preflight::check`] to judge.
    pub fn into_auth_data(mut self, vid: &str, connector: &Connector) -> Result<AuthData, Code> {
        let mut sent = Map::new();
        let mapped = mapped_texts(&self.0, &connector.mapping, connector.phone_country_code.as_deref())?;
        if let Some(format) = &connector.output_format {
            for key in format.input_keys() {
                if key != REFERENCE
                    && let Some(value) = self.0.remove(key)
                {
                    sent.insert(key.clone(), value);
                }
            }
        }
        let vid = text_of(&Value::String(vid.to_owned()))?.unwrap_or_default();
        let vid = (&connector.mapping.vid, vid);
        for (path, text) in mapped.into_iter().chain([vid]) {
            if !path.put(&mut sent, Value::String(text)) {
                return Err(Code::INPUT_FORMAT_USELESS);
            }
        }
        Ok(AuthData(sent))
    }
}

impl AuthData {
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    #[cfg(test)]
    pub(super) fn of(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl fmt::Debug for Demographics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Demographics(..)")
    }
}

impl fmt::Debug for AuthData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthData(..)")
    }
}

/// One value of `read`. Odoo's `false` means unset, except in a yes/no field.
fn from_odoo(value: &Value, kind: FieldKind) -> Option<Value> {
    match (kind, value) {
        (FieldKind::Boolean, Value::Bool(_)) => Some(value.clone()),
        (_, Value::Null | Value::Bool(_)) => None,
        (FieldKind::Many2one, Value::Array(pair)) => match pair.as_slice() {
            [_, name @ Value::String(_)] => Some(name.clone()),
            _ => None,
        },
        (FieldKind::Many2one, _) | (_, Value::Array(_) | Value::Object(_)) => None,
        (FieldKind::Date, Value::String(date)) => Some(Value::String(date.replace('-', "/"))),
        _ => Some(value.clone()),
    }
}

/// The mapped values that are there, except the VID, as texts. Paths that come twice are read twice.
fn mapped_texts<'a>(
    record: &Map<String, Value>,
    mapping: &'a Mapping,
    country_code: Option<&str>,
) -> Result<Vec<(&'a Path, String)>, Code> {
    let mut texts = Vec::new();
    for (target, paths) in mapping.entries() {
        if target == Target::Vid {
            continue;
        }
        for path in paths {
            let Some(text) = path.resolve(record).map(text_of).transpose()?.flatten() else {
                continue;
            };
            let text = match target {
                Target::Gender => gender::normalised(&text).map_or(text, str::to_owned),
                Target::PhoneNumber => country_code.map_or(text.clone(), |code| national(&text, code)),
                _ => text,
            };
            texts.push((path, text));
        }
    }
    Ok(texts)
}

/// A mapped value as text; `None` if it is not there. Blanks of text without any text are kept as the empty text, which MTS
/// tells from a missing one.
fn text_of(value: &Value) -> Result<Option<String>, Code> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => clean(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(Code::INPUT_FORMAT_USELESS),
    };
    if text == ENCRYPTED {
        return Err(Code::VALUE_ENCRYPTED);
    }
    Ok(Some(text))
}

/// Takes each run of control characters (an address has line breaks) for one blank, and cuts blanks off both ends.
fn clean(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.trim().to_owned();
    }
    let pieces: Vec<&str> = text.split(char::is_control).map(str::trim).filter(|piece| !piece.is_empty()).collect();
    pieces.join(" ")
}

/// A phone number without the country code, and then without blanks, dashes, dots and brackets. A number that does not
/// begin with the code (`+251` or `00251`) is of another country, or national already: it stays as it is.
fn national(number: &str, country_code: &str) -> String {
    let compact: String =
        number.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.' | '(' | ')' | '/')).collect();
    let digits = country_code.trim_start_matches('+');
    let international = compact.strip_prefix('+').or_else(|| compact.strip_prefix("00"));
    match international.and_then(|number| number.strip_prefix(digits)) {
        Some(national) if !national.is_empty() => national.to_owned(),
        _ => number.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
