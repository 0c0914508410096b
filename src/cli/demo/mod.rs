//! `omc demo`: the whole job on this machine. Both simulators run as processes of their own, and the daemon's own code works
//! between them over loopback HTTP.

mod children;
mod summary;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::exit::Exit;
use crate::app::{self, Foundation, Running, telemetry};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::domain::span::Span;
use children::{Child, Registry};
use summary::Summary;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many people the registry holds.
    #[arg(long, default_value_t = 5000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    registrants: u32,
    /// The share of them with a trouble, in percent.
    #[arg(long, default_value_t = 20, value_name = "P", value_parser = clap::value_parser!(u8).range(0..=100))]
    invalid_percent: u8,
    /// Another seed, other people.
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Leave everything up until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

/// Without any progress for so long, the demo has failed.
const STUCK: Duration = Duration::from_secs(90);

pub(super) async fn run(arguments: Arguments, json: bool) -> anyhow::Result<Exit> {
    let log = crate::config::LogConfig { level: "warn".to_owned(), format: crate::config::LogFormat::Text };
    telemetry::init(&log)?;
    let folder = tempfile::tempdir().context("cannot make a folder for the demo's store")?;
    let mts = Child::start(&["simulate", "mts", "--listen", "127.0.0.1:0"]).await?;
    let registry = Registry::start(&arguments, &mts.url).await?;
    let before = registry.state().await?;
    let config = config(&registry, folder.path())?;
    let foundation = Foundation::open(&config)?;
    let running = app::start(config, foundation, Arc::new(SystemClock), telemetry::metrics()).await?;

    let settled = follow(&running, arguments.registrants).await;
    let after = registry.state().await?;
    let summary = Summary::make(&running.app, &before, &after, settled.is_ok());
    summary.print(json);
    if let Err(error) = settled {
        eprintln!("omc: {error:#}");
    }
    if arguments.keep {
        eprintln!(
            "Odoo {} (database omc, user admin, password admin), MTS {}, OMC's admin listener http://{}; Ctrl-C ends it",
            registry.child.url, mts.url, running.admin
        );
        tokio::signal::ctrl_c().await?;
    }
    running.shut_down(Duration::from_secs(10), true).await;
    Ok(if summary.ok { Exit::Done } else { Exit::Failed })
}

fn config(registry: &Registry, folder: &std::path::Path) -> anyhow::Result<Config> {
    let mut config = Config::default();
    config.odoo.url = Some(registry.child.url.parse()?);
    config.odoo.database = "omc".to_owned();
    config.odoo.username = "admin".to_owned();
    config.odoo.password = Some("admin".into());
    config.odoo.poll_interval = Span::from_secs(1);
    config.callback.listen.set_port(0);
    config.admin.listen.set_port(0);
    config.admin.token_file = folder.join("admin-token");
    config.store.path = folder.join("store");
    config.store.key_file = folder.join("key");
    config.reconcile.interval = Span::from_secs(2);
    config.reconcile.callback_grace = Span::from_secs(10);
    Ok(config)
}

/// Shows progress until nothing is left to do.
async fn follow(running: &Running, registrants: u32) -> anyhow::Result<()> {
    let app = &running.app;
    let bar = ProgressBar::new(u64::from(registrants));
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let terminal = std::io::stderr().is_terminal();
    let (mut seen, mut moved, mut said) = ((0, 0, 0), Instant::now(), Instant::now());
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let runs = app.worker.store.runs();
        let found: u64 = runs.iter().map(|run| run.counters.found).sum();
        let open: u64 = app.worker.store.all_counts().iter().map(|(_, counts)| counts.open()).sum();
        let written = app.worker.tally.tokens_written();
        let progress = (found, open, written);
        if progress != seen {
            (seen, moved) = (progress, Instant::now());
        }
        bar.set_length(found.max(1));
        bar.set_position(found.saturating_sub(open));
        bar.set_message(format!("{written} tokens written"));
        if !terminal && said.elapsed() > Duration::from_secs(2) {
            said = Instant::now();
            eprintln!("{} of {found} settled, {written} tokens written", found.saturating_sub(open));
        }
        let cleaned = app.clean_ups.load(Ordering::Relaxed) > 0;
        let pulled = runs.iter().any(|run| run.is_over()) && runs.iter().all(|run| run.is_over());
        if cleaned && pulled && open == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        if moved.elapsed() > STUCK {
            bar.finish_and_clear();
            let troubles = app.worker.breakers.troubles();
            bail!("nothing moves any more: {open} records are under way; {troubles:?}");
        }
    }
}
