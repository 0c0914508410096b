//! Domains over `res.partner`. Terms that follow each other are all required, so conditions are added behind a filter.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::domain::connector::Connector;
use crate::domain::identity::RegistrantId;
use crate::odoo::wire;

/// Who may be taken next; see [`super::super::Registry::page`].
pub fn eligible(connector: &Connector, after: u32, since: Option<DateTime<Utc>>) -> Vec<Value> {
    let mut domain = matching(connector);
    if !connector.filter.terms().iter().any(|term| is_about(term, "is_group")) {
        domain.push(json!(["is_group", "=", false]));
    }
    domain.push(json!(["reg_ids.id_type", "=", connector.vid_type]));
    domain.push(json!("!"));
    domain.push(json!(["reg_ids.id_type", "=", connector.token_type]));
    domain.push(json!(["id", ">", after]));
    if let Some(since) = since {
        // A new or changed VID does not touch its registrant's write_date.
        let since = wire::time_text(since);
        domain.push(json!("|"));
        domain.push(json!(["write_date", ">=", since]));
        domain.push(json!(["reg_ids.write_date", ">=", since]));
    }
    domain
}

pub fn holders_of_both(connector: &Connector, after: u32) -> Vec<Value> {
    vec![
        json!(["is_registrant", "=", true]),
        json!(["reg_ids.id_type", "=", connector.vid_type]),
        json!(["reg_ids.id_type", "=", connector.token_type]),
        json!(["id", ">", after]),
    ]
}

/// These registrants, as far as they match.
pub fn among(connector: &Connector, ids: &[RegistrantId], ignore_filter: bool) -> Vec<Value> {
    let mut domain = if ignore_filter { vec![json!(["active", "=", true])] } else { matching(connector) };
    domain.push(json!(["id", "in", ids]));
    domain
}

/// The filter, and what is required whatever it says. A filter that speaks of `active` would have Odoo look among the
/// archived too.
fn matching(connector: &Connector) -> Vec<Value> {
    let mut domain = connector.filter.terms().to_vec();
    domain.push(json!(["is_registrant", "=", true]));
    domain.push(json!(["active", "=", true]));
    domain
}

fn is_about(term: &Value, field: &str) -> bool {
    term.get(0).and_then(Value::as_str) == Some(field)
}

#[cfg(test)]
#[path = "select_test.rs"]
mod tests;
