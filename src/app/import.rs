//! Imports of files: who gives what to [`crate::import`].

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use encoding_rs::Encoding;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{audit, preview};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::connector::Connector;
use crate::domain::identity::IdTypeId;
use crate::import::{
    self, Assignment, Form, Manners, Match, Progress, Registrants, Request, Server, Shape, Summary, Tell, Wanted,
};
use crate::mts::Mts;
use crate::odoo::{self, Registry, connectors};

/// What a person asks for.
#[derive(Debug)]
pub struct Wish {
    pub file: std::path::PathBuf,
    /// Odoo id or unique name.
    pub connector: String,
    pub output: std::path::PathBuf,
    pub assignments: Vec<Assignment>,
    pub encoding: &'static Encoding,
    pub delimiter: Option<u8>,
    /// The result file has no VIDs.
    pub no_vid: bool,
    /// What an earlier start has done counts no more.
    pub restart: bool,
    /// The rows are registrants', by this ID.
    pub matched: Option<Match>,
    pub patience: Duration,
}

/// Imports a file to its end, or until `stop`. `notice` is told what is waited for; `tell` is how the running daemon is told what
/// its audit is to hear, and is used where there is one.
pub async fn run(
    config: &Config,
    wish: Wish,
    stop: &CancellationToken,
    progress: Progress<'_>,
    notice: Box<dyn Fn(&str)>,
    tell: Tell,
) -> anyhow::Result<Summary> {
    let connector = preview::find(config, &wish.connector).await?;
    let (mandatory, country) = (connector.mandatory, &connector.phone_country_code);
    let matched = wish.matched.as_ref().map(|wanted| wanted.column.clone());
    let found = match &wish.matched {
        None => None,
        Some(wanted) => Some(registry(config, wanted).await?),
    };
    let id_type = found.as_ref().map(|(_, id_type)| *id_type);
    let is_audited = found.is_some() && !audit::outlets(config).is_empty();
    if is_audited {
        let why = "what is written into the registry is for the audit ([mosip]), whose queue the running daemon keeps";
        tell(Vec::new()).await.map_err(anyhow::Error::msg).context(why)?;
    }
    let terms = json!([id_type, connector.id, connector.mts_url, connector.language, mandatory, country]);
    let request = Request {
        form: Form { path: wish.file, encoding: wish.encoding, delimiter: wish.delimiter },
        wanted: Wanted { assignments: wish.assignments, matched, mandatory },
        shape: match (&found, wish.no_vid) {
            (Some(_), _) => Shape::Registrants,
            (None, true) => Shape::TokensByLine,
            (None, false) => Shape::Tokens,
        },
        batch_size: connector.batch_size.unwrap_or(config.submit.batch_size),
        output: wish.output,
        restart: wish.restart,
        terms: terms.to_string(),
        rules: config.vid.rules(),
    };
    let server = server(config, &connector, wish.patience, stop.clone(), notice)?;
    let registrants = found.as_ref().map(|(registry, id_type)| Registrants {
        registry,
        connector: &connector,
        id_type: *id_type,
        rules: config.vid.rules(),
        tell: is_audited.then_some(tell),
    });
    Ok(import::run(&request, &connector, &server, registrants.as_ref(), stop, progress).await?)
}

/// The connector's MTS, for requests beside the daemon's.
pub(super) fn server(
    config: &Config,
    connector: &Connector,
    give_up: Duration,
    stop: CancellationToken,
    notice: Box<dyn Fn(&str)>,
) -> anyhow::Result<Server> {
    let trust = config.mts.trust()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mts = Mts::new(&trust, config.mts.accesses(&trust, &clock)?);
    let mts = mts.context("cannot prepare HTTPS: are CA certificates installed?")?;
    let manners = Manners {
        connector: connector.id,
        url: connector.mts_url.clone(),
        language: connector.language.clone(),
        concurrency: config.submit.concurrency,
        patience: config.reconcile.patience(),
        backoff: config.retry.backoff()?,
        give_up,
    };
    Ok(Server::new(mts, manners, clock, stop, notice))
}

/// The registry, and the ID type by whose values rows are matched.
async fn registry(config: &Config, wanted: &Match) -> anyhow::Result<(Registry, IdTypeId)> {
    let odoo = Arc::new(odoo::Client::new(&config.odoo)?);
    let types = connectors::id_types(&odoo).await?;
    let mut named = types.iter().filter(|(_, name)| *name == wanted.id_type);
    let id_type = match (named.next(), named.next()) {
        (Some((id, _)), None) => *id,
        (Some(_), Some(_)) => anyhow::bail!("--match: several ID types are called {:?}", wanted.id_type),
        (None, _) => anyhow::bail!("--match: Odoo has no ID type {:?}", wanted.id_type),
    };
    // Neither takes the connector's lease nor minds it: the daemon goes on beside.
    Ok((Registry::detect(odoo, config.odoo.connector_model, None).await?, id_type))
}
