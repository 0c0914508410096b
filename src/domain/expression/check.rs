//! The static check: a walk over the parsed expression that knows what is allowed, and refuses everything else.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::Part;

use super::ExpressionError;
use super::builtins::{self, Found, Knows};
use super::search;

/// A number that text may be multiplied with: it is repeated that often.
const MOST_REPETITIONS: f64 = 1000.0;

/// What the check found out besides that all is allowed.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What jq 1.5, and so MTS, does not know.
    pub(super) unknown_to_mts: BTreeSet<String>,
    /// What jaq, and so OMC, does not know.
    pub(super) unknown_to_omc: BTreeSet<String>,
}

/// Checks a whole expression.
pub(super) fn check(term: &Term<&str>) -> Result<Findings, ExpressionError> {
    let mut check = Check::default();
    check.term(term)?;
    Ok(check.findings)
}

#[derive(Default)]
struct Check<'a> {
    /// The variables that are bound here.
    bound: Vec<&'a str>,
    findings: Findings,
}

type Checked = Result<(), ExpressionError>;

impl<'a> Check<'a> {
    fn term(&mut self, term: &Term<&'a str>) -> Checked {
        match term {
            Term::Id | Term::Num(_) | Term::Arr(None) => Ok(()),
            Term::Str(format, parts) => {
                if let Some(format) = format {
                    self.named(format, 0)?;
                }
                self.parts(parts)
            }
            Term::Arr(Some(inner)) | Term::Neg(inner) => self.term(inner),
            Term::Obj(entries) => entries.iter().try_for_each(|(key, value)| self.entry(key, value.as_ref())),
            Term::BinOp(left, op, right) => self.operation(left, op, right),
            Term::TryCatch(inner, catch) => {
                self.term(inner)?;
                catch.iter().try_for_each(|catch| self.term(catch))
            }
            Term::IfThenElse(branches, otherwise) => {
                for (condition, then) in branches {
                    self.term(condition)?;
                    self.term(then)?;
                }
                match otherwise {
                    Some(otherwise) => self.term(otherwise),
                    None => {
                        self.unknown_to_mts("`if` without `else` (write `else . end`)");
                        Ok(())
                    }
                }
            }
            Term::Call(name, arguments) => self.call(name, arguments),
            Term::Var(name) => self.variable(name),
            Term::Path(inner, path) => {
                self.term(inner)?;
                path.0.iter().try_for_each(|(part, _)| self.part(part))
            }
            Term::Recurse => Err(refused("..", "write the path out, for example .address.city")),
            Term::Def(..) => Err(refused("def", "write the expression out where it is used")),
            Term::Fold(name, ..) => Err(refused(name, "use map, add, any, all or join")),
            Term::Label(..) => Err(refused("label", "use first or select")),
            Term::Break(..) => Err(refused("break", "use first or select")),
        }
    }

    fn parts(&mut self, parts: &[StrPart<&'a str, Term<&'a str>>]) -> Checked {
        parts.iter().try_for_each(|part| match part {
            StrPart::Str(_) | StrPart::Char(_) => Ok(()),
            StrPart::Term(term) => self.term(term),
        })
    }

    fn entry(&mut self, key: &Term<&'a str>, value: Option<&Term<&'a str>>) -> Checked {
        if matches!(key, Term::Var(_)) && value.is_some() {
            self.unknown_to_mts("a variable as a key (write `($x):`)");
        }
        self.term(key)?;
        value.map_or(Ok(()), |value| self.term(value))
    }

    fn part(&mut self, part: &Part<Term<&'a str>>) -> Checked {
        match part {
            Part::Index(index) => self.term(index),
            Part::Range(from, to) => [from, to].into_iter().flatten().try_for_each(|end| self.term(end)),
        }
    }

    fn operation(&mut self, left: &Term<&'a str>, op: &BinaryOp<&'a str>, right: &Term<&'a str>) -> Checked {
        match op {
            BinaryOp::Pipe(Some(pattern)) => {
                self.term(left)?;
                let outer = self.bound.len();
                self.pattern(pattern)?;
                self.term(right)?;
                self.bound.truncate(outer);
                return Ok(());
            }
            BinaryOp::Math(Math::Mul) if !may_multiply(left, right) => {
                return Err(refused(
                    "*",
                    "text times a number repeats the text without bound; multiply by a plain number up to 1000, or put `| tonumber` to both sides",
                ));
            }
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                return Err(refused("assignment", "build a new object instead, for example . + {name: .given_name}"));
            }
            BinaryOp::Pipe(None)
            | BinaryOp::Comma
            | BinaryOp::Alt
            | BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Math(_)
            | BinaryOp::Cmp(_) => {}
        }
        self.term(left)?;
        self.term(right)
    }

    fn pattern(&mut self, pattern: &Pattern<&'a str>) -> Checked {
        match pattern {
            Pattern::Var(name) => {
                self.bound.push(name);
                Ok(())
            }
            Pattern::Arr(items) => items.iter().try_for_each(|item| self.pattern(item)),
            Pattern::Obj(entries) => entries.iter().try_for_each(|(key, value)| {
                self.term(key)?;
                self.pattern(value)
            }),
        }
    }

    fn variable(&self, name: &'a str) -> Checked {
        if self.bound.contains(&name) {
            Ok(())
        } else if name == "$ENV" || name == "$__prog_args" {
            Err(refused(name, "it reaches beyond the record, into the server"))
        } else {
            Err(ExpressionError::UnknownVariable(name.to_owned()))
        }
    }

    fn call(&mut self, name: &str, arguments: &[Term<&'a str>]) -> Checked {
        self.named(name, arguments.len())?;
        if let Some(trouble) = search::trouble(name, arguments) {
            self.unknown_to_mts(trouble);
        }
        arguments.iter().try_for_each(|argument| self.term(argument))
    }

    fn named(&mut self, name: &str, arity: usize) -> Checked {
        match builtins::find(name, arity) {
            Found::Allowed(Knows::Both) => Ok(()),
            Found::Allowed(Knows::OnlyMts) => {
                self.findings.unknown_to_omc.insert(format!("`{name}`"));
                Ok(())
            }
            Found::Allowed(Knows::OnlyOmc) => {
                self.unknown_to_mts(&format!("`{name}`"));
                Ok(())
            }
            Found::WrongArity => Err(ExpressionError::WrongArity(name.to_owned())),
            Found::Refused(reason) => Err(refused(name, reason)),
            Found::NotAmong => Err(ExpressionError::NotAmong(name.to_owned())),
        }
    }

    fn unknown_to_mts(&mut self, what: &str) {
        self.findings.unknown_to_mts.insert(what.to_owned());
    }
}

fn refused(what: &str, reason: &'static str) -> ExpressionError {
    ExpressionError::Refused { what: what.to_owned(), reason }
}

/// Whether a product is surely no long repetition of a text: both sides are numbers, one is a small number written out, or
/// one is an object (and then the other must be one too).
fn may_multiply(left: &Term<&str>, right: &Term<&str>) -> bool {
    let text = |term: &Term<&str>| matches!(term, Term::Str(..));
    let small = |term: &Term<&str>| match term {
        Term::Num(number) => number.parse::<f64>().is_ok_and(|number| number <= MOST_REPETITIONS),
        _ => false,
    };
    if text(left) || text(right) {
        return false;
    }
    let object = |term: &Term<&str>| matches!(term, Term::Obj(_));
    small(left) || small(right) || object(left) || object(right) || (is_number(left) && is_number(right))
}

/// Whether a term can only give numbers.
fn is_number(term: &Term<&str>) -> bool {
    match term {
        Term::Num(_) => true,
        Term::Neg(inner) => is_number(inner),
        Term::Call(name, _) => matches!(*name, "tonumber" | "length" | "utf8bytelength" | "floor" | "ceil" | "round"),
        Term::BinOp(_, BinaryOp::Pipe(_), right) => is_number(right),
        Term::BinOp(left, BinaryOp::Math(Math::Sub | Math::Div | Math::Rem | Math::Add | Math::Mul), right) => {
            is_number(left) && is_number(right)
        }
        _ => false,
    }
}
