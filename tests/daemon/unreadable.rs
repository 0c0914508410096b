//! Registrants whose reading raises an exception in Odoo.

use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

const READ_FAILS: &str = "OMC-READ-001";

/// Everybody else gets a token; this one is refused alone, and tried again when it changes.
async fn refused_alone(addon: bool) {
    let setup = Setup { registrants: 150, invalid_percent: 0, addon, ..Setup::default() };
    let world = World::start(setup).await;
    let people = world.odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &["id"]).await;
    let bad = number(&people[70], "id");
    world.odoo.faults(json!({"unreadable": [bad, bad]})).await;
    let daemon = Daemon::start(&world.configuration).await;

    let missing = |state: &Value| number(state, "missing_tokens");
    eventually("only one token is missing", || world.odoo.state(), |state| missing(state) == 1).await;
    let failed = async || {
        let output = world.configuration.command(&["failed", "--json"]).await;
        let failed: Value = serde_json::from_str(&output.stdout).unwrap();
        let lines = failed["failed"].as_array().unwrap().clone();
        lines.into_iter().filter(|line| line["code"] == READ_FAILS).collect::<Vec<_>>()
    };
    let lines = eventually("it is refused", failed, |lines| !lines.is_empty()).await;
    assert_eq!((lines.len(), &lines[0]["registrants"]), (1, &json!([bad])), "{lines:?}");
    if addon {
        let rejections =
            || world.odoo.search_read("omc.rejection", json!([["code", "=", READ_FAILS]]), &["partner_id"]);
        let told = eventually("Odoo shows it", rejections, |rows| !rows.is_empty()).await;
        assert_eq!((told.len(), &told[0]["partner_id"][0]), (1, &json!(bad)), "{told:?}");
    }

    // Asked for by itself, while everybody else holds a token: it is still known that Odoo reads others.
    let again = world.configuration.command(&["run", "1", "--wait"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(failed().await, lines);
    assert_eq!(daemon.said("connector 1 in Odoo"), 0, "its connector works");

    world.odoo.faults(json!({})).await;
    world.odoo.write("res.partner", bad, json!({"address": "1 Mended Street"})).await;
    world.configuration.command(&["run", "1"]).await;
    world.all_tokens_are_there().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_registrant_that_odoo_fails_on_is_refused_alone() {
    refused_alone(true).await;
}

#[tokio::test]
async fn also_without_the_addon() {
    refused_alone(false).await;
}

/// Whom Odoo fails on when it reads nobody at all is not to blame, however few they are.
async fn nobody_is_refused(addon: bool) {
    let world = World::start(Setup { registrants: 6, invalid_percent: 0, addon, ..Setup::default() }).await;
    world.odoo.faults(json!({"unreadable": [1, i32::MAX]})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let trouble = async || daemon.status().await["troubles"].to_string();
    eventually("the connector is blamed", trouble, |trouble| trouble.contains("connector 1 in Odoo")).await;
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!((number(&records, "rejected"), number(&records, "pending") > 0), (0, true), "{records}");

    world.odoo.faults(json!({})).await;
    world.all_tokens_are_there().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_field_that_odoo_fails_on_for_everybody_refuses_nobody() {
    nobody_is_refused(true).await;
}

#[tokio::test]
async fn nor_without_the_addon() {
    nobody_is_refused(false).await;
}
