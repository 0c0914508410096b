//! How far an import has come, on disk: line numbers, MTS's request identifiers and a digest, and nobody's data.
//!
//! One JSON object to a line. What it says is on disk before anything is done because of it: a request identifier as soon as MTS
//! gives it, the end of a chunk when its rows are in the result file. A line that a kill cut off counts as not written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::own;
use super::verdict::Tally;

/// Bytes of one line at most, far more than the rows of a chunk take.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Rows of a chunk, as ranges of places from 0, both ends counted.
type Ranges = Vec<(u32, u32)>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    /// The first line: what is imported, told apart by a digest, and how many rows are a chunk.
    Job {
        job: String,
        chunk: u32,
    },
    Sent {
        chunk: u64,
        rows: Ranges,
        at: DateTime<Utc>,
    },
    Taken {
        chunk: u64,
        rows: Ranges,
        id: String,
    },
    /// The last sending of these rows did not come to anything.
    NotTaken {
        chunk: u64,
        rows: Ranges,
    },
    /// What MTS gave for these rows is about to be written to their registrants, and their VIDs to be removed.
    Writing {
        chunk: u64,
        rows: Ranges,
    },
    /// All rows up to the end of this chunk are in the result file, which is so long then.
    Done {
        chunk: u64,
        bytes: u64,
        tally: Tally,
    },
}

/// What was sent of a chunk before this start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Places in the chunk.
    pub rows: Vec<usize>,
    pub answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// MTS's request identifier.
    Taken(String),
    /// None is known: sent at this time, and perhaps taken.
    Unknown(DateTime<Utc>),
}

/// How far it had come.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows of a chunk.
    pub chunk: u32,
    /// Chunks that are through.
    pub done: u64,
    /// Bytes of the result file that count.
    pub bytes: u64,
    pub tally: Tally,
    pub sendings: BTreeMap<u64, Vec<Sending>>,
    /// Rows of chunks that were being written to their registrants.
    pub writing: BTreeMap<u64, Vec<usize>>,
}

/// Why there is no journal to go by.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{path}: {cause}")]
    Unusable { path: PathBuf, cause: io::Error },
    #[error("{0}: another import is at work on the same result file")]
    Busy(PathBuf),
    #[error(
        "{0} is of another import: the file, the connector, its MTS or the columns were others. Take it up as it was begun, or begin \
         anew with --restart"
    )]
    Other(PathBuf),
}

/// The journal of one import; nobody else writes it meanwhile.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes that are whole lines.
    length: u64,
}

impl Journal {
    /// Opens or begins the journal. `chunk` counts where it is begun. With `restart`, what is in it is forgotten.
    pub fn open(path: &Path, job: &str, chunk: u32, restart: bool) -> Result<(Self, Progress), JournalError> {
        let unusable = |cause| JournalError::Unusable { path: path.to_owned(), cause };
        let (other, busy) = (|| JournalError::Other(path.to_owned()), || JournalError::Busy(path.to_owned()));
        let file = own::open(path).map_err(unusable)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| busy())?;
        // Whoever had it has come to the end just now, and removed it.
        let (ours, named) = (file.metadata().map_err(unusable)?, path.symlink_metadata());
        if !named.is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())) {
            return Err(busy());
        }
        if restart {
            file.set_len(0).map_err(unusable)?;
        }
        let (mut progress, mut length, mut line) = (Progress::default(), 0, Vec::new());
        let mut reader = BufReader::new(&file);
        loop {
            line.clear();
            let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(unusable)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            let entry: Entry = serde_json::from_slice(&line).map_err(|_| other())?;
            match entry {
                Entry::Job { job: known, chunk } if length == 0 && known == job && chunk > 0 => progress.chunk = chunk,
                entry if length > 0 => progress.replay(entry),
                _ => return Err(other()),
            }
            length += read as u64;
        }
        let mut journal = Self { path: path.to_owned(), file, length };
        journal.cut().map_err(unusable)?;
        if length == 0 {
            progress.chunk = chunk;
            journal.write(&Entry::Job { job: job.to_owned(), chunk })?;
        }
        Ok((journal, progress))
    }

    /// Takes away what is no whole line.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(io::SeekFrom::Start(self.length)).map(|_| ())
    }

    pub fn sent(&mut self, chunk: u64, rows: &[usize], at: DateTime<Utc>) -> Result<(), JournalError> {
        self.write(&Entry::Sent { chunk, rows: ranges(rows), at })
    }

    pub fn taken(&mut self, chunk: u64, rows: &[usize], id: &str) -> Result<(), JournalError> {
        self.write(&Entry::Taken { chunk, rows: ranges(rows), id: id.to_owned() })
    }

    pub fn not_taken(&mut self, chunk: u64, rows: &[usize]) -> Result<(), JournalError> {
        self.write(&Entry::NotTaken { chunk, rows: ranges(rows) })
    }

    pub fn writing(&mut self, chunk: u64, rows: &[usize]) -> Result<(), JournalError> {
        self.write(&Entry::Writing { chunk, rows: ranges(rows) })
    }

    pub fn done(&mut self, chunk: u64, bytes: u64, tally: &Tally) -> Result<(), JournalError> {
        self.write(&Entry::Done { chunk, bytes, tally: tally.clone() })
    }

    /// The import is over.
    pub fn remove(self) -> Result<(), JournalError> {
        std::fs::remove_file(&self.path).map_err(|cause| JournalError::Unusable { path: self.path.clone(), cause })
    }

    fn write(&mut self, entry: &Entry) -> Result<(), JournalError> {
        // Unwrap safety: texts, numbers and lists are JSON.
        let mut line = serde_json::to_vec(entry).expect("JSON");
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += line.len() as u64,
            // The disk is full: half a line would spoil the next one, if there is room for that.
            Err(_) => _ = self.cut(),
        }
        written.map_err(|cause| JournalError::Unusable { path: self.path.clone(), cause })
    }
}

impl Progress {
    fn replay(&mut self, entry: Entry) {
        match entry {
            Entry::Job { .. } => {}
            Entry::Sent { chunk, rows, at } => {
                let sending = Sending { rows: places(&rows), answer: Answer::Unknown(at) };
                self.sendings.entry(chunk).or_default().push(sending);
            }
            Entry::Taken { chunk, rows, id } => {
                let rows = places(&rows);
                let sendings = self.sendings.entry(chunk).or_default();
                // The answer to the last sending of these rows.
                match sendings.iter_mut().rfind(|known| known.rows == rows) {
                    Some(known) => known.answer = Answer::Taken(id),
                    None => sendings.push(Sending { rows, answer: Answer::Taken(id) }),
                }
            }
            Entry::NotTaken { chunk, rows } => {
                let rows = places(&rows);
                let sendings = self.sendings.entry(chunk).or_default();
                if let Some(at) = sendings.iter().rposition(|known| known.rows == rows) {
                    sendings.remove(at);
                }
            }
            Entry::Writing { chunk, rows } => self.writing.entry(chunk).or_default().extend(places(&rows)),
            Entry::Done { chunk, bytes, tally } => {
                (self.done, self.bytes, self.tally) = (chunk + 1, bytes, tally);
                self.sendings = self.sendings.split_off(&self.done);
                self.writing = self.writing.split_off(&self.done);
            }
        }
    }
}

fn ranges(rows: &[usize]) -> Ranges {
    let mut ranges: Ranges = Vec::new();
    for row in rows {
        let row = u32::try_from(*row).unwrap_or(u32::MAX);
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == row => *last = row,
            _ => ranges.push((row, row)),
        }
    }
    ranges
}

fn places(ranges: &[(u32, u32)]) -> Vec<usize> {
    ranges.iter().flat_map(|(first, last)| *first as usize..=*last as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::verdict::Verdict;
    use crate::seal::Personal;

    #[test]
    fn goes_on_where_it_was_whatever_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (mut journal, fresh) = Journal::open(&path, "a", 3, false).unwrap();
        assert_eq!(fresh, Progress { chunk: 3, ..Progress::default() });
        assert!(matches!(Journal::open(&path, "a", 3, false), Err(JournalError::Busy(_))));
        let mut tally = Tally::default();
        tally.add(2, &Verdict::token(Personal::new("T".to_owned())));
        let at = DateTime::UNIX_EPOCH;
        journal.sent(0, &[0, 1, 2], at).unwrap();
        journal.taken(0, &[0, 1, 2], "one").unwrap();
        journal.sent(1, &[0, 2], at).unwrap();
        journal.taken(1, &[0, 2], "two").unwrap();
        journal.sent(1, &[1], at).unwrap();
        journal.writing(0, &[0]).unwrap();
        journal.writing(1, &[0, 2]).unwrap();
        journal.done(0, 99, &tally).unwrap();
        drop(journal);
        let text = std::fs::read(&path).unwrap();
        let sending = |rows: &[usize], answer| Sending { rows: rows.to_vec(), answer };
        let expected = Progress {
            chunk: 3,
            done: 1,
            bytes: 99,
            tally,
            sendings: BTreeMap::from([(
                1,
                vec![sending(&[0, 2], Answer::Taken("two".to_owned())), sending(&[1], Answer::Unknown(at))],
            )]),
            writing: BTreeMap::from([(1, vec![0, 2])]),
        };
        assert_eq!(Journal::open(&path, "a", 500, false).unwrap().1, expected);
        for cut in 0..text.len() {
            std::fs::write(&path, &text[..cut]).unwrap();
            let (_, progress) = Journal::open(&path, "a", 3, false).unwrap_or_else(|error| panic!("{cut}: {error}"));
            assert!(progress.done <= 1 && progress.chunk == 3, "{cut}");
        }
        std::fs::write(&path, &text).unwrap();
        assert!(matches!(Journal::open(&path, "b", 3, false), Err(JournalError::Other(_))));
        let (_, anew) = Journal::open(&path, "b", 3, true).unwrap();
        assert_eq!(anew, fresh, "begun anew");
        std::fs::write(&path, "something\nelse\n").unwrap();
        assert!(matches!(Journal::open(&path, "a", 3, false), Err(JournalError::Other(_))));
    }
}
