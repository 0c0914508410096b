//! The registry: who may be taken, what is known of them, and the way tokens are written and VIDs leave.
//!
//! One API with two implementations. Through the addon's *door* (`docs/door.md`) each step is one method that runs in one
//! transaction. Without the addon the same is done with plain calls, each a transaction of its own, ordered so that a VID
//! is removed only after the token was read back.

mod door;
mod plain;
pub mod report;
pub mod row;
#[cfg(test)]
mod test_connector;
pub mod write_back;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::domain::alarm::News;
use crate::domain::connector::{Connector, Model};
use crate::domain::duplicate::Duplicates;
use crate::domain::identity::{ConnectorId, IdTypeId, RegistrantId};
use crate::seal::Personal;

use super::client::Client;
use super::error::{Error, Failure};
use super::model::Options;
use super::xml::write::is_writable;

pub use report::Report;
pub use row::{IdRow, Page, Registrant};
pub use write_back::{ApplyRefusal, Outcome, StaleVid, WriteBack};

use door::Door;
use plain::Plain;

/// Tells whether a VID that Odoo holds now is the one that was submitted for this registrant. The caller compares digests:
/// the VID itself is stored nowhere.
pub type VidMatches<'a> = &'a (dyn Fn(RegistrantId, &Personal<String>) -> bool + Sync);

/// The registry behind one Odoo. An error of any method is about Odoo or the login, never about one registrant: those are
/// told in the answers.
#[derive(Debug, Clone)]
pub struct Registry(Way);

#[derive(Debug, Clone)]
enum Way {
    Door(Door),
    Plain(Plain),
}

impl Registry {
    /// Finds out whether the addon's door answers. Where it does not exist, plain calls are used; where it refuses our
    /// user, that is [`Error::DoorClosed`].
    ///
    /// Through the door a `daemon` takes and keeps the lease of each connector that it calls for; whoever only looks gives
    /// none, and neither takes leases nor minds them.
    pub async fn detect(client: Arc<Client>, model: Model, daemon: Option<Arc<str>>) -> Result<Self, Error> {
        let open = match model {
            Model::Omc => has_door(&client).await?,
            // The door is a part of omc.connector.
            Model::Stock => false,
        };
        Ok(Self(if open { Way::Door(Door::new(client, daemon)) } else { Way::Plain(Plain::prepare(client).await?) }))
    }

    /// Whether the addon's door is used: one transaction per write-back, row by row outcomes, reports to administrators.
    pub fn through_door(&self) -> bool {
        matches!(self.0, Way::Door(_))
    }

    /// The next registrants, above `after` and in the order of their ids, who may be taken: they match the connector's
    /// filter, are registrants, neither archived nor (unless the filter speaks of it) groups, have an ID of the VID type and
    /// none of the token type. With `since`, only those whose own row or VID row was written at or after it.
    pub async fn page(
        &self,
        connector: &Connector,
        after: u32,
        limit: u32,
        since: Option<DateTime<Utc>>,
    ) -> Result<Page, Error> {
        match &self.0 {
            Way::Door(door) => door.page(connector, after, limit, since).await,
            Way::Plain(plain) => plain.page(connector, after, limit, since).await,
        }
    }

    /// Who shares a token of one of these connectors' types, each group once.
    pub async fn duplicates<'a>(
        &self,
        connectors: impl Iterator<Item = &'a Connector> + Send,
    ) -> Result<Vec<Duplicates>, Error> {
        let mut found = BTreeSet::new();
        match &self.0 {
            // A connector's company is known to the door alone.
            Way::Door(door) => {
                for connector in connectors {
                    found.extend(door.duplicates(connector).await?);
                }
            }
            Way::Plain(plain) => {
                let types: BTreeSet<_> = connectors.map(|connector| connector.token_type).collect();
                for token_type in types {
                    found.extend(plain.duplicates(token_type).await?);
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// As [`Self::page`], of those who hold an ID of the VID type and one of the token type, whatever the filter says.
    pub async fn holders_of_both(&self, connector: &Connector, after: u32, limit: u32) -> Result<Page, Error> {
        match &self.0 {
            Way::Door(door) => door.holders_of_both(connector, after, limit).await,
            Way::Plain(plain) => plain.holders_of_both(connector, after, limit).await,
        }
    }

    /// What is known of these registrants now, in the order of their ids. Who is gone, is archived or (unless
    /// `ignore_filter`) no longer matches the filter is left out.
    pub async fn read(
        &self,
        connector: &Connector,
        ids: &[RegistrantId],
        ignore_filter: bool,
    ) -> Result<Vec<Registrant>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match &self.0 {
            Way::Door(door) => door.read(connector, ids, ignore_filter).await,
            Way::Plain(plain) => plain.read(connector, ids, ignore_filter).await,
        }
    }

    /// Who holds an ID of this type with one of these values, exactly, and which; those who are archived, or are no registrants
    /// of the connector's company, are left out. At most a few thousand values.
    pub async fn holders(
        &self,
        connector: &Connector,
        id_type: IdTypeId,
        values: &[Personal<String>],
    ) -> Result<Vec<(RegistrantId, Personal<String>)>, Error> {
        // What XML cannot carry, Odoo never got from anybody.
        let values: Vec<Personal<String>> =
            values.iter().filter(|value| is_writable(value.expose())).cloned().collect();
        if values.is_empty() {
            return Ok(Vec::new());
        }
        match &self.0 {
            Way::Door(door) => door.holders(connector, id_type, &values).await,
            Way::Plain(plain) => plain.holders(id_type, &values).await,
        }
    }

    /// Writes tokens and, if the connector says so, removes the VIDs they were made for. One outcome per result, in the same
    /// order. May be repeated after any error: what was done is then found there.
    ///
    /// `vid_matches` is asked only without the addon, whose door checks the VID row by its `write_date` instead. Without the
    /// addon `values` are not written.
    pub async fn apply(
        &self,
        connector: &Connector,
        results: &[WriteBack],
        vid_matches: VidMatches<'_>,
    ) -> Result<Vec<Outcome>, Error> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        match &self.0 {
            Way::Door(door) => door.apply(connector, results).await,
            Way::Plain(plain) => plain.apply(connector, results, vid_matches).await,
        }
    }

    /// Clean-up: removes VID rows of registrants who hold a token, where the row was last written strictly before the token
    /// row was created. That is checked in Odoo, or right before the removal, whatever the caller has seen.
    pub async fn remove_vids(&self, connector: &Connector, rows: &[StaleVid]) -> Result<Vec<Outcome>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        match &self.0 {
            Way::Door(door) => door.remove_vids(connector, rows).await,
            Way::Plain(plain) => plain.remove_vids(connector, rows).await,
        }
    }

    /// Tells administrators how a connector is doing. The answer is the row of `omc.run` if the report has a run. Without
    /// the addon there is nobody to tell.
    pub async fn report(&self, connector: ConnectorId, report: &Report) -> Result<Option<u32>, Error> {
        match &self.0 {
            Way::Door(door) => door.report(connector, report).await,
            Way::Plain(_) => Ok(None),
        }
    }

    /// Has those who are responsible for a connector told by an activity, or has it done; how many they are. May be repeated.
    /// Needs the addon.
    pub async fn alarm(&self, news: &News) -> Result<u32, Error> {
        match &self.0 {
            Way::Door(door) => door.alarm(news).await,
            Way::Plain(_) => Err(door::no_alarm()),
        }
    }

    /// How many people would get an activity of a connector. Needs the addon.
    pub async fn responsible(&self, connector: ConnectorId) -> Result<u32, Error> {
        match &self.0 {
            Way::Door(door) => door.responsible(connector).await,
            Way::Plain(_) => Err(door::no_alarm()),
        }
    }
}

/// Asks the door for nothing, as cheaply as it can be asked.
async fn has_door(client: &Client) -> Result<bool, Error> {
    let model = Model::Omc.name();
    let any = Options { order: Some("id"), limit: Some(1), archived: true, ..Options::default() };
    let connectors = match client.search(model, Vec::new(), any).await {
        Err(error) if error.is_missing_model() => return Ok(false),
        Err(Error::AccessError { .. }) => return Err(Error::DoorClosed),
        connectors => connectors?,
    };
    let args = vec![json!(connectors), json!(0), json!(0), json!(false), json!([])];
    let answer = client.execute_kw(model, "omc_pull", args, Default::default()).await;
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.is_missing_method() => Ok(false),
        Err(Error::AccessError { .. }) => Err(Error::DoorClosed),
        // Whatever the method minds (no connector yet, a wrong filter of this one), it exists.
        Err(error @ (Error::Refused(_) | Error::Application(_))) => {
            if error.concerns_every_call() || matches!(error, Error::Application(Failure::Contention)) {
                Err(error)
            } else {
                Ok(true)
            }
        }
        Err(error) => Err(error),
    }
}
