//! How a record changes: one pure function.

mod event_name;
mod fault;

use chrono::{DateTime, Utc};

use super::code::{Class, Code};
use super::identity::{BatchId, ConnectorId, RunId};
use super::opaque::{Digest, Nonce, Sealed};
use super::record::{Attempt, Bucket, HeldToken, HeldVid, Record, Stage, State};
use super::retry::{Backoff, delta};
pub use fault::Fault;

/// What happened to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A run found the registrant eligible.
    Met { run: RunId, connector: ConnectorId },
    /// An administrator wants it tried again.
    Requeued,
    /// When prepared: not eligible any more.
    Left,
    /// When prepared: must not be sent.
    Refused { code: Code, vid: Option<HeldVid>, data: Option<Digest> },
    /// When prepared: refused before, and nothing has changed since. VID and data as they are held from now on.
    Unchanged { vid: HeldVid, data: Digest },
    /// Refused before, and not looked at again: its connector is stopped.
    StillRefused,
    /// Put into a batch that is about to be sent.
    Sent { batch: BatchId, line: u32, nonce: Nonce, vid: HeldVid, data: Digest },
    /// The batch was surely not taken by MTS.
    NotTaken { batch: BatchId, fault: Fault },
    /// The batch is settled, and nothing came for this record.
    AnswerMissing { batch: BatchId, fault: Fault },
    /// MTS gave a token.
    Token { nonce: Nonce, token: Sealed, digest: Digest, values: Option<Sealed> },
    /// MTS gave an error. `others_pass`: in the same delivery others got tokens, so that it cannot be everybody's.
    Error { nonce: Nonce, code: Code, others_pass: bool },
    /// What became of the write-back.
    Written(AfterWrite),
    /// The key that its digests and correlations hung on is not to be believed any more.
    KeyDiscarded,
}

/// What the writing of a token back means for its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterWrite {
    /// The token is there, and the VID is gone or is to stay.
    Complete,
    /// The token is there, the VID is still to be removed.
    TokenThere,
    /// Somebody else holds the registrant, or the row failed for a passing reason.
    Later,
    /// The registrant holds another token.
    Conflict,
    /// The VID is not the one that was submitted, or the registrant is gone.
    Superseded,
    /// Odoo will not have this token.
    Refused(Code),
}

/// When it happened, and how patient to be.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// In steady time: what is put off is put off from here.
    pub now: DateTime<Utc>,
    /// The time of day, for what people read.
    pub wall: DateTime<Utc>,
    pub backoff: &'a Backoff,
    /// From 0 to 1.
    pub jitter: f64,
}

/// Why an event changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// Already so: a repeat.
    Repeat,
    /// Of an attempt that is no longer known, or for a VID that is no longer this registrant's.
    Stale,
    /// A second token that differs from the first: shown, never taken.
    Disputed,
}

/// What follows outside the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effects {
    pub run: RunId,
    pub from: Bucket,
    pub to: Bucket,
    /// Change of the number of records of the run that went to MTS.
    pub sent: i8,
    /// The event counted for nothing.
    pub ignored: Option<Ignored>,
    /// MTS or MOSIP fails for everybody, not for this person.
    pub trouble: Option<Code>,
    /// The administrator is to be told of a change of this record's refusal.
    pub notice: Option<Notice>,
}

/// What the administrator's list of refusals is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    Refused,
    Resolved,
}

/// The record after the event; `None`: done, and to be forgotten.
pub type Next = Option<Record>;

/// An event that cannot happen to a record in this state: a fault in OMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record that is {state} cannot be {event}")]
pub struct Impossible {
    pub state: &'static str,
    pub event: &'static str,
}

/// What an event makes of a record.
pub fn apply(record: &Record, event: Event, occasion: &Occasion<'_>) -> Result<(Next, Effects), Impossible> {
    let mut step = Step { after: record.clone(), ended: None, ignored: None, trouble: None, moved_on: false, occasion };
    match (&record.state, event) {
        (_, Event::Met { run, connector }) => step.met(run, connector),
        (State::Abandoned { held: Some(held), .. }, Event::Requeued) => {
            let HeldToken { token, digest, values } = held.clone();
            step.join(RunId::NONE);
            step.reopen(None);
            step.after.state = State::TokenReceived { token, digest, values };
        }
        (State::Rejected { .. } | State::Abandoned { .. }, Event::Requeued) => {
            step.join(RunId::NONE);
            step.reopen(None);
        }
        (_, Event::Requeued) => step.ignore(Ignored::Repeat),

        (State::Pending { .. } | State::Rejected { .. } | State::Abandoned { .. }, Event::Left) => {
            step.end(Bucket::Left)
        }
        (State::Pending { .. }, Event::Refused { code, vid, data }) => {
            step.after.vid = vid;
            step.after.data = data;
            // What was met while it was being prepared was met in this very state of its data.
            step.after.met_again = false;
            step.reject(code);
        }
        (State::Pending { refused: Some(code), .. }, Event::Unchanged { vid, data }) => {
            step.after.vid = Some(vid);
            step.after.data = Some(data);
            step.after.met_again = false;
            step.reject(code.clone());
        }
        (State::Pending { refused: Some(code), .. }, Event::StillRefused) => {
            step.after.met_again = false;
            step.reject(code.clone());
        }
        (State::Pending { .. }, Event::Sent { batch, line, nonce, vid, data }) => {
            step.sent(batch, line, nonce, vid, data)
        }

        (State::Submitted { batch: at }, Event::NotTaken { batch, fault }) if *at == batch => {
            step.after.attempts.retain(|attempt| attempt.batch != batch);
            step.after.sent = !step.after.attempts.is_empty();
            step.back(fault, Stage::Submit, Code::FAILS_ALONE);
        }
        (State::Submitted { batch: at }, Event::AnswerMissing { batch, fault }) if *at == batch => {
            step.after.failing_since = None;
            step.back(fault, Stage::Answer, Code::ANSWER_LOST);
        }
        (_, Event::NotTaken { .. } | Event::AnswerMissing { .. }) => step.ignore(Ignored::Stale),

        (_, Event::Token { nonce, token, digest, values }) => step.token(nonce, token, digest, values),
        (_, Event::Error { nonce, code, others_pass }) => step.error(nonce, code, others_pass),

        (State::TokenReceived { .. } | State::TokenWritten { .. }, Event::Written(outcome)) => step.written(outcome),

        (_, Event::KeyDiscarded) => step.forget_what_was_sent(),

        (state, event) => {
            return Err(Impossible { state: state.name(), event: event.name() });
        }
    }
    Ok(step.finish(record))
}

struct Step<'a> {
    after: Record,
    ended: Option<Bucket>,
    ignored: Option<Ignored>,
    trouble: Option<Code>,
    moved_on: bool,
    occasion: &'a Occasion<'a>,
}

impl Step<'_> {
    fn ignore(&mut self, why: Ignored) {
        self.ignored = Some(why);
    }

    fn end(&mut self, bucket: Bucket) {
        self.ended = Some(bucket);
    }

    fn join(&mut self, run: RunId) {
        self.after.run = run;
        self.after.sent = false;
    }

    /// Back to the start, to be prepared anew.
    fn reopen(&mut self, refused: Option<Code>) {
        self.after.state = State::Pending { refused, alone: None };
        self.after.due = self.occasion.now;
        self.after.failures = 0;
        self.after.failing_since = None;
        self.after.met_again = false;
    }

    /// Whoever has the key can make answers up: what was sent is asked for again, and a refusal stands until it is met again.
    fn forget_what_was_sent(&mut self) {
        self.after.vid = None;
        self.after.data = None;
        self.after.attempts.clear();
        match &mut self.after.state {
            State::Rejected { .. } => {}
            State::Abandoned { held, .. } => *held = None,
            _ => self.reopen(None),
        }
    }

    fn met(&mut self, run: RunId, connector: ConnectorId) {
        match &self.after.state {
            State::Rejected { code } => {
                let code = code.clone();
                self.join(run);
                // The list of the connector that it leaves shows it no more.
                self.moved_on = self.after.reported && self.after.connector != connector;
                self.after.reported &= !self.moved_on;
                self.after.connector = connector;
                self.reopen(Some(code));
            }
            _ => {
                self.after.met_again = true;
                self.ignore(Ignored::Repeat);
            }
        }
    }

    fn reject(&mut self, code: Code) {
        if self.after.met_again {
            return self.reopen(Some(code));
        }
        self.after.state = State::Rejected { code };
        self.after.failures = 0;
        self.after.failing_since = None;
    }

    fn abandon(&mut self, stage: Stage, cause: Code) {
        let held = match std::mem::replace(&mut self.after.state, State::Rejected { code: cause.clone() }) {
            State::TokenReceived { token, digest, values } => Some(HeldToken { token, digest, values }),
            State::TokenWritten { token, digest } => Some(HeldToken { token, digest, values: None }),
            _ => None,
        };
        self.after.state = State::Abandoned { stage, cause, held };
    }

    fn sent(&mut self, batch: BatchId, line: u32, nonce: Nonce, vid: HeldVid, data: Digest) {
        let kept = &mut self.after.attempts;
        if kept.len() >= Record::ATTEMPTS_KEPT {
            kept.drain(..=kept.len() - Record::ATTEMPTS_KEPT);
        }
        kept.push(Attempt { nonce, vid: vid.digest, batch, line });
        self.after.vid = Some(vid);
        self.after.data = Some(data);
        self.after.met_again = false;
        self.after.sent = true;
        self.after.state = State::Submitted { batch };
    }

    fn token(&mut self, nonce: Nonce, token: Sealed, digest: Digest, values: Option<Sealed>) {
        let current = |digest| self.after.vid.as_ref().is_some_and(|vid| vid.is(digest));
        let ours = self.after.attempts.iter().any(|attempt| attempt.nonce == nonce && current(&attempt.vid));
        match &self.after.state {
            _ if !ours => self.ignore(Ignored::Stale),
            State::TokenReceived { digest: known, .. } | State::TokenWritten { digest: known, .. } => {
                self.ignore(if *known == digest { Ignored::Repeat } else { Ignored::Disputed });
            }
            _ => {
                self.after.state = State::TokenReceived { token, digest, values };
                self.after.failing_since = None;
                self.after.due = self.occasion.now;
            }
        }
    }

    /// An error counts only as the answer to the newest attempt, while that is awaited.
    fn error(&mut self, nonce: Nonce, code: Code, others_pass: bool) {
        let newest = self.after.attempts.last().is_some_and(|attempt| attempt.nonce == nonce);
        if !newest {
            return self.ignore(Ignored::Stale);
        }
        if !matches!(self.after.state, State::Submitted { .. }) {
            return self.ignore(Ignored::Repeat);
        }
        // MTS took it, whatever came of it.
        self.after.failing_since = None;
        match code.class() {
            Class::Person => self.reject(code),
            Class::System if !others_pass => {
                self.after.state = State::Pending { refused: None, alone: None };
                let pause = self.occasion.backoff.delay(1, self.occasion.jitter);
                self.after.due = self.occasion.now + delta(pause);
                self.trouble = Some(code);
            }
            Class::System | Class::Unknown => {
                self.again(State::Pending { refused: None, alone: None }, Stage::Authentication, code);
            }
        }
    }

    fn written(&mut self, outcome: AfterWrite) {
        match outcome {
            AfterWrite::Complete => self.end(Bucket::Tokenised),
            AfterWrite::TokenThere => {
                if let State::TokenReceived { token, digest, .. } = &self.after.state {
                    self.after.state = State::TokenWritten { token: token.clone(), digest: *digest };
                    self.after.due = self.occasion.now;
                } else {
                    self.later();
                }
            }
            AfterWrite::Later => self.later(),
            AfterWrite::Conflict => self.reject(Code::OTHER_TOKEN),
            AfterWrite::Superseded => {
                // To be prepared anew, after a pause: what supersedes again and again comes to an end.
                self.after.vid = None;
                self.after.met_again = false;
                self.again(State::Pending { refused: None, alone: None }, Stage::Write, Code::NOT_WRITTEN);
            }
            AfterWrite::Refused(code) => self.reject(code),
        }
    }

    fn later(&mut self) {
        self.again(self.after.state.clone(), Stage::Write, Code::NOT_WRITTEN);
    }

    fn finish(mut self, before: &Record) -> (Next, Effects) {
        let to = self.ended.unwrap_or_else(|| self.after.bucket());
        let refusal = |record: &Record| match &record.state {
            State::Rejected { code } => Some(code.clone()),
            State::Abandoned { cause, .. } => Some(cause.clone()),
            _ => None,
        };
        let was = refusal(before).or(match &before.state {
            State::Pending { refused, .. } => refused.clone(),
            _ => None,
        });
        let now = if self.ended.is_none() { refusal(&self.after) } else { None };
        let notice = match now {
            Some(code) if !(self.after.reported && was.as_ref() == Some(&code)) => {
                self.after.reported = true;
                Some(Notice::Refused)
            }
            None if self.moved_on || (self.ended.is_some() && self.after.reported) => Some(Notice::Resolved),
            _ => None,
        };
        let changed_run = before.run != self.after.run;
        let effects = Effects {
            run: self.after.run,
            // A record that comes into a run was counted nowhere in it.
            from: if changed_run { Bucket::Open } else { before.bucket() },
            to,
            sent: i8::from(self.after.sent) - i8::from(before.sent && !changed_run),
            ignored: self.ignored,
            trouble: self.trouble,
            notice,
        };
        (if self.ended.is_some() { None } else { Some(self.after) }, effects)
    }
}

#[cfg(test)]
mod tests;
