//! The file of a download (`GET /authtoken/file/{id}`): a row for each record of the request, in its order, in MTS's own form
//! `vid, status, token, errorCode, errorMessage` (release 1.0.1: the token before the status). MTS calls a request processed
//! before it has written the file, so that it may be empty or cut.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::csv;
use super::error::Blame;
use crate::domain::delivery::FileForm;
use crate::seal::Personal;

/// One row. The error message is not read: it can quote a whole person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub vid: Option<Personal<String>>,
    pub status: Option<String>,
    pub token: Option<Personal<String>>,
    pub code: Option<String>,
}

/// Why there are no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// MTS cannot be asked now.
    #[error("{0}")]
    Silent(&'static str),
    /// The gateway before MTS does not let OMC through.
    #[error("{0}")]
    Denied(Blame),
    /// MTS calls the request processed, and has no file of it, or not yet.
    #[error("MTS has no such file, or not yet")]
    Absent,
    /// Empty, cut, or not what MTS writes.
    #[error("the file is empty or breaks off")]
    Unfinished,
    /// It is whole, and of another request.
    #[error("the file has another number of rows than the batch has records")]
    Misfit,
    #[error("the file is far too long for the batch")]
    TooLong,
}

/// Bytes that a file of so many rows may have: far more than tokens and MTS's messages take.
pub(super) fn longest(rows: usize) -> usize {
    (64 << 10) + rows.saturating_mul(4 << 10)
}

/// Reads a file that must have so many rows.
pub(super) fn rows(body: &[u8], form: FileForm, wanted: usize) -> Result<Vec<Row>, FileError> {
    let rows = match form {
        FileForm::Json => from_json(body, wanted)?,
        FileForm::Csv => from_csv(body, wanted)?,
    };
    if rows.len() == wanted { Ok(rows) } else { Err(FileError::Misfit) }
}

/// Reads a JSON file of as many rows as there are, at most so many.
pub(super) fn any_rows(body: &[u8], most: usize) -> Result<Vec<Row>, FileError> {
    from_json(body, most)
}

fn from_json(body: &[u8], wanted: usize) -> Result<Vec<Row>, FileError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut rows = Rows { wanted, rows: Vec::new(), more: false };
    let read = json.deserialize_seq(&mut rows).and_then(|()| json.end());
    match read {
        _ if rows.more => Err(FileError::Misfit),
        Ok(()) => Ok(rows.rows),
        Err(_) => Err(FileError::Unfinished),
    }
}

/// The rows of a JSON array, no more than are wanted.
struct Rows {
    wanted: usize,
    rows: Vec<Row>,
    more: bool,
}

impl<'de> Visitor<'de> for &mut Rows {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while self.rows.len() < self.wanted {
            let Some(row) = sequence.next_element::<JsonRow>()? else { return Ok(()) };
            self.rows.push(row.0);
        }
        self.more = sequence.next_element::<IgnoredAny>()?.is_some();
        if self.more { Err(A::Error::custom("more rows than records")) } else { Ok(()) }
    }
}

struct JsonRow(Row);

impl<'de> Deserialize<'de> for JsonRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// In the row of a record that was invalid as it came, a VID keeps its kind of value.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Own {
            vid: Option<Text>,
            status: Option<String>,
            token: Option<Personal<String>>,
            error_code: Option<String>,
        }
        let Own { vid, status, token, error_code } = Own::deserialize(deserializer)?;
        let vid = vid.and_then(|Text(vid)| vid);
        Ok(Self(Row { vid, status, token, code: error_code }))
    }
}

/// A text; anything else is read over, and takes no memory.
struct Text(Option<Personal<String>>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(Personal::new(text.to_owned()))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Text, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

fn from_csv(body: &[u8], wanted: usize) -> Result<Vec<Row>, FileError> {
    let text = std::str::from_utf8(body).map_err(|_| FileError::Unfinished)?;
    // One more for the names, and one to see that there are too many.
    let mut rows = csv::rows(text, wanted.saturating_add(2)).map_err(|_| FileError::Unfinished)?.into_iter();
    let names = rows.next().ok_or(FileError::Unfinished)?;
    let column = |name: &str| names.iter().position(|known| known == name).ok_or(FileError::Misfit);
    let (vid, status, token, code) = (column("vid")?, column("status")?, column("token")?, column("errorCode")?);
    let row = |cells: Vec<String>| {
        let cell = |at: usize| cells.get(at).filter(|cell| !cell.is_empty()).cloned();
        Row {
            vid: cell(vid).map(Personal::new),
            status: cell(status),
            token: cell(token).map(Personal::new),
            code: cell(code),
        }
    };
    let rows: Vec<Row> = rows.map(row).collect();
    // It grows row by row: what ends with one may go on.
    if rows.len() < wanted { Err(FileError::Unfinished) } else { Ok(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"[{"vid": "20", "status": "processed", "token": "T1", "errorCode": null, "errorMessage": null},{"vid": 5, "token": null, "status": "invalid", "errorCode": "ATS-REQ-010", "errorMessage": "Ana"}]"#;
    const CSV: &str =
        "vid,token,status,errorCode,errorMessage\r\n20,T1,processed,,\r\n5,,invalid,ATS-REQ-010,\"Ana, \"\"x\"\"\"\r\n";

    fn told(row: &Row) -> [Option<&str>; 4] {
        let personal = |value: &Option<Personal<String>>| value.as_ref().map(|value| value.expose().clone());
        let (vid, token) = (personal(&row.vid), personal(&row.token));
        let leak = |text: Option<String>| text.map(|text| &*text.leak());
        [leak(vid), row.status.as_deref(), leak(token), row.code.as_deref()]
    }

    #[test]
    fn both_forms_and_both_orders() {
        let json = rows(JSON.as_bytes(), FileForm::Json, 2).unwrap();
        assert_eq!(told(&json[0]), [Some("20"), Some("processed"), Some("T1"), None]);
        assert_eq!(told(&json[1]), [None, Some("invalid"), None, Some("ATS-REQ-010")]);
        let csv = rows(CSV.as_bytes(), FileForm::Csv, 2).unwrap();
        assert_eq!(told(&csv[0]), told(&json[0]));
        assert_eq!(told(&csv[1]), [Some("5"), Some("invalid"), None, Some("ATS-REQ-010")]);
        assert!(!format!("{csv:?}{json:?}").contains("T1"), "tokens are not printed");
    }

    #[test]
    fn what_is_empty_or_cut_is_not_finished() {
        for (text, form) in [(JSON, FileForm::Json), (CSV, FileForm::Csv)] {
            for cut in 0..text.len() {
                let read = rows(&text.as_bytes()[..cut], form, 2);
                assert_eq!(read, Err(FileError::Unfinished), "{:?}", &text[..cut]);
            }
        }
        assert_eq!(rows(b"null", FileForm::Json, 2), Err(FileError::Unfinished));
        assert_eq!(rows(b"[null, null]", FileForm::Json, 2), Err(FileError::Unfinished));
        assert_eq!(rows(b"\xff", FileForm::Csv, 2), Err(FileError::Unfinished));
    }

    #[test]
    fn what_is_no_text_is_read_over() {
        for vid in ["5", "-5", "0.5", "true", "null", "[[{}], 2]", r#"{"": {"a": [0]}}"#] {
            let text = format!(r#"[{{"vid": {vid}, "status": "invalid", "errorCode": "ATS-REQ-002"}}]"#);
            let read = rows(text.as_bytes(), FileForm::Json, 1).unwrap();
            assert_eq!(told(&read[0]), [None, Some("invalid"), None, Some("ATS-REQ-002")], "{vid}");
        }
    }

    #[test]
    fn a_file_of_another_batch_does_not_fit() {
        for wanted in [1, 3] {
            assert_eq!(rows(JSON.as_bytes(), FileForm::Json, wanted), Err(FileError::Misfit), "{wanted}");
        }
        assert_eq!(rows(CSV.as_bytes(), FileForm::Csv, 1), Err(FileError::Misfit));
        // More may come.
        assert_eq!(rows(CSV.as_bytes(), FileForm::Csv, 3), Err(FileError::Unfinished));
        assert_eq!(rows(b"a,b\r\n1,2\r\n", FileForm::Csv, 1), Err(FileError::Misfit));
    }
}
