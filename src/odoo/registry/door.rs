//! The registry through the addon's door: docs/door.md.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::domain::alarm::{News, Turn};
use crate::domain::connector::Connector;
use crate::domain::duplicate::Duplicates;
use crate::domain::identity::{ConnectorId, IdTypeId, RegistrantId};
use crate::odoo::client::Client;
use crate::odoo::error::{Error, Failure};
use crate::odoo::wire::{self, Record};
use crate::seal::Personal;

use super::report::Report;
use super::row::{IdRow, Page, Registrant};
use super::write_back::{ApplyRefusal, Outcome, StaleVid, WriteBack};

const PULL: &str = "omc_pull";
const APPLY: &str = "omc_apply";
const REPORT: &str = "omc_report";
const DUPLICATES: &str = "omc_duplicates";
const HOLDERS: &str = "omc_holders";
const ALARM: &str = "omc_alarm";
/// Groups of one call.
const GROUPS: u32 = 1000;
/// Groups of all calls together: two registrants each are more than any registry has.
const MOST_GROUPS: usize = 10_000_000;
/// In place of a time: registrants who hold both kinds of ID, or no regard to the filter.
const BOTH: &str = "both";

#[derive(Debug, Clone)]
pub struct Door {
    client: Arc<Client>,
    /// Who calls, if it takes the connectors' leases.
    daemon: Option<Arc<str>>,
}

impl Door {
    pub fn new(client: Arc<Client>, daemon: Option<Arc<str>>) -> Self {
        Self { client, daemon }
    }

    async fn call(&self, method: &'static str, connector: ConnectorId, mut args: Vec<Value>) -> Result<Value, Error> {
        args.insert(0, json!([connector.0]));
        let mut kwargs = Map::new();
        if let Some(daemon) = &self.daemon {
            kwargs.insert("context".to_owned(), json!({ "omc_daemon": daemon.as_ref() }));
        }
        self.client.execute_kw("omc.connector", method, args, kwargs).await
    }

    pub async fn page(
        &self,
        connector: &Connector,
        after: u32,
        limit: u32,
        since: Option<DateTime<Utc>>,
    ) -> Result<Page, Error> {
        let since = since.map_or(Value::Bool(false), |since| wire::time_text(since).into());
        self.pull(connector, vec![after.into(), limit.into(), since, false.into()]).await.and_then(page)
    }

    pub async fn holders_of_both(&self, connector: &Connector, after: u32, limit: u32) -> Result<Page, Error> {
        self.pull(connector, vec![after.into(), limit.into(), BOTH.into(), false.into()]).await.and_then(page)
    }

    pub async fn read(
        &self,
        connector: &Connector,
        ids: &[RegistrantId],
        ignore_filter: bool,
    ) -> Result<Vec<Registrant>, Error> {
        let changed_since = if ignore_filter { Value::from(BOTH) } else { Value::Bool(false) };
        let ids: Value = ids.iter().map(|id| id.0).collect();
        let mut answer = self.pull(connector, vec![0.into(), 0.into(), changed_since, ids]).await?;
        let rows = wire::records(wire::take(&mut answer, "rows", PULL)?, PULL)?;
        rows.into_iter().map(|row| registrant(row, connector)).collect()
    }

    pub async fn apply(&self, connector: &Connector, results: &[WriteBack]) -> Result<Vec<Outcome>, Error> {
        let refusals: Vec<_> = results.iter().map(WriteBack::refusal).collect();
        let sent = results.iter().zip(&refusals).filter(|(_, refusal)| refusal.is_none()).map(|(result, _)| result);
        let sent: Vec<Value> = sent.map(|result| applied(result, connector.remove_vid)).collect();
        let mut outcomes = self.apply_raw(connector, sent).await?.into_iter();
        refusals
            .into_iter()
            .map(|refusal| match refusal {
                Some(refusal) => Ok(Outcome::Refused(refusal)),
                None => outcomes.next().ok_or(wire::unexpected(APPLY, "an outcome for each result")),
            })
            .collect()
    }

    pub async fn remove_vids(&self, connector: &Connector, rows: &[StaleVid]) -> Result<Vec<Outcome>, Error> {
        let sent = rows.iter().map(|row| {
            json!({
                "partner_id": row.registrant.0, "token": false, "vid_id": row.vid_row.0,
                "vid_write_date": row.vid_written, "remove_vid": true, "values": false,
            })
        });
        self.apply_raw(connector, sent.collect()).await
    }

    pub async fn report(&self, connector: ConnectorId, report: &Report) -> Result<Option<u32>, Error> {
        let answer = self.call(REPORT, connector, vec![report.to_wire()]).await?;
        match answer.get("run_id") {
            Some(Value::Bool(false)) => Ok(None),
            Some(run) => wire::many2one(run).map(Some).ok_or(wire::unexpected(REPORT, "run_id")),
            None => Err(wire::unexpected(REPORT, "run_id")),
        }
    }

    /// Who shares a token of the connector's type within its company.
    pub async fn duplicates(&self, connector: &Connector) -> Result<Vec<Duplicates>, Error> {
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let answer = self.call(DUPLICATES, connector.id, vec![after.as_str().into(), GROUPS.into()]).await?;
            let complete = answer["complete"].as_bool().ok_or(wire::unexpected(DUPLICATES, "complete"))?;
            let groups = wire::records(answer["groups"].clone(), DUPLICATES)?;
            // Without these an Odoo that answers wrongly would be asked for ever.
            if (groups.is_empty() && !complete) || found.len() + groups.len() > MOST_GROUPS {
                return Err(wire::unexpected(DUPLICATES, "a page that leads to the end"));
            }
            for group in groups {
                let name = group.get("group").and_then(Value::as_str).filter(|name| *name > after.as_str());
                name.ok_or(wire::unexpected(DUPLICATES, "groups in their order"))?.clone_into(&mut after);
                let registrants = group.get("partner_ids").and_then(wire::ids);
                let registrants = registrants.ok_or(wire::unexpected(DUPLICATES, "partner_ids"))?;
                found.push(Duplicates {
                    token_type: connector.token_type,
                    group: after.clone(),
                    registrants: registrants.into_iter().map(RegistrantId).collect(),
                });
            }
            if complete {
                return Ok(found);
            }
        }
    }

    /// Who holds an ID of this type with one of these values, and which.
    pub async fn holders(
        &self,
        connector: &Connector,
        id_type: IdTypeId,
        values: &[Personal<String>],
    ) -> Result<Vec<(RegistrantId, Personal<String>)>, Error> {
        let values: Value = values.iter().map(|value| value.expose().as_str()).collect();
        let answer = self.call(HOLDERS, connector.id, vec![id_type.0.into(), values]).await?;
        let holder = |mut row: Record| {
            let id = row.get("partner_id").and_then(wire::id).ok_or(wire::unexpected(HOLDERS, "partner_id"))?;
            match wire::take(&mut row, "value", HOLDERS)? {
                Value::String(value) => Ok((RegistrantId(id), Personal::new(value))),
                _ => Err(wire::unexpected(HOLDERS, "value")),
            }
        };
        wire::records(answer, HOLDERS)?.into_iter().map(holder).collect()
    }

    /// What begins or ends, told to who is responsible; how many they are.
    pub async fn alarm(&self, news: &News) -> Result<u32, Error> {
        let numbers = news.numbers.as_ref().map_or_else(
            || json!({}),
            |numbers| {
                let limit = numbers.limit.map_or(Value::Bool(false), |limit| limit.to_string().into());
                json!({"count": count(numbers.count), "found": count(numbers.found), "limit": limit})
            },
        );
        let arguments = vec![news.alarm.code().into(), (news.turn == Turn::Begins).into(), numbers];
        users(&self.call(ALARM, news.connector, arguments).await?)
    }

    /// How many people would get an activity.
    pub async fn responsible(&self, connector: ConnectorId) -> Result<u32, Error> {
        users(&self.call(ALARM, connector, vec![false.into(), false.into(), json!({})]).await?)
    }

    async fn pull(&self, connector: &Connector, args: Vec<Value>) -> Result<Record, Error> {
        match self.call(PULL, connector.id, args).await? {
            Value::Object(answer) => Ok(answer),
            _ => Err(wire::unexpected(PULL, "a structure")),
        }
    }

    /// The outcomes, each checked to be of its own registrant.
    async fn apply_raw(&self, connector: &Connector, results: Vec<Value>) -> Result<Vec<Outcome>, Error> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        let registrants: Vec<Option<u32>> = results.iter().map(|result| wire::id(&result["partner_id"])).collect();
        let answer = self.call(APPLY, connector.id, vec![Value::Array(results)]).await?;
        let answers = wire::records(answer, APPLY)?;
        if answers.len() != registrants.len() {
            return Err(wire::unexpected(APPLY, "an outcome for each result"));
        }
        answers
            .iter()
            .zip(registrants)
            .map(|(answer, registrant)| match answer.get("partner_id").and_then(wire::id) {
                Some(id) if Some(id) == registrant => outcome(answer),
                _ => Err(wire::unexpected(APPLY, "an outcome of the same registrant")),
            })
            .collect()
    }
}

/// Where there is no such method.
pub fn no_alarm() -> Error {
    Error::Application(Failure::MissingMethod {
        model: Some("omc.connector".to_owned()),
        method: Some(ALARM.to_owned()),
    })
}

fn users(answer: &Value) -> Result<u32, Error> {
    let users = answer.get("users").and_then(Value::as_u64).and_then(|users| u32::try_from(users).ok());
    users.ok_or(wire::unexpected(ALARM, "users"))
}

/// As XML-RPC can carry it.
fn count(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn applied(result: &WriteBack, remove_vid: bool) -> Value {
    let mut sent = json!({
        "partner_id": result.registrant.0, "token": result.token.expose(), "vid_id": false,
        "vid_write_date": result.vid_written, "remove_vid": remove_vid,
        "values": result.values.as_ref().map(Personal::expose),
    });
    match result.vid_row {
        Some(row) => sent["vid_id"] = row.0.into(),
        None => sent["without_vid"] = true.into(),
    }
    sent
}

fn outcome(answer: &Record) -> Result<Outcome, Error> {
    let vid_removed = answer.get("vid_removed").and_then(Value::as_bool).unwrap_or(false);
    match answer.get("outcome").and_then(Value::as_str) {
        Some("written") => Ok(Outcome::Written { vid_removed }),
        Some("already") => Ok(Outcome::Already { vid_removed }),
        Some("busy") => Ok(Outcome::Busy),
        Some("conflict") => Ok(Outcome::Conflict),
        Some("superseded") => Ok(Outcome::Superseded),
        Some("error") => Ok(Outcome::Refused(ApplyRefusal::from_code(
            answer.get("code").and_then(Value::as_str).unwrap_or_default(),
        ))),
        _ => Err(wire::unexpected(APPLY, "an outcome that we know")),
    }
}

fn page(answer: Record) -> Result<Page, Error> {
    let ids = answer.get("ids").and_then(wire::ids).ok_or(wire::unexpected(PULL, "ids"))?;
    let time = |name: &'static str| {
        let text = answer.get(name).and_then(Value::as_str);
        text.and_then(wire::time).ok_or(wire::unexpected(PULL, name))
    };
    let complete = answer.get("complete").and_then(Value::as_bool).ok_or(wire::unexpected(PULL, "complete"))?;
    Ok(Page { ids: ids.into_iter().map(RegistrantId).collect(), complete, horizon: time("horizon")? })
}

fn registrant(mut row: Record, connector: &Connector) -> Result<Registrant, Error> {
    let id = row.get("id").and_then(wire::id).ok_or(wire::unexpected(PULL, "the id of a registrant"))?;
    let is_group = row.get("is_group").and_then(Value::as_bool).unwrap_or(false);
    let Value::Object(mut values) = wire::take(&mut row, "values", PULL)? else {
        return Err(wire::unexpected(PULL, "values"));
    };
    values.retain(|name, _| connector.field_names().any(|field| field == name));
    let (mut vids, mut tokens) = (Vec::new(), Vec::new());
    for mut record in wire::records(wire::take(&mut row, "ids", PULL)?, PULL)? {
        let kind = match record.get("kind").and_then(Value::as_str) {
            Some("vid") => &mut vids,
            Some("token") => &mut tokens,
            _ => return Err(wire::unexpected(PULL, "the kind of an ID")),
        };
        kind.push(IdRow::parse(&mut record, PULL)?);
    }
    vids.sort_by_key(|row| row.row);
    tokens.sort_by_key(|row| row.row);
    Ok(Registrant { id: RegistrantId(id), is_group, values: Personal::new(values), vids, tokens })
}

#[cfg(test)]
#[path = "door_test.rs"]
mod tests;
