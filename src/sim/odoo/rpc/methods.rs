//! The methods every model has.

use std::borrow::Cow;

use super::super::cell::{Cell, date_text, time_text};
use super::super::domain::{self, Filter, Order};
use super::super::fault::{Fault, Outcome};
use super::super::orm::{self, Env, Shape};
use super::super::schema::{Default, FieldId, ModelId};
use super::super::wire::{Key, Value};
use super::arguments::{Arguments, count};

/// Calls a method all models share; `None` where there is no such method.
pub fn call(env: &mut Env, model: ModelId, method: &str, arguments: &mut Arguments) -> Option<Outcome<Value>> {
    Some(match method {
        "search" => search(env, model, arguments),
        "search_count" => search_count(env, model, arguments),
        "search_read" => search_read(env, model, arguments),
        "read" => read(env, model, arguments),
        "create" => create(env, model, arguments),
        "write" => write(env, model, arguments),
        "unlink" => unlink(env, model, arguments),
        "exists" => exists(env, model, arguments),
        "fields_get" => fields_get(env, model, arguments),
        "default_get" => default_get(env, model, arguments),
        "name_search" => name_search(env, model, arguments),
        "read_group" => read_group(env, model, arguments),
        "check_access_rights" => Ok(Value::Bool(true)),
        _ => return None,
    })
}

fn filter(env: &Env, model: ModelId, domain: Option<Value>) -> Outcome<Filter> {
    let domain = domain.unwrap_or_else(|| Value::Array(vec![]));
    domain::compile(env.db, model, &domain, env.context.active_test)
}

fn order(env: &Env, model: ModelId, order: Option<Value>) -> Outcome<Vec<Order>> {
    match order.as_ref().and_then(Value::as_text).filter(|order| !order.is_empty()) {
        Some(order) => orm::parse_order(env.db, model, order),
        None => Ok(orm::default_order(env.db, model)),
    }
}

fn found(
    env: &Env,
    model: ModelId,
    domain: Option<Value>,
    page: (Option<Value>, Option<Value>, Option<Value>),
) -> Outcome<Vec<i32>> {
    let (offset, limit, by) = page;
    let filter = filter(env, model, domain)?;
    let by = order(env, model, by)?;
    domain::search(env.db, &filter, &by, count(offset).unwrap_or(0), count(limit))
}

fn search(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let domain = arguments.require("domain")?;
    let page = (arguments.take("offset"), arguments.take("limit"), arguments.take("order"));
    arguments.done()?;
    found(env, model, Some(domain), page).map(Value::ids)
}

fn search_count(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let domain = arguments.require("domain")?;
    let limit = count(arguments.take("limit"));
    arguments.done()?;
    let filter = filter(env, model, Some(domain))?;
    let ids = domain::search(env.db, &filter, &[], 0, limit)?;
    Ok(Value::Int(i64::try_from(ids.len()).unwrap_or(i64::MAX)))
}

fn search_read(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let domain = arguments.take("domain").filter(Value::truthy);
    let fields = arguments.take("fields");
    let page = (arguments.take("offset"), arguments.take("limit"), arguments.take("order"));
    let shape = shape(env, arguments.take_named("load"));
    arguments.done()?;
    let ids = found(env, model, domain, page)?;
    let fields = fields_of(env, model, fields)?;
    env.must_be_readable(model, &ids)?;
    Ok(Value::Array(orm::read(env.db, model, &ids, &fields, shape)))
}

fn read(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let ids = arguments.ids()?;
    let fields = arguments.take("fields");
    let shape = shape(env, arguments.take("load"));
    arguments.done()?;
    let fields = fields_of(env, model, fields)?;
    env.must_be_readable(model, &ids)?;
    Ok(Value::Array(orm::read(env.db, model, &ids, &fields, shape)))
}

fn shape(env: &Env, load: Option<Value>) -> Shape {
    let names = load.is_none_or(|load| load.as_text() == Some("_classic_read"));
    Shape { names, context: env.context }
}

/// None and an empty list both mean all.
fn fields_of(env: &Env, model: ModelId, fields: Option<Value>) -> Outcome<Vec<FieldId>> {
    let names = fields.unwrap_or(Value::Nil);
    if !names.truthy() {
        return Ok((0..env.model(model).fields.len()).collect());
    }
    let mut ids = Vec::new();
    for name in names.as_array().unwrap_or(&[]) {
        ids.push(env.field(model, &name.python_str())?);
    }
    Ok(ids)
}

fn create(env: &mut Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let values = arguments.require("vals_list")?;
    arguments.done()?;
    match &values {
        Value::Array(items) => {
            let rows = items.iter().map(members).collect::<Outcome<Vec<_>>>()?;
            orm::create(env, model, &rows).map(Value::ids)
        }
        Value::Int(_) | Value::Bool(_) | Value::Double(_) | Value::Nil => {
            let kind = values.python_type();
            Err(Fault::type_error(format!("'{kind}' object is not iterable")))
        }
        one => {
            let ids = orm::create(env, model, &[members(one)?])?;
            Ok(ids.first().map_or(Value::Bool(false), |id| Value::from(*id)))
        }
    }
}

fn members(value: &Value) -> Outcome<&[(Key, Value)]> {
    match value {
        Value::Struct(members) => Ok(members),
        other => {
            Err(Fault::other("AttributeError", format!("'{}' object has no attribute 'items'", other.python_type())))
        }
    }
}

fn write(env: &mut Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let ids = arguments.ids()?;
    let values = arguments.require("vals")?;
    arguments.done()?;
    orm::write(env, model, &ids, members(&values)?)?;
    Ok(Value::Bool(true))
}

fn unlink(env: &mut Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let ids = arguments.ids()?;
    arguments.done()?;
    orm::unlink(env, model, &ids)?;
    Ok(Value::Bool(true))
}

fn exists(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let ids = arguments.ids()?;
    Ok(Value::ids(ids.into_iter().filter(|id| env.db.row(model, *id).is_some())))
}

fn fields_get(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let (only, attributes) = (arguments.take("allfields"), arguments.take("attributes"));
    arguments.done()?;
    let names = |value: &Option<Value>| -> Vec<String> {
        match value {
            Some(Value::Text(one)) => vec![one.clone()],
            other => {
                let items = other.as_ref().and_then(Value::as_array).unwrap_or(&[]);
                items.iter().map(Value::python_str).collect()
            }
        }
    };
    let (only, attributes) = (names(&only), names(&attributes));
    let only: Vec<&str> = only.iter().map(String::as_str).collect();
    let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
    Ok(orm::fields_get(env.db, model, &only, &attributes))
}

fn default_get(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let wanted = arguments.require("fields_list")?;
    let mut members: Vec<(Key, Value)> = Vec::new();
    for name in wanted.as_array().unwrap_or(&[]) {
        let field = &env.model(model).fields[env.field(model, &name.python_str())?];
        let value = match field.default {
            Default::None => continue,
            Default::Text(text) => text.into(),
            Default::Int(number) => Value::Int(number),
            Default::True => Value::Bool(true),
            Default::Company => Value::Int(1),
            Default::Today => Value::Text(time_text(env.now).chars().take(10).collect()),
        };
        members.push((Cow::Borrowed(field.name), value));
    }
    Ok(Value::Struct(members))
}

fn name_search(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let name = arguments.take("name").unwrap_or_else(|| "".into());
    let domain = arguments.take("args");
    let operator = arguments.take("operator").unwrap_or_else(|| "ilike".into());
    let limit = arguments.take("limit").map_or(Some(100), |limit| count(Some(limit)));
    let mut parts = domain.as_ref().and_then(Value::as_array).unwrap_or(&[]).to_vec();
    if name.truthy() {
        parts.push(Value::Array(vec!["display_name".into(), operator, name]));
    }
    let filter = filter(env, model, Some(Value::Array(parts)))?;
    let ids = domain::search(env.db, &filter, &orm::default_order(env.db, model), 0, limit)?;
    let pair = |id: i32| {
        let shown = env.db.row(model, id).map(|row| env.db.display_name(model, row)).unwrap_or_default();
        Value::Array(vec![Value::from(id), Value::Text(shown)])
    };
    Ok(Value::Array(ids.into_iter().map(pair).collect()))
}

/// Only without groups: a count, and the greatest or least of a field.
fn read_group(env: &Env, model: ModelId, arguments: &mut Arguments) -> Outcome<Value> {
    let domain = arguments.require("domain")?;
    let fields = arguments.require("fields")?;
    let groups = arguments.require("groupby")?;
    if groups.truthy() {
        return Err(Fault::other("NotImplementedError", "the simulator groups by nothing"));
    }
    let filter = filter(env, model, Some(domain.clone()))?;
    let ids = domain::search(env.db, &filter, &[], 0, None)?;
    let total = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let mut members: Vec<(Key, Value)> = vec![(Cow::Borrowed("__count"), Value::Int(total))];
    for spec in fields.as_array().unwrap_or(&[]) {
        let spec = spec.python_str();
        let (name, what) = spec.split_once(':').unwrap_or((&spec, ""));
        let field = env.field(model, name)?;
        let rows = ids.iter().filter_map(|id| env.db.row(model, *id));
        let mut cells: Vec<Cell> =
            rows.map(|row| env.db.cell(model, row, field).into_owned()).filter(|cell| !cell.is_null()).collect();
        cells.sort_by(|left, right| left.compare(right).unwrap_or(std::cmp::Ordering::Equal));
        let chosen = match what {
            "max" => cells.last(),
            "min" => cells.first(),
            _ => continue,
        };
        let value = match chosen {
            Some(Cell::Time(micros)) => Value::Text(time_text(*micros)),
            Some(Cell::Date(days)) => Value::Text(date_text(*days)),
            Some(Cell::Text(text)) => Value::Text(text.to_string()),
            Some(other) => Value::Int(other.as_number().unwrap_or(0)),
            None => Value::Bool(false),
        };
        members.push((Cow::Owned(name.to_owned()), value));
    }
    members.push((Cow::Borrowed("__domain"), domain));
    Ok(Value::Array(vec![Value::Struct(members)]))
}
