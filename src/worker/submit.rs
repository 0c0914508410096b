//! Submitting: due records, read anew and prepared, to MTS in one batch.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use metrics::counter;
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::Url;

use super::answered::{self, Sent};
use super::gate::{Gate, Gates};
use super::prepare::{self, Decision};
use super::{Halt, Progress, Remote, Worker};
use super::{address, apart, credentials, output_format};
use crate::domain::batch::{Access, Batch};
use crate::domain::connector::{Activity, Connector};
use crate::domain::correlation::Correlation;
use crate::domain::delivery::Delivery;
use crate::domain::identity::{BatchId, ConnectorId, RegistrantId};
use crate::domain::opaque::Nonce;
use crate::domain::portable;
use crate::domain::record::{Record, RecordKey, State};
use crate::domain::shape::REFERENCE;
use crate::domain::transition::{Event, Occasion};
use crate::mts::{Submission, Wanted};
use crate::seal::{Personal, Purpose};
use crate::store::{Change, Queue, StoreError};

/// After MOSIP failed for everybody, so few records go ahead to find out whether it works again.
pub(super) const SCOUTS: usize = 10;

/// Batches whose POST is under way in this process: nobody else judges them meanwhile.
#[derive(Debug, Default)]
pub struct Posting(Mutex<HashSet<BatchId>>);

impl Posting {
    pub fn contains(&self, batch: BatchId) -> bool {
        self.batches().contains(&batch)
    }

    fn batches(&self) -> std::sync::MutexGuard<'_, HashSet<BatchId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends one batch.
pub async fn step(worker: &Worker, connector: &Connector) -> Result<Progress, Halt> {
    // Submissions of ODK are pulled by MTS itself.
    if connector.activity == Activity::Stopped || connector.odk().is_some() {
        return Ok(Progress::Idle(None));
    }
    let authentication = Remote::Authentication(connector.mts_url.clone());
    let mut remotes = vec![
        Remote::Connector(connector.id),
        Remote::Submission(connector.id),
        Remote::Delivery(connector.id),
        Remote::Mts(connector.mts_url.clone()),
        Remote::Access(connector.mts_url.clone()),
        authentication.clone(),
        Remote::Odoo,
    ];
    remotes.extend(Remote::input_format(connector));
    worker.pass(&remotes)?;
    let gate = worker.gates.of(&connector.mts_url);
    let idle = || Ok(Progress::Idle(worker.store.next_due(connector.id, Queue::Submit)));
    if worker.due(connector.id, Queue::Submit, 1)?.is_empty() {
        return idle();
    }
    // Unwrap safety: the semaphore is never closed.
    let _room = gate.room.acquire().await.expect("never closed");
    worker.pass(&remotes)?;
    let size = connector.batch_size.unwrap_or(worker.settings.batch_size) as usize;
    let undelivered = worker.breakers.is_troubled(&Remote::Delivery(connector.id));
    let troubled = undelivered || worker.breakers.is_troubled(&authentication);
    let size = if troubled { size.min(SCOUTS) } else { size };
    if undelivered && worker.store.batches().iter().any(|batch| batch.connector == connector.id) {
        // What is on its way shows whether MTS delivers again.
        return Ok(Progress::Idle(None));
    }
    // One record at a time, until one is accepted: the next is another, since what was not taken goes to the end.
    let size = if gate.is_failing() { 1 } else { size };
    if connector.delivery.is_download() && Gates::is_full(worker.store.batches_at(&connector.mts_url)) {
        return Ok(Progress::Idle(None));
    }
    let room = gate.capacity().saturating_sub(worker.store.in_flight(&connector.mts_url));
    if room == 0 {
        return Ok(Progress::Idle(None));
    }
    let due = worker.due(connector.id, Queue::Submit, size.min(room as usize))?;
    let due = of_one_kind(due);
    if due.is_empty() {
        return idle();
    }
    let ids: Vec<RegistrantId> = due.iter().map(|record| record.key.registrant).collect();
    let read = apart::read(worker, connector, Remote::Connector(connector.id), &ids, false).await?;
    worker.breakers.succeeded(&Remote::Connector(connector.id));
    let prepared = prepare::records(worker, connector, due, read).await;
    let Some(batch) = admit(worker, connector, &gate, prepared).await? else { return Ok(Progress::Worked) };
    post(worker, connector, &gate, batch).await?;
    Ok(Progress::Worked)
}

/// Records that must go in small batches go by themselves.
fn of_one_kind(mut due: Vec<Record>) -> Vec<Record> {
    let limit = |record: &Record| match record.state {
        State::Pending { alone, .. } => alone,
        _ => None,
    };
    let kind = due.first().and_then(limit);
    due.retain(|record| limit(record) == kind);
    due.truncate(kind.map_or(usize::MAX, |limit| limit as usize));
    due
}

/// A batch that is on disk and about to be sent.
struct Ready {
    id: BatchId,
    members: Vec<RecordKey>,
    records: Vec<Personal<Map<String, Value>>>,
    /// Open at this MTS, this batch included.
    open: u64,
    access: Access,
}

/// Stores the decisions and, durably, the batch. `None`: none of the records is to be sent.
async fn admit(
    worker: &Worker,
    connector: &Connector,
    gate: &Gate,
    prepared: Vec<(RecordKey, Decision)>,
) -> Result<Option<Ready>, Halt> {
    let mut sendings = Vec::new();
    let mut others = Vec::new();
    let mut doubts = BTreeMap::<&'static str, u64>::new();
    for (key, decision) in prepared {
        match decision {
            Decision::Send { vid, data, auth_data, doubt } => {
                if let Some(doubt) = doubt {
                    *doubts.entry(doubt.name()).or_default() += 1;
                }
                let mut auth_data = auth_data.into_exposed();
                let nonce = Nonce(worker.seal.random().map_err(|error| StoreError::Unsealable(error.to_string()))?);
                // In a file a record goes by its line and its VID.
                match connector.delivery {
                    Delivery::Callback => {
                        let correlation = Correlation { connector: connector.id, key, nonce };
                        let mac = worker.seal.mac(Purpose::Correlation, &correlation.signed());
                        auth_data.insert(REFERENCE.to_owned(), Value::from(correlation.to_text(mac)));
                    }
                    Delivery::Elsewhere => output_format::name_registrant(connector, key.registrant, &mut auth_data),
                    Delivery::Download(_) => {}
                }
                sendings.push((key, nonce, vid, data, Personal::new(auth_data)));
            }
            Decision::Leave => others.push((key, Event::Left)),
            Decision::Unchanged { vid, data } => others.push((key, Event::Unchanged { vid, data })),
            Decision::Refuse { code, vid, data } => {
                counter!("omc_refused_total", "code" => code.as_str().to_owned()).increment(1);
                others.push((key, Event::Refused { code, vid, data }));
            }
        }
    }
    for (rule, vids) in doubts {
        counter!("omc_vid_doubts_total", "rule" => rule).increment(vids);
        tracing::warn!(connector = %connector.id, rule, vids, "VIDs look wrong, and are sent all the same");
    }
    let leaving = others.iter().filter(|(_, event)| *event == Event::Left).count();
    let open = worker.store.in_flight(&connector.mts_url) + sendings.len() as u64;
    let expected = gate.expected(open);
    let (connector_id, mts_url, auth) = (connector.id, connector.mts_url.clone(), connector.callback.auth);
    let delivery = connector.delivery;
    let (backoff, patience) = (worker.settings.backoff, worker.settings.patience);
    let (now, wall) = (worker.steady.now(), worker.clock.now());
    let ready = worker
        .store
        .change(move |change| {
            let occasion = Occasion { now, wall, backoff: &backoff, jitter: 0.0 };
            for (key, event) in others {
                apply_if_pending(change, key, event, &occasion)?;
            }
            let id = change.new_batch_id();
            let (mut members, mut records) = (Vec::new(), Vec::new());
            for (key, nonce, vid, data, record) in sendings {
                let line = u32::try_from(members.len()).unwrap_or(u32::MAX);
                let event = Event::Sent { batch: id, line, nonce, vid, data };
                if apply_if_pending(change, key, event, &occasion)? {
                    members.push(key);
                    records.push(record);
                }
            }
            if members.is_empty() {
                return Ok(None);
            }
            let size = u32::try_from(members.len()).unwrap_or(u32::MAX);
            let access = Access { auth, generation: credentials::present(change, now).generation };
            let batch = Batch::sent(id, connector_id, mts_url, size, access, expected, &patience, now);
            change.put_batch(Batch { delivery, ..batch });
            Ok(Some(Ready { id, members, records, open, access }))
        })
        .await?;
    worker.tally.let_go(leaving as u64);
    if ready.is_some() {
        worker.store.sync().await?;
    }
    Ok(ready)
}

/// A late token may have come for a record while it was prepared.
fn apply_if_pending(
    change: &mut Change<'_>,
    key: RecordKey,
    event: Event,
    occasion: &Occasion<'_>,
) -> Result<bool, StoreError> {
    let pending = matches!(change.record(key)?, Some(Record { state: State::Pending { .. }, .. }));
    if pending {
        change.apply(key, event, occasion)?;
    }
    Ok(pending)
}

async fn post(worker: &Worker, connector: &Connector, gate: &Gate, ready: Ready) -> Result<(), Halt> {
    let Ready { id, members, records, open, access } = ready;
    let size = u32::try_from(records.len()).unwrap_or(u32::MAX);
    let (mapping, delivery) = match connector.delivery {
        Delivery::Callback => {
            let address = Box::new(address::of(worker, connector, access));
            let output_format = Some(output_format::of_callback(connector));
            (connector.mapping.to_json(), Wanted::Callback { address, output_format })
        }
        Delivery::Elsewhere => {
            // Unwrap safety: a definition with this delivery has an address.
            let elsewhere = connector.elsewhere.as_ref().expect("an address");
            let address = Box::new(address::elsewhere(connector, elsewhere));
            let output_format = connector.output_format.as_ref().map(|format| format.source().to_owned());
            (connector.mapping.to_json(), Wanted::Callback { address, output_format })
        }
        Delivery::Download(form) => (portable::mapping(), Wanted::Download(form)),
    };
    let submission = Submission { mapping, language: connector.language.clone(), delivery, records };
    worker.posting.batches().insert(id);
    let began = Instant::now();
    let answer = worker.mts.submit(&connector.mts_url, &submission, worker.clock.now(), gate.patience(open)).await;
    drop(submission);
    let kept = answered::keep(worker, connector, gate, Sent { id, members, size, began }, answer).await;
    worker.posting.batches().remove(&id);
    // It was passed over meanwhile.
    worker.store.tell_changed();
    kept
}

/// Results say so: MOSIP fails for everybody who comes through this MTS.
pub fn authentication_fails(worker: &Worker, mts_url: &Url, code: &str, now: DateTime<Utc>) {
    let trouble = format!("MTS answers {code}: it concerns keys, certificates or partner, not the registrants");
    worker.breakers.failed(&Remote::Authentication(mts_url.clone()), &trouble, worker.jitter(), now);
}

/// Results say so: tokens come by way of this MTS, for this connector.
pub fn authentication_works(worker: &Worker, connector: ConnectorId, mts_url: &Url) {
    worker.breakers.succeeded(&Remote::Authentication(mts_url.clone()));
    worker.breakers.succeeded(&Remote::Delivery(connector));
}
