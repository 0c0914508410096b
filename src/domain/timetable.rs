//! When a connector is due: computed from the stored start of its last run, so that it holds across restarts and DST.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use serde::{Deserialize, Serialize};

/// When a connector runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timetable {
    /// Every so many minutes, counted from the start of the run before; at least one.
    Every { minutes: u32 },
    /// A cron expression of five or six fields, on the wall clock of a time zone.
    Cron { expression: String, zone: Tz },
    /// Once, when the connector is started.
    Once,
}

/// Why a cron expression or its zone is no timetable.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimetableError {
    #[error("the interval must be at least one minute")]
    NoInterval,
    #[error("not a cron expression; write five fields, for example `30 2 * * *` for 02:30 every night")]
    NotCron,
    #[error("this cron expression never comes due (does its day exist?)")]
    NeverDue,
    #[error("unknown time zone; write a name such as `Africa/Addis_Ababa` or `UTC`")]
    UnknownZone,
}

impl Timetable {
    pub fn every(minutes: u32) -> Result<Self, TimetableError> {
        if minutes == 0 { Err(TimetableError::NoInterval) } else { Ok(Self::Every { minutes }) }
    }

    /// Checks that the expression parses and has a time after `from`.
    pub fn cron(expression: &str, zone: &str, from: DateTime<Utc>) -> Result<Self, TimetableError> {
        let zone = Tz::from_str(zone).map_err(|_| TimetableError::UnknownZone)?;
        let cron = parse_cron(expression).ok_or(TimetableError::NotCron)?;
        next_tick(&cron, zone, from).ok_or(TimetableError::NeverDue)?;
        Ok(Self::Cron { expression: expression.trim().to_owned(), zone })
    }

    /// The next time this connector is due, given the start of its last run.
    ///
    /// Never run means due now. A last run that lies after `now` (the clock was set back) counts as `now`, so that a
    /// connector is at most one interval late. `None`: never again (a one-time connector that has run).
    pub fn due(&self, last_start: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Some(last) = last_start.map(|last| last.min(now)) else {
            return Some(now);
        };
        match self {
            Self::Every { minutes } => Some(last + TimeDelta::minutes(i64::from(*minutes))),
            Self::Cron { expression, zone } => next_tick(&parse_cron(expression)?, *zone, last),
            Self::Once => None,
        }
    }
}

/// Two things are refused here that croner takes, and then looks for through thousands of years, for seconds: a list with nothing
/// between two commas, and a plus of its own making, which crontab does not have.
fn parse_cron(expression: &str) -> Option<Cron> {
    if expression.split_whitespace().flat_map(|field| field.split(',')).any(str::is_empty) || expression.contains('+') {
        return None;
    }
    CronParser::builder().seconds(Seconds::Optional).build().parse(expression.trim()).ok()
}

/// croner keeps the sub-seconds of where it starts from, so they are cut first.
fn next_tick(cron: &Cron, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    use chrono::SubsecRound;
    let after = after.trunc_subsecs(0).with_timezone(&zone);
    cron.find_next_occurrence(&after, false).ok().map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
    }

    #[test]
    fn never_run_is_due_now() {
        let now = at("2026-03-01T10:00:00Z");
        assert_eq!(Timetable::Once.due(None, now), Some(now));
        assert_eq!(Timetable::every(5).unwrap().due(None, now), Some(now));
        assert_eq!(Timetable::Once.due(Some(now), now), None);
    }

    #[test]
    fn an_interval_counts_from_the_last_start_and_a_clock_set_back_is_clamped() {
        let table = Timetable::every(30).unwrap();
        let now = at("2026-03-01T10:00:00Z");
        assert_eq!(table.due(Some(at("2026-03-01T09:50:00Z")), now), Some(at("2026-03-01T10:20:00Z")));
        assert_eq!(table.due(Some(at("2027-01-01T00:00:00Z")), now), Some(at("2026-03-01T10:30:00Z")));
    }

    #[test]
    fn cron_keeps_the_wall_clock_across_summer_time() {
        let table = Timetable::cron("30 9 * * *", "Europe/Paris", at("2026-03-01T00:00:00Z")).unwrap();
        let before = table.due(Some(at("2026-03-27T09:00:00Z")), at("2026-03-27T09:00:00Z"));
        assert_eq!(before, Some(at("2026-03-28T08:30:00Z")));
        let after = table.due(before, at("2026-03-28T12:00:00Z"));
        assert_eq!(after, Some(at("2026-03-29T07:30:00Z")));
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let now = at("2026-03-01T00:00:00Z");
        assert_eq!(Timetable::every(0), Err(TimetableError::NoInterval));
        assert_eq!(Timetable::cron("soon", "UTC", now), Err(TimetableError::NotCron));
        assert_eq!(Timetable::cron("0 2 30 2 *", "UTC", now), Err(TimetableError::NeverDue));
        for empty in ["29 , * * 0-4", "0,, 2 * * *", "0 2 * * ,1", "4/60 * 21 6 +"] {
            assert_eq!(Timetable::cron(empty, "UTC", now), Err(TimetableError::NotCron), "{empty}");
        }
        assert_eq!(Timetable::cron("0 2 * * *", "Mars/Olympus", now), Err(TimetableError::UnknownZone));
    }

    #[test]
    fn five_fields_or_day_of_month_with_weekday_as_crontab_does() {
        let table = Timetable::cron("0 9 1 * FRI", "UTC", at("2026-03-01T00:00:00Z")).unwrap();
        let next = table.due(Some(at("2026-03-02T00:00:00Z")), at("2026-03-02T00:00:00Z"));
        assert_eq!(next, Some(at("2026-03-06T09:00:00Z")), "the Friday, not only a first that is a Friday");
    }
}
