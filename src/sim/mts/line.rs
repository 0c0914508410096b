//! A line of a request: the record as it came, and what became of it.

use jaq_json::{Map, Val};

use super::Release;
use super::Tokens;
use super::auth_data::AuthData;
use super::authenticator::authenticate;
use super::jq::Run;
use super::json::member;
use super::token_request::Format;

pub struct Line {
    pub received: Val,
    state: State,
}

enum State {
    Submitted(Box<AuthData>),
    Done { vid: Val, status: &'static str, token: Option<String>, error: Option<(&'static str, String)> },
}

/// The worker died over an output format.
#[derive(Debug)]
pub struct Crash;

impl Line {
    pub fn submitted(received: Val, data: AuthData) -> Self {
        Self { received, state: State::Submitted(Box::new(data)) }
    }

    /// Its `vid` is the record's own, wherever the mapping looked for one.
    pub fn invalid(received: Val, code: &'static str, message: &'static str) -> Self {
        let vid = member(&received, "vid").cloned().unwrap_or_default();
        let error = Some((code, message.to_owned()));
        Self { received, state: State::Done { vid, status: "invalid", token: None, error } }
    }

    /// The auth data, until they are authenticated.
    pub fn data(&self) -> Option<&AuthData> {
        match &self.state {
            State::Submitted(data) => Some(data),
            State::Done { .. } => None,
        }
    }

    pub fn authenticate(&mut self, partner: &str, tokens: Tokens) {
        if let State::Submitted(data) = &mut self.state {
            let vid = Val::utf8_str(data.vid.clone());
            self.state = match authenticate(data, partner, tokens) {
                Ok(token) => State::Done { vid, status: "processed", token: Some(token), error: None },
                Err(refused) => State::Done { vid, status: "error", token: None, error: Some(refused) },
            };
        }
    }

    pub fn failed(&self) -> bool {
        matches!(self.state, State::Done { error: Some(_), .. })
    }

    /// What the output format makes of the line; null where it makes nothing.
    pub fn formatted(&self, format: &Format, release: Release) -> Result<Val, Crash> {
        let output = self.output(release);
        let Format::Program(program) = format else {
            return Ok(output);
        };
        let both = [(Val::utf8_str("input"), self.received.clone()), (Val::utf8_str("output"), output)];
        match program.first(Val::obj(Map::from_iter(both))) {
            Run::First(value) => Ok(value),
            Run::Nothing => Ok(Val::Null),
            Run::Crash => Err(Crash),
        }
    }

    fn output(&self, release: Release) -> Val {
        let (vid, status, token, error) = match &self.state {
            State::Done { vid, status, token, error } => (vid.clone(), *status, token.as_ref(), error.as_ref()),
            State::Submitted(data) => (Val::utf8_str(data.vid.clone()), "submitted", None, None),
        };
        let text = |t: Option<&String>| t.map_or(Val::Null, |t| Val::utf8_str(t.clone()));
        let status = (Val::utf8_str("status"), Val::utf8_str(status));
        let token = (Val::utf8_str("token"), text(token));
        let (second, third) = match release {
            Release::V1_1 => (status, token),
            Release::V1_0_1 => (token, status),
        };
        let code = error.map_or(Val::Null, |(code, _)| Val::utf8_str(*code));
        Val::obj(Map::from_iter([
            (Val::utf8_str("vid"), vid),
            second,
            third,
            (Val::utf8_str("errorCode"), code),
            (Val::utf8_str("errorMessage"), text(error.map(|(_, message)| message))),
        ]))
    }
}
