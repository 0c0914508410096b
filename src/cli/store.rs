//! `omc store check|rekey|reset`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::Exit;
use crate::app::Foundation;
use crate::config::Config;
use crate::seal;
use crate::store::Store;
use crate::worker::definitions;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read everything in the store, and tell its health.
    Check,
    /// Make a new key, and bring the store under it. The daemon must be stopped.
    Rekey(RekeyArguments),
    /// Start with an empty store: costs repeated work at MTS, and nothing else. The daemon must be stopped.
    Reset,
}

#[derive(Debug, Args)]
pub(super) struct RekeyArguments {
    /// Believe nothing any more that was made with the old key: for a key that somebody else may have. What MTS was sent is asked
    /// for again.
    #[arg(long)]
    discard_old: bool,
}

pub(super) fn run(config: &Config, command: &Command, json: bool) -> anyhow::Result<Exit> {
    match command {
        Command::Check => check(config, json),
        Command::Rekey(arguments) => rekey(config, arguments, json),
        Command::Reset => reset(config, json),
    }
}

fn check(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let path = config.store.path.display();
    if !Store::exists(&config.store.path) {
        let none = json!({"ok": true, "values": 0, "records": 0, "batches": 0, "runs": 0, "bytes": 0, "keys": 0});
        println!("{}", if json { none.to_string() } else { format!("{path}: no store yet") });
        return Ok(Exit::Done);
    }
    let seal = seal::load(&config.store.key_file)?;
    let store = Store::open(&config.store, &seal.fingerprints())?;
    let values = store.check()?;
    let records = store.records().count();
    for (connector, sealed) in store.definitions()? {
        let opened = definitions::open(&seal, connector, &sealed);
        opened.map_err(|error| anyhow::anyhow!("the kept definition of connector {connector}: {error}"))?;
    }
    let (batches, runs, orphaned) = (store.batches().len(), store.runs().len(), store.orphaned_batches().len());
    let (size, ok, keys) = (store.size(), orphaned == 0, seal.keys().len());
    if json {
        println!(
            "{}",
            json!({"ok": ok, "values": values, "records": records, "batches": batches, "runs": runs, "bytes": size,
                   "keys": keys})
        );
    } else {
        println!("{path}: {values} values, {batches} batches, {runs} runs, {size} bytes; every value reads");
        if keys > 1 {
            println!("{keys} keys are in the key file: something goes by those of before still");
        }
        if !ok {
            println!("{orphaned} batches are awaited and not there; the daemon sends their records again");
        }
    }
    Ok(if ok { Exit::Done } else { Exit::Failed })
}

fn rekey(config: &Config, arguments: &RekeyArguments, json: bool) -> anyhow::Result<Exit> {
    // Before anything of the store is touched, which would be another account's then as well.
    seal::must_be_ours(&config.store.key_file)?;
    let foundation = Foundation::open(config)?;
    let (rekeyed, what) = match foundation.caught_up {
        // The one that was cut short was this.
        Some(caught_up) if !arguments.discard_old => {
            (caught_up, "the change to the newest key is finished; for another one give the command again")
        }
        _ => (foundation.rekey(config, arguments.discard_old)?, "a new key"),
    };
    let key_file = config.store.key_file.display();
    if json {
        let (records, asked_again) = (rekeyed.records, rekeyed.asked_again);
        println!("{}", json!({"ok": true, "records": records, "asked_again": asked_again, "keys": rekeyed.keys}));
        return Ok(Exit::Done);
    }
    println!("{key_file}: {what}; {} records were gone through. Back the file up again.", rekeyed.records);
    if rekeyed.keys > 1 {
        println!("Keys of before stay in it for as long as anything goes by them ({} in all).", rekeyed.keys);
    }
    if arguments.discard_old {
        println!("No key of before counts any more; {} records are asked for again.", rekeyed.asked_again);
    }
    Ok(Exit::Done)
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
