//! jq, for the connector's input format: evaluation that can be killed.
//!
//! No check of an expression bounds what it takes: `.+.|.+.|...` doubles its input again and again, and
//! `last((.,.)|(.,.)|...)` never ends. So an expression runs over records only in a process of its own, which is this very
//! program started again (`omc jq-worker`), and which the system ends when it takes too much:
//!
//! ```text
//!   Jail (bounded number, one per connector at a time)
//!     Process --- stdin: the expression, then records, a line of JSON each ---> child: confine, compile, evaluate
//!             <-- stdout: "ready", then an outcome for each record, in order ---
//! ```
//!
//! | limit | kept by |
//! |---|---|
//! | memory | `RLIMIT_AS` and `RLIMIT_DATA` of the child, above what it takes when idle |
//! | computing time of a record | `RLIMIT_CPU` of the child, renewed with each record |
//! | time on the clock without an outcome | the parent, which kills the child; no record is blamed for that |
//! | size and depth of a result | the child, and once more the parent |
//! | time and size of all results of a passage | the parent, which leaves the rest for another passage |
//!
//! A child that ends before its time is replaced, and the record that it was at is tried once more, alone and first thing in a
//! new one: only where that ends too, the record is to blame. The system may have ended the first for somebody else's sake.

mod child;
mod confinement;
mod evaluator;
mod jail;
mod line;
mod process;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use child::work;
pub use evaluator::{Compiled, Jq};
pub use jail::{Jail, Passage, RanOutOf, Stop};
pub use process::Limits;

/// The argument that a child is started with.
pub const WORKER: &str = "jq-worker";

/// Why an expression gave nothing. Never quotes its input or its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Error {
    #[error("the expression uses something that OMC's jq does not know")]
    Compile,
    #[error("the expression failed on this record")]
    Failed,
    #[error("the expression's result is too large, or nests too deep")]
    TooLarge,
    #[error("the expression's result is no JSON: an object has a key that is no text")]
    NotJson,
    #[error("OMC's jq broke down on this record")]
    Panicked,
    #[error("the expression took too much time on this record")]
    OutOfTime,
    #[error("the expression took too much memory on this record, or nested too deep")]
    OutOfMemory,
}

impl Error {
    /// Whether a process was ended for it: such a record is costly to try.
    pub fn ended_a_process(self) -> bool {
        matches!(self, Self::OutOfTime | Self::OutOfMemory)
    }
}

/// What a child says, a line each.
#[derive(Serialize, Deserialize)]
enum Outcome {
    /// The expression is compiled; records may come.
    Ready,
    /// The expression's first result for the next record.
    Value(Value),
    /// It has none.
    Nothing,
    Error(Error),
}
