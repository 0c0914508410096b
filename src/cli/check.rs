//! `omc check`.

use serde_json::json;

use super::exit::Exit;
use crate::app;
use crate::config::Config;

pub(super) async fn run(config: Config, json: bool) -> anyhow::Result<Exit> {
    let lines = app::check::all(config).await;
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
