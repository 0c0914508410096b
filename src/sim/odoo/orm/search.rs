//! Orders: the `order` of a call, and each model's own.

use super::super::database::Database;
use super::super::domain::Order;
use super::super::fault::{Fault, Outcome};
use super::super::schema::{ModelId, Source};

/// Reads `"field [asc|desc], ..."`.
pub fn parse_order(db: &Database, model: ModelId, order: &str) -> Outcome<Vec<Order>> {
    let known = &db.schema.models[model];
    let mut parts = Vec::new();
    for part in order.split(',') {
        let mut words = part.split_whitespace();
        let name = words.next().unwrap_or_default();
        let direction = words.next().unwrap_or("asc").to_ascii_lowercase();
        let descending = match (direction.as_str(), words.next(), name) {
            ("asc", None, name) if is_plain(name) => false,
            ("desc", None, name) if is_plain(name) => true,
            _ => {
                return Err(Fault::user(format!(
                    "Invalid \"order\" specified ({order}). A valid \"order\" specification is a comma-separated list \
                     of valid field names (optionally followed by asc/desc for the direction)"
                )));
            }
        };
        let field = known
            .field(name)
            .ok_or_else(|| Fault::value_error(format!("Invalid field '{name}' on model '{}'", known.name)))?;
        let field = (known.fields[field].source != Source::Id).then_some(field);
        parts.push(Order { field, descending });
    }
    Ok(parts)
}

fn is_plain(name: &str) -> bool {
    let plain = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | ':' | '_');
    !name.is_empty() && name.chars().all(plain)
}

/// The model's own order.
pub fn default_order(db: &Database, model: ModelId) -> Vec<Order> {
    // The schema's orders are its own and name its own fields; a wrong one would sort by id.
    parse_order(db, model, db.schema.models[model].order).unwrap_or_default()
}
