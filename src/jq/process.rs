//! The parent's hold on one child.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::{Error, Outcome, WORKER, line};
use crate::domain::expression::Expression;

/// Bytes of records that are written at once.
const BUFFER: usize = 64 * 1024;
/// What a child that has closed its output may take to be gone.
const BURIED: Duration = Duration::from_secs(1);

/// How long a child is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For one outcome, on the clock. The child's own limit of computing time is shorter, and ends it first unless the machine
    /// is very busy.
    pub outcome: Duration,
    /// After so long without work a child is ended.
    pub idle: Duration,
    /// For one passage, after which the rest of its records wait for another: others want their turn.
    pub passage: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { outcome: Duration::from_secs(10), idle: Duration::from_secs(60), passage: Duration::from_secs(30) }
    }
}

/// A child that runs one expression. Killed when it is dropped.
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    outcome: Duration,
    /// No record has gone to it.
    pub fresh: bool,
    /// Bytes of all its outcomes.
    pub said: usize,
}

/// Why a child is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By a limit of its own, which one record was too much for.
    By(Error),
    /// From outside, or it was given no time to work in: whoever did that may do it to any record.
    NotByItself,
}

/// Why a child does not come to work.
pub(super) enum NotReady {
    /// The expression cannot be compiled; another child would say the same.
    Compile,
    /// No process could be started, or it ended at once.
    Broken(io::Error),
}

impl Process {
    /// Starts a child and has it compile the expression. Nothing of it shows in its arguments, and it has no environment.
    pub(super) async fn start(program: &Path, expression: &Expression, limits: &Limits) -> Result<Self, NotReady> {
        let mut command = Command::new(program);
        command.arg0("omc").arg(WORKER).env_clear().current_dir("/");
        // Signals from a terminal are for the parent.
        command.process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(NotReady::Broken)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(NotReady::Broken(io::ErrorKind::BrokenPipe.into()));
        };
        let output = BufReader::new(output);
        let mut process = Self { child, input, output, outcome: limits.outcome, fresh: true, said: 0 };
        match process.compile(expression).await {
            Ok(Outcome::Ready) => Ok(process),
            Ok(Outcome::Error(Error::Compile)) => Err(NotReady::Compile),
            Ok(_) => Err(NotReady::Broken(io::ErrorKind::InvalidData.into())),
            Err(error) => Err(NotReady::Broken(error)),
        }
    }

    async fn compile(&mut self, expression: &Expression) -> io::Result<Outcome> {
        let mut said = Vec::new();
        line::put(expression, &mut said)?;
        self.input.write_all(&said).await?;
        timeout(self.outcome, next(&mut self.output, &mut Vec::new())).await?
    }

    /// Whether it can be given work: it may have been ended while it waited for some.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Has records evaluated in turn. Where the child ends before it is through, the outcomes of those before the one that it was
    /// at (or a few after) are there, and why it ended; it is of no use any more.
    pub(super) async fn evaluate(
        &mut self,
        records: &[Value],
        outcomes: &mut Vec<Result<Option<Value>, Error>>,
    ) -> Result<(), Ended> {
        self.fresh = false;
        let Self { child, input, output, outcome: patience, said, .. } = self;
        let hearing = async {
            let mut buffer = Vec::new();
            for _ in records {
                let heard = match timeout(*patience, next(output, &mut buffer)).await {
                    Ok(Ok(Outcome::Value(value))) => Ok(Some(value)),
                    Ok(Ok(Outcome::Nothing)) => Ok(None),
                    Ok(Ok(Outcome::Error(error))) => Err(error),
                    Ok(Ok(Outcome::Ready) | Err(_)) => return Err(cause(child).await),
                    Err(_) => {
                        _ = child.start_kill();
                        return Err(Ended::NotByItself);
                    }
                };
                *said += buffer.len();
                outcomes.push(heard);
            }
            Ok(())
        };
        // Ends with the child at the latest: nobody reads any more.
        let (heard, _) = tokio::join!(hearing, tell(input, records));
        heard
    }
}

async fn tell(input: &mut ChildStdin, records: &[Value]) -> io::Result<()> {
    let mut said = Vec::with_capacity(BUFFER);
    for record in records {
        line::put(record, &mut said)?;
        if said.len() >= BUFFER {
            input.write_all(&said).await?;
            said.clear();
        }
    }
    input.write_all(&said).await
}

/// The next outcome. Whatever is none is an error: the child is no good any more.
async fn next(output: &mut BufReader<ChildStdout>, buffer: &mut Vec<u8>) -> io::Result<Outcome> {
    buffer.clear();
    let most = u64::try_from(line::LONGEST).unwrap_or(u64::MAX);
    output.take(most).read_until(b'\n', buffer).await?;
    if buffer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(buffer)?)
}

/// Why a child has ended, or is about to.
async fn cause(child: &mut Child) -> Ended {
    let Ok(status) = timeout(BURIED, child.wait()).await else {
        // It says nonsense, and lives. Whoever still writes to it is not to wait for it.
        _ = child.start_kill();
        return Ended::NotByItself;
    };
    let signal = status.ok().and_then(|status| status.signal());
    let is = |known: &[Signal]| known.iter().any(|known| signal == Some(known.as_raw()));
    if is(&[Signal::XCPU]) {
        Ended::By(Error::OutOfTime)
    } else if is(&[Signal::ABORT, Signal::SEGV, Signal::BUS]) {
        // Memory that is not to be had, or a stack that is used up.
        Ended::By(Error::OutOfMemory)
    } else {
        Ended::NotByItself
    }
}
