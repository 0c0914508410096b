//! The registry by plain calls, without the addon: each call is a transaction of its own.

mod apply;
mod clean_up;
mod duplicates;
mod select;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::domain::connector::Connector;
use crate::domain::identity::{IdTypeId, RegIdRow, RegistrantId};
use crate::odoo::client::Client;
use crate::odoo::error::{Error, Refusal};
use crate::odoo::model::Options;
use crate::odoo::wire;
use crate::seal::Personal;

use super::row::{IdRow, Page, Registrant};

const PARTNER: &str = "res.partner";
const REG_ID: &str = "g2p.reg.id";
const READ: &str = "search_read";

#[derive(Debug, Clone)]
pub struct Plain {
    client: Arc<Client>,
    /// Whether `g2p.reg.id` has a `status`: older releases of OpenG2P do not.
    has_status: bool,
}

/// The IDs of one registrant that concern one connector, in the order of their rows.
#[derive(Debug, Default)]
struct Ids {
    vids: Vec<IdRow>,
    tokens: Vec<IdRow>,
}

impl Plain {
    pub async fn prepare(client: Arc<Client>) -> Result<Self, Error> {
        let fields = client.fields_get(REG_ID, &["type"]).await?;
        Ok(Self { client, has_status: fields.contains_key("status") })
    }

    pub async fn page(
        &self,
        connector: &Connector,
        after: u32,
        limit: u32,
        since: Option<DateTime<Utc>>,
    ) -> Result<Page, Error> {
        self.select(select::eligible(connector, after, since), limit).await
    }

    pub async fn holders_of_both(&self, connector: &Connector, after: u32, limit: u32) -> Result<Page, Error> {
        self.select(select::holders_of_both(connector, after), limit).await
    }

    pub async fn read(
        &self,
        connector: &Connector,
        ids: &[RegistrantId],
        ignore_filter: bool,
    ) -> Result<Vec<Registrant>, Error> {
        let fields: Vec<&str> = connector.field_names().collect();
        let options = Options { order: Some("id"), names: true, ..Options::default() };
        let domain = select::among(connector, ids, ignore_filter);
        let records = self.client.search_read(PARTNER, domain, &fields, options).await?;
        let mut found = Vec::with_capacity(records.len());
        for mut values in records {
            let id = values.get("id").and_then(wire::id).ok_or(wire::unexpected(READ, "id"))?;
            values.retain(|name, _| connector.field_names().any(|field| field == name));
            found.push((RegistrantId(id), values));
        }
        let present: Vec<RegistrantId> = found.iter().map(|(id, ..)| *id).collect();
        let mut ids = self.ids_of(connector, &present).await?;
        let registrants = found.into_iter().map(|(id, values)| {
            let Ids { vids, tokens } = ids.remove(&id).unwrap_or_default();
            Registrant { id, is_group: false, values: Personal::new(values), vids, tokens }
        });
        Ok(registrants.collect())
    }

    pub async fn holders(
        &self,
        id_type: IdTypeId,
        values: &[Personal<String>],
    ) -> Result<Vec<(RegistrantId, Personal<String>)>, Error> {
        let values: Vec<&str> = values.iter().map(|value| value.expose().as_str()).collect();
        let mut domain = vec![
            json!(["id_type", "=", id_type]),
            json!(["value", "in", values]),
            json!(["partner_id.active", "=", true]),
            json!(["partner_id.is_registrant", "=", true]),
            json!(["partner_id.is_group", "=", false]),
        ];
        if self.has_status {
            domain.push(json!(["status", "!=", "invalid"]));
        }
        let options = Options { order: Some("id"), ..Options::default() };
        let rows = self.client.search_read(REG_ID, domain, &["partner_id", "value"], options).await?;
        let holder = |mut row: wire::Record| {
            let id = row.get("partner_id").and_then(wire::many2one).ok_or(wire::unexpected(READ, "partner_id"))?;
            match wire::take(&mut row, "value", READ)? {
                Value::String(value) => Ok((RegistrantId(id), Personal::new(value))),
                _ => Err(wire::unexpected(READ, "value")),
            }
        };
        rows.into_iter().map(holder).collect()
    }

    /// One row more than asked tells whether the page is the last.
    async fn select(&self, domain: Vec<Value>, limit: u32) -> Result<Page, Error> {
        let options = Options { order: Some("id"), limit: Some(limit.saturating_add(1)), ..Options::default() };
        let (mut ids, answer) = self.client.search_timed(PARTNER, domain, options).await?;
        let horizon = answer.server_time.ok_or(Error::NoServerTime)?;
        let complete = ids.len() <= limit as usize;
        ids.truncate(limit as usize);
        Ok(Page { ids: ids.into_iter().map(RegistrantId).collect(), complete, horizon })
    }

    /// The IDs of the connector's two types that these registrants hold now. Those of archived registrants are found too.
    async fn ids_of(
        &self,
        connector: &Connector,
        registrants: &[RegistrantId],
    ) -> Result<BTreeMap<RegistrantId, Ids>, Error> {
        let mut held: BTreeMap<RegistrantId, Ids> = BTreeMap::new();
        if registrants.is_empty() {
            return Ok(held);
        }
        let partners: Vec<u32> = registrants.iter().map(|registrant| registrant.0).collect();
        let domain = vec![
            json!(["partner_id", "in", partners]),
            json!(["id_type", "in", [connector.vid_type, connector.token_type]]),
        ];
        let mut fields = vec!["partner_id", "id_type", "value", "expiry_date", "create_date", "write_date"];
        if self.has_status {
            fields.push("status");
        }
        let options = Options { order: Some("id"), ..Options::default() };
        for mut record in self.client.search_read(REG_ID, domain, &fields, options).await? {
            let member =
                |name: &'static str| record.get(name).and_then(wire::many2one).ok_or(wire::unexpected(READ, name));
            let (partner, id_type) = (RegistrantId(member("partner_id")?), IdTypeId(member("id_type")?));
            let ids = held.entry(partner).or_default();
            let row = IdRow::parse(&mut record, READ)?;
            if id_type == connector.token_type { ids.tokens.push(row) } else { ids.vids.push(row) }
        }
        Ok(held)
    }

    /// Removes ID rows; where one of them is in the way, by halves. The answer says of each why it is still there, if so:
    /// a row that is gone already counts as not removed by us.
    async fn unlink(&self, rows: &[RegIdRow]) -> BTreeMap<RegIdRow, Unlinked> {
        let mut unlinked = BTreeMap::new();
        let mut parts = vec![rows];
        while let Some(part) = parts.pop() {
            let ids: Vec<u32> = part.iter().map(|row| row.0).collect();
            let result = match self.client.unlink(REG_ID, &ids).await {
                Ok(()) => Unlinked::Removed,
                Err(Error::Refused(_)) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                    continue;
                }
                Err(Error::Refused(Refusal::MissingRecord { .. })) => Unlinked::Gone,
                Err(error) => Unlinked::Failed(error),
            };
            let failed = matches!(&result, Unlinked::Failed(error) if !matches!(error, Error::Refused(_)));
            unlinked.extend(part.iter().map(|row| (*row, result.clone())));
            if failed {
                // What ails one call ails the next.
                unlinked.extend(parts.drain(..).flatten().map(|row| (*row, result.clone())));
            }
        }
        unlinked
    }
}

/// What became of a row that was to be removed.
#[derive(Debug, Clone)]
enum Unlinked {
    Removed,
    Gone,
    Failed(Error),
}

#[cfg(test)]
#[path = "calls_test.rs"]
mod tests;
