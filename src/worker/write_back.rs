//! Writing back: tokens into the registry, VIDs out of it, many in one call.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use metrics::counter;

use super::witnesses::Shown;
use super::{Halt, Progress, Remote, Worker};
use crate::domain::audit::{AuditEvent, Deed, Remover};
use crate::domain::code::Code;
use crate::domain::connector::Connector;
use crate::domain::identity::{RegIdRow, RegistrantId};
use crate::domain::opaque::Digest;
use crate::domain::record::{Record, RecordKey, State};
use crate::domain::transition::{AfterWrite, Event, Occasion};
use crate::odoo::registry::{self, ApplyRefusal, Registrant, Registry, VidMatches, WriteBack};
use crate::seal::{Personal, Purpose};
use crate::store::Queue;

/// Results in one call: enough to be quick, and one transaction of about a second in Odoo.
const AT_ONCE: usize = 500;

/// Writes what is due. Also for a connector that is stopped or deleted: what MTS gave is written.
pub async fn step(worker: &Worker, connector: &Connector) -> Result<Progress, Halt> {
    let due = worker.due(connector.id, Queue::Write, AT_ONCE)?;
    if due.is_empty() {
        return Ok(Progress::Idle(worker.store.next_due(connector.id, Queue::Write)));
    }
    worker.pass(&[Remote::WriteBack(connector.id)])?;
    let registry = worker.registry().await?;
    let mut results = Vec::with_capacity(due.len());
    let mut events: Vec<(RecordKey, Event)> = Vec::new();
    let mut vids: HashMap<RegistrantId, Digest> = HashMap::with_capacity(due.len());
    for record in &due {
        match result(worker, record) {
            // Another record of the same registrant, of another token type, is for the next call: each VID vouches for one.
            Some(_) if vids.contains_key(&record.key.registrant) => {}
            Some(result) => {
                vids.extend(record.vid.as_ref().map(|vid| (record.key.registrant, vid.digest)));
                results.push((record.key, result));
            }
            // What does not open with our key cannot be written: MTS gives it again.
            None => events.push((record.key, Event::Written(AfterWrite::Superseded))),
        }
    }
    let (keys, results): (Vec<RecordKey>, Vec<WriteBack>) = results.into_iter().unzip();
    let matches = |registrant: RegistrantId, vid: &Personal<String>| {
        let held = vids.get(&registrant);
        held.is_some_and(|held| worker.seal.is_digest(Purpose::Vid, vid.expose().trim().as_bytes(), &held.0))
    };
    let apply = registry.apply(connector, &results, &matches);
    let mut outcomes = worker.ask_odoo_behind(Some(Remote::WriteBack(connector.id)), apply).await?;
    worker.breakers.succeeded(&Remote::WriteBack(connector.id));
    witness(worker, connector, &results, &vids);
    if outcomes.contains(&registry::Outcome::Conflict) {
        supersede(worker, connector, &registry, &results, &mut outcomes, &matches).await;
    }

    let rows: Vec<Option<RegIdRow>> = results.iter().map(|result| result.vid_row).collect();
    let gone = gone(worker, connector, &registry, &results, &outcomes).await?;
    let mut traces: HashMap<RecordKey, Trace> = HashMap::new();
    let (mut written, mut cleared) = (0, 0);
    for ((key, row), outcome) in keys.into_iter().zip(rows).zip(outcomes) {
        traces.extend(Trace::of(&outcome, row.is_some_and(|row| gone.contains(&row))).map(|trace| (key, trace)));
        if let registry::Outcome::Written { vid_removed } | registry::Outcome::Already { vid_removed } = outcome {
            written += 1;
            cleared += u64::from(vid_removed);
        }
        if let registry::Outcome::TokenWritten(error) = &outcome {
            let registrant = key.registrant;
            tracing::warn!(connector = %connector.id, %registrant, %error, "the token is there, its VID could not be removed");
        }
        events.push((key, Event::Written(told(outcome, connector.remove_vid))));
    }
    let (backoff, jitter, now, wall) =
        (worker.settings.backoff, worker.jitter(), worker.steady.now(), worker.clock.now());
    worker
        .store
        .change(move |change| {
            let occasion = Occasion { now, wall, backoff: &backoff, jitter };
            for (key, event) in events {
                let Some(record) = change.record(key)?.filter(|record| is_written(&record.state)) else { continue };
                change.apply(key, event, &occasion)?;
                let trace = traces.get(&key).into_iter().flat_map(|trace| trace.events(&record, wall));
                trace.for_each(|event| change.audit(event));
            }
            Ok(())
        })
        .await?;
    worker.tally.wrote(written, cleared);
    tracing::debug!(connector = %connector.id, written, cleared, "written back");
    Ok(Progress::Worked)
}

/// Notes what the results show of MOSIP's token policy.
fn witness(worker: &Worker, connector: &Connector, results: &[WriteBack], vids: &HashMap<RegistrantId, Digest>) {
    for result in results {
        let Some(vid) = vids.get(&result.registrant) else { continue };
        let Shown::Another { first } = worker.witnesses.saw(&connector.mts_url, vid, result.token.expose()) else {
            continue;
        };
        counter!("omc_tokens_unsteady_total").increment(1);
        if first {
            tracing::error!(
                connector = %connector.id, registrant = %result.registrant,
                "a VID has given two different tokens: deduplication by token has no meaning; see `omc check --tokens`"
            );
        }
    }
}

/// What a write-back left in the registry, for the audit.
#[derive(Debug, Clone, Copy)]
struct Trace {
    /// The token was there already: an answer that was lost told of it, or somebody else wrote it.
    found: bool,
    /// This very call wrote it.
    wrote: bool,
    /// The VID's row is gone: by this call, or (`true`) before it.
    vid: Option<bool>,
}

impl Trace {
    fn of(outcome: &registry::Outcome, is_gone: bool) -> Option<Self> {
        use registry::Outcome as Told;
        let (found, wrote, removed) = match outcome {
            Told::Written { vid_removed } => (false, true, *vid_removed),
            Told::Already { vid_removed } => (true, false, *vid_removed),
            Told::TokenWritten(_) => (false, false, false),
            Told::Busy | Told::Conflict | Told::Superseded | Told::Refused(_) => return None,
        };
        Some(Self { found, wrote, vid: if removed { Some(false) } else { is_gone.then_some(true) } })
    }

    fn events(self, record: &Record, at: DateTime<Utc>) -> impl Iterator<Item = AuditEvent> {
        let (run, registrant, connector) = (record.run, record.key.registrant, record.connector);
        // Of a token that was written before, that was told.
        let is_new = self.wrote || matches!(record.state, State::TokenReceived { .. });
        let token = is_new.then_some(Deed::TokenWritten { run, registrant, found: self.found });
        let vid = self.vid.map(|found| Deed::VidRemoved { run, registrant, by: Remover::WriteBack, found });
        token.into_iter().chain(vid).map(move |deed| AuditEvent::of(connector, at, deed))
    }
}

/// Of those whose token was there already, the VID rows that are gone: the call that removed them may have had no answer. Looked up
/// only where the audit wants to know.
async fn gone(
    worker: &Worker,
    connector: &Connector,
    registry: &Registry,
    results: &[WriteBack],
    outcomes: &[registry::Outcome],
) -> Result<Vec<RegIdRow>, Halt> {
    let unclear = |(_, outcome): &(&WriteBack, &registry::Outcome)| {
        matches!(outcome, registry::Outcome::Already { vid_removed: false })
    };
    let unclear: Vec<&WriteBack> = results.iter().zip(outcomes).filter(unclear).map(|(result, _)| result).collect();
    if unclear.is_empty() || !connector.remove_vid || !worker.store.is_audited() {
        return Ok(Vec::new());
    }
    let ids: Vec<RegistrantId> = unclear.iter().map(|result| result.registrant).collect();
    let read = registry.read(connector, &ids, true);
    let found = worker.ask_odoo_behind(Some(Remote::WriteBack(connector.id)), read).await?;
    let is_gone = |result: &&&WriteBack| {
        let registrant = found.iter().find(|registrant| registrant.id == result.registrant);
        registrant.is_some_and(|registrant| registrant.vids.iter().all(|vid| Some(vid.row) != result.vid_row))
    };
    Ok(unclear.iter().filter(is_gone).filter_map(|result| result.vid_row).collect())
}

/// Of tokens that contradict the ones that are there, those are not worth showing whose VID is not the one that was submitted any
/// more: somebody has corrected the person meanwhile. Whoever cannot be read is shown.
async fn supersede(
    worker: &Worker,
    connector: &Connector,
    registry: &Registry,
    results: &[WriteBack],
    outcomes: &mut [registry::Outcome],
    matches: VidMatches<'_>,
) {
    let conflicts = || results.iter().enumerate().filter(|(at, _)| outcomes[*at] == registry::Outcome::Conflict);
    let ids: Vec<RegistrantId> = conflicts().map(|(_, result)| result.registrant).collect();
    let Ok(Ok(found)) = worker.hear_odoo(registry.read(connector, &ids, true)).await else { return };
    let held = |registrant: &Registrant, result: &WriteBack| {
        registrant.vids.iter().any(|vid| Some(vid.row) == result.vid_row && matches(registrant.id, &vid.value))
    };
    let superseded: Vec<usize> = conflicts()
        .filter(|(_, result)| {
            found.iter().any(|registrant| registrant.id == result.registrant && !held(registrant, result))
        })
        .map(|(at, _)| at)
        .collect();
    superseded.into_iter().for_each(|at| outcomes[at] = registry::Outcome::Superseded);
}

fn is_written(state: &State) -> bool {
    matches!(state, State::TokenReceived { .. } | State::TokenWritten { .. })
}

fn result(worker: &Worker, record: &Record) -> Option<WriteBack> {
    let (token, values) = match &record.state {
        State::TokenReceived { token, values, .. } => (token, values.as_ref()),
        State::TokenWritten { token, .. } => (token, None),
        _ => return None,
    };
    let place = record.key.place();
    let open = |sealed: &[u8]| worker.seal.open(&place, sealed).ok().map(Personal::into_exposed);
    let vid = record.vid.as_ref()?;
    let values = match values {
        Some(values) => Some(Personal::new(serde_json::from_slice(&open(&values.0)?).ok()?)),
        None => None,
    };
    Some(WriteBack {
        registrant: record.key.registrant,
        token: Personal::new(String::from_utf8(open(&token.0)?).ok()?),
        vid_row: Some(vid.row),
        vid_written: Some(vid.written.clone()),
        values,
    })
}

fn told(outcome: registry::Outcome, remove_vid: bool) -> AfterWrite {
    use registry::Outcome as Told;
    match outcome {
        // A VID that stayed was edited meanwhile, is gone already, or is to stay: nothing is left to do for this token.
        Told::Written { .. } | Told::Already { .. } => AfterWrite::Complete,
        Told::TokenWritten(_) if !remove_vid => AfterWrite::Complete,
        Told::TokenWritten(_) => AfterWrite::TokenThere,
        Told::Busy => AfterWrite::Later,
        Told::Conflict => AfterWrite::Conflict,
        Told::Superseded => AfterWrite::Superseded,
        Told::Refused(refusal) => AfterWrite::Refused(match refusal {
            ApplyRefusal::TokenEmpty | ApplyRefusal::TokenTooLong => Code::TOKEN_NOT_STORABLE,
            ApplyRefusal::TokenInvalid | ApplyRefusal::Other => Code::TOKEN_REFUSED,
            ApplyRefusal::FieldNotAllowed | ApplyRefusal::FieldInvalid => Code::VALUES_REFUSED,
        }),
    }
}
