//! All children of this process, and who works in them.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use metrics::counter;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Error;
use super::process::{Ended, Limits, NotReady, Process};
use crate::domain::expression::Expression;
use crate::domain::identity::ConnectorId;

/// Children at once, at work or idle; further connectors wait for their turn.
const CHILDREN: usize = 4;
/// After so many records that ended a process a passage stops. Before anything else came of it, one is enough: then most likely
/// it is the expression, and not the record.
const ENDED: usize = 3;
/// Records that go to a child before it is seen whether the passage has taken long enough.
const AT_ONCE: usize = 64;
/// Bytes of outcomes after which a passage ends: all of them are held at once. One evaluation may add what its records give.
const MOST_SAID: usize = 32 << 20;

/// Runs expressions over records, each in a child of its own.
pub struct Jail {
    program: PathBuf,
    limits: Limits,
    room: Semaphore,
    idle: Mutex<HashMap<ConnectorId, Idle>>,
}

/// A child that waits for more records of its connector.
struct Idle {
    process: Process,
    expression: Expression,
    since: Instant,
}

/// What came of the records of one passage.
pub struct Passage {
    /// Of the first so many records, in their order: one at least, unless it was stopped. The rest is for another passage.
    pub outcomes: Vec<Result<Option<Value>, Error>>,
    /// What was wrong, if that is why there are not more.
    pub stopped: Option<Stop>,
}

/// Why a passage ended before its last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error(
        "input_format: on one registrant after another OMC's jq {0} and was ended; write the expression so that it does not \
         multiply or nest what it works on, and try it with `omc preview`"
    )]
    RunsAway(RanOutOf),
    #[error(
        "input_format: no process can be started to run it in, or it is ended from outside or given no time: look at the \
         machine's free memory and load, its limit of processes (of the service, too), and whether /proc is there"
    )]
    Broken,
}

/// What the last of the records took too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RanOutOf {
    Time,
    Memory,
}

impl fmt::Display for RanOutOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Time => "took more than a second of computing time",
            Self::Memory => "took more than 256 MB of memory, or nested too deep,",
        })
    }
}

impl Jail {
    /// Children are this very program, also after its file was replaced by an upgrade.
    pub fn new() -> Self {
        Self::with("/proc/self/exe", Limits::default())
    }

    /// Children are another program, which must be an `omc` of the same version.
    pub fn with(program: impl Into<PathBuf>, limits: Limits) -> Self {
        Self { program: program.into(), limits, room: Semaphore::new(CHILDREN), idle: Mutex::default() }
    }

    /// Runs a connector's expression over records, until one record after another has ended its process.
    pub async fn run(&self, connector: ConnectorId, expression: &Expression, records: &[Value]) -> Passage {
        let mut outcomes = Vec::with_capacity(records.len());
        // Unwrap safety: the semaphore is never closed.
        let _room = self.room.acquire().await.expect("never closed");
        let mut waiting = self.take(connector, expression);
        // Once a child has ended before its time, records go one by one: what it kept back would hide which it was at.
        let mut together = true;
        let (began, mut said) = (Instant::now(), 0);
        let may_go_on = |done: usize, said: usize| {
            done < records.len() && (done == 0 || began.elapsed() < self.limits.passage && said < MOST_SAID)
        };
        while may_go_on(outcomes.len(), said) {
            let process = match waiting.take() {
                Some(process) => Ok(process),
                None => Process::start(&self.program, expression, &self.limits).await,
            };
            let mut process = match process {
                Ok(process) => process,
                Err(NotReady::Compile) => {
                    outcomes.resize_with(records.len(), || Err(Error::Compile));
                    break;
                }
                Err(NotReady::Broken(error)) => {
                    tracing::error!(%connector, %error, "the process for an input format cannot be started");
                    return Passage { outcomes, stopped: Some(Stop::Broken) };
                }
            };
            let (from, fresh, before) = (outcomes.len(), process.fresh, process.said);
            let to = if together { records.len().min(from + AT_ONCE) } else { from + 1 };
            let evaluated = process.evaluate(&records[from..to], &mut outcomes).await;
            said += process.said - before;
            match evaluated {
                Ok(()) => waiting = Some(process),
                // Once more, alone and first thing in a new one.
                Err(_) if together || !fresh => together = false,
                Err(Ended::NotByItself) => return Passage { outcomes, stopped: Some(Stop::Broken) },
                Err(Ended::By(error)) => {
                    outcomes.push(Err(error));
                    counter!("omc_jq_ended_total").increment(1);
                    if let Some(stop) = stop(&outcomes, error) {
                        return Passage { outcomes, stopped: Some(stop) };
                    }
                }
            }
        }
        if let Some(process) = waiting {
            self.keep(connector, expression, process);
        }
        Passage { outcomes, stopped: None }
    }

    /// Ends the children that have had nothing to do for a while.
    pub fn end_idle(&self) {
        self.idle().retain(|_, idle| idle.since.elapsed() < self.limits.idle);
    }

    /// The connector's idle child, if it is any good. The caller has its place already, so that one of the others may have to go.
    fn take(&self, connector: ConnectorId, expression: &Expression) -> Option<Process> {
        let mut idle = self.idle();
        let kept = idle.remove(&connector).filter(|kept| kept.expression == *expression);
        while idle.len() > self.room.available_permits() {
            let longest = idle.iter().min_by_key(|(_, kept)| kept.since).map(|(connector, _)| *connector);
            longest.and_then(|connector| idle.remove(&connector));
        }
        kept.map(|kept| kept.process).and_then(|mut process| process.is_alive().then_some(process))
    }

    fn keep(&self, connector: ConnectorId, expression: &Expression, process: Process) {
        let kept = Idle { process, expression: expression.clone(), since: Instant::now() };
        self.idle().insert(connector, kept);
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<ConnectorId, Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Jail {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Jail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jail").field("idle", &self.idle().len()).finish_non_exhaustive()
    }
}

/// Whether enough records have ended their process.
fn stop(outcomes: &[Result<Option<Value>, Error>], last: Error) -> Option<Stop> {
    let ended = outcomes.iter().filter(|outcome| matches!(outcome, Err(error) if error.ended_a_process())).count();
    let ran_out_of = if last == Error::OutOfTime { RanOutOf::Time } else { RanOutOf::Memory };
    (ended >= ENDED || ended == outcomes.len()).then_some(Stop::RunsAway(ran_out_of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_many_is_not_held_against_the_expression() {
        let (good, bad) = (|| Ok(None), || Err(Error::OutOfTime));
        let runs_away = Some(Stop::RunsAway(RanOutOf::Time));
        assert_eq!(stop(&[bad()], Error::OutOfTime), runs_away, "before anything came of it");
        assert_eq!(stop(&[good(), bad()], Error::OutOfTime), None);
        assert_eq!(stop(&[good(), bad(), Err(Error::Failed), bad()], Error::OutOfTime), None);
        assert_eq!(stop(&[good(), bad(), good(), bad(), bad()], Error::OutOfTime), runs_away);
    }
}
