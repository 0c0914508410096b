//! One condition of a domain.

use serde_json::{Value, json};

use super::{FilterError, checked as checked_domain};
use crate::domain::mapping::is_name;

/// Odoo 17's operators (`odoo/osv/expression.py`, TERM_OPERATORS), with its two old writings of `=` and `!=`.
const OPERATORS: [&str; 21] = [
    "=",
    "!=",
    "<=",
    "<",
    ">",
    ">=",
    "=?",
    "=like",
    "=ilike",
    "like",
    "not like",
    "ilike",
    "not ilike",
    "in",
    "not in",
    "child_of",
    "parent_of",
    "any",
    "not any",
    "<>",
    "==",
];

/// Longest text, and longest list, that a value may be.
const LONGEST_TEXT: usize = 1000;
const LONGEST_LIST: usize = 5000;

/// Checks `[field, operator, value]`; gives it with the operator in Odoo's own writing.
pub(super) fn checked(parts: Vec<Value>, place: &str) -> Result<Value, FilterError> {
    let wrong = |reason| FilterError::Term { place: place.to_owned(), reason };
    let Ok([field, operator, value]) = <[Value; 3]>::try_from(parts) else {
        return Err(wrong("write exactly a field, an operator and a value"));
    };
    let operator = operator.as_str().map(str::to_lowercase).unwrap_or_default();
    if !OPERATORS.contains(&operator.as_str()) {
        return Err(wrong("its second part is no operator of Odoo, such as =, !=, in, ilike"));
    }
    let operator = match operator.as_str() {
        "<>" => "!=".to_owned(),
        "==" => "=".to_owned(),
        _ => operator,
    };
    let Value::String(field) = field else {
        let constant = matches!(field.as_i64(), Some(0 | 1)) && operator == "=" && value.as_i64() == Some(1);
        return if constant {
            Ok(json!([field, operator, value]))
        } else {
            Err(wrong("its first part is not a field's name"))
        };
    };
    if field.len() > LONGEST_TEXT || !field.split('.').all(is_name) {
        return Err(wrong("its first part is not a field's name, such as gender or reg_ids.id_type"));
    }
    let value = match (operator.as_str(), value) {
        ("any" | "not any", Value::Array(terms)) => Value::Array(checked_domain(terms, &format!("{place}.3."))?),
        ("any" | "not any", _) => return Err(wrong("after `any` a domain is wanted")),
        (_, Value::Array(items)) => {
            if items.len() > LONGEST_LIST || !items.iter().all(is_scalar) {
                return Err(wrong("its list holds something else than plain values, or too many of them"));
            }
            Value::Array(items)
        }
        ("in" | "not in", value @ Value::Bool(_)) => value,
        ("in" | "not in", _) => return Err(wrong("after `in` a list is wanted")),
        (_, value) if is_scalar(&value) => value,
        _ => return Err(wrong("its value is neither plain nor a list")),
    };
    Ok(json!([field, operator, value]))
}

fn is_scalar(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.chars().count() <= LONGEST_TEXT,
        Value::Array(_) | Value::Object(_) => false,
    }
}
