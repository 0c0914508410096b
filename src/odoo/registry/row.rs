//! What the registry tells of a registrant.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};

use crate::domain::identity::{RegIdRow, RegistrantId};
use crate::odoo::error::Error;
use crate::odoo::wire::{self, Record};
use crate::seal::Personal;

/// Registrants in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub ids: Vec<RegistrantId>,
    /// Nothing is left above the last id.
    pub complete: bool,
    /// Every row that is committed later carries a `write_date` at or after this. Without the addon Odoo cannot tell: it is
    /// then the server's time in whole seconds, and the caller must allow for the longest transaction.
    pub horizon: DateTime<Utc>,
}

/// One registrant as of now.
#[derive(Debug, Clone)]
pub struct Registrant {
    pub id: RegistrantId,
    /// A household or another group. Told by the door alone; by plain calls, [`super::Registry::holders`] names no group.
    pub is_group: bool,
    /// The connector's fields as Odoo's `read` encodes them: `false` is unset, a many2one is `[id, name]`.
    pub values: Personal<Map<String, Value>>,
    /// IDs of the connector's VID type, in the order of their rows; at times more than one.
    pub vids: Vec<IdRow>,
    /// IDs of the connector's token type, likewise.
    pub tokens: Vec<IdRow>,
}

/// One ID: a row of `g2p.reg.id`.
#[derive(Debug, Clone)]
pub struct IdRow {
    pub row: RegIdRow,
    /// Empty where unset.
    pub value: Personal<String>,
    /// `valid`, `invalid` or unset; this too where the field does not exist.
    pub status: Option<String>,
    pub expiry_date: Option<NaiveDate>,
    pub created: DateTime<Utc>,
    pub written: DateTime<Utc>,
    /// `written` exactly as the server gave it: with microseconds through the door, without by plain calls.
    pub written_text: String,
}

impl IdRow {
    /// From a record with `id`, `value`, `status`, `expiry_date`, `create_date` and `write_date`.
    pub(super) fn parse(record: &mut Record, call: &'static str) -> Result<Self, Error> {
        let row = record.get("id").and_then(wire::id).ok_or(wire::unexpected(call, "the id of an ID"))?;
        let value = match record.remove("value") {
            Some(Value::String(value)) => value,
            Some(Value::Bool(false) | Value::Null) => String::new(),
            _ => return Err(wire::unexpected(call, "the value of an ID")),
        };
        let text = |name: &'static str| match record.get(name) {
            None => Ok(None),
            Some(value) => wire::text_or_unset(value).ok_or(wire::unexpected(call, name)),
        };
        // A row that was put in by SQL may lack its times: it counts as old as can be.
        let time = |name: &'static str| match text(name)? {
            None => Ok(DateTime::UNIX_EPOCH),
            Some(time) => wire::time(time).ok_or(wire::unexpected(call, name)),
        };
        let expiry_date = match text("expiry_date")? {
            None => None,
            Some(date) => Some(wire::date(date).ok_or(wire::unexpected(call, "expiry_date"))?),
        };
        Ok(Self {
            row: RegIdRow(row),
            value: Personal::new(value),
            status: text("status")?.map(str::to_owned),
            expiry_date,
            created: time("create_date")?,
            written: time("write_date")?,
            written_text: text("write_date")?.unwrap_or_default().to_owned(),
        })
    }
}
