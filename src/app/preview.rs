//! A dry run: what would be sent for a connector, personal data masked. Sends nothing, and touches no store.

use std::sync::Arc;

use anyhow::Context;
use serde_json::{Map, Value};

use super::check;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::connector::Connector;
use crate::domain::identity::RunId;
use crate::domain::record::{Record, RecordKey};
use crate::odoo::{self, Registry};
use crate::seal::Seal;
use crate::worker::definitions::Judgement;
use crate::worker::{Decision, Preparation};

/// What would become of one registrant.
#[derive(Debug, Clone)]
pub struct Line {
    pub registrant: u32,
    /// `send`, `leave`, or the code of the refusal.
    pub verdict: String,
    pub reason: String,
    /// The record for MTS, its values masked.
    pub auth_data: Vec<(String, String)>,
}

/// Looks at the first registrants that the connector would take now.
pub async fn look(config: &Config, connector: &str, limit: u32) -> anyhow::Result<Vec<Line>> {
    let odoo = Arc::new(odoo::Client::new(&config.odoo)?);
    let connector = find(config, connector).await?;
    let registry = Registry::detect(Arc::clone(&odoo), config.odoo.connector_model).await?;
    let page = registry.page(&connector, 0, limit, None).await?;
    let found = registry.read(&connector, &page.ids, false).await?;
    // A key of this moment: nothing is compared with what any store holds.
    let now = SystemClock.now();
    let seal = Seal::fleeting()?;
    let preparation = Preparation::new(&connector, &seal, now);
    let lines = found.into_iter().map(|registrant| {
        let id = registrant.id;
        let key = RecordKey { token_type: connector.token_type, registrant: id };
        let record = Record::admitted(key, connector.id, RunId::NONE, now);
        told(id.0, preparation.decide(&record, Some(registrant)))
    });
    Ok(lines.collect())
}

async fn find(config: &Config, name: &str) -> anyhow::Result<Arc<Connector>> {
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

fn told(registrant: u32, decision: Decision) -> Line {
    let line = |verdict: &str, reason: &str| Line {
        registrant,
        verdict: verdict.to_owned(),
        reason: reason.to_owned(),
        auth_data: Vec::new(),
    };
    match decision {
        Decision::Leave => line("leave", "holds a token, or has no VID"),
        Decision::Unchanged => line("leave", "refused before"),
        Decision::Refuse { code, .. } => line(code.as_str(), &format!("{} {}", code.reason(), code.remedy())),
        Decision::Send { auth_data, .. } => Line { auth_data: masked(&auth_data, ""), ..line("send", "") },
    }
}

fn masked(record: &Map<String, Value>, prefix: &str) -> Vec<(String, String)> {
    let entries = record.iter().flat_map(|(key, value)| match value {
        Value::Object(inner) => masked(inner, &format!("{prefix}{key}.")),
        Value::String(text) => vec![(format!("{prefix}{key}"), mask(text))],
        Value::Null => vec![(format!("{prefix}{key}"), "null".to_owned())],
        _ => vec![(format!("{prefix}{key}"), "*".to_owned())],
    });
    entries.collect()
}

/// Shows the form of a text and nothing of it: letters as `x`, digits as `9`.
fn mask(text: &str) -> String {
    let shown = |c: char| match c {
        c if c.is_numeric() => '9',
        c if c.is_alphabetic() => 'x',
        ' ' | '-' | '/' | '.' | ',' | '+' | '@' => c,
        _ => '?',
    };
    text.chars().take(40).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_shown_and_nothing_else() {
        assert_eq!(mask("Zoë O'Neill 2045"), "xxx x?xxxxx 9999");
        assert_eq!(mask("1990/01/31"), "9999/99/99");
    }
}
