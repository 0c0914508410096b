//! The simulators, each a process of its own.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::Arguments;

/// Making 2,000,000 people takes its time.
const START: Duration = Duration::from_secs(120);

/// A simulator that ends with this process: it is killed when dropped, and stops by itself when its standard input closes.
pub(super) struct Child {
    pub url: String,
    _process: tokio::process::Child,
}

impl Child {
    pub async fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the omc program itself")?;
        let mut process = Command::new(program)
            .args(arguments)
            .arg("--with-parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a simulator")?;
        let stdout = process.stdout.take().context("the simulator has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START, lines.next_line()).await.context("the simulator does not start")??;
        let told: Value = serde_json::from_str(&line.unwrap_or_default()).unwrap_or_default();
        let Some(url) = told["listening"].as_str() else { bail!("the simulator did not start") };
        Ok(Self { url: url.to_owned(), _process: process })
    }
}

/// The simulated Odoo.
pub(super) struct Registry {
    pub child: Child,
    http: reqwest::Client,
}

impl Registry {
    pub async fn start(arguments: &Arguments, mts_url: &str) -> anyhow::Result<Self> {
        let (registrants, seed) = (arguments.registrants.to_string(), arguments.seed.to_string());
        let invalid_percent = arguments.invalid_percent.to_string();
        let child = Child::start(&[
            "simulate",
            "odoo",
            "--listen",
            "127.0.0.1:0",
            "--registrants",
            &registrants,
            "--seed",
            &seed,
            "--invalid-percent",
            &invalid_percent,
            "--mts-url",
            mts_url,
        ])
        .await?;
        let http = reqwest::Client::builder().no_proxy().timeout(START).build()?;
        Ok(Self { child, http })
    }

    /// The registry as it is, seen from outside.
    pub async fn state(&self) -> anyhow::Result<Value> {
        let response = self.http.get(format!("{}/_sim/state", self.child.url)).send().await?;
        #[expect(clippy::disallowed_methods, reason = "the answer of our own child process")]
        let state = response.json().await?;
        Ok(state)
    }
}
