//! Writes XML-RPC calls. The only file that knows the `xmlrpc` crate.
//!
//! XML 1.0 has no way to carry most control characters, and Odoo's parser refuses the whole call for one of them, so they
//! are refused here, with the place named.

use serde_json::{Map, Value};

/// Why a value cannot be sent. Names the place, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} cannot be sent to Odoo: {reason}")]
pub struct UnwritableError {
    /// Path from the call's parameters, such as `params[5][0][1].value`.
    place: String,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("it contains a control character that XML does not allow")]
    Character,
    #[error("it is a number outside the range of 64 bits")]
    Number,
}

/// Whether XML 1.0 can carry this text (section 2.2, Characters).
pub fn is_writable(text: &str) -> bool {
    text.chars()
        .all(|c| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'))
}

/// Writes one call. A JSON null becomes Odoo's `False`; a lone carriage return arrives as a line feed.
pub fn call(method: &'static str, params: Vec<Value>) -> Result<Vec<u8>, UnwritableError> {
    let mut request = xmlrpc::Request::new(method);
    let mut place = Place(String::from("params"));
    for (index, param) in params.into_iter().enumerate() {
        let param = place.at_index(index, |place| convert(param, place))?;
        request = request.arg(param);
    }
    let mut document = Vec::with_capacity(1024);
    // Unwrap safety: writing into a vector does not fail.
    request.write_as_xml(&mut document).expect("a vector takes every write");
    Ok(document)
}

fn convert(value: Value, place: &mut Place) -> Result<xmlrpc::Value, UnwritableError> {
    Ok(match value {
        Value::Null => xmlrpc::Value::Bool(false),
        Value::Bool(flag) => xmlrpc::Value::Bool(flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => i32::try_from(int).map_or(xmlrpc::Value::Int64(int), xmlrpc::Value::Int),
            (None, Some(float)) if number.is_f64() && float.is_finite() => xmlrpc::Value::Double(float),
            _ => return Err(place.refuse(Reason::Number)),
        },
        Value::String(text) => xmlrpc::Value::String(place.checked(text)?),
        Value::Array(items) => {
            let items = items.into_iter().enumerate();
            let items = items.map(|(index, item)| place.at_index(index, |place| convert(item, place)));
            xmlrpc::Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(members) => xmlrpc::Value::Struct(convert_members(members, place)?),
    })
}

fn convert_members(
    members: Map<String, Value>,
    place: &mut Place,
) -> Result<std::collections::BTreeMap<String, xmlrpc::Value>, UnwritableError> {
    members
        .into_iter()
        .map(|(name, value)| {
            let name = place.checked(name)?;
            let value = place.at_name(&name, |place| convert(value, place))?;
            Ok((name, value))
        })
        .collect()
}

/// Where in the parameters the writer is.
struct Place(String);

impl Place {
    fn at_index<T>(&mut self, index: usize, step: impl FnOnce(&mut Self) -> T) -> T {
        self.within(&format!("[{index}]"), step)
    }

    fn at_name<T>(&mut self, name: &str, step: impl FnOnce(&mut Self) -> T) -> T {
        self.within(&format!(".{name}"), step)
    }

    fn within<T>(&mut self, suffix: &str, step: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.0.len();
        self.0.push_str(suffix);
        let result = step(self);
        self.0.truncate(outer);
        result
    }

    fn checked(&self, text: String) -> Result<String, UnwritableError> {
        if is_writable(&text) { Ok(text) } else { Err(self.refuse(Reason::Character)) }
    }

    fn refuse(&self, reason: Reason) -> UnwritableError {
        UnwritableError { place: self.0.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(params: Vec<Value>) -> String {
        String::from_utf8(call("execute_kw", params).unwrap()).unwrap().replace('\n', "")
    }

    #[test]
    fn every_kind_of_value_is_written() {
        let xml =
            written(vec![json!({"n": null, "b": true, "i": 7, "l": 5_000_000_000_i64, "d": 0.5, "s": "<&>", "a": []})]);
        for part in [
            "<methodName>execute_kw</methodName>",
            "<name>n</name><value><boolean>0</boolean></value>",
            "<name>b</name><value><boolean>1</boolean></value>",
            "<name>i</name><value><i4>7</i4></value>",
            "<name>l</name><value><i8>5000000000</i8></value>",
            "<name>d</name><value><double>0.5</double></value>",
            "<name>s</name><value><string>&lt;&amp;&gt;</string></value>",
            "<name>a</name><value><array><data></data></array></value>",
        ] {
            assert!(xml.contains(part), "{part} is missing in {xml}");
        }
    }

    #[test]
    fn a_control_character_is_refused_where_it_is_and_not_shown() {
        let params = vec![json!("db"), json!([[{"value": "20456\u{1}7890"}]])];
        let error = call("execute_kw", params).unwrap_err().to_string();
        assert!(error.starts_with("params[1][0][0].value "), "{error}");
        assert!(!error.contains("20456"), "{error}");
        for text in ["\0", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert!(call("m", vec![json!(text)]).is_err(), "{text:?}");
            assert!(call("m", vec![json!({text: 1})]).is_err(), "{text:?} as a name");
        }
    }

    #[test]
    fn what_xml_can_carry_is_taken() {
        assert!(written(vec![json!("a\tb\u{7f}\u{85}é\u{1f600}\u{fffd}")]).contains("\u{1f600}"));
    }

    #[test]
    fn a_number_beyond_64_bits_is_refused() {
        assert!(call("m", vec![json!(u64::MAX)]).is_err());
        assert!(call("m", vec![json!(i64::MIN)]).is_ok());
    }
}
