//! Which page answers.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::control::{self, Edit, Faults};
use super::super::fault::{Fault, Outcome};
use super::super::orm::Context;
use super::super::rpc::{self, Server, Service};
use super::super::wire::{self, Value};
use super::answer::Answer;
use super::request::Request;
use super::{pages, session};

/// Odoo's own pages.
pub fn route(server: &Server, request: &Request) -> Answer {
    if request.header("Host").is_none() {
        return pages::server_error(server);
    }
    let path = request.path.trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments.as_slice() {
        ["xmlrpc", "2", service] => xmlrpc(server, request, service, true),
        ["xmlrpc", service] if *service != "2" => xmlrpc(server, request, service, false),
        ["jsonrpc"] => session::jsonrpc(server, request),
        ["web", "session", "authenticate"] => session::authenticate(server, request),
        ["web", "session", "logout"] => session::logout(server, request),
        ["web", "dataset", "call_kw", ..] => session::call_kw(server, request),
        _ => pages::not_found(server),
    }
}

fn xmlrpc(server: &Server, request: &Request, service: &str, numbered: bool) -> Answer {
    if request.method != "POST" {
        return pages::method_not_allowed(server);
    }
    let body = match call(server, request, service) {
        Ok(value) => wire::result(&value),
        Err(fault) if numbered => wire::fault(fault.code(), &fault.text()),
        Err(fault) => {
            let (code, text) = fault.strings();
            wire::string_fault(&code, &text)
        }
    };
    Answer::xml(server, body)
}

fn call(server: &Server, request: &Request, service: &str) -> Outcome<Value> {
    // A form's body is read away before the call is looked for.
    let form = request.header("Content-Type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let body: &[u8] = if form { b"" } else { &request.body };
    let call = wire::parse_call(body).map_err(|line| Fault::from_line(&line))?;
    let service = Service::named(service)?;
    rpc::dispatch(server, service, &call.method, call.params)
}

/// The simulator's pages.
pub fn control(server: &Server, request: &Request) -> Answer {
    let answered = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/_sim/state") => {
            let calls: BTreeMap<String, u64> = server.calls();
            let today = chrono::Datelike::num_days_from_ce(&server.clock.now().date_naive());
            Ok(control::state(&server.database(), &server.options, &server.census, &calls, today))
        }
        ("POST", "/_sim/faults") => serde_json::from_slice::<Faults>(&request.body)
            .map_err(|error| error.to_string())
            .and_then(Faults::checked)
            .map(|faults| {
                server.dice().faults = faults;
                json!({})
            }),
        ("POST", "/_sim/edit") => {
            serde_json::from_slice::<Edit>(&request.body).map_err(|error| error.to_string()).and_then(|edit| {
                let context = Context::default();
                server
                    .transaction(2, context, |env| control::edit(env, &edit))
                    .map_err(|fault| fault.message().to_owned())
            })
        }
        _ => return pages::not_found(server),
    };
    match answered {
        Ok(json) => Answer::json(server, &json),
        Err(text) => Answer::new(server, "400 BAD REQUEST", "text/plain; charset=utf-8", text + "\n"),
    }
}
