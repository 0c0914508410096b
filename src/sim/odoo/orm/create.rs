//! `create` and `write`.

use super::super::cell::Cell;
use super::super::fault::{Fault, Outcome};
use super::super::row::Row;
use super::super::schema::{Default, FieldId, ModelId, Source};
use super::super::wire::{Key, Value};
use super::convert::to_cell;
use super::env::Env;
use super::{links, rules};

/// Values by field, as they were sent.
pub type Values = [(Key, Value)];

/// Makes a row of each; all or none, as the caller rolls back on a fault.
pub fn create(env: &mut Env, model: ModelId, rows: &[&Values]) -> Outcome<Vec<i32>> {
    let mut ids = Vec::with_capacity(rows.len());
    let mut named: Vec<FieldId> = Vec::new();
    for values in rows {
        let fields = known_fields(env, model, values)?;
        let id = env.db.take_id(model);
        let mut row =
            Row { id, create_uid: env.uid, write_uid: env.uid, created: env.now, written: env.now, cells: Vec::new() };
        for field in 0..env.model(model).fields.len() {
            let known = &env.model(model).fields[field];
            let Source::Column(column) = known.source else { continue };
            let cell = match fields.iter().find(|(named, _)| *named == field) {
                Some((_, value)) => to_cell(env.model(model), known, value)?,
                None => default(env, known.default),
            };
            row.set(column, cell);
            let given = known.default != Default::None || fields.iter().any(|(named, _)| *named == field);
            if given && !named.contains(&field) {
                named.push(field);
            }
        }
        rules::required(env, model, &row)?;
        links::targets(env, model, &row)?;
        env.db.insert(model, row);
        for (field, value) in &fields {
            links::commands(env, model, id, *field, value)?;
        }
        ids.push(id);
    }
    rules::check(env, model, &ids, &named)?;
    Ok(ids)
}

/// Writes the same values to every row.
pub fn write(env: &mut Env, model: ModelId, ids: &[i32], values: &Values) -> Outcome<()> {
    env.must_exist(model, ids)?;
    let fields = known_fields(env, model, values)?;
    let mut cells = Vec::new();
    for (field, value) in &fields {
        let known = &env.model(model).fields[*field];
        if let Source::Column(column) = known.source {
            cells.push((column, to_cell(env.model(model), known, value)?));
        }
    }
    for id in ids {
        let Some(mut row) = env.db.row(model, *id).cloned() else {
            continue;
        };
        for (column, cell) in &cells {
            row.set(*column, cell.clone());
        }
        row.written = env.now;
        row.write_uid = env.uid;
        rules::required(env, model, &row)?;
        links::targets(env, model, &row)?;
        env.db.replace(model, row);
        for (field, value) in &fields {
            links::commands(env, model, *id, *field, value)?;
        }
    }
    let named: Vec<FieldId> = fields.iter().map(|(field, _)| *field).collect();
    rules::check(env, model, ids, &named)
}

/// The fields named, those nobody may write left out; an unknown one is a fault.
fn known_fields<'v>(env: &Env, model: ModelId, values: &'v Values) -> Outcome<Vec<(FieldId, &'v Value)>> {
    let mut fields = Vec::with_capacity(values.len());
    for (name, value) in values {
        let field = env.field(model, name)?;
        if env.model(model).fields[field].writable() {
            fields.push((field, value));
        }
    }
    Ok(fields)
}

fn default(env: &Env, default: Default) -> Cell {
    match default {
        Default::None => Cell::Null,
        Default::Text(text) => Cell::text(text),
        Default::Int(number) => Cell::Int(number),
        Default::True => Cell::Bool(true),
        Default::Company => Cell::Ref(1),
        Default::Today => chrono::DateTime::from_timestamp_micros(env.now)
            .map_or(Cell::Null, |now| Cell::Date(chrono::Datelike::num_days_from_ce(&now.date_naive()))),
    }
}

/// The members of a dict argument.
pub fn members(value: &Value) -> Outcome<&Values> {
    match value {
        Value::Struct(members) => Ok(members),
        other => {
            Err(Fault::other("AttributeError", format!("'{}' object has no attribute 'items'", other.python_type())))
        }
    }
}
