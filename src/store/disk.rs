//! sled behind a few plain verbs. Nothing outside this file sees it.
//!
//! sled's `flush` hands its pages to the kernel and does not wait for the device (it uses `sync_file_range`), and large
//! values go to files of their own that it never syncs. So a durable point is `flush`, then `syncfs` on the file system
//! that the store lies on.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// Bytes of pages sled may keep in memory. It is a wish: what counts is that the store stays small.
const CACHE: u64 = 8 * 1024 * 1024;

/// Bytes of a segment of sled's log. It keeps dozens of such buffers while many changes wait for the disk, and the values
/// here are small.
const SEGMENT: usize = 128 * 1024;

/// An empty file beside sled's own.
const MARK: &str = "omc-store";

pub(super) struct Disk {
    path: PathBuf,
    tree: sled::Db,
    folder: File,
}

/// One key to be set, or (`None`) removed.
pub(super) type Write = (Vec<u8>, Option<Vec<u8>>);

impl Disk {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let unusable = |cause| StoreError::Unusable { path: path.to_owned(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let folder = File::open(path).map_err(unusable)?;
        let config =
            sled::Config::new().path(path).cache_capacity(CACHE).segment_size(SEGMENT).flush_every_ms(Some(1000));
        // sled panics on some damaged files.
        let tree = catch_unwind(AssertUnwindSafe(|| config.open()))
            .map_err(|_| StoreError::Corrupt { path: path.to_owned() })?
            .map_err(|error| open_error(path, error))?;
        Ok(Self { path: path.to_owned(), tree, folder })
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.tree.get(key).map_err(|error| self.error(error))?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// All pairs whose key begins so, in key order.
    pub fn scan(&self, prefix: &[u8]) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + '_ {
        self.tree
            .scan_prefix(prefix)
            .map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(|error| self.error(error)))
    }

    /// All of them, or none.
    pub fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.tree.apply_batch(batch).map_err(|error| self.error(error))
    }

    /// Comes back when all that was written before is on the device.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.tree.flush().map_err(|error| self.error(error))?;
        rustix::fs::syncfs(&self.folder)
            .map_err(|error| StoreError::Unusable { path: self.path.clone(), cause: error.into() })
    }

    /// Whether a store was made here once: sled takes some damaged files for empty ones.
    pub fn is_marked(&self) -> bool {
        is_marked(&self.path)
    }

    /// Notes that there is a store here now.
    pub fn mark(&self) -> Result<(), StoreError> {
        let unusable = |cause| StoreError::Unusable { path: self.path.clone(), cause };
        let mark = File::create(self.path.join(MARK)).map_err(unusable)?;
        mark.sync_all().and_then(|()| self.folder.sync_all()).map_err(unusable)
    }

    pub fn size(&self) -> u64 {
        self.tree.size_on_disk().unwrap_or(0)
    }

    fn error(&self, error: sled::Error) -> StoreError {
        match error {
            sled::Error::Io(cause) => StoreError::Unusable { path: self.path.clone(), cause },
            _ => StoreError::Corrupt { path: self.path.clone() },
        }
    }
}

/// Whether a store was made in this folder once.
pub(super) fn is_marked(path: &Path) -> bool {
    path.join(MARK).exists()
}

fn open_error(path: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) if source.kind() == std::io::ErrorKind::WouldBlock => locked(path),
        // sled wraps the lock's error in its own text.
        sled::Error::Io(source) if source.to_string().contains("could not acquire lock") => locked(path),
        sled::Error::Io(cause) => StoreError::Unusable { path: path.to_owned(), cause },
        _ => StoreError::Corrupt { path: path.to_owned() },
    }
}

fn locked(path: &Path) -> StoreError {
    StoreError::Locked { path: path.to_owned() }
}
