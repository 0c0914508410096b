//! VID clean-up: VIDs that stayed with registrants who hold a token. A VID that was last written before the token came is removed;
//! a newer one is a correction, and is submitted like any other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Halt, Remote, Worker, apart};
use crate::domain::audit::{AuditEvent, Deed, Remover};
use crate::domain::code::Code;
use crate::domain::connector::Connector;
use crate::domain::identity::{IdTypeId, RegistrantId, RunId};
use crate::domain::record::{Record, RecordKey, State};
use crate::domain::transition::Occasion;
use crate::odoo::registry::{Outcome, Registrant, StaleVid};

/// Registrants who are read in one call, to see what became of a removal.
const TRACED: usize = 500;

/// The connectors of one clean-up: those that share both ID types. The first of them looks and removes, since a clean-up does not
/// go by filters; a correction goes to whoever takes the person.
#[derive(Debug)]
pub struct Scope<'a> {
    first: &'a Connector,
    others: Vec<&'a Connector>,
}

/// Who belongs to which clean-up. Where any of `all` keeps its VIDs, whatever its state, nothing of its types is cleaned up.
pub fn scopes<'a>(started: &'a [Arc<Connector>], all: &[Arc<Connector>]) -> Vec<Scope<'a>> {
    let types = |connector: &Connector| (connector.vid_type, connector.token_type);
    let mut scopes: BTreeMap<(IdTypeId, IdTypeId), Scope<'a>> = BTreeMap::new();
    for connector in started {
        match scopes.entry(types(connector)) {
            Entry::Vacant(place) => _ = place.insert(Scope { first: connector, others: Vec::new() }),
            Entry::Occupied(mut scope) => scope.get_mut().others.push(connector),
        }
    }
    all.iter().filter(|connector| !connector.remove_vid).for_each(|keeper| {
        scopes.remove(&types(keeper));
    });
    scopes.into_values().collect()
}

/// Cleans up one page; `None` when it was the last.
pub async fn step(worker: &Worker, scope: &Scope<'_>, after: u32) -> Result<Option<u32>, Halt> {
    let connector = scope.first;
    worker.pass(&[Remote::CleanUp(connector.id)])?;
    while trace(worker, connector).await? {}
    let registry = worker.registry().await?;
    let page = registry.holders_of_both(connector, after, worker.settings.page_size);
    let page = worker.ask_odoo_behind(Some(Remote::CleanUp(connector.id)), page).await?;
    let last = page.ids.last().map(|last| last.0);
    let idle: Vec<RegistrantId> = page.ids.into_iter().filter(|id| !is_under_way(worker, connector, *id)).collect();
    for chunk in idle.chunks(500) {
        let mut rest = chunk.to_vec();
        // Where one of them cannot be read, the others come in parts; each turn reads some.
        while !rest.is_empty() {
            let read = apart::read(worker, connector, Remote::CleanUp(connector.id), &rest, true).await?;
            rest = read.untouched;
            settle(worker, scope, &read.found).await?;
        }
    }
    worker.breakers.succeeded(&Remote::CleanUp(connector.id));
    Ok(if page.complete { None } else { last })
}

/// Removes the VIDs that stayed behind, and admits those that are newer than the token.
async fn settle(worker: &Worker, scope: &Scope<'_>, found: &[Registrant]) -> Result<(), Halt> {
    let connector = scope.first;
    let (mut stale, corrected) = sort(found);
    // The VID of somebody whose tokens contradict each other is what the contradiction can be settled by.
    stale.retain(|row| !is_disputed(worker, connector, row.registrant));
    if !stale.is_empty() {
        let (own, registry) = (Some(Remote::CleanUp(connector.id)), worker.registry().await?);
        announce(worker, connector, &stale).await?;
        let outcomes = worker.ask_odoo_behind(own, registry.remove_vids(connector, &stale)).await?;
        let is_removed = |outcome: &Outcome| {
            matches!(outcome, Outcome::Already { vid_removed: true } | Outcome::Written { vid_removed: true })
        };
        let settled = stale.iter().zip(&outcomes).map(|(row, outcome)| (row.clone(), is_removed(outcome)));
        let settled: Vec<(StaleVid, bool)> = settled.collect();
        let removed = settled.iter().filter(|(_, removed)| *removed).count();
        worker.tally.swept(removed as u64);
        close(worker, connector, settled, false).await?;
        warn_of_failures(connector, &stale, &outcomes);
        tracing::info!(connector = %connector.id, removed, "VIDs removed whose registrants hold a token");
    }
    correct(worker, scope, corrected).await
}

/// Notes what is about to be removed, for the audit: a kill may come between the removal and its answer.
async fn announce(worker: &Worker, connector: &Connector, stale: &[StaleVid]) -> Result<(), Halt> {
    if !worker.store.is_audited() {
        return Ok(());
    }
    let (kind, rows) = (connector.vid_type, stale.to_vec());
    let noted = worker.store.change(move |change| {
        rows.iter().for_each(|row| change.note_removal(kind, row.registrant, row.vid_row, true));
        Ok(())
    });
    noted.await?;
    Ok(worker.store.sync().await?)
}

/// Tells the audit what was removed of what was announced; `found`: it is gone, and no answer said so.
async fn close(worker: &Worker, connector: &Connector, rows: Vec<(StaleVid, bool)>, found: bool) -> Result<(), Halt> {
    if !worker.store.is_audited() {
        return Ok(());
    }
    let (connector, kind, now) = (connector.id, connector.vid_type, worker.clock.now());
    let noted = worker.store.change(move |change| {
        for (row, removed) in rows {
            let (run, by) = (RunId::NONE, Remover::CleanUp);
            change.note_removal(kind, row.registrant, row.vid_row, false);
            if removed {
                let deed = Deed::VidRemoved { run, registrant: row.registrant, by, found };
                change.audit(AuditEvent::of(connector, now, deed));
            }
        }
        Ok(())
    });
    Ok(noted.await?)
}

/// Looks what became of removals whose answer was lost; tells whether there may be more of them.
async fn trace(worker: &Worker, connector: &Connector) -> Result<bool, Halt> {
    let lost = worker.store.removals(connector.vid_type, TRACED)?;
    if lost.is_empty() || !worker.store.is_audited() {
        return Ok(false);
    }
    let ids: Vec<RegistrantId> = lost.iter().map(|(registrant, _)| *registrant).collect();
    let registry = worker.registry().await?;
    let read = registry.read(connector, &ids, true);
    let found = worker.ask_odoo_behind(Some(Remote::CleanUp(connector.id)), read).await?;
    let settled = lost.into_iter().map(|(id, vid_row)| {
        let registrant = found.iter().find(|registrant| registrant.id == id);
        let is_gone = registrant.is_some_and(|registrant| registrant.vids.iter().all(|vid| vid.row != vid_row));
        (StaleVid { registrant: id, vid_row, vid_written: None }, is_gone)
    });
    let settled: Vec<(StaleVid, bool)> = settled.collect();
    let whole = settled.len() == TRACED;
    close(worker, connector, settled, true).await?;
    Ok(whole)
}

/// Admits corrections, each for the first connector that takes the person; who is taken by none stays as they are.
async fn correct(worker: &Worker, scope: &Scope<'_>, mut corrected: Vec<RegistrantId>) -> Result<(), Halt> {
    for connector in std::iter::once(&scope.first).chain(&scope.others) {
        if corrected.is_empty() {
            break;
        }
        let taken = if scope.others.is_empty() {
            // Whether it takes them shows when they are prepared.
            std::mem::take(&mut corrected)
        } else {
            let read = apart::read(worker, connector, Remote::CleanUp(scope.first.id), &corrected, false).await?;
            let taken: Vec<RegistrantId> = read.found.iter().map(|registrant| registrant.id).collect();
            corrected.retain(|id| !taken.contains(id));
            taken
        };
        let (connector, token_type) = (connector.id, connector.token_type);
        let (backoff, jitter, now, wall) =
            (worker.settings.backoff, worker.jitter(), worker.steady.now(), worker.clock.now());
        let new = worker
            .store
            .change(move |change| {
                let occasion = Occasion { now, wall, backoff: &backoff, jitter };
                change.admit(RunId::NONE, connector, token_type, &taken, &occasion)
            })
            .await?;
        worker.tally.took_in(new);
    }
    Ok(())
}

fn warn_of_failures(connector: &Connector, stale: &[StaleVid], outcomes: &[Outcome]) {
    for (row, outcome) in stale.iter().zip(outcomes) {
        if let Outcome::TokenWritten(error) = outcome {
            let registrant = row.registrant;
            tracing::warn!(connector = %connector.id, %registrant, %error, "a VID could not be removed; it is tried again");
        }
    }
}

fn is_disputed(worker: &Worker, connector: &Connector, registrant: RegistrantId) -> bool {
    let key = RecordKey { token_type: connector.token_type, registrant };
    let disputed = |record: &Record| matches!(&record.state, State::Rejected { code } if *code == Code::OTHER_TOKEN);
    worker.store.record(key).map_or(true, |record| record.is_some_and(|record| disputed(&record)))
}

fn is_under_way(worker: &Worker, connector: &Connector, registrant: RegistrantId) -> bool {
    let key = RecordKey { token_type: connector.token_type, registrant };
    // What cannot be read is left alone.
    worker
        .store
        .record(key)
        .map_or(true, |record| record.is_some_and(|record| record.bucket() == crate::domain::record::Bucket::Open))
}

fn sort(found: &[Registrant]) -> (Vec<StaleVid>, Vec<RegistrantId>) {
    let (mut stale, mut corrected) = (Vec::new(), Vec::new());
    for registrant in found {
        let Some(token_came) = token_came(registrant) else { continue };
        for vid in &registrant.vids {
            if vid.written < token_came {
                stale.push(StaleVid {
                    registrant: registrant.id,
                    vid_row: vid.row,
                    vid_written: Some(vid.written_text.clone()),
                });
            } else if corrected.last() != Some(&registrant.id) {
                corrected.push(registrant.id);
            }
        }
    }
    (stale, corrected)
}

/// When the registrant's first token was made.
pub(super) fn token_came(registrant: &Registrant) -> Option<DateTime<Utc>> {
    registrant.tokens.iter().filter(|token| !token.value.expose().is_empty()).map(|token| token.created).min()
}
