//! A domain's tokens in prefix order, with every implicit `&` made explicit.

use super::super::fault::{Fault, Outcome};
use super::super::wire::Value;

/// An operator or a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    And,
    Or,
    Not,
    Leaf(Vec<Value>),
    /// Neither; refused later, in Odoo's order of complaints.
    Odd(Value),
}

/// Checks the form of a domain; conditions are looked at later.
pub fn normalize(domain: &Value) -> Outcome<Vec<Token>> {
    let Value::Array(items) = domain else {
        return Err(Fault::other(
            "AssertionError",
            "Domains to normalize must have a 'domain' form: a list or tuple of domain components",
        ));
    };
    let mut tokens = Vec::with_capacity(items.len() + 1);
    let mut expected: i64 = 1;
    let mut added = 0;
    for item in items {
        if expected == 0 {
            added += 1;
            expected = 1;
        }
        let (token, arity) = match item {
            Value::Array(parts) => (Token::Leaf(parts.clone()), 0),
            Value::Text(text) => match text.as_str() {
                "&" => (Token::And, 2),
                "|" => (Token::Or, 2),
                "!" => (Token::Not, 1),
                _ => (Token::Odd(item.clone()), 0),
            },
            other => (Token::Odd(other.clone()), 0),
        };
        expected += arity - 1;
        tokens.push(token);
    }
    if !items.is_empty() && expected != 0 {
        return Err(Fault::value_error(format!("Domain {} is syntactically not correct.", domain.repr())));
    }
    tokens.splice(0..0, std::iter::repeat_n(Token::And, added));
    Ok(tokens)
}
