//! Which columns of a file fill MTS's fields, and the other ones that are wanted.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::domain::mapping::{Mandatory, Mapping, Target};

/// Most columns of one field.
const MOST_PARTS: usize = 20;

/// `--map`: an MTS field and the columns that fill it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub target: Target,
    pub columns: Vec<String>,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, columns) = text.split_once('=').ok_or("write field=column, for example dob=birthdate")?;
        let known = Target::ALL.into_iter().find(|target| target.name().eq_ignore_ascii_case(field.trim()));
        let target =
            known.ok_or("not a field of MTS; write vid, name, gender, dob, phoneNumber, emailId or fullAddress")?;
        let columns: Vec<String> = columns.split(',').map(|column| column.trim().to_owned()).collect();
        let several = matches!(target, Target::Name | Target::FullAddress);
        match columns.len() {
            _ if columns.iter().any(String::is_empty) => Err("a column has no name".to_owned()),
            2.. if !several => Err(format!("{} takes one column; name and fullAddress take several", target.name())),
            count if count > MOST_PARTS => Err(format!("more than {MOST_PARTS} columns")),
            _ => Ok(Self { target, columns }),
        }
    }
}

/// `--match`: an ID type of the registry, and the column that has its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub id_type: String,
    pub column: String,
}

impl FromStr for Match {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id_type, column) = text.rsplit_once('=').ok_or("write \"ID TYPE=column\"")?;
        let (id_type, column) = (id_type.trim().to_owned(), column.trim().to_owned());
        match id_type.is_empty() || column.is_empty() {
            true => Err("write \"ID TYPE=column\", both with a name".to_owned()),
            false => Ok(Self { id_type, column }),
        }
    }
}

/// What is wanted of a file's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub assignments: Vec<Assignment>,
    /// The column of the registrants' IDs, where there are registrants.
    pub matched: Option<String>,
    pub mandatory: Mandatory,
}

/// Where in a row the values are, by places from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// In MTS's order; a field without columns is left out.
    fields: Vec<(Target, Vec<usize>)>,
    pub matched: Option<usize>,
    /// So many cells has every row.
    pub count: usize,
}

/// A wanted column that is not in the header, or twice. It names what was asked for, never what the file has: a file without a
/// header begins with a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("no column `{column}`{of}; name the columns with --map field=column. Is the first line the header?")]
    Missing { column: String, of: String },
    #[error("the column `{column}` is there more than once (columns {first} and {second}); rename one of them")]
    Twice { column: String, first: usize, second: usize },
    #[error("no column is left for `{0}`, which MTS demands; name one with --map {0}=column")]
    Demanded(&'static str),
}

impl Wanted {
    /// Finds the columns in a header. Names are held against each other without blanks around them and whatever their case.
    pub fn find(&self, header: &[String]) -> Result<Columns, Unfit> {
        let mut fields = Vec::new();
        for target in Target::ALL {
            let assigned = self.assignments.iter().rfind(|assignment| assignment.target == target);
            let places = match assigned {
                Some(Assignment { columns, .. }) => columns
                    .iter()
                    .map(|column| place(header, column)?.ok_or_else(|| missing(column, target)))
                    .collect::<Result<_, _>>()?,
                // MTS's own names, for what is there.
                None => match place(header, target.name())? {
                    Some(at) => vec![at],
                    None if target == Target::Vid => return Err(missing(target.name(), target)),
                    None if self.mandatory.has(target) => return Err(Unfit::Demanded(target.name())),
                    None => continue,
                },
            };
            fields.push((target, places));
        }
        let matched = match &self.matched {
            None => None,
            Some(column) => {
                let unfit = || Unfit::Missing { column: column.clone(), of: " (of --match)".to_owned() };
                Some(place(header, column)?.ok_or_else(unfit)?)
            }
        };
        Ok(Columns { fields, matched, count: header.len() })
    }
}

fn missing(column: &str, target: Target) -> Unfit {
    let of = if column == target.name() { String::new() } else { format!(" (for {})", target.name()) };
    Unfit::Missing { column: column.to_owned(), of }
}

fn place(header: &[String], wanted: &str) -> Result<Option<usize>, Unfit> {
    let is = |name: &String| name.trim().to_lowercase() == wanted.trim().to_lowercase();
    let mut found = header.iter().enumerate().filter(|(_, name)| is(name)).map(|(at, _)| at);
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => {
            Err(Unfit::Twice { column: wanted.to_owned(), first: first + 1, second: second + 1 })
        }
        (first, _) => Ok(first),
    }
}

/// The name under which a cell is in a record.
fn key(target: Target, part: usize) -> String {
    format!("{}{part}", target.name())
}

impl Columns {
    /// The VID of a row, without blanks around it.
    pub fn vid<'r>(&self, row: &'r [String]) -> &'r str {
        let place = self.fields.iter().find(|(target, _)| *target == Target::Vid).map(|(_, places)| places[0]);
        place.map_or("", |at| row[at].trim())
    }

    /// The ID of a row's registrant, without blanks around it, where there are registrants.
    pub fn matched<'r>(&self, row: &'r [String]) -> Option<&'r str> {
        self.matched.map(|at| row[at].trim())
    }

    /// What of a row is mapped, but for the VID.
    pub fn record(&self, row: &[String]) -> Map<String, Value> {
        let mut record = Map::new();
        for (target, places) in self.fields.iter().filter(|(target, _)| *target != Target::Vid) {
            for (part, place) in places.iter().enumerate() {
                let cell = row[*place].trim();
                // As dates of the registry go.
                let text = if *target == Target::DateOfBirth { cell.replace('-', "/") } else { cell.to_owned() };
                record.insert(key(*target, part), Value::from(text));
            }
        }
        record
    }

    /// The mapping of such records.
    pub fn mapping(&self) -> Mapping {
        let mut object = Map::new();
        for (target, places) in &self.fields {
            let keys: Vec<String> = (0..places.len()).map(|part| key(*target, part)).collect();
            let value = match target {
                Target::Vid => Value::from("vid"),
                Target::Name | Target::FullAddress => Value::from(keys),
                _ => Value::from(keys[0].as_str()),
            };
            object.insert(target.name().to_owned(), value);
        }
        // Unwrap safety: the keys are MTS's fields, and the paths letters and digits.
        Mapping::try_from(object).expect("plain paths")
    }

    /// What tells one choice of columns from another.
    pub fn text(&self) -> String {
        format!("{:?} {:?} {}", self.fields, self.matched, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(assignments: &[&str]) -> Wanted {
        let assignments = assignments.iter().map(|text| text.parse().unwrap()).collect();
        Wanted { assignments, matched: None, mandatory: Mandatory::default() }
    }

    fn header(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn own_names_or_those_that_were_given() {
        let plain = wanted(&[]).find(&header(" VID ,name,gender,dob,fulladdress,else")).unwrap();
        let row = header(" 20 , Ana ,female,1990-01-31,Hill 1,x");
        assert_eq!(plain.vid(&row), "20");
        let record = plain.record(&row);
        let expected =
            serde_json::json!({"name0": "Ana", "gender0": "female", "dob0": "1990/01/31", "fullAddress0": "Hill 1"});
        assert_eq!(Value::Object(record), expected, "and nothing that is not mapped");
        let several = wanted(&["name=first,last", "fullAddress=street", "DOB=born"]);
        let columns = several.find(&header("vid,first,last,gender,born,street")).unwrap();
        assert_eq!(columns.mapping().to_json()["name"], serde_json::json!(["name0", "name1"]));
        assert_eq!(columns.mapping().to_json()["dob"], "dob0");
    }

    #[test]
    fn a_header_that_does_not_fit_is_told_without_quoting_it() {
        let told = |wanted: &Wanted, text: &str| wanted.find(&header(text)).unwrap_err().to_string();
        let person = "2045678901234567,Ana Silva,female,1990/01/31,Hill 1";
        let first = told(&wanted(&[]), person);
        assert!(first.contains("`vid`") && first.contains("--map") && !first.contains("Ana"), "{first}");
        assert!(told(&wanted(&[]), "vid,name,gender,fullAddress").contains("`dob`"));
        assert!(told(&wanted(&["dob=born"]), "vid,name,gender,dob,fullAddress").contains("`born` (for dob)"));
        let twice = told(&wanted(&[]), "vid,name,gender,VID,dob,fullAddress");
        assert!(twice.contains("columns 1 and 4"), "{twice}");
    }

    #[test]
    fn assignments_and_matches_are_read_or_explained() {
        for wrong in ["dob", "birth=x", "dob=a,b", "name=a,,b", "vid="] {
            assert!(wrong.parse::<Assignment>().is_err(), "{wrong}");
        }
        let read: Match = "National = ID=national id".parse().unwrap();
        assert_eq!((read.id_type.as_str(), read.column.as_str()), ("National = ID", "national id"));
        assert!("National ID".parse::<Match>().is_err() && "=x".parse::<Match>().is_err());
    }
}
