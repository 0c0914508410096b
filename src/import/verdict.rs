//! What is told of a row in the end.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::code::Code;
use crate::domain::identity::RegistrantId;
use crate::seal::Personal;

/// Lines that are named for each outcome; the result file has them all.
const NAMED: usize = 5;

/// Why there is no token, in words for the administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub code: Cow<'static, str>,
    pub reason: &'static str,
    pub remedy: &'static str,
}

impl Cause {
    /// A cause that only imports have.
    pub const fn own(code: &'static str, reason: &'static str, remedy: &'static str) -> Self {
        Self { code: Cow::Borrowed(code), reason, remedy }
    }
}

impl From<Code> for Cause {
    fn from(code: Code) -> Self {
        Self { code: Cow::Owned(code.as_str().to_owned()), reason: code.reason(), remedy: code.remedy() }
    }
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `processed`, `invalid` or `error` as MTS says it; with registrants, what became of the token.
    pub status: &'static str,
    pub token: Option<Personal<String>>,
    pub cause: Option<Cause>,
    pub registrant: Option<RegistrantId>,
}

impl Verdict {
    pub fn token(token: Personal<String>) -> Self {
        Self { status: "processed", token: Some(token), cause: None, registrant: None }
    }

    pub fn refused(status: &'static str, cause: impl Into<Cause>) -> Self {
        Self { status, token: None, cause: Some(cause.into()), registrant: None }
    }

    /// What it is counted under.
    fn heading(&self) -> &str {
        self.cause.as_ref().map_or(self.status, |cause| &cause.code)
    }
}

/// Rows by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally(pub BTreeMap<String, Count>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub rows: u64,
    /// The first lines of the file of which it is so.
    pub lines: Vec<u64>,
    /// Why there is no token, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Tally {
    pub fn add(&mut self, line: u64, verdict: &Verdict) {
        let count = self.0.entry(verdict.heading().to_owned()).or_default();
        count.rows += 1;
        count.why = verdict.cause.as_ref().map(|cause| {
            // Said of registrants, whom the daemon looks at again; a file it does not.
            let remedy = cause.remedy.replace("the record is then sent again by itself", "then import the line again");
            format!("{} {remedy}", cause.reason)
        });
        if count.lines.len() < NAMED {
            count.lines.push(line);
        }
    }

    pub fn rows(&self) -> u64 {
        self.0.values().map(|count| count.rows).sum()
    }
}
