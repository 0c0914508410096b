//! What the callers of the callback listener share, and how much of it each connector's may have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::bodies::Bodies;
use super::body;
use super::callback::Receiver;
use super::caller::Caller;
use super::oddities::Oddities;
use super::refusals::Refusals;
use super::result::{self, Read, Unread};
use crate::domain::identity::ConnectorId;

/// How many bodies of one connector may be read at once, small ones apart; MTS delivers one at a time per worker.
const AT_ONCE: usize = 4;
/// How many callers of one connector keep their connections from being given to others: whoever got hold of one connector's
/// credentials shuts nobody else out.
const KEPT: usize = 32;
/// Connectors with a quota of their own, before those that nobody uses are let go of.
const QUOTAS: usize = 256;
/// So many of the largest bodies, as received, may be in memory at once, whosever they are. What is read out of them comes on top.
const LARGEST_AT_ONCE: usize = 8;
/// Bodies that are not small and are taken apart at once, whosever they are: it takes many times their size in memory, and all of a
/// processor.
const READERS: usize = 2;

/// The listener's state.
pub(super) struct Reception {
    pub receiver: Receiver,
    pub refusals: Refusals,
    pub oddities: Oddities,
    /// Of connectors that authenticated, so that an MTS that trickles its bodies does not keep others out.
    quotas: Mutex<BTreeMap<ConnectorId, Arc<Quota>>>,
    /// Of all connectors together.
    pub bodies: Bodies,
    readers: Arc<Semaphore>,
}

/// What the callers of one connector share.
pub(super) struct Quota {
    /// For bodies that are not small.
    pub places: Semaphore,
    kept: Semaphore,
}

impl Quota {
    fn new() -> Self {
        Self { places: Semaphore::new(AT_ONCE), kept: Semaphore::new(KEPT) }
    }

    /// Has a caller keep its connection, if not too many of this connector do.
    pub fn keep(&self, caller: &Caller) -> Option<SemaphorePermit<'_>> {
        let kept = self.kept.try_acquire().ok();
        if kept.is_none() {
            caller.spare();
        }
        kept
    }
}

impl Reception {
    pub fn new(receiver: Receiver) -> Self {
        let bodies = Bodies::new(receiver.max_body.saturating_mul(LARGEST_AT_ONCE));
        let (refusals, oddities) = Default::default();
        let readers = Arc::new(Semaphore::new(READERS));
        Self { receiver, refusals, oddities, quotas: Mutex::default(), bodies, readers }
    }

    /// What a connector's callers share. There are no more than [`QUOTAS`] and those in use, which the listener's connections bound.
    pub fn quota(&self, connector: ConnectorId) -> Arc<Quota> {
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        if quotas.len() >= QUOTAS {
            quotas.retain(|_, quota| Arc::strong_count(quota) > 1);
        }
        let quota = quotas.entry(connector).or_insert_with(|| Arc::new(Quota::new()));
        Arc::clone(quota)
    }

    /// Reads a body: a small one at hand, others elsewhere, so that nobody else waits for it.
    pub async fn read(&self, body: Vec<u8>, connector: ConnectorId) -> Result<Read, Unread> {
        let seal = Arc::clone(&self.receiver.seal);
        if body.len() <= body::SMALL {
            return result::results(&body, connector, &seal);
        }
        let reader = tokio::time::timeout(body::ROOM_TIME, Arc::clone(&self.readers).acquire_owned()).await;
        let reader = reader.map_err(|_| Unread::NoRoom)?;
        let read = tokio::task::spawn_blocking(move || {
            // Also when the caller has gone meanwhile.
            let _reader = reader;
            result::results(&body, connector, &seal)
        });
        read.await.unwrap_or(Err(Unread::NoRoom))
    }
}
