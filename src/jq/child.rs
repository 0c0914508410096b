//! The child's part: `omc jq-worker`. Not for people; it is started by the daemon, and by `omc preview`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::confinement::{self, Budget};
use super::evaluator::{Compiled, Jq};
use super::{Error, Outcome, line};
use crate::domain::expression::Expression;

/// Bytes that are read at once, and outcomes that are kept back at most.
const BUFFER: usize = 64 * 1024;
/// Outcomes are kept back so long at most, plus the time of one record.
const KEPT_BACK: Duration = Duration::from_millis(1);

/// Takes an expression and then records, a line of JSON each, and answers each with an outcome, until there are no more.
///
/// # Errors
/// The process cannot be confined, the parent is gone, or what it says makes no sense. There is nobody to tell.
pub fn work() -> io::Result<()> {
    confinement::confine()?;
    // Past the locks and the line by line of the standard library's own.
    let input = BufReader::with_capacity(BUFFER, File::from(io::stdin().as_fd().try_clone_to_owned()?));
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut budget = Budget::default();
    answer(input, output, || budget.renew())
}

/// `renew` gives the next record its time.
fn answer(
    mut input: BufReader<impl Read>,
    mut output: impl Write,
    mut renew: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let mut next = Vec::new();
    let mut said = Vec::new();
    if !read(&mut input, &mut next)? {
        return Ok(());
    }
    let compiled = match compile(&next) {
        Ok(compiled) => compiled,
        Err(error) => {
            line::put(&Outcome::Error(error), &mut said)?;
            return output.write_all(&said);
        }
    };
    line::put(&Outcome::Ready, &mut said)?;
    output.write_all(&said)?;
    said.clear();
    let mut told = Instant::now();
    while read(&mut input, &mut next)? {
        renew()?;
        line::put(&outcome(&compiled, &next), &mut said)?;
        // Nobody waits for what is kept back while there is more to do at once.
        let more = input.buffer().contains(&b'\n');
        if !more || said.len() >= BUFFER || told.elapsed() >= KEPT_BACK {
            output.write_all(&said)?;
            said.clear();
            told = Instant::now();
        }
    }
    Ok(())
}

/// Reads one line; `false` at the end.
fn read(input: &mut impl BufRead, into: &mut Vec<u8>) -> io::Result<bool> {
    into.clear();
    let most = u64::try_from(line::LONGEST).unwrap_or(u64::MAX);
    input.by_ref().take(most).read_until(b'\n', into)?;
    match into.last() {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn compile(line: &[u8]) -> Result<Compiled, Error> {
    let expression: Expression = serde_json::from_slice(line).map_err(|_| Error::Compile)?;
    Jq::compile(&expression)
}

fn outcome(compiled: &Compiled, line: &[u8]) -> Outcome {
    let Ok(record) = serde_json::from_slice::<Value>(line) else { return Outcome::Error(Error::Failed) };
    match compiled.first(&record) {
        Ok(Some(value)) => Outcome::Value(value),
        Ok(None) => Outcome::Nothing,
        Err(error) => Outcome::Error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &str) -> String {
        let mut output = Vec::new();
        answer(BufReader::new(said.as_bytes()), &mut output, || Ok(())).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn each_record_is_answered_in_turn() {
        let answers =
            told("\"if .a then .a.b else empty end\"\n{\"a\":{\"b\":1}}\n{\"a\":{\"b\":null}}\n{}\n{\"a\":1}\n");
        assert_eq!(answers, "\"Ready\"\n{\"Value\":1}\n{\"Value\":null}\n\"Nothing\"\n{\"Error\":\"Failed\"}\n");
    }

    #[test]
    fn what_cannot_be_compiled_is_said_and_the_end() {
        for wrong in ["\"env\"", "\"@csv\"", "7"] {
            assert_eq!(told(&format!("{wrong}\n{{}}\n")), "{\"Error\":\"Compile\"}\n", "{wrong}");
        }
        assert_eq!(told(""), "");
    }

    #[test]
    fn a_line_that_breaks_off_is_no_record() {
        let mut output = Vec::new();
        assert!(answer(BufReader::new(&b"\".\"\n{}"[..]), &mut output, || Ok(())).is_err());
        assert_eq!(output, b"\"Ready\"\n");
    }
}
