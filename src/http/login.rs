//! `/web/session/authenticate` and `/web/session/logout`, answering as Odoo does: MTS's auth type `odoo` logs in with a `GET`
//! that has a JSON body, takes whatever cookies come with the answer, and logs out after the last callback.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use metrics::counter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::session;
use crate::clock::Steady;
use crate::seal::{Personal, Seal, receiver};

/// A login is a few hundred bytes.
const MAX_BODY: usize = 16 * 1024;

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

type Shared = (Arc<Seal>, Steady);

pub(super) fn router(seal: Arc<Seal>, steady: Steady) -> Router {
    let methods = MethodFilter::POST.or(MethodFilter::GET);
    Router::new()
        .route("/web/session/authenticate", on(methods, authenticate))
        .route("/web/session/logout", on(methods, logout))
        .route("/web", on(methods, async || StatusCode::OK))
        .with_state((seal, steady))
}

async fn authenticate(State((seal, steady)): State<Shared>, request: Request) -> Response {
    let read = tokio::time::timeout(std::time::Duration::from_secs(10), to_bytes(request.into_body(), MAX_BODY)).await;
    let Some(login) = read.ok().and_then(Result::ok).and_then(|body| serde_json::from_slice::<Login>(&body).ok())
    else {
        return (StatusCode::BAD_REQUEST, "Invalid JSON data").into_response();
    };
    let Login { id, params } = login;
    let connector =
        params.as_ref().and_then(|params| session::log_in(&seal, &params.db, &params.login, params.password.expose()));
    match connector {
        Some(connector) => {
            counter!("omc_callback_logins_total", "result" => "accepted").increment(1);
            let cookie = format!(
                "session_id={}; Max-Age={}; HttpOnly; Path=/",
                session::open(&seal, connector, steady.now()),
                session::LIFETIME.num_seconds()
            );
            let result =
                json!({"uid": connector.0, "db": receiver::DATABASE, "username": receiver::username(connector.0)});
            let body = json!({"jsonrpc": "2.0", "id": id, "result": result});
            ([(header::SET_COOKIE, cookie)], axum::Json(body)).into_response()
        }
        None => {
            counter!("omc_callback_logins_total", "result" => "refused").increment(1);
            let data = json!({"name": "odoo.exceptions.AccessDenied", "message": "Access Denied", "arguments": ["Access Denied"]});
            let error = json!({"code": 200, "message": "Odoo Server Error", "data": data});
            axum::Json(json!({"jsonrpc": "2.0", "id": id, "error": error})).into_response()
        }
    }
}

/// The session is over when its time is; MTS follows the redirect and is content.
async fn logout() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/web")]).into_response()
}
