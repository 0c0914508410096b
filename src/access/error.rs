//! Why OMC is not let in. What a server says is never quoted: it can hold anything.

use crate::domain::code::Code;
use crate::tls::Fault;

/// OMC has nothing to show, or what it shows is not taken. Names the access, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{access}: {cause}")]
pub struct Denied {
    /// As the configuration names it.
    pub access: String,
    pub cause: Cause,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The login server says that id and secret are not right.
    #[error("the login is refused ({said}); check {keys}, and `systemctl reload omc`")]
    Refused { said: Said, keys: &'static str },
    #[error("the login fails: cannot connect; check {key} and that the server runs")]
    Unreachable { key: &'static str },
    #[error("the login fails: no secure connection: {fault} (keys of the section), or check {key}")]
    Insecure { fault: Fault, key: &'static str },
    #[error("the login fails: the server does not answer in time; check {key} and that the server runs")]
    Silent { key: &'static str },
    #[error("the login fails: the answer broke off; check {key} and what lies between")]
    BrokeOff { key: &'static str },
    /// A redirect, too: a secret goes to no other address than the one that was written.
    #[error("the login fails: HTTP {status}; check {key}")]
    Status { status: u16, key: &'static str },
    #[error("the login fails: the answer is not that of a login, or far too long; check {key}")]
    Strange { key: &'static str },
    /// The server that is to be used does not take what the login gave, or the fixed secret.
    #[error(
        "what it gives is not accepted (HTTP {status}): the login may do well and have no right there; check {keys}, and what the \
         account may do"
    )]
    NotLetIn { status: u16, keys: &'static str },
}

/// What a login server said, as far as it is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Said {
    #[error("wrong secret")]
    WrongSecret,
    /// authmanager knows no such application.
    #[error("{0}, an unknown application")]
    UnknownApplication(&'static str),
    /// An error of RFC 6749, section 5.2.
    #[error("{0}")]
    Oauth(&'static str),
    #[error("code {}", .0.as_str())]
    Code(Code),
    #[error("HTTP {0}")]
    Status(u16),
}
