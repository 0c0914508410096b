//! Ids found by name, and by their place in a tree.

use super::super::database::Database;
use super::super::fault::Outcome;
use super::super::schema::ModelId;
use super::super::wire::Value;
use super::compile::{NEGATIVE, compile};
use super::plan::{Order, search};

/// Ids whose name meets `operator name`, as `_name_search` finds them.
pub fn name_search(db: &Database, model: ModelId, name: &Value, operator: &str) -> Outcome<Vec<i32>> {
    let known = &db.schema.models[model];
    let by_owner = model == db.names.reg_id;
    let domain = if by_owner {
        let leaf = Value::Array(vec!["partner_id".into(), operator.into(), name.clone()]);
        Value::Array(if name.truthy() { vec![leaf] } else { vec![] })
    } else if name.as_text() == Some("") && matches!(operator, "like" | "ilike") {
        Value::Array(vec![])
    } else {
        let joint = if NEGATIVE.contains(&operator) { "&" } else { "|" };
        let mut parts = vec![Value::from(joint); known.names.len() - 1];
        for field in known.names {
            parts.push(Value::Array(vec![(*field).into(), operator.into(), name.clone()]));
        }
        Value::Array(parts)
    };
    let filter = compile(db, model, &domain, false)?;
    // The registry's own name search of IDs stops at a hundred.
    search(db, &filter, &[Order { field: None, descending: by_owner }], 0, by_owner.then_some(100))
}

/// Ids with all that stand below or above them along `parent_id`.
pub fn family(db: &Database, model: ModelId, operator: &str, right: &Value) -> Outcome<Vec<i32>> {
    let start: Vec<i32> = match right {
        Value::Text(_) => name_search(db, model, right, "ilike")?,
        Value::Array(items) => items.iter().filter_map(Value::as_int).filter_map(small).collect(),
        one => one.as_int().and_then(small).filter(|id| *id != 0).into_iter().collect(),
    };
    let parent = db.schema.models[model].column("parent_id");
    let mut found: Vec<i32> = Vec::new();
    let mut next = start;
    while let Some(id) = next.pop() {
        if found.contains(&id) {
            continue;
        }
        found.push(id);
        let Some(column) = parent else { continue };
        if operator == "child_of" {
            next.extend(db.table(model).back(column, id).unwrap_or(&[]));
        } else {
            next.extend(db.row(model, id).and_then(|row| row.cell(column).as_ref_id()));
        }
    }
    Ok(found)
}

/// A number as an id, if it can be one.
pub fn small(number: i64) -> Option<i32> {
    i32::try_from(number).ok()
}
