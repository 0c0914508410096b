//! A row of Odoo's, read field by field, with the problems found so far.

use std::fmt::Display;

use serde_json::{Map, Value};

use super::Problem;

/// Most problems that are told; the first ones.
const MOST_PROBLEMS: usize = 100;
/// Most names in a list of them, and the longest text that is read.
const MOST_NAMES: usize = 200;
const LONGEST: usize = 100_000;

pub(super) struct Row<'a> {
    values: &'a Map<String, Value>,
    problems: Vec<Problem>,
}

impl<'a> Row<'a> {
    pub(super) fn new(values: &'a Map<String, Value>) -> Self {
        Self { values, problems: Vec::new() }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Notes a problem.
    pub(super) fn tell(&mut self, field: &'static str, reason: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { field, reason: reason.into() });
        }
    }

    /// Notes a problem and gives nothing.
    pub(super) fn problem<T>(&mut self, field: &'static str, reason: impl Into<String>) -> Option<T> {
        self.tell(field, reason);
        None
    }

    /// The good result, or nothing and a problem.
    pub(super) fn checked<T, E: Display>(&mut self, field: &'static str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => self.problem(field, error.to_string()),
        }
    }

    /// The value, unless unset: missing, null, or Odoo's `false`.
    fn set(&self, field: &str) -> Option<&'a Value> {
        match self.values.get(field) {
            None | Some(Value::Null | Value::Bool(false)) => None,
            Some(value) => Some(value),
        }
    }

    /// A text field's text, blanks around it cut off; `None` if nothing is left.
    pub(super) fn text(&self, field: &str) -> Option<&'a str> {
        let text = self.set(field)?.as_str()?.trim();
        (!text.is_empty() && text.len() <= LONGEST).then_some(text)
    }

    /// Whether a field that [`Row::text`] or [`Row::link`] finds nothing in is really unset, and not of another kind or
    /// beyond the limit. Notes a problem otherwise.
    pub(super) fn readable(&mut self, field: &'static str) -> bool {
        let readable = match self.set(field) {
            None | Some(Value::Number(_)) => true,
            Some(Value::String(text)) => text.len() <= LONGEST,
            Some(Value::Array(pair)) => pair.first().is_some_and(Value::is_i64),
            Some(_) => false,
        };
        if !readable {
            self.tell(field, "holds something that OMC cannot read, or too much of it");
        }
        readable
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, field: &'static str, missing: &str) -> Option<String> {
        match self.text(field) {
            Some(text) => Some(text.to_owned()),
            None => self.problem(field, missing),
        }
    }

    /// A yes/no field; `None` if it is not there at all.
    pub(super) fn flag(&self, field: &str) -> Option<bool> {
        self.values.get(field)?.as_bool()
    }

    /// A whole number; the inner `None` if unset, the outer one with a problem if it is none.
    pub(super) fn number(&mut self, field: &'static str) -> Option<Option<i64>> {
        match self.set(field) {
            None => Some(None),
            Some(value) => match value.as_i64() {
                Some(number) => Some(Some(number)),
                None => self.problem(field, "write a whole number"),
            },
        }
    }

    /// The id of a many2one, read as a pair or as a bare number.
    pub(super) fn link(&self, field: &str) -> Option<i64> {
        match self.set(field)? {
            Value::Array(pair) => pair.first()?.as_i64(),
            value => value.as_i64(),
        }
    }

    /// A list of names, as a JSON list or with commas between them. The inner `None` if unset, the outer one with a problem.
    pub(super) fn names(&mut self, field: &'static str) -> Option<Option<Vec<String>>> {
        let Some(text) = self.text(field) else {
            return self.readable(field).then_some(None);
        };
        let names: Vec<String> = if text.starts_with('[') {
            match serde_json::from_str(text) {
                Ok(names) => names,
                Err(_) => {
                    return self.problem(field, "write a JSON list of names, for example [\"gender\", \"phone\"]");
                }
            }
        } else {
            text.split(',').map(|name| name.trim().to_owned()).collect()
        };
        if names.len() > MOST_NAMES {
            return self.problem(field, format!("more than {MOST_NAMES} names"));
        }
        Some(Some(names))
    }
}
