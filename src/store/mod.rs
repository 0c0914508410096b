//! What OMC must not forget: records under way, batches at MTS, runs, cursors and the last good definitions.
//!
//! One process owns a store. A change is atomic ([`Store::change`]) and durable only after [`Store::sync`]; nothing may be
//! acknowledged, and no batch sent, before that. VIDs and auth data are here as keyed digests only, tokens sealed.

mod alarms;
mod audit;
mod census;
mod change;
pub mod codec;
mod config;
mod definitions;
mod disk;
mod engine_panic;
mod error;
mod honoured;
mod index;
mod keys;
mod mark;
mod sync;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use audit::Outlet;
pub use change::Change;
pub use config::Config;
pub use error::StoreError;
pub use index::{Counts, Queue};

use crate::clock::Mark;
use crate::domain::batch::Batch;
use crate::domain::generation::{Current, Generation};
use crate::domain::identity::{BatchId, ConnectorId, RunId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::run::{Cursor, Run};
use crate::domain::transition::Notice;
use disk::Disk;
use honoured::Honoured;
use index::Index;
use sync::{Broken, Syncer};

/// The form of what is on disk. Since 2, digests say which key they were made with, and there is a census of it all.
const FORMAT: u32 = 2;
const FIRST_WITH_CENSUS: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Meta {
    format: u32,
    key: String,
}

/// A handle; clones share one store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    disk: Arc<Disk>,
    index: Mutex<Index>,
    /// Which credentials are good: asked by whoever calls, who must not wait while others change the store.
    honoured: Mutex<Honoured>,
    syncer: Syncer,
    changed: watch::Sender<()>,
    broken: Broken,
    /// The key that everything in it was made with when it was opened, if that is not the current one, or it is of an older form.
    behind: Option<String>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the store, or makes an empty one. `keys` are the fingerprints of the keys that its values may be sealed with, the
    /// current one first.
    pub fn open(config: &Config, keys: &[impl AsRef<str>]) -> Result<Self, StoreError> {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let current = keys.first().copied().unwrap_or_default();
        let broken = Broken::new();
        let disk = Disk::open(&config.path, broken.clone())?;
        let of_this = |error| match error {
            StoreError::Corrupt { .. } => StoreError::Corrupt { path: config.path.clone() },
            other => other,
        };
        let meta = codec::read::<Meta>(&disk, keys::META).map_err(of_this)?;
        match &meta {
            None if disk.is_marked() => return Err(StoreError::Corrupt { path: config.path.clone() }),
            Some(meta) if meta.format > FORMAT => {
                return Err(StoreError::Newer { path: config.path.clone(), found: meta.format });
            }
            Some(meta) if !keys.contains(&meta.key.as_str()) => {
                return Err(StoreError::OtherKey { path: config.path.clone(), key_file: config.key_file.clone() });
            }
            _ => {}
        }
        disk.verify(meta.as_ref().is_none_or(|meta| meta.format >= FIRST_WITH_CENSUS)).map_err(of_this)?;
        let behind = match meta {
            Some(meta) => (meta.format < FORMAT || meta.key != current).then_some(meta.key),
            None => {
                let meta = codec::encode(&Meta { format: FORMAT, key: current.to_owned() })?;
                disk.write(vec![(keys::META.to_vec(), Some(meta))])?;
                disk.sync()?;
                None
            }
        };
        // A kill during the first start can come between the two.
        if !disk.is_marked() {
            disk.mark()?;
        }
        let index = Index::remember(&disk).map_err(of_this)?;
        let honoured = Mutex::new(Honoured::by(&index));
        let disk = Arc::new(disk);
        let syncer = Syncer::start(Arc::clone(&disk))
            .map_err(|cause| StoreError::Unusable { path: config.path.clone(), cause })?;
        let (index, changed) = (Mutex::new(index), watch::Sender::new(()));
        Ok(Self(Arc::new(Inner { disk, index, honoured, syncer, changed, broken, behind })))
    }

    /// The fingerprint of the key that the store was under when it was opened, if it is to be brought under the current one.
    pub fn behind(&self) -> Option<&str> {
        self.0.behind.as_deref()
    }

    /// Notes, durably, that nothing in the store needs another key than this to be opened.
    pub fn is_under(&self, key: &str) -> Result<(), StoreError> {
        let disk = &self.0.disk;
        // What was sealed anew must not come to the disk later than the word for it.
        disk.sync()?;
        let meta = codec::encode(&Meta { format: FORMAT, key: key.to_owned() })?;
        disk.write(vec![(keys::META.to_vec(), Some(meta))])?;
        disk.sync()
    }

    /// Whether there is anything of a store there.
    pub fn exists(path: &Path) -> bool {
        disk::is_there(path)
    }

    /// The name that this store's daemon goes by, for as long as the store lives; `fresh` makes it when it is first asked for.
    pub fn identity(&self, fresh: impl FnOnce() -> String) -> Result<String, StoreError> {
        let disk = &self.0.disk;
        if let Some(identity) = codec::read(disk, keys::IDENTITY)? {
            return Ok(identity);
        }
        let identity = fresh();
        disk.write(vec![(keys::IDENTITY.to_vec(), Some(codec::encode(&identity)?))])?;
        disk.sync()?;
        Ok(identity)
    }

    /// The moment that was kept last.
    pub fn mark(&self) -> Result<Option<Mark>, StoreError> {
        codec::read(&self.0.disk, keys::MARK)
    }

    /// Keeps a moment, for steady time to go on from.
    pub fn keep_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        self.0.disk.write(vec![(keys::MARK.to_vec(), Some(codec::encode(mark)?))])
    }

    /// Reads every value once; tells how many there are, the store's own notes apart.
    pub fn check(&self) -> Result<u64, StoreError> {
        let mut values = 0;
        for record in self.records() {
            record?;
            values += 1;
        }
        for pair in self.0.disk.scan(keys::CURSORS) {
            codec::decode::<Cursor>(&pair?.1)?;
            values += 1;
        }
        for prefix in [
            keys::BATCHES,
            keys::RUNS,
            keys::DEFINITIONS,
            keys::NOTICES,
            keys::REMOVALS,
            keys::AUDITS,
            keys::ALARMS,
            keys::MESSAGES,
        ] {
            for pair in self.0.disk.scan(prefix) {
                pair?;
                values += 1;
            }
        }
        Ok(values)
    }

    /// Removes a store that nobody has open. The key file stays.
    pub fn reset(path: &Path) -> Result<(), StoreError> {
        if !path.exists() {
            return Ok(());
        }
        // Not opened: who knows what that does to a damaged one.
        let _lock = disk::lock(path)?;
        std::fs::remove_dir_all(path).map_err(|cause| StoreError::Unusable { path: path.to_owned(), cause })
    }

    /// Changes the store in one step that happens wholly or not at all. The change blocks for some milliseconds at most,
    /// and runs where that harms nobody.
    pub async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Change<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.change_now(change)).await.map_err(|_| StoreError::Closed)?
    }

    /// As [`Store::change`], for callers that may block.
    pub fn change_now<T>(
        &self,
        change: impl FnOnce(&mut Change<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut index = self.index();
        let mut collected = Change::new(&self.0.disk, &mut index);
        let result = change(&mut collected)?;
        let batches = collected.touches_batches();
        let changed = collected.commit()?;
        if batches {
            let honoured = Honoured::by(&index);
            *self.honoured() = honoured;
        }
        drop(index);
        if changed {
            self.0.changed.send_replace(());
        }
        Ok(result)
    }

    /// Comes back when every change made before is on the device.
    pub async fn sync(&self) -> Result<(), Arc<StoreError>> {
        self.0.syncer.sync().await
    }

    /// Comes when the store has failed: sled does not recover within a process, so the daemon must start anew.
    pub fn broken(&self) -> CancellationToken {
        self.0.broken.clone()
    }

    pub fn is_broken(&self) -> bool {
        self.0.broken.is_cancelled()
    }

    /// Wakes after every change.
    pub fn changed(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// Wakes as after a change, for what is not in the store but decides who is looked at.
    pub fn tell_changed(&self) {
        self.0.changed.send_replace(());
    }

    pub fn record(&self, key: RecordKey) -> Result<Option<Record>, StoreError> {
        codec::record(&self.0.disk, key)
    }

    /// All records; for lists that a person asked for.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, StoreError>> + '_ {
        self.0.disk.scan(keys::RECORDS).map(|pair| codec::decode(&pair?.1))
    }

    /// The records that wait in a queue and are due, longest due first. One that is put off by more than `longest` was put off
    /// in a time that was lost (an old copy of the store): it is due too, after the others.
    pub fn due(
        &self,
        connector: ConnectorId,
        queue: Queue,
        now: DateTime<Utc>,
        longest: TimeDelta,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let keys = self.index().due(connector, queue, now, longest, limit);
        self.still_there(keys)
    }

    /// The records that wait in a queue, due or not, in the order in which they are due.
    pub fn queued(&self, connector: ConnectorId, queue: Queue, limit: usize) -> Result<Vec<Record>, StoreError> {
        let keys = self.index().queued(connector, queue, limit);
        self.still_there(keys)
    }

    /// One that is gone since the look is left out.
    fn still_there(&self, keys: Vec<RecordKey>) -> Result<Vec<Record>, StoreError> {
        keys.into_iter().filter_map(|key| self.record(key).transpose()).collect()
    }

    /// When the first record of a queue is due.
    pub fn next_due(&self, connector: ConnectorId, queue: Queue) -> Option<DateTime<Utc>> {
        self.index().next_due(connector, queue)
    }

    pub fn counts(&self, connector: ConnectorId) -> Counts {
        self.index().counts(connector)
    }

    pub fn all_counts(&self) -> Vec<(ConnectorId, Counts)> {
        self.index().all_counts().collect()
    }

    pub fn batches(&self) -> Vec<Batch> {
        self.index().batches.values().cloned().collect()
    }

    /// The batches that one MTS still owes answers to.
    pub fn batches_at(&self, mts_url: &Url) -> Vec<Batch> {
        self.index().batches.values().filter(|batch| batch.mts_url == *mts_url).cloned().collect()
    }

    /// How many answers one MTS still owes.
    pub fn in_flight(&self, mts_url: &Url) -> u64 {
        let index = self.index();
        let awaited = index.batches.values().filter(|batch| batch.mts_url == *mts_url);
        awaited.map(|batch| index.outstanding(batch.id) as u64).sum()
    }

    /// The generation of the credentials that MTS is given now; none before the first.
    pub fn generation(&self) -> Option<Current> {
        self.index().generation
    }

    /// Whether credentials of this generation are good: it is the present one, or a batch that went with it waits for answers.
    pub fn honours(&self, connector: ConnectorId, generation: Generation) -> bool {
        self.honoured().honours(connector, generation)
    }

    /// Whether a batch waits for answers that MTS was told to bring without credentials.
    pub fn awaits_anybody(&self, connector: ConnectorId) -> bool {
        self.honoured().awaits_anybody(connector)
    }

    /// The records whose answer a batch still waits for.
    pub fn members(&self, batch: BatchId) -> Vec<RecordKey> {
        self.index().members(batch).collect()
    }

    /// Batches that are awaited and not there: none, unless the store was tampered with.
    pub fn orphaned_batches(&self) -> Vec<BatchId> {
        let index = self.index();
        index.awaited().filter(|id| !index.batches.contains_key(id)).collect()
    }

    pub fn run(&self, id: RunId) -> Option<Run> {
        self.index().runs.get(&id).cloned()
    }

    /// All runs that are kept, oldest first.
    pub fn runs(&self) -> Vec<Run> {
        self.index().runs.values().cloned().collect()
    }

    pub fn cursor(&self, connector: ConnectorId) -> Result<Cursor, StoreError> {
        Ok(codec::read(&self.0.disk, &keys::cursor(connector))?.unwrap_or_default())
    }

    /// What the administrator is to be told of a connector's records, up to `limit`.
    pub fn notices(&self, connector: ConnectorId, limit: usize) -> Result<Vec<(RecordKey, Notice)>, StoreError> {
        let pairs = self.0.disk.scan(&keys::notices(connector)).take(limit).collect::<Result<Vec<_>, _>>()?;
        let notice = |value: &[u8]| {
            if value == b"-" { Notice::Resolved } else { Notice::Refused }
        };
        Ok(pairs.iter().filter_map(|(key, value)| Some((keys::noticed(key)?, notice(value)))).collect())
    }

    /// Bytes the store takes on disk.
    pub fn size(&self) -> u64 {
        self.0.disk.size()
    }

    fn honoured(&self) -> MutexGuard<'_, Honoured> {
        self.0.honoured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.0.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
