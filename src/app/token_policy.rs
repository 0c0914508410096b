//! Whether tokens tell persons apart: MOSIP gives a partner the same token for the same person, or, by its policy `random`, another one
//! at each authentication (MOSIP: policies of authentication partners, `authTokenType`). With the latter, deduplication by token has no
//! meaning, and nothing else would ever show it. So MTS is asked twice about one person.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::check::Line;
use super::{import, preview};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::connector::Connector;
use crate::domain::delivery::{Delivery, FileForm};
use crate::domain::identity::RegistrantId;
use crate::import::Stop;
use crate::intake::Answer;
use crate::jq::Jail;
use crate::mts::Row;
use crate::odoo::{self, Registry};
use crate::seal::{Personal, Seal};
use crate::worker::preview::{Sight, sample as first_to_send};

/// Registrants among whom one is looked for who would be sent.
const LOOKED_AT: u32 = 100;
/// For MTS to be through with two records.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Has MTS make two tokens of the first registrant that the connector would send, and compares them. Nothing is written anywhere.
pub async fn look(config: &Config, connector: &str) -> anyhow::Result<Line> {
    let connector = preview::find(config, connector).await?;
    let what = format!("tokens of MTS {}", connector.mts_url);
    let line = |good, text: String| Line { what: what.clone(), good, text };
    anyhow::ensure!(connector.odk().is_none(), "a connector of ODK has no registrants; name one that has");
    // Fetched, whatever the connector says: no receiver need run for it.
    let connector = Connector { delivery: Delivery::Download(FileForm::Json), ..Connector::clone(&connector) };
    let Some((registrant, auth_data)) = sample(config, &connector).await? else {
        let text = format!(
            "not known: none of the first {LOOKED_AT} registrants of connector {0} would be sent; `omc preview {0}` tells why",
            connector.id
        );
        return Ok(line(false, text));
    };
    let server = import::server(config, &connector, PATIENCE, CancellationToken::new(), Box::new(|_| {}))?;
    let id = match server.submit(vec![auth_data.clone(), auth_data.clone()], |_| Ok(())).await? {
        Ok(id) => id,
        Err(error) => return Ok(line(false, format!("not known: {error}"))),
    };
    let vid = auth_data.expose().get("vid").and_then(|vid| vid.as_str()).unwrap_or_default().to_owned();
    // A token without a VID is nobody's.
    let is_own = |row: &Row| row.vid.as_ref().map_or(row.token.is_none(), |held| held.expose().trim() == vid);
    let fits = |rows: &[Row]| rows.iter().all(is_own);
    let rows = match server.collect(&id, 2, fits).await {
        Ok(Some(rows)) => rows,
        Ok(None) => return Ok(line(false, "not known: the results were lost on the way; try again".to_owned())),
        // What a stuck import is told, that it goes on, is not true of this.
        Err(Stop::Stuck { trouble, .. }) => {
            let minutes = PATIENCE.as_secs() / 60;
            return Ok(line(false, format!("not known: in {minutes} minutes nothing came of it: {trouble}")));
        }
        Err(stop) => return Err(stop.into()),
    };
    let (good, text) = told(registrant, rows);
    Ok(line(good, text))
}

async fn sample(
    config: &Config,
    connector: &Connector,
) -> anyhow::Result<Option<(RegistrantId, Personal<serde_json::Map<String, serde_json::Value>>)>> {
    let odoo = Arc::new(odoo::Client::new(&config.odoo)?);
    let registry = Registry::detect(odoo, config.odoo.connector_model, None).await?;
    let (seal, now) = (Seal::fleeting()?, SystemClock.now());
    let (registry, rules) = (&registry, config.vid.rules());
    let sight = Sight { registry, connector, limit: LOOKED_AT, seal: &seal, rules, jail: &Jail::new(), now };
    Ok(first_to_send(&sight).await?)
}

/// What two results of one person say. A token counts as in the registry's own results: old releases of MOSIP give one with an
/// authentication that failed, and it says nothing.
fn told(registrant: RegistrantId, rows: Vec<Row>) -> (bool, String) {
    let answers: Vec<Answer> =
        rows.into_iter().map(|row| Answer::of(row.status.as_deref(), row.code.as_deref(), row.token, None)).collect();
    let tokens = answers.iter().filter_map(|answer| match answer {
        Answer::Token { token, .. } => Some(token),
        Answer::Error(_) => None,
    });
    match tokens.collect::<Vec<&Personal<String>>>().as_slice() {
        [one, other] if one == other => (
            true,
            format!("registrant {registrant} was asked about twice and has one token: tokens tell persons apart"),
        ),
        [_, _] => (
            false,
            format!(
                "registrant {registrant} was asked about twice and got two tokens: MOSIP's token policy for this partner is random. \
                 Deduplication by token has no meaning with it: the same person has another token in each registration. Have \
                 MOSIP's administrators choose another authTokenType (policy or partner) for the partner's policy before anything is run"
            ),
        ),
        _ => {
            let code = answers.iter().find_map(|answer| match answer {
                Answer::Error(code) => Some(code),
                Answer::Token { .. } => None,
            });
            let why = code.map_or_else(String::new, |code| format!(" ({code}: {})", code.reason()));
            (
                false,
                format!(
                    "not known: MTS gave registrant {registrant} no token in one of two requests{why}; a VID may be for one use only, or \
                     wrong: the next try takes whom the connector's filter puts first"
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(token: &str, code: Option<&str>) -> Row {
        let personal = |text: &str| Some(Personal::new(text.to_owned()));
        let status = if code.is_some() { "error" } else { "processed" };
        Row {
            vid: personal("7000000000000001"),
            status: Some(status.to_owned()),
            token: personal(token),
            code: code.map(str::to_owned),
        }
    }

    #[test]
    fn only_tokens_that_count_are_compared() {
        let said = |rows| told(RegistrantId(4), rows);
        let (good, text) = said(vec![row("one", None), row("one", None)]);
        assert!(good && text.contains("has one token"), "{text}");
        let (good, text) = said(vec![row("one", None), row("other", None)]);
        assert!(!good && text.contains("got two tokens"), "{text}");
        // Of failed authentications, tokens differ and are the same by chance.
        for other in ["one", "other"] {
            for rows in [
                vec![row("one", Some("IDA-MLC-009")), row(other, Some("IDA-MLC-009"))],
                vec![row("one", None), row(other, Some("IDA-MLC-009"))],
            ] {
                let (good, text) = said(rows);
                assert!(!good && text.starts_with("not known") && text.contains("IDA-MLC-009"), "{text}");
            }
        }
    }
}
