//! A written value brought to the field's type, with Odoo's complaints where it cannot be.

use chrono::{NaiveDate, NaiveDateTime};

use super::super::cell::Cell;
use super::super::fault::{Fault, Outcome};
use super::super::schema::{Field, Kind, Model};
use super::super::wire::Value;

/// The cell a value of `create` or `write` becomes. Rows that point back are not cells and give null.
pub fn to_cell(model: &Model, field: &Field, value: &Value) -> Outcome<Cell> {
    if matches!(value, Value::Nil) {
        return Ok(Cell::Null);
    }
    match &field.kind {
        Kind::Boolean => Ok(Cell::Bool(value.truthy())),
        _ if *value == Value::Bool(false) => Ok(Cell::Null),
        Kind::Char { size } => Ok(Cell::text(&cut(&text(value)?, *size))),
        Kind::Text | Kind::Html => Ok(Cell::text(&text(value)?)),
        Kind::Integer => integer(value),
        Kind::Float => match value {
            Value::Double(number) => Ok(Cell::Float(*number)),
            Value::Text(text) => text
                .trim()
                .parse()
                .map(Cell::Float)
                .map_err(|_| Fault::value_error(format!("could not convert string to float: {}", value.repr()))),
            #[expect(clippy::cast_precision_loss, reason = "as Python's float() does")]
            other => Ok(Cell::Float(other.as_int().unwrap_or(0) as f64)),
        },
        Kind::Date => date(value),
        Kind::Datetime => datetime(value),
        Kind::Selection(options) => {
            let chosen = value.as_text().filter(|text| options.iter().any(|(key, _)| key == text));
            match (chosen, value.truthy()) {
                (Some(text), _) => Ok(Cell::text(text)),
                (None, false) => Ok(Cell::Null),
                (None, true) => {
                    Err(Fault::value_error(format!("Wrong value for {}.{}: {}", model.name, field.name, value.repr())))
                }
            }
        }
        Kind::Binary => match value {
            Value::Text(text) if text.is_empty() => Ok(Cell::Null),
            Value::Text(text) if is_base64(text) => Ok(Cell::text(text)),
            _ => Err(Fault::user("Image is not encoded in base64.")),
        },
        Kind::Many2one(_) => many2one(model, field, value),
        Kind::Many2many(_) => many2many(value),
        Kind::One2many(..) => Ok(Cell::Null),
    }
}

fn text(value: &Value) -> Outcome<String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::DateTime(text) => Ok(text.clone()),
        other => Ok(other.python_str()),
    }
}

/// Longer text is cut, without a word.
fn cut(text: &str, size: Option<usize>) -> String {
    match size {
        Some(size) => text.chars().take(size).collect(),
        None => text.to_owned(),
    }
}

fn integer(value: &Value) -> Outcome<Cell> {
    let number = match value {
        Value::Text(text) if text.is_empty() => 0,
        Value::Text(text) => text
            .trim()
            .parse()
            .map_err(|_| Fault::value_error(format!("invalid literal for int() with base 10: {}", value.repr())))?,
        #[expect(clippy::cast_possible_truncation, reason = "as Python's int() does")]
        Value::Double(number) => *number as i64,
        other => other.as_int().unwrap_or(0),
    };
    if i32::try_from(number).is_err() {
        return Err(Fault::other("psycopg2.errors.NumericValueOutOfRange", "integer out of range\n\n        ^"));
    }
    Ok(Cell::Int(number))
}

fn date(value: &Value) -> Outcome<Cell> {
    let text = match value {
        Value::Text(text) if text.is_empty() => return Ok(Cell::Null),
        Value::Text(text) => text,
        other => return Err(not_subscriptable(other)),
    };
    let head: String = text.chars().take(10).collect();
    NaiveDate::parse_from_str(&head, "%Y-%m-%d")
        .map(|date| Cell::Date(chrono::Datelike::num_days_from_ce(&date)))
        .map_err(|_| Fault::value_error(format!("time data '{head}' does not match format '%Y-%m-%d'")))
}

fn datetime(value: &Value) -> Outcome<Cell> {
    let text = match value {
        Value::Text(text) if text.is_empty() => return Ok(Cell::Null),
        Value::Text(text) => text,
        other => {
            let what = other.python_type();
            return Err(Fault::type_error(format!("object of type '{what}' has no len()")));
        }
    };
    let format = match text.len() {
        0..=10 => "%Y-%m-%d",
        _ => "%Y-%m-%d %H:%M:%S",
    };
    let full = if text.len() == 10 { format!("{text} 00:00:00") } else { text.clone() };
    if let Some(rest) = text.get(19..).filter(|rest| !rest.is_empty())
        && NaiveDateTime::parse_from_str(&text[..19], "%Y-%m-%d %H:%M:%S").is_ok()
    {
        return Err(Fault::value_error(format!("unconverted data remains: {rest}")));
    }
    NaiveDateTime::parse_from_str(&full, "%Y-%m-%d %H:%M:%S")
        .map(|time| Cell::Time(time.and_utc().timestamp_micros()))
        .map_err(|_| Fault::value_error(format!("time data '{text}' does not match format '{format}'")))
}

fn many2one(model: &Model, field: &Field, value: &Value) -> Outcome<Cell> {
    let number = match value {
        Value::Array(items) => items.first().and_then(Value::as_int),
        Value::Int(number) => Some(*number),
        Value::Bool(true) => Some(1),
        Value::Text(text) => Some(text.trim().parse().map_err(|_| {
            Fault::other(
                "psycopg2.errors.InvalidTextRepresentation",
                format!("invalid input syntax for type integer: \"{text}\"\nLINE 1: ...\n             ^\n"),
            )
        })?),
        _ => None,
    };
    match number {
        Some(0) => Ok(Cell::Null),
        Some(number) => i32::try_from(number)
            .map(Cell::Ref)
            .map_err(|_| Fault::other("psycopg2.errors.NumericValueOutOfRange", "integer out of range\n\n        ^")),
        None => Err(Fault::value_error(format!("Wrong value for {}.{}: {}", model.name, field.name, value.repr()))),
    }
}

/// Only the commands that say what the set shall be.
fn many2many(value: &Value) -> Outcome<Cell> {
    let mut ids: Vec<i32> = Vec::new();
    for command in value.as_array().unwrap_or(&[]) {
        let id = |value: &Value| value.as_int().and_then(|id| i32::try_from(id).ok());
        match command {
            Value::Array(parts) => match (parts.first().and_then(Value::as_int), parts.get(1), parts.get(2)) {
                (Some(6), _, Some(Value::Array(items))) => ids = items.iter().filter_map(id).collect(),
                (Some(5), ..) => ids.clear(),
                (Some(4), Some(one), _) => ids.extend(id(one)),
                (Some(2 | 3), Some(one), _) => ids.retain(|known| Some(*known) != id(one)),
                _ => return Err(Fault::value_error(format!("Wrong value: {}", value.repr()))),
            },
            one => ids.extend(id(one)),
        }
    }
    Ok(Cell::Refs(ids.into()))
}

fn not_subscriptable(value: &Value) -> Fault {
    Fault::type_error(format!("'{}' object is not subscriptable", value.python_type()))
}

fn is_base64(text: &str) -> bool {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).is_ok()
}
