//! `omc_duplicates`: who shares a token.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::super::fault::Outcome;
use super::super::orm::Env;
use super::super::rpc::Arguments;
use super::super::schema::ModelId;
use super::super::wire::Value;
use super::connector::Connector;

/// Groups after a name, in their order.
pub fn duplicates(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let own = arguments.ids()?;
    let connector = Connector::of(env, model, &own)?;
    let after = arguments.require("after")?.python_str();
    let limit = arguments.require("limit")?.as_int().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(1);
    arguments.done()?;
    let mut groups: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
    let columns = env.db.columns;
    for partner in env.db.table(env.db.names.partner).rows_from(0) {
        let company = partner.cell(columns.company).as_ref_id();
        if !partner.cell(columns.active).is_true() || !(company.is_none() || company == connector.company) {
            continue;
        }
        for row in env.db.reg_ids(partner.id).iter().filter_map(|id| env.db.row(env.db.names.reg_id, *id)) {
            let token = row.cell(columns.value).as_text().unwrap_or_default();
            if row.cell(columns.id_type).as_ref_id() == Some(connector.token_type) && !token.is_empty() {
                let digest = Sha256::digest(format!("{}:{token}", connector.token_type));
                let name = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
                groups.entry(name).or_default().insert(partner.id);
            }
        }
    }
    let mut found = groups.into_iter().filter(|(name, registrants)| registrants.len() > 1 && *name > after);
    let page: Vec<Value> = found
        .by_ref()
        .take(limit.clamp(1, 1000))
        .map(|(name, registrants)| {
            Value::from([("group", Value::Text(name)), ("partner_ids", Value::ids(registrants))])
        })
        .collect();
    Ok(Value::from([("groups", Value::Array(page)), ("complete", Value::Bool(found.next().is_none()))]))
}
