//! The mapping of release 1.0.1: an entry without a dot is a key, whatever is in it; with dots it is a walk through nested objects.
//!
//! Nothing is mandatory by configuration: name, gender, birth date and address always are, and every part of a name or address.

use jaq_json::Val;

use super::auth_data::{AuthData, Model};
use super::json::{member, text, truthy, type_name};
use super::mapping::{Each, Fault, joined, no_len};

pub fn apply(keys: &Each<String>, record: &Val) -> Result<AuthData, Fault> {
    let vid = field(&keys.vid, record, "ATS-REQ-009", "vid or its mapping not present", None)?;
    let absent = ("ATS-REQ-010", "name or its mapping not present");
    let name = parts(&keys.name, record, " ", absent, ("ATS-REQ-003", "name is not provided"))?;
    let gender = match keys.gender.contains('.') {
        // A nested gender is not looked at before the model does.
        true => walk(&keys.gender, record)?,
        false => {
            let empty = Some(("ATS-REQ-004", "gender is empty"));
            field(&keys.gender, record, "ATS-REQ-011", "gender or its mapping not present", empty)?
        }
    };
    let empty = Some(("ATS-REQ-006", "date of birth is empty"));
    let dob = field(&keys.dob, record, "ATS-REQ-012", "dateOfBirth or its mapping not present", empty)?;
    let phone = optional(&keys.phone, record)?;
    let email = optional(&keys.email, record)?;
    let absent = ("ATS-REQ-015", "fullAddress or its mapping not present");
    let address = parts(&keys.address, record, ", ", absent, ("ATS-REQ-008", "address is empty"))?;
    Model { name, gender, dob, phone, email, address, vid }.checked()
}

type Said = (&'static str, &'static str);

fn field(
    key: &str,
    record: &Val,
    code: &'static str,
    message: &'static str,
    empty: Option<Said>,
) -> Result<Val, Fault> {
    if key.contains('.') {
        return Some(walk(key, record)?).filter(truthy).ok_or(Fault::Record(code, message));
    }
    let value = member(record, key).ok_or(Fault::Record(code, message))?;
    let (code, message) = empty.unwrap_or((code, message));
    match len_is_zero(value)? {
        true => Err(Fault::Record(code, message)),
        false => Ok(value.clone()),
    }
}

fn optional(key: &str, record: &Val) -> Result<Option<Val>, Fault> {
    Ok(match key.contains('.') {
        true => Some(walk(key, record)?).filter(truthy),
        false => member(record, key).filter(|v| !matches!(v, Val::Null)).cloned(),
    })
}

fn parts(keys: &[String], record: &Val, between: &str, absent: Said, empty: Said) -> Result<String, Fault> {
    let mut found = Vec::new();
    for key in keys {
        if key.contains('.') {
            found.extend(Some(walk(key, record)?).filter(truthy));
            continue;
        }
        let value = member(record, key).ok_or(Fault::Record(absent.0, absent.1))?;
        if len_is_zero(value)? {
            return Err(Fault::Record(empty.0, empty.1));
        }
        found.push(value.clone());
    }
    match found.is_empty() {
        true => Err(Fault::Record(absent.0, absent.1)),
        false => joined(&found, between),
    }
}

fn len_is_zero(value: &Val) -> Result<bool, Fault> {
    match value {
        Val::Null | Val::Bool(_) | Val::Num(_) => Err(no_len(value)),
        value => Ok(!truthy(value)),
    }
}

/// The walk: a missing root, and a scalar or a list on the way, break the batch.
fn walk(entry: &str, record: &Val) -> Result<Val, Fault> {
    let mut names = entry.split('.');
    let root = names.next().unwrap_or_default();
    let mut at = member(record, root).cloned().ok_or_else(|| Fault::Batch(quoted(root)))?;
    for name in names {
        at = match &at {
            value if !truthy(value) => Val::Null,
            Val::Obj(_) => member(&at, name).cloned().unwrap_or_default(),
            Val::TStr(_) if text(&at).is_some_and(|t| t.contains(name)) => {
                return Err(Fault::Batch("string indices must be integers".to_owned()));
            }
            Val::Arr(items) if items.iter().any(|i| text(i) == Some(name)) => {
                return Err(Fault::Batch("list indices must be integers or slices, not str".to_owned()));
            }
            Val::Num(_) | Val::Bool(_) => {
                return Err(Fault::Batch(format!("argument of type '{}' is not iterable", type_name(&at))));
            }
            _ => Val::Null,
        };
    }
    Ok(at)
}

/// Python's repr of a text, near enough for a key.
fn quoted(text: &str) -> String {
    match text.contains('\'') {
        true => format!("\"{text}\""),
        false => format!("'{text}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::mts::Release;
    use crate::sim::mts::json::parse;
    use crate::sim::mts::mapping::Mapping;

    fn vid(entry: &str, record: &str) -> Result<String, Fault> {
        let mapping = parse(serde_json::json!({"vid": entry}).to_string().as_bytes()).unwrap();
        let mapping = Mapping::read(Some(&mapping), Release::V1_0_1, &mut Vec::new());
        let record = format!(r#"{{"name":"A","gender":"F","dob":"1","fullAddress":"R",{record}}}"#);
        mapping.apply(&parse(record.as_bytes()).unwrap()).map(|d| d.vid)
    }

    #[test]
    fn takes_any_key_without_a_dot() {
        assert_eq!(vid("id-no", r#""id-no":"5""#).unwrap(), "5");
        assert_eq!(vid("id no", r#""id no":"5""#).unwrap(), "5");
        assert!(matches!(vid("\"id no\"", r#""id no":"5""#), Err(Fault::Record("ATS-REQ-009", _))));
    }

    #[test]
    fn breaks_the_batch_where_python_would_raise() {
        let broken = |entry: &str, record: &str| match vid(entry, record) {
            Err(Fault::Batch(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(broken("nope.vid", r#""x":1"#), "'nope'");
        assert_eq!(broken("x.vid", r#""x":5"#), "argument of type 'int' is not iterable");
        assert_eq!(broken("vid", r#""vid":null"#), "object of type 'NoneType' has no len()");
        assert_eq!(broken("vid", r#""vid":5"#), "object of type 'int' has no len()");
        assert!(matches!(vid("x.vid", r#""x":null"#), Err(Fault::Record("ATS-REQ-009", _))));
    }
}
