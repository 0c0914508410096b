//! The HTTP face: the services' paths, and the simulator's own under `/_sim`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::door::Door;
use super::envelope::{Refusal, envelope};
use super::faults::Change;
use super::services::{Services, keep};
use super::{Options, audit, authmanager, keycloak, notifier};
use crate::clock::Clock;

const MAX_BODY: usize = 16 << 20;
const LOGIN: &str = "/v1/authmanager/authenticate/clientidsecretkey";
const VALIDATE: &str = "/v1/authmanager/authorize/admin/validateToken";
const AUDITS: &str = "/v1/auditmanager/audits";

pub async fn serve(
    listener: tokio::net::TcpListener,
    options: Options,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let services = Arc::new(Services::new(options, clock));
    let door = Door { listener, services: Arc::clone(&services) };
    let app = Router::new().fallback(move |request: Request| {
        let services = Arc::clone(&services);
        async move { handle(&services, request).await }
    });
    // What hangs is not waited for.
    tokio::select! {
        served = async { axum::serve(door, app).await } => served,
        () = shutdown => Ok(()),
    }
}

async fn handle(services: &Services, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await.unwrap_or_else(|_| Bytes::new());
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    if path.starts_with("/_sim/") {
        return own(services, method, path, &body);
    }
    let faults = services.faults();
    if faults.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.latency_ms)).await;
    }
    if !faults.missing.is_empty() && path.starts_with(&faults.missing) {
        return respond(404, &json!({"timestamp": 0, "status": 404, "error": "Not Found", "path": path}));
    }
    if services.dice.hit(faults.hang_rate) {
        std::future::pending::<()>().await;
    }
    let fails = services.dice.hit(faults.error_rate);
    if fails && services.dice.below(2) == 0 {
        return respond(502, &json!({"error": "bad gateway"}));
    }
    let said = |outcome: Result<Value, Refusal>| {
        if outcome.is_err() {
            services.refuse();
        }
        respond(200, &envelope(&outcome, services.clock.now()))
    };
    let broken = |code| Refusal::new(code, "Internal server error");
    let token = token(&parts.headers);
    match (method, path) {
        ("POST", LOGIN) if fails => said(Err(broken("KER-ATH-500"))),
        ("POST", LOGIN) => match authmanager::authenticate(services, &body) {
            Ok((response, token)) => with_cookie(said(Ok(response)), &token),
            Err(refusal) => said(Err(refusal)),
        },
        ("GET", VALIDATE) => said(authmanager::validate(services, token.as_deref())),
        ("POST", path) if let Some(realm) = keycloak::realm(path) => {
            let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let (status, body) = keycloak::token(services, realm, authorization, &body);
            respond(status, &body)
        }
        ("POST", path) if path == AUDITS || notifier::SMS.contains(&path) || notifier::EMAIL.contains(&path) => {
            if token.and_then(|token| services.holder(&token)).is_none() {
                services.refuse();
                let refusal = Err(Refusal::new("KER-ATH-401", "Authentication Failed"));
                return respond(401, &envelope(&refusal, services.clock.now()));
            }
            said(take(services, path, &parts.headers, &body, fails))
        }
        _ => respond(404, &json!({"timestamp": 0, "status": 404, "error": "Not Found", "path": path})),
    }
}

/// What audit and notifier do.
fn take(services: &Services, path: &str, headers: &HeaderMap, body: &[u8], fails: bool) -> Result<Value, Refusal> {
    let broken = |code| Err(Refusal::new(code, "Internal server error"));
    if path == AUDITS {
        if fails {
            return broken("KER-AUD-500");
        }
        let audit = audit::take(body)?;
        let unwanted = services.faults().refuse_audits;
        if !unwanted.is_empty() && ["eventId", "id"].iter().any(|field| audit[*field] == *unwanted) {
            return Err(Refusal::new("KER-AUD-001", "Invalid Audit Request. Required parameters must be present"));
        }
        keep(&mut services.received().audits, audit);
        return Ok(audit::taken());
    }
    if notifier::SMS.contains(&path) {
        if fails {
            return broken("KER-NOS-500");
        }
        let (message, answer) = notifier::sms(body)?;
        let unwanted = services.faults().refuse_number;
        if !unwanted.is_empty() && message["number"] == *unwanted {
            return Err(Refusal::new("KER-NOS-001", "Number and message can't be empty, null or invalid"));
        }
        keep(&mut services.received().sms, message);
        return Ok(answer);
    }
    if fails {
        return broken("KER-NOE-500");
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (message, answer) = notifier::email(content_type, body)?;
    keep(&mut services.received().emails, message);
    Ok(answer)
}

/// Out of the cookie `Authorization`, or the bearer.
fn token(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let cookie = cookies.find(|(name, _)| *name == "Authorization").map(|(_, value)| value.to_owned());
    let bearer = || {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        value.strip_prefix("Bearer ").map(str::to_owned)
    };
    cookie.or_else(bearer)
}

fn with_cookie(mut response: Response, token: &str) -> Response {
    let cookie = format!("Authorization={token}; Path=/; HttpOnly; Secure; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn respond(status: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The simulator's own paths, which no fault touches.
fn own(services: &Services, method: &str, path: &str, body: &[u8]) -> Response {
    match (method, path) {
        ("GET", "/_sim/state") => respond(200, &services.state()),
        ("GET", "/_sim/audits") => respond(200, &json!(services.received().audits)),
        ("GET", "/_sim/messages") => {
            let received = services.received();
            respond(200, &json!({"sms": received.sms, "emails": received.emails}))
        }
        ("GET", "/_sim/faults") => respond(200, &json!(services.faults())),
        ("POST", "/_sim/faults") => match Change::read(body) {
            Ok(change) => respond(200, &json!(services.change_faults(change))),
            Err(error) => respond(400, &json!({ "error": error })),
        },
        _ => {
            let error = "there is GET /_sim/state, /_sim/audits, /_sim/messages, /_sim/faults and POST /_sim/faults";
            respond(404, &json!({ "error": error }))
        }
    }
}
