//! A file beside the engine's own: that there is a store, and how many of its changes are on the device for certain.
//!
//! The engine takes some damaged files for an empty store, or for the store of an hour ago.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::path::Path;

const NAME: &str = "omc-store";

pub(super) struct Mark(File);

impl Mark {
    pub fn exists(store: &Path) -> bool {
        store.join(NAME).exists()
    }

    /// How many changes were noted; `None` without a mark. One that no OMC wrote is an error of kind `InvalidData`.
    pub fn read(store: &Path) -> Result<Option<u64>> {
        match std::fs::read(store.join(NAME)) {
            // Of before there was anything to note.
            Ok(bytes) if bytes.is_empty() => Ok(Some(0)),
            Ok(bytes) => {
                let noted = str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n')?.parse().ok());
                noted.map(Some).ok_or_else(|| Error::from(ErrorKind::InvalidData))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens it, or makes it.
    pub fn open(store: &Path) -> Result<Self> {
        File::options().write(true).create(true).truncate(false).open(store.join(NAME)).map(Self)
    }

    /// Notes that so many changes are on the device. The note itself may get there later: it is never ahead of them.
    pub fn note(&self, changes: u64) -> Result<()> {
        self.0.write_all_at(format!("{changes:020}\n").as_bytes(), 0)
    }

    pub fn sync(&self) -> Result<()> {
        self.0.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read_and_nothing_else_passes() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Mark::read(folder.path()).unwrap(), None);
        let mark = Mark::open(folder.path()).unwrap();
        assert_eq!(Mark::read(folder.path()).unwrap(), Some(0));
        for changes in [1, 12_345, u64::MAX, 7] {
            mark.note(changes).unwrap();
            assert_eq!(Mark::read(folder.path()).unwrap(), Some(changes));
        }
        for damage in ["0000000000000000000", "x0000000000000000007\n", "\0\0\n"] {
            std::fs::write(folder.path().join(NAME), damage).unwrap();
            let error = Mark::read(folder.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{damage:?}");
        }
    }
}
