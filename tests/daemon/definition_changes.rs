//! Definitions that change while work is under way, and the last good ones while Odoo is down.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

/// Small steps, so that it can be caught in the middle.
async fn slow(setup: Setup) -> World {
    let mut world = World::start(Setup { invalid_percent: 0, ..setup }).await;
    world.configuration.set("submit.batch_size", "10").set("odoo.page_size", "10");
    world.configuration.set("reconcile.stuck_after", "\"60s\"").set("reconcile.callback_grace", "\"30s\"");
    world
}

async fn records(daemon: &Daemon, connector: u64) -> Value {
    daemon.connector(connector).await["records"].clone()
}

/// Whom the old filter left out has been passed by when the new one takes them, and nothing about them changes any more: only
/// another pass over everybody finds them.
#[tokio::test]
async fn nobody_is_missed_when_the_filter_changes_in_the_middle_of_a_run() {
    let mut world = slow(Setup { registrants: 120, record_micros: 5_000, ..Setup::default() }).await;
    world.configuration.set("submit.max_in_flight", "20");
    let everybody = world.odoo.connector(1, &["g2p_search_domain"]).await["g2p_search_domain"].clone();
    let women = json!([["is_registrant", "=", true], ["gender", "=", "Female"]]).to_string();
    world.odoo.write("omc.connector", 1, json!({"g2p_search_domain": women})).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(20).await;
    world.odoo.write("omc.connector", 1, json!({"g2p_search_domain": everybody})).await;
    let taken = async || daemon.said("definition taken");
    eventually("the new filter is taken over", taken, |taken| *taken == 2).await;
    let connector = daemon.connector(1).await;
    assert_eq!(connector["running"][0]["state"], "pulling", "it was too quick to be caught: {connector}");
    world.all_tokens_are_there().await;
    assert_eq!(number(&world.mts_state().await, "resubmitted_while_working"), 0);
}

/// Stopped while MTS holds some, and others wait to be sent: those are let go at once, for whoever takes them; the results of
/// the rest are written when they come.
#[tokio::test]
async fn a_stopped_connector_lets_go_of_who_waits_and_writes_what_mts_holds() {
    let world = slow(Setup { registrants: 200, record_micros: 5_000, ..Setup::default() }).await;
    world.mts_faults(json!({"delay_callbacks_ms": 1000})).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(20).await;
    world.mts.signal(Signal::STOP);
    let waiting = records(&daemon, 1).await;
    assert!(number(&waiting, "pending") > 0, "it was too quick to be caught: {waiting}");
    world.odoo.write("omc.connector", 1, json!({"job_status": "draft"})).await;
    let let_go = |records: &Value| number(records, "pending") == 0;
    let held = eventually("nobody waits", || records(&daemon, 1), let_go).await;
    assert!(number(&held, "submitted") > 0, "{held}");
    assert_eq!(daemon.connector(1).await["activity"], "stopped");

    world.mts.signal(Signal::CONT);
    let written = |records: &Value| number(records, "submitted") + number(records, "to_write") == 0;
    let after = eventually("what MTS held is written", || records(&daemon, 1), written).await;
    let (state, sent) = (world.odoo.state().await, number(&world.mts_state().await, "records"));
    assert_eq!(number(&state, "with_token") + number(&after, "rejected"), sent, "{state}");
    assert!(number(&state, "missing_tokens") > 0, "{state}");
    assert_eq!(number(&after, "pending"), 0, "{after}");

    let runs = || world.odoo.search_read("omc.run", json!([["connector_id", "=", 1]]), &["state", "message"]);
    let told = eventually("Odoo shows how the run ended", runs, |runs| runs[0]["state"] == "stopped").await;
    assert!(told[0]["message"].as_str().unwrap().contains("was stopped"), "{told:?}");

    let another = world.odoo.another_connector(json!({"name": "Another", "job_status": "started"})).await;
    world.all_tokens_are_there().await;
    let settled = |records: &Value| ["pending", "submitted", "to_write"].iter().all(|state| records[*state] == 0);
    eventually("nothing is under way", || records(&daemon, another), settled).await;
    assert_eq!(number(&world.mts_state().await, "resubmitted_while_working"), 0);
}

/// The daemon starts while Odoo is down and MTS still owes results: it knows whose they are, takes them, and asks nobody twice.
#[tokio::test]
async fn callbacks_are_taken_by_the_kept_definition_while_odoo_is_down() {
    let mut world = World::start(Setup { registrants: 60, invalid_percent: 0, ..Setup::default() }).await;
    world.configuration.set("reconcile.stuck_after", "\"60s\"").set("reconcile.callback_grace", "\"30s\"");
    world.mts_faults(json!({"delay_callbacks_ms": 4000})).await;
    let mut daemon = Daemon::start(&world.configuration).await;
    let all_sent = |records: &Value| records["submitted"].as_u64() >= Some(50) && records["pending"] == 0;
    let sent = number(&eventually("all are at MTS", || records(&daemon, 1), all_sent).await, "submitted");
    world.mts_has_seen(sent).await;
    // It delivers to nobody until the next start.
    world.mts.signal(Signal::STOP);
    daemon.process.kill().await;
    world.odoo.faults(json!({"refuse": true})).await;
    let daemon = Daemon::start(&world.configuration).await;
    daemon.says(&["fails; waiting", "Odoo"]).await;
    let kept = daemon.connector(1).await;
    assert_eq!((&kept["definition"], &kept["activity"]), (&json!("kept"), &json!("stopped")), "{kept}");
    assert_eq!((&kept["name"], number(&kept["records"], "submitted")), (&json!("Demo registrants"), sent), "{kept}");
    let run = world.configuration.command(&["run", "1"]).await;
    assert!(run.code == Some(1) && run.stderr.contains("Odoo has not been heard"), "{run:?}");

    world.mts.signal(Signal::CONT);
    let taken = |records: &Value| number(records, "submitted") == 0;
    let results = eventually("the results are taken", || records(&daemon, 1), taken).await;
    assert_eq!(number(&results, "to_write") + number(&results, "rejected"), sent, "{results}");
    assert!(number(&results, "to_write") > 0, "{results}");
    world.odoo.faults(json!({})).await;
    world.all_tokens_are_there().await;
    assert_eq!(number(&world.mts_state().await, "records"), sent, "somebody was asked for twice");
    let current = async || daemon.connector(1).await["definition"].clone();
    eventually("Odoo's word counts again", current, |definition| definition == "current").await;
}
