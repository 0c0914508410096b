//! VIDs that look wrong: told, or refused, as the configuration says.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

/// A registrant without a VID gets this one.
async fn somebody_gets(world: &World, vid: &str) -> u64 {
    let domain = json!([["is_registrant", "=", true], ["is_group", "=", false], ["reg_ids", "=", false]]);
    let nobody = world.odoo.search_read("res.partner", domain, &["given_name"]).await.remove(0);
    world.odoo.edit(json!({"registrant": nobody["id"], "vid": vid})).await;
    number(&nobody, "id")
}

async fn refused_with(world: &World, registrant: u64) -> Value {
    let domain = json!([["partner_id", "=", registrant], ["state", "=", "open"]]);
    world
        .odoo
        .search_read("omc.rejection", domain, &["code"])
        .await
        .first()
        .map_or(Value::Null, |row| row["code"].clone())
}

#[tokio::test]
async fn a_mistyped_vid_is_told_and_refused_where_the_configuration_says_so() {
    let mut world = World::start(Setup { registrants: 60, invalid_percent: 30, ..Setup::default() }).await;
    // As the rules are: the wrong check digit is told, in a preview and in the log, and the VID is sent.
    let mistyped = somebody_gets(&world, "7000000000000124").await;
    let preview = world.configuration.command(&["preview", "1", "--limit", "1000", "--json"]).await;
    let preview: Value = serde_json::from_str(&preview.stdout).unwrap();
    let line =
        preview["preview"].as_array().unwrap().iter().find(|line| number(line, "registrant") == mistyped).unwrap();
    assert_eq!(line["verdict"], "send", "{line}");
    assert!(line["reason"].as_str().unwrap().contains("check digit"), "{line}");

    world.configuration.set("vid.check_digit", "\"refuse\"").set("vid.length", "0").write();
    let daemon = Daemon::start(&world.configuration).await;
    let code = async || refused_with(&world, mistyped).await;
    eventually("it is refused, and shown in Odoo", code, |code| code == "OMC-VID-006").await;
    // Of the simulated ones, those that MOSIP refuses have a wrong check digit too; nobody else.
    eventually(
        "all others are done",
        async || daemon.connector(1).await["running"].clone(),
        |running| *running == json!([]),
    )
    .await;
    assert_eq!(number(&world.odoo.state().await, "missing_tokens"), 1, "only the mistyped one is missing");
    let doubts = "omc_vid_doubts_total{rule=\"check_digit\"}";
    assert_eq!(daemon.metric(doubts).await, 0.0);

    // With a milder rule it is sent, without anybody asking for it.
    world.configuration.set("vid.check_digit", "\"warn\"").write();
    daemon.process.signal(Signal::HUP);
    daemon.says(&["the configuration is read again"]).await;
    world.odoo.call("omc.connector", "action_run_now", json!([[1]]), json!({})).await;
    world.all_tokens_are_there().await;
    daemon.says(&["VIDs look wrong, and are sent all the same"]).await;
    assert!(daemon.metric(doubts).await >= 1.0);
}
