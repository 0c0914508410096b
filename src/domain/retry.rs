//! How long to wait before trying again. Judging a failure, computing the delay and sleeping are three things; this is the
//! second.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Delays that double from `base` to `max`, and a number of attempts after which trying ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    attempts: u16,
}

/// Why these numbers make no backoff.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BackoffError {
    #[error("`base` must be above zero")]
    NoBase,
    #[error("`max` must not be below `base`, nor above one day")]
    BadMax,
    #[error("`attempts` must be at least 1")]
    NoAttempts,
}

impl Backoff {
    pub fn new(base: Duration, max: Duration, attempts: u16) -> Result<Self, BackoffError> {
        match () {
            () if base.is_zero() => Err(BackoffError::NoBase),
            () if max < base || max > Duration::from_secs(86_400) => Err(BackoffError::BadMax),
            () if attempts == 0 => Err(BackoffError::NoAttempts),
            () => Ok(Self { base, max, attempts }),
        }
    }

    /// The delay after the `failures`th failure in a row (1 is the first). `jitter` from 0 to 1 takes away up to half, so
    /// that what failed together does not come back together.
    pub fn delay(&self, failures: u16, jitter: f64) -> Duration {
        let doublings = u32::from(failures.saturating_sub(1)).min(30);
        let full = self.base.saturating_mul(1 << doublings).min(self.max);
        full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// No delay is longer.
    pub fn longest(&self) -> TimeDelta {
        delta(self.max)
    }

    /// Whether so many failures are enough.
    pub fn exhausted(&self, failures: u16) -> bool {
        failures >= self.attempts
    }
}

/// Keeps a failing server from being asked again and again: after a failure it stays shut for a growing time, then lets one
/// caller through. After a success it is thrown away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u16,
    shut_until: Option<DateTime<Utc>>,
}

impl Breaker {
    /// `None`: go ahead. Otherwise the time from which to ask again.
    pub fn shut_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.shut_until.filter(|until| *until > now)
    }

    /// A failed call; several that were under way together count as one. Returns the time from which to ask again.
    pub fn failed(&mut self, backoff: &Backoff, jitter: f64, now: DateTime<Utc>) -> DateTime<Utc> {
        if let Some(until) = self.shut_until(now) {
            return until;
        }
        self.failures = self.failures.saturating_add(1);
        let until = now + delta(backoff.delay(self.failures, jitter));
        self.shut_until = Some(until);
        until
    }
}

/// Whether what was put off until `until`, by no more than `longest`, is due. Further ahead than that it can only lie where
/// the time that it goes by was lost (an old copy of the store): then it is due as well, so that work resumes at once.
pub fn is_due(until: DateTime<Utc>, now: DateTime<Utc>, longest: TimeDelta) -> bool {
    until <= now || until - now > longest
}

/// A duration as chrono counts it; what is too long for it is its longest.
pub fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(Duration::from_secs(2), Duration::from_secs(60), 5).unwrap()
    }

    #[test]
    fn nonsense_is_refused() {
        let second = Duration::from_secs(1);
        assert_eq!(Backoff::new(Duration::ZERO, second, 1), Err(BackoffError::NoBase));
        assert_eq!(Backoff::new(second * 2, second, 1), Err(BackoffError::BadMax));
        assert_eq!(Backoff::new(second, second, 0), Err(BackoffError::NoAttempts));
    }

    #[test]
    fn delays_double_to_the_limit() {
        let delays: Vec<u64> = (1..=7).map(|failures| backoff().delay(failures, 0.0).as_secs()).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 60, 60]);
        assert!(!backoff().exhausted(4) && backoff().exhausted(5));
    }

    proptest! {
        #[test]
        fn a_delay_lies_between_half_and_the_limit(failures: u16, jitter in 0.0..=1.0_f64) {
            let delay = backoff().delay(failures, jitter);
            prop_assert!(delay >= Duration::from_secs(1) && delay <= Duration::from_secs(60));
        }
    }

    #[test]
    fn a_breaker_shuts_longer_each_time() {
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let mut breaker = Breaker::default();
        assert_eq!(breaker.shut_until(start), None);
        let first = breaker.failed(&backoff(), 0.0, start);
        assert_eq!(first, start + TimeDelta::seconds(2));
        assert_eq!(breaker.failed(&backoff(), 0.0, start), first, "calls that fail together count once");
        assert_eq!(breaker.shut_until(first), None);
        assert_eq!(breaker.failed(&backoff(), 0.0, first), first + TimeDelta::seconds(4));
    }

    #[test]
    fn what_lies_further_ahead_than_it_can_is_due() {
        let (now, longest) = (DateTime::<Utc>::UNIX_EPOCH, TimeDelta::seconds(60));
        for (ahead, due) in [(-1, true), (0, true), (1, false), (60, false), (61, true)] {
            assert_eq!(is_due(now + TimeDelta::seconds(ahead), now, longest), due, "{ahead}");
        }
    }
}
