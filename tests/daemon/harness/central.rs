//! A small ODK Central: a login, and a form's submissions by their dates.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

#[derive(Debug, Default)]
struct Form {
    /// Date, in ODK's form, and what was answered.
    submissions: Vec<(String, Value)>,
    /// The windows that were asked for.
    asked: Vec<(String, String)>,
    /// It shows the form to nobody.
    closed: bool,
}

/// Serves on a port of its own, until it is dropped.
pub struct Central {
    pub url: String,
    form: Arc<Mutex<Form>>,
    task: tokio::task::JoinHandle<()>,
}

pub const EMAIL: &str = "seeder@odk.example";
pub const PASSWORD: &str = "Tigre-91-Montanha";
const SESSION: &str = "a-session-of-odk";

impl Central {
    pub async fn start() -> Self {
        let form = Arc::new(Mutex::new(Form::default()));
        let router = Router::new()
            .route("/v1/sessions", post(log_in))
            .route("/v1/projects/{project}/forms/{form}/Submissions", get(submissions))
            .with_state(Arc::clone(&form));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, form, task }
    }

    /// Somebody submits the form, at a time as RFC 3339 writes it, with milliseconds and Z.
    pub fn submit(&self, at: &str, answers: Value) {
        self.form.lock().unwrap().submissions.push((at.to_owned(), answers));
    }

    pub fn close(&self, closed: bool) {
        self.form.lock().unwrap().closed = closed;
    }

    pub fn asked(&self) -> Vec<(String, String)> {
        self.form.lock().unwrap().asked.clone()
    }
}

impl Drop for Central {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn log_in(Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    if body["email"] == EMAIL && body["password"] == PASSWORD {
        (StatusCode::OK, Json(json!({"token": SESSION})))
    } else {
        (StatusCode::UNAUTHORIZED, Json(json!({"code": 401.2, "message": "Could not authenticate."})))
    }
}

async fn submissions(
    State(form): State<Arc<Mutex<Form>>>,
    Path((project, name)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    request: Request,
) -> (StatusCode, Json<Value>) {
    let mut form = form.lock().unwrap();
    let bearer = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if form.closed
        || bearer != Some(&format!("Bearer {SESSION}"))
        || (project.as_str(), name.as_str()) != ("7", "enrol.svc")
    {
        return (StatusCode::FORBIDDEN, Json(json!({"code": 403.1, "message": "The authenticated actor may not."})));
    }
    let filter = query.iter().find(|(name, _)| name == "$filter").map_or("", |(_, filter)| filter.as_str());
    let words: Vec<&str> = filter.split(' ').collect();
    let [date, "ge", begin, "and", again, "lt", end] = words[..] else {
        return (StatusCode::BAD_REQUEST, Json(json!({"code": 400.1, "message": filter})));
    };
    assert_eq!((date, again), ("__system/submissionDate", "__system/submissionDate"));
    form.asked.push((begin.to_owned(), end.to_owned()));
    let within = form.submissions.iter().filter(|(at, _)| *begin <= **at && **at < *end);
    let found: Vec<&Value> = within.map(|(_, answers)| answers).collect();
    (StatusCode::OK, Json(json!({"value": found})))
}
