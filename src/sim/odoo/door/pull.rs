//! `omc_pull`: who may be taken next, and what is known of them.

use super::super::cell::{Cell, date_text, micros_text, parse_time};
use super::super::domain::{self, Filter};
use super::super::fault::{Fault, Outcome};
use super::super::orm::{self, Env, Shape};
use super::super::row::Row;
use super::super::rpc::Arguments;
use super::super::schema::{FieldId, ModelId};
use super::super::wire::Value;
use super::Surroundings;
use super::connector::Connector;

/// Which registrants a page is of.
enum Scope {
    /// Those who hold a VID and no token.
    Waiting,
    /// As before, if they or their VID changed since.
    Changed(i64),
    /// Those who hold both, whatever the filter says.
    Both,
}

/// A page of ids, or the rows of the ids given.
pub fn pull(env: &Env, model: ModelId, arguments: &mut Arguments, around: &Surroundings) -> Outcome<Value> {
    let own = arguments.ids()?;
    let connector = Connector::of(env, model, &own)?;
    let after = arguments.require("after_id")?.as_int().unwrap_or(0);
    let limit = arguments.require("limit")?.as_int().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0);
    let since = arguments.require("changed_since")?;
    let ids = arguments.require("ids")?;
    arguments.done()?;
    let scope = match &since {
        value if value.is_unset() => Scope::Waiting,
        Value::Text(text) if text == "both" => Scope::Both,
        value => {
            let text = value.python_str();
            Scope::Changed(parse_time(&text).ok_or_else(|| {
                Fault::value_error(format!("time data '{text}' does not match format '%Y-%m-%d %H:%M:%S.%f'"))
            })?)
        }
    };
    let filter = match scope {
        // Archived registrants stay out of clean-up too.
        Scope::Both => domain::compile(env.db, env.db.names.partner, &Value::Array(vec![]), true)?,
        _ => {
            let filter = domain::compile(env.db, env.db.names.partner, &connector.domain, false)?;
            hide_archived(env, filter)
        }
    };
    let now = ("now", Value::Text(micros_text(env.now)));
    let horizon = ("horizon", Value::Text(micros_text(around.horizon)));
    if let Value::Array(ids) = &ids {
        let rows = rows(env, &connector, &filter, ids)?;
        return Ok(Value::from([("rows", Value::Array(rows)), now, horizon]));
    }
    let after = i32::try_from(after).unwrap_or(i32::MAX);
    let (ids, complete) = page(env, &connector, &filter, &scope, after, limit);
    Ok(Value::from([("ids", Value::ids(ids)), ("complete", Value::Bool(complete)), now, horizon]))
}

fn hide_archived(env: &Env, filter: Filter) -> Filter {
    use domain::Node;
    let active = env.model(filter.model).field("active").unwrap_or(0);
    let shown = Node::Field(active, Box::new(domain::Check::Truth(true)));
    Filter { model: filter.model, root: Node::All(vec![shown, filter.root]) }
}

fn page(
    env: &Env,
    connector: &Connector,
    filter: &Filter,
    scope: &Scope,
    after: i32,
    limit: usize,
) -> (Vec<i32>, bool) {
    let columns = env.db.columns;
    let taken = |row: &&Row| {
        row.cell(columns.is_registrant).is_true()
            && held(env, connector, row, scope)
            && match scope {
                Scope::Both => row.cell(columns.company).as_ref_id() == connector.company,
                _ => connector.groups || !row.cell(columns.is_group).is_true(),
            }
            && filter.matches(env.db, row)
    };
    let mut found =
        env.db.table(env.db.names.partner).rows_from(after.saturating_add(1)).filter(taken).map(|row| row.id);
    let ids: Vec<i32> = found.by_ref().take(limit).collect();
    let complete = found.next().is_none();
    (ids, complete)
}

fn held(env: &Env, connector: &Connector, partner: &Row, scope: &Scope) -> bool {
    let (mut vid, mut token) = (false, false);
    let mut latest = partner.written;
    for id in env.db.reg_ids(partner.id) {
        let Some(row) = env.db.row(env.db.names.reg_id, *id) else {
            continue;
        };
        let kind = row.cell(env.db.columns.id_type).as_ref_id();
        if kind == Some(connector.vid_type) {
            vid = true;
            latest = latest.max(row.written);
        }
        token |= kind == Some(connector.token_type);
    }
    match scope {
        Scope::Waiting => vid && !token,
        Scope::Changed(since) => vid && !token && latest >= *since,
        Scope::Both => vid && token,
    }
}

fn rows(env: &Env, connector: &Connector, filter: &Filter, ids: &[Value]) -> Outcome<Vec<Value>> {
    let partner = env.db.names.partner;
    let mut fields: Vec<FieldId> = Vec::with_capacity(connector.fields.len());
    for name in &connector.fields {
        fields.push(env.field(partner, name)?);
    }
    let with_id = connector.fields.iter().any(|name| name == "id");
    let shape = Shape { names: true, context: env.context };
    let wanted = ids.iter().filter_map(Value::as_int).filter_map(|id| i32::try_from(id).ok());
    let found = wanted.filter_map(|id| env.db.row(partner, id)).filter(|row| filter.matches(env.db, row));
    let found: Vec<&Row> = found.collect();
    env.must_be_readable(partner, &found.iter().map(|row| row.id).collect::<Vec<_>>())?;
    Ok(found
        .into_iter()
        .map(|row| {
            let mut values = orm::read(env.db, partner, &[row.id], &fields, shape).pop().unwrap_or(Value::Nil);
            if let (false, Value::Struct(members)) = (with_id, &mut values) {
                members.remove(0);
            }
            Value::from([
                ("id", Value::from(row.id)),
                ("is_group", Value::Bool(row.cell(env.db.columns.is_group).is_true())),
                ("values", values),
                ("ids", Value::Array(id_rows(env, connector, row.id))),
            ])
        })
        .collect())
}

fn id_rows(env: &Env, connector: &Connector, partner: i32) -> Vec<Value> {
    let columns = env.db.columns;
    let text = |cell: &Cell| cell.as_text().map_or(Value::Bool(false), Value::from);
    let mut found = Vec::new();
    for id in env.db.reg_ids(partner) {
        let Some(row) = env.db.row(env.db.names.reg_id, *id) else {
            continue;
        };
        let kind = match row.cell(columns.id_type).as_ref_id() {
            Some(kind) if kind == connector.vid_type => "vid",
            Some(kind) if kind == connector.token_type => "token",
            _ => continue,
        };
        let expiry = match row.cell(columns.expiry) {
            Cell::Date(days) => Value::Text(date_text(*days)),
            _ => Value::Bool(false),
        };
        found.push(Value::from([
            ("id", Value::from(row.id)),
            ("kind", kind.into()),
            ("value", text(row.cell(columns.value))),
            ("status", text(row.cell(columns.status))),
            ("expiry_date", expiry),
            ("create_date", Value::Text(micros_text(row.created))),
            ("write_date", Value::Text(micros_text(row.written))),
        ]));
    }
    found
}
