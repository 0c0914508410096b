//! The answer to an administrator's Test, in `omc_report`.

use std::borrow::Cow;

use super::super::cell::Cell;
use super::super::fault::{Fault, Outcome};
use super::super::orm::{self, Env};
use super::super::schema::ModelId;
use super::super::wire::{Key, Value, to_json};

/// Lines of a preview that are kept; what is beyond is dropped.
const MOST: usize = 50;

/// Stores the answer, unless the preview is gone, answered or another connector's.
pub fn answer(env: &mut Env, connector: i32, preview: &Value) -> Outcome<()> {
    let models = (env.db.schema.model("omc.preview"), env.db.schema.model("omc.preview.line"));
    let (Some(previews), Some(lines)) = models else {
        return Err(Fault::other("KeyError", "'omc.preview'"));
    };
    let id = preview.get("id").and_then(Value::as_int).and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
    if !is_waiting(env, previews, connector, id) {
        return Ok(());
    }
    let take = |name: &'static str| (Cow::Borrowed(name), preview.get(name).cloned().unwrap_or(Value::Bool(false)));
    orm::write(env, previews, &[id], &[take("state"), take("message")])?;
    for line in preview.get("lines").and_then(Value::as_array).unwrap_or(&[]).iter().take(MOST) {
        let partner = line.get("partner_id").and_then(Value::as_int).and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
        if env.db.row(env.db.names.partner, partner).is_none() {
            continue;
        }
        let take = |name: &'static str| (Cow::Borrowed(name), line.get(name).cloned().unwrap_or(Value::Bool(false)));
        let auth_data = line.get("auth_data").map(|data| to_json(data).to_string()).unwrap_or_default();
        let values: Vec<(Key, Value)> = vec![
            (Cow::Borrowed("preview_id"), Value::from(id)),
            (Cow::Borrowed("partner_id"), Value::from(partner)),
            take("verdict"),
            take("reason"),
            (Cow::Borrowed("auth_data"), Value::Text(auth_data)),
        ];
        orm::create(env, lines, &[&values])?;
    }
    Ok(())
}

fn is_waiting(env: &Env, previews: ModelId, connector: i32, id: i32) -> bool {
    let cell = |name| {
        let column = env.model(previews).column(name)?;
        env.db.row(previews, id).map(|row| row.cell(column))
    };
    cell("connector_id") == Some(&Cell::Ref(connector)) && cell("state").and_then(Cell::as_text) == Some("requested")
}
