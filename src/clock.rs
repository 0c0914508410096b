//! The one source of the present time. Every stored time comes from a [`Clock`] handed down from `main`, so that tests can
//! move it by hand; sleeping is tokio's business.
//!
//! There are two times. The *wall* clock ([`Clock::now`]) says what people, Odoo and MTS call now: timetables, cursors,
//! expiry dates and all that is shown go by it. It can be wrong and be set right: a machine without a battery boots in 1970, an
//! operator mistypes a year. *Steady* time ([`Steady`]) says how much time has passed: retries, breakers and the waiting for
//! MTS go by it, so that setting the clock ends no wait early and none late. Its rule:
//!
//! - A new store's steady time begins at the wall clock's.
//! - Within a boot of the machine it goes as the machine's uptime does, across restarts of the daemon too.
//! - Across a boot it goes on by what the wall clock says has passed since the last [`Mark`], and never back: where the clock
//!   is behind that mark, no time has passed.
//!
//! Steady time is never set to the wall clock again. The two may differ for ever, and nothing compares them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Tells the time of day, in UTC, and how long the machine has been up.
pub trait Clock: std::fmt::Debug + Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    /// Never set: within a boot it only grows.
    fn uptime(&self) -> Uptime;
}

/// How long the machine has been up, the time that it slept included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// Names the boot; empty where the machine does not tell.
    pub boot: Arc<str>,
    pub since: Duration,
}

impl Uptime {
    /// What has passed since an earlier reading, if both are of one boot.
    fn passed_since(&self, earlier: &Self) -> Option<Duration> {
        if self.boot.is_empty() || self.boot != earlier.boot { None } else { self.since.checked_sub(earlier.since) }
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// Linux: random(4).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn uptime(&self) -> Uptime {
        static BOOT: OnceLock<Arc<str>> = OnceLock::new();
        let boot = BOOT.get_or_init(|| std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().into());
        let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(up.tv_sec), u32::try_from(up.tv_nsec));
        Uptime { boot: Arc::clone(boot), since: Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0)) }
    }
}

/// A moment in both times; kept, so that steady time goes on from it after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    steady: DateTime<Utc>,
    wall: DateTime<Utc>,
    uptime: Uptime,
}

/// Steady time: how much has passed, whatever was done to the wall clock. Clones share one time.
#[derive(Debug, Clone)]
pub struct Steady {
    clock: Arc<dyn Clock>,
    began: Arc<Mark>,
}

impl Steady {
    /// Goes on from the mark that was kept last; without one, from the wall clock.
    pub fn resume(clock: Arc<dyn Clock>, kept: Option<&Mark>) -> Self {
        let (wall, uptime) = (clock.now(), clock.uptime());
        let steady = kept.map_or(wall, |kept| {
            let passed = match uptime.passed_since(&kept.uptime) {
                Some(passed) => TimeDelta::from_std(passed).unwrap_or_default(),
                None => (wall - kept.wall).max(TimeDelta::zero()),
            };
            kept.steady + passed
        });
        Self { clock, began: Arc::new(Mark { steady, wall, uptime }) }
    }

    /// The time to wait by.
    pub fn now(&self) -> DateTime<Utc> {
        self.at(&self.clock.uptime())
    }

    /// The time of day beside it, for what people read.
    pub fn wall(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// This moment, to be kept.
    pub fn mark(&self) -> Mark {
        let uptime = self.clock.uptime();
        Mark { steady: self.at(&uptime), wall: self.clock.now(), uptime }
    }

    fn at(&self, uptime: &Uptime) -> DateTime<Utc> {
        let passed = uptime.since.saturating_sub(self.began.uptime.since);
        self.began.steady + TimeDelta::from_std(passed).unwrap_or_default()
    }
}

/// A clock that moves only when told to. Clones share one time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Manual>>);

#[derive(Debug)]
struct Manual {
    wall: DateTime<Utc>,
    boots: u32,
    since: Duration,
}

impl ManualClock {
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(Manual { wall: now, boots: 1, since: Duration::ZERO })))
    }

    /// Time passes.
    pub fn advance(&self, by: Duration) {
        self.step(TimeDelta::from_std(by).unwrap_or_default());
        self.run(by);
    }

    /// The wall clock alone is set, ahead or back, as an operator or NTP might.
    pub fn step(&self, by: TimeDelta) {
        self.manual().wall += by;
    }

    /// Time passes that the wall clock does not show: it is being held back.
    pub fn run(&self, by: Duration) {
        self.manual().since += by;
    }

    /// The machine starts anew; the wall clock goes on as it was.
    pub fn boot(&self) {
        let mut manual = self.manual();
        manual.boots += 1;
        manual.since = Duration::ZERO;
    }

    fn manual(&self) -> std::sync::MutexGuard<'_, Manual> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.manual().wall
    }

    fn uptime(&self) -> Uptime {
        let manual = self.manual();
        Uptime { boot: format!("boot {}", manual.boots).into(), since: manual.since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: TimeDelta = TimeDelta::days(1);

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn after(hours: i64) -> DateTime<Utc> {
        start() + TimeDelta::hours(hours)
    }

    fn clock() -> (ManualClock, Arc<dyn Clock>) {
        let clock = ManualClock::at(start());
        (clock.clone(), Arc::new(clock))
    }

    #[test]
    fn setting_the_wall_clock_moves_steady_time_neither_way() {
        let (manual, clock) = clock();
        let steady = Steady::resume(clock, None);
        assert_eq!(steady.now(), start());
        for step in [DAY, DAY * -2, DAY * 400, DAY * -399] {
            manual.step(step);
            assert_eq!(steady.now(), start());
        }
        assert_eq!(steady.wall(), start());
        manual.run(HOUR);
        assert_eq!((steady.now(), steady.wall()), (after(1), start()));
        manual.advance(HOUR);
        assert_eq!((steady.now(), steady.wall()), (after(2), after(1)));
    }

    #[test]
    fn within_a_boot_a_restart_counts_the_uptime_whatever_the_wall_clock_says() {
        let (manual, clock) = clock();
        let kept = Steady::resume(Arc::clone(&clock), None).mark();
        manual.advance(HOUR);
        manual.step(DAY * -3);
        assert_eq!(Steady::resume(Arc::clone(&clock), Some(&kept)).now(), after(1));
        manual.step(DAY * 30);
        assert_eq!(Steady::resume(clock, Some(&kept)).now(), after(1));
    }

    #[test]
    fn across_a_boot_the_wall_clock_says_what_has_passed_and_steady_time_never_goes_back() {
        let (manual, clock) = clock();
        let kept = Steady::resume(Arc::clone(&clock), None).mark();
        manual.boot();
        manual.advance(HOUR);
        let resumed = Steady::resume(Arc::clone(&clock), Some(&kept));
        assert_eq!(resumed.now(), after(1));
        let kept = resumed.mark();
        // The battery is dead: the clock is a day behind until NTP sets it.
        manual.boot();
        manual.step(-DAY);
        let behind = Steady::resume(Arc::clone(&clock), Some(&kept));
        assert_eq!(behind.now(), after(1), "nothing is known to have passed");
        manual.step(DAY);
        manual.advance(HOUR);
        assert_eq!(behind.now(), after(2));
        // What the daemon kept since is right across the next boot too.
        let kept = behind.mark();
        manual.boot();
        manual.advance(HOUR);
        assert_eq!(Steady::resume(clock, Some(&kept)).now(), after(3));
    }

    #[test]
    fn a_machine_that_does_not_name_its_boots_goes_by_the_wall_clock_at_a_restart() {
        let nameless = |since| Uptime { boot: "".into(), since };
        assert_eq!(nameless(HOUR * 2).passed_since(&nameless(HOUR)), None);
        let named = |since| Uptime { boot: "a".into(), since };
        assert_eq!(named(HOUR * 2).passed_since(&named(HOUR)), Some(HOUR));
        assert_eq!(named(HOUR).passed_since(&named(HOUR * 2)), None, "an uptime that shrank is another boot's");
    }

    #[test]
    fn the_machine_tells_its_uptime() {
        let (first, second) = (SystemClock.uptime(), SystemClock.uptime());
        assert!(first.since > Duration::ZERO && second.passed_since(&first).is_some_and(|passed| passed < HOUR));
    }
}
