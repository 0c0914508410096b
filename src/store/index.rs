//! What the store knows by heart: who is due where, which batch still waits for whom, how many are in which state. It is made
//! anew from the records at each start, so it cannot disagree with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::audit::AuditQueue;
use super::disk::Disk;
use super::error::StoreError;
use super::{codec, keys};
use crate::domain::alarm::Message;
use crate::domain::batch::Batch;
use crate::domain::generation::Current;
use crate::domain::identity::{BatchId, ConnectorId, RunId};
use crate::domain::record::{Record, RecordKey, State};
use crate::domain::run::Run;

/// What a record waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// To be prepared and sent to MTS.
    Submit,
    /// To be written to Odoo.
    Write,
}

/// How many records of a connector are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub pending: u64,
    pub submitted: u64,
    pub to_write: u64,
    pub rejected: u64,
    pub abandoned: u64,
}

impl Counts {
    /// Under way: what the in-flight limit is about.
    pub fn open(&self) -> u64 {
        self.pending + self.submitted + self.to_write
    }

    fn of(&mut self, state: &State) -> &mut u64 {
        match state {
            State::Pending { .. } => &mut self.pending,
            State::Submitted { .. } => &mut self.submitted,
            State::TokenReceived { .. } | State::TokenWritten { .. } => &mut self.to_write,
            State::Rejected { .. } => &mut self.rejected,
            State::Abandoned { .. } => &mut self.abandoned,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Index {
    /// Times in whole milliseconds, as records keep them.
    due: BTreeSet<(ConnectorId, Queue, i64, RecordKey)>,
    members: HashMap<BatchId, BTreeSet<RecordKey>>,
    counts: HashMap<ConnectorId, Counts>,
    pub batches: BTreeMap<BatchId, Batch>,
    pub runs: BTreeMap<RunId, Run>,
    pub generation: Option<Current>,
    pub audit: AuditQueue,
    /// Messages to people that were not sent yet.
    pub messages: BTreeMap<u64, Message>,
    pub next_run: u64,
    pub next_batch: u64,
}

impl Queue {
    /// What a record in this state waits for, if for anything of these.
    pub fn of(state: &State) -> Option<Self> {
        match state {
            State::Pending { .. } => Some(Self::Submit),
            State::TokenReceived { .. } | State::TokenWritten { .. } => Some(Self::Write),
            _ => None,
        }
    }
}

fn queue(record: &Record) -> Option<(ConnectorId, Queue, i64, RecordKey)> {
    let queue = Queue::of(&record.state)?;
    Some((record.connector, queue, record.due.timestamp_millis(), record.key))
}

impl Index {
    /// Reads everything once; a value that does not decode means that the store is damaged.
    pub fn remember(disk: &Disk) -> Result<Self, StoreError> {
        let generation = codec::read(disk, keys::GENERATION)?;
        let mut index = Self { generation, audit: AuditQueue::remember(disk)?, ..Self::default() };
        for pair in disk.scan(keys::MESSAGES) {
            let (key, value) = pair?;
            let number = keys::message_number(&key);
            index.messages.extend(number.map(|number| codec::decode(&value).map(|it| (number, it))).transpose()?);
        }
        for pair in disk.scan(keys::RECORDS) {
            let record: Record = codec::decode(&pair?.1)?;
            let newest = record.attempts.iter().map(|attempt| attempt.batch.0).max();
            index.next_batch = index.next_batch.max(newest.unwrap_or(0));
            index.next_run = index.next_run.max(record.run.0);
            index.enter(&record);
        }
        for pair in disk.scan(keys::RUNS) {
            let run: Run = codec::decode(&pair?.1)?;
            index.next_run = index.next_run.max(run.id.0);
            index.runs.insert(run.id, run);
        }
        for pair in disk.scan(keys::BATCHES) {
            let batch: Batch = codec::decode(&pair?.1)?;
            index.next_batch = index.next_batch.max(batch.id.0);
            index.batches.insert(batch.id, batch);
        }
        Ok(index)
    }

    pub fn enter(&mut self, record: &Record) {
        *self.counts.entry(record.connector).or_default().of(&record.state) += 1;
        self.due.extend(queue(record));
        if let State::Submitted { batch } = record.state {
            self.members.entry(batch).or_default().insert(record.key);
        }
    }

    /// Forgets the record as it was; tells the batch that now waits for nobody.
    pub fn leave(&mut self, record: &Record) -> Option<BatchId> {
        let count = self.counts.entry(record.connector).or_default().of(&record.state);
        *count = count.saturating_sub(1);
        if let Some(entry) = queue(record) {
            self.due.remove(&entry);
        }
        let State::Submitted { batch } = record.state else {
            return None;
        };
        let members = self.members.get_mut(&batch)?;
        members.remove(&record.key);
        if !members.is_empty() {
            return None;
        }
        self.members.remove(&batch);
        Some(batch)
    }

    pub fn due(
        &self,
        connector: ConnectorId,
        queue: Queue,
        now: DateTime<Utc>,
        longest: TimeDelta,
        limit: usize,
    ) -> Vec<RecordKey> {
        let now = now.timestamp_millis();
        let due = self.waiting(connector, queue, i64::MIN).take_while(|(at, _)| *at <= now);
        // Nobody was put off so far: the clock ran ahead then.
        let beyond = now.saturating_add(longest.num_milliseconds()).saturating_add(1);
        let stray = self.waiting(connector, queue, beyond);
        due.chain(stray).map(|(_, key)| key).take(limit).collect()
    }

    pub fn queued(&self, connector: ConnectorId, queue: Queue, limit: usize) -> Vec<RecordKey> {
        self.waiting(connector, queue, i64::MIN).map(|(_, key)| key).take(limit).collect()
    }

    pub fn next_due(&self, connector: ConnectorId, queue: Queue) -> Option<DateTime<Utc>> {
        self.waiting(connector, queue, i64::MIN).next().and_then(|(at, _)| DateTime::from_timestamp_millis(at))
    }

    /// A queue, from the first that is due at or after `from`.
    fn waiting(&self, connector: ConnectorId, queue: Queue, from: i64) -> impl Iterator<Item = (i64, RecordKey)> + '_ {
        let first = RecordKey {
            token_type: crate::domain::identity::IdTypeId(0),
            registrant: crate::domain::identity::RegistrantId(0),
        };
        self.due
            .range((connector, queue, from, first)..)
            .take_while(move |(of, kind, _, _)| (*of, *kind) == (connector, queue))
            .map(|(_, _, at, key)| (*at, *key))
    }

    pub fn members(&self, batch: BatchId) -> impl Iterator<Item = RecordKey> + '_ {
        self.members.get(&batch).into_iter().flatten().copied()
    }

    pub fn outstanding(&self, batch: BatchId) -> usize {
        self.members.get(&batch).map_or(0, BTreeSet::len)
    }

    pub fn awaited(&self) -> impl Iterator<Item = BatchId> + '_ {
        self.members.keys().copied()
    }

    pub fn counts(&self, connector: ConnectorId) -> Counts {
        self.counts.get(&connector).copied().unwrap_or_default()
    }

    pub fn all_counts(&self) -> impl Iterator<Item = (ConnectorId, Counts)> + '_ {
        self.counts.iter().map(|(connector, counts)| (*connector, *counts))
    }
}
