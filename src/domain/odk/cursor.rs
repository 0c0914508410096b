//! How far a form is read.
//!
//! A pass asks for everything from where the last one ended to now. MTS fails on a whole window when it cannot read one submission
//! of it, so a window on which it fails is halved until that submission stands alone in its millisecond. This one is held: left out,
//! remembered, and asked for again in each pass, until MTS can read it or it is gone.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Form, Pulled, Window};

/// ODK's dates are no finer.
const FINEST: TimeDelta = TimeDelta::milliseconds(1);
/// So many are held at most: what is wrong with more of them is the mapping, or the form.
const MOST_HELD: usize = 50;
/// So many one after the other, with none between that could be read, likewise.
const MOST_IN_A_ROW: u32 = 10;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything that was submitted before has its result, or is held. Unset: nothing.
    pub read_until: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled: Option<Pulled>,
    /// The pass that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// In the order of their times; none overlaps another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
    /// The form that all this is said of; cursors of earlier releases do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// One pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What was submitted before is through in this pass.
    pub at: DateTime<Utc>,
    pub end: DateTime<Utc>,
    /// MTS failed on the window from `at` to here.
    pub suspect: Option<DateTime<Utc>>,
    /// Whether ODK showed submissions in this pass.
    pub shown: bool,
    /// Held ones since the last that could be read.
    pub in_a_row: u32,
}

/// A time with a submission that MTS cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub window: Window,
    /// The end of the pass in which it was last asked for.
    pub tried: DateTime<Utc>,
    /// It was empty then.
    pub empty: bool,
}

/// What becomes of a window on which MTS fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// It is asked for in halves.
    Halved,
    /// It is held from now on.
    Held,
    /// It was held before, and stays so.
    StillHeld,
    /// It is not held: too many are.
    TooMany,
}

impl Cursor {
    /// Takes notice of the form as it is defined now. Of another form, nothing is read; what was submitted before the beginning that
    /// it has now is not wanted any more.
    pub fn follow(&mut self, form: &Form) {
        let place = form.place();
        if self.place.as_ref().is_some_and(|known| *known != place) {
            *self = Self::default();
        }
        self.place = Some(place);
        if let Some(begin) = form.begin {
            self.held.retain(|held| held.window.end > begin);
            if let Some(reading) = &mut self.reading {
                reading.at = reading.at.max(begin);
            }
        }
    }

    /// Begins a pass, if none is under way. It begins where the last window that gave submissions ended, less the overlap: the two
    /// clocks differ.
    pub fn begin(&mut self, form: &Form, overlap: TimeDelta, now: DateTime<Utc>) {
        let whole = |time: DateTime<Utc>| time.duration_trunc(FINEST).unwrap_or(time);
        let end = whole(now);
        let begin = self.read_until.map(|until| whole(until - overlap)).max(form.begin);
        let at = begin.unwrap_or(DateTime::UNIX_EPOCH).min(end);
        self.reading.get_or_insert(Reading { at, end, suspect: None, shown: false, in_a_row: 0 });
    }

    /// What is to be asked for next: first what is held, then the pass. `None`: the pass is over.
    pub fn next(&self) -> Option<Window> {
        let reading = self.reading.as_ref()?;
        if let Some(held) = self.held.iter().find(|held| held.tried < reading.end) {
            return Some(held.window);
        }
        let mut begin = reading.at;
        for Held { window, .. } in &self.held {
            if window.begin <= begin && begin < window.end {
                begin = window.end;
            }
        }
        let suspect = reading.suspect.filter(|suspect| *suspect > begin);
        let end = suspect.map_or(reading.end, |suspect| middle(begin, suspect));
        let before = self.held.iter().map(|held| held.window.begin).find(|held| (begin..end).contains(held));
        (begin < reading.end).then_some(Window { begin, end: before.unwrap_or(end) })
    }

    /// A window is through: with submissions, or without any.
    pub fn passed(&mut self, window: Window, with_submissions: bool) {
        if let Some(reading) = self.reading.as_mut().filter(|_| with_submissions) {
            (reading.shown, reading.in_a_row) = (true, 0);
        }
        if let Some(at) = self.held.iter().position(|held| held.window == window) {
            if with_submissions {
                self.held.remove(at);
            } else {
                self.tried(at, true);
            }
            return;
        }
        if with_submissions {
            self.read_until = self.read_until.max(Some(window.end));
        }
        if let Some(reading) = &mut self.reading {
            reading.at = reading.at.max(window.end);
            reading.suspect = reading.suspect.filter(|suspect| *suspect > window.end);
        }
    }

    /// MTS fails on a window, and ODK is not to blame.
    pub fn failed(&mut self, window: Window) -> Passed {
        if let Some(at) = self.held.iter().position(|held| held.window == window) {
            self.tried(at, false);
            return Passed::StillHeld;
        }
        let Some(reading) = &mut self.reading else { return Passed::Halved };
        if window.end - window.begin > FINEST {
            reading.suspect = Some(window.end);
            return Passed::Halved;
        }
        if self.held.len() >= MOST_HELD || reading.in_a_row >= MOST_IN_A_ROW {
            return Passed::TooMany;
        }
        let tried = reading.end;
        (reading.at, reading.suspect, reading.shown) = (window.end, None, true);
        reading.in_a_row += 1;
        self.held.push(Held { window, tried, empty: false });
        self.held.sort_unstable_by_key(|held| held.window.begin);
        self.read_until = self.read_until.max(Some(window.end));
        Passed::Held
    }

    /// More submissions are in a window than are taken at once. False: it cannot be halved.
    pub fn too_many(&mut self, window: Window) -> bool {
        let Some(reading) = self.reading.as_mut().filter(|_| window.end - window.begin > FINEST) else { return false };
        reading.suspect = Some(window.end);
        true
    }

    /// The pass is over. What was held and is empty now is gone, if ODK showed anything at all: it says the same to those to whom
    /// it shows nothing. Gives the end of the pass.
    pub fn end(&mut self) -> Option<DateTime<Utc>> {
        let reading = self.reading.take()?;
        if reading.shown {
            self.held.retain(|held| !held.empty);
        }
        Some(reading.end)
    }

    fn tried(&mut self, at: usize, empty: bool) {
        let end = self.reading.as_ref().map(|reading| reading.end);
        let held = &mut self.held[at];
        (held.tried, held.empty) = (end.unwrap_or(held.tried), empty);
    }
}

/// Of whole milliseconds; the end itself, if there is no other.
fn middle(begin: DateTime<Utc>, end: DateTime<Utc>) -> DateTime<Utc> {
    let half = (end - begin).num_milliseconds() / 2;
    if half == 0 { end } else { begin + TimeDelta::milliseconds(half) }
}

#[cfg(test)]
mod tests;
