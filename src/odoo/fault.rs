//! Maps Odoo's faults to our errors by their code and by texts that are known. The text itself goes no further: it holds
//! tracebacks, paths and people's data.
//!
//! The codes are those of Odoo's RPC controller: 1 any exception (the text is a traceback), 2 a warning to the user, 3
//! access denied, 4 missing rights.

use super::error::{Error, Failure, Refusal};
use super::xml::read::{Fault, FaultCode};

/// Longest name of a model or field that is kept; PostgreSQL's own names end at 63.
const NAME_LENGTH: usize = 64;

pub fn classify(fault: &Fault) -> Error {
    match &fault.code {
        FaultCode::Number(2) => warning(&fault.text),
        FaultCode::Number(3) => Error::AccessDenied,
        FaultCode::Number(4) => Error::AccessError { model: model_in_parentheses(&fault.text) },
        FaultCode::Number(_) => exception(&fault.text),
        FaultCode::Text(code) => textual(code, &fault.text),
    }
}

/// The codes of `/xmlrpc/1`, which put the text into the code.
fn textual(code: &str, text: &str) -> Error {
    match code.strip_prefix("warning -- ").and_then(|rest| rest.split_once('\n')) {
        Some(("AccessError", message)) => Error::AccessError { model: model_in_parentheses(message) },
        Some((_, message)) => warning(message),
        None if code == "AccessDenied" => Error::AccessDenied,
        None => exception(text),
    }
}

fn warning(text: &str) -> Error {
    let text = text.trim();
    if text.starts_with("Record does not exist or has been deleted.") {
        let model = between(text, "(Record: ", "(");
        return match model.as_deref() {
            // The user we log in as is gone.
            Some("res.users") => Error::AccessDenied,
            _ => Error::Refused(Refusal::MissingRecord { model }),
        };
    }
    let refusal = if text.starts_with("omc_lease: ") {
        Refusal::Leased
    } else if text.starts_with("omc_upstream: ") {
        Refusal::Upstream
    } else if text.starts_with("Object ") && text.ends_with(" doesn't exist") {
        Refusal::MissingModel { model: between(text, "Object ", " doesn't exist") }
    } else if text.contains("ID Type must be unique") {
        Refusal::IdTypeTaken
    } else if text.starts_with("The provided ") && text.ends_with(" is invalid.") {
        Refusal::InvalidId
    } else if text.contains("Constraint: ") && text.contains("_fkey") {
        Refusal::ForeignKey
    } else if text.contains("a mandatory field is not set") {
        Refusal::MandatoryField { field: text.rfind("Field: ").and_then(|at| between(&text[at..], "(", ")")) }
    } else {
        Refusal::Other
    };
    Error::Refused(refusal)
}

fn exception(traceback: &str) -> Error {
    let Some((class, message)) = raised(traceback) else {
        return Error::Application(Failure::Other);
    };
    Error::Application(match class {
        "TypeError" if message.starts_with("cannot marshal None") => Failure::NoReturn,
        "AttributeError" if message.starts_with("The method '") => Failure::MissingMethod {
            method: between(message, "The method '", "'"),
            model: between(message, "on the model '", "'"),
        },
        "ValueError" if message.starts_with("Invalid field '") => Failure::MissingField {
            field: between(message, "Invalid field '", "'"),
            model: between(message, "on model '", "'"),
        },
        "ValueError" if message.starts_with("Invalid field ") => {
            let path = between(message, "Invalid field ", " in leaf");
            let (model, field) = path.as_deref().and_then(|path| path.rsplit_once('.')).unzip();
            Failure::MissingField { model: model.map(str::to_owned), field: field.map(str::to_owned) }
        }
        "ValueError" if message.starts_with("Invalid leaf") || message.contains("is syntactically not correct") => {
            Failure::BadDomain
        }
        "AssertionError" if message.starts_with("Domains to normalize") => Failure::BadDomain,
        "ValueError" if message.starts_with("Wrong value for ") => Failure::BadValue,
        "ValueError" if message.contains("does not match format") => Failure::BadValue,
        "psycopg2.errors.NumericValueOutOfRange" | "psycopg2.errors.InvalidTextRepresentation" => Failure::BadValue,
        "psycopg2.OperationalError" if message.contains("FATAL:") && message.contains("does not exist") => {
            Failure::MissingDatabase
        }
        "psycopg2.OperationalError"
        | "psycopg2.InterfaceError"
        | "odoo.sql_db.PoolError"
        | "psycopg2.errors.AdminShutdown" => Failure::DatabaseUnavailable,
        "psycopg2.errors.SerializationFailure"
        | "psycopg2.errors.DeadlockDetected"
        | "psycopg2.errors.LockNotAvailable" => Failure::Contention,
        "werkzeug.exceptions.ClientDisconnected" => Failure::RequestStalled,
        _ => Failure::Other,
    })
}

/// The exception that a traceback ends with: its class and the first line of its message. Frames and their source are
/// indented; what a message goes on with below (`DETAIL: `, `Field: `) is no exception's name.
fn raised(traceback: &str) -> Option<(&str, &str)> {
    traceback.lines().rev().find_map(|line| {
        let (class, message) = line.split_once(": ")?;
        let last = class.rsplit('.').next()?;
        let is_class = class.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
            && (last.ends_with("Error") || last.ends_with("Exception") || class.contains('.'));
        is_class.then_some((class, message))
    })
}

/// What stands between two marks, if it looks like the name of a model or field and like nothing else.
fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    let (name, _) = rest.split_once(after)?;
    is_name(name).then(|| name.to_owned())
}

/// The model in `... 'Registrant ID' (g2p.reg.id) records` or in `- Description (mts.connector)`.
fn model_in_parentheses(text: &str) -> Option<String> {
    text.split('(')
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .find(|name| name.contains('.') && is_name(name))
        .map(str::to_owned)
}

fn is_name(name: &str) -> bool {
    (1..=NAME_LENGTH).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
}

#[cfg(test)]
#[path = "fault_test.rs"]
mod tests;
