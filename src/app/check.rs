//! Looks at everything that OMC needs, for a person: the configuration, Odoo, every definition, every MTS.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use url::Url;

use super::certificates::{Certificates, State};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::connector::Model;
use crate::mosip::Service;
use crate::mts::{Ability, Blame, Mts, Presence};
use crate::odoo::rights::{self, Right};
use crate::odoo::{self, Registry};
use crate::seal::Exposure;
use crate::worker::definitions::{Found, Judgement, Reader, Reading, Terms};

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub struct Line {
    pub what: String,
    pub good: bool,
    pub text: String,
}

fn line(what: impl Into<String>, good: bool, text: impl Into<String>) -> Line {
    Line { what: what.into(), good, text: text.into() }
}

/// Reads the definitions, without a store and without changing anything.
pub async fn definitions(config: &Config) -> anyhow::Result<Reading> {
    let odoo = odoo::Client::new(&config.odoo)?;
    Ok(read(&odoo, config).await?)
}

async fn read(odoo: &odoo::Client, config: &Config) -> Result<Reading, odoo::Error> {
    let mandatory = config.mandatory().unwrap_or_default();
    let (model, chosen) = (config.odoo.connector_model, &config.odoo.connectors);
    let unauthenticated = config.callback.allow_unauthenticated;
    let terms = Terms {
        mandatory,
        unauthenticated,
        stock_delivery: config.odoo.delivery_type,
        odk_folder: config.odk.folder.is_some(),
    };
    Reader::default().look(odoo, model, chosen, terms, SystemClock.now()).await
}

/// Looks at everything; what depends on something that failed is left out.
pub async fn all(config: &Config) -> Vec<Line> {
    let mut lines = vec![line("configuration", true, "reads")];
    lines.extend(private_file("key file", &config.store.key_file, "is made at the first start"));
    lines.extend(config.exposed.iter().map(|path| {
        let what = format!("secret in {}", path.display());
        line(what, true, "can be read by every account of this machine; set the file's mode to 0600")
    }));
    lines.extend(certificates(config));
    let (mts, of_accesses) = accesses(config).await;
    lines.extend(of_accesses);
    lines.extend(mosip(config).await);
    let odoo = match odoo::Client::new(&config.odoo) {
        Ok(odoo) => Arc::new(odoo),
        Err(error) => {
            lines.push(line("Odoo", false, error.to_string()));
            return lines;
        }
    };
    match odoo.version().await {
        Ok(version) => lines.push(line("Odoo", true, format!("version {version} answers"))),
        Err(error) => {
            lines.push(line("Odoo", false, error.to_string()));
            return lines;
        }
    }
    match odoo.authenticate().await {
        Ok(uid) => lines.push(line("login", true, format!("accepted, user {uid}"))),
        Err(error) => {
            lines.push(line("login", false, error.to_string()));
            return lines;
        }
    }
    lines.extend(may(&odoo, config).await);
    match read(&odoo, config).await {
        Ok(reading) => {
            lines.extend(judge(&reading));
            if config.notify.activities {
                lines.extend(activities(&odoo, &reading, config).await);
            }
            if let Some(mts) = &mts {
                lines.extend(servers(mts, &reading, config).await);
            }
        }
        Err(error) => lines.push(line("connectors", false, error.to_string())),
    }
    lines
}

/// Whether this connector's tokens tell persons apart. Costs two authentications of one person, and nothing where `others`, which
/// were looked at before, are not all good.
pub async fn tokens(config: &Config, connector: &str, others: &[Line]) -> Line {
    let what = format!("tokens of connector {connector}");
    if others.iter().any(|line| !line.good) {
        return line(what, false, "not asked for, as something above is not right");
    }
    let looked = super::token_policy::look(config, connector).await;
    looked.unwrap_or_else(|error| line(what, false, format!("not known: {error:#}")))
}

/// The certificates that the configuration names, and their keys.
fn certificates(config: &Config) -> Vec<Line> {
    let receiver = match super::settings(config, config.callback.listen, "".into()) {
        Ok(settings) => settings.receiver,
        Err(error) => return vec![line("callback.public_url", false, format!("{error:#}"))],
    };
    let remarks = match Certificates::read(config, &receiver) {
        Ok(read) => read.remarks(SystemClock.now()),
        Err(error) => return vec![line("certificates", false, error.to_string())],
    };
    let remarks = remarks.into_iter().map(|remark| line(remark.key, remark.state != State::Bad, remark.text));
    let mut lines: Vec<Line> = remarks.collect();
    let keys = super::certificates::keys(config);
    lines.extend(keys.filter_map(|(key, path)| private_file(key, path, "is not there")));
    lines
}

fn private_file(name: &str, path: &Path, missing: &str) -> Option<Line> {
    let what = format!("{name} {}", path.display());
    match std::fs::metadata(path) {
        Ok(found) => Some(match Exposure::of(&found) {
            Exposure::Everybody => line(what, false, "others may read it; set its mode to 0600"),
            Exposure::Group => line(what, true, "is there; its group can read it"),
            Exposure::Nobody => line(what, true, "is there, and for OMC alone"),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(line(what, true, missing)),
        Err(error) => Some(line(what, false, error.to_string())),
    }
}

/// Whether the daemon's user may do what it must.
async fn may(odoo: &Arc<odoo::Client>, config: &Config) -> Vec<Line> {
    let mut lines = Vec::new();
    let registry = match Registry::detect(Arc::clone(odoo), config.odoo.connector_model, None).await {
        Ok(registry) => registry,
        Err(error) => return vec![line("registry", false, error.to_string())],
    };
    if registry.through_door() {
        return vec![line("registry", true, "reached through the addon's door")];
    }
    lines.push(line("registry", true, "reached by plain calls; with the addon g2p_omc it is quicker and safer"));
    for Right { model, operations, .. } in rights::plain(config.odoo.connector_model) {
        for right in operations {
            let mut kwargs = Map::new();
            kwargs.insert("raise_exception".to_owned(), Value::Bool(false));
            let may = odoo.execute_kw(model, "check_access_rights", vec![json!(right)], kwargs).await;
            let what = format!("right to {right} {model}");
            lines.push(match may {
                Ok(Value::Bool(true)) => line(what, true, "granted"),
                Ok(_) => line(what, false, format!("missing; the group {} has it", rights::group(Model::Stock))),
                Err(error) => line(what, false, error.to_string()),
            });
        }
    }
    lines
}

/// Whether somebody would get an activity of each connector.
async fn activities(odoo: &Arc<odoo::Client>, reading: &Reading, config: &Config) -> Vec<Line> {
    let key = "notify.activities";
    let registry = match Registry::detect(Arc::clone(odoo), config.odoo.connector_model, None).await {
        Ok(registry) => registry,
        Err(error) => return vec![line(key, false, error.to_string())],
    };
    let mut lines = Vec::new();
    for found in reading.connectors.iter().filter(|found| !matches!(found.judgement, Judgement::Archived)) {
        let what = format!("{key}, connector {} ({})", found.id, found.name);
        lines.push(match registry.responsible(found.id).await {
            Ok(0) => line(what, false, "nobody gets them; choose in Odoo who is responsible, among OMC's users"),
            Ok(people) => line(what, true, format!("people who get them: {people}")),
            Err(error) if error.is_missing_method() => {
                return vec![line(key, false, "needs the addon g2p_omc of this version; update it in Odoo")];
            }
            Err(error) => line(what, false, error.to_string()),
        });
    }
    lines
}

fn judge(reading: &Reading) -> Vec<Line> {
    let mut lines = Vec::new();
    for name in &reading.missing {
        lines.push(line(format!("connector {name}"), false, "named in odoo.connectors, and not in Odoo"));
    }
    for found in &reading.connectors {
        let what = format!("connector {} ({})", found.id, found.name);
        match &found.judgement {
            Judgement::Right(connector) => {
                let state = format!("{:?}", connector.activity).to_lowercase();
                lines.push(line(what.clone(), true, format!("is right, and {state}")));
                let warnings = connector.output_format.iter().flat_map(|format| format.warnings());
                lines.extend(warnings.map(|warning| line(what.clone(), true, format!("output_format: {warning}"))));
            }
            Judgement::Wrong(problems) => {
                lines.extend(problems.iter().map(|problem| line(what.clone(), false, problem.to_string())));
            }
            Judgement::Archived => lines.push(line(what, true, "is archived")),
        }
    }
    if reading.connectors.is_empty() {
        lines.push(line("connectors", true, "none is defined"));
    }
    lines
}

/// The client of MTS, and how its logins do: each is tried, and the MTS behind it looked for.
async fn accesses(config: &Config) -> (Option<Mts>, Vec<Line>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let trust = match config.mts.trust() {
        Ok(trust) => trust,
        Err(error) => return (None, vec![line("MTS", false, error.to_string())]),
    };
    let made = config.mts.accesses(&trust, &clock);
    let accesses = match made {
        Ok(accesses) => accesses,
        Err(error) => return (None, vec![line("MTS", false, error.to_string())]),
    };
    let Ok(mts) = Mts::new(&trust, accesses) else {
        let remedy = "no CA certificates; install the package ca-certificates, or name the CA in mts.ca_cert";
        return (None, vec![line("HTTPS", false, remedy)]);
    };
    let mut lines = Vec::new();
    for (entry, (reach, access)) in config.mts.access.iter().zip(mts.accesses().iter()) {
        let said = |good, text: String| line(access.name(), good, text);
        let open = entry.in_clear().join(" and ");
        if !open.is_empty() {
            let text =
                format!("{open}: http:// to another machine; whoever listens between gets the secret. Use https://");
            lines.push(said(true, text));
        }
        if let Err(denied) = access.credential().await {
            lines.push(said(false, denied.cause.to_string()));
            continue;
        }
        let got = if access.way().login().is_some() { "the login is accepted" } else { "nothing to log in for" };
        lines.push(match mts.presence(reach.url()).await {
            Presence::Answers => said(true, format!("{got}, and MTS answers")),
            Presence::Busy => said(true, format!("{got}, and MTS is busy")),
            // Its gateway may lead to several, each below.
            Presence::Stranger => said(true, format!("{got}; at this very address something else than MTS answers")),
            Presence::Denied(Blame::Denied(denied)) => said(false, format!("{got}; {}", denied.cause)),
            Presence::Denied(_) | Presence::Unreachable => {
                said(false, format!("{got}; nothing can be reached there; check url"))
            }
            Presence::Insecure(fault) => said(false, format!("{got}; no secure connection: {fault} (keys of [mts])")),
        });
    }
    (Some(mts), lines)
}

/// Whether MOSIP lets OMC in, and whether the audit's file can be written.
async fn mosip(config: &Config) -> Vec<Line> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut lines = Vec::new();
    let open = config.mosip.in_clear().join(" and ");
    if !open.is_empty() {
        let text = format!("{open}: http:// to another machine; whoever listens between gets the secret. Use https://");
        lines.push(line("[mosip]", true, text));
    }
    match Service::new(&config.mosip, &clock) {
        Ok(None) => {}
        Ok(Some(service)) => lines.push(match service.access() {
            None => line("[mosip]", true, "without a login: mosip.kind is not set"),
            Some(access) => match access.credential().await {
                Ok(_) if access.way().login().is_some() => line("[mosip]", true, "the login is accepted"),
                Ok(_) => line("[mosip]", true, "nothing to log in for"),
                Err(denied) => line("[mosip]", false, denied.cause.to_string()),
            },
        }),
        Err(error) => lines.push(line("[mosip]", false, error.to_string())),
    }
    let folder = config.mosip.audit_file.as_ref().and_then(|path| path.parent());
    if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        let text = format!("there is no folder {}; make it, and give it to OMC's account", folder.display());
        lines.push(line("mosip.audit_file", false, text));
    }
    lines
}

async fn servers(mts: &Mts, reading: &Reading, config: &Config) -> Vec<Line> {
    let urls: BTreeSet<Url> = reading
        .connectors
        .iter()
        .filter_map(|found| match &found.judgement {
            Judgement::Right(connector) => Some(connector.mts_url.clone()),
            _ => None,
        })
        .collect();
    let mut lines = Vec::new();
    for url in urls {
        let (good, text) = match mts.presence(&url).await {
            Presence::Answers => {
                let ability = mts.ability(&url, SystemClock.now()).await;
                lines.extend(deliveries(reading, config, &url, ability.as_ref()));
                (true, told(ability.as_ref()))
            }
            Presence::Busy => {
                (true, "is busy: it takes connections, and answers nobody while it takes a batch in".to_owned())
            }
            Presence::Stranger => (false, "something else than MTS answers there; check mts_url".to_owned()),
            Presence::Unreachable => (false, "cannot be reached; check mts_url and that it runs".to_owned()),
            Presence::Denied(blame) => (false, blame.to_string()),
            Presence::Insecure(fault) => (false, format!("no secure connection: {fault} (keys of [mts])")),
        };
        lines.push(line(format!("MTS {url}"), good, text));
    }
    lines
}

/// What an MTS says of itself.
fn told(ability: Option<&Ability>) -> String {
    let Some(Ability { release, callbacks }) = ability else {
        return "answers; which deliveries it knows, it does not tell".to_owned();
    };
    let release = release.as_ref().map_or_else(String::new, |release| format!("release {release} "));
    let known = if *callbacks {
        "it delivers by callback and by download. Callback is quicker; Download is for where it cannot reach OMC"
    } else {
        "it delivers by download only"
    };
    format!("{release}answers; {known}")
}

/// Connectors that wait for callbacks of an MTS that has none.
fn deliveries(reading: &Reading, config: &Config, url: &Url, ability: Option<&Ability>) -> Vec<Line> {
    if ability.is_none_or(|ability| ability.callbacks) {
        return Vec::new();
    }
    let waits = |found: &&Found| {
        let Judgement::Right(connector) = &found.judgement else { return false };
        connector.mts_url == *url && !connector.delivery.is_download()
    };
    let line = |found: &Found| {
        let what = format!("connector {} ({})", found.id, found.name);
        let remedy = match config.odoo.connector_model {
            Model::Omc => "choose Download as its Delivery Type",
            Model::Stock => "write delivery_type = \"download\" under [odoo] in the configuration",
        };
        line(what, false, format!("delivery_type: its MTS does not call back; {remedy}"))
    };
    reading.connectors.iter().filter(waits).map(line).collect()
}
