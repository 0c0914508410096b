//! A run: one pass of a connector over the registry.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::identity::{ConnectorId, RunId};
use super::odk;
use super::record::Bucket;

/// Why a run started, and what it looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// By the timetable: what changed since the cursor.
    Schedule,
    /// By the timetable of full passes: everybody.
    Sweep,
    /// An administrator asked: everybody.
    Manual,
    /// The one run of a one-time connector: everybody.
    OneTime,
}

impl Kind {
    /// Whether it goes through everybody, whatever changed when.
    pub fn is_full(self) -> bool {
        !matches!(self, Self::Schedule)
    }

    /// As Odoo's `omc.run.trigger` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Sweep => "sweep",
            Self::Manual => "manual",
            Self::OneTime => "one_time",
        }
    }
}

/// How far a run is.
///
/// ```text
/// Pulling --- last page admitted ---> Settling --- no record of it open ---> Done
///    +---------- stopped ----------------+--------------------------------> Stopped
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Pulling,
    Settling,
    Done,
    Stopped,
}

/// How many registrants a run found, and where they are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub found: u64,
    /// Went to MTS at least once.
    pub submitted: u64,
    pub tokens: u64,
    pub rejected: u64,
    pub abandoned: u64,
    /// Nothing was to be done any more.
    pub left: u64,
}

impl Counters {
    /// Still under way.
    pub fn open(&self) -> u64 {
        self.found.saturating_sub(self.tokens + self.rejected + self.abandoned + self.left)
    }

    /// Moves one record.
    pub fn moved(&mut self, from: Bucket, to: Bucket) {
        if from == to {
            return;
        }
        if let Some(count) = self.of(from) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.of(to) {
            *count += 1;
        }
    }

    fn of(&mut self, bucket: Bucket) -> Option<&mut u64> {
        match bucket {
            Bucket::Open => None,
            Bucket::Rejected => Some(&mut self.rejected),
            Bucket::Abandoned => Some(&mut self.abandoned),
            Bucket::Tokenised => Some(&mut self.tokens),
            Bucket::Left => Some(&mut self.left),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub connector: ConnectorId,
    pub kind: Kind,
    pub phase: Phase,
    pub started: DateTime<Utc>,
    pub ended: Option<DateTime<Utc>>,
    /// Registrants up to this id are admitted.
    pub last_id: u32,
    /// Only registrants changed since; unset for a full run.
    pub since: Option<DateTime<Utc>>,
    /// Of the definition that it began with.
    #[serde(default)]
    pub definition: String,
    /// Where the cursor goes when the last page is admitted: Odoo's time at the first page, less the overlap.
    pub horizon: Option<DateTime<Utc>>,
    pub counters: Counters,
    /// Its connector was stopped while some of it waited to be sent, and they were let go.
    #[serde(default)]
    pub cut: bool,
    /// The row of `omc.run` that shows it.
    pub odoo_run: Option<u32>,
}

impl Run {
    pub fn new(
        id: RunId,
        connector: ConnectorId,
        kind: Kind,
        since: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            connector,
            kind,
            phase: Phase::Pulling,
            started: now,
            ended: None,
            last_id: 0,
            since: if kind.is_full() { None } else { since },
            definition: String::new(),
            horizon: None,
            counters: Counters::default(),
            cut: false,
            odoo_run: None,
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Stopped)
    }

    /// Ends a run before its time.
    pub fn stop(&mut self, now: DateTime<Utc>) {
        self.phase = Phase::Stopped;
        self.ended = Some(now);
    }

    /// Ends a run whose pages are all admitted and whose records are all settled. Tells whether it ended now.
    pub fn settle(&mut self, now: DateTime<Utc>) -> bool {
        let over = self.phase == Phase::Settling && self.counters.open() == 0;
        if over {
            self.phase = Phase::Done;
            self.ended = Some(now);
        }
        over
    }
}

/// Where a connector stands in the registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// What changed before is admitted.
    pub changed_since: Option<DateTime<Utc>>,
    /// Start of the last run by the timetable, or of the one run of a one-time connector.
    pub last_scheduled: Option<DateTime<Utc>>,
    /// Start of the last full run.
    pub last_full: Option<DateTime<Utc>>,
    /// Of the definition that the last full run went by; another one calls for a full run.
    pub definition: Option<String>,
    /// Where a form of ODK is read in place of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub odk: Option<odk::Cursor>,
}

impl Cursor {
    /// Takes back what a clock that ran ahead left here: no run began later than `now`, by the wall clock. Tells whether there was
    /// any such thing. Kept at once, or else the connector would be due one interval after *whenever* it is asked.
    pub fn forget_the_future(&mut self, now: DateTime<Utc>) -> bool {
        let mut forgot = false;
        for began in [&mut self.last_scheduled, &mut self.last_full].into_iter().flatten() {
            forgot |= *began > now;
            *began = now.min(*began);
        }
        forgot
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn runs_of_a_clock_that_ran_ahead_count_as_begun_when_that_is_seen() {
        let now = DateTime::UNIX_EPOCH;
        let (before, ahead) = (now - TimeDelta::hours(1), now + TimeDelta::days(400));
        let mut cursor = Cursor { last_scheduled: Some(ahead), last_full: Some(before), ..Cursor::default() };
        assert!(cursor.forget_the_future(now));
        assert_eq!((cursor.last_scheduled, cursor.last_full), (Some(now), Some(before)));
        assert!(!cursor.forget_the_future(now));
        assert!(!Cursor::default().forget_the_future(now));
    }
}
