//! What the admin listener can have done.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{App, Standing};
use crate::domain::connector::Connector;
use crate::domain::identity::RunId;
use crate::domain::record::{RecordKey, State};
use crate::domain::run::Kind;
use crate::domain::transition::Event;
use crate::http::admin::{Desk, Requeue, second, shown};
use crate::schedule;
use crate::seal::Personal;
use crate::store::StoreError;
use crate::worker::{definitions, odk};

/// Records opened in one change of the store.
const CHUNK: usize = 500;

impl App {
    /// `failed` tells that a listener ended by itself.
    pub(super) fn desk(
        self: &Arc<Self>,
        token: Personal<String>,
        metrics: Option<PrometheusHandle>,
        failed: CancellationToken,
    ) -> Desk {
        let (status, find, start, requeue) = (Arc::clone(self), Arc::clone(self), Arc::clone(self), Arc::clone(self));
        let ready = Arc::clone(self);
        Desk {
            store: self.worker.store.clone(),
            token,
            metrics,
            // The store is open and both listeners are bound before anybody can ask; later either can fail.
            ready: Box::new(move || !failed.is_cancelled() && !ready.worker.store.is_broken()),
            status: Box::new(move || status.status()),
            find: Box::new(move |text| find.roster.find(text)),
            start: Box::new(move |id| {
                let connector = start.runnable(id)?;
                start.start_by_hand(&connector)
            }),
            requeue: Box::new(move |asked| requeue.requeue(&asked)),
        }
    }

    fn start_by_hand(&self, connector: &Connector) -> Result<RunId, String> {
        let (id, now) = (connector.id, self.worker.clock.now());
        let definition = definitions::fingerprint(&self.worker.seal, connector);
        let begun = self
            .worker
            .store
            .change_now(|change| schedule::begin(change, id, Kind::Manual, None, None, &definition, now));
        match begun {
            Ok(Some(run)) => Ok(run),
            Ok(None) => Err("a full run of this connector is under way; `omc status` shows it".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What the daemon is doing.
    pub fn status(&self) -> Value {
        let worker = &self.worker;
        let runs = worker.store.runs();
        let connectors = self.roster.each(|id, entry| {
            let connector = entry.connector();
            let cursor = worker.store.cursor(id).unwrap_or_default();
            let next_run = connector
                .as_ref()
                .filter(|connector| {
                    entry.standing == Standing::Current
                        && connector.activity == crate::domain::connector::Activity::Started
                })
                .and_then(|connector| connector.timetable.due(cursor.last_scheduled, worker.clock.now()));
            let running: Vec<Value> =
                runs.iter().filter(|run| run.connector == id && !run.is_over()).map(shown).collect();
            let last = runs.iter().rev().find(|run| run.connector == id && run.is_over()).map(shown);
            json!({
                "id": id, "name": entry.name, "definition": entry.standing.name(),
                "activity": connector.as_ref().map(|connector| format!("{:?}", connector.activity).to_lowercase()),
                "problems": entry.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "records": worker.store.counts(id), "running": running, "last_run": last, "next_run": next_run.map(second),
            })
        });
        let held = self.roster.each(|id, entry| {
            let text = entry.connector().filter(|connector| connector.odk().is_some());
            let text = text.and_then(|_| odk::held(worker, id).ok().flatten());
            text.map(|text| (format!("submissions of connector {id}"), text))
        });
        let mut troubles = worker.breakers.troubles();
        troubles.extend(held.into_iter().flatten());
        json!({
            "odoo_heard": self.heard.load(std::sync::atomic::Ordering::Relaxed),
            "connectors": connectors,
            "troubles": troubles,
            "batches_in_flight": worker.store.batches().len(),
            "tokens_written": worker.tally.tokens_written(),
            "vids_cleared": worker.tally.vids_cleared(),
            "vids_swept": worker.tally.vids_swept(),
        })
    }

    fn requeue(&self, asked: &Requeue) -> Result<u64, StoreError> {
        let worker = &self.worker;
        let mut keys: Vec<RecordKey> = Vec::new();
        for record in worker.store.records() {
            let record = record?;
            let (State::Rejected { code } | State::Abandoned { cause: code, .. }) = &record.state else { continue };
            let wanted = asked.connector.is_none_or(|id| id == record.connector)
                && (asked.codes.is_empty() || asked.codes.iter().any(|wanted| wanted == code.as_str()));
            keys.extend(wanted.then_some(record.key));
        }
        let mut opened = 0;
        for chunk in keys.chunks(CHUNK) {
            opened += worker.store.change_now(|change| {
                let mut opened = 0;
                for key in chunk {
                    let effects = change.apply(*key, Event::Requeued, &worker.occasion())?;
                    opened += u64::from(effects.is_some_and(|effects| effects.ignored.is_none()));
                }
                Ok(opened)
            })?;
        }
        tracing::info!(opened, "records are opened again");
        Ok(opened)
    }
}
