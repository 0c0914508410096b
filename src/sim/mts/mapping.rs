//! The mapping of a request: where in a record each field is, and what makes a record invalid or breaks the whole batch.

use jaq_json::{Map, Val};

use super::Release;
use super::auth_data::{AuthData, Model};
use super::fields::{Fields, NO_DICT};
use super::jq::{Program, Run};
use super::json::{text, truthy, type_name};

/// Something for each field of a record.
#[derive(Debug)]
pub struct Each<T> {
    pub vid: T,
    pub name: Vec<T>,
    pub gender: T,
    pub dob: T,
    pub phone: T,
    pub email: T,
    pub address: Vec<T>,
}

/// A mapping, compiled once for a request.
#[derive(Debug)]
pub enum Mapping {
    /// Release 1.1: jq paths.
    Paths(Each<Path>),
    /// Release 1.0.1: keys, with a dot nested ones.
    Keys(Each<String>),
}

/// An entry of release 1.1: `.` and the entry are a jq program.
#[derive(Debug)]
pub enum Path {
    /// Plain names, walked without jq.
    Names(Vec<Val>),
    Program(Program),
    /// No program at all: the field counts as absent.
    Broken,
}

/// Why a record, or the whole request, is not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The record is invalid: code and message.
    Record(&'static str, &'static str),
    /// The batch ends in a 500 with this text.
    Batch(String),
    /// The worker dies.
    Crash,
}

const VID: Fault = Fault::Record("ATS-REQ-009", "vid or its mapping not present");
const NO_NAME: Fault = Fault::Record("ATS-REQ-010", "name or its mapping not present");
const EMPTY_NAME: Fault = Fault::Record("ATS-REQ-003", "name is not provided");
const NO_GENDER: Fault = Fault::Record("ATS-REQ-011", "gender or its mapping not present");
const EMPTY_GENDER: Fault = Fault::Record("ATS-REQ-004", "gender is empty");
const NO_DOB: Fault = Fault::Record("ATS-REQ-012", "dateOfBirth or its mapping not present");
const EMPTY_DOB: Fault = Fault::Record("ATS-REQ-006", "date of birth is empty");
const NO_ADDRESS: Fault = Fault::Record("ATS-REQ-015", "fullAddress or its mapping not present");
const EMPTY_ADDRESS: Fault = Fault::Record("ATS-REQ-008", "address is empty");

impl Mapping {
    /// Reads the `mapping` of a request; `None` is the default one.
    pub fn read(value: Option<&Val>, release: Release, faults: &mut Vec<String>) -> Self {
        let empty = Val::obj(Map::default());
        let mut fields = match value {
            Some(Val::Null) => {
                faults.push("none is not an allowed value".to_owned());
                Fields::of(&empty)
            }
            Some(value) => Fields::of(value).or_else(|| {
                faults.push(NO_DICT.to_owned());
                None
            }),
            None => Fields::of(&empty),
        };
        let keys = fields.as_mut().map(|fields| Each {
            vid: fields.text_or("vid", "vid"),
            name: fields.texts_or("name", "name"),
            gender: fields.text_or("gender", "gender"),
            dob: fields.text_or("dob", "dob"),
            phone: fields.text_or("phoneNumber", "phoneNumber"),
            email: fields.text_or("emailId", "emailId"),
            address: fields.texts_or("fullAddress", "fullAddress"),
        });
        faults.extend(fields.into_iter().flat_map(|f| f.faults));
        let keys = keys.unwrap_or_else(|| Each {
            vid: String::new(),
            name: Vec::new(),
            gender: String::new(),
            dob: String::new(),
            phone: String::new(),
            email: String::new(),
            address: Vec::new(),
        });
        match release {
            Release::V1_0_1 => Self::Keys(keys),
            Release::V1_1 => Self::Paths(Each {
                vid: Path::of(&keys.vid),
                name: keys.name.iter().map(|k| Path::of(k)).collect(),
                gender: Path::of(&keys.gender),
                dob: Path::of(&keys.dob),
                phone: Path::of(&keys.phone),
                email: Path::of(&keys.email),
                address: keys.address.iter().map(|k| Path::of(k)).collect(),
            }),
        }
    }

    /// Takes the auth data out of a record.
    pub fn apply(&self, record: &Val) -> Result<AuthData, Fault> {
        match self {
            Self::Paths(paths) => paths.apply(record),
            Self::Keys(keys) => super::mapping_keys::apply(keys, record),
        }
    }
}

impl Path {
    fn of(entry: &str) -> Self {
        let plain = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if entry.split('.').all(plain) {
            return Self::Names(entry.split('.').map(|name| Val::utf8_str(name.to_owned())).collect());
        }
        Program::compile(&format!(".{entry}")).map_or(Self::Broken, Self::Program)
    }

    fn get(&self, record: &Val) -> Result<Val, Fault> {
        Ok(match self {
            Self::Names(names) => names
                .iter()
                .try_fold(record, |at, name| match at {
                    Val::Obj(map) => map.get(name),
                    _ => None,
                })
                .cloned()
                .unwrap_or_default(),
            Self::Program(program) => match program.first(record.clone()) {
                Run::First(value) => value,
                Run::Nothing => Val::Null,
                Run::Crash => return Err(Fault::Crash),
            },
            Self::Broken => Val::Null,
        })
    }
}

impl Each<Path> {
    fn apply(&self, record: &Val) -> Result<AuthData, Fault> {
        let vid = self.vid.get(record)?;
        if !truthy(&vid) {
            return Err(VID);
        }
        let name = parts(&self.name, record, " ", NO_NAME, EMPTY_NAME)?;
        let gender = sized(self.gender.get(record)?, NO_GENDER, EMPTY_GENDER)?;
        let dob = sized(self.dob.get(record)?, NO_DOB, EMPTY_DOB)?;
        let phone = Some(self.phone.get(record)?).filter(truthy);
        let email = Some(self.email.get(record)?).filter(truthy);
        let address = parts(&self.address, record, ", ", NO_ADDRESS, EMPTY_ADDRESS)?;
        Model { name, gender, dob, phone, email, address, vid }.checked()
    }
}

/// Several parts joined; those that are absent, null or empty are left out.
fn parts(paths: &[Path], record: &Val, between: &str, absent: Fault, empty: Fault) -> Result<String, Fault> {
    let (mut present, mut found) = (false, Vec::new());
    for path in paths {
        let value = path.get(record)?;
        present |= !matches!(value, Val::Null);
        if truthy(&value) {
            found.push(value);
        }
    }
    match (present, found.is_empty()) {
        (false, _) => Err(absent),
        (true, true) => Err(empty),
        (true, false) => joined(&found, between),
    }
}

/// Python's `join`, which takes texts only.
pub fn joined(values: &[Val], between: &str) -> Result<String, Fault> {
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        let Some(part) = text(value) else {
            let found = type_name(value);
            return Err(Fault::Batch(format!("sequence item {i}: expected str instance, {found} found")));
        };
        out.push_str(if i == 0 { "" } else { between });
        out.push_str(part);
    }
    Ok(out)
}

/// A value whose `len` is asked for: a number or a flag has none, and the batch ends there.
fn sized(value: Val, absent: Fault, empty: Fault) -> Result<Val, Fault> {
    match value {
        Val::Null => Err(absent),
        Val::Num(_) | Val::Bool(_) => Err(no_len(&value)),
        value if !truthy(&value) => Err(empty),
        value => Ok(value),
    }
}

pub fn no_len(value: &Val) -> Fault {
    Fault::Batch(format!("object of type '{}' has no len()", type_name(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::mts::json::parse;

    fn mapped(mapping: &str, record: &str) -> Result<AuthData, Fault> {
        let mut faults = Vec::new();
        let mapping = Mapping::read(Some(&parse(mapping.as_bytes()).unwrap()), Release::V1_1, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        mapping.apply(&parse(record.as_bytes()).unwrap())
    }

    fn with(field: &str, value: &str) -> Result<AuthData, Fault> {
        let mut record: serde_json::Value = serde_json::json!({"vid": "7", "name": "Asha", "gender": "Female", "dob": "1990/01/31",
            "phoneNumber": "9", "emailId": "a@example.org", "fullAddress": "1 Road"});
        record[field] = serde_json::from_str(value).unwrap();
        mapped("{}", &record.to_string())
    }

    fn code(result: Result<AuthData, Fault>) -> String {
        match result {
            Ok(_) => "ok".to_owned(),
            Err(Fault::Record(code, _)) => code.trim_start_matches("ATS-REQ-").to_owned(),
            Err(Fault::Batch(text)) => text,
            Err(Fault::Crash) => "crash".to_owned(),
        }
    }

    #[test]
    fn judges_each_wrong_value_as_mts_does() {
        let table = [
            ("vid", ["009", "009", "ok", "ok", "009", "009"]),
            ("name", ["010", "003", "ok", "sequence item 0: expected str instance, int found", "003", "003"]),
            (
                "gender",
                ["011", "004", "ok", "object of type 'int' has no len()", "object of type 'bool' has no len()", "004"],
            ),
            (
                "dob",
                ["012", "006", "ok", "object of type 'int' has no len()", "object of type 'bool' has no len()", "006"],
            ),
            ("fullAddress", ["015", "008", "ok", "sequence item 0: expected str instance, int found", "008", "008"]),
            ("phoneNumber", ["ok"; 6]),
            ("emailId", ["ok"; 6]),
        ];
        for (field, expected) in table {
            for (value, expected) in ["null", "\"\"", "\" \"", "5", "false", "[]"].into_iter().zip(expected) {
                assert_eq!(code(with(field, value)), expected, "{field} {value}");
            }
        }
        let model = "1 validation error for AuthTokenBaseModel\nvid\n  str type expected (type=type_error.str)";
        assert_eq!(code(with("vid", "{\"a\":1}")), model);
        assert!(code(with("phoneNumber", "[1]")).contains("\nphoneNumber\n"));
    }

    #[test]
    fn evaluates_entries_as_jq_paths() {
        let record =
            r#"{"q":{"n":["x"]},"ids":[{"v":"5"}],"id no":"6","name":"A","gender":"F","dob":"1","fullAddress":"R"}"#;
        let vid = |entry: &str| mapped(&serde_json::json!({"vid": entry}).to_string(), record).map(|d| d.vid);
        assert_eq!(vid("ids[0].v").unwrap(), "5");
        assert_eq!(vid("\"id no\"").unwrap(), "6");
        assert_eq!(vid("ids|env.HOME").unwrap(), "/home/mosip");
        for absent in ["id no", "id-no", "1st", "a:b", "q.n.x", "nope.x", "ñ", "$x", "name.first"] {
            assert_eq!(vid(absent), Err(VID), "{absent}");
        }
        assert_eq!(vid("ids|input"), Err(Fault::Crash));
        assert!(matches!(vid(""), Err(Fault::Batch(_))));
    }

    #[test]
    fn joins_parts_and_skips_gaps() {
        let mapping = r#"{"name":["a","x","b"],"fullAddress":["l1","l2","l3"]}"#;
        let record = r#"{"vid":"1","a":"A","b":"B","gender":"F","dob":"1","l1":"1 Rd","l2":null,"l3":"560001"}"#;
        let data = mapped(mapping, record).unwrap();
        assert_eq!((data.name.as_str(), data.address.as_str()), ("A B", "1 Rd, 560001"));
        assert_eq!(mapped(r#"{"name":[]}"#, r#"{"vid":"1"}"#).unwrap_err(), NO_NAME);
    }
}
