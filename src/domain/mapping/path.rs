//! A plain path into a record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest path, in characters, and most segments.
const LONGEST: usize = 200;
const DEEPEST: usize = 8;

/// A plain path into a record: `given_name`, `address.city`. Its segments are names, so that it is the same path in jq, where
/// MTS puts a dot in front of it and runs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path(Vec<String>);

/// Why a text is no plain path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPath {
    #[error("the path is empty")]
    Empty,
    #[error("the path is longer than {LONGEST} characters or deeper than {DEEPEST} names")]
    TooLong,
    #[error(
        "not a plain path; write names of letters, digits and underscores that begin with no digit, joined with dots (given_name, address.city)"
    )]
    NotPlain,
}

impl Path {
    /// The path of one segment. `name` is one of this crate's own names, or an Odoo field's.
    pub(super) fn of(name: &'static str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The names along the path; never empty.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// The key at the top of the record.
    pub fn first(&self) -> &str {
        &self.0[0]
    }

    /// The value at the end of the path. `None` where a key is missing; anything else than an object on the way has no keys.
    pub fn resolve<'a>(&self, record: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(record.get(first)?, |value, name| value.get(name))
    }

    /// As [`Path::resolve`], to change the value.
    pub fn resolve_mut<'a>(&self, record: &'a mut Map<String, Value>) -> Option<&'a mut Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(record.get_mut(first)?, |value, name| value.get_mut(name))
    }

    /// Puts a value at the end of the path, making objects on the way where nothing is. Gives `false` and changes nothing
    /// where something else than an object stands in the way.
    pub fn put(&self, record: &mut Map<String, Value>, value: Value) -> bool {
        let Some((last, way)) = self.0.split_last() else {
            return false;
        };
        let mut standing = Some(&*record);
        for name in way {
            standing = match standing.and_then(|object| object.get(name)) {
                None | Some(Value::Null) => None,
                Some(Value::Object(object)) => Some(object),
                Some(_) => return false,
            };
        }
        let mut object = record;
        for name in way {
            let next = object.entry(name.clone()).or_insert(Value::Null);
            if next.is_null() {
                *next = Value::Object(Map::new());
            }
            let Value::Object(inner) = next else {
                return false;
            };
            object = inner;
        }
        object.insert(last.clone(), value);
        true
    }
}

impl FromStr for Path {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        if text.trim().is_empty() {
            return Err(NotAPath::Empty);
        }
        let segments: Vec<String> = text.split('.').map(str::to_owned).collect();
        if text.len() > LONGEST || segments.len() > DEEPEST {
            return Err(NotAPath::TooLong);
        }
        if segments.iter().all(|segment| is_name(segment)) { Ok(Self(segments)) } else { Err(NotAPath::NotPlain) }
    }
}

impl TryFrom<String> for Path {
    type Error = NotAPath;

    fn try_from(text: String) -> Result<Self, NotAPath> {
        text.parse()
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Whether a text is a name: of an Odoo field, or of a key that jq takes after a dot without quotes.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
