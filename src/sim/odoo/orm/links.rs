//! Rows that point at each other: foreign keys, and the commands of a one2many.

use super::super::cell::Cell;
use super::super::fault::{Fault, Outcome};
use super::super::row::Row;
use super::super::schema::{FieldId, Kind, ModelId, Source};
use super::super::wire::{Key, Value};
use super::create::{create, members, write};
use super::env::Env;
use super::unlink::unlink;

/// Every many2one must point at a row that is there.
pub fn targets(env: &Env, model: ModelId, row: &Row) -> Outcome<()> {
    let known = env.model(model);
    for field in &known.fields {
        let (Kind::Many2one(other), Source::Column(column)) = (&field.kind, field.source) else {
            continue;
        };
        let Cell::Ref(id) = row.cell(column) else { continue };
        if let Some(other) = env.db.schema.model(other)
            && env.db.row(other, *id).is_none()
        {
            return Err(restricted(env, model, field.name));
        }
    }
    Ok(())
}

/// The text of a foreign key that does not hold, whichever end broke it.
pub fn restricted(env: &Env, model: ModelId, field: &str) -> Fault {
    let known = env.model(model);
    Fault::validation(format!(
        "The operation cannot be completed: another model requires the record being deleted. If possible, archive it \
         instead.\n\nModel: {} ({})\nConstraint: {}_{field}_fkey\n",
        known.description,
        known.name,
        known.name.replace('.', "_"),
    ))
}

/// Carries out the commands written to a one2many: what is deleted goes first, what is made comes last.
pub fn commands(env: &mut Env, model: ModelId, id: i32, field: FieldId, value: &Value) -> Outcome<()> {
    let Kind::One2many(other, back) = env.model(model).fields[field].kind else {
        return Ok(());
    };
    let Some(other) = env.db.schema.model(other) else {
        return Ok(());
    };
    let (mut made, mut gone): (Vec<Vec<(Key, Value)>>, Vec<i32>) = (Vec::new(), Vec::new());
    let point = |id: Value| -> Vec<(Key, Value)> { vec![(Key::Borrowed(back), id)] };
    let Some(commands) = value.as_array() else {
        if !value.truthy() {
            return Ok(());
        }
        let (name, field) = (env.model(model).name, env.model(model).fields[field].name);
        let value = value.python_str();
        return Err(Fault::value_error(format!("Wrong value for {name}.{field}: {value}")));
    };
    for command in commands {
        let parts = command.as_array().unwrap_or(&[]);
        let target = parts.get(1).and_then(Value::as_int).and_then(|id| i32::try_from(id).ok());
        match (parts.first().and_then(Value::as_int), target, parts.get(2)) {
            (Some(0), _, Some(values)) => {
                let mut values = members(values)?.to_vec();
                values.retain(|(name, _)| *name != back);
                values.extend(point(Value::from(id)));
                made.push(values);
            }
            (Some(1), Some(target), Some(values)) => write(env, other, &[target], members(values)?)?,
            // Whoever's row it is.
            (Some(2), Some(target), _) if env.db.row(other, target).is_some() => gone.push(target),
            (Some(3), Some(target), _) => write(env, other, &[target], &point(Value::Bool(false)))?,
            (Some(4), Some(target), _) => write(env, other, &[target], &point(Value::from(id)))?,
            (Some(5), ..) => {
                for target in behind(env, other, back, id) {
                    write(env, other, &[target], &point(Value::Bool(false)))?;
                }
            }
            (Some(6), _, Some(Value::Array(ids))) => {
                let wanted: Vec<i32> =
                    ids.iter().filter_map(Value::as_int).filter_map(|id| i32::try_from(id).ok()).collect();
                for target in behind(env, other, back, id).into_iter().filter(|id| !wanted.contains(id)) {
                    write(env, other, &[target], &point(Value::Bool(false)))?;
                }
                write(env, other, &wanted, &point(Value::from(id)))?;
            }
            // A row that is not there, a command that is none: passed over without a word.
            _ => {}
        }
    }
    unlink(env, other, &gone)?;
    if !made.is_empty() {
        let rows: Vec<&[(Key, Value)]> = made.iter().map(Vec::as_slice).collect();
        create(env, other, &rows)?;
    }
    Ok(())
}

fn behind(env: &Env, other: ModelId, back: &str, id: i32) -> Vec<i32> {
    let column = env.model(other).column(back);
    column.and_then(|column| env.db.table(other).back(column, id)).unwrap_or(&[]).to_vec()
}
