//! An MTS that fails for everybody, for one, or for what is too much at once, and callbacks that never come.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

/// Registrants without a trouble, all in one batch where nothing is in the way.
async fn healthy(registrants: u32) -> World {
    World::start(Setup { registrants, invalid_percent: 0, ..Setup::default() }).await
}

/// What the daemon says is the matter with a remote; null if nothing is.
async fn trouble(daemon: &Daemon, remote: &str) -> Value {
    let status = daemon.status().await;
    let found = status["troubles"].as_array().unwrap().iter().find(|trouble| trouble[0] == remote);
    found.map_or(Value::Null, |trouble| trouble[1].clone())
}

async fn is_up(daemon: &Daemon, remote: &str) -> f64 {
    daemon.metric(&format!("omc_remote_up{{remote=\"{remote}\"}}")).await
}

async fn last_error(world: &World) -> Value {
    world.odoo.connector(1, &["last_error"]).await["last_error"].clone()
}

/// Lines of the log that hold this, read.
fn logged(daemon: &Daemon, part: &str) -> Vec<Value> {
    let lines = daemon.process.stderr.all();
    lines.iter().filter(|line| line.contains(part)).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn time(line: &Value) -> DateTime<Utc> {
    line["timestamp"].as_str().unwrap().parse().unwrap()
}

/// Alone, it cannot be told from the one that MTS fails on: only what MTS takes of others could tell.
#[tokio::test]
async fn an_outage_of_500s_does_not_abandon_the_only_record() {
    let world = healthy(1).await;
    world.mts_faults(json!({"broken_rate": 1})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let failures = async || daemon.metric("omc_submit_failures_total{result=\"not_taken\"}").await;
    eventually("it is tried more often than a record may fail", failures, |failures| *failures >= 20.0).await;
    let connector = daemon.connector(1).await;
    let records = &connector["records"];
    assert_eq!(number(records, "pending") + number(records, "submitted"), 1, "{connector}");
    world.mts_faults(json!({"broken_rate": 0})).await;
    world.all_tokens_are_there().await;
}

/// While MTS fails for everybody nobody is to blame, whoever it fails for afterwards.
#[tokio::test]
async fn an_outage_of_500s_abandons_nobody_and_ends_with_one_record_to_blame() {
    let world = healthy(60).await;
    let domain = json!([["is_registrant", "=", true], ["is_group", "=", false], ["reg_ids.id_type", "=", 1]]);
    let people = world.odoo.search_read("res.partner", domain, &["given_name"]).await;
    let person = number(&people[20], "id");
    let vid = world.odoo.ids_of(person, 1).await.remove(0);
    world.mts_faults(json!({"broken_rate": 1, "poison": vid})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let mts = format!("MTS {}/", world.mts_url);
    let told = eventually("MTS is to blame", || trouble(&daemon, &mts), Value::is_string).await;
    assert!(told.as_str().unwrap().contains("500"), "{told}");
    assert_eq!(is_up(&daemon, &mts).await, 0.0);
    // More failures than a record may have of its own, with every pause as long as it gets.
    let failures = async || daemon.metric("omc_submit_failures_total{result=\"not_taken\"}").await;
    eventually("it is asked again and again", failures, |failures| *failures >= 30.0).await;
    let connector = daemon.connector(1).await;
    let records = &connector["records"];
    assert_eq!((number(records, "abandoned"), number(records, "rejected")), (0, 0), "{connector}");
    assert!(number(records, "pending") + number(records, "submitted") >= 59, "{connector}");

    world.mts_faults(json!({"broken_rate": 0})).await;
    let missing = async || number(&world.odoo.state().await, "missing_tokens");
    eventually("all but one have their token", missing, |missing| *missing == 1).await;
    assert_eq!(logged(&daemon, "batch accepted")[0]["size"], 1, "the first to go through is a probe");
    let found_out = async || daemon.connector(1).await["records"].clone();
    // Another is refused by MOSIP.
    let records = eventually("the one is refused", found_out, |records| number(records, "rejected") == 2).await;
    assert_eq!((number(&records, "pending"), number(&records, "submitted")), (0, 0), "{records}");
    let failed: Value = serde_json::from_str(&daemon.admin("/failed").await.1).unwrap();
    let line = failed["failed"].as_array().unwrap().iter().find(|line| line["code"] == "OMC-SEND-001");
    assert_eq!(line.unwrap()["registrants"], json!([person]), "{failed}");
    assert_eq!(trouble(&daemon, &mts).await, Value::Null);
    assert_eq!(is_up(&daemon, &mts).await, 1.0);
    world.nothing_is_wrong(&world.odoo.state().await);
}

/// MTS calls a batch processed whether or not anybody heard of it. Where nothing of it comes, the way is to blame: sending is
/// paused, people are told where to look, and no record pays.
#[tokio::test]
async fn callbacks_that_never_come_pause_the_connector_until_they_come() {
    let mut world = healthy(60).await;
    world.configuration.set("retry.base", "\"2s\"").set("retry.max", "\"2s\"").set("retry.attempts", "2");
    world.mts_faults(json!({"drop_callbacks": 1})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let delivery = "delivery by MTS for connector 1";
    let told = eventually("the way is to blame", || trouble(&daemon, delivery), Value::is_string).await;
    assert!(told.as_str().unwrap().contains("callback.public_url"), "{told}");
    assert_eq!(is_up(&daemon, delivery).await, 0.0);
    let status = world.configuration.command(&["status"]).await;
    assert!(status.stdout.contains(delivery), "{status:?}");
    let shown = |error: &Value| error.as_str().is_some_and(|error| error.contains("callback.public_url"));
    eventually("Odoo shows it", || last_error(&world), shown).await;
    // More often than a record may fail by itself.
    let lost = async || daemon.said("answers are lost");
    eventually("it is tried again and again", lost, |lost| *lost >= 3).await;
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!((number(&records, "abandoned"), number(&records, "rejected")), (0, 0), "{records}");

    world.faults_off().await;
    world.all_tokens_are_there().await;
    assert_eq!(trouble(&daemon, delivery).await, Value::Null);
    assert_eq!(is_up(&daemon, delivery).await, 1.0);
    eventually("Odoo shows that it is over", || last_error(&world), |error| *error == json!(false)).await;
    assert_eq!(daemon.connector(1).await["records"]["abandoned"], 0);
    // Nothing is sent before the pause is over, half of `retry.base` at least.
    let accepted: Vec<_> = logged(&daemon, "batch accepted").iter().map(time).collect();
    for failure in logged(&daemon, "fails; waiting").iter().filter(|line| line["remote"] == delivery) {
        let next = accepted.iter().find(|accepted| **accepted > time(failure)).unwrap();
        let pause = *next - time(failure);
        assert!(pause > TimeDelta::milliseconds(900), "sent after {pause}");
    }
}

/// A gateway before MTS that refuses long bodies: batches shrink until they fit, and nobody is left out.
#[tokio::test]
async fn a_batch_that_is_too_large_is_halved_until_it_goes_through() {
    let world = healthy(200).await;
    world.mts_faults(json!({"max_body": 8_000})).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let sizes: Vec<u64> = logged(&daemon, "batch accepted").iter().map(|line| number(line, "size")).collect();
    let (largest, all) = (sizes.iter().max().unwrap(), sizes.iter().sum::<u64>());
    assert!((8..100).contains(largest), "as large as fits: {sizes:?}");
    assert_eq!(all, number(&world.mts_state().await, "records"), "everybody went once: {sizes:?}");
    assert!(daemon.metric("omc_submit_failures_total{result=\"not_taken\"}").await >= 1.0);
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!(number(&records, "abandoned"), 0, "{records}");
    // The gateway is no failure of MTS's, and nothing to wait for.
    assert_eq!(daemon.said("fails; waiting"), 0);
}
