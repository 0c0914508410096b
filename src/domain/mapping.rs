//! Which value of a record is which in MTS's eyes.

mod mandatory;
mod path;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use mandatory::{Mandatory, UnknownMandatory};
pub(crate) use path::is_name;
pub use path::{NotAPath, Path};

/// How many paths a name or an address may be made of.
const MOST_PARTS: usize = 20;

/// A field of MTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    Vid,
    Name,
    Gender,
    DateOfBirth,
    PhoneNumber,
    EmailId,
    FullAddress,
}

impl Target {
    /// All of them, in the order in which MTS looks at them.
    pub const ALL: [Self; 7] =
        [Self::Vid, Self::Name, Self::Gender, Self::DateOfBirth, Self::PhoneNumber, Self::EmailId, Self::FullAddress];

    /// The field's name at MTS; a mapping's keys are these, and so are the paths of a mapping that leaves them out.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vid => "vid",
            Self::Name => "name",
            Self::Gender => "gender",
            Self::DateOfBirth => "dob",
            Self::PhoneNumber => "phoneNumber",
            Self::EmailId => "emailId",
            Self::FullAddress => "fullAddress",
        }
    }

    /// Whether MTS joins this field from a list of paths.
    fn is_list(self) -> bool {
        matches!(self, Self::Name | Self::FullAddress)
    }
}

/// MTS's seven fields and the record's paths that fill them.
///
/// Written as a JSON object; keys that are missing take MTS's defaults, paths of the fields' own names. Every path is plain,
/// because MTS runs mapping entries as jq: anything else would be code inside MTS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Mapping {
    pub vid: Path,
    pub name: Vec<Path>,
    pub gender: Path,
    pub dob: Path,
    pub phone_number: Path,
    pub email_id: Path,
    pub full_address: Vec<Path>,
    /// The keys that the administrator left to MTS's defaults.
    defaulted: BTreeSet<Target>,
}

/// What is wrong with one key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {reason}")]
pub struct FieldProblem {
    /// The key in the mapping; `mapping` when it is no mapping at all.
    pub key: String,
    pub reason: String,
}

impl Mapping {
    /// Reads a mapping as an administrator writes it; gives every problem there is.
    pub fn parse(text: &str) -> Result<Self, Vec<FieldProblem>> {
        let whole = |reason: &str| vec![problem("mapping", reason)];
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Self::from_object(&object),
            Ok(_) => Err(whole(
                "write a JSON object, for example {\"name\": [\"given_name\", \"family_name\"], \"gender\": \"gender\"}",
            )),
            Err(error) => Err(whole(&format!("not JSON (line {}, column {})", error.line(), error.column()))),
        }
    }

    fn from_object(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let mut defaulted = BTreeSet::new();
        for key in object.keys() {
            if Target::ALL.iter().all(|target| target.name() != key) {
                problems.push(problem(
                    &shown(key),
                    "not a field of MTS; write vid, name, gender, dob, phoneNumber, emailId or fullAddress",
                ));
            }
        }
        let mut paths = |target: Target| {
            let own_name = || vec![Path::of(target.name())];
            let Some(value) = object.get(target.name()) else {
                defaulted.insert(target);
                return own_name();
            };
            let read = if target.is_list() { list(value) } else { single(value) };
            read.unwrap_or_else(|reason| {
                problems.push(problem(target.name(), &reason));
                own_name()
            })
        };
        let [vid, name, gender, dob, phone_number, email_id, full_address] = Target::ALL.map(&mut paths);
        if !problems.is_empty() {
            return Err(problems);
        }
        let only = |mut paths: Vec<Path>| paths.swap_remove(0);
        Ok(Self {
            vid: only(vid),
            name,
            gender: only(gender),
            dob: only(dob),
            phone_number: only(phone_number),
            email_id: only(email_id),
            full_address,
            defaulted,
        })
    }

    /// Each field with its paths, in MTS's order.
    pub fn entries(&self) -> [(Target, &[Path]); 7] {
        Target::ALL.map(|target| (target, self.paths(target)))
    }

    /// The paths that fill a field; never empty.
    pub fn paths(&self, target: Target) -> &[Path] {
        match target {
            Target::Vid => std::slice::from_ref(&self.vid),
            Target::Name => &self.name,
            Target::Gender => std::slice::from_ref(&self.gender),
            Target::DateOfBirth => std::slice::from_ref(&self.dob),
            Target::PhoneNumber => std::slice::from_ref(&self.phone_number),
            Target::EmailId => std::slice::from_ref(&self.email_id),
            Target::FullAddress => &self.full_address,
        }
    }

    /// Whether the administrator wrote this key, and did not leave it to MTS's default.
    pub fn is_given(&self, target: Target) -> bool {
        !self.defaulted.contains(&target)
    }

    /// `mapping` of MTS's request, all keys written out.
    pub fn to_json(&self) -> Value {
        let text = |path: &Path| path.to_string();
        let list = |paths: &[Path]| paths.iter().map(text).collect::<Vec<_>>();
        json!({
            "vid": text(&self.vid),
            "name": list(&self.name),
            "gender": text(&self.gender),
            "dob": text(&self.dob),
            "phoneNumber": text(&self.phone_number),
            "emailId": text(&self.email_id),
            "fullAddress": list(&self.full_address),
        })
    }
}

impl TryFrom<Map<String, Value>> for Mapping {
    type Error = String;

    fn try_from(object: Map<String, Value>) -> Result<Self, String> {
        Self::from_object(&object).map_err(|_| "not a mapping".to_owned())
    }
}

/// Only what the administrator wrote, so that a default is still known as one when read back.
impl From<Mapping> for Map<String, Value> {
    fn from(mapping: Mapping) -> Self {
        let Value::Object(mut object) = mapping.to_json() else {
            return Self::new();
        };
        object.retain(|key, _| mapping.defaulted.iter().all(|target| target.name() != key));
        object
    }
}

fn problem(key: &str, reason: &str) -> FieldProblem {
    FieldProblem { key: key.to_owned(), reason: reason.to_owned() }
}

/// A key of the administrator's own as it may be shown: short, and nothing unprintable.
fn shown(key: &str) -> String {
    key.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn single(value: &Value) -> Result<Vec<Path>, String> {
    match value {
        Value::String(text) => Ok(vec![one(text)?]),
        _ => Err("write one path as text, for example \"gender\"".to_owned()),
    }
}

fn list(value: &Value) -> Result<Vec<Path>, String> {
    let example = "write a list of paths, for example [\"given_name\", \"family_name\"]";
    match value {
        Value::Array(items) if items.is_empty() => Err(format!("the list is empty; {example}")),
        Value::Array(items) if items.len() > MOST_PARTS => Err(format!("more than {MOST_PARTS} paths")),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => one(text),
                _ => Err(format!("an entry is no text; {example}")),
            })
            .collect(),
        Value::String(_) => Err(format!("a list is wanted here, even of one path; {example}")),
        _ => Err(example.to_owned()),
    }
}

fn one(text: &str) -> Result<Path, String> {
    text.parse().map_err(|error: NotAPath| error.to_string())
}

#[cfg(test)]
mod tests;
