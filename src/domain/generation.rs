//! Generations of OMC's own credentials for its receiver. MTS keeps what it is given in clear, so they are renewed from time to
//! time; what MTS got with a batch stays good until that batch is settled.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::retry::{delta, is_due};

/// Counted from 1. Nought stands for the credentials of releases that knew no generations.
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
        Self { generation: Generation(1), since: now }
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
        Self { generation: Generation(self.generation.0.saturating_add(1)), since: now }
    }
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
        assert_eq!(current.next(began), Current { generation: Generation(2), since: began });
    }
}
