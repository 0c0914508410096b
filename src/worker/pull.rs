//! Pulling: one page of a run into the store.

use chrono::{DateTime, Utc};

use super::{Halt, Progress, Worker};
use crate::domain::connector::Connector;
use crate::domain::identity::RunId;
use crate::domain::run::{Phase, Run};
use crate::domain::transition::Occasion;
use crate::odoo::registry::Page;
use crate::store::{Change, StoreError};

/// Takes the next page of the connector's runs: of a delta before one of a full run, so that a full run of days does not hold
/// the news up.
pub async fn step(worker: &Worker, connector: &Connector) -> Result<Progress, Halt> {
    if let Some(form) = connector.odk() {
        return super::odk::step(worker, connector, form).await;
    }
    if connector.activity == crate::domain::connector::Activity::Stopped {
        return Ok(Progress::Idle(None));
    }
    let Some(run) = next_run(worker, connector) else { return Ok(Progress::Idle(None)) };
    if worker.store.counts(connector.id).open() >= worker.settings.max_in_flight {
        return Ok(Progress::Idle(None));
    }
    worker.pass(&[super::Remote::Connector(connector.id)])?;
    let registry = worker.registry().await?;
    worker.tally.pulls();
    let page = registry.page(connector, run.last_id, worker.settings.page_size, run.since);
    let page = worker.ask_odoo(Some(connector.id), page).await?;
    worker.breakers.succeeded(&super::Remote::Connector(connector.id));
    let (found, complete) = (page.ids.len(), page.complete);

    let admission = Admission { run: run.id, connector: connector.clone(), overlap: worker.settings.overlap };
    let (backoff, jitter, now, wall) =
        (worker.settings.backoff, worker.jitter(), worker.steady.now(), worker.clock.now());
    let new = worker
        .store
        .change(move |change| admission.admit(change, &page, &Occasion { now, wall, backoff: &backoff, jitter }))
        .await?;
    worker.tally.took_in(new);
    tracing::debug!(connector = %connector.id, run = run.id.0, found, new, complete, "page admitted");
    if complete {
        // The cursor moved with the last page; neither is worth anything before it is on disk.
        worker.store.sync().await?;
    }
    Ok(Progress::Worked)
}

pub(super) fn next_run(worker: &Worker, connector: &Connector) -> Option<Run> {
    let mut pulling: Vec<Run> = worker
        .store
        .runs()
        .into_iter()
        .filter(|run| run.connector == connector.id && run.phase == Phase::Pulling)
        .collect();
    pulling.sort_by_key(|run| (run.kind.is_full(), run.id));
    pulling.into_iter().next()
}

struct Admission {
    run: RunId,
    connector: Connector,
    overlap: chrono::TimeDelta,
}

impl Admission {
    /// The page, how far the run is, and (with the last page) the cursor change together or not at all.
    fn admit(self, change: &mut Change<'_>, page: &Page, occasion: &Occasion<'_>) -> Result<u64, StoreError> {
        let Some(mut run) = change.run(self.run).filter(|run| run.phase == Phase::Pulling) else {
            return Ok(0);
        };
        let connector = &self.connector;
        let found = change.admit(run.id, connector.id, connector.token_type, &page.ids, occasion)?;
        // Admission may have moved counts of this very run.
        run = change.run(run.id).unwrap_or(run);
        run.counters.found += found;
        run.horizon.get_or_insert(page.horizon - self.overlap);
        run.last_id = page.ids.last().map_or(run.last_id, |last| last.0);
        if page.complete {
            run.phase = Phase::Settling;
            self.move_cursor(change, &run)?;
            run.settle(occasion.wall);
        }
        change.put_run(run);
        Ok(found)
    }

    fn move_cursor(&self, change: &mut Change<'_>, run: &Run) -> Result<(), StoreError> {
        let mut cursor = change.cursor(run.connector)?;
        cursor.changed_since = later(cursor.changed_since, run.horizon);
        if run.since.is_none() {
            cursor.last_full = Some(run.started);
            // If the definition changed under way, those who were passed before that must be looked at again.
            cursor.definition = Some(run.definition.clone());
        }
        change.put_cursor(run.connector, &cursor)
    }
}

fn later(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    one.max(other)
}
