//! `omc_holders`: who holds an ID.

use std::collections::BTreeSet;

use super::super::fault::{Fault, Outcome};
use super::super::orm::Env;
use super::super::rpc::Arguments;
use super::super::schema::ModelId;
use super::super::wire::Value;
use super::connector::Connector;

/// Registrants of the connector's company, none archived, with one of these values of one type; not by IDs that
/// are marked invalid.
pub fn holders(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let own = arguments.ids()?;
    let connector = Connector::of(env, model, &own)?;
    let id_type = arguments.require("id_type_id")?.as_int().and_then(|id| i32::try_from(id).ok());
    let Value::Array(values) = arguments.require("values")? else {
        return Err(Fault::user("A list of texts is wanted."));
    };
    arguments.done()?;
    let values: BTreeSet<&str> = values.iter().filter_map(Value::as_text).collect();
    let columns = env.db.columns;
    let mut found = Vec::new();
    for partner in env.db.table(env.db.names.partner).rows_from(0) {
        let company = partner.cell(columns.company).as_ref_id();
        let registered = partner.cell(columns.active).is_true() && partner.cell(columns.is_registrant).is_true();
        if !registered || !(company.is_none() || company == connector.company) {
            continue;
        }
        for row in env.db.reg_ids(partner.id).iter().filter_map(|id| env.db.row(env.db.names.reg_id, *id)) {
            let value = row.cell(columns.value).as_text().unwrap_or_default();
            let invalid = row.cell(columns.status).as_text() == Some("invalid");
            if row.cell(columns.id_type).as_ref_id() == id_type && values.contains(value) && !invalid {
                found.push(Value::from([("partner_id", Value::from(partner.id)), ("value", value.into())]));
            }
        }
    }
    Ok(Value::Array(found))
}
