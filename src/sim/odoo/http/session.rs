//! Odoo's JSON side: the web session a callback may log in to, and RPC in JSON.

use serde_json::{Value as Json, json};

use super::super::fault::{Fault, Outcome};
use super::super::rpc::{self, Server, Service};
use super::super::wire::{Value, from_json, to_json};
use super::answer::Answer;
use super::request::Request;

/// The body as JSON, if its type says so and it is.
fn body(server: &Server, request: &Request) -> Result<Json, Box<Answer>> {
    let is_json = request.header("Content-Type").is_some_and(|kind| kind.starts_with("application/json"));
    if !is_json {
        return Err(Box::new(super::pages::bad_request(server)));
    }
    serde_json::from_slice(&request.body).map_err(|_| {
        let session = server.dice().hex40();
        Box::new(Answer::html(server, "400 BAD REQUEST", "Invalid JSON data").session(&session))
    })
}

fn envelope(server: &Server, id: &Json, outcome: &Outcome<Json>) -> Answer {
    match outcome {
        Ok(result) => Answer::json(server, &json!({"jsonrpc": "2.0", "id": id, "result": result})),
        Err(fault) => {
            let data = json!({
                "name": fault.name(), "debug": fault.traceback(), "message": fault.message(),
                "arguments": [fault.message()], "context": {},
            });
            let error = json!({"code": 200, "message": "Odoo Server Error", "data": data});
            Answer::json(server, &json!({"jsonrpc": "2.0", "id": id, "error": error})).sniffable()
        }
    }
}

/// Logs in; GET with a body does as well as POST.
pub fn authenticate(server: &Server, request: &Request) -> Answer {
    let body = match body(server, request) {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let params = &body["params"];
    let text = |name: &str| params[name].as_str();
    let (Some(database), Some(login), Some(password)) = (text("db"), text("login"), text("password")) else {
        let missing: Vec<&str> = ["db", "login", "password"].into_iter().filter(|name| text(name).is_none()).collect();
        let fault = Fault::type_error(format!(
            "Session.authenticate() missing {} required positional arguments: '{}'",
            missing.len(),
            missing.join("', '")
        ));
        return envelope(server, &body["id"], &Err(fault));
    };
    match rpc::login(server, database, login, password) {
        Err(fault) => envelope(server, &body["id"], &Err(fault)),
        Ok(uid) => {
            let session = server.dice().hex40();
            server.sessions().insert(session.clone());
            let result = json!({
                "uid": uid, "is_system": true, "is_admin": true, "is_public": false, "is_internal_user": true,
                "user_context": {"lang": "en_US", "tz": false, "uid": uid}, "db": database, "server_version": "17.0",
                "server_version_info": [17, 0, 0, "final", 0, ""], "name": "Administrator", "username": login,
                "partner_display_name": "Administrator", "partner_id": 3, "user_id": [uid],
            });
            envelope(server, &body["id"], &Ok(result)).session(&session)
        }
    }
}

/// Ends the session, if there is one, and sends the browser away.
pub fn logout(server: &Server, request: &Request) -> Answer {
    if let Some(old) = request.cookie("session_id") {
        server.sessions().remove(old);
    }
    let session = server.dice().hex40();
    let body = "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n<p>You should be \
                redirected automatically to the target URL: <a href=\"/web\">/web</a>. If not, click the link.\n";
    Answer::html(server, "303 SEE OTHER", body)
        .header("Location: /web")
        .header("Set-Cookie: frontend_lang=en_US; Path=/")
        .header("Set-Cookie: cids=; Max-Age=0; Path=/")
        .session(&session)
}

/// A method called with a session's cookie.
pub fn call_kw(server: &Server, request: &Request) -> Answer {
    let body = match body(server, request) {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let known = request.cookie("session_id").is_some_and(|id| server.sessions().contains(id));
    if !known {
        let fault = Fault::other("odoo.http.SessionExpiredException", "Session expired");
        let data = json!({
            "name": fault.name(), "debug": fault.traceback(), "message": fault.message(),
            "arguments": [fault.message()], "context": {},
        });
        let error = json!({"code": 100, "message": "Odoo Session Expired", "data": data});
        return Answer::json(server, &json!({"jsonrpc": "2.0", "id": null, "error": error})).sniffable();
    }
    let params = &body["params"];
    let placed = match from_json(&params["args"]) {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let named = match from_json(&params["kwargs"]) {
        Value::Struct(members) => members,
        _ => Vec::new(),
    };
    let text = |name: &str| params[name].as_str().unwrap_or_default().to_owned();
    let outcome = rpc::execute(server, 2, &text("model"), &text("method"), placed, named);
    json_outcome(server, &body["id"], outcome)
}

/// `/jsonrpc`: the same services as over XML.
pub fn jsonrpc(server: &Server, request: &Request) -> Answer {
    let body = match body(server, request) {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let params = &body["params"];
    let placed = match from_json(&params["args"]) {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let method = params["method"].as_str().unwrap_or_default();
    let outcome = Service::named(params["service"].as_str().unwrap_or_default())
        .and_then(|service| rpc::dispatch(server, service, method, placed));
    json_outcome(server, &body["id"], outcome)
}

/// JSON knows null, but Odoo leaves the result out where a method returned nothing.
fn json_outcome(server: &Server, id: &Json, outcome: Outcome<Value>) -> Answer {
    match outcome {
        Err(fault) if fault == Fault::none_returned() => Answer::json(server, &json!({"jsonrpc": "2.0", "id": id})),
        outcome => envelope(server, id, &outcome.map(|value| to_json(&value))),
    }
}
