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
use crate::domain::code::Code;
use crate::domain::connector::Connector;
use crate::domain::delivery::{Delivery, FileForm};
use crate::domain::identity::RegistrantId;
use crate::jq::Jail;
use crate::mts::Row;
use crate::odoo::{self, Registry};
use crate::seal::{Personal, Seal};
use crate::worker;

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
        let text =
            format!("not known: none of the first {LOOKED_AT} registrants of connector {} would be sent", connector.id);
        return Ok(line(false, text));
    };
    let server = import::server(config, &connector, PATIENCE, CancellationToken::new(), Box::new(|_| {}))?;
    let id = match server.submit(vec![auth_data.clone(), auth_data.clone()], |_| Ok(())).await? {
        Ok(id) => id,
        Err(error) => return Ok(line(false, format!("not known: {error}"))),
    };
    let vid = auth_data.expose().get("vid").and_then(|vid| vid.as_str()).unwrap_or_default().to_owned();
    let fits = |rows: &[Row]| rows.iter().all(|row| row.vid.as_ref().is_none_or(|held| held.expose().trim() == vid));
    let Some(rows) = server.collect(&id, 2, fits).await? else {
        return Ok(line(false, "not known: the results were lost on the way; try again".to_owned()));
    };
    let (good, text) = told(registrant, &rows);
    Ok(line(good, text))
}

async fn sample(
    config: &Config,
    connector: &Connector,
) -> anyhow::Result<Option<(RegistrantId, Personal<serde_json::Map<String, serde_json::Value>>)>> {
    let odoo = Arc::new(odoo::Client::new(&config.odoo)?);
    let registry = Registry::detect(odoo, config.odoo.connector_model, None).await?;
    let (seal, now) = (Seal::fleeting()?, SystemClock.now());
    Ok(worker::preview::sample(&registry, connector, LOOKED_AT, &seal, config.vid.rules(), &Jail::new(), now).await?)
}

/// What two results of one person say.
fn told(registrant: RegistrantId, rows: &[Row]) -> (bool, String) {
    let tokens: Vec<&Personal<String>> = rows.iter().filter_map(|row| row.token.as_ref()).collect();
    match tokens.as_slice() {
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
            let code = rows.iter().find_map(|row| row.code.as_deref()).map(Code::from_wire);
            let why = code.map_or_else(String::new, |code| format!(" ({code}: {})", code.reason()));
            (
                false,
                format!(
                    "not known: MTS gave registrant {registrant} no token in one of two requests{why}; a VID may be for one use only"
                ),
            )
        }
    }
}
