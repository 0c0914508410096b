//! The connector a door call is about.

use serde_json::Value as Json;

use super::super::cell::Cell;
use super::super::fault::{Fault, Outcome};
use super::super::orm::Env;
use super::super::schema::ModelId;
use super::super::wire::{Value, from_json};

/// What the door reads of an `omc.connector`.
pub struct Connector {
    pub id: i32,
    pub company: Option<i32>,
    pub vid_type: i32,
    pub token_type: i32,
    pub domain: Value,
    /// The filter itself speaks of groups.
    pub groups: bool,
    pub fields: Vec<String>,
    pub value_fields: Vec<String>,
}

impl Connector {
    /// The one connector of the call.
    pub fn of(env: &Env, model: ModelId, ids: &[i32]) -> Outcome<Self> {
        let [id] = ids else {
            let list = Value::tuple_repr(&ids.iter().map(|id| Value::from(*id)).collect::<Vec<_>>());
            return Err(Fault::value_error(format!("Expected singleton: omc.connector{list}")));
        };
        env.must_exist(model, ids)?;
        let cell = |name: &str| {
            let column = env.model(model).column(name);
            column.and_then(|column| env.db.row(model, *id).map(|row| row.cell(column))).unwrap_or(&Cell::Null)
        };
        let list = |name: &str| -> Vec<String> {
            let json = cell(name).as_text().and_then(|text| serde_json::from_str::<Vec<String>>(text).ok());
            json.unwrap_or_default()
        };
        let domain = cell("g2p_search_domain").as_text().unwrap_or("[]");
        let domain: Json = serde_json::from_str(domain)
            .map_err(|_| Fault::validation("'Filters to apply to Registry' is not valid json."))?;
        let domain = from_json(&domain);
        Ok(Self {
            id: *id,
            company: cell("company_id").as_ref_id(),
            vid_type: cell("vid_id_type_id").as_ref_id().unwrap_or(0),
            token_type: cell("token_id_type_id").as_ref_id().unwrap_or(0),
            groups: speaks_of_groups(&domain),
            domain,
            fields: list("g2p_selected_fields"),
            value_fields: list("value_fields"),
        })
    }
}

fn speaks_of_groups(domain: &Value) -> bool {
    let leaf = |item: &Value| {
        let field = item.as_array().and_then(<[Value]>::first).and_then(Value::as_text);
        field.is_some_and(|field| field.split('.').next() == Some("is_group"))
    };
    domain.as_array().is_some_and(|items| items.iter().any(leaf))
}
