//! What administrators defined: read from Odoo, checked whole, and kept (sealed) for a start without Odoo.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Halt, Settings, Worker};
use crate::domain::audit::{self, AuditEvent, Deed};
use crate::domain::connector::{Connector, Model};
use crate::domain::definition::{self, Problem, Surroundings};
use crate::domain::delivery::Delivery;
use crate::domain::identity::{ConnectorId, IdTypeId};
use crate::domain::mapping::Mandatory;
use crate::domain::registrant_field::RegistrantField;
use crate::odoo::connectors::{self, RawDefinition, RequestedPreview, RequestedRun, RequeuedRejection};
use crate::odoo::{self, Client};
use crate::seal::{DIGEST, OpenError, Purpose, Seal};
use crate::store::StoreError;

/// How many readings go by the same fields and ID types before those are read again: they are large, and change with addons.
const FIELDS_LAST: u32 = 20;

/// One connector, as it was found.
#[derive(Debug, Clone)]
pub struct Found {
    pub id: ConnectorId,
    /// As Odoo has it, for people; a wrong definition may lack it.
    pub name: String,
    pub judgement: Judgement,
}

/// What is thought of a definition.
#[derive(Debug, Clone)]
pub enum Judgement {
    Right(Arc<Connector>),
    /// One line for each field that is wrong.
    Wrong(Vec<Problem>),
    Archived,
}

/// Everything that one look into Odoo gives.
#[derive(Debug, Default)]
pub struct Reading {
    pub connectors: Vec<Found>,
    /// Chosen in the configuration, and not there.
    pub missing: Vec<String>,
    /// There, and not chosen in the configuration.
    pub unchosen: BTreeSet<ConnectorId>,
    pub runs: Vec<RequestedRun>,
    pub requeued: Vec<RequeuedRejection>,
    pub previews: Vec<RequestedPreview>,
}

/// What the configuration says of every connector.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub mandatory: Mandatory,
    pub unauthenticated: bool,
    pub stock_delivery: Delivery,
    pub odk_folder: bool,
}

struct Background {
    fields: BTreeMap<String, RegistrantField>,
    id_types: Vec<(IdTypeId, String)>,
    vid_type: Option<IdTypeId>,
    token_type: Option<IdTypeId>,
    used: u32,
}

/// Reads definitions, again and again.
#[derive(Default)]
pub struct Reader {
    background: Option<Background>,
}

impl Reader {
    /// Looks into Odoo. `names` are the connectors to take over, with [`Model::Stock`].
    pub async fn look(
        &mut self,
        odoo: &Client,
        model: Model,
        names: &[String],
        terms: Terms,
        now: DateTime<Utc>,
    ) -> Result<Reading, odoo::Error> {
        let raw = connectors::definitions(odoo, model).await?;
        let mut unchosen: BTreeSet<ConnectorId> = raw.iter().map(|raw| raw.id).collect();
        let (raw, missing) = chosen(raw, model, names);
        raw.iter().for_each(|raw| _ = unchosen.remove(&raw.id));
        let background = match self.background.take().filter(|known| known.used < FIELDS_LAST) {
            Some(known) => known,
            None => Background::read(odoo, model).await?,
        };
        let background = self.background.insert(Background { used: background.used + 1, ..background });
        let around = Surroundings {
            registrant_fields: &background.fields,
            id_types: &background.id_types,
            vid_type: background.vid_type,
            token_type: background.token_type,
            now,
            mandatory: terms.mandatory,
            unauthenticated: terms.unauthenticated,
            stock_delivery: terms.stock_delivery,
            odk_folder: terms.odk_folder,
        };
        let found = raw.into_iter().map(|raw| found(model, raw, &around)).collect();
        let reading = Reading { connectors: found, missing, unchosen, ..Reading::default() };
        match model {
            Model::Stock => Ok(reading),
            Model::Omc => Ok(Reading {
                runs: wishes("omc.run", connectors::requested_runs(odoo).await)?,
                requeued: wishes("omc.rejection", connectors::requeued_rejections(odoo).await)?,
                previews: wishes("omc.preview", connectors::requested_previews(odoo).await)?,
                ..reading
            }),
        }
    }

    /// As [`Reader::look`], by the worker's settings and behind its breaker.
    pub async fn read(&mut self, worker: &Worker) -> Result<Reading, Halt> {
        let settings = &worker.settings;
        let Settings { model, chosen, mandatory, unauthenticated, stock_delivery, odk_folder, .. } = settings;
        let terms = Terms {
            mandatory: *mandatory,
            unauthenticated: *unauthenticated,
            stock_delivery: *stock_delivery,
            odk_folder: odk_folder.is_some(),
        };
        let look = self.look(&worker.odoo, *model, chosen, terms, worker.clock.now());
        worker.ask_odoo(None, look).await
    }
}

/// What administrators ask for; the work goes on without, where the account may not see it or the addon has no such thing.
fn wishes<T>(model: &'static str, asked: Result<Vec<T>, odoo::Error>) -> Result<Vec<T>, odoo::Error> {
    match asked {
        Err(error) if error.is_missing_model() || matches!(error, odoo::Error::AccessError { .. }) => {
            tracing::warn!(model, %error, "what administrators ask for cannot be read");
            Ok(Vec::new())
        }
        asked => asked,
    }
}

impl Background {
    async fn read(odoo: &Client, model: Model) -> Result<Self, odoo::Error> {
        let fields = connectors::registrant_fields(odoo).await?;
        let id_types = connectors::id_types(odoo).await?;
        let (mut vid_type, mut token_type) = (None, None);
        if model == Model::Stock {
            vid_type = id_type_of(odoo, "g2p_mts.vid_id_type").await?;
            token_type = id_type_of(odoo, "g2p_mts.uin_token_id_type").await?;
        }
        Ok(Self { fields, id_types, vid_type, token_type, used: 0 })
    }
}

async fn id_type_of(odoo: &Client, parameter: &str) -> Result<Option<IdTypeId>, odoo::Error> {
    let value = connectors::config_parameter(odoo, parameter).await?;
    Ok(value.and_then(|text| text.trim().parse().ok()).and_then(IdTypeId::from_wire))
}

/// Of a stock installation, only what the configuration names: the others are upstream's.
fn chosen(raw: Vec<RawDefinition>, model: Model, names: &[String]) -> (Vec<RawDefinition>, Vec<String>) {
    if model == Model::Omc {
        return (raw, Vec::new());
    }
    let is = |raw: &RawDefinition, name: &String| *name == raw.id.to_string() || *name == name_of(raw);
    let missing = names.iter().filter(|name| !raw.iter().any(|raw| is(raw, name))).cloned().collect();
    let taken = raw.into_iter().filter(|raw| names.iter().any(|name| is(raw, name))).collect();
    (taken, missing)
}

fn name_of(raw: &RawDefinition) -> String {
    raw.fields.expose().get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn found(model: Model, raw: RawDefinition, around: &Surroundings<'_>) -> Found {
    let name = name_of(&raw);
    let fields = raw.fields.expose();
    let judgement = if fields.get("active").and_then(Value::as_bool) == Some(false) {
        Judgement::Archived
    } else {
        match definition::parse(model, raw.id, fields, around) {
            Ok(connector) => Judgement::Right(Arc::new(connector)),
            Err(problems) => Judgement::Wrong(problems),
        }
    };
    Found { id: raw.id, name, judgement }
}

/// Names the way a connector selects and maps: when it changes, everybody must be looked at again.
pub fn fingerprint(seal: &Seal, connector: &Connector) -> String {
    named(seal.digest(Purpose::Definition, connector.pull_digest_source().as_bytes()))
}

/// The names that it had by the keys of before.
pub fn earlier_fingerprints(seal: &Seal, connector: &Connector) -> Vec<String> {
    let source = connector.pull_digest_source();
    seal.earlier_digests(Purpose::Definition, source.as_bytes()).into_iter().map(named).collect()
}

fn named(digest: [u8; DIGEST]) -> String {
    URL_SAFE_NO_PAD.encode(&digest[4..16])
}

/// Keeps a good definition. The audit hears of one that is not the one that was kept; `is_back`: it was wrong or away meanwhile.
pub fn keep(worker: &Worker, connector: &Connector, is_back: bool) -> Result<(), StoreError> {
    let unsealable = |error: String| StoreError::Unsealable(error);
    let text = serde_json::to_vec(connector).map_err(|error| unsealable(error.to_string()))?;
    let sealed = worker.seal.seal(&place(connector.id), &text).map_err(|error| unsealable(error.to_string()))?;
    let news = news(kept_one(worker, connector.id)?.as_ref(), connector, is_back);
    let event = news.map(|deed| AuditEvent::of(connector.id, worker.clock.now(), deed));
    worker.store.change_now(|change| {
        change.put_definition(connector.id, Some(sealed));
        event.into_iter().for_each(|event| change.audit(event));
        Ok(())
    })
}

/// What there is to tell of a definition that is right.
fn news(kept: Option<&Connector>, now: &Connector, is_back: bool) -> Option<Deed> {
    let Some(kept) = kept else { return Some(Deed::Definition { now: audit::Definition::New, fields: Vec::new() }) };
    let fields = |connector: &Connector| match serde_json::to_value(connector) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (kept, now) = (fields(kept), fields(now));
    let changed = |(name, value): (&String, &Value)| (kept.get(name) != Some(value)).then(|| name.clone());
    let fields: Vec<String> = now.iter().filter_map(changed).collect();
    (is_back || !fields.is_empty()).then_some(Deed::Definition { now: audit::Definition::Changed, fields })
}

/// The definitions that were good last time. What does not open or decode is left out: Odoo has it.
pub fn kept(worker: &Worker) -> Result<Vec<Arc<Connector>>, StoreError> {
    let sealed = worker.store.definitions()?;
    let open = |(id, sealed): (ConnectorId, Vec<u8>)| open(&worker.seal, id, &sealed).ok()?.map(Arc::new);
    Ok(sealed.into_iter().filter_map(open).collect())
}

/// The definition of one connector that was good last time.
pub fn kept_one(worker: &Worker, id: ConnectorId) -> Result<Option<Connector>, StoreError> {
    let sealed = worker.store.definition(id)?;
    Ok(sealed.and_then(|sealed| open(&worker.seal, id, &sealed).ok().flatten()))
}

/// A kept definition; `None`: of a form that is not known any more.
pub fn open(seal: &Seal, id: ConnectorId, sealed: &[u8]) -> Result<Option<Connector>, OpenError> {
    Ok(serde_json::from_slice(seal.open(&place(id), sealed)?.expose()).ok())
}

/// Where a kept definition belongs.
pub fn place(connector: ConnectorId) -> Vec<u8> {
    [&b"definition"[..], &connector.0.to_be_bytes()].concat()
}
