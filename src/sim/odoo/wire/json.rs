//! The same values in JSON, for `/jsonrpc`, the web session and the control pages.

use std::borrow::Cow;

use serde_json::{Map, Number, Value as Json};

use super::value::Value;

/// A JSON document as a value of a call.
pub fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap_or(0.0)), Value::Int)
        }
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(from_json).collect()),
        Json::Object(members) => {
            Value::Struct(members.iter().map(|(name, value)| (Cow::Owned(name.clone()), from_json(value))).collect())
        }
    }
}

/// An answer's value as JSON.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(number) => Json::from(*number),
        Value::Double(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Text(text) | Value::DateTime(text) | Value::Base64(text) => Json::String(text.clone()),
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Struct(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.to_string(), to_json(value))).collect::<Map<_, _>>())
        }
    }
}
