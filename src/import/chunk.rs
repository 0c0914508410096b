//! A chunk: rows that follow each other in the file, and go into the result file together.
//!
//! What is to be sent of it goes to MTS in pieces: all of it at first; halves where MTS fails on the whole; again what was lost.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::Stop;
use super::journal::{Answer as Known, Journal, Sending};
use super::server::Server;
use super::verdict::Verdict;
use crate::domain::code::{Class, Code};
use crate::domain::identity::RegistrantId;
use crate::intake::Answer;
use crate::mts::{Blame, Row, SubmitError};
use crate::odoo::registry::IdRow;
use crate::seal::Personal;

/// Failures of MTS on one row alone, while it takes others, after which the row is refused.
const ALONE: u16 = 3;
/// The same where there are no others any more: it took some before.
const LAST: u16 = 6;
/// After MOSIP failed for everybody, so few rows go ahead to find out whether it works again.
const SCOUTS: usize = 10;

/// One row on its way.
#[derive(Debug)]
pub struct Line {
    /// In the file, from 1.
    pub number: u64,
    pub vid: Personal<String>,
    /// The value of the registrant's ID, where there are registrants.
    pub matched: Option<Personal<String>>,
    pub holder: Option<Holder>,
    /// As MTS is to get it.
    pub record: Option<Personal<Map<String, Value>>>,
    pub verdict: Option<Verdict>,
    /// The registrant's VID was removed with the writing of the token.
    pub vid_removed: bool,
}

/// The registrant that a row is of.
#[derive(Debug)]
pub struct Holder {
    pub registrant: RegistrantId,
    /// The registrant's ID that has the row's VID, if there is one.
    pub vid: Option<IdRow>,
}

/// Rows that go to MTS together, by their places in the chunk.
struct Piece {
    rows: Vec<usize>,
    /// MTS's request identifier.
    id: Option<String>,
    /// Times that it was lost or that MTS gave no clear answer.
    failures: u16,
    /// Times that MTS failed on it, and how many requests MTS had taken when that began.
    broken: Option<(u16, u64)>,
    /// Not to be sent before.
    wait: Duration,
}

impl Piece {
    fn of(rows: Vec<usize>) -> Self {
        Self { rows, id: None, failures: 0, broken: None, wait: Duration::ZERO }
    }

    fn part(&self, rows: &[usize]) -> Self {
        Self { rows: rows.to_vec(), broken: self.broken, ..Self::of(Vec::new()) }
    }
}

/// The chunk with this number, from 0.
pub struct Chunk {
    pub number: u64,
    pub lines: Vec<Line>,
}

/// What the chunks of an import share.
pub struct Desk<'a> {
    pub server: &'a Server,
    pub journal: &'a Mutex<Journal>,
}

impl Desk<'_> {
    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives every row of the chunk that has a record a verdict: a token, or why there is none. `sendings` is what was sent of it
    /// before this start.
    pub async fn seed(&self, chunk: &mut Chunk, sendings: Vec<Sending>) -> Result<(), Stop> {
        let mut queue = self.take_up(chunk, sendings);
        while let Some(mut piece) = queue.pop_front() {
            piece.rows.retain(|row| piece.id.is_some() || is_open(&chunk.lines[*row]));
            match (piece.id.take(), piece.rows.is_empty()) {
                (_, true) => {}
                // What it is of has its verdicts, from another sending of the same rows.
                (Some(_), false) if !piece.rows.iter().any(|row| is_open(&chunk.lines[*row])) => {}
                (None, false) => self.send(chunk, piece, &mut queue).await?,
                (Some(id), false) => self.collect(chunk, piece, &id, &mut queue).await?,
            }
        }
        Ok(())
    }

    fn take_up(&self, chunk: &Chunk, sendings: Vec<Sending>) -> VecDeque<Piece> {
        let mut fresh: Vec<usize> = (0..chunk.lines.len()).filter(|row| is_open(&chunk.lines[*row])).collect();
        let mut queue = VecDeque::new();
        // What has its results at MTS goes first: it may be all.
        let (taken, unknown): (Vec<_>, Vec<_>) =
            sendings.into_iter().partition(|sending| matches!(sending.answer, Known::Taken(_)));
        for sending in taken.into_iter().chain(unknown) {
            if sending.rows.iter().any(|row| *row >= chunk.lines.len()) {
                continue;
            }
            fresh.retain(|row| !sending.rows.contains(row));
            let mut piece = Piece::of(sending.rows);
            match sending.answer {
                Known::Taken(id) => piece.id = Some(id),
                Known::Unknown(at) => {
                    // MTS may still be working on it, and there is nothing to ask for it by.
                    let grace = self.server.manners.patience.callback_grace;
                    let since = (self.server.clock.now() - at).to_std().unwrap_or_default();
                    piece.wait = grace.saturating_sub(since);
                }
            }
            queue.push_back(piece);
        }
        if !fresh.is_empty() {
            queue.push_back(Piece::of(fresh));
        }
        queue
    }

    async fn send(&self, chunk: &mut Chunk, mut piece: Piece, queue: &mut VecDeque<Piece>) -> Result<(), Stop> {
        if !piece.wait.is_zero() {
            let wait = std::mem::take(&mut piece.wait);
            self.server.rest(wait, "waiting until MTS must be through with a request whose answer was lost").await?;
        }
        let records: Vec<_> = piece.rows.iter().filter_map(|row| chunk.lines[*row].record.clone()).collect();
        let sent = |at| Ok(self.journal().sent(chunk.number, &piece.rows, at)?);
        match self.server.submit(records, sent).await? {
            Ok(id) => {
                self.journal().taken(chunk.number, &piece.rows, &id)?;
                if piece.failures == 0 {
                    self.server.progressed();
                }
                piece.id = Some(id);
                queue.push_front(piece);
            }
            Err(SubmitError::Unknown(why)) => {
                piece.failures += 1;
                piece.wait = self.server.manners.patience.callback_grace;
                self.server.pause(piece.failures, why).await?;
                queue.push_front(piece);
            }
            Err(SubmitError::NotTaken(blame)) => {
                self.journal().not_taken(chunk.number, &piece.rows)?;
                self.not_taken(chunk, piece, queue, blame).await?;
            }
        }
        Ok(())
    }

    async fn not_taken(
        &self,
        chunk: &mut Chunk,
        mut piece: Piece,
        queue: &mut VecDeque<Piece>,
        blame: Blame,
    ) -> Result<(), Stop> {
        match blame {
            Blame::Insecure(_) | Blame::Denied(_) | Blame::LoginWanted | Blame::Refused { .. } => {
                return Err(Stop::Refused(blame));
            }
            Blame::Unreachable => {
                // Counted anew each time: nobody is to blame for it but the server.
                let failures = piece.failures.saturating_add(1);
                self.server.pause(failures, &blame.to_string()).await?;
                piece.failures = failures;
                queue.push_front(piece);
            }
            Blame::Failed(_) | Blame::TooLarge if self.server.fails_on_everything() => {
                self.server.pause(u16::MAX, &blame.to_string()).await?;
                queue.push_front(piece);
            }
            Blame::Failed(_) | Blame::TooLarge => {
                let (times, took) = piece.broken.unwrap_or((0, self.server.took()));
                piece.broken = Some((times, took));
                if let [_, _, ..] = piece.rows[..] {
                    let (first, second) = piece.rows.split_at(piece.rows.len() / 2);
                    let (first, second) = (piece.part(first), piece.part(second));
                    queue.push_front(second);
                    queue.push_front(first);
                    return Ok(());
                }
                let times = times + 1;
                piece.broken = Some((times, took));
                let (since, ever) = (self.server.took() > took, self.server.took() > 0 || chunk.number > 0);
                if (since && times >= ALONE) || (ever && times >= LAST) {
                    for row in piece.rows {
                        chunk.lines[row].verdict = Some(Verdict::refused("error", Code::FAILS_ALONE));
                    }
                    self.server.progressed();
                    return Ok(());
                }
                // The others first: what becomes of them tells whose fault it is.
                if queue.iter().all(|other| other.broken.is_some_and(|(times, _)| times > 0)) {
                    self.server.pause(times, &blame.to_string()).await?;
                }
                queue.push_back(piece);
            }
        }
        Ok(())
    }

    async fn collect(
        &self,
        chunk: &mut Chunk,
        mut piece: Piece,
        id: &str,
        queue: &mut VecDeque<Piece>,
    ) -> Result<(), Stop> {
        let fits = |rows: &[Row]| {
            piece.rows.iter().zip(rows).all(|(at, row)| match &row.vid {
                Some(vid) => *vid == chunk.lines[*at].vid,
                None => row.token.is_none(),
            })
        };
        let Some(rows) = self.server.collect(id, piece.rows.len(), fits).await? else {
            piece.failures += 1;
            self.server.pause(piece.failures, "MTS loses requests, or gives no file of them").await?;
            queue.push_front(piece);
            return Ok(());
        };
        let mut trouble = None;
        let mut settled = 0;
        for (at, row) in piece.rows.iter().zip(rows) {
            match verdict(row) {
                Ok(verdict) => {
                    settled += 1;
                    chunk.lines[*at].verdict.get_or_insert(verdict);
                }
                Err(code) => trouble = Some(code),
            }
        }
        if settled > 0 {
            self.server.progressed();
        }
        let Some(code) = trouble else { return Ok(()) };
        piece.rows.retain(|row| is_open(&chunk.lines[*row]));
        piece.failures += 1;
        let told = format!("MTS answers {code}: {} {}", code.reason(), code.remedy());
        self.server.pause(piece.failures, &told).await?;
        let rest = piece.rows.split_off(piece.rows.len().min(SCOUTS));
        if !rest.is_empty() {
            queue.push_front(Piece { failures: piece.failures, ..Piece::of(rest) });
        }
        queue.push_front(piece);
        Ok(())
    }
}

/// Whether a row is to be sent.
fn is_open(line: &Line) -> bool {
    line.verdict.is_none() && line.record.is_some()
}

/// What a row of MTS's file says of its person; or the code of a trouble that is everybody's.
fn verdict(row: Row) -> Result<Verdict, Code> {
    let status = if row.status.as_deref() == Some("invalid") { "invalid" } else { "error" };
    match Answer::of(row.status.as_deref(), row.code.as_deref(), row.token, None) {
        Answer::Token { token, .. } => Ok(Verdict::token(token)),
        Answer::Error(code) if code.class() == Class::System => Err(code),
        Answer::Error(code) => Ok(Verdict::refused(status, code)),
    }
}
