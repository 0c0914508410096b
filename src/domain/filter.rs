//! An Odoo domain: who is meant.

mod leaf;
mod literal;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use literal::LiteralError;

/// Longest filter, in characters, and most terms.
const LONGEST: usize = 20_000;
const MOST_TERMS: usize = 500;

/// A well-formed domain in prefix notation, as the JSON array Odoo takes.
///
/// Terms are operators (`&`, `|` with two operands, `!` with one) and leaves (`[field, operator, value]`); several operands
/// next to each other at the top are joined with an implicit `&`. No terms means everybody.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Value>", into = "Vec<Value>")]
pub struct Filter(Vec<Value>);

/// Without its values: one can be a person's phone number.
impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Filter({} terms)", self.0.len())
    }
}

/// Why a text is no filter. Names the place, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("longer than {LONGEST} characters, or more than {MOST_TERMS} terms")]
    TooLong,
    #[error(transparent)]
    Literal(#[from] LiteralError),
    #[error("write a list of terms, for example [[\"is_registrant\", \"=\", true]]")]
    NotAList,
    #[error("term {place}: {reason}")]
    Term { place: String, reason: &'static str },
    #[error("the operator {operator} at term {place} has too few operands after it")]
    TooFewOperands { operator: char, place: usize },
}

impl Filter {
    /// Reads a domain written as JSON, or as Odoo's own domain editor saves it: as a Python literal. Expressions that Odoo
    /// would have to evaluate (`uid`, `context_today()`) cannot be used.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.chars().count() > LONGEST {
            return Err(FilterError::TooLong);
        }
        match literal::parse(text)? {
            Value::Array(terms) => Self::from_terms(terms),
            _ => Err(FilterError::NotAList),
        }
    }

    fn from_terms(terms: Vec<Value>) -> Result<Self, FilterError> {
        if count(&terms) > MOST_TERMS {
            return Err(FilterError::TooLong);
        }
        checked(terms, "").map(Self)
    }

    /// The terms, operators and leaves in prefix order.
    pub fn terms(&self) -> &[Value] {
        &self.0
    }

    /// As Odoo takes it.
    pub fn to_json(&self) -> Value {
        Value::Array(self.0.clone())
    }

    /// The registrant's fields that the filter looks at, as dotted paths; a field may come more than once. Paths inside the
    /// value of `any` start at another model and are not among them.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|term| term.as_array()?.first()?.as_str())
    }

    /// Whether the filter speaks of a field of the registrant, itself or through a path that starts with it.
    pub fn mentions(&self, field: &str) -> bool {
        self.fields().any(|path| path.split('.').next() == Some(field))
    }

    /// Those whom all parts mean; everybody, if there are none.
    pub fn all(parts: impl IntoIterator<Item = Filter>) -> Filter {
        let operands: Vec<Vec<Value>> = parts.into_iter().flat_map(|part| split(&part.0)).collect();
        let mut terms = vec![json!("&"); operands.len().saturating_sub(1)];
        terms.extend(operands.into_iter().flatten());
        Filter(terms)
    }

    /// One leaf of OMC's own. `None` if it is not one.
    pub fn leaf(field: &str, operator: &str, value: Value) -> Option<Filter> {
        Self::from_terms(vec![json!([field, operator, value])]).ok()
    }
}

impl TryFrom<Vec<Value>> for Filter {
    type Error = FilterError;

    fn try_from(terms: Vec<Value>) -> Result<Self, FilterError> {
        Self::from_terms(terms)
    }
}

impl From<Filter> for Vec<Value> {
    fn from(filter: Filter) -> Self {
        filter.0
    }
}

/// All terms, those within `any` too.
fn count(terms: &[Value]) -> usize {
    let within = |term: &Value| match term.as_array().map(Vec::as_slice) {
        Some([_, Value::String(operator), Value::Array(inner)]) if operator.to_lowercase().ends_with("any") => {
            count(inner)
        }
        _ => 0,
    };
    terms.len() + terms.iter().map(within).sum::<usize>()
}

/// The number of operands of a term; a leaf has none.
fn arity(term: &Value) -> usize {
    match term.as_str() {
        Some("&" | "|") => 2,
        Some(_) => 1,
        None => 0,
    }
}

/// Checks terms and gives them back in Odoo's own writing. `place` is that of the domain they are in: "", or "4.2.".
fn checked(terms: Vec<Value>, place: &str) -> Result<Vec<Value>, FilterError> {
    let terms: Vec<Value> = terms
        .into_iter()
        .enumerate()
        .map(|(at, term)| term_of(term, &format!("{place}{}", at + 1)))
        .collect::<Result<_, _>>()?;
    // Each entry: an operator, its place, and how many operands are still wanted.
    let mut open: Vec<(char, usize, usize)> = Vec::new();
    for (at, term) in terms.iter().enumerate() {
        let operands = arity(term);
        if operands > 0 {
            let operator = term.as_str().and_then(|text| text.chars().next()).unwrap_or('&');
            open.push((operator, at + 1, operands));
            continue;
        }
        while let Some(last) = open.last_mut() {
            last.2 -= 1;
            if last.2 > 0 {
                break;
            }
            open.pop();
        }
    }
    match open.last() {
        Some(&(operator, place, _)) => Err(FilterError::TooFewOperands { operator, place }),
        None => Ok(terms),
    }
}

fn term_of(term: Value, place: &str) -> Result<Value, FilterError> {
    let wrong = |reason| FilterError::Term { place: place.to_owned(), reason };
    match term {
        Value::String(operator) if matches!(operator.as_str(), "&" | "|" | "!") => Ok(Value::String(operator)),
        Value::String(_) => Err(wrong("a text alone must be one of the operators & | !")),
        Value::Array(parts) => leaf::checked(parts, place),
        _ => Err(wrong("write [field, operator, value], or one of the operators & | !")),
    }
}

/// The operands at the top of a well-formed domain, each complete.
fn split(terms: &[Value]) -> Vec<Vec<Value>> {
    let mut operands = Vec::new();
    let mut wanted = 0;
    for term in terms {
        if wanted == 0 {
            operands.push(Vec::new());
            wanted = 1;
        }
        wanted = wanted - 1 + arity(term);
        if let Some(operand) = operands.last_mut() {
            operand.push(term.clone());
        }
    }
    operands
}

#[cfg(test)]
mod tests;
