//! The HTTP face of the simulator: MTS's paths, and its own under `/_sim`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::Options;
use super::connection::{Door, Link};
use super::faults::{Change, Files};
use super::gate::Passage;
use super::mishap::Mishap;
use super::post::{Not, Post};
use super::refusal::{Refusal, envelope};
use super::simulator::Simulator;
use super::token_request::Kind;
use crate::clock::Clock;

/// MTS knows no limit; this one only keeps a mistake from filling the memory.
const MAX_BODY: usize = 256 << 20;

const PATHS: [(&str, &str); 8] = [
    ("/authtoken/json", "POST"),
    ("/authtoken/csv", "POST"),
    ("/authtoken/odk", "POST"),
    ("/authtoken/authfields", "GET"),
    ("/ping", "GET"),
    ("/openapi.json", "GET"),
    ("/docs", "GET"),
    ("/redoc", "GET"),
];

pub async fn serve(
    listener: tokio::net::TcpListener,
    options: Options,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let simulator = Simulator::start(options, clock);
    let stop = simulator.stop.clone();
    let door = Door { listener, simulator: simulator.clone() };
    let served = simulator.clone();
    let app = Router::new().fallback(move |ConnectInfo(link): ConnectInfo<Link>, request: Request| {
        let simulator = simulator.clone();
        async move { handle(simulator, link, request).await }
    });
    let service = app.into_make_service_with_connect_info::<Link>();
    let stopping = async move {
        shutdown.await;
        stop.cancel();
        served.cut_all();
    };
    axum::serve(door, service).with_graceful_shutdown(stopping).await
}

/// An answer in the making.
#[derive(Debug)]
enum Answer {
    Envelope(u16, Value, Value),
    Detail(u16, &'static str, Option<&'static str>),
    Json(String),
    Text(String),
    /// A length is promised and nothing comes.
    Torn(usize),
    /// Of a gateway in front.
    TooLarge,
    Redirect(String),
    None,
}

async fn handle(simulator: Arc<Simulator>, link: Link, request: Request) -> Response {
    if request.uri().path().starts_with("/_sim/") {
        return own(&simulator, request).await;
    }
    let faults = simulator.faults();
    if faults.refuse || link.process.stop.is_cancelled() {
        link.cut.now();
        return nothing();
    }
    if faults.latency_ms > 0 {
        tokio::time::sleep(faults.latency()).await;
    }
    match simulator.options.gate.passage(request.headers()).await {
        Passage::Open => {}
        Passage::Shut => {
            simulator.turned_away.fetch_add(1, Ordering::Relaxed);
            // As gateways do: whoever hangs up on what is still being sent may cut its own answer off.
            drop(axum::body::to_bytes(request.into_body(), MAX_BODY).await);
            return respond(401, "text/html", gateway_page("401 Unauthorized"));
        }
        Passage::Unsure => return respond(503, "text/html", gateway_page("503 Service Unavailable")),
    }
    let mishap = Mishap::roll(&simulator, request.method());
    match mishap {
        Mishap::Gateway { done: false } => return bad_gateway(),
        Mishap::Close { done: false } => {
            link.cut.now();
            return nothing();
        }
        Mishap::Hang { done: false } => std::future::pending::<()>().await,
        _ => {}
    }
    // A client that goes away cancels nothing: only the end of the process does.
    let stop = link.process.stop.clone();
    let (of_task, link_of_task) = (simulator.clone(), link.clone());
    let task = async move { answer(&of_task, &link_of_task, request, mishap).await };
    let answer = tokio::spawn(stop.run_until_cancelled_owned(task)).await;
    let answer = answer.ok().flatten().unwrap_or(Answer::None);
    match mishap {
        Mishap::Gateway { .. } => return bad_gateway(),
        Mishap::Close { .. } => link.cut.now(),
        Mishap::Hang { .. } => std::future::pending().await,
        Mishap::Garbage => return respond(200, "application/json", "{\"id\":\"mosip.tok\u{fffd}\u{1}[[<<".into()),
        Mishap::Cut(bytes) => link.cut.after(bytes),
        _ => {}
    }
    write(&simulator, &link, answer)
}

fn write(simulator: &Simulator, link: &Link, answer: Answer) -> Response {
    match answer {
        Answer::Envelope(status, errors, response) => {
            let version = simulator.options.release.version();
            respond(status, "application/json", envelope(version, &link.process.started, &errors, &response))
        }
        Answer::Detail(status, detail, allow) => {
            let mut response = respond(status, "application/json", json!({ "detail": detail }).to_string());
            if let Some(allow) = allow {
                response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
            }
            response
        }
        Answer::Json(body) => respond(200, "application/json", body),
        Answer::Text(body) => respond(200, "text/plain; charset=utf-8", body),
        Answer::Torn(length) => {
            let mut response = respond(200, "text/plain; charset=utf-8", String::new());
            response.headers_mut().insert(header::CONTENT_LENGTH, length.max(1).into());
            let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("file grew")) });
            *response.body_mut() = Body::from_stream(broken);
            response
        }
        Answer::Redirect(location) => {
            let mut response = nothing();
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            if let Ok(location) = location.try_into() {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Answer::TooLarge => respond(413, "text/html", gateway_page("413 Request Entity Too Large")),
        Answer::None => {
            link.cut.now();
            nothing()
        }
    }
}

fn respond(status: u16, content_type: &'static str, body: String) -> Response {
    let mut response = nothing();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    *response.body_mut() = Body::from(body);
    response
}

fn nothing() -> Response {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::SERVER, header::HeaderValue::from_static("uvicorn"));
    response
}

fn bad_gateway() -> Response {
    respond(502, "text/html", gateway_page("502 Bad Gateway"))
}

fn gateway_page(said: &str) -> String {
    format!(
        "<html>\r\n<head><title>{said}</title></head>\r\n<body>\r\n<center><h1>{said}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
}

async fn answer(simulator: &Arc<Simulator>, link: &Link, request: Request, mishap: Mishap) -> Answer {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if let Some(answer) = misdirected(&path, &parts.method, &parts.headers) {
        // The loop answers this too, when it is its turn.
        drop(link.process.turn().await);
        return answer;
    }
    let kind = match path.as_str() {
        "/authtoken/json" => Kind::Json,
        "/authtoken/csv" => Kind::Csv,
        "/authtoken/odk" => Kind::Odk,
        _ => {
            drop(link.process.turn().await);
            return get(simulator, link, &path, mishap);
        }
    };
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return Answer::None;
    };
    let max_body = simulator.faults().max_body;
    if max_body > 0 && body.len() > max_body {
        return Answer::TooLarge;
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let locked = mishap == Mishap::Broken;
    match (Post { simulator, link, kind, content_type, body: &body, locked }).run().await {
        Ok(identifier) => Answer::Envelope(200, Value::Null, json!({ "request_identifier": identifier })),
        Err(Not::Taken(refusal)) => refused(&refusal),
        Err(Not::Read) => Answer::Detail(400, "There was an error parsing the body", None),
        Err(Not::Answered) => Answer::None,
    }
}

fn refused(refusal: &Refusal) -> Answer {
    let (errors, response) = refusal.parts();
    Answer::Envelope(refusal.status, errors, response)
}

/// The method that a path takes.
fn method_of(path: &str) -> Option<&'static str> {
    if let Some((_, method)) = PATHS.iter().find(|(known, _)| *known == path) {
        return Some(method);
    }
    let id = path.strip_prefix("/authtoken/status/").or_else(|| path.strip_prefix("/authtoken/file/"))?;
    (!id.is_empty() && !id.contains('/') && !id.to_ascii_lowercase().contains("%2f")).then_some("GET")
}

/// 404, 405 and the redirect of a path with a slash too many.
fn misdirected(path: &str, method: &Method, headers: &HeaderMap) -> Option<Answer> {
    match method_of(path) {
        Some(known) if known == method.as_str() => None,
        Some(known) => Some(Answer::Detail(405, "Method Not Allowed", Some(known))),
        None => Some(match path.strip_suffix('/').filter(|short| method_of(short).is_some()) {
            None => Answer::Detail(404, "Not Found", None),
            Some(short) => {
                let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
                // Two slashes: the root path is one of them.
                Answer::Redirect(format!("http://{host}/{short}"))
            }
        }),
    }
}

fn get(simulator: &Arc<Simulator>, link: &Link, path: &str, mishap: Mishap) -> Answer {
    if let Some(id) = path.strip_prefix("/authtoken/status/") {
        return status(simulator, id, mishap);
    }
    if let Some(id) = path.strip_prefix("/authtoken/file/") {
        return file(simulator, id, mishap);
    }
    match path {
        "/ping" => Answer::Json(format!("\"[0 - {}] pong\"", link.process.worker)),
        "/authtoken/authfields" => {
            let fields = ["vid", "name", "gender", "dob", "phoneNumber", "emailId", "fullAddress"];
            Answer::Envelope(200, Value::Null, json!({ "authfields": fields }))
        }
        "/openapi.json" => {
            let version = simulator.options.release.version();
            let paths = ["/authtoken/status/{id}", "/authtoken/file/{id}"].map(|path| (path, "GET"));
            let paths: serde_json::Map<String, Value> = PATHS[..5]
                .iter()
                .chain(&paths)
                .map(|(path, method)| ((*path).to_owned(), json!({ method.to_ascii_lowercase(): {} })))
                .collect();
            let info = json!({"title": "MOSIP Token Seeder", "version": version});
            Answer::Json(json!({"openapi": "3.0.2", "info": info, "paths": paths}).to_string())
        }
        _ => Answer::Text("See /openapi.json.".to_owned()),
    }
}

fn mishap_with_id(simulator: &Simulator, id: &str, mishap: Mishap) -> Option<Refusal> {
    match mishap {
        Mishap::Broken => Some(Refusal::broken(format!(
            "(sqlite3.OperationalError) database is locked\n[SQL: SELECT auth_request.auth_request_id, auth_request.status \nFROM \
             auth_request \nWHERE auth_request.auth_request_id = ?]\n[parameters: ('{id}',)]"
        ))),
        Mishap::Denied if simulator.table().deny(id) => Some(Refusal::unknown_request()),
        _ => None,
    }
}

fn status(simulator: &Simulator, id: &str, mishap: Mishap) -> Answer {
    if let Some(refusal) = mishap_with_id(simulator, id, mishap) {
        return refused(&refusal);
    }
    let mut table = simulator.table();
    table.affirm(id);
    match table.status(id) {
        Some(status) => Answer::Envelope(200, Value::Null, json!({ "status": status.as_str() })),
        None => refused(&Refusal::unknown_request()),
    }
}

fn file(simulator: &Simulator, id: &str, mishap: Mishap) -> Answer {
    if let Some(refusal) = mishap_with_id(simulator, id, mishap) {
        return refused(&refusal);
    }
    let files = simulator.faults().files;
    let mut table = simulator.table();
    table.affirm(id);
    match (table.status(id), table.file(id)) {
        (None, _) => refused(&Refusal::unknown_request()),
        (Some(status), _) if !status.is_processed() => refused(&Refusal::not_processed()),
        // It grew between the look at its size and the reading: the server breaks off.
        (Some(_), Some(file)) if !file.whole && simulator.dice.below(4) == 0 => Answer::Torn(file.text.len()),
        (Some(_), Some(file)) if files != Files::Gone => Answer::Text(spoilt(&file.text, files)),
        (Some(_), _) => refused(&Refusal::broken(format!("File at path stored_files/{id} does not exist."))),
    }
}

fn spoilt(text: &str, files: Files) -> String {
    match files {
        Files::Whole | Files::Gone => text.to_owned(),
        Files::Empty => String::new(),
        Files::Cut => text.chars().take(text.chars().count() / 2).collect(),
        Files::Shuffled => match serde_json::from_str::<Vec<Value>>(text) {
            Ok(mut rows) => {
                rows.reverse();
                Value::from(rows).to_string()
            }
            Err(_) => text.to_owned(),
        },
    }
}

/// The simulator's own paths, which no fault touches.
async fn own(simulator: &Arc<Simulator>, request: Request) -> Response {
    let json = |status, value: Value| respond(status, "application/json", value.to_string());
    let (parts, body) = request.into_parts();
    match (parts.method.as_str(), parts.uri.path()) {
        ("GET", "/_sim/state") => json(200, simulator.state()),
        ("GET", "/_sim/faults") => json(200, json!(simulator.faults())),
        ("POST", "/_sim/faults") => {
            let body = axum::body::to_bytes(body, 1 << 16).await.unwrap_or_else(|_| Bytes::new());
            match Change::read(&body) {
                Ok(change) => json(200, json!(simulator.change_faults(change))),
                Err(error) => json(400, json!({ "error": error.to_string() })),
            }
        }
        _ => json(404, json!({ "error": "there is GET /_sim/state, GET /_sim/faults and POST /_sim/faults" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_paths() {
        assert_eq!(method_of("/authtoken/json"), Some("POST"));
        assert_eq!(method_of("/authtoken/status/x"), Some("GET"));
        for unknown in
            ["/", "/authtoken/status/", "/authtoken/status", "/authtoken/file/..%2fetc", "/authtoken/file/a/b"]
        {
            assert_eq!(method_of(unknown), None, "{unknown}");
        }
    }
}
