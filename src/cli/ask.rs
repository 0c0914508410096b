//! Commands that ask the running daemon: the store has one owner.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use super::exit::Exit;
use super::table;
use crate::config::Config;
use crate::seal::Personal;

/// The daemon answers at once; what takes longer is in trouble.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Odoo id or unique name.
    connector: String,
    /// Follow the run to its end.
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Args)]
pub(super) struct FailedArguments {
    /// Odoo id or unique name; all connectors if left out.
    connector: Option<String>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["codes", "all"]))]
pub(super) struct RequeueArguments {
    /// Odoo id or unique name.
    connector: String,
    /// Only records refused with this code; may be repeated.
    #[arg(long = "code", value_name = "CODE")]
    codes: Vec<String>,
    /// Whatever the code.
    #[arg(long, conflicts_with = "codes")]
    all: bool,
}

/// The admin listener of the running daemon.
pub(super) struct Daemon {
    http: reqwest::Client,
    base: String,
    token: Personal<String>,
}

impl Daemon {
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let path = &config.admin.token_file;
        let token = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read {} (admin.token_file); does the daemon run, and may you read its files?",
                path.display()
            )
        })?;
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self {
            http,
            base: format!("http://{}", config.admin.listen),
            token: Personal::new(token.trim().to_owned()),
        })
    }

    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("the daemon does not answer at {} (admin.listen); does it run?", self.base))?;
        let failed = !response.status().is_success();
        #[expect(clippy::disallowed_methods, reason = "the answer of our own daemon on loopback")]
        let answer: Value = response.json().await.context("the daemon's answer cannot be read")?;
        if failed {
            bail!("{}", answer["error"].as_str().unwrap_or("the daemon refuses, without a reason"));
        }
        Ok(answer)
    }
}

pub(super) async fn status(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let status = Daemon::new(config)?.ask(Method::GET, "/status", None).await?;
    if json {
        println!("{status}");
        return Ok(Exit::Done);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), str::to_owned);
    let rows: Vec<Vec<String>> = entries(&status["connectors"])
        .map(|connector| {
            let records = &connector["records"];
            let run = connector["running"].as_array().and_then(|runs| runs.last());
            vec![
                connector["id"].to_string(),
                text(&connector["name"]),
                text(&connector["definition"]),
                text(&connector["activity"]),
                records["pending"].to_string(),
                records["submitted"].to_string(),
                records["to_write"].to_string(),
                records["rejected"].to_string(),
                records["abandoned"].to_string(),
                run.map_or_else(|| "-".to_owned(), progress),
                text(&connector["next_run"]),
            ]
        })
        .collect();
    let header = [
        "ID",
        "NAME",
        "DEFINITION",
        "ACTIVITY",
        "PENDING",
        "AT MTS",
        "TO WRITE",
        "REJECTED",
        "ABANDONED",
        "RUN",
        "NEXT RUN",
    ];
    print!("{}", table::lines(&header, &rows));
    for connector in entries(&status["connectors"]) {
        for problem in entries(&connector["problems"]) {
            println!("{}: {}", text(&connector["name"]), text(problem));
        }
    }
    for trouble in entries(&status["troubles"]) {
        println!("{}: {}", text(&trouble[0]), text(&trouble[1]));
    }
    println!(
        "written since the start: {} tokens, {} VIDs removed, {} swept",
        status["tokens_written"], status["vids_cleared"], status["vids_swept"]
    );
    Ok(Exit::Done)
}

fn entries(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn progress(run: &Value) -> String {
    let number = |key: &str| run[key].as_u64().unwrap_or(0);
    let more = if run["pulling"] == json!(true) { "+" } else { "" };
    format!("{} of {}{more}", number("found") - number("open"), number("found"))
}

pub(super) async fn run(config: &Config, arguments: &RunArguments, json: bool) -> anyhow::Result<Exit> {
    let daemon = Daemon::new(config)?;
    let started = daemon.ask(Method::POST, "/runs", Some(json!({ "connector": arguments.connector }))).await?;
    let id = started["run"].as_u64().context("the daemon gave no run")?;
    let run = if arguments.wait {
        follow(&daemon, id).await?
    } else {
        daemon.ask(Method::GET, &format!("/runs/{id}"), None).await?
    };
    if json {
        println!("{run}");
    } else if arguments.wait {
        println!(
            "run {id} {}: {} found, {} tokens, {} rejected, {} abandoned, {} left",
            run["state"].as_str().unwrap_or("ended"),
            run["found"],
            run["tokens"],
            run["rejected"],
            run["abandoned"],
            run["left"],
        );
    } else {
        println!("run {id} begins; `omc status` shows it");
    }
    let stopped = run["state"] == json!("stopped");
    Ok(if arguments.wait && stopped { Exit::Failed } else { Exit::Done })
}

async fn follow(daemon: &Daemon, id: u64) -> anyhow::Result<Value> {
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let terminal = std::io::stderr().is_terminal();
    let mut said = String::new();
    loop {
        let run = daemon.ask(Method::GET, &format!("/runs/{id}"), None).await?;
        let number = |key: &str| run[key].as_u64().unwrap_or(0);
        bar.set_length(number("found"));
        bar.set_position(number("found") - number("open"));
        bar.set_message(format!("{} tokens, {} rejected", number("tokens"), number("rejected")));
        if !terminal && said != progress(&run) {
            said = progress(&run);
            eprintln!("run {id}: {said}");
        }
        if !run["ended_at"].is_null() {
            bar.finish_and_clear();
            return Ok(run);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

pub(super) async fn failed(config: &Config, arguments: &FailedArguments, json: bool) -> anyhow::Result<Exit> {
    let query = arguments.connector.as_ref().map_or(String::new(), |connector| {
        let encoded: String = url::form_urlencoded::byte_serialize(connector.as_bytes()).collect();
        format!("?connector={encoded}")
    });
    let answer = Daemon::new(config)?.ask(Method::GET, &format!("/failed{query}"), None).await?;
    if json {
        println!("{answer}");
        return Ok(Exit::Done);
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows: Vec<Vec<String>> = entries(&answer["failed"])
        .map(|line| {
            let some: Vec<String> = entries(&line["registrants"]).take(5).map(Value::to_string).collect();
            let count = line["count"].as_u64().unwrap_or(0);
            let more = if count > some.len() as u64 { ", ..." } else { "" };
            vec![
                line["connector"].to_string(),
                text(&line["code"]),
                text(&line["state"]),
                count.to_string(),
                format!("{}{more}", some.join(", ")),
                format!("{} {}", text(&line["reason"]), text(&line["remedy"])),
            ]
        })
        .collect();
    if rows.is_empty() {
        println!("nothing is refused or given up");
    } else {
        print!(
            "{}",
            table::lines(&["CONNECTOR", "CODE", "STATE", "COUNT", "REGISTRANTS", "WHY, AND WHAT TO DO"], &rows)
        );
    }
    Ok(Exit::Done)
}

pub(super) async fn requeue(config: &Config, arguments: &RequeueArguments, json: bool) -> anyhow::Result<Exit> {
    let body = json!({ "connector": arguments.connector, "codes": arguments.codes });
    let answer = Daemon::new(config)?.ask(Method::POST, "/requeue", Some(body)).await?;
    if json {
        println!("{answer}");
    } else {
        println!("{} records are opened again", answer["requeued"]);
    }
    Ok(Exit::Done)
}
