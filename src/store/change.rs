//! One change of the store: all of it, or nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use url::Url;

use super::audit::Outlet;
use super::disk::{Disk, Write};
use super::error::StoreError;
use super::index::Index;
use super::{codec, keys};
use crate::domain::alarm::{Alarm, Message, Standing};
use crate::domain::audit::{AuditEvent, Deed};
use crate::domain::batch::Batch;
use crate::domain::generation::Current;
use crate::domain::identity::{BatchId, ConnectorId, IdTypeId, RegIdRow, RegistrantId, RunId};
use crate::domain::record::{Record, RecordKey, State};
use crate::domain::run::{Cursor, Run};
use crate::domain::transition::{self, Effects, Event, Notice, Occasion};

/// Messages to people that wait at most.
const MESSAGES: usize = 1000;

/// Collects what is to change; nothing is written, and nobody else sees any of it, before the end.
pub struct Change<'a> {
    disk: &'a Disk,
    index: &'a mut Index,
    records: HashMap<RecordKey, Touched>,
    runs: BTreeMap<RunId, Option<Run>>,
    batches: BTreeMap<BatchId, Option<Batch>>,
    generation: Option<Current>,
    others: Vec<Write>,
    /// Records that an administrator's list shows already, though the store does not know them.
    told: HashSet<RecordKey>,
    /// `None`: sent, or given up.
    messages: BTreeMap<u64, Option<Message>>,
    audits: Vec<AuditEvent>,
    audited: Option<(Outlet, u64)>,
}

struct Touched {
    before: Option<Record>,
    after: Option<Record>,
}

impl<'a> Change<'a> {
    pub(super) fn new(disk: &'a Disk, index: &'a mut Index) -> Self {
        Self {
            disk,
            index,
            records: HashMap::new(),
            runs: BTreeMap::new(),
            batches: BTreeMap::new(),
            generation: None,
            others: Vec::new(),
            told: HashSet::new(),
            messages: BTreeMap::new(),
            audits: Vec::new(),
            audited: None,
        }
    }

    pub fn record(&self, key: RecordKey) -> Result<Option<Record>, StoreError> {
        match self.records.get(&key) {
            Some(touched) => Ok(touched.after.clone()),
            None => codec::record(self.disk, key),
        }
    }

    /// The one way a record changes. `None`: there is no such record.
    pub fn apply(
        &mut self,
        key: RecordKey,
        event: Event,
        occasion: &Occasion<'_>,
    ) -> Result<Option<Effects>, StoreError> {
        let Some(record) = self.record(key)? else {
            return Ok(None);
        };
        let (after, effects) = transition::apply(&record, event, occasion)?;
        if after.as_ref() != Some(&record) {
            self.count(&effects, occasion);
            if effects.notice == Some(Notice::Refused) {
                self.audits.extend(after.as_ref().and_then(|after| refusal(after, occasion)));
            }
            if let Some(notice) = effects.notice {
                self.others.push((keys::notice(record.connector, key), Some(vec![notice_byte(notice)])));
            }
            self.touch(key, record, after);
        }
        Ok(Some(effects))
    }

    /// Writes a record down anew as it is, under another key: digests and sealed values differ, and nothing else may.
    pub fn write_anew(&mut self, record: Record) -> Result<(), StoreError> {
        if let Some(before) = self.record(record.key)? {
            self.touch(record.key, before, Some(record));
        }
        Ok(())
    }

    /// Takes registrants that a run found: new ones get a record, known ones are met again. Returns how many came in new.
    pub fn admit(
        &mut self,
        run: RunId,
        connector: ConnectorId,
        token_type: IdTypeId,
        found: &[RegistrantId],
        occasion: &Occasion<'_>,
    ) -> Result<u64, StoreError> {
        let mut new = 0;
        for registrant in found {
            let key = RecordKey { token_type, registrant: *registrant };
            match self.apply(key, Event::Met { run, connector }, occasion)? {
                Some(effects) => new += u64::from(effects.run == run && effects.ignored.is_none()),
                None => {
                    let mut record = Record::admitted(key, connector, run, occasion.now);
                    record.reported = self.told.contains(&key);
                    self.records.insert(key, Touched { before: None, after: Some(record) });
                    new += 1;
                }
            }
        }
        Ok(new)
    }

    /// Notes that an administrator's list shows this record as refused, so that it is told when that is over.
    pub fn is_told(&mut self, key: RecordKey) {
        self.told.insert(key);
    }

    pub fn new_run_id(&mut self) -> RunId {
        self.index.next_run += 1;
        RunId(self.index.next_run)
    }

    pub fn new_batch_id(&mut self) -> BatchId {
        self.index.next_batch += 1;
        BatchId(self.index.next_batch)
    }

    pub fn run(&self, id: RunId) -> Option<Run> {
        match self.runs.get(&id) {
            Some(run) => run.clone(),
            None => self.index.runs.get(&id).cloned(),
        }
    }

    pub fn runs(&self) -> impl Iterator<Item = &Run> + '_ {
        let kept = self.index.runs.iter().filter(|(id, _)| !self.runs.contains_key(id)).map(|(_, run)| run);
        kept.chain(self.runs.values().flatten())
    }

    pub fn put_run(&mut self, run: Run) {
        self.runs.insert(run.id, Some(run));
    }

    pub fn remove_run(&mut self, id: RunId) {
        self.runs.insert(id, None);
    }

    /// The generation of the credentials that MTS is given now; none before the first.
    pub fn generation(&self) -> Option<Current> {
        self.generation.or(self.index.generation)
    }

    pub fn put_generation(&mut self, current: Current) {
        self.generation = Some(current);
    }

    pub fn batch(&self, id: BatchId) -> Option<Batch> {
        match self.batches.get(&id) {
            Some(batch) => batch.clone(),
            None => self.index.batches.get(&id).cloned(),
        }
    }

    /// The batches that one MTS still owes answers to.
    pub fn batches_at(&self, mts_url: &Url) -> Vec<Batch> {
        let ids: Vec<BatchId> = self.index.batches.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.batch(id)).filter(|batch| batch.mts_url == *mts_url).collect()
    }

    /// Puts a batch that waits for somebody; one that waits for nobody any more is forgotten by itself.
    pub fn put_batch(&mut self, batch: Batch) {
        self.batches.insert(batch.id, Some(batch));
    }

    pub fn cursor(&self, connector: ConnectorId) -> Result<Cursor, StoreError> {
        let key = keys::cursor(connector);
        let pending = self.others.iter().rev().find(|(other, _)| *other == key);
        match pending {
            Some((_, Some(value))) => codec::decode(value),
            Some((_, None)) => Ok(Cursor::default()),
            None => Ok(codec::read(self.disk, &key)?.unwrap_or_default()),
        }
    }

    pub fn put_cursor(&mut self, connector: ConnectorId, cursor: &Cursor) -> Result<(), StoreError> {
        self.others.push((keys::cursor(connector), Some(codec::encode(cursor)?)));
        Ok(())
    }

    pub fn remove_cursor(&mut self, connector: ConnectorId) {
        self.others.push((keys::cursor(connector), None));
    }

    /// Keeps a definition (already sealed) for a start without Odoo; `None` forgets it.
    pub fn put_definition(&mut self, connector: ConnectorId, sealed: Option<Vec<u8>>) {
        self.others.push((keys::definition(connector), sealed));
    }

    /// The administrator was told this; what is news since stays.
    pub fn clear_notice(&mut self, connector: ConnectorId, key: RecordKey, told: Notice) -> Result<(), StoreError> {
        let at = keys::notice(connector, key);
        if self.disk.get(&at)?.as_deref() == Some(&[notice_byte(told)]) {
            self.others.push((at, None));
        }
        Ok(())
    }

    /// Notes that a VID's row is about to be removed, or (`false`) that what became of it is known.
    pub fn note_removal(&mut self, vid_type: IdTypeId, registrant: RegistrantId, row: RegIdRow, is_open: bool) {
        self.others.push((keys::removal(vid_type, registrant, row), is_open.then(Vec::new)));
    }

    /// Notes how an alarm of a connector stands.
    pub fn put_alarm(&mut self, connector: ConnectorId, alarm: Alarm, standing: &Standing) -> Result<(), StoreError> {
        let value = if *standing == Standing::default() { None } else { Some(codec::encode(standing)?) };
        self.others.push((keys::alarm(connector, alarm), value));
        Ok(())
    }

    /// Has a message sent. Where too many wait, the oldest goes; tells whether one did.
    pub fn put_message(&mut self, message: Message) -> bool {
        let last = |numbers: Option<&u64>| numbers.copied().unwrap_or(0);
        let next = last(self.index.messages.keys().next_back()).max(last(self.messages.keys().next_back())) + 1;
        self.messages.insert(next, Some(message));
        let mut waiting = self.index.messages.keys().filter(|number| !self.messages.contains_key(number));
        let added = self.messages.values().filter(|message| message.is_some()).count();
        let Some(oldest) = waiting.next().copied() else { return false };
        let is_full = 1 + waiting.count() + added > MESSAGES;
        if is_full {
            self.messages.insert(oldest, None);
        }
        is_full
    }

    /// Forgets a message: it is sent, or given up.
    pub fn remove_message(&mut self, number: u64) {
        self.messages.insert(number, None);
    }

    /// Has an event told, if anybody wants to be told.
    pub fn audit(&mut self, event: AuditEvent) {
        self.audits.push(event);
    }

    /// Notes that an outlet has told all events with lower numbers.
    pub fn audited(&mut self, outlet: Outlet, below: u64) {
        self.audited = Some((outlet, below));
    }

    fn touch(&mut self, key: RecordKey, before: Record, after: Option<Record>) {
        let touched = self.records.entry(key).or_insert(Touched { before: Some(before), after: None });
        touched.after = after;
    }

    fn count(&mut self, effects: &Effects, occasion: &Occasion<'_>) {
        let Some(mut run) = self.run(effects.run) else { return };
        run.counters.moved(effects.from, effects.to);
        run.counters.submitted = run.counters.submitted.saturating_add_signed(i64::from(effects.sent));
        run.settle(occasion.wall);
        self.runs.insert(run.id, Some(run));
    }

    /// Whether batches may come or go with it, or the generation changes.
    pub(super) fn touches_batches(&self) -> bool {
        // A batch goes with the last record that it waited for.
        self.generation.is_some() || !self.batches.is_empty() || !self.records.is_empty()
    }

    /// Tells whether anything changed.
    pub(super) fn commit(self) -> Result<bool, StoreError> {
        let Self {
            disk,
            index,
            records,
            runs,
            mut batches,
            generation,
            others,
            told: _,
            messages,
            mut audits,
            audited,
        } = self;
        let mut writes = others;
        for (key, touched) in &records {
            writes.push((keys::record(*key), touched.after.as_ref().map(codec::encode).transpose()?));
        }
        let idle = idle_batches(index, &records);
        batches.extend(idle.into_iter().map(|id| (id, None)));
        for (id, run) in &runs {
            writes.push((keys::run(*id), run.as_ref().map(codec::encode).transpose()?));
        }
        for (id, batch) in &batches {
            writes.push((keys::batch(*id), batch.as_ref().map(codec::encode).transpose()?));
        }
        for (number, message) in &messages {
            writes.push((keys::message(*number), message.as_ref().map(codec::encode).transpose()?));
        }
        if let Some(current) = &generation {
            writes.push((keys::GENERATION.to_vec(), Some(codec::encode(current)?)));
        }
        let mut audit = index.audit.clone();
        if audit.is_open() {
            let changed = runs.iter().filter_map(|(id, run)| Some((index.runs.get(id), run.as_ref()?)));
            let of_runs = changed.flat_map(|(before, run)| AuditEvent::of_run(before, run));
            // A run ends with the last of its records.
            let (ended, began): (Vec<_>, Vec<_>) =
                of_runs.partition(|event| matches!(event.deed, Deed::RunEnded { .. }));
            let events: Vec<AuditEvent> = began.into_iter().chain(audits.drain(..)).chain(ended).collect();
            audit.append(&events, &mut writes)?;
        }
        if let Some((outlet, below)) = audited {
            audit.told(outlet, below, &mut writes)?;
        }
        if writes.is_empty() {
            return Ok(false);
        }
        disk.write(writes)?;
        index.audit = audit;
        for touched in records.into_values() {
            if let Some(before) = touched.before {
                index.leave(&before);
            }
            if let Some(after) = touched.after {
                index.enter(&after);
            }
        }
        index.generation = generation.or(index.generation);
        put_all(&mut index.runs, runs);
        put_all(&mut index.batches, batches);
        put_all(&mut index.messages, messages);
        Ok(true)
    }
}

/// What the audit is told of a record that was refused just now.
fn refusal(record: &Record, occasion: &Occasion<'_>) -> Option<AuditEvent> {
    let (code, given_up) = match &record.state {
        State::Rejected { code } => (code, false),
        State::Abandoned { cause, .. } => (cause, true),
        _ => return None,
    };
    let (run, registrant, code) = (record.run, record.key.registrant, code.clone());
    let deed = Deed::Refused { run, registrant, code, given_up };
    Some(AuditEvent::of(record.connector, occasion.wall, deed))
}

/// Batches whose last awaited record leaves with this change.
fn idle_batches(index: &Index, records: &HashMap<RecordKey, Touched>) -> Vec<BatchId> {
    let batch = |record: &Option<Record>| match record.as_ref().map(|record| &record.state) {
        Some(State::Submitted { batch }) => Some(*batch),
        _ => None,
    };
    let mut leaving: HashMap<BatchId, usize> = HashMap::new();
    let mut entering: HashSet<BatchId> = HashSet::new();
    for touched in records.values() {
        let (before, after) = (batch(&touched.before), batch(&touched.after));
        if before != after {
            before.into_iter().for_each(|id| *leaving.entry(id).or_default() += 1);
        }
        entering.extend(after);
    }
    leaving
        .into_iter()
        .filter(|(id, count)| !entering.contains(id) && index.outstanding(*id) == *count)
        .map(|(id, _)| id)
        .collect()
}

fn put_all<K: Ord, V>(into: &mut BTreeMap<K, V>, changes: BTreeMap<K, Option<V>>) {
    for (key, value) in changes {
        match value {
            Some(value) => into.insert(key, value),
            None => into.remove(&key),
        };
    }
}

pub(super) fn notice_byte(notice: Notice) -> u8 {
    match notice {
        Notice::Refused => b'+',
        Notice::Resolved => b'-',
    }
}
