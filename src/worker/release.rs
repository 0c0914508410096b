//! Letting go: what waits for a connector that sends nothing any more must not wait for ever, nor keep other connectors from the
//! same people.

use std::collections::BTreeSet;

use super::{Halt, Worker};
use crate::domain::alarm::{Alarm, Standing};
use crate::domain::identity::{ConnectorId, RunId};
use crate::domain::record::{Record, RecordKey, State};
use crate::domain::run::{Cursor, Phase};
use crate::domain::transition::{AfterWrite, Event};
use crate::store::{Queue, StoreError};

/// Records in one change of the store.
const CHUNK: usize = 1000;

/// Lets go of what waits to be sent for a connector that is stopped, wrong, archived or deleted. What was refused before stays
/// refused; when the connector starts again, it looks at everybody, and at once: whoever was let go is not to wait for its next
/// time too.
pub fn waiting(worker: &Worker, id: ConnectorId) -> Result<(), StoreError> {
    let pulling = worker.store.runs().iter().any(|run| run.connector == id && run.phase == Phase::Pulling);
    if worker.store.counts(id).pending == 0 && !pulling {
        return Ok(());
    }
    tracing::info!(connector = %id, "sends nothing now; what waited for it is let go");
    // First of all: whoever is let go before a kill is looked for after it.
    worker.store.change_now(|change| {
        let now = worker.clock.now();
        let runs: Vec<_> = change.runs().filter(|run| run.connector == id).cloned().collect();
        for mut run in runs.into_iter().filter(|run| run.phase == Phase::Pulling) {
            run.stop(now);
            change.put_run(run);
        }
        let cursor = change.cursor(id)?;
        change.put_cursor(id, &Cursor { definition: None, last_scheduled: None, ..cursor })
    })?;
    let mut cut: BTreeSet<RunId> = BTreeSet::new();
    loop {
        let pending = worker.store.queued(id, Queue::Submit, CHUNK)?;
        if pending.is_empty() {
            break;
        }
        cut.extend(pending.iter().map(|record| record.run));
        worker.store.change_now(|change| {
            for Record { key, .. } in pending {
                let event = match change.record(key)?.map(|record| record.state) {
                    Some(State::Pending { refused: Some(_), .. }) => Event::StillRefused,
                    Some(State::Pending { .. }) => Event::Left,
                    _ => continue,
                };
                change.apply(key, event, &worker.occasion())?;
            }
            Ok(())
        })?;
    }
    worker.store.change_now(|change| {
        let runs: Vec<_> = change.runs().filter(|run| run.connector == id && cut.contains(&run.id)).cloned().collect();
        for mut run in runs {
            run.cut |= run.phase != Phase::Stopped;
            change.put_run(run);
        }
        Ok(())
    })
}

/// Lets go of the results of a deleted connector that only its own door could write; another connector asks for them again.
pub async fn results(worker: &Worker, id: ConnectorId) -> Result<(), Halt> {
    if worker.store.counts(id).to_write == 0 || !worker.registry().await?.through_door() {
        return Ok(());
    }
    let results = worker.store.queued(id, Queue::Write, usize::MAX)?;
    tracing::warn!(
        connector = %id, results = results.len(),
        "deleted in Odoo, so its results cannot be written; another connector will ask for them again"
    );
    for chunk in results.chunks(CHUNK) {
        worker.store.change_now(|change| {
            for Record { key, .. } in chunk {
                if matches!(change.record(*key)?, Some(record) if Queue::of(&record.state) == Some(Queue::Write)) {
                    change.apply(*key, Event::Written(AfterWrite::Superseded), &worker.occasion())?;
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Forgets all that is known of a deleted connector that nothing is under way for.
pub fn everything(worker: &Worker, id: ConnectorId) -> Result<(), StoreError> {
    let mut keys: Vec<RecordKey> = Vec::new();
    for record in worker.store.records() {
        let record = record?;
        keys.extend((record.connector == id).then_some(record.key));
    }
    for chunk in keys.chunks(CHUNK) {
        worker.store.change_now(|change| {
            for key in chunk {
                if change.record(*key)?.is_some_and(|record| record.connector == id) {
                    change.apply(*key, Event::Left, &worker.occasion())?;
                }
            }
            Ok(())
        })?;
    }
    loop {
        let notices = worker.store.notices(id, CHUNK)?;
        if notices.is_empty() {
            break;
        }
        worker.store.change_now(|change| {
            notices.into_iter().try_for_each(|(key, notice)| change.clear_notice(id, key, notice))
        })?;
    }
    worker.store.change_now(|change| {
        // What is forgotten has ended.
        let unfinished: Vec<_> = change.runs().filter(|run| run.connector == id && !run.is_over()).cloned().collect();
        for mut run in unfinished {
            run.stop(worker.clock.now());
            change.put_run(run);
        }
        Ok(())
    })?;
    worker.store.change_now(|change| {
        change.put_definition(id, None);
        change.remove_cursor(id);
        for alarm in [Alarm::Stuck, Alarm::GivenUp, Alarm::ManyRefused] {
            change.put_alarm(id, alarm, &Standing::default())?;
        }
        let runs: Vec<_> = change.runs().filter(|run| run.connector == id).map(|run| run.id).collect();
        runs.into_iter().for_each(|run| change.remove_run(run));
        Ok(())
    })
}
