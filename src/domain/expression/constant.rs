//! Parts of an expression whose value is written out.

use std::collections::BTreeMap;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::ops::Math;

/// The text that a term is, if it is one without interpolation.
pub(super) fn text(term: &Term<&str>) -> Option<String> {
    let Term::Str(None, parts) = term else {
        return None;
    };
    parts
        .iter()
        .map(|part| match part {
            StrPart::Str(text) => Some((*text).to_owned()),
            StrPart::Char(c) => Some(c.to_string()),
            StrPart::Term(_) => None,
        })
        .collect()
}

/// What is known of an expression's result without evaluating it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) enum Outline {
    #[default]
    Unknown,
    /// An object with these keys and no others.
    Object(BTreeMap<String, Outline>),
}

impl Outline {
    pub(super) fn of(term: &Term<&str>) -> Self {
        Self::known(term).map_or(Self::Unknown, Self::Object)
    }

    fn known(term: &Term<&str>) -> Option<BTreeMap<String, Self>> {
        match term {
            Term::Obj(entries) => entries
                .iter()
                .map(|(key, value)| {
                    let name = match key {
                        Term::Var(name) => name.strip_prefix('$').map(str::to_owned),
                        key => text(key),
                    };
                    Some((name?, value.as_ref().map_or(Self::Unknown, Self::of)))
                })
                .collect(),
            Term::BinOp(_, BinaryOp::Pipe(_), right) => Self::known(right),
            Term::BinOp(left, BinaryOp::Math(Math::Add), right) => {
                let mut keys = Self::known(left)?;
                keys.extend(Self::known(right)?);
                Some(keys)
            }
            _ => None,
        }
    }

    /// Whether there is surely nothing at the end of a path.
    pub(super) fn lacks(&self, path: &[String]) -> bool {
        match (self, path.split_first()) {
            (Self::Object(keys), Some((first, rest))) => keys.get(first).is_none_or(|inner| inner.lacks(rest)),
            _ => false,
        }
    }

    /// The keys at the top, if they are known.
    pub(super) fn keys(&self) -> Option<impl Iterator<Item = &str>> {
        match self {
            Self::Unknown => None,
            Self::Object(keys) => Some(keys.keys().map(String::as_str)),
        }
    }
}
