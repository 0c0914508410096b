//! `omc store check|reset`.

use clap::Subcommand;
use serde_json::json;

use super::exit::Exit;
use crate::config::Config;
use crate::seal;
use crate::store::Store;

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
    if !config.store.path.exists() {
        println!("{}", if json { json!({"ok": true, "records": 0}).to_string() } else { format!("{path}: no store yet") });
        return Ok(Exit::Done);
    }
    let seal = seal::load_or_make(&config.store.key_file)?;
    let store = Store::open(&config.store, &seal.fingerprint())?;
    let mut records = 0_u64;
    for record in store.records() {
        record?;
        records += 1;
    }
    let (batches, runs) = (store.batches().len(), store.runs().len());
    let (orphaned, size) = (store.orphaned_batches().len(), store.size());
    if json {
        println!("{}", json!({"ok": orphaned == 0, "records": records, "batches": batches, "runs": runs, "bytes": size}));
    } else {
        println!("{path}: {records} records, {batches} batches, {runs} runs, {size} bytes; every value reads");
    }
    Ok(if orphaned == 0 { Exit::Done } else { Exit::Failed })
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
