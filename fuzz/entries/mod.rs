//! What is fuzzed: one function for each reader of what comes from outside, or from disk. Each takes any bytes, and fails by a
//! panic: its own, or one of the reader's. Used twice, by the targets of cargo-fuzz in `fuzz/fuzz_targets` and by
//! `tests/fuzz`, so that both look at the same.

// Each target of cargo-fuzz runs one of them.
#![allow(dead_code, reason = "every user of this module uses a part of it")]

pub mod callback_body;
pub mod definition;
pub mod expression;
pub mod filter;
pub mod stored_value;
pub mod xml_answer;

use std::fmt::{Debug, Display};

use serde_json::Value;

/// As many digits in a row as a VID may have: no error has so many of its own.
const LONG_NUMBER: usize = 12;

/// Fails if an error quotes a long number out of the input, as a VID is one.
pub fn keeps_numbers_to_itself(error: &(impl Debug + Display), input: &str) {
    shows_no_number(&format!("{error} {error:?}"), input);
}

/// Fails if a text shows a long number out of the input. A number that is the end of a name (`x2045...`) is part of it.
pub fn shows_no_number(text: &str, input: &str) {
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_ascii_digit(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let named = text[..from].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let shown = at - from >= LONG_NUMBER && !named && input.contains(&text[from..at]);
                assert!(!shown, "a number of the input is shown: {text}");
                start = None;
            }
            _ => {}
        }
    }
}

/// About the memory that a value takes, in bytes.
pub fn weight(value: &Value) -> usize {
    /// One node of a map, which has room for eleven entries.
    const NODE: usize = 11 * (size_of::<String>() + size_of::<Value>());
    let within = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.capacity(),
        Value::Array(items) => {
            let spare = (items.capacity() - items.len()) * size_of::<Value>();
            spare + items.iter().map(weight).sum::<usize>()
        }
        Value::Object(members) => {
            let nodes = members.len().div_ceil(5) * NODE;
            nodes + members.iter().map(|(name, value)| name.capacity() + weight(value)).sum::<usize>()
        }
    };
    size_of::<Value>() + within
}
