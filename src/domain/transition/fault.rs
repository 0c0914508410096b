//! Who is to blame for a batch that went wrong, and what that means for its records.

use chrono::{DateTime, TimeDelta, Utc};

use super::Step;
use crate::domain::code::Code;
use crate::domain::record::{Stage, State};
use crate::domain::retry::delta;

/// Who is to blame for a batch that went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server or the way to it: costs the record nothing, and the server's breaker makes the pause.
    Server,
    /// Perhaps a record of the batch: try again in batches of at most so many.
    Batch { at_most: u32 },
    /// MTS failed on this record, sent alone. Whether it is the record or MTS shows in what MTS took otherwise: `took_at` is
    /// when it last took a batch. Counts against the record only if that was after the record first failed, and not long ago;
    /// enough of that, and the record is refused.
    Alone { took_at: Option<DateTime<Utc>> },
    /// This record, after a pause; enough of these and it is given up.
    Record,
}

/// So long a batch that MTS took shows that it works. An outage that begins then charges a record with the failures of this
/// time, fewer than it may have where pauses double.
const SHOWS: TimeDelta = TimeDelta::hours(1);
/// A record that MTS fails on alone, while nothing shows whether MTS works at all, is given up after so long: no outage is
/// to last longer, and nothing waits for ever.
pub(super) const IN_DOUBT: TimeDelta = TimeDelta::days(7);

impl Step<'_> {
    /// From MTS back to the queue.
    pub(super) fn back(&mut self, fault: Fault, stage: Stage, cause: Code) {
        let pending = |alone| State::Pending { refused: None, alone };
        match fault {
            Fault::Server => {
                self.after.state = pending(None);
                self.after.due = self.occasion.now;
            }
            Fault::Batch { at_most } => {
                self.after.state = pending(Some(at_most.max(1)));
                self.after.due = self.occasion.now;
            }
            Fault::Alone { took_at } => {
                let now = self.occasion.now;
                let since = self.after.failing_since.map_or(now, |since| since.min(now));
                self.after.failing_since = Some(since);
                if took_at.is_some_and(|took_at| took_at > since && now - took_at <= SHOWS) {
                    self.again(pending(Some(1)), stage, cause);
                    // MTS works, and not for this record: it is found out, and is tried anew once something about it changes.
                    if let State::Abandoned { cause, .. } = &self.after.state {
                        let cause = cause.clone();
                        self.reject(cause);
                    }
                } else if now - since >= IN_DOUBT {
                    self.abandon(stage, cause);
                } else {
                    self.after.state = pending(Some(1));
                    self.after.due = now + delta(self.occasion.backoff.delay(1, self.occasion.jitter));
                }
            }
            Fault::Record => self.again(pending((stage == Stage::Submit).then_some(1)), stage, cause),
        }
    }

    /// One more failure of this record: later again, or given up.
    pub(super) fn again(&mut self, state: State, stage: Stage, cause: Code) {
        self.after.failures = self.after.failures.saturating_add(1);
        if self.occasion.backoff.exhausted(self.after.failures) {
            return self.abandon(stage, cause);
        }
        self.after.state = state;
        self.after.due =
            self.occasion.now + delta(self.occasion.backoff.delay(self.after.failures, self.occasion.jitter));
    }
}
