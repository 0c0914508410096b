//! When things happen by themselves: the ticker, and which runs are due.
//!
//! tokio-cron-scheduler only ticks: it forgets everything at a restart, lets runs overlap and freezes time zones, so when a
//! connector is due is computed from the stored start of its last run ([`crate::domain::timetable`]).

use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::domain::connector::{Activity, Connector};
use crate::domain::identity::{ConnectorId, RunId};
use crate::domain::run::{Cursor, Kind, Phase, Run};
use crate::domain::span::Span;
use crate::domain::timetable::Timetable;
use crate::store::{Change, Store, StoreError};

/// Section `[schedule]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How far behind its cursor a delta looks, for transactions that were open then.
    pub overlap: Span,
    /// How often a full run makes up for whatever deltas cannot see.
    pub full_sweep: Span,
    /// How often VIDs that stayed behind are looked for.
    pub vid_cleanup: Span,
    /// How often registrants who share a token are counted, for the metric.
    pub duplicates: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            overlap: Span::from_secs(600),
            full_sweep: Span::from_secs(24 * 3600),
            vid_cleanup: Span::from_secs(3600),
            duplicates: Span::from_secs(24 * 3600),
        }
    }
}

/// A job that the ticker starts.
pub type Work = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Starts jobs by the second. A job that is still at it when its time comes again is left to finish first.
pub struct Ticker(JobScheduler);

impl Ticker {
    /// `jobs`: six cron fields (seconds first, UTC) and what to do.
    pub async fn start(jobs: Vec<(&'static str, Work)>) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        for (cron, work) in jobs {
            let busy = Arc::new(tokio::sync::Mutex::new(()));
            let job = Job::new_async(cron, move |_, _| {
                let (busy, work) = (Arc::clone(&busy), Arc::clone(&work));
                Box::pin(async move {
                    if let Ok(_alone) = busy.try_lock() {
                        work().await;
                    }
                })
            })?;
            scheduler.add(job).await?;
        }
        scheduler.start().await?;
        Ok(Self(scheduler))
    }

    /// No job starts after this but, rarely, one that was starting.
    pub async fn stop(mut self) {
        if let Err(error) = self.0.shutdown().await {
            tracing::debug!(%error, "the ticker did not stop cleanly");
        }
    }
}

/// Starts whatever run is due for a connector. `definition` is the fingerprint of how it selects and maps.
pub fn tick(
    store: &Store,
    connector: &Connector,
    definition: &str,
    full_sweep: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<RunId>, StoreError> {
    let mut cursor = store.cursor(connector.id)?;
    if cursor.forget_the_future(now) {
        tracing::warn!(connector = %connector.id, "the clock has gone back behind this connector's last run; it counts as run now");
        store.change_now(|change| change.put_cursor(connector.id, &cursor))?;
    }
    if connector.activity == Activity::Stopped {
        if connector.timetable == Timetable::Once && cursor.last_scheduled.is_some() {
            // Started again, it is to run again.
            tracing::debug!(connector = %connector.id, "a one-time connector is stopped; its run is forgotten");
            store.change_now(|change| {
                change.put_cursor(connector.id, &Cursor { last_scheduled: None, ..cursor.clone() })
            })?;
        }
        return Ok(None);
    }
    let Some(kind) = due(connector, &cursor, definition, full_sweep, now) else { return Ok(None) };
    let since = cursor.changed_since.filter(|_| cursor.definition.as_deref() == Some(definition));
    store.change_now(|change| begin(change, connector.id, kind, since, None, definition, now))
}

fn due(
    connector: &Connector,
    cursor: &Cursor,
    definition: &str,
    full_sweep: TimeDelta,
    now: DateTime<Utc>,
) -> Option<Kind> {
    let scheduled = connector.timetable.due(cursor.last_scheduled, now).is_some_and(|due| due <= now);
    if connector.timetable == Timetable::Once {
        return scheduled.then_some(Kind::OneTime);
    }
    if scheduled {
        return Some(Kind::Schedule);
    }
    let known = cursor.definition.as_deref() == Some(definition);
    (known && cursor.last_full.is_some_and(|last| last + full_sweep <= now)).then_some(Kind::Sweep)
}

/// Makes a run, unless the connector has one of its kind that is still pulling: a connector never overlaps itself.
pub fn begin(
    change: &mut Change<'_>,
    connector: ConnectorId,
    kind: Kind,
    since: Option<DateTime<Utc>>,
    odoo_run: Option<u32>,
    definition: &str,
    now: DateTime<Utc>,
) -> Result<Option<RunId>, StoreError> {
    let full = kind.is_full() || since.is_none();
    let overlaps = change.runs().any(|run| {
        run.connector == connector
            && run.phase == Phase::Pulling
            && (run.since.is_none() == full || (run.kind == kind && kind == Kind::Schedule))
    });
    if matches!(kind, Kind::Schedule | Kind::OneTime) {
        let mut cursor = change.cursor(connector)?;
        cursor.last_scheduled = Some(now);
        change.put_cursor(connector, &cursor)?;
    }
    if overlaps {
        return Ok(None);
    }
    let id = change.new_run_id();
    let mut run = Run::new(id, connector, kind, since, now);
    run.odoo_run = odoo_run;
    definition.clone_into(&mut run.definition);
    change.put_run(run);
    tracing::info!(%connector, run = id.0, trigger = kind.name(), full, "run begins");
    Ok(Some(id))
}

/// Forgets runs that are over, but for the last few of each connector; of those that found nothing, all.
pub fn forget_runs(store: &Store, keep: usize) -> Result<(), StoreError> {
    let mut seen = std::collections::BTreeMap::<ConnectorId, usize>::new();
    let mut forget = Vec::new();
    for run in store.runs().into_iter().rev().filter(Run::is_over) {
        let count = seen.entry(run.connector).or_default();
        let empty = run.counters.found == 0 && run.kind == Kind::Schedule;
        if empty || *count >= keep {
            forget.push(run.id);
        } else {
            *count += 1;
        }
    }
    if forget.is_empty() {
        return Ok(());
    }
    store.change_now(|change| {
        forget.into_iter().for_each(|id| change.remove_run(id));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    fn connector() -> Connector {
        let connector = serde_json::json!({
            "id": 1, "model": "Omc", "name": "Main", "activity": "Started", "mts_url": "http://mts.example/",
            "timetable": {"Every": {"minutes": 5}}, "filter": [["is_registrant", "=", true]], "fields": [],
            "mapping": {"vid": "vid", "name": ["n"], "gender": "g", "dob": "d", "phoneNumber": "p", "emailId": "e",
                        "fullAddress": ["a"]},
            "mandatory": crate::domain::mapping::Mandatory::default(), "input_format": null, "output_format": null,
            "language": "eng",
            "callback": {"auth": "StaticBearer", "method": "POST", "timeout": {"secs": 10, "nanos": 0},
                         "extra_headers": []},
            "vid_type": 1, "token_type": 2, "remove_vid": true, "batch_size": null, "phone_country_code": null,
            "value_fields": [],
        });
        serde_json::from_value(connector).unwrap()
    }

    #[test]
    fn a_clock_that_ran_ahead_and_came_back_holds_no_connector_up() {
        let folder = tempfile::tempdir().unwrap();
        let config = store::Config { path: folder.path().join("store"), ..store::Config::default() };
        let store = Store::open(&config, &["key"]).unwrap();
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let sweep = TimeDelta::hours(24);
        let runs = |at: DateTime<Utc>| {
            let begun = tick(&store, &connector(), "definition", sweep, at).unwrap();
            // What began is over at once.
            if let Some(id) = begun {
                store
                    .change_now(|change| {
                        change.remove_run(id);
                        Ok(())
                    })
                    .unwrap();
            }
            begun.is_some()
        };
        assert!(runs(now + TimeDelta::days(400)), "never run");
        assert!(!runs(now), "the clock is back: counted as run now");
        assert!(!runs(now + TimeDelta::minutes(4)));
        assert!(runs(now + TimeDelta::minutes(5)), "one interval late at most");
        store
            .change_now(|change| {
                let cursor = change.cursor(ConnectorId(1))?;
                let definition = Some("definition".to_owned());
                change.put_cursor(
                    ConnectorId(1),
                    &Cursor { last_full: Some(now + TimeDelta::days(400)), definition, ..cursor },
                )
            })
            .unwrap();
        assert!(!runs(now + TimeDelta::minutes(6)));
        let cursor = store.cursor(ConnectorId(1)).unwrap();
        assert_eq!(cursor.last_full, Some(now + TimeDelta::minutes(6)), "the next full run too");
    }
}
