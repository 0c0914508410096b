//! What an output format takes out of the record: which keys `KEY` it names as `.input.KEY`.
//!
//! An output format runs over `{input: RECORD, output: RESULT}`. Where the two go is followed through pipes, variables and
//! branches, so that `.input | {id, name}` and `.input as $r | $r.id` name keys too. Only what is put into a list or an
//! object and taken out again by another name is followed coarsely: then more keys may be found than are used.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::path::Part;

use super::constant;

/// The keys of the record that are named.
pub(super) fn input_keys(term: &Term<&str>) -> BTreeSet<String> {
    let mut reach = Reach::default();
    reach.follow(term, ROOT);
    reach.keys
}

/// What a value may be, as a set of bits.
type Where = u8;
const ELSEWHERE: Where = 0;
/// The whole, `{input, output}`.
const ROOT: Where = 1;
/// The record.
const INPUT: Where = 2;
/// Something that has the record somewhere within.
const AROUND: Where = 4;
const ANYTHING: Where = ROOT | INPUT | AROUND;

#[derive(Default)]
struct Reach<'a> {
    bound: Vec<(&'a str, Where)>,
    keys: BTreeSet<String>,
}

impl<'a> Reach<'a> {
    /// Where the results of a term lie, given where its input does.
    fn follow(&mut self, term: &Term<&'a str>, dot: Where) -> Where {
        match term {
            Term::Id => dot,
            Term::Str(_, parts) => {
                for part in parts {
                    if let StrPart::Term(term) = part {
                        self.follow(term, dot);
                    }
                }
                ELSEWHERE
            }
            Term::Arr(Some(inner)) => around(self.follow(inner, dot)),
            Term::Neg(inner) => {
                self.follow(inner, dot);
                ELSEWHERE
            }
            Term::Obj(entries) => {
                let within =
                    entries.iter().fold(ELSEWHERE, |all, (key, value)| all | self.entry(key, value.as_ref(), dot));
                around(within)
            }
            Term::BinOp(left, op, right) => self.operation(left, op, right, dot),
            Term::TryCatch(inner, catch) => {
                let caught = catch.as_ref().map_or(ELSEWHERE, |catch| self.follow(catch, ELSEWHERE));
                self.follow(inner, dot) | caught
            }
            Term::IfThenElse(branches, otherwise) => {
                let mut all = otherwise.as_ref().map_or(dot, |otherwise| self.follow(otherwise, dot));
                for (condition, then) in branches {
                    self.follow(condition, dot);
                    all |= self.follow(then, dot);
                }
                all
            }
            Term::Call(name, arguments) => self.call(name, arguments, dot),
            Term::Var(name) => self.variable(name),
            Term::Path(inner, path) => {
                let mut at = self.follow(inner, dot);
                for (part, _) in &path.0 {
                    at = self.part(part, at, dot);
                }
                at
            }
            // The check refuses the rest.
            _ => ELSEWHERE,
        }
    }

    fn entry(&mut self, key: &Term<&'a str>, value: Option<&Term<&'a str>>, dot: Where) -> Where {
        match (key, value) {
            (key, Some(value)) => {
                self.follow(key, dot);
                self.follow(value, dot)
            }
            (Term::Var(name), None) => self.variable(name),
            (key, None) => self.index(key, dot),
        }
    }

    fn operation(&mut self, left: &Term<&'a str>, op: &BinaryOp<&'a str>, right: &Term<&'a str>, dot: Where) -> Where {
        let at = self.follow(left, dot);
        match op {
            BinaryOp::Pipe(None) => self.follow(right, at),
            BinaryOp::Pipe(Some(pattern)) => {
                let outer = self.bound.len();
                self.bind(pattern, at, dot);
                let at = self.follow(right, dot);
                self.bound.truncate(outer);
                at
            }
            BinaryOp::Or | BinaryOp::And | BinaryOp::Cmp(_) => {
                self.follow(right, dot);
                ELSEWHERE
            }
            _ => at | self.follow(right, dot),
        }
    }

    fn bind(&mut self, pattern: &Pattern<&'a str>, at: Where, dot: Where) {
        match pattern {
            Pattern::Var(name) => self.bound.push((name, at)),
            Pattern::Arr(items) => items.iter().for_each(|item| self.bind(item, element(at), dot)),
            Pattern::Obj(entries) => {
                for (key, inner) in entries {
                    self.follow(key, dot);
                    let at = self.index(key, at);
                    self.bind(inner, at, dot);
                }
            }
        }
    }

    fn variable(&self, name: &str) -> Where {
        let bound = self.bound.iter().rev().find(|(bound, _)| *bound == name);
        bound.map_or(ELSEWHERE, |(_, at)| *at)
    }

    fn call(&mut self, name: &str, arguments: &[Term<&'a str>], dot: Where) -> Where {
        match (name, arguments) {
            ("first" | "last", [inner]) => self.follow(inner, dot),
            ("select" | "del", [inner]) => {
                self.follow(inner, dot);
                dot
            }
            ("pick", [inner]) => {
                self.follow(inner, dot);
                dot
            }
            ("has", [key]) => {
                self.index(key, dot);
                ELSEWHERE
            }
            ("getpath", [Term::Arr(Some(path))]) => {
                let mut keys = Vec::new();
                list(path, &mut keys);
                keys.into_iter().fold(dot, |at, key| self.index(key, at))
            }
            _ => {
                let each = dot | element(dot);
                let within = arguments.iter().fold(dot, |all, argument| all | self.follow(argument, each));
                around(within)
            }
        }
    }

    fn part(&mut self, part: &Part<Term<&'a str>>, at: Where, dot: Where) -> Where {
        match part {
            Part::Index(key) => {
                self.follow(key, dot);
                self.index(key, at)
            }
            Part::Range(None, None) => element(at),
            Part::Range(from, to) => {
                for end in [from, to].into_iter().flatten() {
                    self.follow(end, dot);
                }
                at
            }
        }
    }

    /// What lies under a key of `at`; this is where keys of the record are found.
    fn index(&mut self, key: &Term<&'a str>, at: Where) -> Where {
        let Some(key) = constant::text(key) else {
            return element(at);
        };
        let mut under = ELSEWHERE;
        if at & ROOT != 0 && key == "input" {
            under |= INPUT;
        }
        if at & INPUT != 0 {
            self.keys.insert(key);
        }
        if at & AROUND != 0 {
            under |= ANYTHING;
        }
        under
    }
}

/// The list or object that holds a value.
fn around(within: Where) -> Where {
    if within == ELSEWHERE { ELSEWHERE } else { AROUND }
}

/// Any one value within another.
fn element(at: Where) -> Where {
    let mut elements = ELSEWHERE;
    if at & ROOT != 0 {
        elements |= INPUT;
    }
    if at & AROUND != 0 {
        elements |= ANYTHING;
    }
    elements
}

/// The terms of `a, b, c`.
fn list<'t, 'a>(term: &'t Term<&'a str>, into: &mut Vec<&'t Term<&'a str>>) {
    match term {
        Term::BinOp(left, BinaryOp::Comma, right) => {
            list(left, into);
            list(right, into);
        }
        one => into.push(one),
    }
}
