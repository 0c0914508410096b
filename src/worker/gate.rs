//! The way into one MTS: how many POSTs at once, how fast it takes records in, and how long it may be silent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use crate::domain::batch::Batch;
use crate::domain::identity::BatchId;

/// What a record takes at POST in releases so far (14 to 35 ms), doubled; used until MTS showed its own pace.
const ASSUMED: Duration = Duration::from_millis(70);
/// Around every POST, whatever its size.
const LEAST: Duration = Duration::from_secs(60);
/// MTS forgets what is older than six hours, queued or not: it is never given more than it drains in one.
const DRAINS_IN: Duration = Duration::from_secs(3600);
/// From here on, MTS itself is failing, and no record of the batches is to blame: halving the largest batch (5,000) to one
/// record takes thirteen POSTs.
const FAILURES_OF_BATCHES: u32 = 14;

/// However slow the answers, MTS counts as no slower: some records must go for it to be seen that it is quicker again.
const SLOWEST: Duration = Duration::from_secs(30);
/// MTSs that are asked at once how far their batches are.
const ASKED_AT_ONCE: usize = 32;
/// Files that are fetched at once: all of each is in memory.
const FETCHED_AT_ONCE: usize = 2;
/// Batches of one MTS whose results are to be fetched: each of them is asked for again and again.
const DOWNLOADS: usize = 50;

/// One MTS.
#[derive(Debug)]
pub struct Gate {
    pub room: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What a record takes until MTS has it, counted twice; unset before the first batch was accepted.
    taking_in: Option<Duration>,
    /// What a record takes until its answer is here; unset before a batch was settled.
    answering: Option<Duration>,
    /// Accepted batches whose answers are awaited.
    awaited: HashMap<BatchId, Awaited>,
    settled_at: Option<Instant>,
    /// The newest batch that was settled, since the start.
    settled: Option<BatchId>,
    failed_in_a_row: u32,
    /// When MTS last took a batch.
    took_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy)]
struct Awaited {
    began: Instant,
    size: u32,
}

impl State {
    fn per_record(&self) -> Duration {
        self.taking_in.unwrap_or(ASSUMED).max(self.answering.unwrap_or_default())
    }
}

/// A pace is the mean of what was seen, the newest counting for a quarter.
fn learnt(known: Option<Duration>, seen: Duration) -> Option<Duration> {
    Some(known.map_or(seen, |known| (known * 3 + seen) / 4))
}

impl Gate {
    fn new(concurrency: usize) -> Self {
        let state = State {
            taking_in: None,
            answering: None,
            awaited: HashMap::new(),
            settled_at: None,
            settled: None,
            failed_in_a_row: 0,
            took_at: None,
        };
        Self { room: Semaphore::new(concurrency), state: Mutex::new(state) }
    }

    /// How long MTS should take for so many records.
    pub fn expected(&self, records: u64) -> Duration {
        LEAST + self.state().per_record().saturating_mul(u32::try_from(records).unwrap_or(u32::MAX))
    }

    /// How long to wait for the answer to a POST, with so many records at MTS or on the way.
    pub fn patience(&self, records: u64) -> Duration {
        let records = u32::try_from(records).unwrap_or(u32::MAX);
        LEAST + self.state().taking_in.unwrap_or(ASSUMED).max(ASSUMED).saturating_mul(records)
    }

    /// How many records may be at this MTS at once.
    pub fn capacity(&self) -> u64 {
        let state = self.state();
        let drained = DRAINS_IN.as_micros() / state.per_record().as_micros().max(1);
        u64::try_from(drained).unwrap_or(u64::MAX)
    }

    /// The POST of a batch that began then was accepted, and is over: at `ended`, which is `now` in steady time.
    pub fn accepted(&self, batch: BatchId, size: u32, began: Instant, ended: Instant, now: DateTime<Utc>) {
        let mut state = self.state();
        state.failed_in_a_row = 0;
        state.took_at = Some(now);
        let seen = ended.duration_since(began) / size.max(1);
        // Delivery and authentication come on top of what the POST shows: count it twice.
        let seen = seen.saturating_mul(2).clamp(Duration::from_micros(10), SLOWEST);
        state.taking_in = learnt(state.taking_in, seen);
        state.awaited.insert(batch, Awaited { began, size });
    }

    /// When it last took a batch, since the start.
    pub fn took_at(&self) -> Option<DateTime<Utc>> {
        self.state().took_at
    }

    /// The answers of a batch are lost: when it goes, that says nothing of the pace.
    pub fn lost(&self, batch: BatchId) {
        self.state().awaited.remove(&batch);
    }

    /// Whether a batch that was sent after this one is settled.
    pub fn is_overtaken(&self, batch: BatchId) -> bool {
        self.state().settled > Some(batch)
    }

    /// Learns from the batches that are settled by now: those that are not open any more.
    pub fn learn(&self, is_open: impl Fn(BatchId) -> bool, now: Instant) {
        let mut state = self.state();
        let mut settled: Vec<Awaited> = Vec::new();
        let mut newest = state.settled;
        state.awaited.retain(|batch, awaited| {
            let open = is_open(*batch);
            settled.extend((!open).then_some(*awaited));
            newest = if open { newest } else { newest.max(Some(*batch)) };
            open
        });
        state.settled = newest;
        let records: u32 = settled.iter().fold(0, |sum, batch| sum.saturating_add(batch.size));
        let Some(began) = settled.iter().map(|batch| batch.began).min() else { return };
        // MTS works one after the other: a batch had its turn when the one before it was settled.
        let since = state.settled_at.map_or(began, |before| before.max(began));
        // Every wait has this on top, and small batches take it all.
        let took = now.duration_since(since).saturating_sub(LEAST);
        let seen = (took / records.max(1)).min(SLOWEST);
        state.answering = learnt(state.answering, seen);
        state.settled_at = Some(now);
    }

    /// MTS failed on a batch. Tells whether the batch may be to blame, rather than MTS.
    pub fn failed(&self) -> bool {
        let mut state = self.state();
        state.failed_in_a_row = state.failed_in_a_row.saturating_add(1);
        state.failed_in_a_row < FAILURES_OF_BATCHES
    }

    /// Whether MTS has failed so often that batches must be as small as can be, to find out what it still takes.
    pub fn is_failing(&self) -> bool {
        self.state().failed_in_a_row >= FAILURES_OF_BATCHES
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gates of all MTSs that connectors name.
#[derive(Debug)]
pub struct Gates {
    concurrency: usize,
    /// To be had for asking an MTS how far a batch is: one that hangs may keep its place for long.
    pub asking: Semaphore,
    /// To be had for fetching a file.
    pub fetching: Semaphore,
    all: Mutex<HashMap<Url, Arc<Gate>>>,
}

impl Gates {
    pub fn new(concurrency: usize) -> Self {
        Self {
            concurrency: concurrency.max(1),
            asking: Semaphore::new(ASKED_AT_ONCE),
            fetching: Semaphore::new(FETCHED_AT_ONCE),
            all: Mutex::default(),
        }
    }

    /// Learns the pace of every MTS from the batches that are settled by now.
    pub fn learn(&self, is_open: impl Fn(BatchId) -> bool) {
        let gates: Vec<Arc<Gate>> =
            self.all.lock().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
        gates.iter().for_each(|gate| gate.learn(&is_open, Instant::now()));
    }

    /// Whether no more batches are to be sent for download, given those that wait at one MTS.
    pub fn is_full(batches: Vec<Batch>) -> bool {
        batches.into_iter().filter(|batch| batch.delivery.is_download()).count() >= DOWNLOADS
    }

    pub fn of(&self, mts: &Url) -> Arc<Gate> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(mts.clone()).or_insert_with(|| Arc::new(Gate::new(self.concurrency))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A batch that MTS took so long to take in.
    fn accepted(gate: &Gate, batch: u64, size: u32, took: Duration) -> Instant {
        let began = Instant::now();
        gate.accepted(BatchId(batch), size, began, began + took, DateTime::UNIX_EPOCH);
        began
    }

    #[test]
    fn however_slow_it_was_once_something_is_sent() {
        let gate = Gate::new(1);
        accepted(&gate, 1, 1, SECOND * 7200);
        assert_eq!(gate.capacity(), 120);
    }

    #[test]
    fn the_pace_of_taking_in_is_learnt() {
        let gate = Gate::new(1);
        assert_eq!(gate.capacity(), 51_428);
        accepted(&gate, 1, 1000, SECOND);
        assert_eq!(gate.capacity(), 1_800_000);
        assert_eq!(gate.expected(1000), LEAST + SECOND * 2);
        assert_eq!(gate.patience(1000), LEAST + SECOND * 70, "a slow moment is not a failure");
        accepted(&gate, 2, 1000, SECOND * 101);
        assert_eq!(gate.expected(1000), LEAST + SECOND * 52);
    }

    #[test]
    fn the_pace_of_answering_is_learnt_from_settled_batches() {
        let gate = Gate::new(1);
        let began = accepted(&gate, 1, 100, SECOND);
        accepted(&gate, 2, 100, SECOND);
        gate.learn(|_| true, began + SECOND * 500);
        assert_eq!(gate.expected(100), LEAST + SECOND * 2, "nothing is settled yet");
        gate.learn(|batch| batch == BatchId(2), began + LEAST + SECOND * 200);
        assert_eq!(gate.expected(100), LEAST + SECOND * 200);
        assert_eq!(gate.capacity(), 1800);
        assert_eq!(gate.patience(100), LEAST + SECOND * 7, "the POST waits for none of it");
        // The second had its turn when the first was settled: a second for each record.
        gate.learn(|_| false, began + LEAST * 2 + SECOND * 300);
        assert_eq!(gate.expected(100), LEAST + SECOND * 175);
    }

    #[test]
    fn the_pace_of_answering_has_bounds_and_lost_batches_do_not_count() {
        let gate = Gate::new(1);
        let began = accepted(&gate, 1, 1, SECOND);
        gate.lost(BatchId(1));
        gate.learn(|_| false, began + SECOND * 86_400);
        assert_eq!(gate.capacity(), 1800, "as it took them in");
        let began = accepted(&gate, 2, 1, SECOND);
        gate.learn(|_| false, began + SECOND * 86_400);
        assert_eq!(gate.capacity(), 120);
        assert!(gate.state().awaited.is_empty());
    }

    #[test]
    fn many_failures_in_a_row_are_the_servers() {
        let gate = Gate::new(1);
        assert_eq!((0..13).filter(|_| gate.failed()).count(), 13);
        assert!(!gate.is_failing());
        assert!(!gate.failed());
        assert!(gate.is_failing());
        accepted(&gate, 1, 1, SECOND);
        assert!(gate.failed());
    }
}
