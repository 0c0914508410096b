//! The way into one MTS: how many POSTs at once, how fast it takes records in, and how long it may be silent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use url::Url;

/// What a record takes at POST in releases so far (14 to 35 ms), doubled; used until MTS showed its own pace.
const ASSUMED: Duration = Duration::from_millis(70);
/// Around every POST, whatever its size.
const LEAST: Duration = Duration::from_secs(60);
/// MTS forgets what is older than six hours, queued or not: it is never given more than it drains in one.
const DRAINS_IN: Duration = Duration::from_secs(3600);
/// From here on, MTS itself is failing, and no record of the batches is to blame: halving the largest batch (5,000) to one
/// record takes thirteen POSTs.
const FAILURES_OF_BATCHES: u32 = 14;

/// MTSs that are asked at once how far their batches are.
const ASKED_AT_ONCE: usize = 32;

/// One MTS.
#[derive(Debug)]
pub struct Gate {
    pub room: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    per_record: Duration,
    measured: bool,
    failed_in_a_row: u32,
}

impl Gate {
    fn new(concurrency: usize) -> Self {
        let state = State { per_record: ASSUMED, measured: false, failed_in_a_row: 0 };
        Self { room: Semaphore::new(concurrency), state: Mutex::new(state) }
    }

    /// How long MTS should take for so many records.
    pub fn expected(&self, records: u64) -> Duration {
        LEAST + self.state().per_record.saturating_mul(u32::try_from(records).unwrap_or(u32::MAX))
    }

    /// How long to wait for the answer to a POST, with so many records at MTS or on the way.
    pub fn patience(&self, records: u64) -> Duration {
        let records = u32::try_from(records).unwrap_or(u32::MAX);
        LEAST + self.state().per_record.max(ASSUMED).saturating_mul(records)
    }

    /// How many records may be at this MTS at once.
    pub fn capacity(&self) -> u64 {
        let state = self.state();
        let drained = DRAINS_IN.as_micros() / state.per_record.as_micros().max(1);
        u64::try_from(drained).unwrap_or(u64::MAX)
    }

    /// A POST of so many records was accepted after so long.
    pub fn accepted(&self, records: u32, took: Duration) {
        let mut state = self.state();
        state.failed_in_a_row = 0;
        let seen = took / records.max(1);
        // Delivery and authentication come on top of what the POST shows: count it twice.
        let seen = seen.saturating_mul(2).max(Duration::from_micros(10));
        state.per_record = if state.measured { (state.per_record * 3 + seen) / 4 } else { seen };
        state.measured = true;
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
    all: Mutex<HashMap<Url, Arc<Gate>>>,
}

impl Gates {
    pub fn new(concurrency: usize) -> Self {
        Self { concurrency: concurrency.max(1), asking: Semaphore::new(ASKED_AT_ONCE), all: Mutex::default() }
    }

    pub fn of(&self, mts: &Url) -> Arc<Gate> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(mts.clone()).or_insert_with(|| Arc::new(Gate::new(self.concurrency))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_learnt() {
        let gate = Gate::new(1);
        assert_eq!(gate.capacity(), 51_428);
        gate.accepted(1000, Duration::from_secs(1));
        assert_eq!(gate.capacity(), 1_800_000);
        assert_eq!(gate.expected(1000), LEAST + Duration::from_secs(2));
        assert_eq!(gate.patience(1000), LEAST + Duration::from_secs(70), "a slow moment is not a failure");
        gate.accepted(1000, Duration::from_secs(101));
        assert_eq!(gate.expected(1000), LEAST + Duration::from_secs(52));
    }

    #[test]
    fn many_failures_in_a_row_are_the_servers() {
        let gate = Gate::new(1);
        assert_eq!((0..13).filter(|_| gate.failed()).count(), 13);
        assert!(!gate.is_failing());
        assert!(!gate.failed());
        assert!(gate.is_failing());
        gate.accepted(1, Duration::from_secs(1));
        assert!(gate.failed());
    }
}
