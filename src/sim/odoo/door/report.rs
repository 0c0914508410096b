//! `omc_report`: what the daemon tells the administrator.

use std::borrow::Cow;

use super::super::cell::{Cell, parse_time};
use super::super::fault::{Fault, Outcome};
use super::super::orm::{self, Env};
use super::super::rpc::Arguments;
use super::super::schema::{Kind, ModelId};
use super::super::wire::{Key, Value};
use super::connector::Connector;
use super::preview;

const CONNECTOR_FIELDS: [&str; 4] = ["job_status", "last_error", "next_run", "last_run_id"];

/// Writes what the payload names and answers with the run's id.
pub fn report(env: &mut Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let own = arguments.ids()?;
    let connector = Connector::of(env, model, &own)?;
    let payload = arguments.require("payload")?;
    arguments.done()?;
    let models = (env.db.schema.model("omc.run"), env.db.schema.model("omc.rejection"));
    let (Some(runs), Some(rejections)) = models else {
        return Err(Fault::other("KeyError", "'omc.run'"));
    };
    let run = match payload.get("run") {
        Some(Value::Struct(members)) => Some(write_run(env, runs, connector.id, members)?),
        _ => None,
    };
    if let Some(Value::Struct(members)) = payload.get("connector") {
        let allowed = |(name, _): &&(Key, Value)| CONNECTOR_FIELDS.contains(&&**name);
        let values: Vec<(Key, Value)> = members.iter().filter(allowed).cloned().collect();
        write_plain(env, model, connector.id, &values)?;
        if let Some(under_way) = payload.get("connector").and_then(|told| told.get("running")).and_then(Value::as_array)
        {
            let under_way: Vec<i64> = under_way.iter().filter_map(Value::as_int).collect();
            end_lost_runs(env, runs, connector.id, &under_way)?;
        }
    }
    for rejection in payload.get("rejections").and_then(Value::as_array).unwrap_or(&[]) {
        write_rejection(env, rejections, connector.id, rejection)?;
    }
    for partner in payload.get("resolved").and_then(Value::as_array).unwrap_or(&[]) {
        let partner = partner.as_int().and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
        for id in open_rejections(env, rejections, connector.id, partner) {
            orm::write(env, rejections, &[id], &[(Cow::Borrowed("state"), "resolved".into())])?;
        }
    }
    if let Some(answer) = payload.get("preview") {
        preview::answer(env, connector.id, answer)?;
    }
    Ok(Value::from([("run_id", run.map_or(Value::Bool(false), Value::from))]))
}

/// The door's times carry microseconds; a plain `write` takes none, so they are cut.
fn plain(env: &Env, model: ModelId, values: &[(Key, Value)]) -> Vec<(Key, Value)> {
    let is_time = |name: &str| {
        env.model(model).field(name).is_some_and(|field| env.model(model).fields[field].kind == Kind::Datetime)
    };
    values
        .iter()
        .map(|(name, value)| match value {
            Value::Text(text) if is_time(name) && text.len() > 19 && parse_time(text).is_some() => {
                (name.clone(), Value::Text(text[..19].to_owned()))
            }
            other => (name.clone(), other.clone()),
        })
        .collect()
}

fn write_plain(env: &mut Env, model: ModelId, id: i32, values: &[(Key, Value)]) -> Outcome<()> {
    let values = plain(env, model, values);
    orm::write(env, model, &[id], &values)
}

fn write_run(env: &mut Env, runs: ModelId, connector: i32, members: &[(Key, Value)]) -> Outcome<i32> {
    let named = members.iter().find(|(name, _)| name == "id").and_then(|(_, value)| value.as_int());
    let mut values: Vec<(Key, Value)> = members.iter().filter(|(name, _)| name != "id").cloned().collect();
    match named.filter(|id| *id > 0).and_then(|id| i32::try_from(id).ok()) {
        Some(id) => {
            write_plain(env, runs, id, &values)?;
            Ok(id)
        }
        None => {
            values.push((Cow::Borrowed("connector_id"), Value::from(connector)));
            let values = plain(env, runs, &values);
            let ids = orm::create(env, runs, &[&values])?;
            ids.first().copied().ok_or_else(|| Fault::other("IndexError", "list index out of range"))
        }
    }
}

/// Rows that say running, and that the daemon does not know: their store was lost.
fn end_lost_runs(env: &mut Env, runs: ModelId, connector: i32, under_way: &[i64]) -> Outcome<()> {
    let column = |name| env.model(runs).column(name).unwrap_or(0);
    let (of, state) = (column("connector_id"), column("state"));
    let lost = |row: &&super::super::row::Row| {
        *row.cell(of) == Cell::Ref(connector)
            && row.cell(state).as_text() == Some("running")
            && !under_way.contains(&i64::from(row.id))
    };
    let lost: Vec<i32> = env.db.table(runs).rows().filter(lost).map(|row| row.id).collect();
    let values = [
        (Cow::Borrowed("state"), Value::from("failed")),
        (Cow::Borrowed("message"), Value::from("The daemon does not know this run any more.")),
    ];
    if lost.is_empty() { Ok(()) } else { orm::write(env, runs, &lost, &values).map(drop) }
}

fn open_rejections(env: &Env, rejections: ModelId, connector: i32, partner: i32) -> Vec<i32> {
    let column = |name| env.model(rejections).column(name).unwrap_or(0);
    let (of, whom, state) = (column("connector_id"), column("partner_id"), column("state"));
    let table = env.db.table(rejections);
    let open = |row: &&super::super::row::Row| {
        *row.cell(of) == Cell::Ref(connector)
            && *row.cell(whom) == Cell::Ref(partner)
            && row.cell(state).as_text() != Some("resolved")
    };
    table.rows().filter(open).map(|row| row.id).collect()
}

fn write_rejection(env: &mut Env, rejections: ModelId, connector: i32, rejection: &Value) -> Outcome<()> {
    let partner =
        rejection.get("partner_id").and_then(Value::as_int).and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
    // A registrant deleted meanwhile has nothing to be told about.
    if env.db.row(env.db.names.partner, partner).is_none() {
        return Ok(());
    }
    let mut values: Vec<(Key, Value)> = ["code", "reason", "remedy", "attempts"]
        .into_iter()
        .filter_map(|name| rejection.get(name).map(|value| (Cow::Borrowed(name), value.clone())))
        .collect();
    let seen = rejection.get("seen_at").cloned().unwrap_or(Value::Bool(false));
    values.push((Cow::Borrowed("last_seen"), seen.clone()));
    values.push((Cow::Borrowed("state"), "open".into()));
    match open_rejections(env, rejections, connector, partner).first() {
        Some(id) => write_plain(env, rejections, *id, &values),
        None => {
            values.push((Cow::Borrowed("first_seen"), seen));
            values.push((Cow::Borrowed("connector_id"), Value::from(connector)));
            values.push((Cow::Borrowed("partner_id"), Value::from(partner)));
            let values = plain(env, rejections, &values);
            orm::create(env, rejections, &[&values]).map(drop)
        }
    }
}
