//! The loops: for each connector one that pulls, one that submits and one that writes back; for each MTS one that reconciles.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::activities::Telling;
use super::notify::Sending;
use super::{Halt, Progress, Worker, activities, audit, notify, pull, reconcile, submit, write_back};
use crate::domain::connector::Connector;
use crate::mosip::{AuditFile, Auditor};

/// Nobody sleeps longer, whatever the clock does.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// After a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// One part of the work.
#[derive(Debug)]
enum Part {
    Pulling(watch::Receiver<Arc<Connector>>),
    Submitting(watch::Receiver<Arc<Connector>>),
    WritingBack(watch::Receiver<Arc<Connector>>),
    Reconciling(Url),
    Reclaiming,
    Auditing(Arc<Auditor>),
    Filing(Arc<Auditor>, Arc<AuditFile>),
    Notifying(Arc<Sending>),
    Telling(Telling),
}

impl Part {
    fn name(&self) -> &'static str {
        match self {
            Self::Pulling(_) => "pulling",
            Self::Submitting(_) => "submitting",
            Self::WritingBack(_) => "writing back",
            Self::Reconciling(_) => "reconciling",
            Self::Reclaiming => "reclaiming",
            Self::Auditing(_) => "telling the audit manager",
            Self::Filing(..) => "writing the audit's file",
            Self::Notifying(_) => "sending messages",
            Self::Telling(_) => "telling Odoo what is the matter",
        }
    }

    async fn step(&self, worker: &Worker) -> Result<Progress, Halt> {
        let newest = |definition: &watch::Receiver<Arc<Connector>>| definition.borrow().clone();
        match self {
            Self::Pulling(definition) => pull::step(worker, &newest(definition)).await,
            Self::Submitting(definition) => submit::step(worker, &newest(definition)).await,
            Self::WritingBack(definition) => write_back::step(worker, &newest(definition)).await,
            Self::Reconciling(mts_url) => reconcile::step(worker, mts_url).await,
            Self::Auditing(auditor) => audit::call(worker, auditor).await,
            Self::Filing(auditor, file) => audit::write(worker, auditor, file).await,
            Self::Notifying(sending) => notify::step(worker, sending).await,
            Self::Telling(telling) => activities::step(worker, telling).await,
            Self::Reclaiming => reconcile::reclaim(worker).await.map(|()| Progress::Idle(None)),
        }
    }
}

/// Works for one connector until told to stop. The definition may change under way; each step takes the newest.
pub async fn connector(worker: Arc<Worker>, definition: watch::Receiver<Arc<Connector>>, stop: CancellationToken) {
    tokio::join!(
        repeat(&worker, &stop, Part::Pulling(definition.clone())),
        repeat(&worker, &stop, Part::Submitting(definition.clone())),
        repeat(&worker, &stop, Part::WritingBack(definition)),
    );
}

/// Looks after all batches until told to stop.
pub async fn batches(worker: Arc<Worker>, stop: CancellationToken) {
    tokio::join!(repeat(&worker, &stop, Part::Reclaiming), reconciling(&worker, &stop));
}

/// Tells the audit manager what was done until told to stop. A call that has no answer then is not waited for: its event is told
/// again after the next start.
pub async fn auditing(worker: Arc<Worker>, auditor: Arc<Auditor>, stop: CancellationToken) {
    stop.run_until_cancelled(repeat(&worker, &stop, Part::Auditing(auditor))).await;
}

/// Writes what was done to a file until told to stop.
pub async fn filing(worker: Arc<Worker>, auditor: Arc<Auditor>, file: Arc<AuditFile>, stop: CancellationToken) {
    repeat(&worker, &stop, Part::Filing(auditor, file)).await;
}

/// Sends messages to people until told to stop.
pub async fn notifying(worker: Arc<Worker>, sending: Arc<Sending>, stop: CancellationToken) {
    repeat(&worker, &stop, Part::Notifying(sending)).await;
}

/// Has Odoo make activities until told to stop.
pub async fn telling(worker: Arc<Worker>, stop: CancellationToken) {
    repeat(&worker, &stop, Part::Telling(Telling::default())).await;
}

/// Keeps one loop for each MTS that owes answers, and learns how fast they come.
async fn reconciling(worker: &Worker, stop: &CancellationToken) {
    let mut changed = worker.store.changed();
    let mut loops = FuturesUnordered::new();
    let mut looked_after = BTreeSet::new();
    while !stop.is_cancelled() {
        changed.mark_unchanged();
        let open = worker.store.batches();
        worker.gates.learn(|id| open.iter().any(|batch| batch.id == id));
        for mts_url in open.into_iter().map(|batch| batch.mts_url) {
            if looked_after.insert(mts_url.clone()) {
                loops.push(async move {
                    repeat(worker, stop, Part::Reconciling(mts_url.clone())).await;
                    mts_url
                });
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            _ = changed.changed() => {}
            Some(over) = loops.next() => {
                looked_after.remove(&over);
            }
        }
    }
    while loops.next().await.is_some() {}
}

/// Takes one step after another, until told to stop or until a step is [`Progress::Over`]. While a step finds nothing to do, it
/// waits for a time or for a change of the store; after a failure, for the time alone.
async fn repeat(worker: &Worker, stop: &CancellationToken, part: Part) {
    let mut changed = worker.store.changed();
    while !stop.is_cancelled() {
        changed.mark_unchanged();
        let (wait, wakeable) = match part.step(worker).await {
            Ok(Progress::Worked) => continue,
            Ok(Progress::Over) => return,
            Ok(Progress::Idle(until)) => (until_then(worker, until), true),
            Err(Halt::Until(until)) => (until_then(worker, Some(until)), false),
            Err(error @ (Halt::Store(_) | Halt::Sync(_))) => {
                tracing::error!(%error, part = part.name(), "the store fails; nothing is acknowledged or sent meanwhile");
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
    let wait = (until - worker.steady.now()).to_std().unwrap_or_default();
    wait.clamp(Duration::from_millis(5), LONGEST_SLEEP)
}
