//! Why a call to Odoo failed.
//!
//! Of every error it can be asked whether it concerns every other call as well ([`Error::concerns_every_call`]), and whether one
//! of several records may be to blame ([`Error::may_lie_in_a_record`]). None is for good: somebody may mend it meanwhile, so
//! every call is tried again, after a pause. A call that was to write may have done so whatever the error: only a fault of Odoo's
//! rolls back. No error holds text that Odoo sent: such text can quote a whole person's record.

use std::fmt;

use super::xml;
use crate::tls::Fault;

/// Why a call to Odoo failed. No variant holds remote text; names of models and fields are kept only where they look like
/// names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The call was not sent: one of its values cannot be carried by XML.
    #[error(transparent)]
    Unwritable(#[from] xml::write::UnwritableError),
    /// No connection came about; nothing was sent.
    #[error("Odoo cannot be reached: {0}; check [odoo] url and that Odoo is up")]
    Unreachable(Unreachable),
    /// The call was sent, or may have been, and no whole answer came.
    #[error("the connection to Odoo broke off: {0}; the call may or may not have taken effect")]
    Interrupted(Interrupted),
    /// HTTP 413: the call is larger than Odoo or a proxy takes (Odoo's own limit is 128 MiB).
    #[error("Odoo or a proxy before it refuses a call of this size (HTTP 413); lower [odoo] page_size")]
    TooLarge,
    /// The answer is larger than we take.
    #[error("Odoo's answer is larger than {limit} bytes; lower [odoo] page_size")]
    AnswerTooLarge { limit: u64 },
    /// A page for people came with HTTP 200: a proxy's, or a wrong address.
    #[error("the address answers with a web page instead of XML-RPC; check [odoo] url and the proxy before Odoo")]
    HtmlInsteadOfXml,
    /// Any other HTTP status than 200.
    #[error("the address answers with HTTP status {status}{}", http_hint(*.status))]
    Http { status: u16 },
    /// HTTP 200, but no XML-RPC in it.
    #[error("Odoo's answer cannot be read: {0}")]
    Malformed(#[from] xml::read::DecodeError),
    /// XML-RPC, but not of the form this method answers with.
    #[error("Odoo's answer to {call} is not of the expected form: {expected} is missing or of another type")]
    Unexpected { call: &'static str, expected: &'static str },
    /// `authenticate` said no: `[odoo]` database, username and password do not go together.
    #[error("Odoo refuses the login; check [odoo] database, username and password")]
    LoginRefused,
    /// Too many refused logins in a row: no attempt is made for a while.
    #[error("Odoo refused the login {in_a_row} times in a row; the next attempt waits {seconds} s")]
    LoginPaused { in_a_row: u32, seconds: u64 },
    /// Fault 3, or the user is gone: the login worked once and works no more. It is forgotten; the next call logs in anew.
    #[error("the login to Odoo is no longer valid; check [odoo] username and password, and that the user is active")]
    AccessDenied,
    /// Fault 4: the user lacks a right.
    #[error("Odoo's access rights refuse the daemon's user{}; give it the rights that the installation guide lists", on(.model))]
    AccessError { model: Option<String> },
    /// The addon is there, but the user may not use its methods.
    #[error(
        "the addon g2p_omc is installed, but the daemon's user may not use it; add [odoo] username to the addon's daemon group"
    )]
    DoorClosed,
    /// Fault 2: Odoo or an addon refuses what was asked; the transaction was rolled back.
    #[error("Odoo refuses the call: {0}")]
    Refused(Refusal),
    /// Fault 1: an exception in Odoo.
    #[error("Odoo failed in this call: {0}")]
    Application(Failure),
    /// The answer has no `Date` header, by which the registry is read without the addon.
    #[error(
        "Odoo's answer carries no Date header; without the addon the server's time is needed: let the proxy pass it on"
    )]
    NoServerTime,
}

/// Why no connection came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    #[error("connection refused")]
    Refused,
    #[error("the host name is not known")]
    UnknownHost,
    #[error("no connection within the time limit")]
    TimedOut,
    #[error("no secure connection: {0} (keys of [odoo])")]
    Tls(Fault),
    #[error("no connection")]
    Other,
}

/// How a call broke off after it was sent, or while it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// Odoo closes without an answer when a worker is killed (`limit_time_real`, `limit_memory_hard`) or restarts.
    #[error("closed without an answer")]
    Closed,
    #[error("the answer is cut off")]
    Truncated,
    #[error("no answer within [odoo] timeout")]
    TimedOut,
}

/// What Odoo refuses with fault 2 (`UserError`, `ValidationError`, `MissingError`, integrity errors).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("a record of {} does not exist or was deleted", named(.model, "the model"))]
    MissingRecord { model: Option<String> },
    #[error("{} does not exist in this Odoo; is the addon installed?", named(.model, "the model"))]
    MissingModel { model: Option<String> },
    /// OpenG2P: a registrant has at most one ID of a type.
    #[error("the registrant already has an ID of this type")]
    IdTypeTaken,
    /// OpenG2P: the ID type's own pattern refuses the value.
    #[error("the ID does not match the pattern of its ID type")]
    InvalidId,
    #[error("another record is referred to that does not exist, or is in use")]
    ForeignKey,
    #[error("a mandatory field is not set{}", on(.field))]
    MandatoryField { field: Option<String> },
    /// The connector's lease is another daemon's (`Which daemon` in docs/door.md).
    #[error(
        "another daemon works on this connector; end it, or wait until its lease is over, 90 s after its last call"
    )]
    Leased,
    /// Upstream's addons work on the connector's VIDs (`omc_pull` in docs/door.md).
    #[error(
        "upstream's MTS connector, or its deletion job, works on the same VIDs; switch it off in Odoo, or use Take Over \
         MTS Connectors in OMC's list"
    )]
    Upstream,
    /// Any other refusal: Odoo's text is not kept, its log has it.
    #[error("a validation or business rule said no; Odoo's own log has the text")]
    Other,
}

/// What went wrong inside Odoo with fault 1 (any other exception).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("the database does not exist; check [odoo] database")]
    MissingDatabase,
    /// PostgreSQL is starting, stopping, or out of connections.
    #[error("its database is not available now")]
    DatabaseUnavailable,
    /// Concurrent updates, a deadlock or a lock that could not be had; Odoo itself tries up to five times.
    #[error("others work on the same records now")]
    Contention,
    /// Odoo lost our request while reading it: it waits 2 seconds for the rest.
    #[error("the request arrived too slowly")]
    RequestStalled,
    #[error("the method {} does not exist{}; is the addon installed, and of this version?", named(.method, "called"), on(.model))]
    MissingMethod { model: Option<String>, method: Option<String> },
    #[error("the field {} does not exist{}", named(.field, "asked for"), on(.model))]
    MissingField { model: Option<String>, field: Option<String> },
    #[error("the filter is no valid domain")]
    BadDomain,
    #[error("a value is of a wrong type or not one of the allowed ones")]
    BadValue,
    /// The method returned nothing, which XML-RPC cannot carry: it **has** been committed.
    #[error("the method took effect, but returned nothing that XML-RPC can carry")]
    NoReturn,
    /// Any other exception: its text is not kept, Odoo's log has it.
    #[error("an exception; Odoo's own log has the text")]
    Other,
}

impl Error {
    /// Whether every other call must be expected to fail as well: the way to Odoo, its database or the login is at fault, and
    /// not what was asked.
    pub fn concerns_every_call(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Interrupted(_)
            | Self::HtmlInsteadOfXml
            | Self::Http { .. }
            | Self::Malformed(_)
            | Self::DoorClosed
            | Self::NoServerTime => true,
            Self::Application(failure) => {
                matches!(failure, Failure::MissingDatabase | Failure::DatabaseUnavailable | Failure::RequestStalled)
            }
            other => other.is_login(),
        }
    }

    /// Whether one of several records that were asked for may be what Odoo failed on: reading fewer may then succeed.
    pub fn may_lie_in_a_record(&self) -> bool {
        matches!(
            self,
            Self::Application(Failure::Other | Failure::BadValue)
                | Self::Refused(Refusal::Other | Refusal::MissingRecord { .. })
                | Self::AccessError { .. }
                | Self::Unexpected { .. }
                | Self::AnswerTooLarge { .. }
        )
    }

    /// Whether Odoo no longer accepts our login, so that every other call will fail the same way.
    pub fn is_login(&self) -> bool {
        matches!(self, Self::LoginRefused | Self::LoginPaused { .. } | Self::AccessDenied)
    }

    /// Whether the model that was called does not exist.
    pub fn is_missing_model(&self) -> bool {
        matches!(self, Self::Refused(Refusal::MissingModel { .. }))
    }

    /// Whether the method that was called does not exist.
    pub fn is_missing_method(&self) -> bool {
        matches!(self, Self::Application(Failure::MissingMethod { .. }))
    }
}

fn http_hint(status: u16) -> &'static str {
    match status {
        300..=399 => "; redirects are not followed: give the final address in [odoo] url",
        404 => "; check [odoo] url: it is Odoo's base address, without /xmlrpc or /web",
        502..=504 => "; the proxy before Odoo gets no answer from it",
        _ => "",
    }
}

fn on(name: &Option<String>) -> impl fmt::Display {
    name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default()
}

fn named(name: &Option<String>, otherwise: &'static str) -> impl fmt::Display {
    name.clone().unwrap_or_else(|| otherwise.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_way_out() {
        let missing = Error::Application(Failure::MissingField {
            model: Some("res.partner".into()),
            field: Some("given_name".into()),
        });
        assert_eq!(missing.to_string(), "Odoo failed in this call: the field given_name does not exist (res.partner)");
        assert!(Error::Http { status: 404 }.to_string().contains("[odoo] url"));
    }
}
