//! Previews: the command's, and those that administrators ask for in Odoo.

use std::sync::Arc;

use anyhow::Context;

use super::{App, Standing, check};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::connector::Connector;
use crate::domain::identity::ConnectorId;
use crate::jq::Jail;
use crate::odoo::connectors::RequestedPreview;
use crate::odoo::registry::Report;
use crate::odoo::registry::report::{PreviewLine, PreviewReport};
use crate::odoo::{self, Registry};
use crate::seal::Seal;
use crate::worker::Halt;
use crate::worker::definitions::Judgement;
use crate::worker::preview::{self, Sight};
use crate::worker::remote::Remote;

const NONE_OF_ODK: &str = "a connector of ODK has no preview: MTS pulls the submissions, and OMC does not see them";

/// Looks at the first registrants that the connector would take now.
pub async fn look(config: &Config, connector: &str, limit: u32) -> anyhow::Result<Vec<PreviewLine>> {
    let odoo = Arc::new(odoo::Client::new(&config.odoo)?);
    let connector = find(config, connector).await?;
    anyhow::ensure!(connector.odk().is_none(), "{NONE_OF_ODK}");
    let registry = Registry::detect(Arc::clone(&odoo), config.odoo.connector_model, None).await?;
    // A key of this moment: nothing is compared with what any store holds.
    let seal = Seal::fleeting()?;
    let (registry, connector, rules, now) = (&registry, &*connector, config.vid.rules(), SystemClock.now());
    Ok(preview::look(&Sight { registry, connector, limit, seal: &seal, rules, jail: &Jail::new(), now }).await?)
}

pub(super) async fn find(config: &Config, name: &str) -> anyhow::Result<Arc<Connector>> {
    let reading = check::definitions(config).await?;
    let mut named = reading.connectors.iter().filter(|found| found.id.to_string() == name || found.name == name);
    let found = named.next().with_context(|| format!("no connector {name:?}; `omc connectors` lists them"))?;
    anyhow::ensure!(named.next().is_none(), "several connectors are called {name:?}; give the id");
    match &found.judgement {
        Judgement::Right(connector) => Ok(Arc::clone(connector)),
        Judgement::Archived => anyhow::bail!("connector {} is archived", found.id),
        Judgement::Wrong(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow::bail!("the definition of connector {} is wrong:\n{}", found.id, lines.join("\n"))
        }
    }
}

/// Answers an administrator's Test. What is wrong with the connector is the answer; while Odoo itself fails, the request stays.
pub(super) async fn answer(app: &App, asked: RequestedPreview) -> Result<(), Halt> {
    let worker = &app.worker;
    let registry = worker.registry().await?;
    let outcome = match definition(app, asked.connector) {
        Ok(connector) => {
            let seal = Seal::fleeting().map_err(|error| {
                tracing::error!(%error, "no preview can be made");
                Halt::Until(worker.steady.now())
            })?;
            let sight = Sight {
                registry: &registry,
                connector: &connector,
                limit: asked.limit,
                seal: &seal,
                rules: worker.settings.vid,
                jail: &worker.jail,
                now: worker.clock.now(),
            };
            let look = preview::look(&sight);
            worker.hear_odoo(look).await?.map_err(|error| error.to_string())
        }
        Err(why) => Err(why),
    };
    let report = Report { preview: Some(PreviewReport { id: asked.preview, outcome }), ..Report::default() };
    let own = Some(Remote::Report(asked.connector));
    worker.ask_odoo_behind(own, registry.report(asked.connector, &report)).await?;
    Ok(())
}

/// The definition as Odoo has it now, or why there is none to go by.
fn definition(app: &App, id: ConnectorId) -> Result<Arc<Connector>, String> {
    let found = app.roster.with(id, |entry| {
        let problems: Vec<String> = entry.problems.iter().map(ToString::to_string).collect();
        (entry.standing, entry.connector(), problems)
    });
    match found {
        Some((Standing::Current, Some(connector), _)) if connector.odk().is_some() => Err(NONE_OF_ODK.to_owned()),
        Some((Standing::Current, Some(connector), _)) => Ok(connector),
        Some((Standing::Wrong, _, problems)) => Err(problems.join("\n")),
        Some((standing, ..)) => Err(format!("the definition is {}", standing.name())),
        None => Err("the connector is not known yet; try again".to_owned()),
    }
}
