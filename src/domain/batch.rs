//! A batch: the auth data of one POST to MTS, and how it is judged until nothing of it is outstanding.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::connector::CallbackAuth;
use super::delivery::Delivery;
use super::generation::Generation;
use super::identity::{BatchId, ConnectorId};
use super::retry::{delta, is_due};

/// What MTS said to the POST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Nothing (yet): MTS may be working on it.
    Unknown,
    /// Its `request_identifier`.
    Accepted(String),
}

/// How MTS was told to show, for one batch, that it may deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    pub auth: CallbackAuth,
    pub generation: Generation,
}

/// Of batches of earlier releases: their credentials were of no generation.
impl Default for Access {
    fn default() -> Self {
        Self { auth: CallbackAuth::StaticBearer, generation: Generation::default() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub id: BatchId,
    pub connector: ConnectorId,
    pub mts_url: Url,
    pub sent_at: DateTime<Utc>,
    /// How many records went with it.
    pub size: u32,
    /// How its results come; those of earlier releases were called in.
    #[serde(default)]
    pub delivery: Delivery,
    #[serde(default)]
    pub access: Access,
    pub answer: Answer,
    /// When it is given up, if MTS shows nothing else.
    pub deadline: DateTime<Utc>,
    /// How long it is waited for after the last sign of work, in whole milliseconds.
    #[serde(default)]
    pub wait: u64,
    /// Not to be looked after before.
    pub check_at: DateTime<Utc>,
    /// When MTS was first seen to be through with it.
    pub processed_at: Option<DateTime<Utc>>,
    /// When MTS was first seen not to know it.
    pub unknown_at: Option<DateTime<Utc>>,
}

/// What MTS says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `submitted`, `submitted_with_errors`, `processing`.
    Working,
    /// `processed`, `processed_with_errors`: authenticated, which is not delivered.
    Processed,
    /// `error_*`: the rest will never be delivered, and a file never be written.
    Failed,
    /// 404. MTS says so of a known request too, when its database is busy.
    NotFound,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Between two looks at one batch.
    pub interval: Duration,
    /// From `processed` to the last callback.
    pub callback_grace: Duration,
    /// At most, for a batch that MTS seems to be working on.
    pub stuck_after: Duration,
}

/// What to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Look again at [`Batch::check_at`].
    Wait,
    /// MTS is through with it: what has not come does not come any more.
    Lost(Cause),
}

/// Whose fault it is that answers are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// MTS forgot the request, or never got it, or delivery failed: the server's.
    Server,
    /// MTS delivered, and these were not in it; or it is through, and gives no file of this batch.
    Delivery,
}

/// What came of fetching the file of a batch that MTS is through with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// Everything in it was taken that could be; the rest is to be looked at again then.
    Taken { again_at: Option<DateTime<Utc>> },
    /// Not there, empty, cut, or of another batch. MTS calls a request processed before it has written the file.
    NotYet,
    /// MTS could not be asked, or did not answer.
    Silent,
}

/// What is accepted for download is not asked for anew because MTS is silent, before this many times the longest wait: the results
/// lie there, and MTS knows under which identifier.
const SILENCES: i32 = 4;

/// A batch that is asked for is not asked for more often.
const PACE: Duration = Duration::from_secs(1);

/// Two sights of a 404 must lie this far apart to be believed.
const TWICE: Duration = Duration::from_secs(10);

impl Batch {
    /// A batch about to be sent. `access` is what MTS is told to show with its answers; `expected` is how long MTS should take for
    /// everything it holds, this batch included.
    #[expect(clippy::too_many_arguments, reason = "all of these are what a batch is, and none has a default")]
    pub fn sent(
        id: BatchId,
        connector: ConnectorId,
        mts_url: Url,
        size: u32,
        access: Access,
        expected: Duration,
        patience: &Patience,
        now: DateTime<Utc>,
    ) -> Self {
        let wait = expected.saturating_mul(3).max(patience.callback_grace).min(patience.stuck_after);
        Self {
            id,
            connector,
            mts_url,
            sent_at: now,
            size,
            delivery: Delivery::Callback,
            access,
            answer: Answer::Unknown,
            deadline: now + delta(wait),
            wait: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            check_at: now + delta(patience.interval),
            processed_at: None,
            unknown_at: None,
        }
    }

    /// Whether it is to be looked after now.
    pub fn is_due(&self, patience: &Patience, now: DateTime<Utc>) -> bool {
        is_due(self.check_at, now, delta(patience.interval.max(TWICE)))
    }

    /// Takes back what lies ahead of `now`, where the time that it goes by was lost (an old copy of the store): nothing of it
    /// happened later, and it is waited for no longer than if its time began now.
    pub fn forget_the_future(&mut self, patience: &Patience, now: DateTime<Utc>) {
        let no_later = |seen: Option<DateTime<Utc>>| seen.map(|seen| seen.min(now));
        self.sent_at = self.sent_at.min(now);
        self.processed_at = no_later(self.processed_at);
        self.unknown_at = no_later(self.unknown_at);
        self.deadline = self.deadline.min(now + self.longest_wait(patience));
    }

    fn longest_wait(&self, patience: &Patience) -> TimeDelta {
        // Batches of earlier releases do not tell how long they are waited for.
        let wait = if self.wait == 0 { patience.stuck_after } else { Duration::from_millis(self.wait) };
        delta(wait.max(patience.callback_grace))
    }

    /// Whether its results lie at MTS under an identifier that is known, so that they can be had however late.
    fn can_be_fetched(&self) -> bool {
        self.delivery.is_download() && matches!(self.answer, Answer::Accepted(_))
    }

    /// Judges by the time alone: for a batch whose answer is not known, or whose MTS cannot be asked.
    pub fn judge_unanswered(&mut self, patience: &Patience, now: DateTime<Utc>) -> Verdict {
        self.forget_the_future(patience, now);
        let longest = delta(patience.stuck_after.max(patience.callback_grace)) * SILENCES;
        let deadline = if self.can_be_fetched() { self.sent_at + longest } else { self.deadline };
        if now >= deadline {
            return Verdict::Lost(Cause::Server);
        }
        self.look_again(patience, now)
    }

    /// Judges by what MTS says of the request now. `overtaken`: MTS is through with a batch that was sent later, so that one it
    /// still calls working may have gone down with its queue.
    pub fn judge(&mut self, status: Status, overtaken: bool, patience: &Patience, now: DateTime<Utc>) -> Verdict {
        self.forget_the_future(patience, now);
        if status != Status::NotFound {
            self.unknown_at = None;
        }
        match status {
            Status::Failed => return Verdict::Lost(Cause::Server),
            Status::Processed => {
                let since = *self.processed_at.get_or_insert(now);
                // A download is not late before it was looked for once more.
                if !self.delivery.is_download() && now >= since + delta(patience.callback_grace) {
                    return Verdict::Lost(Cause::Delivery);
                }
            }
            Status::NotFound => {
                let since = *self.unknown_at.get_or_insert(now);
                if now >= since + delta(TWICE) {
                    return Verdict::Lost(Cause::Server);
                }
                self.check_at = now + delta(TWICE);
                return Verdict::Wait;
            }
            Status::Working => {
                // A call that comes late still counts. A file has to be fetched, and is worth waiting for while nothing speaks
                // against it.
                let patient = self.can_be_fetched() && !overtaken;
                let deadline = if patient {
                    self.deadline.max(self.sent_at + delta(patience.stuck_after.max(patience.callback_grace)))
                } else {
                    self.deadline
                };
                if now >= deadline {
                    return Verdict::Lost(Cause::Server);
                }
            }
        }
        self.look_again(patience, now)
    }

    /// Something of it came: it is alive.
    pub fn progressed(&mut self, patience: &Patience, now: DateTime<Utc>) {
        self.wait_anew(patience, now);
        if self.processed_at.is_some() {
            self.processed_at = Some(now);
        }
    }

    /// Its MTS works, on it or on what was sent before it: its time begins anew, up to the limit for all.
    pub fn wait_anew(&mut self, patience: &Patience, now: DateTime<Utc>) {
        self.forget_the_future(patience, now);
        let again = now + delta(Duration::from_millis(self.wait)).max(delta(patience.callback_grace));
        let last = self.sent_at + delta(patience.stuck_after.max(patience.callback_grace));
        self.deadline = self.deadline.max(again.min(last));
    }

    /// Judges by what came of fetching its file, right after [`Batch::judge`] has waited.
    pub fn judge_file(&mut self, fetched: Fetched, patience: &Patience, now: DateTime<Utc>) -> Verdict {
        match fetched {
            Fetched::Taken { again_at } => {
                // The file is good: the wait for it is over, and may begin anew.
                self.processed_at = Some(now);
                self.wait_anew(patience, now);
                let latest = now + delta(patience.interval);
                self.check_at = again_at.map_or(latest, |at| at.clamp(now + self.pace(patience, now), latest));
                Verdict::Wait
            }
            Fetched::NotYet => {
                let since = *self.processed_at.get_or_insert(now);
                if now >= since + delta(patience.callback_grace) {
                    return Verdict::Lost(Cause::Delivery);
                }
                self.look_again(patience, now)
            }
            Fetched::Silent => self.judge_unanswered(patience, now),
        }
    }

    /// MTS has taken it: when it is to be asked for the first time.
    pub fn accepted(&mut self, request_identifier: String, patience: &Patience, now: DateTime<Utc>) {
        self.answer = Answer::Accepted(request_identifier);
        self.check_at = match self.delivery {
            Delivery::Callback => self.check_at.max(now),
            Delivery::Download(_) | Delivery::Elsewhere => now + self.pace(patience, now),
        };
    }

    fn look_again(&mut self, patience: &Patience, now: DateTime<Utc>) -> Verdict {
        self.check_at = now + self.pace(patience, now);
        Verdict::Wait
    }

    /// The time between two looks. What is called in needs none; what is to be fetched is asked for after half the time that it
    /// has taken so far, so that a result lies about for half as long as it took at most, and few questions are asked.
    fn pace(&self, patience: &Patience, now: DateTime<Utc>) -> TimeDelta {
        let longest = delta(patience.interval);
        match self.delivery {
            Delivery::Callback => longest,
            Delivery::Download(_) | Delivery::Elsewhere => {
                let so_far = now - self.processed_at.unwrap_or(self.sent_at);
                (so_far / 2).max(delta(PACE)).min(longest)
            }
        }
    }
}

#[cfg(test)]
mod tests;
