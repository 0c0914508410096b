//! The loops: for each connector one that pulls, one that submits and one that writes back, and one that reconciles for all.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Halt, Progress, Worker, pull, reconcile, submit, write_back};
use crate::domain::connector::Connector;

/// Nobody sleeps longer, whatever the clock does.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// After a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Works for one connector until told to stop. The definition may change under way; each step takes the newest.
pub async fn connector(worker: Arc<Worker>, definition: watch::Receiver<Arc<Connector>>, stop: CancellationToken) {
    let pulling = repeat(&worker, &stop, "pulling", async || {
        let connector = definition.borrow().clone();
        pull::step(&worker, &connector).await
    });
    let submitting = repeat(&worker, &stop, "submitting", async || {
        let connector = definition.borrow().clone();
        submit::step(&worker, &connector).await
    });
    let writing = repeat(&worker, &stop, "writing back", async || {
        let connector = definition.borrow().clone();
        write_back::step(&worker, &connector).await
    });
    tokio::join!(pulling, submitting, writing);
}

/// Looks after all batches until told to stop.
pub async fn batches(worker: Arc<Worker>, stop: CancellationToken) {
    repeat(&worker, &stop, "reconciling", async || reconcile::step(&worker).await.map(Progress::Idle)).await;
}

/// Takes one step after another; when there is nothing to do, waits for a time or for a change of the store.
async fn repeat(
    worker: &Worker,
    stop: &CancellationToken,
    what: &'static str,
    mut step: impl AsyncFnMut() -> Result<Progress, Halt>,
) {
    let mut changed = worker.store.changed();
    while !stop.is_cancelled() {
        changed.mark_unchanged();
        let (wait, wakeable) = match step().await {
            Ok(Progress::Worked) => continue,
            Ok(Progress::Idle(until)) => (until_then(worker, until), true),
            Err(Halt::Until(until)) => (until_then(worker, Some(until)), false),
            Err(error @ (Halt::Store(_) | Halt::Sync(_))) => {
                tracing::error!(%error, what, "the store fails; nothing is acknowledged or sent meanwhile");
                (STORE_PAUSE, false)
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
            _ = changed.changed(), if wakeable => {}
        }
    }
}

fn until_then(worker: &Worker, until: Option<DateTime<Utc>>) -> Duration {
    let Some(until) = until else { return LONGEST_SLEEP };
    // A record whose time has come this instant must not make the loop spin.
    let wait = (until - worker.clock.now()).to_std().unwrap_or_default();
    wait.clamp(Duration::from_millis(5), LONGEST_SLEEP)
}
