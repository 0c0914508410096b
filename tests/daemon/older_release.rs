//! MTS 1.0.1: no callbacks, and a 500 for the whole request where one record is beyond it.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

const PEOPLE: u32 = 80;

async fn world() -> World {
    let mut world =
        World::start(Setup { registrants: PEOPLE, invalid_percent: 0, release: "1.0.1", ..Setup::default() }).await;
    world.configuration.set("submit.batch_size", "64");
    world.odoo.write("omc.connector", 1, json!({"delivery_type": "download"})).await;
    world
}

/// Somebody in the middle, with a VID that MTS fails on.
async fn guilty(world: &World) -> (u64, String) {
    let domain = json!([["is_registrant", "=", true], ["is_group", "=", false], ["reg_ids.id_type", "=", 1]]);
    let people = world.odoo.search_read("res.partner", domain, &["given_name"]).await;
    let person = number(&people[31], "id");
    (person, world.odoo.ids_of(person, 1).await.remove(0))
}

async fn missing(world: &World) -> u64 {
    number(&world.odoo.state().await, "missing_tokens")
}

async fn not_taken(daemon: &Daemon) -> f64 {
    daemon.metric("omc_submit_failures_total{result=\"not_taken\"}").await
}

/// The line of those whom MTS fails on alone.
async fn found_out(daemon: &Daemon) -> Value {
    let failed: Value = serde_json::from_str(&daemon.admin("/failed").await.1).unwrap();
    let lines = failed["failed"].as_array().unwrap();
    lines.iter().find(|line| line["code"] == "OMC-SEND-001").cloned().unwrap_or_default()
}

/// Mapped by OMC itself: no entry with a dot, no part that is missing and no value that is no text comes before this release.
#[tokio::test]
async fn what_would_fail_its_requests_never_gets_there() {
    let world = world().await;
    let mapping = json!({"vid": "ids.vid", "name": ["who.first", "who.middle", "who.last"], "gender": "who.gender",
        "dob": "who.born", "phoneNumber": "how.phone", "emailId": "how.email", "fullAddress": ["at.street", "at.unit"]});
    let format =
        "{who: {first: .given_name, middle: null, last: .family_name, gender, born: .birthdate}, how: {phone, email},
        at: {street: .address, unit: null}, number: 5}";
    let values = json!({"mapping": mapping.to_string(), "input_format": format});
    world.odoo.write("omc.connector", 1, values).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    assert_eq!(not_taken(&daemon).await, 0.0);
}

/// The batch is halved until the one stands alone, who is refused with a reason; all others go through, and a kill in the
/// middle begins nothing anew.
#[tokio::test]
async fn a_record_that_fails_its_batch_is_found_out_across_a_restart() {
    let mut world = world().await;
    world.configuration.set("retry.attempts", "4");
    let (person, vid) = guilty(&world).await;
    world.mts_faults(json!({"poison": vid})).await;
    let mut daemon = Daemon::start(&world.configuration).await;
    eventually("it is halved", async || not_taken(&daemon).await, |failures| *failures >= 3.0).await;
    let before = not_taken(&daemon).await;
    daemon.process.signal(Signal::KILL);
    daemon.process.ended(Duration::from_secs(10)).await;

    let daemon = Daemon::start(&world.configuration).await;
    eventually("all but one have their token", async || missing(&world).await, |missing| *missing == 1).await;
    let line = eventually("the one is refused", || found_out(&daemon), Value::is_object).await;
    assert_eq!(line["registrants"], json!([person]), "{line}");
    assert!(line["reason"].as_str().unwrap().contains("even when it is sent alone"), "{line}");
    let ended = daemon.connector(1).await["records"].clone();
    assert_eq!((number(&ended, "pending"), number(&ended, "abandoned")), (0, 0), "{ended}");
    // Of 64: six halvings till it stands alone, and four failures of its own; a few more while the kill lost an answer.
    let failures = before + not_taken(&daemon).await;
    assert!((10.0..=16.0).contains(&failures), "{failures} requests failed");
    let told = async || world.odoo.search_read("omc.rejection", json!([["partner_id", "=", person]]), &["code"]).await;
    let told = eventually("Odoo shows it", told, |rows| !rows.is_empty()).await;
    assert_eq!(told[0]["code"], "OMC-SEND-001");

    // Refused it stays, until something about the person changes.
    world.mts_faults(json!({"poison": ""})).await;
    let (status, _) = daemon.admin("/status").await;
    assert_eq!((status, missing(&world).await), (200, 1));
    world.odoo.write("res.partner", person, json!({"given_name": "Corrected"})).await;
    let run = world.configuration.command(&["run", "1", "--wait"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    world.all_tokens_are_there().await;
}

/// While it fails on everything nobody is to blame, however often the daemon starts anew meanwhile.
#[tokio::test]
async fn an_outage_of_500s_refuses_nobody_across_restarts() {
    let mut world = world().await;
    world.configuration.set("retry.attempts", "2");
    world.mts_faults(json!({"broken_rate": 1})).await;
    for _ in 0..3 {
        let daemon = Daemon::start(&world.configuration).await;
        eventually("it fails and fails", async || not_taken(&daemon).await, |failures| *failures >= 20.0).await;
        let records = daemon.connector(1).await["records"].clone();
        assert_eq!((number(&records, "abandoned"), number(&records, "rejected")), (0, 0), "{records}");
        daemon.stop().await;
    }
    world.faults_off().await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!((number(&records, "abandoned"), found_out(&daemon).await), (0, Value::Null), "{records}");
}
