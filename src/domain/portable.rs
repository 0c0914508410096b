//! The record in the form that every release of MTS takes alike: its seven fields under their own names, as texts.
//!
//! Release 1.0.1 reads mappings in a way of its own: an entry with a dot that leads nowhere fails the whole request, and so does a
//! value that is no text; of a name or an address every part must be there. OMC therefore does the mapping itself, as release
//! 1.1 would (parts joined with a blank, of an address with a comma and a blank; missing and empty ones left out), and sends
//! what came of it with no mapping but the default one.

use serde_json::{Map, Value, json};

use super::mapping::{Mapping, Target};
use super::shape::AuthData;

/// What of a record MTS gets, under the names of its fields. A field of which nothing is there is left out; one that is there
/// and empty stays, as MTS tells the two apart, but for phone number and e-mail address, which release 1.1 leaves out then. A date
/// of birth is written `YYYY/MM/DD`, as release 1.1 makes it of `YYYY-MM-DD`.
pub fn record(data: &AuthData, mapping: &Mapping) -> Map<String, Value> {
    let field = |target: Target| {
        let parts = mapping.paths(target).iter().filter_map(|path| match path.resolve(data.as_map()) {
            Some(Value::String(text)) => Some(text.as_str()),
            _ => None,
        });
        let parts: Vec<&str> = parts.collect();
        let there: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
        let between = if target == Target::FullAddress { ", " } else { " " };
        let text = there.join(between);
        let optional = matches!(target, Target::PhoneNumber | Target::EmailId);
        let wanted = if optional { !text.is_empty() } else { !parts.is_empty() };
        let text = if target == Target::DateOfBirth { text.replace('-', "/") } else { text };
        wanted.then(|| (target.name().to_owned(), Value::from(text)))
    };
    Target::ALL.into_iter().filter_map(field).collect()
}

/// The mapping of such records: MTS's own default, written out.
pub fn mapping() -> Value {
    let own = |target: Target| match target {
        Target::Name | Target::FullAddress => (target.name().to_owned(), json!([target.name()])),
        _ => (target.name().to_owned(), json!(target.name())),
    };
    Value::Object(Target::ALL.into_iter().map(own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::shape::AuthData;

    fn portable(data: Value, mapping: &str) -> Value {
        let Value::Object(data) = data else { panic!("no record") };
        Value::Object(record(&AuthData::of(data), &Mapping::parse(mapping).unwrap()))
    }

    #[test]
    fn the_mapping_is_done_here() {
        let mapping = r#"{"vid": "ids.vid", "name": ["given", "second", "family"], "gender": "sex", "dob": "born",
            "fullAddress": ["at.street", "at.unit", "at.town"], "emailId": "mail"}"#;
        let data = json!({"ids": {"vid": "2045"}, "given": "Ana", "second": "", "family": "Silva", "sex": "female",
            "born": "1990-01-31", "at": {"street": "1 Road", "town": "Nine Hills"}, "mail": "", "more": "not sent"});
        let expected = json!({"vid": "2045", "name": "Ana Silva", "gender": "female", "dob": "1990/01/31",
            "fullAddress": "1 Road, Nine Hills"});
        assert_eq!(portable(data, mapping), expected);
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_empty() {
        let mapping = r#"{"name": ["a", "b"], "fullAddress": ["c"]}"#;
        assert_eq!(portable(json!({"vid": "2045", "b": ""}), mapping), json!({"vid": "2045", "name": ""}));
    }

    #[test]
    fn no_entry_of_its_mapping_has_a_dot() {
        assert_eq!(mapping()["name"], json!(["name"]));
        assert_eq!(mapping().as_object().unwrap().len(), 7);
        assert!(!mapping().to_string().contains('.'));
    }
}
