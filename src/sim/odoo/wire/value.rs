//! One XML-RPC value, and how Python would print it: Odoo's fault texts quote values by `repr`.

use std::borrow::Cow;
use std::fmt::Write;

/// A struct's member name; field names of the schema are borrowed.
pub type Key = Cow<'static, str>;

/// A value of a call or an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    /// `dateTime.iso8601`, as written.
    DateTime(String),
    /// `base64`, still encoded.
    Base64(String),
    Array(Vec<Value>),
    Struct(Vec<(Key, Value)>),
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The ids as an array of ints.
    pub fn ids(ids: impl IntoIterator<Item = i32>) -> Self {
        Self::Array(ids.into_iter().map(|id| Self::Int(i64::from(id))).collect())
    }

    /// Python's truth of the value.
    pub fn truthy(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(flag) => *flag,
            Self::Int(number) => *number != 0,
            Self::Double(number) => *number != 0.0,
            Self::Text(text) | Self::DateTime(text) | Self::Base64(text) => !text.is_empty(),
            Self::Array(items) => !items.is_empty(),
            Self::Struct(members) => !members.is_empty(),
        }
    }

    /// `False` or `None`: what stands for "no value" in domains and in writes.
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Nil | Self::Bool(false))
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Ints, and booleans as Python has them.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bool(flag) => Some(i64::from(*flag)),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A struct's member.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Struct(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The Python type's name, for `TypeError` texts.
    pub fn python_type(&self) -> &'static str {
        match self {
            Self::Nil => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Double(_) => "float",
            Self::Text(_) => "str",
            Self::DateTime(_) => "DateTime",
            Self::Base64(_) => "bytes",
            Self::Array(_) => "list",
            Self::Struct(_) => "dict",
        }
    }

    /// Python's `repr`.
    pub fn repr(&self) -> String {
        let mut out = String::new();
        self.write_repr(&mut out);
        out
    }

    /// Python's `str`: as `repr`, but text bare.
    pub fn python_str(&self) -> String {
        match self {
            Self::Text(text) | Self::DateTime(text) => text.clone(),
            other => other.repr(),
        }
    }

    /// The `repr` of a tuple of these items.
    pub fn tuple_repr(items: &[Value]) -> String {
        let inside: Vec<String> = items.iter().map(Self::repr).collect();
        match inside.as_slice() {
            [one] => format!("({one},)"),
            all => format!("({})", all.join(", ")),
        }
    }

    fn write_repr(&self, out: &mut String) {
        match self {
            Self::Nil => out.push_str("None"),
            Self::Bool(flag) => out.push_str(if *flag { "True" } else { "False" }),
            Self::Int(number) => {
                let _ = write!(out, "{number}");
            }
            Self::Double(number) => out.push_str(&double(*number)),
            Self::Text(text) => write_text_repr(text, out),
            Self::DateTime(text) => {
                let _ = write!(out, "<DateTime '{text}' at 0x7f3a5c0d1e50>");
            }
            Self::Base64(text) => {
                let _ = write!(out, "b'{text}'");
            }
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.write_repr(out);
                }
                out.push(']');
            }
            Self::Struct(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    write_text_repr(name, out);
                    out.push_str(": ");
                    value.write_repr(out);
                }
                out.push('}');
            }
        }
    }
}

/// A float as Python's `repr` has it, near enough: always with a fraction.
pub fn double(number: f64) -> String {
    format!("{number:?}")
}

fn write_text_repr(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A struct from its members.
impl<const N: usize> From<[(&'static str, Value); N]> for Value {
    fn from(members: [(&'static str, Value); N]) -> Self {
        Self::Struct(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    }
}
