//! What people are to be told of a connector when it begins and when it ends, and never in between.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::identity::ConnectorId;

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// The definition is wrong, or something that the connector needs fails.
    Stuck,
    /// Its last run gave registrants up.
    GivenUp,
    /// Of its last run, more were refused than are to be.
    ManyRefused,
}

impl Alarm {
    /// At the door of the addon.
    pub fn code(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::GivenUp => "given_up",
            Self::ManyRefused => "many_refused",
        }
    }

    /// In the store.
    pub fn letter(self) -> u8 {
        match self {
            Self::Stuck => b's',
            Self::GivenUp => b'g',
            Self::ManyRefused => b'r',
        }
    }
}

/// How an alarm stands. In steady time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Since when it holds, if it does.
    pub since: Option<DateTime<Utc>>,
    /// People were told that it began, and not that it ended.
    pub told: bool,
    /// When they were last told that it began.
    pub last: Option<DateTime<Utc>>,
}

/// What people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    Begins,
    Ends,
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    /// Before it is told that an alarm began.
    pub patience: TimeDelta,
    /// Between two times that the same alarm is told to begin.
    pub between: TimeDelta,
}

impl Standing {
    /// What becomes of it when the alarm is seen to hold, or not to hold.
    pub fn seen(&self, holds: bool, pauses: Pauses, now: DateTime<Utc>) -> (Self, Option<Turn>) {
        if !holds {
            let turn = self.told.then_some(Turn::Ends);
            return (Self { since: None, told: false, last: self.last }, turn);
        }
        let since = self.since.unwrap_or(now);
        let is_time = now - since >= pauses.patience && self.last.is_none_or(|last| now - last >= pauses.between);
        if self.told || !is_time {
            return (Self { since: Some(since), ..self.clone() }, None);
        }
        (Self { since: Some(since), told: true, last: Some(now) }, Some(Turn::Begins))
    }
}

/// How many refusals of a run are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Threshold {
    /// Of a hundred registrants that a run found.
    Percent(u64),
    Count(u64),
}

/// Fewer refusals are no share of anything.
const LEAST: u64 = 5;

impl Threshold {
    pub fn is_passed(self, refused: u64, found: u64) -> bool {
        match self {
            Self::Percent(percent) => {
                refused >= LEAST && u128::from(refused) * 100 > u128::from(found) * u128::from(percent)
            }
            Self::Count(count) => refused > count,
        }
    }
}

impl FromStr for Threshold {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write a share such as \"10%\", or a number such as \"500\"";
        match text.trim().strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim().parse().ok().filter(|percent| *percent <= 100);
                percent.map(Self::Percent).ok_or(wrong)
            }
            None => text.trim().parse().map(Self::Count).map_err(|_| wrong),
        }
    }
}

impl TryFrom<String> for Threshold {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.to_string()
    }
}

/// What is sent to people: no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub subject: String,
    pub text: String,
    /// If it is for Odoo, which says it in words of its own; the others are for the notifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<News>,
}

/// What Odoo is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    pub connector: ConnectorId,
    pub alarm: Alarm,
    pub turn: Turn,
    /// Where it is about a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
}

/// Of the run that an alarm is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Registrants of whom it is to be told.
    pub count: u64,
    pub found: u64,
    /// That was passed, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Threshold>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSES: Pauses = Pauses { patience: TimeDelta::hours(1), between: TimeDelta::hours(6) };

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    /// What is told at which minute, of an alarm that is seen so.
    fn told(seen: &[(i64, bool)]) -> Vec<(i64, Turn)> {
        let mut standing = Standing::default();
        let mut told = Vec::new();
        for (minute, holds) in seen {
            let (after, turn) = standing.seen(*holds, PAUSES, at(*minute));
            told.extend(turn.map(|turn| (*minute, turn)));
            standing = after;
        }
        told
    }

    #[test]
    fn it_is_told_once_when_it_has_lasted_and_once_when_it_ends() {
        let seen = [(0, true), (59, true), (60, true), (61, true), (600, true), (601, false), (602, false)];
        assert_eq!(told(&seen), [(60, Turn::Begins), (601, Turn::Ends)]);
        assert!(told(&[(0, true), (59, true), (60, false)]).is_empty(), "it did not last");
    }

    #[test]
    fn what_comes_and_goes_is_told_once_in_a_while() {
        let seen = [(0, true), (60, true), (70, false), (80, true), (200, true), (420, true), (430, false)];
        assert_eq!(told(&seen), [(60, Turn::Begins), (70, Turn::Ends), (420, Turn::Begins), (430, Turn::Ends)]);
        assert_eq!(told(&[(0, true), (60, true), (70, false), (80, true), (200, false)]).len(), 2, "nothing to end");
    }

    #[test]
    fn a_threshold_is_a_share_or_a_number() {
        let threshold = |text: &str| text.parse::<Threshold>();
        assert_eq!(threshold("10%"), Ok(Threshold::Percent(10)));
        assert_eq!(threshold(" 500 "), Ok(Threshold::Count(500)));
        for wrong in ["", "%", "101%", "-1", "ten", "1.5%"] {
            assert!(threshold(wrong).is_err(), "{wrong}");
        }
        assert!(Threshold::Percent(10).is_passed(11, 100) && !Threshold::Percent(10).is_passed(10, 100));
        assert!(!Threshold::Percent(10).is_passed(4, 4), "four people are no share");
        assert!(Threshold::Percent(0).is_passed(5, 1000));
        assert!(Threshold::Count(2).is_passed(3, 3) && !Threshold::Count(2).is_passed(2, 2));
    }
}
