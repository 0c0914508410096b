//! `unlink`, and what hangs on a deleted row.

use super::super::cell::Cell;
use super::super::fault::{Fault, Outcome};
use super::super::schema::{Kind, ModelId, Source};
use super::env::Env;
use super::links::restricted;

/// Deletes the rows. What points at them is emptied, goes too (OMC's own models), or forbids it (everything required).
pub fn unlink(env: &mut Env, model: ModelId, ids: &[i32]) -> Outcome<()> {
    if ids.is_empty() {
        return Ok(());
    }
    env.must_exist(model, ids)?;
    running_connectors(env, model, ids)?;
    let name = env.model(model).name;
    for other in 0..env.db.schema.models.len() {
        for field in 0..env.model(other).fields.len() {
            let known = &env.model(other).fields[field];
            let (Kind::Many2one(target), Source::Column(column)) = (&known.kind, known.source) else {
                continue;
            };
            if *target != name {
                continue;
            }
            let (required, field) = (known.required, known.name);
            let found = pointing(env, other, column, ids);
            if found.is_empty() {
                continue;
            }
            if env.model(other).name.starts_with("omc.") && required {
                unlink(env, other, &found)?;
            } else if required {
                return Err(restricted(env, other, field));
            } else {
                for id in found {
                    if let Some(mut row) = env.db.row(other, id).cloned() {
                        row.set(column, Cell::Null);
                        env.db.replace(other, row);
                    }
                }
            }
        }
    }
    for id in ids {
        env.db.delete(model, *id);
    }
    Ok(())
}

fn pointing(env: &Env, other: ModelId, column: usize, ids: &[i32]) -> Vec<i32> {
    let table = env.db.table(other);
    if table.back(column, 0).is_some() {
        return ids.iter().flat_map(|id| table.back(column, *id).unwrap_or(&[]).to_vec()).collect();
    }
    let points = |row: &&super::super::row::Row| row.cell(column).as_ref_id().is_some_and(|id| ids.contains(&id));
    table.rows().filter(points).map(|row| row.id).collect()
}

/// A record rule: what runs cannot be deleted, by anyone.
fn running_connectors(env: &Env, model: ModelId, ids: &[i32]) -> Outcome<()> {
    let known = env.model(model);
    if !known.name.ends_with(".connector") {
        return Ok(());
    }
    let Some(column) = known.column("job_status") else {
        return Ok(());
    };
    let runs = |id: &&i32| {
        let status = env.db.row(model, **id).and_then(|row| row.cell(column).as_text());
        matches!(status, Some("started" | "running"))
    };
    if !ids.iter().any(|id| runs(&id)) {
        return Ok(());
    }
    Err(Fault::access(format!(
        "Uh-oh! Looks like you have stumbled upon some top-secret records.\n\nSorry, Administrator (id={}) doesn't have \
         'unlink' access to:\n- {} ({})\n\nIf you really, really need access, perhaps you can win over your friendly \
         administrator with a batch of freshly baked cookies.",
        env.uid, known.description, known.name
    )))
}
