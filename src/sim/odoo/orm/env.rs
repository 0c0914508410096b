//! Who calls, when the transaction began, and the call's context.

use super::super::database::Database;
use super::super::fault::{Fault, Outcome};
use super::super::schema::{FieldId, Model, ModelId};
use super::super::wire::Value;

/// The keys of a call's context that change an answer.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Hide archived rows.
    pub active_test: bool,
    /// Give a binary's size in place of its content.
    pub bin_size: bool,
}

impl Default for Context {
    fn default() -> Self {
        Self { active_test: true, bin_size: false }
    }
}

impl Context {
    /// Unknown keys, languages and time zones included, change nothing.
    pub fn from_value(value: Option<&Value>) -> Self {
        let flag = |name: &str, default: bool| value.and_then(|value| value.get(name)).map_or(default, Value::truthy);
        Self { active_test: flag("active_test", true), bin_size: flag("bin_size", false) }
    }
}

/// One request's view of the database.
pub struct Env<'a> {
    pub db: &'a mut Database,
    /// The transaction's start, in microseconds since 1970.
    pub now: i64,
    pub uid: i32,
    pub context: Context,
    /// Leave out the rule that an ID type is unique per registrant, as two transactions that do not see each other do.
    pub racing: bool,
    /// First and last id of registrants whose reading raises an exception, as one with a value that a computed field cannot
    /// bear does.
    pub unreadable: Option<[i32; 2]>,
}

impl Env<'_> {
    pub fn model(&self, model: ModelId) -> &Model {
        &self.db.schema.models[model]
    }

    /// `MissingError` where one of the ids is not there.
    pub fn must_exist(&self, model: ModelId, ids: &[i32]) -> Outcome<()> {
        // Odoo names the first one only.
        match ids.iter().find(|id| self.db.row(model, **id).is_none()) {
            None => Ok(()),
            Some(gone) => Err(Fault::missing(self.model(model).name, &[*gone], self.uid)),
        }
    }

    /// An exception where one of these rows cannot be read.
    pub fn must_be_readable(&self, model: ModelId, ids: &[i32]) -> Outcome<()> {
        let Some([first, last]) = self.unreadable.filter(|_| model == self.db.names.partner) else { return Ok(()) };
        let unreadable = ids.iter().find(|id| (first..=last).contains(*id));
        let Some(row) = unreadable.and_then(|id| self.db.row(model, *id)) else { return Ok(()) };
        // As an exception does that was raised with the record's own values.
        let known = self.model(model);
        let values = ["given_name", "family_name", "phone", "email", "address"].iter().filter_map(|name| {
            let text = known.column(name).and_then(|column| row.cell(column).as_text())?;
            Some(format!("'{name}': {text:?}"))
        });
        let values = values.collect::<Vec<_>>().join(", ");
        Err(Fault::type_error(format!("unsupported operand type(s) for -: 'datetime.date' and 'bool' in {{{values}}}")))
    }

    /// A field by name, or Odoo's complaint.
    pub fn field(&self, model: ModelId, name: &str) -> Outcome<FieldId> {
        let known = self.model(model);
        known.field(name).ok_or_else(|| Fault::value_error(format!("Invalid field '{name}' on model '{}'", known.name)))
    }
}
