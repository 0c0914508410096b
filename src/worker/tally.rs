//! What this process has done since it started; for its status, its metrics and the demo's summary.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use metrics::counter;
use tokio::time::Instant;

#[derive(Debug, Default)]
pub struct Tally {
    admitted: AtomicU64,
    left: AtomicU64,
    submitted: AtomicU64,
    tokens_written: AtomicU64,
    vids_cleared: AtomicU64,
    vids_swept: AtomicU64,
    first_pull: OnceLock<Instant>,
    last_write: Mutex<Option<Instant>>,
}

impl Tally {
    /// Records that came in.
    pub fn admitted(&self) -> u64 {
        self.admitted.load(Ordering::Relaxed)
    }

    /// Of them, those that nothing was to be done for when they were looked at.
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Records that MTS accepted; one that was sent twice counts twice.
    pub fn submitted(&self) -> u64 {
        self.submitted.load(Ordering::Relaxed)
    }

    pub fn tokens_written(&self) -> u64 {
        self.tokens_written.load(Ordering::Relaxed)
    }

    /// VIDs removed with their token's writing.
    pub fn vids_cleared(&self) -> u64 {
        self.vids_cleared.load(Ordering::Relaxed)
    }

    /// VIDs removed by a clean-up.
    pub fn vids_swept(&self) -> u64 {
        self.vids_swept.load(Ordering::Relaxed)
    }

    /// From the first pull to the last write.
    pub fn seconds(&self) -> f64 {
        let last = *self.last_write.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.first_pull.get(), last) {
            (Some(first), Some(last)) => last.duration_since(*first).as_secs_f64(),
            _ => 0.0,
        }
    }

    pub(super) fn pulls(&self) {
        self.first_pull.get_or_init(Instant::now);
    }

    pub(super) fn took_in(&self, records: u64) {
        self.admitted.fetch_add(records, Ordering::Relaxed);
        counter!("omc_admitted_total").increment(records);
    }

    pub(super) fn let_go(&self, records: u64) {
        self.left.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, records: u64) {
        self.submitted.fetch_add(records, Ordering::Relaxed);
        counter!("omc_submitted_total").increment(records);
    }

    pub(super) fn wrote(&self, tokens: u64, cleared: u64) {
        self.tokens_written.fetch_add(tokens, Ordering::Relaxed);
        self.vids_cleared.fetch_add(cleared, Ordering::Relaxed);
        *self.last_write.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        counter!("omc_tokens_written_total").increment(tokens);
        counter!("omc_vids_removed_total", "by" => "write_back").increment(cleared);
    }

    pub(super) fn swept(&self, vids: u64) {
        self.vids_swept.fetch_add(vids, Ordering::Relaxed);
        counter!("omc_vids_removed_total", "by" => "clean_up").increment(vids);
    }
}
