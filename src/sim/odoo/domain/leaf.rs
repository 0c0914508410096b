//! Conditions on one column: the right side brought to the column's type, null treated as Odoo's SQL treats it.

use std::cmp::Ordering;

use super::super::cell::{Cell, parse_date, parse_time};
use super::super::fault::{Fault, Outcome};
use super::super::schema::{FieldId, Kind, Model};
use super::super::wire::Value;
use super::compile::NEGATIVE;
use super::like::Pattern;
use super::test::{Check, Node, Set};

/// The column holds one of these ids.
pub fn among(ids: Vec<i32>) -> Check {
    let mut numbers: Vec<i64> = ids.into_iter().map(i64::from).collect();
    numbers.sort_unstable();
    Check::In { set: Set::Numbers(numbers), null: false, negate: false }
}

/// A condition on a stored column or on `id`.
pub fn scalar(model: &Model, field: FieldId, operator: &str, right: &Value) -> Outcome<Node> {
    let known = &model.fields[field];
    let node = |check| Ok(Node::Field(field, Box::new(check)));
    let negative = NEGATIVE.contains(&operator);
    match operator {
        "=?" if right.is_unset() => return Ok(Node::Always(true)),
        "=?" => return scalar(model, field, "=", right),
        "in" | "not in" => {
            let Value::Array(items) = right else {
                let leaf = Value::tuple_repr(&[known.name.into(), operator.into(), right.clone()]);
                return Err(Fault::value_error(format!("Invalid domain term {leaf}")));
            };
            return node(member(model, field, items, negative)?);
        }
        _ => {}
    }
    if known.kind == Kind::Boolean && matches!(operator, "=" | "!=") {
        let wanted = match right {
            Value::Bool(flag) => *flag,
            Value::Nil => return node(Check::Null { negate: negative }),
            other => other.truthy(),
        };
        return node(Check::Truth(wanted != negative));
    }
    if matches!(operator, "=" | "!=") && right.is_unset() {
        return node(Check::Null { negate: negative });
    }
    if operator.ends_with("like") {
        let wild = !operator.starts_with('=');
        let text = if right.is_unset() && wild { String::new() } else { right.python_str() };
        let text = if wild { format!("%{text}%") } else { text };
        let null = if wild { !right.truthy() || negative } else { false };
        let pattern = Pattern::new(&text, operator.ends_with("ilike"));
        return node(Check::Like { pattern, negate: negative, null });
    }
    let right = comparable(model, field, operator, right)?;
    let (accepts, lower): (fn(Ordering) -> bool, bool) = match operator {
        "=" => (Ordering::is_eq, true),
        "!=" => (Ordering::is_ne, false),
        "<" => (Ordering::is_lt, false),
        "<=" => (Ordering::is_le, false),
        ">" => (Ordering::is_gt, true),
        ">=" => (Ordering::is_ge, true),
        other => return Err(Fault::other("KeyError", format!("'{other}'"))),
    };
    node(Check::Compare { accepts, lower, right, null: negative })
}

fn member(model: &Model, field: FieldId, items: &[Value], negate: bool) -> Outcome<Check> {
    let mut unset = false;
    let mut cells = Vec::with_capacity(items.len());
    for item in items {
        if item.is_unset() {
            unset = true;
        } else {
            cells.push(comparable(model, field, "in", item)?);
        }
    }
    if model.fields[field].kind == Kind::Boolean {
        cells = items.iter().map(|item| Cell::Bool(item.truthy())).collect();
    }
    let set = if cells.iter().all(|cell| matches!(cell, Cell::Text(_))) {
        Set::Texts(
            cells.into_iter().filter_map(|cell| if let Cell::Text(text) = cell { Some(text) } else { None }).collect(),
        )
    } else if cells.iter().all(|cell| cell.as_number().is_some()) {
        let mut numbers: Vec<i64> = cells.iter().filter_map(Cell::as_number).collect();
        numbers.sort_unstable();
        Set::Numbers(numbers)
    } else {
        Set::Cells(cells)
    };
    // Null is "in" only where False was asked for, and "not in" only where it was not.
    Ok(Check::In { set, null: unset != negate, negate })
}

/// The right side of a comparison as the column's type.
fn comparable(model: &Model, field: FieldId, operator: &str, right: &Value) -> Outcome<Cell> {
    let known = &model.fields[field];
    match &known.kind {
        Kind::Date => {
            let text = right.python_str();
            parse_date(&text).map(Cell::Date).ok_or_else(|| invalid_input("date", &text))
        }
        Kind::Datetime => {
            let text = right.python_str();
            // A bare day means its last second where "after" is asked, and its first elsewhere.
            let text = match (text.len(), operator) {
                (10, ">" | "<=") => text + " 23:59:59",
                _ => text,
            };
            parse_time(&text).map(Cell::Time).ok_or_else(|| invalid_input("timestamp", &text))
        }
        Kind::Integer | Kind::Many2one(_) => number(right, known.name == "id", operator == "in"),
        Kind::Float => match right {
            Value::Double(number) => Ok(Cell::Float(*number)),
            other => number(other, false, false),
        },
        _ => Ok(Cell::text(&right.python_str())),
    }
}

fn number(right: &Value, id: bool, member: bool) -> Outcome<Cell> {
    let number = match right {
        Value::Text(text) => text.trim().parse().map_err(|_| {
            if id {
                Fault::other(
                    "psycopg2.errors.InvalidTextRepresentation",
                    format!("invalid input syntax for type integer: \"{text}\"\nLINE 1: ...\n             ^\n"),
                )
            } else {
                Fault::value_error(format!("invalid literal for int() with base 10: {}", right.repr()))
            }
        })?,
        #[expect(clippy::cast_possible_truncation, reason = "as Python's int() does")]
        Value::Double(number) => *number as i64,
        Value::Bool(_) if id => {
            let text = Value::Text(right.python_str());
            return number(&text, true, member);
        }
        other => other.as_int().unwrap_or(0),
    };
    // An id is sent as text and cast; other numbers are compared as what they are.
    if id && !member && i32::try_from(number).is_err() {
        return Err(Fault::other(
            "psycopg2.errors.NumericValueOutOfRange",
            format!("value \"{number}\" is out of range for type integer\nLINE 1: ...\n             ^\n"),
        ));
    }
    Ok(Cell::Int(number))
}

fn invalid_input(kind: &str, text: &str) -> Fault {
    if text.starts_with(|first: char| first.is_ascii_digit()) && text.contains(['/', '-']) {
        return Fault::other(
            "psycopg2.errors.DatetimeFieldOverflow",
            format!(
                "date/time field value out of range: \"{text}\"\nLINE 1: ...\n             ^\nHINT:  Perhaps you need a \
                 different \"datestyle\" setting.\n"
            ),
        );
    }
    Fault::other(
        "psycopg2.errors.InvalidDatetimeFormat",
        format!("invalid input syntax for type {kind}: \"{text}\"\nLINE 1: ...\n             ^\n"),
    )
}
