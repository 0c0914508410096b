//! `omc_alarm`: an activity while something is the matter with a connector.

use std::borrow::Cow;

use super::super::cell::Cell;
use super::super::fault::{Fault, Outcome};
use super::super::orm::{self, Env};
use super::super::rpc::Arguments;
use super::super::schema::ModelId;
use super::super::wire::{Key, Value};
use super::connector::Connector;

/// One activity of each kind, for whoever made the connector.
pub fn alarm(env: &mut Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let own = arguments.ids()?;
    let connector = Connector::of(env, model, &own)?.id;
    let code = arguments.require("code")?;
    let holds = !arguments.require("holds")?.is_unset();
    let numbers = arguments.require("numbers")?;
    arguments.done()?;
    let answer = |users: usize| Value::from([("users", Value::from(i32::try_from(users).unwrap_or(i32::MAX)))]);
    if code.is_unset() {
        return Ok(answer(1));
    }
    let code = code.python_str();
    let count = |name: &str| numbers.get(name).and_then(Value::as_int).unwrap_or(0);
    let (told, found) = (count("count"), count("found"));
    let summary = match code.as_str() {
        "stuck" => "The connector is stuck".to_owned(),
        "given_up" => format!("{told} of {found} registrants were given up"),
        "many_refused" => format!("{told} of {found} registrants were refused"),
        _ => return Err(Fault::user(format!("{code} is nothing that can be the matter with a connector."))),
    };
    let Some(activities) = env.db.schema.model("mail.activity") else {
        return Err(Fault::other("KeyError", "'mail.activity'"));
    };
    let column = |name| env.model(activities).column(name).unwrap_or(0);
    let (of, kind) = (column("res_id"), column("activity_type"));
    let is_meant = |row: &&super::super::row::Row| {
        *row.cell(of) == Cell::Int(connector.into()) && row.cell(kind).as_text() == Some(&code)
    };
    let there: Vec<i32> = env.db.table(activities).rows().filter(is_meant).map(|row| row.id).collect();
    if !holds {
        orm::unlink(env, activities, &there)?;
        return Ok(answer(there.len()));
    }
    if there.is_empty() {
        let maker = env.db.row(model, connector).map_or(env.uid, |row| row.create_uid);
        let values: Vec<(Key, Value)> = vec![
            (Cow::Borrowed("res_model"), "omc.connector".into()),
            (Cow::Borrowed("res_id"), Value::from(connector)),
            (Cow::Borrowed("activity_type"), Value::Text(code)),
            (Cow::Borrowed("summary"), Value::Text(summary)),
            (Cow::Borrowed("user_id"), Value::from(maker)),
        ];
        orm::create(env, activities, &[&values])?;
    }
    Ok(answer(1))
}
