//! Odoo's encodings in XML-RPC values: ids, texts that may be `False`, times.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::error::Error;

pub type Record = Map<String, Value>;

pub fn unexpected(call: &'static str, expected: &'static str) -> Error {
    Error::Unexpected { call, expected }
}

/// A database id: above zero, within PostgreSQL's `integer`.
pub fn id(value: &Value) -> Option<u32> {
    value.as_i64().filter(|id| (1..=i64::from(i32::MAX)).contains(id)).map(|id| id as u32)
}

/// The id of a many2one, whether it came bare or as `[id, name]`.
pub fn many2one(value: &Value) -> Option<u32> {
    match value {
        Value::Array(pair) => id(pair.first()?),
        bare => id(bare),
    }
}

pub fn ids(value: &Value) -> Option<Vec<u32>> {
    value.as_array()?.iter().map(id).collect()
}

/// A text; unset is `False`. The outer `None` is another type.
pub fn text_or_unset(value: &Value) -> Option<Option<&str>> {
    match value {
        Value::String(text) => Some(Some(text)),
        Value::Bool(false) | Value::Null => Some(None),
        _ => None,
    }
}

/// A time in UTC, with or without a fraction of the second.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok().map(|time| time.and_utc())
}

pub fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// A time as Odoo's own domains take it, to the microsecond.
pub fn time_text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

pub fn records(value: Value, call: &'static str) -> Result<Vec<Record>, Error> {
    let Value::Array(items) = value else {
        return Err(unexpected(call, "a list of records"));
    };
    items
        .into_iter()
        .map(|item| match item {
            Value::Object(record) => Ok(record),
            _ => Err(unexpected(call, "a record")),
        })
        .collect()
}

/// Takes a member out, or says that it is missing.
pub fn take(record: &mut Record, name: &'static str, call: &'static str) -> Result<Value, Error> {
    record.remove(name).ok_or(unexpected(call, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_come_bare_or_with_a_name() {
        assert_eq!(many2one(&json!(3)), Some(3));
        assert_eq!(many2one(&json!([3, "MOSIP VID"])), Some(3));
        for wrong in [json!(false), json!(0), json!(-1), json!(3_000_000_000_u32), json!("3"), json!([])] {
            assert_eq!(many2one(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_keep_their_microseconds() {
        let precise = time("2026-11-21 21:14:08.783633").unwrap();
        assert_eq!(time_text(precise), "2026-11-21 21:14:08.783633");
        assert_eq!(time("2026-11-21 21:14:08").map(time_text).as_deref(), Some("2026-11-21 21:14:08.000000"));
        assert_eq!(time("21.11.2026"), None);
    }

    #[test]
    fn unset_is_not_a_text_of_another_type() {
        assert_eq!(text_or_unset(&json!("x")), Some(Some("x")));
        assert_eq!(text_or_unset(&json!(false)), Some(None));
        assert_eq!(text_or_unset(&json!(true)), None);
    }
}
