//! The MTS of an import: one request after the other, waiting while it is away, for as long as somebody has said.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Stop;
use crate::clock::Clock;
use crate::domain::batch::{Access, Batch, Fetched, Patience, Status, Verdict};
use crate::domain::delivery::{Delivery, FileForm};
use crate::domain::identity::{BatchId, ConnectorId};
use crate::domain::portable;
use crate::domain::retry::Backoff;
use crate::mts::{FileError, Mts, Row, Submission, SubmitError, Wanted};
use crate::seal::Personal;

/// MTS answers a POST when it has stored every record (14 to 35 ms each), and stored what came before it.
const LEAST: Duration = Duration::from_secs(120);
const PER_RECORD: Duration = Duration::from_millis(250);
/// From here on it is MTS that fails, and no batch: halving the largest (5,000) to one record takes thirteen POSTs.
const FAILURES_OF_BATCHES: u32 = 14;

/// How an MTS is to be treated.
#[derive(Debug, Clone)]
pub struct Manners {
    pub connector: ConnectorId,
    pub url: Url,
    pub language: String,
    /// POSTs at once.
    pub concurrency: usize,
    pub patience: Patience,
    pub backoff: Backoff,
    /// The import ends when nothing has come of it for so long.
    pub give_up: Duration,
}

/// One MTS.
pub struct Server {
    mts: Mts,
    pub manners: Manners,
    pub clock: Arc<dyn Clock>,
    turn: Semaphore,
    stop: CancellationToken,
    notice: Box<dyn Fn(&str)>,
    state: Mutex<State>,
}

struct State {
    /// What was last told to be waited for.
    told: Option<String>,
    /// Requests that it took.
    took: u64,
    failed_in_a_row: u32,
    progressed: Instant,
}

impl Server {
    /// `notice` is told what is waited for, each trouble once.
    pub fn new(
        mts: Mts,
        manners: Manners,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
        notice: Box<dyn Fn(&str)>,
    ) -> Self {
        let state = Mutex::new(State { told: None, took: 0, failed_in_a_row: 0, progressed: Instant::now() });
        Self { mts, turn: Semaphore::new(manners.concurrency), manners, clock, stop, notice, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests it took; more than before means that it works.
    pub fn took(&self) -> u64 {
        self.state().took
    }

    /// Something came of the import.
    pub fn progressed(&self) {
        let mut state = self.state();
        (state.progressed, state.told) = (Instant::now(), None);
    }

    /// Whether it has failed on so many requests in a row that none of them is to blame.
    pub fn fails_on_everything(&self) -> bool {
        self.state().failed_in_a_row >= FAILURES_OF_BATCHES
    }

    /// Waits before another try; longer after each failure.
    ///
    /// # Errors
    /// The import is to stop, or its patience is at an end.
    pub async fn pause(&self, failures: u16, trouble: &str) -> Result<(), Stop> {
        let news = self.state().told.replace(trouble.to_owned()).is_none_or(|told| told != trouble);
        if news {
            (self.notice)(trouble);
        }
        self.rest(self.manners.backoff.delay(failures.max(1), 0.0), trouble).await
    }

    /// Waits so long.
    pub async fn rest(&self, wait: Duration, trouble: &str) -> Result<(), Stop> {
        let last = self.state().progressed + self.manners.give_up;
        let (now, until) = (Instant::now(), Instant::now() + wait);
        let given_up = || Stop::Stuck { trouble: trouble.to_owned(), url: self.manners.url.clone() };
        if now >= last {
            return Err(given_up());
        }
        tokio::select! {
            () = tokio::time::sleep_until(until.min(last)) => Ok(()),
            () = self.stop.cancelled() => Err(Stop::Asked),
        }
    }

    /// Sends a batch. `before` is done when it is its turn, right before the first byte.
    pub async fn submit(
        &self,
        records: Vec<Personal<Map<String, Value>>>,
        before: impl FnOnce(DateTime<Utc>) -> Result<(), Stop>,
    ) -> Result<Result<String, SubmitError>, Stop> {
        let turn = tokio::select! {
            turn = self.turn.acquire() => turn,
            () = self.stop.cancelled() => return Err(Stop::Asked),
        };
        // Unwrap safety: the semaphore is never closed.
        let _turn = turn.expect("never closed");
        if self.stop.is_cancelled() {
            return Err(Stop::Asked);
        }
        let patience = LEAST + PER_RECORD * u32::try_from(records.len()).unwrap_or(u32::MAX);
        let submission = Submission {
            mapping: portable::mapping(),
            language: self.manners.language.clone(),
            delivery: Wanted::Download(FileForm::Json),
            records,
        };
        before(self.clock.now())?;
        // Not cut short by a wish to stop: what MTS has taken is worth knowing.
        let answer = self.mts.submit(&self.manners.url, &submission, self.clock.now(), patience).await;
        let mut state = self.state();
        match &answer {
            Ok(_) => (state.took, state.failed_in_a_row) = (state.took + 1, 0),
            Err(_) => state.failed_in_a_row = state.failed_in_a_row.saturating_add(1),
        }
        Ok(answer)
    }

    /// Waits for the results of a request and fetches them, a row for each record that was sent and in their order. `fits` tells
    /// whether a file is of these records. `None`: the results are lost, and MTS does not work on them any more.
    pub async fn collect(
        &self,
        id: &str,
        records: usize,
        fits: impl Fn(&[Row]) -> bool,
    ) -> Result<Option<Vec<Row>>, Stop> {
        let Manners { patience, url, connector, give_up, .. } = &self.manners;
        // Half of all patience goes by before a request is taken for stuck: there is time for another then.
        let (expected, size) = (*give_up / 6, u32::try_from(records).unwrap_or(u32::MAX));
        let began = self.clock.now();
        let mut batch =
            Batch::sent(BatchId(1), *connector, url.clone(), size, Access::default(), expected, patience, began);
        batch.delivery = Delivery::Download(FileForm::Json);
        batch.accepted(id.to_owned(), patience, began);
        let mut failures = 0;
        let mut progressed = self.state().progressed;
        loop {
            let wait = (batch.check_at - self.clock.now()).to_std().unwrap_or_default();
            self.rest(wait, "MTS is not through with a request").await?;
            let status = match self.mts.status(url, id).await {
                Ok(status) => status,
                Err(error) => {
                    failures += 1;
                    self.pause(failures, &error.to_string()).await?;
                    // What it cannot be asked for is not lost for that.
                    batch.wait_anew(patience, self.clock.now());
                    continue;
                }
            };
            failures = 0;
            let now = self.clock.now();
            // While other requests come to their end, MTS is at work, and this one has its turn after them.
            let last = self.state().progressed;
            if last > progressed {
                batch.wait_anew(patience, now);
                progressed = last;
            }
            // A person waits: what shows nothing for long is not waited for as the daemon would.
            let mut verdict = batch.judge(status, true, patience, now);
            if verdict == Verdict::Wait && status == Status::Processed {
                match self.mts.file(url, id, FileForm::Json, records).await {
                    Ok(rows) if fits(&rows) => return Ok(Some(rows)),
                    Ok(_) | Err(FileError::Misfit | FileError::TooLong) => {
                        (self.notice)("MTS gives a file that does not fit what was sent; nothing of it is taken");
                    }
                    // Not there yet.
                    Err(_) => {}
                }
                verdict = batch.judge_file(Fetched::NotYet, patience, self.clock.now());
            }
            if let Verdict::Lost(_) = verdict {
                return Ok(None);
            }
        }
    }
}
