//! An MTS that takes batches and delivers nothing by itself: the test does, and looks at its watch.

use std::sync::{Arc, Mutex};

use axum::extract::{Json, State};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

/// One record that OMC sent: its reference and its VID.
#[derive(Debug, Clone)]
pub struct Sent {
    pub reference: String,
    pub vid: String,
}

#[derive(Debug, Default)]
struct Taken {
    records: Vec<Sent>,
    bearer: Option<String>,
}

type Shared = Arc<Desk>;

#[derive(Debug, Default)]
struct Desk {
    taken: Mutex<Taken>,
    /// Whoever writes here keeps answers back.
    answers: Arc<RwLock<()>>,
}

pub struct Mts {
    pub url: String,
    desk: Shared,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Mts {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Mts {
    pub async fn start() -> Self {
        let desk = Shared::default();
        let status = async || Answer(json!({"errors": null, "response": {"status": "processing"}}));
        let router = Router::new()
            .route("/authtoken/json", post(take))
            .route("/authtoken/status/{id}", get(status))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&desk));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, desk, task }
    }

    /// What OMC sent so far, oldest first.
    pub fn records(&self) -> Vec<Sent> {
        self.desk.taken.lock().unwrap().records.clone()
    }

    /// Takes batches and answers nothing, until this is dropped.
    pub async fn keeps_silent(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.desk.answers).write_owned().await
    }

    /// What OMC gave it to show.
    pub fn bearer(&self) -> String {
        self.desk.taken.lock().unwrap().bearer.clone().unwrap()
    }
}

async fn take(State(desk): State<Shared>, Json(body): Json<Value>) -> Answer<Value> {
    let request = &body["request"];
    let records = request["authdata"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let identifier = {
        let mut taken = desk.taken.lock().unwrap();
        let sent = records.map(|record| Sent { reference: text(&record["omc_ref"]), vid: text(&record["vid"]) });
        taken.records.extend(sent);
        taken.bearer = request["callbackProperties"]["authStaticBearer"]["token"].as_str().map(str::to_owned);
        format!("00000000-0000-4000-8000-{:012}", taken.records.len())
    };
    let _answers = desk.answers.read().await;
    Answer(json!({"errors": null, "response": {"request_identifier": identifier}}))
}
