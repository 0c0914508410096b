//! The file: opened, surveyed whole before anything is sent, and read again a chunk at a time.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use encoding_rs::Encoding;
use sha2::{Digest, Sha256};

use super::columns::{Columns, Unfit, Wanted};
use super::rivals::{Rivals, Stand};
use super::text::{Allowance, Garbled, Quotes, Text};

/// What a delimiter may be, where nobody says.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How a file is written.
#[derive(Debug, Clone)]
pub struct Form {
    pub path: PathBuf,
    /// Where no byte order mark says otherwise.
    pub encoding: &'static Encoding,
    /// Looked for if unset.
    pub delimiter: Option<u8>,
}

/// What is wrong with a file. Lines and columns count from 1; nothing of the file is quoted.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("{path}: {cause}")]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{0}: the file has no rows below its header")]
    Empty(PathBuf),
    #[error("{path}, line 1: {unfit}")]
    Header { path: PathBuf, unfit: Unfit },
    #[error(
        "{path}, line {line}: the row has {found} columns, and the header {wanted}; nothing was sent. Correct the line (a cell that \
         holds the delimiter must be in double quotes)"
    )]
    Row { path: PathBuf, line: u64, found: usize, wanted: usize },
    #[error("{path}, line {line}: {garbled}")]
    Garbled { path: PathBuf, line: u64, garbled: Garbled },
    #[error("{0}: the file was changed while it was imported; start again with --restart")]
    Changed(PathBuf),
}

/// One row. Personal data: not printed.
pub struct Row {
    /// Of the file, from 1, where the row begins.
    pub line: u64,
    pub cells: Vec<String>,
}

/// What a look at all of the file gives.
#[derive(Debug)]
pub struct Survey {
    pub delimiter: u8,
    pub columns: Columns,
    pub rows: u64,
    /// SHA-256 over the file.
    pub digest: [u8; 32],
    /// IDs of registrants for whom rows have different VIDs.
    pub rivals: Rivals,
}

/// Reads and digests.
struct Digested {
    file: File,
    digest: Rc<RefCell<Sha256>>,
}

impl Read for Digested {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.digest.borrow_mut().update(&into[..count]);
        Ok(count)
    }
}

/// The rows of an open file, the header first.
pub struct Rows {
    path: PathBuf,
    reader: csv::Reader<Text<Digested>>,
    allowance: Allowance,
    digest: Rc<RefCell<Sha256>>,
}

impl Rows {
    fn open(form: &Form, delimiter: u8, quotes: Option<Quotes>) -> Result<Self, InputError> {
        let file = File::open(&form.path);
        let file = file.map_err(|cause| InputError::Unreadable { path: form.path.clone(), cause })?;
        let digest = Rc::new(RefCell::new(Sha256::new()));
        let (text, allowance) = Text::new(Digested { file, digest: Rc::clone(&digest) }, form.encoding, quotes);
        let reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text);
        Ok(Self { path: form.path.clone(), reader, allowance, digest })
    }

    /// The next row, however many cells it has. Blank lines are passed over.
    fn any(&mut self) -> Result<Option<Row>, InputError> {
        self.allowance.renew();
        let mut record = csv::StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(false) => Ok(None),
            Ok(true) => {
                let cells: Vec<String> = record.iter().map(str::to_owned).collect();
                let within: usize = cells.iter().map(|cell| cell.matches('\n').count()).sum();
                let line = self.reader.position().line().saturating_sub(1 + within as u64).max(1);
                Ok(Some(Row { line, cells }))
            }
            Err(error) => {
                let path = self.path.clone();
                let text = self.reader.get_ref();
                Err(match (text.failed(), error.into_kind()) {
                    (Some(garbled @ Garbled::LongRow), _) => {
                        InputError::Garbled { path, line: record_line(&self.reader), garbled }
                    }
                    (Some(garbled), _) => InputError::Garbled { path, line: text.breaks() + 1, garbled },
                    (None, csv::ErrorKind::Io(cause)) => InputError::Unreadable { path, cause },
                    (None, _) => InputError::Unreadable { path, cause: io::ErrorKind::InvalidData.into() },
                })
            }
        }
    }

    /// The next row, with a cell for each column.
    pub fn next(&mut self, columns: usize) -> Result<Option<Row>, InputError> {
        match self.any()? {
            Some(row) if row.cells.len() != columns => {
                let path = self.path.clone();
                Err(InputError::Row { path, line: row.line, found: row.cells.len(), wanted: columns })
            }
            row => Ok(row),
        }
    }

    /// SHA-256 over what was read; over the file, once there are no more rows.
    pub fn digest(&self) -> [u8; 32] {
        self.digest.borrow().clone().finalize().into()
    }
}

/// The line on which the row begins that could not be read.
fn record_line(reader: &csv::Reader<Text<Digested>>) -> u64 {
    reader.position().line()
}

/// Reads the whole file once: whether every row is in order, how many there are, and what tells this file from another.
pub fn survey(form: &Form, wanted: &Wanted) -> Result<Survey, InputError> {
    let (delimiter, columns) = delimiter(form, wanted)?;
    let mut rows = body(form, delimiter)?;
    let (mut count, mut stand) = (0, Stand::default());
    while let Some(row) = rows.next(columns.count)? {
        count += 1;
        if let Some(id) = columns.matched(&row.cells) {
            stand.note(id, columns.vid(&row.cells));
        }
    }
    if count == 0 {
        return Err(InputError::Empty(form.path.clone()));
    }
    Ok(Survey { delimiter, columns, rows: count, digest: rows.digest(), rivals: stand.rivals() })
}

/// The rows below the header.
pub fn body(form: &Form, delimiter: u8) -> Result<Rows, InputError> {
    let mut rows = Rows::open(form, delimiter, Some(Quotes::new(delimiter)))?;
    rows.any()?;
    Ok(rows)
}

/// The delimiter by which the header has what is wanted; the one that makes most columns, where several do.
fn delimiter(form: &Form, wanted: &Wanted) -> Result<(u8, Columns), InputError> {
    let candidates: &[u8] = form.delimiter.as_ref().map_or(&DELIMITERS, std::slice::from_ref);
    let mut best: Option<(u8, Columns)> = None;
    let mut unfit: Option<(usize, Unfit)> = None;
    for delimiter in candidates {
        // By a wrong delimiter, quotes can look out of place.
        let header = Rows::open(form, *delimiter, None)?.any()?.ok_or_else(|| InputError::Empty(form.path.clone()))?;
        match wanted.find(&header.cells) {
            Ok(columns) if best.as_ref().is_none_or(|(_, known)| known.count < columns.count) => {
                best = Some((*delimiter, columns));
            }
            Ok(_) => {}
            Err(why) => {
                if unfit.as_ref().is_none_or(|(count, _)| *count < header.cells.len()) {
                    unfit = Some((header.cells.len(), why));
                }
            }
        }
    }
    match (best, unfit) {
        (Some(best), _) => Ok(best),
        (None, Some((_, unfit))) => Err(InputError::Header { path: form.path.clone(), unfit }),
        (None, None) => Err(InputError::Empty(form.path.clone())),
    }
}

/// SHA-256 in hexadecimal.
pub fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a path is there at all.
pub fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use encoding_rs::UTF_8;

    use super::*;
    use crate::domain::mapping::Mandatory;

    fn of(text: &[u8]) -> (tempfile::TempDir, Form, Wanted) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        std::fs::write(&path, text).unwrap();
        let mandatory = Mandatory::from_names([]).unwrap();
        let wanted = Wanted { assignments: Vec::new(), matched: None, mandatory };
        (folder, Form { path, encoding: UTF_8, delimiter: None }, wanted)
    }

    fn lines(text: &[u8]) -> Result<Vec<(u64, String)>, String> {
        let (_folder, form, wanted) = of(text);
        let survey = survey(&form, &wanted).map_err(|error| error.to_string())?;
        let mut rows = body(&form, survey.delimiter).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next(survey.columns.count).unwrap() {
            found.push((row.line, row.cells.join("/")));
        }
        assert_eq!((found.len() as u64, rows.digest()), (survey.rows, survey.digest));
        Ok(found)
    }

    #[test]
    fn any_usual_delimiter_and_line_end() {
        for delimiter in [",", ";", "\t", "|"] {
            for end in ["\n", "\r\n", "\r"] {
                let text = format!("vid{delimiter}name{end}1{delimiter}\"A, B; C|D\"{end}{end}2{delimiter}B");
                let expected = [(2, "1/A, B; C|D".to_owned()), (4, "2/B".to_owned())];
                assert_eq!(lines(text.as_bytes()).unwrap(), expected, "{text:?}");
            }
        }
        assert_eq!(lines(b"vid\n1\n").unwrap(), [(2, "1".to_owned())], "one column");
    }

    #[test]
    fn a_line_break_in_quotes_counts_as_one() {
        let text = b"vid,name\r\n1,\"A\r\nB\r\nC\"\r\n2,D\r\n3,\"E \"\"F\"\"\"\r\n";
        let expected = [(2, "1/A\nB\nC".to_owned()), (5, "2/D".to_owned()), (6, "3/E \"F\"".to_owned())];
        assert_eq!(lines(text).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_anybodys_data() {
        let told = |text: &[u8]| lines(text).unwrap_err();
        let short = told(b"vid,name,dob\n1,Ana,1990\n2,Benedita\n");
        assert!(short.contains("people.csv, line 3: the row has 2 columns, and the header 3"), "{short}");
        assert!(told(b"vid,name\n1,Ana,Hill\n").contains("line 2: the row has 3 columns"));
        assert!(told(b"vid,name\n1,Ana\n\n2,Zo\xeb\n").contains("line 4: bytes that are no UTF-8"));
        for text in [&b""[..], b"vid,name\n", b"\n\n", b"\xef\xbb\xbf"] {
            assert!(told(text).contains("no rows below its header"), "{text:?}");
        }
        for text in [short, told(b"2045,Ana\n2046,Benedita\n")] {
            assert!(!text.contains("Ana") && !text.contains("Benedita") && !text.contains("2045"), "{text}");
        }
    }

    /// They went into the address of the person before, and had no line in the result file.
    #[test]
    fn a_quote_out_of_place_takes_no_other_person_in() {
        let told = |text: &[u8]| lines(text).unwrap_err();
        let open = told(b"vid,name\n1,Ana\n2,\"Ben\n3,Eva\n4,Rui\n");
        assert!(open.contains("people.csv, line 3: a quote is opened here and never closed"), "{open}");
        let merged = told(b"vid,name\n1,\"Ana\n2,\"Ben\"\n3,Eva\n");
        assert!(merged.contains("people.csv, line 3: text behind a closing quote"), "{merged}");
        for text in [open, merged] {
            assert!(!text.contains("Ana") && !text.contains("Ben"), "{text}");
        }
        let usual = b"vid;name\n1;\"Ana\" \n2;Ben \"the\" Big\n3;\"\"\n";
        assert_eq!(lines(usual).unwrap().len(), 3, "what spreadsheets and people write");
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_take_the_whole_file() {
        let mut text = b"vid,name\n1,Ana\n2,\"Ben".to_vec();
        text.resize(3 << 20, b'x');
        let (_folder, form, wanted) = of(&text);
        let told = survey(&form, &wanted).unwrap_err().to_string();
        assert!(told.contains("a row of more than 1 MiB"), "{told}");
    }
}
