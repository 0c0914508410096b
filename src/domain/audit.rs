//! What an audit is told of: each thing that OMC did, and when. Registrants are named by Odoo's id. No type here can hold a VID, a token
//! or a name.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::identity::{ConnectorId, RegistrantId, RunId};
use super::run::{Counters, Kind, Phase, Run};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// By the wall clock.
    pub at: DateTime<Utc>,
    /// `None`: callers that named no connector that there is.
    pub connector: Option<ConnectorId>,
    pub deed: Deed,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// The definition was read, and is not what it was.
    Definition {
        now: Definition,
        /// Names of the fields that changed, or that are wrong; never what is in them.
        fields: Vec<String>,
    },
    RunBegan {
        run: RunId,
        kind: Kind,
    },
    RunEnded {
        run: RunId,
        kind: Kind,
        ending: Ending,
        counters: Counters,
    },
    TokenWritten {
        run: RunId,
        registrant: RegistrantId,
        found: bool,
    },
    VidRemoved {
        run: RunId,
        registrant: RegistrantId,
        by: Remover,
        found: bool,
    },
    Refused {
        run: RunId,
        registrant: RegistrantId,
        code: Code,
        /// Tried often enough, and not refused by anybody.
        given_up: bool,
    },
    /// Calls at the callback listener since the last such event, by why they were refused.
    CallbacksRefused {
        reasons: BTreeMap<String, u64>,
    },
}

/// What became of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Definition {
    /// It is right, and none was kept.
    New,
    /// It is right, and was another one, or was wrong or away.
    Changed,
    Wrong,
    Archived,
    Deleted,
    /// Not named in the configuration any more.
    Unchosen,
}

impl Definition {
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Wrong => "wrong",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::Unchosen => "unchosen",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Done,
    /// Its connector was stopped or deleted meanwhile.
    Stopped,
}

impl Ending {
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }

    fn of(run: &Run) -> Self {
        if run.cut || run.phase == Phase::Stopped { Self::Stopped } else { Self::Done }
    }
}

/// What removed a VID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remover {
    /// The writing of its token.
    WriteBack,
    /// The look for VIDs that stayed behind.
    CleanUp,
}

impl Remover {
    pub fn name(self) -> &'static str {
        match self {
            Self::WriteBack => "write_back",
            Self::CleanUp => "clean_up",
        }
    }
}

impl AuditEvent {
    pub fn of(connector: ConnectorId, at: DateTime<Utc>, deed: Deed) -> Self {
        Self { at, connector: Some(connector), deed }
    }

    /// What is to be told of a run that was like this before a change, and is like this after it.
    pub fn of_run(before: Option<&Run>, after: &Run) -> Vec<Self> {
        let (id, kind) = (after.id, after.kind);
        let mut events = Vec::new();
        if before.is_none() {
            events.push(Self::of(after.connector, after.started, Deed::RunBegan { run: id, kind }));
        }
        if let Some(ended) = after.ended.filter(|_| after.is_over() && !before.is_some_and(Run::is_over)) {
            let deed = Deed::RunEnded { run: id, kind, ending: Ending::of(after), counters: after.counters };
            events.push(Self::of(after.connector, ended, deed));
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_when_it_begins_and_when_it_ends_and_never_between() {
        let now = DateTime::UNIX_EPOCH;
        let mut run = Run::new(RunId(3), ConnectorId(4), Kind::Manual, None, now);
        let told = |before: Option<&Run>, after: &Run| -> Vec<&'static str> {
            let name = |event: AuditEvent| match event.deed {
                Deed::RunBegan { .. } => "began",
                Deed::RunEnded { ending, .. } => ending.name(),
                _ => "else",
            };
            AuditEvent::of_run(before, after).into_iter().map(name).collect()
        };
        assert_eq!(told(None, &run), ["began"]);
        let before = run.clone();
        run.phase = Phase::Settling;
        assert!(told(Some(&before), &run).is_empty());
        let before = run.clone();
        assert!(run.settle(now));
        assert_eq!(told(Some(&before), &run), ["done"]);
        assert_eq!(told(None, &run), ["began", "done"], "within one change");
        assert!(told(Some(&run), &run).is_empty());
        assert_eq!(told(Some(&before), &Run { cut: true, ..run.clone() }), ["stopped"]);
        let mut stopped = before.clone();
        stopped.stop(now);
        assert_eq!(told(Some(&before), &stopped), ["stopped"]);
    }
}
