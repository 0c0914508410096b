//! Many acknowledgements to one sync: whoever waits while a sync runs is served by the next.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::disk::Disk;
use super::error::StoreError;

/// Set when the disk has failed. The kernel tells of a lost page once, so that a later sync that succeeds means nothing.
pub(super) type Broken = CancellationToken;

type Waiter = oneshot::Sender<Result<(), Arc<StoreError>>>;

/// How many may wait at once; more wait to be let in.
const WAITERS: usize = 4096;

/// The thread that syncs; it ends, and lets go of the disk, when this is dropped.
pub(super) struct Syncer {
    disk: Arc<Disk>,
    queue: Option<SyncSender<Waiter>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}

impl Syncer {
    pub fn start(disk: Arc<Disk>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITERS);
        let below = Arc::clone(&disk);
        let serve = move || serve(&below, &receiver);
        let thread = std::thread::Builder::new().name("omc-sync".to_owned()).spawn(serve)?;
        Ok(Self { disk, queue: Some(sender), thread: Some(thread) })
    }

    /// Comes back when everything written before the call is on the device.
    pub async fn sync(&self) -> Result<(), Arc<StoreError>> {
        // Repeats write nothing, and need not wait for the device.
        if self.disk.is_synced() {
            return Ok(());
        }
        let (sender, receiver) = oneshot::channel();
        let queue = self.queue.clone().ok_or_else(|| Arc::new(StoreError::Closed))?;
        if let Err(full) = queue.try_send(sender) {
            let std::sync::mpsc::TrySendError::Full(sender) = full else {
                return Err(Arc::new(StoreError::Closed));
            };
            let queued = tokio::task::spawn_blocking(move || queue.send(sender)).await;
            if !matches!(queued, Ok(Ok(()))) {
                return Err(Arc::new(StoreError::Closed));
            }
        }
        receiver.await.unwrap_or_else(|_| Err(Arc::new(StoreError::Closed)))
    }
}

fn serve(disk: &Disk, waiting: &Receiver<Waiter>) {
    let mut failure = None;
    while let Ok(first) = waiting.recv() {
        let served: Vec<Waiter> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let result = match &failure {
            Some(failure) => Err(Arc::clone(failure)),
            None => disk.sync().map_err(Arc::new),
        };
        if let (Err(error), None) = (&result, &failure) {
            failure = Some(Arc::clone(error));
        }
        for waiter in served {
            // Whoever gave up waiting needs no answer.
            let _ = waiter.send(result.clone());
        }
    }
}
