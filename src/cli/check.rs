//! `omc check`.

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use crate::app;
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Besides, have MTS ask MOSIP twice about the first registrant that this connector would send, and compare the tokens.
    #[arg(long, value_name = "CONNECTOR")]
    tokens: Option<String>,
}

pub(super) async fn run(config: Config, arguments: &Arguments, json: bool) -> anyhow::Result<Exit> {
    let mut lines = app::check::all(&config).await;
    if let Some(connector) = &arguments.tokens {
        lines.push(app::check::tokens(&config, connector, &lines).await);
    }
    let good = lines.iter().all(|line| line.good);
    if json {
        let lines: Vec<_> =
            lines.iter().map(|line| json!({"what": line.what, "ok": line.good, "text": line.text})).collect();
        println!("{}", json!({ "ok": good, "checks": lines }));
    } else {
        for line in &lines {
            println!("{:<6} {}: {}", if line.good { "ok" } else { "FAILED" }, line.what, line.text);
        }
    }
    Ok(if good { Exit::Done } else { Exit::Failed })
}
