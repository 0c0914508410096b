//! The result file while it is written: a draft beside its place, for its owner alone, moved there when every row has its line.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use super::chunk::Line;
use super::own;
use super::verdict::{Cause, Verdict};

/// What the result file has of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `vid,token,status,errorCode,errorMessage`.
    Tokens,
    /// The same with the number of the line in place of the VID.
    TokensByLine,
    /// `line,registrant,status,errorCode,errorMessage`: the tokens are in the registry.
    Registrants,
}

impl Shape {
    fn header(self) -> [&'static str; 5] {
        match self {
            Self::Tokens => ["vid", "token", "status", "errorCode", "errorMessage"],
            Self::TokensByLine => ["line", "token", "status", "errorCode", "errorMessage"],
            Self::Registrants => ["line", "registrant", "status", "errorCode", "errorMessage"],
        }
    }
}

/// The draft of a result file.
#[derive(Debug)]
pub struct Draft {
    file: File,
    path: PathBuf,
    shape: Shape,
    bytes: u64,
}

impl Draft {
    /// Opens the draft, of which so many bytes count; none of them begins it.
    pub fn open(path: &Path, shape: Shape, bytes: u64) -> io::Result<Self> {
        let file = own::open(path)?;
        if file.metadata()?.len() < bytes {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the draft is shorter than it was; use --restart",
            ));
        }
        file.set_len(bytes)?;
        let mut draft = Self { file, path: path.to_owned(), shape, bytes };
        draft.file.seek(io::SeekFrom::End(0))?;
        if bytes == 0 {
            draft.append(&shape.header().map(str::to_owned))?;
        }
        Ok(draft)
    }

    fn append(&mut self, cells: &[String]) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(cells)?;
        let line = writer.into_inner().map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        self.file.write_all(&line)?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// Writes the lines of a chunk, and gives the length of the file once they are on disk.
    pub fn write(&mut self, lines: &[Line]) -> io::Result<u64> {
        for line in lines {
            let Some(verdict) = &line.verdict else { continue };
            self.append(&self.cells(line, verdict))?;
        }
        self.file.sync_data()?;
        Ok(self.bytes)
    }

    fn cells(&self, line: &Line, verdict: &Verdict) -> [String; 5] {
        let Verdict { status, token, cause, registrant } = verdict;
        let token = || token.as_ref().map_or_else(String::new, |token| token.expose().clone());
        let (first, second) = match self.shape {
            Shape::Tokens => (no_formula(line.vid.expose()), token()),
            Shape::TokensByLine => (line.number.to_string(), token()),
            Shape::Registrants => {
                (line.number.to_string(), registrant.map_or_else(String::new, |registrant| registrant.to_string()))
            }
        };
        let text = |of: fn(&Cause) -> &str| cause.as_ref().map_or_else(String::new, |cause| of(cause).to_owned());
        [first, second, (*status).to_owned(), text(|cause| &cause.code), text(|cause| cause.reason)]
    }

    /// Moves the file to its place, durably, and over nothing that is there.
    pub fn finish(self, place: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        own::rename(&self.path, place)
    }
}

/// Spreadsheets take what begins so for a formula, and carry it out. No VID does; what is one in the file only is told with a mark
/// before it.
fn no_formula(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}
