//! `omc preview`: a dry run.

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::table;
use crate::app::preview;
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Odoo id or unique name.
    connector: String,
    /// Registrants to look at.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

pub(super) async fn run(config: Config, arguments: &Arguments, json: bool) -> anyhow::Result<Exit> {
    let lines = preview::look(&config, &arguments.connector, arguments.limit).await?;
    if json {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| {
                json!({
                    "registrant": line.registrant.0, "verdict": line.verdict, "reason": line.reason,
                    "auth_data": line.auth_data,
                })
            })
            .collect();
        println!("{}", json!({ "preview": lines }));
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|line| {
            let data: Vec<String> = line.auth_data.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let text = if data.is_empty() { line.reason } else { data.join(" ") };
            vec![line.registrant.0.to_string(), line.verdict, text]
        })
        .collect();
    if rows.is_empty() {
        println!("the filter matches nobody who has a VID and no token");
    } else {
        print!("{}", table::lines(&["REGISTRANT", "VERDICT", "WHAT MTS WOULD GET, MASKED, OR WHY NOT"], &rows));
    }
    Ok(Exit::Done)
}
