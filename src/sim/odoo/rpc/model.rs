//! The methods only some models have.

use std::borrow::Cow;

use super::super::cell::Cell;
use super::super::domain;
use super::super::door;
use super::super::fault::{Fault, Outcome};
use super::super::orm::{self, Env};
use super::super::schema::ModelId;
use super::super::wire::{Key, Value};
use super::arguments::Arguments;

/// Calls a method of this model's own; `None` where there is no such method.
pub fn call(
    env: &mut Env,
    model: ModelId,
    method: &str,
    arguments: &mut Arguments,
    door: &door::Surroundings,
) -> Option<Outcome<Value>> {
    Some(match (env.model(model).name, method) {
        ("ir.config_parameter", "get_param") => get_param(env, arguments),
        ("ir.config_parameter", "set_param") => set_param(env, arguments),
        ("res.partner", "enable_registrant") => enable_registrant(env, model, arguments),
        ("mts.connector", "mts_action_trigger") => trigger(env, model, arguments),
        // What upstream would do inside Odoo is not simulated; that it answers with a fault all the same is.
        ("mts.connector", "mts_onetime_action" | "delete_vids_if_token") => Ok(Value::Nil),
        ("omc.connector", "omc_pull") => door::pull(env, model, arguments, door),
        ("omc.connector", "omc_apply") => door::apply(env, model, arguments, door),
        ("omc.connector", "omc_duplicates") => door::duplicates(env, model, arguments),
        ("omc.connector", "omc_holders") => door::holders(env, model, arguments),
        ("omc.connector", "omc_alarm") => door::alarm(env, model, arguments),
        ("omc.connector", "omc_report") => door::report(env, model, arguments),
        ("omc.connector", "action_start") => set_status(env, model, arguments, "started"),
        ("omc.connector", "action_stop") => set_status(env, model, arguments, "completed"),
        ("omc.connector", "action_run_now") => run_now(env, model, arguments),
        ("omc.connector", "action_test") => test(env, model, arguments),
        _ => return None,
    })
}

fn parameter(env: &Env, key: &str) -> Outcome<Option<i32>> {
    let condition = Value::Array(vec![Value::Array(vec!["key".into(), "=".into(), key.into()])]);
    let filter = domain::compile(env.db, env.db.names.parameter, &condition, false)?;
    Ok(domain::search(env.db, &filter, &[], 0, Some(1))?.first().copied())
}

fn get_param(env: &Env, arguments: &mut Arguments) -> Outcome<Value> {
    let key = arguments.require("key")?.python_str();
    let default = arguments.take("default").unwrap_or(Value::Bool(false));
    let row = parameter(env, &key)?.and_then(|id| env.db.row(env.db.names.parameter, id));
    Ok(row.and_then(|row| row.cell(1).as_text()).map_or(default, Value::from))
}

fn set_param(env: &mut Env, arguments: &mut Arguments) -> Outcome<Value> {
    let key = arguments.require("key")?.python_str();
    let value = arguments.require("value")?;
    let model = env.db.names.parameter;
    let found = parameter(env, &key)?;
    let old = found.and_then(|id| env.db.row(model, id)).map_or(Cell::Null, |row| row.cell(1).clone());
    let values: Vec<(Key, Value)> = vec![(Cow::Borrowed("value"), Value::Text(value.python_str()))];
    match (found, value.is_unset()) {
        (Some(id), false) => orm::write(env, model, &[id], &values)?,
        (Some(id), true) => orm::unlink(env, model, &[id])?,
        (None, false) => {
            let mut values = values;
            values.push((Cow::Borrowed("key"), Value::Text(key)));
            orm::create(env, model, &[&values])?;
        }
        (None, true) => {}
    }
    Ok(old.as_text().map_or(Value::Bool(false), Value::from))
}

fn enable_registrant(env: &mut Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let ids = arguments.ids()?;
    let disabled = env.model(model).column("disabled");
    let is_disabled =
        |id: &i32| disabled.is_some_and(|column| env.db.row(model, *id).is_some_and(|row| !row.cell(column).is_null()));
    let affected: Vec<i32> = ids.into_iter().filter(is_disabled).collect();
    let values: Vec<(Key, Value)> =
        ["disabled", "disabled_by", "disabled_reason"].map(|name| (Cow::Borrowed(name), Value::Nil)).into();
    orm::write(env, model, &affected, &values)?;
    Ok(Value::Nil)
}

/// Upstream's one button: it starts what rests and stops what runs.
fn trigger(env: &mut Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let ids = arguments.ids()?;
    env.must_exist(model, &ids)?;
    let text = |env: &Env, id: i32, name: &str| {
        let column = env.model(model).column(name)?;
        env.db.row(model, id)?.cell(column).as_text().map(str::to_owned)
    };
    for id in ids {
        let rests = matches!(text(env, id, "job_status").as_deref(), Some("draft" | "completed"));
        let recurring = text(env, id, "is_recurring").as_deref() == Some("recurring");
        let status = match (rests, recurring) {
            (true, true) => "running",
            (true, false) => "started",
            (false, _) => "completed",
        };
        orm::write(env, model, &[id], &[(Cow::Borrowed("job_status"), status.into())])?;
    }
    Ok(Value::Nil)
}

fn set_status(env: &mut Env, model: ModelId, arguments: &mut Arguments, status: &str) -> Outcome<Value> {
    let ids = arguments.ids()?;
    orm::write(env, model, &ids, &[(Cow::Borrowed("job_status"), status.into())])?;
    Ok(Value::Bool(true))
}

/// The administrator's Run now: a run that is requested.
fn run_now(env: &mut Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let ids = arguments.ids()?;
    env.must_exist(model, &ids)?;
    let runs = env.db.schema.model("omc.run").ok_or_else(|| Fault::other("KeyError", "'omc.run'"))?;
    for id in ids {
        let values: Vec<(Key, Value)> = vec![
            (Cow::Borrowed("connector_id"), Value::from(id)),
            (Cow::Borrowed("trigger"), "manual".into()),
            (Cow::Borrowed("state"), "requested".into()),
            (Cow::Borrowed("requested_by_id"), Value::from(env.uid)),
        ];
        orm::create(env, runs, &[&values])?;
    }
    Ok(Value::Bool(true))
}

/// The administrator's Test: a preview that is requested.
fn test(env: &mut Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let ids = arguments.ids()?;
    env.must_exist(model, &ids)?;
    let previews = env.db.schema.model("omc.preview").ok_or_else(|| Fault::other("KeyError", "'omc.preview'"))?;
    for id in ids {
        let values: Vec<(Key, Value)> = vec![
            (Cow::Borrowed("connector_id"), Value::from(id)),
            (Cow::Borrowed("limit"), Value::from(10)),
            (Cow::Borrowed("requested_by_id"), Value::from(env.uid)),
        ];
        orm::create(env, previews, &[&values])?;
    }
    Ok(Value::Bool(true))
}
