//! A dry run: what would be sent for a connector, personal data masked. Sends nothing, and touches no store.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Decision, Preparation, input_format};
use crate::domain::connector::Connector;
use crate::domain::identity::{RegistrantId, RunId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::vid_rules::VidRules;
use crate::jq::Jail;
use crate::odoo::registry::Registrant;
use crate::odoo::registry::report::PreviewLine;
use crate::odoo::{self, Registry};
use crate::seal::{Personal, Seal};

/// Letters of a value that are shown, masked.
const SHOWN: usize = 40;

/// What is looked at, and by which rules.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    pub registry: &'a Registry,
    pub connector: &'a Connector,
    /// Registrants at most.
    pub limit: u32,
    pub seal: &'a Seal,
    pub rules: VidRules,
    pub jail: &'a Jail,
    pub now: DateTime<Utc>,
}

/// Looks at the first registrants that the connector would take now.
pub async fn look(sight: &Sight<'_>) -> Result<Vec<PreviewLine>, odoo::Error> {
    let decided = decide(sight).await?;
    let lines = decided.into_iter().map(|(id, decision)| match decision {
        Ok(decision) => told(id, decision),
        Err(why) => line(id, "not tried", &why),
    });
    Ok(lines.collect())
}

/// The first registrant who would be sent now, of those that are looked at, with what MTS would get.
pub async fn sample(sight: &Sight<'_>) -> Result<Option<(RegistrantId, Personal<Map<String, Value>>)>, odoo::Error> {
    let decided = decide(sight).await?;
    Ok(decided.into_iter().find_map(|(id, decision)| match decision {
        Ok(Decision::Send { auth_data, .. }) => Some((id, auth_data)),
        _ => None,
    }))
}

/// What would be done with the first registrants, or why that is not known.
async fn decide(sight: &Sight<'_>) -> Result<Vec<(RegistrantId, Result<Decision, String>)>, odoo::Error> {
    let Sight { registry, connector, limit, seal, rules, jail, now } = *sight;
    let page = registry.page(connector, 0, limit, None).await?;
    let found = registry.read(connector, &page.ids, false).await?;
    let preparation = Preparation::new(connector, seal, rules, now);
    let fresh = |registrant: Registrant| {
        let key = RecordKey { token_type: connector.token_type, registrant: registrant.id };
        (Record::admitted(key, connector.id, RunId::NONE, now), registrant)
    };
    let found: Vec<(Record, Registrant)> = found.into_iter().map(fresh).collect();
    let pairs = found.iter().map(|(record, registrant)| (record, registrant));
    let mut shaping = input_format::run(jail, &preparation, pairs.collect()).await;
    let untouched: HashSet<RegistrantId> = shaping.untouched().collect();
    let why =
        shaping.stopped.map_or("the input format took too long on those before".to_owned(), |stop| stop.to_string());
    let decided = found.into_iter().map(|(record, registrant)| {
        let id = registrant.id;
        if untouched.contains(&id) {
            return (id, Err(why.clone()));
        }
        (id, Ok(preparation.decide(&record, Some(registrant), shaping.take(id))))
    });
    Ok(decided.collect())
}

fn line(registrant: RegistrantId, verdict: &str, reason: &str) -> PreviewLine {
    PreviewLine { registrant, verdict: verdict.to_owned(), reason: reason.to_owned(), auth_data: Vec::new() }
}

fn told(registrant: RegistrantId, decision: Decision) -> PreviewLine {
    let line = |verdict: &str, reason: &str| line(registrant, verdict, reason);
    match decision {
        Decision::Leave => line("leave", "holds a token, or has no VID"),
        Decision::Unchanged { .. } => line("leave", "refused before"),
        Decision::Refuse { code, .. } => line(code.as_str(), &format!("{} {}", code.reason(), code.remedy())),
        Decision::Send { auth_data, doubt, .. } => {
            // The reason that a refusal would have.
            let warning = doubt.map(|doubt| format!("Sent all the same: {}", doubt.code().reason()));
            PreviewLine { auth_data: masked(auth_data.expose(), ""), ..line("send", &warning.unwrap_or_default()) }
        }
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
        ' ' | '-' | '\'' | '/' | '.' | ',' | '+' | '@' => c,
        _ => '?',
    };
    text.chars().take(SHOWN).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_shown_and_nothing_else() {
        assert_eq!(mask("Zoë O'Neill 2045"), "xxx x'xxxxx 9999");
        assert_eq!(mask("1990/01/31"), "9999/99/99");
    }
}
