//! `omc connectors`: what Odoo defines, read afresh.

use serde_json::json;

use super::exit::Exit;
use super::table;
use crate::app;
use crate::config::Config;
use crate::domain::timetable::Timetable;
use crate::worker::definitions::Judgement;

pub(super) async fn run(config: Config, json: bool) -> anyhow::Result<Exit> {
    let reading = app::check::definitions(&config).await?;
    let rows: Vec<[String; 6]> = reading
        .connectors
        .iter()
        .map(|found| {
            let dash = || "-".to_owned();
            match &found.judgement {
                Judgement::Right(connector) => [
                    found.id.to_string(),
                    found.name.clone(),
                    format!("{:?}", connector.activity).to_lowercase(),
                    match &connector.timetable {
                        Timetable::Every { minutes } => format!("every {minutes} min"),
                        Timetable::Cron { expression, zone } => format!("{expression} ({zone})"),
                        Timetable::Once => "once".to_owned(),
                    },
                    connector.mts_url.to_string(),
                    dash(),
                ],
                Judgement::Wrong(problems) => [
                    found.id.to_string(),
                    found.name.clone(),
                    "wrong".to_owned(),
                    dash(),
                    dash(),
                    problems.len().to_string(),
                ],
                Judgement::Archived => {
                    [found.id.to_string(), found.name.clone(), "archived".to_owned(), dash(), dash(), dash()]
                }
            }
        })
        .collect();
    if json {
        let keys = ["id", "name", "state", "schedule", "mts_url", "problems"];
        let objects: Vec<serde_json::Value> = rows
            .iter()
            .map(|row| keys.iter().zip(row).map(|(key, cell)| ((*key).to_owned(), json!(cell))).collect())
            .collect();
        println!("{}", json!({ "connectors": objects }));
    } else {
        let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
        print!("{}", table::lines(&["ID", "NAME", "STATE", "SCHEDULE", "MTS", "PROBLEMS"], &rows));
    }
    Ok(Exit::Done)
}
