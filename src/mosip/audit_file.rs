//! Events as lines of a file, each a JSON object. A line that is there is on the device.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

/// A file that is only ever appended to, of mode 0600 where it is made. Opened at the first line, and again once it was renamed or
/// removed: into a file that nobody finds, nothing is told.
#[derive(Debug)]
pub struct AuditFile {
    path: PathBuf,
    open: Mutex<Option<File>>,
}

impl AuditFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: Mutex::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends lines, all or none, and comes back when they are on the device. Blocks.
    pub fn append(&self, lines: &str) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = match open.take().filter(|file| self.is_the_one(file)) {
            Some(file) => file,
            None => self.open()?,
        };
        let end = file.seek(SeekFrom::End(0))?;
        if let Err(error) = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data()) {
            // What is half there would be there twice.
            _ = file.set_len(end);
            return Err(error);
        }
        *open = Some(file);
        Ok(())
    }

    /// Whether the file that is open is the one that has the name.
    fn is_the_one(&self, open: &File) -> bool {
        match (open.metadata(), std::fs::metadata(&self.path)) {
            (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
            _ => false,
        }
    }

    /// A kill can have left half a line: it is ended, so that the next one stands alone.
    fn open(&self) -> io::Result<File> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        } else if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // Its name, too, is to outlive a power cut.
            File::open(folder)?.sync_all()?;
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn lines_are_appended_to_a_file_that_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        AuditFile::new(path.clone()).append("1\n2\n").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let file = AuditFile::new(path.clone());
        file.append("3\n").unwrap();
        file.append("4\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n2\n3\n4\n");
    }

    /// Lines went into a file that was gone already, and were lost.
    #[test]
    fn a_file_that_was_removed_or_renamed_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"));
        let file = AuditFile::new(path.clone());
        file.append("1\n").unwrap();
        std::fs::remove_file(&path).unwrap();
        file.append("2\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "2\n");
        std::fs::rename(&path, &rotated).unwrap();
        file.append("3\n").unwrap();
        let read = |path| std::fs::read_to_string(path).unwrap();
        assert_eq!((read(&rotated), read(&path)), ("2\n".to_owned(), "3\n".to_owned()));
    }

    #[test]
    fn half_a_line_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, "1\n{\"half").unwrap();
        AuditFile::new(path.clone()).append("2\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n{\"half\n2\n");
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_comes_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("audit.jsonl");
        let file = AuditFile::new(path.clone());
        assert!(file.append("1\n").is_err());
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        file.append("1\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n");
    }
}
