//! When the connector runs.

use chrono::{DateTime, Utc};

use super::row::Row;
use crate::domain::timetable::{Timetable, TimetableError};

/// Most minutes between two runs: a year.
const LONGEST_INTERVAL: i64 = 366 * 24 * 60;

/// A cron expression counts before an interval.
pub(super) fn timetable(row: &mut Row<'_>, now: DateTime<Utc>) -> Option<Timetable> {
    match row.text("is_recurring") {
        Some("onetime") => Some(Timetable::Once),
        Some("recurring") => match row.text("schedule_cron") {
            Some(expression) => cron(row, expression, now),
            None => interval(row),
        },
        _ => row.problem("is_recurring", "choose Recurring or One time"),
    }
}

fn cron(row: &mut Row<'_>, expression: &str, now: DateTime<Utc>) -> Option<Timetable> {
    let zone = row.text("schedule_tz").unwrap_or("UTC");
    match Timetable::cron(expression, zone, now) {
        Ok(timetable) => Some(timetable),
        Err(error @ TimetableError::UnknownZone) => {
            row.tell("schedule_tz", error.to_string());
            // The expression may be wrong as well, and both are to be told at once.
            row.checked("schedule_cron", Timetable::cron(expression, "UTC", now)).and(None)
        }
        Err(error) => row.problem("schedule_cron", error.to_string()),
    }
}

fn interval(row: &mut Row<'_>) -> Option<Timetable> {
    let field = "interval_minutes";
    let minutes = row.number(field)?.unwrap_or(0);
    if minutes > LONGEST_INTERVAL {
        return row.problem(field, format!("at most {LONGEST_INTERVAL} minutes, a year"));
    }
    let minutes = u32::try_from(minutes).unwrap_or(0);
    row.checked(field, Timetable::every(minutes))
}
