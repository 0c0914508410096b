//! Reads Odoo's definitions, requested runs and requeued refusals, again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{App, Standing, leases, preview};
use crate::domain::audit::{AuditEvent, Deed, Definition};
use crate::domain::connector::{Activity, Connector};
use crate::domain::identity::{ConnectorId, RunId};
use crate::domain::record::{Record, State};
use crate::domain::run::Kind;
use crate::domain::transition::{Event, Occasion};
use crate::odoo::connectors::{RequestedRun, RequeuedRejection};
use crate::schedule;
use crate::store::StoreError;
use crate::worker::definitions::{self, Found, Reader, Reading};
use crate::worker::{Halt, audit, release, report};

/// Polls until told to stop.
pub(super) async fn run(app: Arc<App>) {
    let mut reader = Reader::default();
    let mut requeues = Requeues::default();
    while !app.stop.is_cancelled() {
        let interval = app.config.odoo.poll_interval.as_duration();
        let wait = match once(&app, &mut reader, &mut requeues).await {
            Ok(()) => interval,
            // Whatever the clock does meanwhile.
            Err(Halt::Until(until)) => {
                let longest = app.worker.settings.backoff.longest();
                (until - app.worker.steady.now()).min(longest).to_std().unwrap_or_default()
            }
            Err(error) => {
                tracing::error!(%error, "definitions could not be taken over");
                interval
            }
        };
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = tokio::time::sleep(wait.max(Duration::from_millis(50))) => {}
        }
    }
}

/// The requeues that were carried out, by the row of the rejection: it says `requeued` until Odoo hears the outcome, and one
/// Requeue is one attempt.
type Requeues = BTreeMap<u32, String>;

async fn once(app: &Arc<App>, reader: &mut Reader, requeues: &mut Requeues) -> Result<(), Halt> {
    let Reading { connectors, missing, unchosen, runs, requeued, previews } = reader.read(&app.worker).await?;
    let first = !app.heard.swap(true, Ordering::Relaxed);
    if first && !missing.is_empty() {
        tracing::error!(connectors = missing.join(", "), "odoo.connectors names connectors that are not in Odoo");
    }
    let there: BTreeSet<ConnectorId> = connectors.iter().map(|found| found.id).collect();
    for found in connectors {
        take(app, found)?;
    }
    for id in app.roster.ids().into_iter().filter(|id| !there.contains(id)) {
        let (standing, why) = match unchosen.contains(&id) {
            true => (Standing::Unchosen, "not named in odoo.connectors any more"),
            false => (Standing::Gone, "deleted in Odoo"),
        };
        if app.roster.withdraw(id, "", standing, Vec::new()) {
            tracing::info!(connector = %id, why, "nothing new is sent for it");
            let now = if standing == Standing::Gone { Definition::Deleted } else { Definition::Unchosen };
            tell(app, id, now, Vec::new())?;
        }
        release::results(&app.worker, id).await?;
        release::waiting(&app.worker, id)?;
        if app.worker.store.counts(id).open() == 0 {
            app.roster.forget(id);
            release::everything(&app.worker, id)?;
        }
    }
    for id in app.not_running() {
        release::waiting(&app.worker, id)?;
    }
    for asked in runs {
        match begin(app, &asked).await {
            // What Odoo has against this report is no reason to leave the others waiting.
            Ok(()) | Err(Halt::Until(_)) => {}
            Err(error) => return Err(error),
        }
    }
    for asked in previews {
        match preview::answer(app, asked).await {
            Ok(()) | Err(Halt::Until(_)) => {}
            Err(error) => return Err(error),
        }
    }
    requeues.retain(|row, when| requeued.iter().any(|asked| asked.rejection == *row && asked.asked == *when));
    for asked in requeued {
        if requeues.contains_key(&asked.rejection) {
            continue;
        }
        match leases::hold(app, asked.connector).await {
            Ok(()) if requeue(app, &asked)? => _ = requeues.insert(asked.rejection, asked.asked),
            Ok(()) | Err(Halt::Until(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn take(app: &Arc<App>, found: Found) -> Result<(), StoreError> {
    match found.judgement {
        definitions::Judgement::Right(connector) => {
            let known = app.roster.connector(connector.id);
            let standing = app.roster.with(connector.id, |entry| entry.standing);
            let is_back = standing.is_some_and(|was| !matches!(was, Standing::Current | Standing::Kept));
            if known.as_ref() != Some(&connector) || is_back {
                definitions::keep(&app.worker, &connector, is_back)?;
                tracing::info!(connector = %connector.id, name = connector.name, activity = ?connector.activity, "definition taken");
            }
            app.tend(connector, Standing::Current);
        }
        definitions::Judgement::Wrong(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let fields = problems.iter().map(|problem| problem.field.to_owned()).collect();
            if app.roster.withdraw(found.id, &found.name, Standing::Wrong, problems) {
                tell(app, found.id, Definition::Wrong, fields)?;
                for line in lines {
                    tracing::error!(connector = %found.id, name = found.name, problem = line, "the definition is wrong; it does not run");
                }
            }
        }
        definitions::Judgement::Archived => {
            if app.roster.withdraw(found.id, &found.name, Standing::Archived, Vec::new()) {
                tell(app, found.id, Definition::Archived, Vec::new())?;
            }
        }
    }
    Ok(())
}

/// Tells the audit what became of a definition.
fn tell(app: &App, id: ConnectorId, now: Definition, fields: Vec<String>) -> Result<(), StoreError> {
    let event = AuditEvent::of(id, app.worker.clock.now(), Deed::Definition { now, fields });
    audit::note(&app.worker, event)
}

/// Begins a run that an administrator asked for in Odoo. While a full run pulls, the request stays.
async fn begin(app: &App, asked: &RequestedRun) -> Result<(), Halt> {
    let worker = &app.worker;
    if worker.store.runs().iter().any(|run| run.odoo_run == Some(asked.run)) {
        return Ok(());
    }
    let why_not = match app.runnable(asked.connector) {
        Ok(connector) => {
            // Another daemon's connector is that daemon's to run.
            leases::hold(app, connector.id).await?;
            let (id, run, now) = (asked.connector, asked.run, worker.clock.now());
            let definition = definitions::fingerprint(&worker.seal, &connector);
            worker
                .store
                .change_now(|change| schedule::begin(change, id, Kind::Manual, None, Some(run), &definition, now))?;
            return Ok(());
        }
        Err(why) => why,
    };
    tracing::warn!(connector = %asked.connector, run = asked.run, why_not, "a requested run cannot begin");
    let registry = worker.registry().await?;
    let failed = report::refused_run(asked.run, why_not, worker.clock.now());
    worker.ask_odoo(Some(asked.connector), registry.report(asked.connector, &failed)).await?;
    Ok(())
}

/// Tells whether it could be carried out.
fn requeue(app: &App, asked: &RequeuedRejection) -> Result<bool, StoreError> {
    let Some(connector) = app.roster.connector(asked.connector) else { return Ok(false) };
    let worker = &app.worker;
    let key = report::key_of(&connector, asked.registrant);
    worker.store.change_now(|change| {
        match change.record(key)? {
            Some(Record { state: State::Rejected { .. } | State::Abandoned { .. }, .. }) => {
                change.apply(key, Event::Requeued, &worker.occasion())?;
            }
            Some(_) => {}
            // The store was lost since it was refused.
            None => {
                let occasion: Occasion<'_> = worker.occasion();
                change.is_told(key);
                change.admit(RunId::NONE, connector.id, key.token_type, &[key.registrant], &occasion)?;
            }
        }
        Ok(true)
    })
}

impl App {
    /// Connectors that Odoo has, and that are not to send anything now: of ODK, whoever waits from when they were of the registry.
    fn not_running(&self) -> Vec<ConnectorId> {
        let idle = self.roster.each(|id, entry| {
            let stopped = entry.connector().is_none_or(|connector| {
                let waits = connector.odk().is_some() && self.worker.store.counts(id).pending > 0;
                connector.activity == Activity::Stopped || waits
            });
            (stopped && !matches!(entry.standing, Standing::Gone | Standing::Unchosen | Standing::Kept)).then_some(id)
        });
        idle.into_iter().flatten().collect()
    }

    /// The connector, if it may be run by hand now.
    pub(super) fn runnable(&self, id: ConnectorId) -> Result<Arc<Connector>, String> {
        let standing = self.roster.with(id, |entry| entry.standing).ok_or_else(|| format!("no connector {id}"))?;
        if standing == Standing::Kept {
            return Err("Odoo has not been heard since the start; try again when it answers".to_owned());
        }
        let connector = self.roster.connector(id).filter(|_| standing == Standing::Current);
        match connector {
            None => Err(format!("the definition is {}; `omc check` says more", standing.name())),
            Some(connector) if connector.activity == Activity::Stopped => {
                Err("the connector is stopped; start it in Odoo first".to_owned())
            }
            Some(connector) => Ok(connector),
        }
    }
}
