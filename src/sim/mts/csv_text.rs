//! CSV as Python's csv module reads and writes it (its "excel" dialect).

use jaq_json::Val;

use super::json::{dumps, text};

/// A row cannot be made of this value: Python cannot walk through it.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRow;

/// Writes rows; the keys of the first object become the header.
#[derive(Debug, Default)]
pub struct CsvWriter {
    out: String,
    header: bool,
}

impl CsvWriter {
    pub fn row(&mut self, value: &Val) -> Result<(), NoRow> {
        match value {
            Val::Obj(map) => {
                if !self.header {
                    self.cells(map.keys().map(|key| text(key).unwrap_or_default().to_owned()).collect());
                    self.header = true;
                }
                self.cells(map.values().map(cell).collect());
            }
            Val::Arr(items) => self.cells(items.iter().map(cell).collect()),
            // A text is walked through letter by letter.
            Val::TStr(_) => self.cells(text(value).unwrap_or_default().chars().map(String::from).collect()),
            _ => return Err(NoRow),
        }
        Ok(())
    }

    fn cells(&mut self, cells: Vec<String>) {
        let single = cells.len() == 1;
        for (i, cell) in cells.iter().enumerate() {
            self.out.push_str(if i == 0 { "" } else { "," });
            if cell.contains([',', '"', '\r', '\n']) || (single && cell.is_empty()) {
                self.out.push('"');
                self.out.push_str(&cell.replace('"', "\"\""));
                self.out.push('"');
            } else {
                self.out.push_str(cell);
            }
        }
        self.out.push_str("\r\n");
    }

    pub fn finish(self) -> String {
        self.out
    }
}

fn cell(value: &Val) -> String {
    match value {
        Val::Null => String::new(),
        Val::TStr(_) => text(value).unwrap_or_default().to_owned(),
        value => dumps(value),
    }
}

/// Reads all rows; a blank line is an empty one.
pub fn rows(csv: &str, delimiter: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut begun) = (false, false);
    let mut chars = csv.chars().peekable();
    let mut end = |row: &mut Vec<String>, cell: &mut String, begun: &mut bool| {
        if *begun {
            row.push(std::mem::take(cell));
        }
        rows.push(std::mem::take(row));
        *begun = false;
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            _ if quoted => cell.push(c),
            '"' if cell.is_empty() => (quoted, begun) = (true, true),
            '\r' | '\n' => {
                if c == '\r' && chars.peek() == Some(&'\n') {
                    chars.next();
                }
                end(&mut row, &mut cell, &mut begun);
            }
            c if c == delimiter => {
                row.push(std::mem::take(&mut cell));
                begun = true;
            }
            c => {
                cell.push(c);
                begun = true;
            }
        }
    }
    if begun {
        end(&mut row, &mut cell, &mut begun);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::mts::json::parse;

    #[test]
    fn writes_rows() {
        let mut csv = CsvWriter::default();
        for value in [
            r#"{"id":"r,1","n":5,"o":{"a":1},"e":null}"#,
            r#"{"id":null,"n":5,"o":"q\"q","e":true}"#,
            r#"["x",1]"#,
            "\"ab\"",
        ] {
            csv.row(&parse(value.as_bytes()).unwrap()).unwrap();
        }
        assert_eq!(csv.row(&Val::Null), Err(NoRow));
        assert_eq!(csv.finish(), "id,n,o,e\r\n\"r,1\",5,\"{\"\"a\"\": 1}\",\r\n,5,\"q\"\"q\",true\r\nx,1\r\na,b\r\n");
    }

    #[test]
    fn reads_rows() {
        let read = rows("vid,name,address\r\n1,Asha,\"1, \"\"Main\"\"\nRoad\"\r\n\r\n2,,\n3", ',');
        assert_eq!(
            read,
            [
                vec!["vid", "name", "address"],
                vec!["1", "Asha", "1, \"Main\"\nRoad"],
                vec![],
                vec!["2", "", ""],
                vec!["3"]
            ]
        );
        assert_eq!(rows("", ','), Vec::<Vec<String>>::new());
        assert_eq!(rows("a;b", ';'), [["a", "b"]]);
    }
}
