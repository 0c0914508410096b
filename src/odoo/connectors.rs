//! Definitions and requests that administrators leave in Odoo.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tracing::warn;

use crate::domain::connector::Model;
use crate::domain::identity::{ConnectorId, IdTypeId, RegistrantId};
use crate::domain::registrant_field::RegistrantField;
use crate::seal::Personal;

use super::client::Client;
use super::error::Error;
use super::model::Options;
use super::wire::{self, Record};

/// The fields of a connector that OMC goes by, in either model; those that a model lacks are not asked for. Of
/// passwords only ODK's is among them, which MTS is told: OMC makes its own for the callback.
const FIELDS: [&str; 34] = [
    "active",
    "batch_size",
    "callback_authtype",
    "callback_extra_headers",
    "callback_httpmethod",
    "callback_timeout",
    "callback_url",
    "delivery_type",
    "g2p_search_domain",
    "g2p_selected_fields",
    "input_format",
    "input_type",
    "interval_minutes",
    "is_recurring",
    "job_status",
    "lang_code",
    "mandatory_fields",
    "mapping",
    "mts_url",
    "name",
    "odk_base_url",
    "odk_email",
    "odk_odata_url",
    "odk_password",
    "output_format",
    "output_type",
    "phone_country_code",
    "remove_vid",
    "schedule_cron",
    "schedule_tz",
    "start_datetime",
    "token_id_type_id",
    "value_fields",
    "vid_id_type_id",
];
/// What MTS shows where somebody else takes its results; of stock connectors it is of no use, and not read.
const LOGIN: [&str; 4] =
    ["callback_auth_database", "callback_auth_password", "callback_auth_url", "callback_auth_username"];
/// More connectors than any registry has; what is beyond is left out, with a warning.
const MAX_DEFINITIONS: u32 = 1000;
/// Requests taken at one poll; the rest waits for the next.
const MAX_REQUESTS: u32 = 1000;

/// Registrants of a preview that does not say how many.
const PREVIEWED: u32 = 10;
/// More than this the door does not take.
const MAX_PREVIEWED: u32 = 50;

/// A connector as Odoo holds it: nothing of it has been checked. Its fields hold passwords, so none is printed.
#[derive(Debug, Clone, PartialEq)]
pub struct RawDefinition {
    pub id: ConnectorId,
    /// By Odoo's field name, as `read` encodes them; a field that the model lacks is missing.
    pub fields: Personal<Map<String, Value>>,
}

/// An administrator's Run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedRun {
    /// The row of `omc.run`.
    pub run: u32,
    pub connector: ConnectorId,
}

/// An administrator's Requeue of one rejected registrant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequeuedRejection {
    /// The row of `omc.rejection`.
    pub rejection: u32,
    pub connector: ConnectorId,
    pub registrant: RegistrantId,
    /// When, as Odoo tells it: the row says `requeued` until Odoo hears the outcome, and this tells a new Requeue from the old.
    pub asked: String,
}

/// An administrator's Test of one connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedPreview {
    /// The row of `omc.preview`.
    pub preview: u32,
    pub connector: ConnectorId,
    /// Registrants to look at.
    pub limit: u32,
}

/// All connectors of a model, archived ones among them, in the order of their ids.
pub async fn definitions(client: &Client, model: Model) -> Result<Vec<RawDefinition>, Error> {
    let known = client.fields_get(model.name(), &["type"]).await?;
    let login = if model == Model::Omc { &LOGIN[..] } else { &[] };
    let wanted = FIELDS.iter().chain(login).copied();
    let fields: Vec<&str> = wanted.filter(|field| known.contains_key(*field)).collect();
    let options = Options {
        order: Some("id"),
        limit: Some(MAX_DEFINITIONS),
        names: true,
        archived: known.contains_key("active"),
    };
    let records = client.search_read(model.name(), Vec::new(), &fields, options).await?;
    if records.len() as u32 == MAX_DEFINITIONS {
        warn!(model = model.name(), limit = MAX_DEFINITIONS, "not all connectors are read: there are too many");
    }
    records
        .into_iter()
        .map(|mut record| {
            let id = wire::id(&wire::take(&mut record, "id", "search_read")?);
            let id = id.ok_or(wire::unexpected("search_read", "id"))?;
            Ok(RawDefinition { id: ConnectorId(id), fields: Personal::new(record) })
        })
        .collect()
}

/// The fields of the registrant, by name.
pub async fn registrant_fields(client: &Client) -> Result<BTreeMap<String, RegistrantField>, Error> {
    let fields = client.fields_get("res.partner", &["type", "store", "relation"]).await?;
    fields
        .into_iter()
        .map(|(name, description)| {
            let text = |attribute: &str| description.get(attribute).and_then(Value::as_str).map(str::to_owned);
            let kind = text("type").ok_or(wire::unexpected("fields_get", "type"))?;
            let stored = description.get("store").and_then(Value::as_bool).unwrap_or(false);
            Ok((name, RegistrantField { kind, stored, relation: text("relation") }))
        })
        .collect()
}

/// The kinds of ID with their names.
pub async fn id_types(client: &Client) -> Result<Vec<(IdTypeId, String)>, Error> {
    let options = Options { order: Some("id"), ..Options::default() };
    let records = client.search_read("g2p.id.type", Vec::new(), &["name"], options).await?;
    records
        .iter()
        .map(|record| {
            let id = record.get("id").and_then(wire::id).ok_or(wire::unexpected("search_read", "id"))?;
            let name = record.get("name").and_then(wire::text_or_unset).flatten().unwrap_or_default();
            Ok((IdTypeId(id), name.to_owned()))
        })
        .collect()
}

/// A system parameter; unset is `None`.
pub async fn config_parameter(client: &Client, name: &str) -> Result<Option<String>, Error> {
    let value = client.execute_kw("ir.config_parameter", "get_param", vec![name.into()], Map::new()).await?;
    match wire::text_or_unset(&value) {
        Some(text) => Ok(text.map(str::to_owned)),
        None => Err(wire::unexpected("get_param", "a text")),
    }
}

/// The runs that administrators have asked for, oldest first. With OMC's addon only.
pub async fn requested_runs(client: &Client) -> Result<Vec<RequestedRun>, Error> {
    let records = in_state(client, "omc.run", "requested", &["connector_id"]).await?;
    records.iter().map(|record| Ok(RequestedRun { run: own_id(record)?, connector: connector(record)? })).collect()
}

/// The rejected registrants that administrators have put back, oldest first. With OMC's addon only.
pub async fn requeued_rejections(client: &Client) -> Result<Vec<RequeuedRejection>, Error> {
    let records = in_state(client, "omc.rejection", "requeued", &["connector_id", "partner_id", "write_date"]).await?;
    records
        .iter()
        .map(|record| {
            Ok(RequeuedRejection {
                rejection: own_id(record)?,
                connector: connector(record)?,
                registrant: RegistrantId(many2one(record, "partner_id")?),
                asked: record.get("write_date").and_then(Value::as_str).unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

/// The previews that administrators have asked for, oldest first. With OMC's addon only.
pub async fn requested_previews(client: &Client) -> Result<Vec<RequestedPreview>, Error> {
    let records = in_state(client, "omc.preview", "requested", &["connector_id", "limit"]).await?;
    records
        .iter()
        .map(|record| {
            let limit = record.get("limit").and_then(Value::as_u64).and_then(|limit| u32::try_from(limit).ok());
            let limit = limit.filter(|limit| *limit > 0).unwrap_or(PREVIEWED).min(MAX_PREVIEWED);
            Ok(RequestedPreview { preview: own_id(record)?, connector: connector(record)?, limit })
        })
        .collect()
}

async fn in_state(client: &Client, model: &str, state: &str, fields: &[&str]) -> Result<Vec<Record>, Error> {
    let options = Options { order: Some("id"), limit: Some(MAX_REQUESTS), ..Options::default() };
    client.search_read(model, vec![json!(["state", "=", state])], fields, options).await
}

fn own_id(record: &Record) -> Result<u32, Error> {
    many2one(record, "id")
}

fn connector(record: &Record) -> Result<ConnectorId, Error> {
    many2one(record, "connector_id").map(ConnectorId)
}

fn many2one(record: &Record, field: &'static str) -> Result<u32, Error> {
    record.get(field).and_then(wire::many2one).ok_or(wire::unexpected("search_read", field))
}

#[cfg(test)]
#[path = "connectors_test.rs"]
mod tests;
