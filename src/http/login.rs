//! Where MTS gets a pass before it delivers.
//!
//! Auth type `odoo`: `/web/session/authenticate` and `/web/session/logout` answer as Odoo does. MTS logs in with a `GET` that has a
//! JSON body, takes whatever cookies come with the answer, and logs out after the last callback.
//!
//! Auth type `oauth`: `/oauth/token` gives an access token for client credentials (RFC 6749, section 4.4), sent in the body (section
//! 2.3.1). MTS asks twice where it is refused.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on, post};
use axum::{Json, Router};
use metrics::counter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::admission::LIFETIME;
use super::caller::Caller;
use super::reception::Reception;
use crate::seal::{Personal, receiver};

/// A login is a few hundred bytes.
const MAX_BODY: usize = 16 * 1024;
/// For the body of a login.
const BODY_TIME: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    id: Value,
    params: Option<Params>,
}

#[derive(Deserialize)]
struct Params {
    db: String,
    login: String,
    password: Personal<String>,
}

type Shared = State<Arc<Reception>>;

pub(super) fn router() -> Router<Arc<Reception>> {
    let methods = MethodFilter::POST.or(MethodFilter::GET);
    Router::new()
        .route("/web/session/authenticate", on(methods, authenticate))
        .route("/web/session/logout", on(methods, logout))
        .route("/web", on(methods, async || StatusCode::OK))
        .route("/oauth/token", post(token))
}

/// The body of a caller who is nobody yet, and whose connection others may have meanwhile.
async fn body(caller: &Caller, request: Request) -> Option<Bytes> {
    caller.spare();
    tokio::time::timeout(BODY_TIME, to_bytes(request.into_body(), MAX_BODY)).await.ok()?.ok()
}

fn count(result: &'static str) {
    counter!("omc_callback_logins_total", "result" => result).increment(1);
}

async fn authenticate(State(reception): Shared, Extension(caller): Extension<Caller>, request: Request) -> Response {
    let body = body(&caller, request).await;
    let Some(Login { id, params }) = body.and_then(|body| serde_json::from_slice(&body).ok()) else {
        return (StatusCode::BAD_REQUEST, "Invalid JSON data").into_response();
    };
    let receiver = &reception.receiver;
    let pass = params.as_ref().and_then(|params| receiver.log_in(&params.db, &params.login, params.password.expose()));
    let Some(pass) = pass else {
        count("refused");
        (receiver.on_refusal)(None, "login");
        let data =
            json!({"name": "odoo.exceptions.AccessDenied", "message": "Access Denied", "arguments": ["Access Denied"]});
        let error = json!({"code": 200, "message": "Odoo Server Error", "data": data});
        let answer = Json(json!({"jsonrpc": "2.0", "id": id, "error": error})).into_response();
        return reception.refusals.refuse(&caller, answer).await;
    };
    count("accepted");
    caller.is_known();
    let session = receiver.seal.session(&pass);
    let cookie = format!("session_id={session}; Max-Age={}; HttpOnly; Path=/", LIFETIME.num_seconds());
    let username = receiver::username(pass.connector);
    let result = json!({"uid": pass.connector, "db": receiver::DATABASE, "username": username});
    ([(header::SET_COOKIE, cookie)], Json(json!({"jsonrpc": "2.0", "id": id, "result": result}))).into_response()
}

/// The session is over when its time is; MTS follows the redirect and is content.
async fn logout() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/web")]).into_response()
}

/// The parameters of a request for a token.
#[derive(Default)]
struct Grant {
    kind: String,
    client: String,
    secret: Personal<String>,
}

impl Grant {
    /// Of a body in `application/x-www-form-urlencoded`; what is not asked for is passed over.
    fn read(body: &[u8]) -> Self {
        let mut grant = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            match &*name {
                "grant_type" => grant.kind = value.into_owned(),
                "client_id" => grant.client = value.into_owned(),
                "client_secret" => grant.secret = Personal::new(value.into_owned()),
                _ => {}
            }
        }
        grant
    }
}

async fn token(State(reception): Shared, Extension(caller): Extension<Caller>, request: Request) -> Response {
    let unwanted = |status: StatusCode, error: &str| (status, Json(json!({ "error": error }))).into_response();
    let Some(body) = body(&caller, request).await else {
        return unwanted(StatusCode::BAD_REQUEST, "invalid_request");
    };
    let grant = Grant::read(&body);
    let receiver = &reception.receiver;
    let Some(pass) = receiver.client(&grant.client, grant.secret.expose()) else {
        count("refused");
        (receiver.on_refusal)(None, "login");
        let answer = unwanted(StatusCode::UNAUTHORIZED, "invalid_client");
        return reception.refusals.refuse(&caller, answer).await;
    };
    if grant.kind != "client_credentials" {
        return unwanted(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    count("accepted");
    caller.is_known();
    let token = receiver.access_token(&pass);
    let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME.num_seconds()});
    ([(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], Json(answer)).into_response()
}
