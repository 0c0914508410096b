//! What callers bring who were let in, and that counts for nothing, told in the log. MTS does not look at the answer, so
//! nobody else would hear of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::source::Source;
use crate::domain::identity::{ConnectorId, RegistrantId};

/// Between two lines of one kind.
const TOLD: Duration = Duration::from_secs(60);

/// How many of each kind there were since they were last told.
#[derive(Debug, Default)]
pub(super) struct Oddities {
    unusable: Mutex<Silence>,
    foreign: Mutex<Silence>,
    disputed: Mutex<Silence>,
}

#[derive(Debug, Default)]
struct Silence {
    told: Option<Instant>,
    untold: u64,
}

impl Silence {
    /// Counts some more; gives how many are to be told now.
    fn note(&mut self, more: u64, now: Instant) -> Option<u64> {
        self.untold = self.untold.saturating_add(more);
        if more == 0 || self.told.is_some_and(|told| now < told + TOLD) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

fn note(silence: &Mutex<Silence>, more: u64) -> Option<u64> {
    silence.lock().unwrap_or_else(PoisonError::into_inner).note(more, Instant::now())
}

impl Oddities {
    /// Nothing of a callback could be read, for this reason.
    pub fn unusable(&self, connector: ConnectorId, source: Source, reason: &'static str) {
        if let Some(callbacks) = note(&self.unusable, 1) {
            tracing::warn!(%connector, %source, reason, callbacks, "callbacks that were let in could not be used");
        }
    }

    /// So many entries of a callback answer nothing that OMC sent.
    pub fn foreign(&self, connector: ConnectorId, source: Source, entries: u64) {
        if let Some(results) = note(&self.foreign, entries) {
            tracing::warn!(%connector, %source, results, "results came that OMC did not ask for; they count for nothing");
        }
    }

    /// So many results gave another token than the one that was taken before; the registrant of the latest.
    pub fn disputed(&self, connector: ConnectorId, registrant: RegistrantId, tokens: u64) {
        if let Some(results) = note(&self.disputed, tokens) {
            tracing::warn!(%connector, %registrant, results, "MTS gave a second token that is not the first; the first one counts");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_in_a_while_with_those_that_were_not() {
        let (mut silence, now) = (Silence::default(), Instant::now());
        assert_eq!(silence.note(0, now), None, "nothing to tell");
        assert_eq!(silence.note(3, now), Some(3));
        assert_eq!(silence.note(2, now), None);
        assert_eq!(silence.note(2, now + TOLD - Duration::from_millis(1)), None);
        assert_eq!(silence.note(0, now + TOLD), None, "no news");
        assert_eq!(silence.note(1, now + TOLD), Some(5));
    }
}
