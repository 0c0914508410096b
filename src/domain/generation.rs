//! Generations of OMC's own credentials for its receiver. MTS keeps what it is given in clear, so they are renewed from time to
//! time; what MTS got with a batch stays good until that batch is settled.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::retry::{delta, is_due};

/// The second of Unix time in which it began, or the number after the one before where that is greater: so a store that was made
/// anew, whose key stayed, begins above everything that was given out before. Earlier releases counted from 1. Nought stands for
/// the credentials of releases that knew no generations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u32);

/// The generation that MTS is given now, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    pub generation: Generation,
    pub since: DateTime<Utc>,
}

impl Current {
    /// The first generation of a store.
    pub fn first(now: DateTime<Utc>) -> Self {
        Self { generation: Generation(seconds(now).max(1)), since: now }
    }

    /// Whether it has been given out for `period`. One that began in the future was begun by a clock that ran ahead.
    pub fn is_due(&self, period: Duration, now: DateTime<Utc>) -> bool {
        let period = delta(period);
        match self.since.checked_add_signed(period) {
            Some(until) => is_due(until, now, period),
            None => false,
        }
    }

    /// The generation after this one.
    pub fn next(&self, now: DateTime<Utc>) -> Self {
        Self { generation: Generation(self.generation.0.saturating_add(1).max(seconds(now))), since: now }
    }
}

/// Nought before 1970, and the last of them from 2106 on.
fn seconds(at: DateTime<Utc>) -> u32 {
    u32::try_from(at.timestamp().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_generation_is_renewed_after_its_period_and_not_put_off_by_a_clock_that_ran_ahead() {
        let day = Duration::from_secs(86_400);
        let began = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let current = Current::first(began);
        assert!(!current.is_due(day, began));
        assert!(!current.is_due(day, began + TimeDelta::hours(23)));
        assert!(current.is_due(day, began + TimeDelta::hours(24)));
        assert!(current.is_due(day, began - TimeDelta::seconds(1)), "the clock ran ahead when it began");
        assert!(!current.is_due(Duration::MAX, began + TimeDelta::days(10_000)));
    }

    #[test]
    fn a_new_store_begins_above_all_that_was_given_out_before() {
        let at = |seconds: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let first = Current::first(at(1_000));
        assert_eq!(first, Current { generation: Generation(1_000), since: at(1_000) });
        assert_eq!(first.next(at(1_000)), Current { generation: Generation(1_001), since: at(1_000) });
        assert_eq!(first.next(at(5_000)).generation, Generation(5_000));
        assert_eq!(first.next(at(3)).generation, Generation(1_001), "never one of before");
        assert!(Current::first(at(5_001)).generation > first.next(at(5_000)).generation);
        // One of a release that counted.
        assert_eq!(Current { generation: Generation(7), since: at(900) }.next(at(1_000)).generation, Generation(1_000));
        assert_eq!(Current::first(at(-5)).generation, Generation(1), "nought is taken");
        assert_eq!(Current::first(at(i64::from(u32::MAX) + 5)).generation, Generation(u32::MAX));
    }
}
