//! What is wrong with a domain's terms before any operator or value is looked at.

use super::super::database::Database;
use super::super::fault::{Fault, Outcome};
use super::super::schema::ModelId;
use super::super::wire::Value;
use super::token::Token;

/// What Odoo complains of before it looks at any operator or value: from the end, terms that are no terms; then, from the
/// start, terms of the wrong length and fields there are not.
pub fn well_formed(db: &Database, model: ModelId, tokens: &[Token]) -> Outcome<()> {
    for token in tokens.iter().rev() {
        match token {
            Token::Odd(Value::Text(text)) if text.chars().count() < 2 => {
                return Err(Fault::other("IndexError", "string index out of range"));
            }
            Token::Odd(Value::Text(_)) => {}
            Token::Odd(odd) => {
                let kind = odd.python_type();
                return Err(Fault::type_error(format!("'{kind}' object is not subscriptable")));
            }
            _ => {}
        }
    }
    let known = &db.schema.models[model];
    for token in tokens {
        let Token::Leaf(parts) = token else { continue };
        if parts.len() != 3 {
            let text = match parts.len() {
                few @ 0..3 => format!("not enough values to unpack (expected 3, got {few})"),
                _ => "too many values to unpack (expected 3)".to_owned(),
            };
            return Err(Fault::value_error(text));
        }
        let Some(path) = parts[0].as_text() else { continue };
        let name = path.split('.').next().unwrap_or_default();
        if known.field(name).is_none() {
            let leaf = Value::tuple_repr(parts);
            return Err(Fault::value_error(format!("Invalid field {}.{name} in leaf {leaf}", known.name)));
        }
    }
    Ok(())
}
