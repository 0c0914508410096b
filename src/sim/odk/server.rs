//! The HTTP face: ODK Central's paths, and the simulator's own under `/_sim`.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Options;
use super::door::{Door, Secure};
use super::faults::{Change, Faults};
use super::form::{Form, Submission};
use crate::clock::Clock;
use crate::sim::mts::dice::Dice;

const MAX_BODY: usize = 64 << 20;

pub struct Central {
    options: Options,
    form: Mutex<Form>,
    faults: Mutex<Faults>,
    dice: Dice,
    /// The last session that was given; earlier ones are good too, as they are the same.
    session: String,
    logins: AtomicU64,
    refused_logins: AtomicU64,
}

pub async fn serve(
    listener: TcpListener,
    secure: Option<Secure>,
    options: Options,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let central = Arc::new(Central {
        form: Mutex::new(Form::made(&options, clock.now())),
        faults: Mutex::default(),
        dice: Dice::new(options.seed),
        session: uuid::Uuid::new_v4().simple().to_string(),
        logins: AtomicU64::new(0),
        refused_logins: AtomicU64::new(0),
        options,
    });
    let shared = Arc::clone(&central);
    let app = Router::new().fallback(move |request: Request| {
        let central = Arc::clone(&shared);
        async move { handle(&central, request).await }
    });
    let plain = Door { listener, acceptor: None, central: Arc::clone(&central) };
    let secure = secure.map(|secure| Door::secure(secure, central));
    let app_of_secure = app.clone();
    // What hangs is not waited for.
    tokio::select! {
        served = async { axum::serve(plain, app).await } => served,
        served = async {
            match secure {
                Some(door) => axum::serve(door, app_of_secure).await,
                None => std::future::pending().await,
            }
        } => served,
        () = shutdown => Ok(()),
    }
}

impl Central {
    pub fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn form(&self) -> MutexGuard<'_, Form> {
        self.form.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_in(&self, body: &[u8]) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let faults = self.faults();
        let password = if faults.password.is_empty() { &self.options.password } else { &faults.password };
        if body["email"] != self.options.email.as_str() || body["password"] != password.as_str() {
            self.refused_logins.fetch_add(1, Ordering::Relaxed);
            return respond(
                401,
                &json!({"message": "Could not authenticate with the provided credentials.", "code": 401.2}),
            );
        }
        self.logins.fetch_add(1, Ordering::Relaxed);
        respond(200, &json!({"token": self.session, "csrf": "none", "createdAt": null, "expiresAt": null}))
    }

    fn submissions(&self, uri: &Uri) -> Response {
        let filter = Query::<HashMap<String, String>>::try_from_uri(uri).ok();
        let filter = filter.and_then(|Query(mut query)| query.remove("$filter"));
        let Some(filter) = filter else { return respond(200, &self.form().all()) };
        let Some((begin, with_begin, end)) = window(&filter) else {
            let message = "The OData filter expression you provided is not supported by this server at this time.";
            return respond(501, &json!({"message": message, "code": 501.4}));
        };
        respond(200, &self.form().within(begin, with_begin, end))
    }

    fn state(&self) -> Value {
        json!({
            "submissions": self.form().len(),
            "logins": self.logins.load(Ordering::Relaxed),
            "refused_logins": self.refused_logins.load(Ordering::Relaxed),
        })
    }
}

/// `__system/submissionDate ge A and __system/submissionDate lt B`, or with `gt`.
fn window(filter: &str) -> Option<(DateTime<Utc>, bool, DateTime<Utc>)> {
    const DATE: &str = "__system/submissionDate";
    let words: Vec<&str> = filter.split(' ').collect();
    let [DATE, compare @ ("ge" | "gt"), begin, "and", DATE, "lt", end] = words[..] else { return None };
    let time = |text: &str| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
    Some((time(begin)?, compare == "ge", time(end)?))
}

async fn handle(central: &Central, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await.unwrap_or_else(|_| Bytes::new());
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    if path.starts_with("/_sim/") {
        return own(central, method, path, &body);
    }
    let faults = central.faults();
    if faults.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.latency_ms)).await;
    }
    if central.dice.hit(faults.hang_rate) {
        std::future::pending::<()>().await;
    }
    if central.dice.hit(faults.error_rate) {
        let mut response = Response::new(Body::from("<html>502 Bad Gateway</html>"));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        return response;
    }
    let Options { project, form, .. } = &central.options;
    match (method, path) {
        ("POST", "/v1/sessions") => central.log_in(&body),
        ("GET", path) if path == format!("/v1/projects/{project}/forms/{form}.svc/Submissions") => {
            let shown = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            if faults.closed || shown != Some(&format!("Bearer {}", central.session)) {
                let message = "The authenticated actor does not have rights to perform that action.";
                return respond(403, &json!({"message": message, "code": 403.1}));
            }
            central.submissions(&parts.uri)
        }
        _ => respond(404, &json!({"message": "Could not find the resource you were looking for.", "code": 404.1})),
    }
}

fn respond(status: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The simulator's own paths, which no fault touches.
fn own(central: &Central, method: &str, path: &str, body: &[u8]) -> Response {
    let wrong = |error: String| respond(400, &json!({ "error": error }));
    match (method, path) {
        ("GET", "/_sim/state") => respond(200, &central.state()),
        ("GET", "/_sim/asked") => respond(200, &central.form().asked()),
        ("GET", "/_sim/submissions") => respond(200, &central.form().all()["value"]),
        ("POST", "/_sim/submissions") => match serde_json::from_slice::<Vec<Submission>>(body) {
            Ok(new) => {
                central.form().submit(new);
                respond(200, &central.state())
            }
            Err(error) => wrong(error.to_string()),
        },
        ("POST", "/_sim/remove") => {
            central.form().remove(&String::from_utf8_lossy(body));
            respond(200, &central.state())
        }
        ("GET", "/_sim/faults") => respond(200, &json!(central.faults())),
        ("POST", "/_sim/faults") => match Change::read(body) {
            Ok(change) => {
                change.apply(&mut central.faults.lock().unwrap_or_else(PoisonError::into_inner));
                respond(200, &json!(central.faults()))
            }
            Err(error) => wrong(error),
        },
        _ => {
            let error = "there is GET /_sim/state, /_sim/asked, /_sim/submissions, /_sim/faults; POST /_sim/submissions, \
                         /_sim/remove, /_sim/faults";
            respond(404, &json!({ "error": error }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_filter_of_mts_is_read() {
        let read = |compare: &str| {
            let date = "__system/submissionDate";
            window(&format!("{date} {compare} 2026-01-01T00:00:00.000Z and {date} lt 2026-01-02T00:00:00.000Z"))
        };
        assert!(read("ge").unwrap().1 && !read("gt").unwrap().1);
        assert!(read("eq").is_none() && window("name eq 'x'").is_none());
    }
}
