//! What the ticker starts: due runs, VID clean-ups, reports to Odoo, and keeping house.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use metrics::gauge;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::duplicates::Counting;
use super::{App, Standing, leases, rekey};
use crate::domain::connector::Activity;
use crate::domain::identity::ConnectorId;
use crate::domain::retry::delta;
use crate::domain::run::Cursor;
use crate::domain::timetable::Timetable;
use crate::odoo::registry::report::Ending;
use crate::schedule::{self, Work};
use crate::store::StoreError;
use crate::worker::remote::Remote;
use crate::worker::report::{Condition, Reporter};
use crate::worker::{Halt, audit, clean_up, credentials, definitions, odk};

/// Runs of each connector that are kept for looking at.
const RUNS_KEPT: usize = 50;

/// The jobs, by the second.
pub(super) fn jobs(app: &Arc<App>) -> Vec<(&'static str, Work)> {
    let cleaning = Arc::new(Mutex::new(None::<Instant>));
    let reporter = Arc::new(Mutex::new(Reporter::default()));
    let counting = Arc::new(Mutex::new(Counting::from_now(app.config.schedule.duplicates.as_duration())));
    vec![
        ("* * * * * *", job(app, async |app| logged("the timetable", start_runs(&app)))),
        ("*/5 * * * * *", job(app, async |app| show(&app))),
        (
            "*/5 * * * * *",
            job(app, async |app| logged("telling of refused callbacks", app.tell_of_refused_callbacks(false))),
        ),
        ("*/5 * * * * *", job(app, async |app| logged("watching", app.watch()))),
        (
            "30 * * * * *",
            job(app, async |app| {
                app.worker.jail.end_idle();
                logged("forgetting old runs", schedule::forget_runs(&app.worker.store, RUNS_KEPT).map_err(Halt::from));
                logged("keeping the time", app.worker.keep_time().map_err(Halt::from));
            }),
        ),
        ("15 7 * * * *", job(app, async |app| retire_keys(&app).await)),
        (
            "15 * * * * *",
            job(app, async |app| {
                let period = app.config.callback.renew_credentials.as_duration();
                logged("renewing credentials", credentials::step(&app.worker, period).map_err(Halt::from));
            }),
        ),
        ("50 0 6 * * *", job(app, async |app| app.certificates.tell(app.worker.clock.now()))),
        (leases::RENEWED, job(app, async |app| logged("renewing leases", renew_leases(&app).await))),
        (
            "* * * * * *",
            job(app, {
                move |app: Arc<App>| {
                    let cleaning = Arc::clone(&cleaning);
                    async move { logged("VID clean-up", clean(&app, &mut *cleaning.lock().await).await) }
                }
            }),
        ),
        (
            "45 * * * * *",
            job(app, {
                move |app: Arc<App>| {
                    let counting = Arc::clone(&counting);
                    async move { logged("counting duplicates", count(&app, &mut *counting.lock().await).await) }
                }
            }),
        ),
        (
            "*/2 * * * * *",
            job(app, {
                move |app: Arc<App>| {
                    let reporter = Arc::clone(&reporter);
                    async move { tell(&app, &mut *reporter.lock().await).await }
                }
            }),
        ),
    ]
}

/// A job of the app's: counted among its tasks, and none any more once it stops.
fn job<F, R>(app: &Arc<App>, work: F) -> Work
where
    F: Fn(Arc<App>) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let app: Weak<App> = Arc::downgrade(app);
    Arc::new(move || -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match app.upgrade().filter(|app| !app.stop.is_cancelled()) {
            Some(app) => {
                let tracked = app.tasks.track_future(work(Arc::clone(&app)));
                Box::pin(tracked)
            }
            None => Box::pin(async {}),
        }
    })
}

fn logged(what: &'static str, result: Result<(), Halt>) {
    match result {
        // Said where it happened.
        Ok(()) | Err(Halt::Until(_)) => {}
        Err(error) => tracing::error!(%error, what, "failed"),
    }
}

async fn retire_keys(app: &Arc<App>) {
    let (inner, now) = (Arc::clone(app), app.worker.clock.now());
    if app.worker.seal.keys().len() == 1 {
        return;
    }
    let work = move || {
        rekey::retire_if_possible(&inner.worker.store, &inner.worker.seal, &inner.config.store.key_file, now);
    };
    // A panic there is told by the hook.
    _ = tokio::task::spawn_blocking(work).await;
}

async fn renew_leases(app: &App) -> Result<(), Halt> {
    if app.heard.load(Ordering::Relaxed) { leases::renew(app).await } else { Ok(()) }
}

fn start_runs(app: &App) -> Result<(), Halt> {
    let worker = &app.worker;
    let full_sweep = delta(app.config.schedule.full_sweep.as_duration());
    // What was kept from before may have changed in Odoo: it waits for Odoo's word.
    let current = app.roster.each(|_, entry| entry.connector().filter(|_| entry.standing == Standing::Current));
    for connector in current.into_iter().flatten() {
        let definition = definitions::fingerprint(&worker.seal, &connector);
        schedule::tick(&worker.store, &connector, &definition, full_sweep, worker.clock.now())?;
    }
    Ok(())
}

/// Cleans up after all connectors when it is time, page by page.
async fn clean(app: &App, last: &mut Option<Instant>) -> Result<(), Halt> {
    let due = last.is_none_or(|last| last.elapsed() >= app.config.schedule.vid_cleanup.as_duration());
    if !due || !app.heard.load(Ordering::Relaxed) {
        return Ok(());
    }
    let current = app.roster.each(|_, entry| entry.connector().filter(|_| entry.standing == Standing::Current));
    let started: Vec<_> =
        current.into_iter().flatten().filter(|one| one.activity == Activity::Started && one.odk().is_none()).collect();
    let mut complete = true;
    for scope in clean_up::scopes(&started, &app.roster.connectors()) {
        let mut after = Some(0);
        while let Some(from) = after {
            if app.stop.is_cancelled() {
                return Ok(());
            }
            after = match clean_up::step(&app.worker, &scope, from).await {
                Ok(after) => after,
                // What is in the way may be this connector's own; the others go on, and this one is tried again.
                Err(Halt::Until(_)) => {
                    complete = false;
                    None
                }
                Err(error) => return Err(error),
            };
        }
    }
    if complete && !started.is_empty() {
        *last = Some(Instant::now());
        app.clean_ups.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Counts registrants who share a token when it is time.
async fn count(app: &App, counting: &mut Counting) -> Result<(), Halt> {
    if !app.heard.load(Ordering::Relaxed) {
        return Ok(());
    }
    let current = app.roster.each(|_, entry| entry.connector().filter(|_| entry.standing == Standing::Current));
    let connectors: Vec<_> = current.into_iter().flatten().collect();
    let counted = counting.step(&app.worker, app.config.schedule.duplicates.as_duration(), &connectors);
    // Many calls, and nothing is lost with them.
    app.stop.run_until_cancelled(counted).await.unwrap_or(Ok(()))
}

async fn tell(app: &App, reporter: &mut Reporter) {
    if !app.heard.load(Ordering::Relaxed) {
        return;
    }
    for id in app.roster.ids() {
        let Some(condition) = condition(app, id) else { continue };
        match reporter.step(&app.worker, id, &condition).await {
            Ok(true) if condition.ended.is_some() => rest(app, id),
            // What is in the way may be this connector's own.
            Ok(_) | Err(Halt::Until(_)) => {}
            Err(error) => tracing::error!(connector = %id, %error, "the report to Odoo failed"),
        }
    }
}

/// Odoo knows now that the run of a one-time connector is over. Whoever starts it again, also before the next look at the definitions,
/// wants another run.
fn rest(app: &App, id: ConnectorId) {
    app.roster.rest(id);
    let forgotten = app.worker.store.change_now(|change| {
        let cursor = change.cursor(id)?;
        change.put_cursor(id, &Cursor { last_scheduled: None, ..cursor })
    });
    logged("the end of a one-time connector", forgotten.map_err(Halt::from));
}

/// What is the matter with a connector, if anything.
pub(super) fn trouble(app: &App, id: ConnectorId) -> Option<String> {
    let own = condition(app, id)?.last_error;
    // Odoo cannot be told that it is away: that is for the others alone.
    let odoo = || app.worker.breakers.trouble(&Remote::Odoo).map(|trouble| format!("{}: {trouble}", Remote::Odoo));
    own.or_else(odoo)
}

/// What there is to say about a connector; nothing about one that Odoo does not have any more, or that is not OMC's.
fn condition(app: &App, id: ConnectorId) -> Option<Condition> {
    let worker = &app.worker;
    let (standing, problems, connector) = app.roster.with(id, |entry| {
        let problems: Vec<String> = entry.problems.iter().map(ToString::to_string).collect();
        (entry.standing, problems, entry.connector())
    })?;
    if matches!(standing, Standing::Gone | Standing::Unchosen) {
        return None;
    }
    let mut lines = problems;
    let mut condition = Condition::default();
    if let Some(connector) = connector.filter(|_| standing == Standing::Current) {
        let url = connector.mts_url.clone();
        let remotes = [
            Remote::Connector(id),
            Remote::Results(id),
            Remote::WriteBack(id),
            Remote::CleanUp(id),
            Remote::Submission(id),
            Remote::Delivery(id),
            Remote::Mts(url.clone()),
            Remote::Access(url.clone()),
            Remote::Authentication(url),
        ];
        let remotes = remotes.into_iter().chain(Remote::input_format(&connector));
        lines.extend(remotes.filter_map(|remote| worker.breakers.trouble(&remote)));
        if connector.odk().is_some() {
            lines.extend(odk::held(worker, id).ok().flatten());
        }
        if connector.activity == Activity::Started {
            condition.next_run = next_run(app, &connector).ok().flatten();
            let is_through = connector.timetable == Timetable::Once && is_through(app, id);
            condition.ended = is_through.then(|| match worker.store.counts(id).abandoned {
                0 => Ending::Completed,
                _ => Ending::Failed,
            });
        }
    }
    condition.last_error = (!lines.is_empty()).then(|| lines.join("\n"));
    Some(condition)
}

fn next_run(
    app: &App,
    connector: &crate::domain::connector::Connector,
) -> Result<Option<chrono::DateTime<chrono::Utc>>, StoreError> {
    let cursor = app.worker.store.cursor(connector.id)?;
    Ok(connector.timetable.due(cursor.last_scheduled, app.worker.clock.now()))
}

/// Whether a one-time connector has run and nothing of it is left. Its own run may never have begun, where a manual one that was
/// pulling did the work, or may be one that began before the connector was stopped and started again.
fn is_through(app: &App, id: ConnectorId) -> bool {
    let store = &app.worker.store;
    let began = store.cursor(id).is_ok_and(|cursor| cursor.last_scheduled.is_some());
    began && store.counts(id).open() == 0 && !store.runs().iter().any(|run| run.connector == id && !run.is_over())
}

/// Shows what is under way, as metrics.
fn show(app: &App) {
    let worker = &app.worker;
    for (connector, counts) in worker.store.all_counts() {
        for (state, count) in [
            ("pending", counts.pending),
            ("submitted", counts.submitted),
            ("to_write", counts.to_write),
            ("rejected", counts.rejected),
            ("abandoned", counts.abandoned),
        ] {
            gauge!("omc_records", "connector" => connector.to_string(), "state" => state).set(count as f64);
        }
    }
    audit::show(worker);
    let (connectors, batches, ids) = (app.roster.connectors(), worker.store.batches(), app.roster.ids());
    worker.breakers.keep(|remote| match remote {
        Remote::Odoo | Remote::AuditManager | Remote::AuditFile | Remote::Notifier => true,
        Remote::Mts(url) | Remote::Access(url) | Remote::Authentication(url) => {
            connectors.iter().any(|connector| connector.mts_url == *url)
                || batches.iter().any(|batch| batch.mts_url == *url)
        }
        Remote::Connector(id)
        | Remote::Results(id)
        | Remote::WriteBack(id)
        | Remote::CleanUp(id)
        | Remote::Delivery(id)
        | Remote::Submission(id) => connectors.iter().any(|connector| connector.id == *id),
        // Odoo is told of those too whose definition was never right.
        Remote::Report(id) | Remote::Activities(id) => ids.contains(id),
        Remote::InputFormat(..) => {
            connectors.iter().any(|connector| Remote::input_format(connector).as_ref() == Some(remote))
        }
    });
    for url in connectors.iter().map(|connector| &connector.mts_url) {
        let mut own = connectors.iter().filter(|connector| connector.mts_url == *url);
        let waits = own.any(|connector| worker.store.counts(connector.id).pending > 0);
        if !waits && worker.store.batches_at(url).is_empty() {
            worker.breakers.is_not_needed(&Remote::Mts(url.clone()), worker.steady.now());
        }
    }
    gauge!("omc_batches_in_flight").set(batches.len() as f64);
    let oldest = batches.iter().map(|batch| batch.sent_at).min();
    let age = oldest.map_or(0, |sent| (worker.steady.now() - sent).num_seconds());
    gauge!("omc_oldest_batch_seconds").set(age as f64);
    gauge!("omc_store_bytes").set(worker.store.size() as f64);
    let wrong =
        app.roster.each(|_, entry| entry.standing == Standing::Wrong).into_iter().filter(|wrong| *wrong).count();
    gauge!("omc_connectors_wrong").set(wrong as f64);
}
