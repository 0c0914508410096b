//! What callers bring who were let in, and that counts for nothing, told in the log. MTS does not look at the answer, so
//! nobody else would hear of it.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::silence::Silence;
use super::source::Source;
use crate::domain::identity::{ConnectorId, RegistrantId};

/// How many of each kind there were since they were last told.
#[derive(Debug, Default)]
pub(super) struct Oddities {
    unusable: Mutex<Silence>,
    foreign: Mutex<Silence>,
    disputed: Mutex<Silence>,
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
