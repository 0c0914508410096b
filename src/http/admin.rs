//! The listener for the people who run OMC, and for the `omc` commands that ask the running daemon.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, SecondsFormat, Utc};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::audit::{AuditEvent, Deed};
use crate::domain::identity::{ConnectorId, RunId};
use crate::domain::record::{Record, State as RecordState};
use crate::domain::run::{Phase, Run};
use crate::seal::{Personal, same_secret};
use crate::store::{Store, StoreError};

/// Finds a connector by what a person calls it, or says why not.
pub type Find = Box<dyn Fn(&str) -> Result<ConnectorId, String> + Send + Sync>;

/// What the listener can have done; the daemon fills it in.
pub struct Desk {
    pub store: Store,
    pub token: Personal<String>,
    pub metrics: Option<PrometheusHandle>,
    /// Store and listeners are open and work. Odoo and MTS may be down: OMC waits for them.
    pub ready: Box<dyn Fn() -> bool + Send + Sync>,
    /// What the daemon is doing.
    pub status: Box<dyn Fn() -> Value + Send + Sync>,
    /// Finds a connector by its id or its unique name.
    pub find: Find,
    /// Asks for a manual run.
    pub start: Box<dyn Fn(ConnectorId) -> Result<RunId, String> + Send + Sync>,
    /// Opens refused and given-up records again; tells how many.
    pub requeue: Box<dyn Fn(Requeue) -> Result<u64, StoreError> + Send + Sync>,
}

/// Which records to open again.
#[derive(Debug, Clone, Default)]
pub struct Requeue {
    pub connector: Option<ConnectorId>,
    /// Only these codes; empty means all.
    pub codes: Vec<String>,
}

#[derive(Deserialize)]
struct StartRun {
    connector: String,
}

#[derive(Deserialize)]
struct RequeueBody {
    connector: Option<String>,
    #[serde(default)]
    codes: Vec<String>,
}

/// What a command did to the registry beside the daemon.
#[derive(Deserialize)]
struct Audits {
    events: Vec<AuditEvent>,
}

/// Events that are taken in one call.
const MOST_EVENTS: usize = 1000;

#[derive(Deserialize)]
struct FailedQuery {
    connector: Option<String>,
}

/// One code's line in the list of what failed.
#[derive(Debug, Serialize)]
struct FailedLine {
    connector: ConnectorId,
    code: String,
    state: &'static str,
    count: u64,
    /// Some of them, so that one can be looked up.
    registrants: Vec<u32>,
    reason: &'static str,
    remedy: &'static str,
}

/// How many registrants a line names.
const NAMED: usize = 20;

type Shared = Arc<Desk>;

/// The routes of the admin listener.
pub fn router(desk: Desk) -> Router {
    let desk = Arc::new(desk);
    let closed = Router::new()
        .route("/status", get(async |State(desk): State<Shared>| Json((desk.status)())))
        .route("/failed", get(failed))
        .route("/runs/{id}", get(run))
        .route("/runs", post(start))
        .route("/requeue", post(requeue))
        .route("/audits", post(audits))
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), guard));
    Router::new()
        .route("/live", get(async || "live"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .merge(closed)
        .with_state(desk)
}

async fn guard(State(desk): State<Shared>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let right = given
        .and_then(|value| value.strip_prefix("Bearer "))
        .is_some_and(|given| same_secret(given.as_bytes(), desk.token.expose().as_bytes()));
    if right { next.run(request).await } else { problem(StatusCode::UNAUTHORIZED, "the bearer is in admin.token_file") }
}

async fn ready(State(desk): State<Shared>) -> Response {
    if (desk.ready)() {
        "ready".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response()
    }
}

async fn metrics(State(desk): State<Shared>) -> Response {
    match &desk.metrics {
        Some(handle) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
        }
        None => problem(StatusCode::NOT_FOUND, "metrics are not kept"),
    }
}

async fn run(State(desk): State<Shared>, Path(id): Path<u64>) -> Response {
    match desk.store.run(RunId(id)) {
        Some(run) => Json(shown(&run)).into_response(),
        None => problem(StatusCode::NOT_FOUND, "no such run (runs are forgotten after a while)"),
    }
}

/// A time, for people and programs: UTC, in whole seconds.
pub fn second(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A run, for people and programs.
pub fn shown(run: &Run) -> Value {
    json!({
        "id": run.id, "connector": run.connector, "trigger": run.kind.name(), "state": if run.cut { Phase::Stopped } else { run.phase },
        "started_at": second(run.started), "ended_at": run.ended.map(second), "found": run.counters.found,
        "submitted": run.counters.submitted, "tokens": run.counters.tokens, "rejected": run.counters.rejected,
        "abandoned": run.counters.abandoned, "left": run.counters.left, "open": run.counters.open(),
        "pulling": !run.is_over() && run.phase == Phase::Pulling,
    })
}

async fn start(State(desk): State<Shared>, Json(body): Json<StartRun>) -> Response {
    match (desk.find)(&body.connector).and_then(|connector| (desk.start)(connector)) {
        Ok(run) => once_on_disk(&desk.store, json!({ "run": run })).await,
        Err(text) => problem(StatusCode::CONFLICT, &text),
    }
}

async fn requeue(State(desk): State<Shared>, Json(body): Json<RequeueBody>) -> Response {
    let connector = match body.connector.map(|text| (desk.find)(&text)).transpose() {
        Ok(connector) => connector,
        Err(text) => return problem(StatusCode::NOT_FOUND, &text),
    };
    let asked = Requeue { connector, codes: body.codes };
    let store = desk.store.clone();
    let opened = tokio::task::spawn_blocking(move || (desk.requeue)(asked)).await;
    match opened {
        Ok(Ok(count)) => once_on_disk(&store, json!({ "requeued": count })).await,
        Ok(Err(error)) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the request broke off"),
    }
}

/// Queues events for the audit. Taken is only what names registrants by their ids, and quotes nothing.
async fn audits(State(desk): State<Shared>, Json(Audits { events }): Json<Audits>) -> Response {
    let is_of_a_person = |event: &AuditEvent| {
        matches!(event.deed, Deed::TokenWritten { .. } | Deed::VidRemoved { .. } | Deed::Refused { .. })
    };
    if events.len() > MOST_EVENTS || !events.iter().all(is_of_a_person) {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "at most 1000 events, each of a registrant, are wanted");
    }
    let queued = events.len();
    let noted = desk.store.change(move |change| {
        events.into_iter().for_each(|event| change.audit(event));
        Ok(())
    });
    match noted.await {
        Ok(()) => once_on_disk(&desk.store, json!({ "queued": queued })).await,
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn failed(State(desk): State<Shared>, Query(query): Query<FailedQuery>) -> Response {
    let connector = match query.connector.map(|text| (desk.find)(&text)).transpose() {
        Ok(connector) => connector,
        Err(text) => return problem(StatusCode::NOT_FOUND, &text),
    };
    let listed = tokio::task::spawn_blocking(move || list(&desk.store, connector)).await;
    match listed {
        Ok(Ok(lines)) => Json(json!({ "failed": lines })).into_response(),
        Ok(Err(error)) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the request broke off"),
    }
}

fn list(store: &Store, only: Option<ConnectorId>) -> Result<Vec<FailedLine>, StoreError> {
    let mut lines: BTreeMap<(ConnectorId, String), FailedLine> = BTreeMap::new();
    for record in store.records() {
        let Record { connector, key, state, .. } = record?;
        let name = state.name();
        let (RecordState::Rejected { code } | RecordState::Abandoned { cause: code, .. }) = state else {
            continue;
        };
        if only.is_some_and(|only| only != connector) {
            continue;
        }
        let line = lines.entry((connector, code.as_str().to_owned())).or_insert_with(|| FailedLine {
            connector,
            code: code.as_str().to_owned(),
            state: name,
            count: 0,
            registrants: Vec::new(),
            reason: code.reason(),
            remedy: code.remedy(),
        });
        line.count += 1;
        if line.registrants.len() < NAMED {
            line.registrants.push(key.registrant.0);
        }
    }
    Ok(lines.into_values().collect())
}

/// Tells of a change when a crash can undo it no more.
async fn once_on_disk(store: &Store, told: Value) -> Response {
    match store.sync().await {
        Ok(()) => Json(told).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

fn problem(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}
