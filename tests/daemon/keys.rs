//! `omc store rekey`: what is at MTS comes back, whatever happens meanwhile.

use std::time::Duration;

use omc::clock::{Clock, SystemClock};
use omc::seal::receiver::Credential;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::harness::{Chance, Daemon, Process, Setup, World, eventually, number};

/// MTS has taken everybody, and holds its callbacks back until it is let go on. The daemon runs.
async fn with_work_at_mts(authentication: &str) -> (World, Daemon, u64) {
    let mut world = World::start(Setup { registrants: 80, ..Setup::default() }).await;
    for (key, value) in [
        ("submit.batch_size", "500"),
        ("reconcile.interval", "\"60s\""),
        ("reconcile.callback_grace", "\"120s\""),
        ("reconcile.stuck_after", "\"600s\""),
    ] {
        world.configuration.set(key, value);
    }
    world.odoo.write("omc.connector", 1, json!({"callback_authtype": authentication})).await;
    world.mts_faults(json!({"delay_callbacks_ms": 10_000})).await;
    let registry = world.odoo.state().await;
    let troubles = &registry["troubles"];
    let all = number(&registry, "missing_tokens")
        + number(troubles, "refused_by_authenticator")
        + number(troubles, "token_newer_vid");
    let daemon = Daemon::start(&world.configuration).await;
    let submitted = async || daemon.metric("omc_submitted_total").await as u64;
    let at_mts = eventually("everybody is at MTS", submitted, |submitted| *submitted == all).await;
    world.mts.signal(Signal::STOP);
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!(number(&records, "submitted"), at_mts, "callbacks came already: {records}");
    (world, daemon, at_mts)
}

async fn rekey(world: &World, arguments: &[&str]) -> Value {
    let mut all = vec!["store", "rekey", "--json"];
    all.extend(arguments);
    let output = world.configuration.command(&all).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    serde_json::from_str(&output.stdout).unwrap()
}

/// Nothing is under way any more, and nobody was given up.
async fn settled(daemon: &Daemon) -> Value {
    let records = async || daemon.connector(1).await["records"].clone();
    let open =
        |records: &Value| ["pending", "submitted", "to_write"].iter().map(|state| number(records, state)).sum::<u64>();
    let settled = eventually("nothing is under way", records, |records| open(records) == 0).await;
    assert_eq!(number(&settled, "abandoned"), 0, "{settled}");
    settled
}

/// Everything that MTS held under the key of before is taken under it, and nothing was sent twice.
async fn all_of_it_came_once(world: &World, daemon: &Daemon, at_mts: u64) {
    world.mts.signal(Signal::CONT);
    world.all_tokens_are_there().await;
    settled(daemon).await;
    for metric in ["omc_answers_lost_total", "omc_callbacks_total{result=\"unauthorised\"}", "omc_submitted_total"] {
        assert_eq!(daemon.metric(metric).await, 0.0, "{metric}");
    }
    let taken = async |outcome: &str| {
        daemon.metric(&format!("omc_callback_results_total{{outcome=\"{outcome}\"}}")).await as u64
    };
    assert_eq!(taken("token").await + taken("error").await, at_mts);
    assert_eq!(number(&world.mts_state().await, "records"), at_mts);
}

async fn comes_back_under_a_new_key(authentication: &str) {
    let (world, daemon, at_mts) = with_work_at_mts(authentication).await;
    let key_file = world.configuration.get("store.key_file").to_owned();
    let running = world.configuration.command(&["store", "rekey"]).await;
    assert!(running.code == Some(1) && running.stderr.contains("in use by another OMC"), "{running:?}");
    let generation = daemon.generation();
    let bearer = world.configuration.seal().credential(Credential::Bearer, 1, generation).into_exposed();
    daemon.stop().await;

    let before = std::fs::read(&key_file).unwrap();
    let rekeyed = rekey(&world, &[]).await;
    assert_eq!((&rekeyed["asked_again"], &rekeyed["keys"]), (&json!(0), &json!(2)), "{rekeyed}");
    assert!(number(&rekeyed, "records") >= at_mts, "{rekeyed}");
    assert_ne!(std::fs::read(&key_file).unwrap(), before);
    let check = world.configuration.command(&["store", "check", "--json"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    assert_eq!(serde_json::from_str::<Value>(&check.stdout).unwrap()["keys"], 2, "{check:?}");

    let daemon = Daemon::start(&world.configuration).await;
    assert_eq!(daemon.deliver(1, &bearer, "[]").await, 200, "MTS has this one still");
    let new = world.configuration.seal().credential(Credential::Bearer, 1, generation).into_exposed();
    assert_ne!(new, bearer);
    assert_eq!(daemon.deliver(1, &new, "[]").await, 200);
    all_of_it_came_once(&world, &daemon, at_mts).await;

    // Digests by the old key tell still that nothing about the refused has changed, and runs need not look at everybody.
    let run = world.configuration.command(&["run", "1", "--wait"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    settled(&daemon).await;
    assert_eq!(number(&world.mts_state().await, "records"), at_mts, "somebody refused was sent again");
    let printed = daemon.stop().await;
    let swept = |line: &&String| line.contains("run begins") && line.contains("\"full\":true");
    let full: Vec<&String> = printed.iter().filter(swept).collect();
    assert!(full.iter().all(|line| line.contains("\"trigger\":\"manual\"")), "{full:#?}");
    // The refused are under the new key since: nothing was prepared with the old one any more.
    let rekeyed = rekey(&world, &[]).await;
    assert_eq!(rekeyed["asked_again"], 0);
}

#[tokio::test]
async fn what_mts_holds_comes_back_after_a_change_of_the_key_by_bearer() {
    comes_back_under_a_new_key("staticBearer").await;
}

#[tokio::test]
async fn what_mts_holds_comes_back_after_a_change_of_the_key_by_login() {
    comes_back_under_a_new_key("odoo").await;
}

#[tokio::test]
async fn what_mts_holds_comes_back_after_a_change_of_the_key_by_access_token() {
    comes_back_under_a_new_key("oauth").await;
}

#[tokio::test]
async fn a_change_of_the_key_may_be_killed_at_any_moment() {
    let mut chance = Chance::seeded();
    let (world, mut daemon, at_mts) = with_work_at_mts("staticBearer").await;
    daemon.process.kill().await;
    let began = Instant::now();
    rekey(&world, &[]).await;
    let whole = u64::try_from(began.elapsed().as_millis()).unwrap();
    let path = world.configuration.path();
    let mut keys = std::collections::BTreeSet::new();
    let (mut cut_short, kills) = (0, 12);
    for _ in 0..kills {
        let mut process = Process::start(&["store", "rekey", "--config", path.to_str().unwrap()]);
        sleep(chance.millis(1, whole.max(2) * 5 / 4)).await;
        cut_short += u32::from(process.is_running());
        if process.is_running() {
            process.kill().await;
        } else {
            process.ended(Duration::from_secs(1)).await;
        }
        // It opens, whole.
        let check = world.configuration.command(&["store", "check", "--json"]).await;
        assert_eq!(check.code, Some(0), "{check:?}");
        keys.insert(std::fs::read(world.configuration.get("store.key_file")).unwrap());
    }
    println!("{cut_short} of {kills} were killed within {whole} ms; {} key files were seen", keys.len());
    assert!(cut_short > 0, "all came too late");
    let daemon = Daemon::start(&world.configuration).await;
    all_of_it_came_once(&world, &daemon, at_mts).await;
}

#[tokio::test]
async fn a_discarded_key_opens_no_door_and_everything_is_asked_for_again() {
    let (world, daemon, at_mts) = with_work_at_mts("staticBearer").await;
    let bearer = world.configuration.seal().credential(Credential::Bearer, 1, daemon.generation()).into_exposed();
    daemon.stop().await;
    let rekeyed = rekey(&world, &["--discard-old"]).await;
    assert_eq!(rekeyed["keys"], 1, "{rekeyed}");
    assert!(number(&rekeyed, "asked_again") >= at_mts, "{rekeyed}");
    let daemon = Daemon::start(&world.configuration).await;
    assert_eq!(daemon.deliver(1, &bearer, "[]").await, 401);
    world.mts.signal(Signal::CONT);
    world.mts_faults(json!({"delay_callbacks_ms": 0})).await;
    world.all_tokens_are_there().await;
    settled(&daemon).await;
    let sent = number(&world.mts_state().await, "records");
    assert!(sent >= 2 * at_mts, "{at_mts} at first, {sent} in all");
}

/// With a store that is new, and a key that is not: what MTS or a thief kept from before is worth nothing.
#[tokio::test]
async fn credentials_of_before_a_reset_are_not_good_again() {
    let world = World::start(Setup { registrants: 5, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    let first = daemon.generation();
    let bearer = |generation| world.configuration.seal().credential(Credential::Bearer, 1, generation).into_exposed();
    let old = bearer(first);
    assert_eq!(daemon.deliver(1, &old, "[]").await, 200);
    daemon.stop().await;
    let second = async || SystemClock.now().timestamp();
    eventually("it is another second", second, |second| *second > i64::from(first)).await;
    let reset = async || assert_eq!(world.configuration.command(&["store", "reset"]).await.code, Some(0));
    reset().await;
    let daemon = Daemon::start(&world.configuration).await;
    assert!(daemon.generation() > first);
    assert_eq!(daemon.deliver(1, &old, "[]").await, 401);
    let stolen = bearer(daemon.generation());
    assert_eq!(daemon.deliver(1, &stolen, "[]").await, 200);
    daemon.stop().await;
    // Where the key itself was stolen: another key, and nothing left of what was made with the old one.
    rekey(&world, &["--discard-old"]).await;
    reset().await;
    let daemon = Daemon::start(&world.configuration).await;
    assert_eq!(daemon.deliver(1, &stolen, "[]").await, 401);
    assert_eq!(daemon.deliver(1, &bearer(daemon.generation()), "[]").await, 200);
    daemon.stop().await;
}

/// As root, say: the daemon could not read what it makes.
#[tokio::test]
async fn another_accounts_key_is_left_alone() {
    if !rustix::process::geteuid().is_root() {
        println!("only root can give files away; left out");
        return;
    }
    let world = World::start(Setup { registrants: 5, ..Setup::default() }).await;
    Daemon::start(&world.configuration).await.stop().await;
    let key_file = world.configuration.get("store.key_file").to_owned();
    std::os::unix::fs::chown(&key_file, Some(12345), None).unwrap();
    let before = std::fs::read(&key_file).unwrap();
    let output = world.configuration.command(&["store", "rekey"]).await;
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(output.stderr.contains("another account (uid 12345)"), "{output:?}");
    assert_eq!(std::fs::read(&key_file).unwrap(), before);
}
