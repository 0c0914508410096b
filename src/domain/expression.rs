//! A jq expression that passed the static check.
//!
//! Two expressions belong to a connector: the *input format*, which OMC itself runs over each record, and the *output
//! format*, which MTS runs with jq 1.5 inside its own process, where an expression can read the server's environment, stop
//! the worker or never end. Both are therefore held to one list of what is allowed: paths, literals, conditions, bindings,
//! arithmetic, and filters that end and see only their input. There are no definitions, no loops and no assignments.
//!
//! The check keeps accidents out. It does not bound time and memory in the mathematical sense: a hostile administrator can
//! still write `.+.|.+.|...`.

mod builtins;
mod check;
mod constant;
mod reach;
mod search;
mod tokens;

use std::borrow::Cow;
use std::collections::BTreeSet;

use jaq_core::load::lex::Token;
use jaq_core::load::{Lexer, Parser, span};
use serde::{Deserialize, Serialize};

use constant::Outline;

/// Longest expression, in characters.
pub const LONGEST: usize = 4000;
/// Most opening brackets; the lexer goes one deeper for each.
const MOST_BRACKETS: usize = 256;
/// Deepest nesting of brackets.
const DEEPEST: usize = 32;
/// Most operators and keywords; the parser may go one deeper for each.
const MOST_STEPS: usize = 300;

/// An expression that parses as jq and uses nothing that reaches beyond its input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    source: String,
    unknown_to_mts: BTreeSet<String>,
    unknown_to_omc: BTreeSet<String>,
    input_keys: BTreeSet<String>,
    outline: Outline,
}

/// Why a text is no expression for a connector. Shows names out of the expression, never a whole part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("the expression is empty")]
    Empty,
    #[error("longer than {LONGEST} characters")]
    TooLong,
    #[error("brackets nest deeper than {DEEPEST}, or there are more than {MOST_BRACKETS} of them")]
    TooDeep,
    #[error("more than {MOST_STEPS} operators and keywords")]
    TooManySteps,
    #[error("holds a control character at line {line}, column {column}")]
    ControlCharacter { line: usize, column: usize },
    #[error("line {line} ends in a backslash; jq versions differ in what that means in a comment")]
    Backslash { line: usize },
    #[error("cannot be read as jq at line {line}, column {column}: {expected} is wanted there")]
    NotJq { line: usize, column: usize, expected: String },
    #[error("`{what}` is not allowed in a connector: {reason}")]
    Refused { what: String, reason: &'static str },
    #[error("`{0}` is not among the filters OMC allows in a connector")]
    NotAmong(String),
    #[error("`{0}` does not take this number of arguments")]
    WrongArity(String),
    #[error("the variable `{0}` is bound nowhere in the expression")]
    UnknownVariable(String),
}

impl Expression {
    /// Reads and checks an expression. Comments are allowed; [`Expression::wrapped`] ends the last one with a line break.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        refuse_by_characters(text)?;
        let tokens = Lexer::new(text).lex().map_err(|errors| {
            let first = errors.into_iter().next();
            let (rest, expected) = first.map_or(("", "jq"), |(expected, rest)| (rest, expected.as_str()));
            not_jq(text, rest, expected)
        })?;
        if tokens::depth(&tokens) > DEEPEST {
            return Err(ExpressionError::TooDeep);
        }
        if tokens::steps(&tokens) > MOST_STEPS {
            return Err(ExpressionError::TooManySteps);
        }
        let term = Parser::new(&tokens).parse(|parser| parser.term()).map_err(|errors| {
            let first = errors.into_iter().next();
            first.map_or(ExpressionError::Empty, |(expected, found)| {
                not_jq(text, Token::opt_as_str(found, text), expected.as_str())
            })
        })?;
        let mut findings = check::check(&term)?;
        tokens::unknown_to_mts(&tokens, &mut findings.unknown_to_mts);
        Ok(Self {
            unknown_to_mts: findings.unknown_to_mts,
            unknown_to_omc: findings.unknown_to_omc,
            input_keys: reach::input_keys(&term),
            outline: Outline::of(&term),
            source: text.to_owned(),
        })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The expression as an output format of MTS: exactly one result, null where the expression fails or gives none. Bare,
    /// either would blank the whole callback (MTS: first result only, nothing sent for an error).
    pub fn wrapped(&self) -> String {
        format!("[first(try ({}\n) catch null)][0]", self.source)
    }

    /// The top-level keys of the record that an output format names: `KEY` in `.input.KEY`.
    pub fn input_keys(&self) -> &BTreeSet<String> {
        &self.input_keys
    }

    /// Whether the result is an object written out in which there is surely nothing at the end of this path.
    pub fn lacks(&self, path: &[String]) -> bool {
        self.outline.lacks(path)
    }

    /// The keys of the result, where it is an object written out.
    pub fn output_keys(&self) -> Option<impl Iterator<Item = &str>> {
        self.outline.keys()
    }

    /// What of the expression MTS cannot run, or not safely (jq 1.5): not good for an output format.
    pub fn unknown_to_mts(&self) -> impl Iterator<Item = &str> {
        self.unknown_to_mts.iter().map(String::as_str)
    }

    /// What of the expression OMC cannot run (jaq): not good for an input format.
    pub fn unknown_to_omc(&self) -> impl Iterator<Item = &str> {
        self.unknown_to_omc.iter().map(String::as_str)
    }

    /// What an administrator should know of an output format that is otherwise good.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.unknown_to_omc()
            .map(|what| format!("{what} is known to MTS but not to OMC, which cannot try the expression out"))
    }
}

impl TryFrom<String> for Expression {
    type Error = ExpressionError;

    fn try_from(text: String) -> Result<Self, ExpressionError> {
        Self::parse(&text)
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.source
    }
}

/// What can be refused before the lexer sees the text: it recurses for each opening bracket.
fn refuse_by_characters(text: &str) -> Result<(), ExpressionError> {
    if text.trim().is_empty() {
        return Err(ExpressionError::Empty);
    }
    if text.chars().count() > LONGEST {
        return Err(ExpressionError::TooLong);
    }
    if text.matches(['(', '[', '{']).count() > MOST_BRACKETS {
        return Err(ExpressionError::TooDeep);
    }
    if let Some(at) = text.find(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        let (line, column) = position(text, at);
        return Err(ExpressionError::ControlCharacter { line, column });
    }
    let continued = |line: &str| {
        let line: Cow<str> = line.trim_end_matches('\r').into();
        line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
    };
    match text.split('\n').position(continued) {
        Some(line) => Err(ExpressionError::Backslash { line: line + 1 }),
        None => Ok(()),
    }
}

fn not_jq(text: &str, rest: &str, expected: &str) -> ExpressionError {
    let (line, column) = position(text, span(text, rest).start.min(text.len()));
    ExpressionError::NotJq { line, column, expected: expected.to_owned() }
}

/// Line and column, from 1, of a byte offset on a character's border.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A call of every allowed filter, for the tests of the evaluator.
#[cfg(test)]
pub(crate) fn examples() -> impl Iterator<Item = String> {
    builtins::all().map(|(name, arity, _)| match arity {
        0 => name.to_owned(),
        _ => format!("{name}({})", vec!["\"a\""; arity].join("; ")),
    })
}

#[cfg(test)]
pub(crate) mod tests;
