//! What MTS is told about calling back.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value};

use super::row::Row;
use crate::domain::connector::{Callback, CallbackAuth, CallbackMethod};

/// MTS's own default, and OMC's limit, of one call, in seconds.
const USUAL_TIMEOUT: u64 = 10;
const LONGEST_TIMEOUT: i64 = 600;

const MOST_HEADERS: usize = 20;
const LONGEST_VALUE: usize = 1000;
/// Headers that MTS or OMC must have for themselves; MTS lets extra headers win over its own.
const NOT_EXTRA: [&str; 9] = [
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "host",
    "authorization",
    "cookie",
    "expect",
    "upgrade",
];

const NOT_ELSEWHERE: [&str; 6] = ["content-length", "transfer-encoding", "connection", "host", "expect", "upgrade"];

/// The callback of a connector that says nothing about it.
pub(super) fn own() -> Callback {
    Callback {
        auth: CallbackAuth::StaticBearer,
        method: CallbackMethod::Post,
        timeout: Duration::from_secs(USUAL_TIMEOUT),
        extra_headers: Vec::new(),
    }
}

/// Where results come to OMC. `unauthenticated`: whether the daemon's configuration allows callbacks by nobody in particular.
pub(super) fn callback(row: &mut Row<'_>, unauthenticated: bool) -> Option<Callback> {
    let auth = auth(row, unauthenticated);
    let method = method(row);
    let timeout = timeout(row);
    let extra_headers = extra_headers(row, &NOT_EXTRA);
    Some(Callback { auth: auth?, method: method?, timeout: timeout?, extra_headers: extra_headers? })
}

/// Where they go to somebody else, who may want a login that MTS knows only as a header.
pub(super) fn of_somebody_else(row: &mut Row<'_>) -> Option<Callback> {
    let method = method(row);
    let timeout = timeout(row);
    let extra_headers = extra_headers(row, &NOT_ELSEWHERE);
    Some(Callback { auth: own().auth, method: method?, timeout: timeout?, extra_headers: extra_headers? })
}

fn auth(row: &mut Row<'_>, unauthenticated: bool) -> Option<CallbackAuth> {
    let field = "callback_authtype";
    match row.text(field) {
        None => Some(own().auth),
        Some("odoo") => Some(CallbackAuth::Odoo),
        Some("oauth") => Some(CallbackAuth::Oauth),
        Some("staticBearer") => Some(CallbackAuth::StaticBearer),
        Some("none") if unauthenticated => Some(CallbackAuth::None),
        Some("none") => row.problem(
            field,
            "choose static bearer, Odoo or OAuth: with none, whoever reaches OMC's receiver could call it; if it must be, write \
             allow_unauthenticated = true under [callback] in the daemon's configuration",
        ),
        Some(_) => row.problem(field, "choose static bearer, Odoo or OAuth; OMC's receiver takes no other kind"),
    }
}

fn method(row: &mut Row<'_>) -> Option<CallbackMethod> {
    let field = "callback_httpmethod";
    match row.text(field).map(str::to_ascii_uppercase).as_deref() {
        None | Some("POST") => Some(CallbackMethod::Post),
        Some("PUT") => Some(CallbackMethod::Put),
        Some("PATCH") => Some(CallbackMethod::Patch),
        Some("GET") => Some(CallbackMethod::Get),
        Some(_) => row.problem(field, "choose POST, PUT, PATCH or GET"),
    }
}

fn timeout(row: &mut Row<'_>) -> Option<Duration> {
    let field = "callback_timeout";
    match row.number(field)? {
        None => Some(own().timeout),
        Some(seconds @ 1..=LONGEST_TIMEOUT) => Some(Duration::from_secs(seconds.unsigned_abs())),
        Some(_) => row.problem(field, format!("write whole seconds from 1 to {LONGEST_TIMEOUT}")),
    }
}

fn extra_headers(row: &mut Row<'_>, reserved: &[&str]) -> Option<Vec<(String, String)>> {
    let field = "callback_extra_headers";
    let Some(text) = row.text(field) else {
        return row.readable(field).then(Vec::new);
    };
    let example = "write a JSON object of texts, for example {\"X-Gateway-Route\": \"registry\"}";
    let Ok(headers) = serde_json::from_str::<Map<String, Value>>(text) else {
        return row.problem(field, example);
    };
    if headers.len() > MOST_HEADERS {
        return row.problem(field, format!("more than {MOST_HEADERS} headers"));
    }
    let mut names = BTreeSet::new();
    let mut read = Vec::new();
    let wanted = headers.len();
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        let reason = if !is_header_name(&name) {
            "a name is no header's name; write letters, digits and dashes".to_owned()
        } else if reserved.contains(&lower.as_str()) {
            format!("{lower} cannot be an extra header: MTS and OMC set it themselves")
        } else if !names.insert(lower.clone()) {
            format!("{lower} comes twice")
        } else {
            match value {
                Value::String(value) if is_header_value(&value) => {
                    read.push((name, value));
                    continue;
                }
                Value::String(_) => {
                    format!(
                        "the value of {lower} must be printable ASCII without blanks around it, at most {LONGEST_VALUE} characters"
                    )
                }
                _ => format!("the value of {lower} is no text; {example}"),
            }
        };
        row.tell(field, reason);
    }
    (read.len() == wanted).then_some(read)
}

/// A token of HTTP (RFC 9110, section 5.6.2), of at most 100 characters.
fn is_header_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_header_value(value: &str) -> bool {
    value.len() <= LONGEST_VALUE && value == value.trim() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
