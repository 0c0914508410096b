//! `omc store check|reset`.

use clap::Subcommand;
use serde_json::json;

use super::exit::Exit;
use crate::config::Config;
use crate::seal;
use crate::store::Store;
use crate::worker::definitions;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read everything in the store, and tell its health.
    Check,
    /// Start with an empty store: costs repeated work at MTS, and nothing else. The daemon must be stopped.
    Reset,
}

pub(super) fn run(config: &Config, command: &Command, json: bool) -> anyhow::Result<Exit> {
    match command {
        Command::Check => check(config, json),
        Command::Reset => reset(config, json),
    }
}

fn check(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let path = config.store.path.display();
    if !Store::exists(&config.store.path) {
        let none = json!({"ok": true, "values": 0, "records": 0, "batches": 0, "runs": 0, "bytes": 0});
        println!("{}", if json { none.to_string() } else { format!("{path}: no store yet") });
        return Ok(Exit::Done);
    }
    let seal = seal::load(&config.store.key_file)?;
    let store = Store::open(&config.store, &seal.fingerprint())?;
    let values = store.check()?;
    let records = store.records().count();
    for (connector, sealed) in store.definitions()? {
        let opened = seal.open(&definitions::place(connector), &sealed);
        opened.map_err(|error| anyhow::anyhow!("the kept definition of connector {connector}: {error}"))?;
    }
    let (batches, runs, orphaned) = (store.batches().len(), store.runs().len(), store.orphaned_batches().len());
    let (size, ok) = (store.size(), orphaned == 0);
    if json {
        println!(
            "{}",
            json!({"ok": ok, "values": values, "records": records, "batches": batches, "runs": runs, "bytes": size})
        );
    } else {
        println!("{path}: {values} values, {batches} batches, {runs} runs, {size} bytes; every value reads");
        if !ok {
            println!("{orphaned} batches are awaited and not there; the daemon sends their records again");
        }
    }
    Ok(if ok { Exit::Done } else { Exit::Failed })
}

fn reset(config: &Config, json: bool) -> anyhow::Result<Exit> {
    Store::reset(&config.store.path)?;
    let path = config.store.path.display();
    if json {
        println!("{}", json!({"ok": true}));
    } else {
        println!("{path}: empty now. Odoo keeps every VID without a token, so the work is done again from there.");
    }
    Ok(Exit::Done)
}
