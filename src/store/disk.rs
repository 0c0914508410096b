//! sled behind a few plain verbs. Nothing outside this file sees it.
//!
//! sled's `flush` hands its pages to the kernel and does not wait for the device (it uses `sync_file_range`), and large
//! values go to files of their own that it never syncs. So a durable point is `flush`, then `syncfs` on the file system
//! that the store lies on.
//!
//! Nor does sled tell of everything that it lost: see [`super::census`].

use std::collections::HashMap;
use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock, syncfs};
use rustix::io::Errno;

use super::census::Census;
use super::error::StoreError;
use super::mark::Mark;
use super::sync::Broken;
use super::{codec, engine_panic, keys};

/// Bytes of pages sled may keep in memory. It is a wish: what counts is that the store stays small.
const CACHE: u64 = 8 * 1024 * 1024;

/// Bytes of a segment of sled's log. It keeps dozens of such buffers while many changes wait for the disk, and the values
/// here are small.
const SEGMENT: usize = 128 * 1024;

/// sled's own files: everything is in the one, its settings in the other.
const LOG: &str = "db";
const SETTINGS: &str = "conf";

/// How long a lock may be somebody else's: whoever starts a process shares its locks with that until it runs a program of its own.
const MOMENT: Duration = Duration::from_millis(500);

/// Locked by the owner before anything else is touched; sled locks its log only after it has changed other files.
const LOCK: &str = "omc-lock";

/// How often it is looked whether one of sled's threads died while it opens; it would wait for it for ever.
const LOOK: Duration = Duration::from_millis(100);

pub(super) struct Disk {
    path: PathBuf,
    tree: sled::Db,
    folder: File,
    _lock: File,
    mark: OnceLock<Mark>,
    census: Mutex<Census>,
    broken: Broken,
    /// Writes so far, and those of them that are on the device.
    written: AtomicU64,
    synced: AtomicU64,
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.broken.is_cancelled() {
            // After an error or a panic sled may wait for itself for ever. What was to be flushed was not acknowledged.
            std::mem::forget(self.tree.clone());
        }
    }
}

/// One key to be set, or (`None`) removed.
pub(super) type Write = (Vec<u8>, Option<Vec<u8>>);

impl Disk {
    /// Opens the store's files. What is in them is good only after [`Disk::verify`].
    #[expect(
        clippy::disallowed_methods,
        reason = "files are opened by threads that may block, as all that is done here does"
    )]
    pub fn open(path: &Path, broken: Broken) -> Result<Self, StoreError> {
        let end = Instant::now() + MOMENT;
        loop {
            match Self::open_now(path, broken.clone()) {
                Err(StoreError::Locked { .. }) if Instant::now() < end => std::thread::sleep(MOMENT / 50),
                opened => return opened,
            }
        }
    }

    fn open_now(path: &Path, broken: Broken) -> Result<Self, StoreError> {
        let unusable = |cause| unusable(path, cause);
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let folder = File::open(path).map_err(unusable)?;
        let owner = folder.metadata().map_err(unusable)?.uid();
        if rustix::process::geteuid().is_root() && owner != 0 {
            return Err(StoreError::NotOurs { path: path.to_owned(), owner });
        }
        let lock = lock(path)?;
        remove_drafts(path).map_err(unusable)?;
        let mark = OnceLock::new();
        if is_marked(path) {
            let opened = Mark::open(path).map_err(unusable)?;
            // A file that grows can come out of a power cut with its length and without its content.
            if Mark::read(path).is_ok_and(|noted| noted == Some(0)) {
                opened.note(0).and_then(|()| opened.sync()).map_err(unusable)?;
            }
            _ = mark.set(opened);
        }
        let tree = open_tree(path, &broken)?;
        Ok(Self {
            path: path.to_owned(),
            tree,
            folder,
            _lock: lock,
            mark,
            census: Mutex::default(),
            broken,
            // What the process before left unsynced is one of them.
            written: AtomicU64::new(1),
            synced: AtomicU64::new(0),
        })
    }

    /// Reads everything once: whether it is all there, and nothing older than what was on the device for certain. To be called
    /// before the first write. A store of before there was a census may have one of an upgrade that was cut short; what an
    /// older OMC wrote afterwards is not in it.
    pub fn verify(&self, has_census: bool) -> Result<(), StoreError> {
        let noted = match Mark::read(&self.path) {
            Ok(noted) => noted.unwrap_or(0),
            Err(error) if error.kind() == ErrorKind::InvalidData => return Err(self.corrupt()),
            Err(cause) => return Err(self.unusable(cause)),
        };
        let mut counted = Census::default();
        for pair in self.scan(&[]) {
            let (key, value) = pair?;
            if key != keys::CENSUS {
                counted.enter(&key, &value);
            }
        }
        let kept = if has_census { codec::read(self, keys::CENSUS)?.unwrap_or(counted) } else { counted };
        let noted = if has_census { noted } else { 0 };
        if !kept.agrees_with(&counted) || kept.changes < noted {
            return Err(self.corrupt());
        }
        *self.census() = kept;
        Ok(())
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.guarded(|| self.tree.get(key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// All pairs whose key begins so, in key order; an error is the last.
    pub fn scan(&self, prefix: &[u8]) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> + '_ {
        let mut pairs = Some(self.tree.scan_prefix(prefix));
        std::iter::from_fn(move || {
            let pair = self.guarded(|| pairs.as_mut().and_then(Iterator::next).transpose()).transpose()?;
            if pair.is_err() {
                pairs = None;
            }
            Some(pair.map(|(key, value)| (key.to_vec(), value.to_vec())))
        })
    }

    /// All of them, or none. Of two for one key, the later counts.
    pub fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let writes: HashMap<Vec<u8>, Option<Vec<u8>>> = writes.into_iter().collect();
        let mut census = self.census();
        let mut after = *census;
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            if let Some(before) = self.get(&key)? {
                after.leave(&key, &before);
            }
            match value {
                Some(value) => {
                    after.enter(&key, &value);
                    batch.insert(key, value);
                }
                None => batch.remove(key),
            }
        }
        after.changes += 1;
        batch.insert(keys::CENSUS, codec::encode(&after)?);
        self.guarded(|| self.tree.apply_batch(batch))?;
        self.written.fetch_add(1, Ordering::SeqCst);
        *census = after;
        Ok(())
    }

    /// Writes as an OMC did that kept no census.
    #[cfg(test)]
    pub fn write_as_before(&self, key: &[u8], value: &[u8]) {
        self.tree.insert(key, value).unwrap();
        self.tree.flush().unwrap();
    }

    /// Comes back when all that was written before is on the device.
    pub fn sync(&self) -> Result<(), StoreError> {
        let written = self.written.load(Ordering::SeqCst);
        let changes = self.census().changes;
        self.guarded(|| self.tree.flush())?;
        let synced = syncfs(&self.folder).map_err(std::io::Error::from);
        let noted = synced.and_then(|()| self.mark.get().map_or(Ok(()), |mark| mark.note(changes)));
        noted.map_err(|cause| self.unusable(cause))?;
        self.synced.fetch_max(written, Ordering::SeqCst);
        Ok(())
    }

    /// Whether everything that was written is on the device, as far as a store that has not failed can tell.
    pub fn is_synced(&self) -> bool {
        !self.broken.is_cancelled() && self.synced.load(Ordering::SeqCst) >= self.written.load(Ordering::SeqCst)
    }

    /// Whether a store was made here once: sled takes some damaged files for empty ones.
    pub fn is_marked(&self) -> bool {
        self.mark.get().is_some()
    }

    /// Notes that there is a store here now. What is in it is synced already.
    pub fn mark(&self) -> Result<(), StoreError> {
        let make = || {
            let mark = Mark::open(&self.path)?;
            mark.note(self.census().changes)?;
            mark.sync()?;
            self.folder.sync_all()?;
            _ = self.mark.set(mark);
            Ok(())
        };
        make().map_err(|cause| self.unusable(cause))
    }

    pub fn size(&self) -> u64 {
        self.tree.size_on_disk().unwrap_or(0)
    }

    fn census(&self) -> MutexGuard<'_, Census> {
        self.census.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of sled's. After an error or a panic the store is broken: sled does not recover within a process.
    fn guarded<T>(&self, call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
        match engine_panic::caught(call) {
            Some(Ok(value)) => Ok(value),
            Some(Err(sled::Error::Io(cause))) => Err(self.unusable(cause)),
            Some(Err(_)) | None => Err(self.corrupt()),
        }
    }

    fn unusable(&self, cause: std::io::Error) -> StoreError {
        self.broken.cancel();
        unusable(&self.path, cause)
    }

    fn corrupt(&self) -> StoreError {
        self.broken.cancel();
        StoreError::Corrupt { path: self.path.clone() }
    }
}

/// sled's errors quote the system's in the form for programmers; where there is a plain word, it is used.
fn unusable(path: &Path, cause: std::io::Error) -> StoreError {
    use ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let has_a_word = matches!(cause.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull);
    let cause = if has_a_word { cause.kind().into() } else { cause };
    StoreError::Unusable { path: path.to_owned(), cause }
}

/// Whether a store was made in this folder once.
pub(super) fn is_marked(path: &Path) -> bool {
    Mark::exists(path)
}

/// Whether there is anything of a store in this folder.
pub(super) fn is_there(path: &Path) -> bool {
    is_marked(path) || path.join(LOG).exists()
}

/// Makes this process the owner of a store, for as long as what comes back is open.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let unusable = |cause| unusable(path, cause);
    let lock = File::options().write(true).create(true).truncate(false).open(path.join(LOCK)).map_err(unusable)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(Errno::WOULDBLOCK) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(error) => Err(unusable(error.into())),
    }
}

/// Removes what sled was at writing when it was killed, or found no room. It would take half a snapshot for the newest one and
/// call it damaged, and its settings, which it writes before anything else, are worth nothing alone.
fn remove_drafts(path: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_draft = name.to_str().is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating"));
        if is_draft || (name == SETTINGS && !path.join(LOG).exists()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn open_tree(path: &Path, broken: &Broken) -> Result<sled::Db, StoreError> {
    let corrupt = || StoreError::Corrupt { path: path.to_owned() };
    let config = sled::Config::new().path(path).cache_capacity(CACHE).segment_size(SEGMENT).flush_every_ms(Some(1000));
    let before = engine_panic::tell(Some(broken.clone()));
    let (sender, receiver) = sync_channel(1);
    let open = move || {
        // Nobody waits any more where a thread of sled's has died meanwhile.
        let _ = sender.send(engine_panic::caught(|| config.open()));
    };
    let thread = std::thread::Builder::new().name("omc-open".to_owned()).spawn(open);
    thread.map_err(|cause| unusable(path, cause))?;
    let opened = loop {
        match receiver.recv_timeout(LOOK) {
            Ok(opened) => break opened,
            Err(RecvTimeoutError::Timeout) if !broken.is_cancelled() => {}
            Err(_) => break None,
        }
    };
    if !matches!(opened, Some(Ok(_))) {
        // A reload that fails leaves the store of before at work.
        engine_panic::tell(before);
    }
    opened.ok_or_else(corrupt)?.map_err(|error| match error {
        // Of an OMC that locks nothing but sled's log; sled wraps the lock's error in its own text.
        sled::Error::Io(cause) if cause.to_string().contains("could not acquire lock") => {
            StoreError::Locked { path: path.to_owned() }
        }
        sled::Error::Io(cause) => unusable(path, cause),
        _ => corrupt(),
    })
}
