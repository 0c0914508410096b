//! Rows as `read` gives them, and fields as `fields_get` describes them.

use std::borrow::Cow;

use super::super::cell::{Cell, date_text, time_text};
use super::super::database::Database;
use super::super::domain::{Order, is_archived};
use super::super::row::Row;
use super::super::schema::{Field, FieldId, Kind, ModelId, Source};
use super::super::wire::{Key, Value};
use super::env::Context;
use super::search::default_order;

/// How many2ones and binaries are given.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// `[id, name]` rather than the id alone.
    pub names: bool,
    pub context: Context,
}

/// The rows of these ids in the order asked, deleted ones left out, `id` first.
pub fn read(db: &Database, model: ModelId, ids: &[i32], fields: &[FieldId], shape: Shape) -> Vec<Value> {
    let known = &db.schema.models[model];
    let back_orders: Vec<_> = fields.iter().map(|field| back(db, &known.fields[*field])).collect();
    ids.iter()
        .filter_map(|id| db.row(model, *id))
        .map(|row| {
            let mut members: Vec<(Key, Value)> = Vec::with_capacity(fields.len() + 1);
            members.push((Cow::Borrowed("id"), Value::from(row.id)));
            for (field, back) in fields.iter().zip(&back_orders) {
                let known = &known.fields[*field];
                if known.source == Source::Id {
                    continue;
                }
                let value = match back {
                    Some(back) => Value::ids(back.of(db, row, shape)),
                    None => encode(db, model, row, *field, shape),
                };
                members.push((Cow::Borrowed(known.name), value));
            }
            Value::Struct(members)
        })
        .collect()
}

/// Where a one2many's rows are, and in what order they come.
struct Back {
    model: ModelId,
    column: usize,
    order: Vec<Order>,
}

fn back(db: &Database, field: &Field) -> Option<Back> {
    let Kind::One2many(other, back) = field.kind else {
        return None;
    };
    let model = db.schema.model(other)?;
    Some(Back { model, column: db.schema.models[model].column(back)?, order: default_order(db, model) })
}

impl Back {
    fn of(&self, db: &Database, row: &Row, shape: Shape) -> Vec<i32> {
        let ids = db.table(self.model).back(self.column, row.id).unwrap_or(&[]);
        let shown = |id: &i32| {
            !shape.context.active_test || db.row(self.model, *id).is_some_and(|row| !is_archived(db, self.model, row))
        };
        let mut ids: Vec<i32> = ids.iter().copied().filter(shown).collect();
        if self.order.first().is_some_and(|first| first.field.is_none() && first.descending) {
            ids.reverse();
        }
        ids
    }
}

/// One field of a row, as `read` encodes it.
pub fn encode(db: &Database, model: ModelId, row: &Row, field: FieldId, shape: Shape) -> Value {
    let known = &db.schema.models[model].fields[field];
    let cell = db.cell(model, row, field);
    match (&known.kind, &*cell) {
        (Kind::Boolean, cell) => Value::Bool(cell.is_true()),
        (Kind::Integer, cell) => Value::Int(cell.as_number().unwrap_or(0)),
        (Kind::Float, Cell::Float(number)) => Value::Double(*number),
        (Kind::Float, _) => Value::Double(0.0),
        (Kind::Many2many(_) | Kind::One2many(..), Cell::Refs(ids)) => Value::ids(ids.iter().copied()),
        (Kind::Many2many(_) | Kind::One2many(..), _) => Value::Array(vec![]),
        (_, Cell::Null) => Value::Bool(false),
        (Kind::Many2one(other), Cell::Ref(id)) => {
            if !shape.names {
                return Value::from(*id);
            }
            let name = db
                .schema
                .model(other)
                .and_then(|other| db.row(other, *id).map(|row| db.display_name(other, row)))
                .unwrap_or_default();
            Value::Array(vec![Value::from(*id), Value::Text(name)])
        }
        (Kind::Binary, Cell::Text(text)) if shape.context.bin_size => Value::Text(size(text)),
        (_, Cell::Text(text)) => Value::Text(text.to_string()),
        (_, Cell::Date(days)) => Value::Text(date_text(*days)),
        (_, Cell::Time(micros)) => Value::Text(time_text(*micros)),
        (_, other) => other.as_number().map_or(Value::Bool(false), Value::Int),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn size(base64: &str) -> String {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    let bytes = (base64.len() / 4 * 3).saturating_sub(padding);
    if bytes < 1024 { format!("{bytes}.00 bytes") } else { format!("{:.2} Kb", bytes as f64 / 1024.0) }
}

/// What `fields_get` says, of these fields or of all, cut to `attributes` where any are named.
pub fn fields_get(db: &Database, model: ModelId, only: &[&str], attributes: &[&str]) -> Value {
    let known = &db.schema.models[model];
    let wanted = |field: &&Field| only.is_empty() || only.contains(&field.name);
    let described = known.fields.iter().filter(wanted).map(|field| {
        let mut members = describe(field);
        members.retain(|(name, _)| attributes.is_empty() || attributes.contains(&&**name));
        (Cow::Borrowed(field.name), Value::Struct(members))
    });
    Value::Struct(described.collect())
}

fn describe(field: &Field) -> Vec<(Key, Value)> {
    let mut members: Vec<(Key, Value)> = Vec::with_capacity(20);
    let mut push = |name, value| members.push((Cow::Borrowed(name), value));
    push("change_default", false.into());
    push("company_dependent", false.into());
    push("depends", Value::Array(field.related.map(Value::from).into_iter().collect()));
    push("exportable", true.into());
    push("manual", false.into());
    push("name", field.name.into());
    push("readonly", field.readonly.into());
    if let Some(path) = field.related {
        push("related", path.into());
    }
    if let Some(relation) = field.kind.relation() {
        push("relation", relation.into());
    }
    if let Kind::One2many(_, back) = field.kind {
        push("relation_field", back.into());
    }
    push("required", field.required.into());
    push("searchable", true.into());
    if let Kind::Selection(options) = field.kind {
        let option = |(key, label): &(&str, &str)| Value::Array(vec![(*key).into(), (*label).into()]);
        push("selection", Value::Array(options.iter().map(option).collect()));
    }
    if let Kind::Char { size: Some(size) } = field.kind {
        push("size", Value::Int(i64::try_from(size).unwrap_or(i64::MAX)));
    }
    push("sortable", field.stored().into());
    push("store", field.stored().into());
    push("string", field.label.into());
    if matches!(field.kind, Kind::Char { .. }) {
        push("translate", false.into());
        push("trim", true.into());
    }
    push("type", field.kind.name().into());
    members
}
