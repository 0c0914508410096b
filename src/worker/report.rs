//! Reporting to Odoo, through the addon's door: how connectors and runs are doing, and who is refused and why.

use std::collections::HashMap;

use super::{Halt, Remote, Worker};
use crate::domain::code::Code;
use crate::domain::connector::Connector;
use crate::domain::identity::{ConnectorId, RegistrantId, RunId};
use crate::domain::record::{Record, RecordKey, State};
use crate::domain::run::{Kind, Phase, Run};
use crate::domain::transition::Notice;
use crate::odoo::registry::Report;
use crate::odoo::registry::report::{Change, ConnectorReport, Ending, RejectionReport, RunReport, RunState};

/// Refusals in one report.
const AT_ONCE: usize = 200;

/// What Odoo was told last, so that it is told only what changed. In memory: after a start everything is told once more.
#[derive(Debug, Default)]
pub struct Reporter {
    told: HashMap<ConnectorId, ConnectorReport>,
    runs: HashMap<RunId, Run>,
}

/// What there is to say about one connector itself.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    pub last_error: Option<String>,
    pub next_run: Option<chrono::DateTime<chrono::Utc>>,
    /// Its one run is over.
    pub ended: Option<Ending>,
}

impl Reporter {
    /// Reports on one connector, if there is anything new. Without the door there is nobody to tell; tells whether there is.
    pub async fn step(&mut self, worker: &Worker, id: ConnectorId, condition: &Condition) -> Result<bool, Halt> {
        let registry = worker.registry().await?;
        if !registry.through_door() {
            // Nobody can be told: what is refused shows in `omc failed`.
            while forget_refusals(worker, id).await? == AT_ONCE {}
            return Ok(false);
        }
        worker.pass(&[Remote::Report(id)])?;
        for run in worker.store.runs().into_iter().filter(|run| run.connector == id) {
            self.tell_run(worker, &registry, run).await?;
        }
        self.tell_connector(worker, &registry, id, condition).await?;
        while tell_refusals(worker, &registry, id).await? == AT_ONCE {}
        self.runs.retain(|id, _| worker.store.run(*id).is_some());
        worker.breakers.succeeded(&Remote::Report(id));
        Ok(true)
    }

    async fn tell_connector(
        &mut self,
        worker: &Worker,
        registry: &crate::odoo::Registry,
        id: ConnectorId,
        condition: &Condition,
    ) -> Result<(), Halt> {
        let last_run = worker.store.runs().iter().rev().filter(|run| run.connector == id).find_map(|run| run.odoo_run);
        // As they were told: one that has ended since is told so next, and was not lost.
        let told = self.runs.values().filter(|run| run.connector == id && !run.is_over());
        let mut running: Vec<u32> = told.filter_map(|run| run.odoo_run).collect();
        running.sort_unstable();
        let now = ConnectorReport {
            ended: condition.ended,
            last_error: condition.last_error.clone().map_or(Change::Clear, Change::Set),
            next_run: condition.next_run.map_or(Change::Clear, Change::Set),
            last_run_id: last_run,
            running: Some(running),
        };
        if self.told.get(&id) == Some(&now) {
            return Ok(());
        }
        let report = Report { connector: now.clone(), ..Report::default() };
        worker.ask_odoo_behind(Some(Remote::Report(id)), registry.report(id, &report)).await?;
        self.told.insert(id, now);
        Ok(())
    }

    async fn tell_run(&mut self, worker: &Worker, registry: &crate::odoo::Registry, run: Run) -> Result<(), Halt> {
        // A delta every few minutes that finds nobody is not worth a row.
        let silent = run.kind == Kind::Schedule && run.counters.found == 0 && run.odoo_run.is_none();
        if silent || self.runs.get(&run.id) == Some(&run) {
            return Ok(());
        }
        let report = Report { run: Some(run_report(&run)), ..Report::default() };
        let row = worker
            .ask_odoo_behind(Some(Remote::Report(run.connector)), registry.report(run.connector, &report))
            .await?;
        let id = run.id;
        let known = worker
            .store
            .change(move |change| {
                let mut known = change.run(id);
                if let Some(run) = known.as_mut().filter(|run| run.odoo_run.is_none()) {
                    run.odoo_run = row;
                    change.put_run(run.clone());
                }
                Ok(known)
            })
            .await?;
        // Remembered as it was told; what changed meanwhile is told next.
        self.runs.insert(id, Run { odoo_run: known.and_then(|run| run.odoo_run), ..run });
        Ok(())
    }
}

fn run_report(run: &Run) -> RunReport {
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    RunReport {
        id: run.odoo_run,
        trigger: run.kind,
        state: match run.phase {
            Phase::Pulling | Phase::Settling => RunState::Running,
            Phase::Done if run.cut => RunState::Stopped,
            Phase::Done => RunState::Done,
            Phase::Stopped => RunState::Stopped,
        },
        started_at: run.started,
        ended_at: run.ended,
        found: count(run.counters.found - run.counters.left.min(run.counters.found)),
        submitted: count(run.counters.submitted),
        tokens: count(run.counters.tokens),
        rejected: count(run.counters.rejected),
        abandoned: count(run.counters.abandoned),
        message: (run.cut || run.phase == Phase::Stopped).then(|| {
            let left = run.counters.left;
            format!("The connector was stopped. {left} registrants were found and not sent; the next run takes them.")
        }),
    }
}

/// Tells of refusals that came or went; returns how many.
async fn tell_refusals(worker: &Worker, registry: &crate::odoo::Registry, id: ConnectorId) -> Result<usize, Halt> {
    let notices = worker.store.notices(id, AT_ONCE)?;
    if notices.is_empty() {
        return Ok(0);
    }
    let mut report = Report::default();
    let mut told = Vec::with_capacity(notices.len());
    for (key, notice) in &notices {
        let record = worker.store.record(*key)?;
        match (notice, record.as_ref().and_then(|record| Some((record, refusal(record)?)))) {
            (Notice::Refused, Some((record, code))) => report.rejections.push(RejectionReport {
                registrant: key.registrant,
                code: code.as_str().to_owned(),
                reason: code.reason().to_owned(),
                remedy: code.remedy().to_owned(),
                attempts: u32::try_from(record.attempts.len()).unwrap_or(u32::MAX),
                seen_at: worker.clock.now(),
            }),
            // Refused, and under way again: told when it is over.
            (Notice::Refused, None) if record.is_some() => continue,
            _ => report.resolved.push(key.registrant),
        }
        told.push((*key, *notice));
    }
    if !(report.rejections.is_empty() && report.resolved.is_empty()) {
        worker.ask_odoo_behind(Some(Remote::Report(id)), registry.report(id, &report)).await?;
    }
    clear(worker, id, told).await
}

async fn forget_refusals(worker: &Worker, id: ConnectorId) -> Result<usize, Halt> {
    let notices = worker.store.notices(id, AT_ONCE)?;
    clear(worker, id, notices).await
}

async fn clear(worker: &Worker, id: ConnectorId, notices: Vec<(RecordKey, Notice)>) -> Result<usize, Halt> {
    let told = notices.len();
    worker
        .store
        .change(move |change| notices.into_iter().try_for_each(|(key, told)| change.clear_notice(id, key, told)))
        .await?;
    Ok(told)
}

fn refusal(record: &Record) -> Option<&Code> {
    match &record.state {
        State::Rejected { code } => Some(code),
        State::Abandoned { cause, .. } => Some(cause),
        _ => None,
    }
}

/// The record of a registrant that an administrator wants tried again.
pub fn key_of(connector: &Connector, registrant: RegistrantId) -> RecordKey {
    RecordKey { token_type: connector.token_type, registrant }
}

/// Says that a run that was asked for in Odoo cannot begin.
pub fn refused_run(odoo_run: u32, why: String, now: chrono::DateTime<chrono::Utc>) -> Report {
    let run = RunReport {
        id: Some(odoo_run),
        trigger: Kind::Manual,
        state: RunState::Failed,
        started_at: now,
        ended_at: Some(now),
        found: 0,
        submitted: 0,
        tokens: 0,
        rejected: 0,
        abandoned: 0,
        message: Some(why),
    };
    Report { run: Some(run), ..Report::default() }
}
