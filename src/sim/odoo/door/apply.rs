//! `omc_apply`: tokens stored and VIDs removed, one answer per result.

use std::borrow::Cow;

use super::super::cell::parse_time;
use super::super::fault::{Fault, Outcome};
use super::super::orm::{self, Env};
use super::super::random::Random;
use super::super::rpc::Arguments;
use super::super::schema::{Kind, ModelId, Source};
use super::super::wire::{Key, Value};
use super::Surroundings;
use super::connector::Connector;

/// What became of one result.
#[derive(Default)]
struct Answer {
    outcome: &'static str,
    token_id: Option<i32>,
    vid_removed: bool,
    code: Option<&'static str>,
}

impl Answer {
    fn of(outcome: &'static str) -> Self {
        Self { outcome, ..Self::default() }
    }

    fn error(code: &'static str) -> Self {
        Self { outcome: "error", code: Some(code), ..Self::default() }
    }
}

/// Applies every result, each in a savepoint of its own.
pub fn apply(env: &mut Env, model: ModelId, arguments: &mut Arguments, around: &Surroundings) -> Outcome<Value> {
    let own = arguments.ids()?;
    let connector = Connector::of(env, model, &own)?;
    let results = arguments.require("results")?;
    arguments.done()?;
    let Value::Array(results) = results else {
        return Err(Fault::type_error(format!("'{}' object is not iterable", results.python_type())));
    };
    let mut dice = Random::new(around.seed);
    let mut answers = Vec::with_capacity(results.len());
    for result in &results {
        let partner = id(result.get("partner_id")).unwrap_or(0);
        let answer = if dice.chance(around.busy_rate) {
            Answer::of("busy")
        } else {
            let savepoint = env.db.savepoint();
            let answer = apply_one(env, &connector, partner, result);
            if !matches!(answer.outcome, "written" | "already") {
                env.db.rollback_to(savepoint);
            }
            answer
        };
        answers.push(Value::from([
            ("partner_id", Value::from(partner)),
            ("outcome", answer.outcome.into()),
            ("token_id", answer.token_id.map_or(Value::Bool(false), Value::from)),
            ("vid_removed", Value::Bool(answer.vid_removed)),
            ("code", answer.code.map_or(Value::Bool(false), Value::from)),
        ]));
    }
    Ok(Value::Array(answers))
}

fn id(value: Option<&Value>) -> Option<i32> {
    value.and_then(Value::as_int).and_then(|id| i32::try_from(id).ok()).filter(|id| *id > 0)
}

/// The VID row a result names, as it is now.
#[derive(Clone, Copy, PartialEq)]
enum VidRow {
    Gone,
    /// Somebody else's, of another type, or written since.
    Other,
    Unchanged {
        id: i32,
        written: i64,
    },
}

fn apply_one(env: &mut Env, connector: &Connector, partner: i32, result: &Value) -> Answer {
    if env.db.row(env.db.names.partner, partner).is_none() {
        return Answer::of("superseded");
    }
    let vid = vid_row(env, connector, partner, result);
    let remove = result.get("remove_vid").is_some_and(Value::truthy);
    let tokens = tokens(env, connector, partner);
    match result.get("token") {
        None | Some(Value::Nil | Value::Bool(false)) => clean_up(env, vid, &tokens),
        Some(Value::Text(token)) => {
            if let Some(code) = unfit(env, connector, token) {
                return Answer::error(code);
            }
            let (same, other): (Vec<_>, Vec<_>) = tokens.iter().partition(|(_, value, _)| value == token);
            if !other.is_empty() {
                return Answer::of("conflict");
            }
            if let Some((token_id, ..)) = same.first() {
                let mut answer = Answer { token_id: Some(*token_id), ..Answer::of("already") };
                match vid {
                    VidRow::Other => return Answer::of("superseded"),
                    VidRow::Unchanged { id, .. } if remove => answer.vid_removed = removed(env, id),
                    VidRow::Unchanged { .. } | VidRow::Gone => {}
                }
                return answer;
            }
            let without = result.get("without_vid").is_some_and(Value::truthy) && !holds_vid(env, connector, partner);
            let vid = match vid {
                VidRow::Unchanged { id, .. } => Some(id).filter(|_| remove),
                VidRow::Gone if without => None,
                VidRow::Gone | VidRow::Other => return Answer::of("superseded"),
            };
            written(env, connector, partner, token, vid, result.get("values"))
        }
        Some(_) => Answer::error("token_invalid"),
    }
}

fn vid_row(env: &Env, connector: &Connector, partner: i32, result: &Value) -> VidRow {
    let columns = env.db.columns;
    let Some(row) = id(result.get("vid_id")).and_then(|id| env.db.row(env.db.names.reg_id, id)) else {
        return VidRow::Gone;
    };
    let since = result.get("vid_write_date").and_then(Value::as_text).and_then(parse_time);
    let named = result.get("vid_write_date").is_some_and(|value| !value.is_unset());
    let ours = row.cell(columns.partner).as_ref_id() == Some(partner)
        && row.cell(columns.id_type).as_ref_id() == Some(connector.vid_type)
        && (!named || since == Some(row.written));
    if ours { VidRow::Unchanged { id: row.id, written: row.written } } else { VidRow::Other }
}

fn holds_vid(env: &Env, connector: &Connector, partner: i32) -> bool {
    let mut rows = env.db.reg_ids(partner).iter().filter_map(|id| env.db.row(env.db.names.reg_id, *id));
    rows.any(|row| row.cell(env.db.columns.id_type).as_ref_id() == Some(connector.vid_type))
}

/// The registrant's tokens: row, value and when the row was made.
fn tokens(env: &Env, connector: &Connector, partner: i32) -> Vec<(i32, String, i64)> {
    let columns = env.db.columns;
    let rows = env.db.reg_ids(partner).iter().filter_map(|id| env.db.row(env.db.names.reg_id, *id));
    rows.filter(|row| row.cell(columns.id_type).as_ref_id() == Some(connector.token_type))
        .map(|row| (row.id, row.cell(columns.value).as_text().unwrap_or_default().to_owned(), row.created))
        .collect()
}

/// Clean-up: a VID goes only where the token is younger than it.
fn clean_up(env: &mut Env, vid: VidRow, tokens: &[(i32, String, i64)]) -> Answer {
    let VidRow::Unchanged { id, written } = vid else {
        return Answer::of("superseded");
    };
    match tokens.iter().find(|(_, _, created)| *created > written) {
        Some((token_id, ..)) => {
            Answer { token_id: Some(*token_id), vid_removed: removed(env, id), ..Answer::of("already") }
        }
        None => Answer::of("superseded"),
    }
}

fn unfit(env: &Env, connector: &Connector, token: &str) -> Option<&'static str> {
    if token.trim().is_empty() {
        return Some("token_empty");
    }
    if token.chars().count() > 100 {
        return Some("token_too_long");
    }
    let rule = env.db.row(env.db.names.id_type, connector.token_type).and_then(|kind| kind.cell(1).as_text());
    let fits = rule.is_none_or(|rule| rule.is_empty() || orm::python_match(rule, token).unwrap_or(false));
    let plain = !token.chars().any(|letter| letter.is_control() || letter.is_whitespace());
    (!(fits && plain)).then_some("token_invalid")
}

fn removed(env: &mut Env, vid: i32) -> bool {
    orm::unlink(env, env.db.names.reg_id, &[vid]).is_ok()
}

fn written(
    env: &mut Env,
    connector: &Connector,
    partner: i32,
    token: &str,
    remove: Option<i32>,
    values: Option<&Value>,
) -> Answer {
    if let Some(values) = values.filter(|values| !values.is_unset())
        && let Err(code) = write_values(env, connector, partner, values)
    {
        return Answer::error(code);
    }
    let members: [(Key, Value); 4] = [
        (Cow::Borrowed("partner_id"), Value::from(partner)),
        (Cow::Borrowed("id_type"), Value::from(connector.token_type)),
        (Cow::Borrowed("value"), token.into()),
        (Cow::Borrowed("status"), "valid".into()),
    ];
    match orm::create(env, env.db.names.reg_id, &[&members]) {
        Ok(ids) => Answer {
            token_id: ids.first().copied(),
            vid_removed: remove.is_some_and(|vid| removed(env, vid)),
            ..Answer::of("written")
        },
        Err(_) => Answer::error("token_invalid"),
    }
}

/// Only stored scalar fields that the connector lists.
fn write_values(env: &mut Env, connector: &Connector, partner: i32, values: &Value) -> Result<(), &'static str> {
    let Value::Struct(members) = values else {
        return Err("field_invalid");
    };
    let model = env.db.names.partner;
    for (name, value) in members {
        let listed = connector.value_fields.iter().any(|known| known == name);
        let field = env.model(model).field(name).map(|field| &env.model(model).fields[field]).filter(|_| listed);
        let Some(field) = field.filter(|field| {
            let scalar = !matches!(field.kind, Kind::Many2one(_) | Kind::Many2many(_) | Kind::Binary);
            scalar && matches!(field.source, Source::Column(_))
        }) else {
            return Err("field_not_allowed");
        };
        if orm::to_cell(env.model(model), field, value).is_err() {
            return Err("field_invalid");
        }
    }
    orm::write(env, model, &[partner], members).map_err(|_| "field_invalid")
}
