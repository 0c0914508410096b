//! The queue of what an audit is to be told: numbered, in order, bounded. Each outlet goes through it at its own pace; what all outlets
//! have told is removed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::disk::{Disk, Write};
use super::error::StoreError;
use super::{Store, codec, keys};
use crate::domain::audit::AuditEvent;
use crate::domain::identity::{IdTypeId, RegIdRow, RegistrantId};

/// Where events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlet {
    /// MOSIP's audit manager.
    Manager,
    /// A file of lines.
    File,
}

/// How far each outlet is, as it is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Marks {
    /// No event has this number, or a higher one.
    next: u64,
    told: BTreeMap<Outlet, u64>,
}

/// The queue, without what is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct AuditQueue {
    /// Events that are kept at most; 0: nobody wants any.
    limit: u64,
    outlets: BTreeSet<Outlet>,
    /// Numbers of the oldest event that is there, and of the next one to come. Between them none is missing.
    first: u64,
    next: u64,
    /// How far each outlet is: what it tells next.
    told: BTreeMap<Outlet, u64>,
    /// Events that had to go untold, since this was last asked.
    dropped: u64,
}

impl AuditQueue {
    pub fn remember(disk: &Disk) -> Result<Self, StoreError> {
        let Marks { next, told } = codec::read(disk, keys::AUDIT)?.unwrap_or_default();
        let mut queue = Self { first: next, next, told, ..Self::default() };
        let mut first = None;
        for pair in disk.scan(keys::AUDITS) {
            let Some(number) = keys::audit_number(&pair?.0) else { continue };
            first.get_or_insert(number);
            queue.next = queue.next.max(number + 1);
        }
        queue.first = first.unwrap_or(queue.next);
        Ok(queue)
    }

    /// From now on these are to be told, and so many events kept for them.
    pub fn open(&mut self, outlets: BTreeSet<Outlet>, limit: u64) {
        self.limit = if outlets.is_empty() { 0 } else { limit };
        self.outlets = outlets;
    }

    pub fn is_open(&self) -> bool {
        self.limit > 0
    }

    pub fn len(&self) -> u64 {
        self.next - self.first
    }

    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// The number of the event that an outlet tells next.
    pub fn next_for(&self, outlet: Outlet) -> u64 {
        self.told.get(&outlet).copied().unwrap_or(0).clamp(self.first, self.next)
    }

    /// Numbers that an outlet has not told.
    pub fn untold(&self, outlet: Outlet) -> std::ops::Range<u64> {
        self.next_for(outlet)..self.next
    }

    /// Takes events in. Where there is no room, the oldest go.
    pub fn append(&mut self, events: &[AuditEvent], writes: &mut Vec<Write>) -> Result<(), StoreError> {
        for event in events {
            writes.push((keys::audit(self.next), Some(codec::encode(event)?)));
            self.next += 1;
        }
        let surplus = self.len().saturating_sub(self.limit);
        self.dropped += surplus;
        self.remove_before(self.first + surplus, writes);
        Ok(())
    }

    /// Notes that an outlet has told all events below a number, and removes what every outlet has told.
    pub fn told(&mut self, outlet: Outlet, below: u64, writes: &mut Vec<Write>) -> Result<(), StoreError> {
        let below = below.max(self.next_for(outlet)).min(self.next);
        self.told.insert(outlet, below);
        let by_all = self.outlets.iter().map(|outlet| self.next_for(*outlet)).min().unwrap_or(self.first);
        self.remove_before(by_all, writes);
        // With this, numbers do not begin anew when the queue is empty.
        let marks = Marks { next: self.next, told: self.told.clone() };
        writes.push((keys::AUDIT.to_vec(), Some(codec::encode(&marks)?)));
        Ok(())
    }

    fn remove_before(&mut self, end: u64, writes: &mut Vec<Write>) {
        writes.extend((self.first..end).map(|number| (keys::audit(number), None)));
        self.first = self.first.max(end);
    }
}

impl Store {
    /// VID rows of one type whose removal was asked for, and whose outcome is not known, up to `limit`.
    pub fn removals(&self, vid_type: IdTypeId, limit: usize) -> Result<Vec<(RegistrantId, RegIdRow)>, StoreError> {
        let pairs = self.0.disk.scan(&keys::removals(vid_type)).take(limit);
        pairs.filter_map(|pair| pair.map(|(key, _)| keys::removed(&key)).transpose()).collect()
    }

    /// From now on events for the audit are kept for these outlets, so many at most; for none, no event is kept.
    pub fn open_audit(&self, outlets: BTreeSet<Outlet>, limit: u64) {
        self.index().audit.open(outlets, limit);
    }

    /// Whether events for the audit are kept.
    pub fn is_audited(&self) -> bool {
        self.index().audit.is_open()
    }

    /// The next events that an outlet is to tell, with their numbers.
    pub fn audits(&self, outlet: Outlet, limit: usize) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
        let untold = self.index().audit.untold(outlet);
        let mut events = Vec::new();
        for number in untold.take(limit) {
            // One that is gone had to give way meanwhile.
            if let Some(event) = codec::read(&self.0.disk, &keys::audit(number))? {
                events.push((number, event));
            }
        }
        Ok(events)
    }

    /// Events for the audit that are kept.
    pub fn audits_kept(&self) -> u64 {
        self.index().audit.len()
    }

    /// Events that went untold because there were too many, since this was last asked.
    pub fn audits_dropped(&self) -> u64 {
        self.index().audit.take_dropped()
    }
}
