//! What MTS's silence, refusals and failures mean.

use crate::access::Denied;
use crate::domain::code::Code;
use crate::tls::Fault;

/// Why a batch is not surely accepted. MTS never says "try again": the meaning lies in what can have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Nothing of the batch is at MTS.
    #[error("MTS did not take the batch: {0}")]
    NotTaken(Blame),
    /// MTS may be working on it and call back; a client that goes away cancels nothing.
    #[error("no clear answer from MTS: {0}")]
    Unknown(&'static str),
}

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blame {
    /// Refused connection, unknown host: MTS is down or elsewhere.
    #[error("cannot connect; check `mts_url` and that MTS runs")]
    Unreachable,
    /// Nothing was sent: the certificates do not fit.
    #[error("no secure connection: {0} (keys of [mts])")]
    Insecure(Fault),
    /// OMC has nothing to show at the gateway before MTS, or what it shows is not taken. Nothing of the call went further.
    #[error("{0}")]
    Denied(Denied),
    /// A gateway wants to know who calls, and no access is for it.
    #[error(
        "it wants to know who calls (HTTP 401), and no [[mts.access]] is for this address; write one (docs/access.md)"
    )]
    LoginWanted,
    /// HTTP 500 of MTS's own: one value of the batch may be of a kind it cannot take, or its database is busy.
    #[error("MTS failed on the batch (HTTP 500, {})", .0.as_str())]
    Failed(Code),
    /// A gateway does not let a request of this size through.
    #[error("a gateway before MTS refuses a batch of this size (HTTP 413)")]
    TooLarge,
    /// MTS read the request and will not have it: the same connector fails the same way every time.
    #[error("MTS refuses the request (HTTP {status}, {}): check the connector", code.as_ref().map_or("no code", Code::as_str))]
    Refused { status: u16, code: Option<Code> },
}

/// Why the state of a request is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    #[error("MTS does not tell the state of a request: {0}")]
    Silent(&'static str),
    /// The gateway before MTS does not let OMC through.
    #[error("{0}")]
    Denied(Blame),
}
