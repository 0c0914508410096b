//! Bringing a store under another key, so that a kill at any moment leaves one that opens.
//!
//! ```text
//! key file: old                       store: by old
//!     | a new key is added, and current
//! key file: new, old                  store: by old      opens, and is brought on
//!     | what is sealed is sealed anew, many at a time
//! key file: new, old                  store: by both     opens, and is brought on
//!     | the store says that it is by new
//! key file: new, old (retired)        store: by new
//!     | what only old can tell is prepared anew, or settled
//! key file: new
//! ```
//!
//! Digests of VIDs and auth data cannot be made anew: nobody keeps what they were made of. They stay by the old key until a run
//! meets their registrant again, and so does what MTS may still answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, Steady, SystemClock};
use crate::config::Config;
use crate::domain::record::{GoesBy, Record, RecordKey, State};
use crate::domain::retry::Backoff;
use crate::domain::transition::{Event, Occasion};
use crate::seal::{Mark, Purpose, Seal, Standing};
use crate::store::{Store, StoreError};
use crate::worker::definitions;

/// Records in one change of the store.
const CHUNK: usize = 1000;
/// MTS deletes a request 6 to 12 hours after it came: what was sent under a key so long ago is answered no more.
const ANSWERED: TimeDelta = TimeDelta::hours(24);
/// How long a refusal keeps a retired key, so that the registrant is not sent again for nothing.
const REFUSED: TimeDelta = TimeDelta::days(30);

/// What was done to bring a store under another key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rekeyed {
    /// Records that were looked through.
    pub records: u64,
    /// Those of them that MTS is asked about again, as their key is discarded.
    pub asked_again: u64,
    /// Keys in the key file.
    pub keys: usize,
}

/// Makes a new key, and brings the store under it.
pub(super) fn change(store: &Store, seal: &Seal, config: &Config, discard_old: bool) -> anyhow::Result<Rekeyed> {
    let (key_file, now) = (&config.store.key_file, SystemClock.now());
    retire(store, seal, key_file, now)?;
    let before = seal.fingerprint();
    seal.renew(key_file, discard_old, now.timestamp())?;
    let mut rekeyed = bring_on(store, seal, &before, &config.retry.backoff()?)?;
    forget_discarded(seal, key_file)?;
    retire(store, seal, key_file, now)?;
    rekeyed.keys = seal.keys().len();
    Ok(rekeyed)
}

/// Finishes what a kill cut short. `None`: there was nothing to be done.
pub(super) fn catch_up(store: &Store, seal: &Seal, config: &Config) -> anyhow::Result<Option<Rekeyed>> {
    let mut rekeyed = None;
    if let Some(before) = store.behind() {
        let was_cut_short = before != seal.fingerprint();
        rekeyed = Some(bring_on(store, seal, before, &config.retry.backoff()?)?).filter(|_| was_cut_short);
    }
    if seal.keys().iter().any(|(_, standing)| *standing == Standing::Discarded) {
        let key_file = &config.store.key_file;
        // They count for nothing even while they stand there.
        forget_discarded(seal, key_file).unwrap_or_else(|error| warn(key_file, &error));
        rekeyed = rekeyed.or(Some(Rekeyed::default()));
    }
    if let Some(rekeyed) = &mut rekeyed {
        rekeyed.keys = seal.keys().len();
        tracing::info!(records = rekeyed.records, "a change of the key that was cut short is finished");
    }
    Ok(rekeyed)
}

/// Forgets retired keys that nothing goes by any more: no record was prepared with them, and MTS answers nothing that was sent
/// under them. Gives how many.
pub(super) fn retire(store: &Store, seal: &Seal, key_file: &Path, now: DateTime<Utc>) -> anyhow::Result<usize> {
    let mut retired: Vec<(Mark, DateTime<Utc>)> = Vec::new();
    for (mark, standing) in seal.keys() {
        if let Standing::Retired(since) = standing {
            retired.push((mark, DateTime::from_timestamp(since, 0).unwrap_or(now)));
        }
    }
    for record in if retired.is_empty() { None } else { Some(store.records()) }.into_iter().flatten() {
        let record = record?;
        retired.retain(|(mark, since)| {
            let GoesBy { held, sent } = record.goes_by(|digest| digest.mark() == mark.0);
            let pinned = match record.state {
                // A requeue prepares it anew.
                State::Abandoned { .. } => false,
                // No run may ever meet it again. Where one does, later than this, it is sent once more and refused again.
                State::Rejected { .. } => held && now - since < REFUSED,
                _ => held,
            };
            !(pinned || sent && now - since < ANSWERED)
        });
    }
    let unused: Vec<Mark> = retired.into_iter().map(|(mark, _)| mark).collect();
    if !unused.is_empty() {
        seal.forget(key_file, &unused)?;
        tracing::info!(keys = unused.len(), "retired keys that nothing goes by any more are forgotten");
    }
    Ok(unused.len())
}

/// As [`retire`], where keys that stay are no reason to stop.
pub(super) fn retire_if_possible(store: &Store, seal: &Seal, key_file: &Path, now: DateTime<Utc>) {
    if let Err(error) = retire(store, seal, key_file, now) {
        warn(key_file, &error);
    }
}

fn warn(key_file: &Path, error: &anyhow::Error) {
    let error = format!("{error:#}");
    tracing::warn!(error, path = %key_file.display(), "keys of before could not be forgotten; they stay in the key file");
}

fn forget_discarded(seal: &Seal, key_file: &Path) -> anyhow::Result<()> {
    let keys = seal.keys().into_iter();
    let discarded: Vec<Mark> =
        keys.filter(|(_, standing)| *standing == Standing::Discarded).map(|(mark, _)| mark).collect();
    if discarded.is_empty() { Ok(()) } else { Ok(seal.forget(key_file, &discarded)?) }
}

/// Seals everything anew with the current key. Whatever is done already is left alone. `before` is the fingerprint of the key
/// that the store says it is by.
fn bring_on(store: &Store, seal: &Seal, before: &str, backoff: &Backoff) -> anyhow::Result<Rekeyed> {
    let unmarked = seal.mark_of(before).context("the key that the store is by is not in the key file")?;
    let discarded: BTreeSet<[u8; 4]> = seal
        .keys()
        .into_iter()
        .filter_map(|(mark, standing)| (standing == Standing::Discarded).then_some(mark.0))
        .collect();
    let steady = Steady::resume(Arc::new(SystemClock), store.mark()?.as_ref());
    let occasion = Occasion { now: steady.now(), wall: steady.wall(), backoff, jitter: 0.0 };
    let mut done = Rekeyed::default();
    let mut records = store.records();
    loop {
        let chunk = records.by_ref().take(CHUNK).collect::<Result<Vec<Record>, StoreError>>()?;
        if chunk.is_empty() {
            break;
        }
        store.change_now(|change| {
            for record in chunk {
                done.records += 1;
                let (key, anew) = (record.key, anew(seal, unmarked, record)?);
                let GoesBy { held, sent } = anew.goes_by(|digest| discarded.contains(&digest.mark()));
                change.write_anew(anew)?;
                if held || sent {
                    done.asked_again += 1;
                    change.apply(key, Event::KeyDiscarded, &occasion)?;
                }
            }
            Ok(())
        })?;
    }
    rest_anew(store, seal)?;
    store.is_under(&seal.fingerprint())?;
    Ok(done)
}

/// A record with its token sealed by the current key, and digests that say which key made them.
fn anew(seal: &Seal, unmarked: Mark, mut record: Record) -> Result<Record, StoreError> {
    record.digests_mut().filter(|digest| digest.mark() == [0; 4]).for_each(|digest| digest.mark_as(unmarked.0));
    let place = RecordKey::place(&record.key);
    if let Some((token, digest, values)) = record.token_mut() {
        // What does not open is damaged: it is found so when it is to be written, and asked for again.
        if let Ok(opened) = seal.open(&place, &token.0) {
            token.0 = sealed(seal, &place, opened.expose())?;
            digest.0 = seal.digest(Purpose::Token, opened.expose());
        }
        if let Some(values) = values
            && let Ok(opened) = seal.open(&place, &values.0)
        {
            values.0 = sealed(seal, &place, opened.expose())?;
        }
    }
    Ok(record)
}

/// Definitions, and what cursors and runs call them.
fn rest_anew(store: &Store, seal: &Seal) -> Result<(), StoreError> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let kept = store.definitions()?;
    store.change_now(|change| {
        for (id, old) in kept {
            let place = definitions::place(id);
            let Ok(text) = seal.open(&place, &old) else { continue };
            change.put_definition(id, Some(sealed(seal, &place, text.expose())?));
            let Ok(Some(connector)) = definitions::open(seal, id, &old) else { continue };
            let name = definitions::fingerprint(seal, &connector);
            names
                .extend(definitions::earlier_fingerprints(seal, &connector).into_iter().map(|old| (old, name.clone())));
            let mut cursor = change.cursor(id)?;
            if let Some(name) = cursor.definition.as_ref().and_then(|old| names.get(old)) {
                cursor.definition = Some(name.clone());
                change.put_cursor(id, &cursor)?;
            }
        }
        let runs: Vec<_> = change.runs().filter(|run| names.contains_key(&run.definition)).cloned().collect();
        for mut run in runs {
            run.definition.clone_from(&names[&run.definition]);
            change.put_run(run);
        }
        Ok(())
    })
}

fn sealed(seal: &Seal, place: &[u8], value: &[u8]) -> Result<Vec<u8>, StoreError> {
    seal.seal(place, value).map_err(|error| StoreError::Unsealable(error.to_string()))
}

#[cfg(test)]
mod tests;
