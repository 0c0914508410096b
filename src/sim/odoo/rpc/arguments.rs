//! Arguments as Python binds them: by place first, by name after.

use std::collections::VecDeque;

use super::super::fault::{Fault, Outcome};
use super::super::wire::{Key, Value};

/// What a method was called with.
pub struct Arguments {
    method: String,
    placed: VecDeque<Value>,
    named: Vec<(Key, Value)>,
}

impl Arguments {
    pub fn new(method: &str, placed: Vec<Value>, named: Vec<(Key, Value)>) -> Self {
        Self { method: method.to_owned(), placed: placed.into(), named }
    }

    /// The next argument by place, or the one of this name; `None` leaves it to the default.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.placed.pop_front().or_else(|| self.take_named(name))
    }

    pub fn take_named(&mut self, name: &str) -> Option<Value> {
        let at = self.named.iter().position(|(known, _)| known == name)?;
        Some(self.named.remove(at).1)
    }

    /// The first of the ids a record method is called on, which stay where they are.
    pub fn first_id(&self) -> Option<i32> {
        match self.placed.front()? {
            Value::Array(items) => items.first().and_then(|item| id(item).ok()),
            one => id(one).ok(),
        }
    }

    /// Whether the argument after the ids is a structure in which this is true.
    pub fn asks_for(&self, name: &str) -> bool {
        self.placed.get(1).and_then(|argument| argument.get(name)).is_some_and(Value::truthy)
    }

    /// An argument without default.
    pub fn require(&mut self, name: &str) -> Outcome<Value> {
        self.take(name).ok_or_else(|| {
            Fault::type_error(format!("{}() missing 1 required positional argument: '{name}'", self.method))
        })
    }

    /// The ids a record method is called on: a list or a bare number, always by place.
    pub fn ids(&mut self) -> Outcome<Vec<i32>> {
        let ids = self.placed.pop_front().ok_or_else(|| Fault::other("IndexError", "tuple index out of range"))?;
        match &ids {
            Value::Array(items) => items.iter().map(id).collect(),
            value if value.is_unset() => Ok(Vec::new()),
            one => Ok(vec![id(one)?]),
        }
    }

    /// Fails where arguments are left over.
    pub fn done(&self) -> Outcome<()> {
        if let Some((name, _)) = self.named.first() {
            return Err(Fault::type_error(format!("{}() got an unexpected keyword argument '{name}'", self.method)));
        }
        if self.placed.is_empty() {
            return Ok(());
        }
        Err(Fault::type_error(format!("{}() takes fewer positional arguments than were given", self.method)))
    }
}

fn id(value: &Value) -> Outcome<i32> {
    let number = value.as_int().ok_or_else(|| {
        Fault::other(
            "psycopg2.errors.InvalidTextRepresentation",
            format!("invalid input syntax for type integer: \"{}\"\nLINE 1: ...\n             ^\n", value.python_str()),
        )
    })?;
    // Beyond what an id can be: a row there is not.
    Ok(i32::try_from(number).unwrap_or(i32::MAX))
}

/// A count: `False`, `None` and 0 mean none given.
pub fn count(value: Option<Value>) -> Option<usize> {
    value.as_ref().and_then(Value::as_int).and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0)
}
