//! People in Odoo change things while MTS works on them.

use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number, token_of};

/// Everybody is at MTS, and nothing has come back yet.
async fn in_flight() -> (World, Daemon) {
    in_flight_with(true, &[]).await
}

async fn in_flight_with(addon: bool, keys: &[(&str, &str)]) -> (World, Daemon) {
    let mut world = World::start(Setup { registrants: 60, invalid_percent: 0, addon, ..Setup::default() }).await;
    world.configuration.set("reconcile.stuck_after", "\"60s\"").set("reconcile.callback_grace", "\"30s\"");
    for (key, value) in keys {
        world.configuration.set(key, value);
    }
    world.mts_faults(json!({"delay_callbacks_ms": 4000})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let submitted = async || daemon.connector(1).await["records"].clone();
    let sent = |records: &Value| records["submitted"].as_u64() >= Some(50) && records["pending"] == 0;
    let records = eventually("everybody is at MTS", submitted, sent).await;
    world.mts_has_seen(number(&records, "submitted")).await;
    assert_eq!(number(&world.odoo.state().await, "with_token"), 0);
    (world, daemon)
}

async fn registrants(world: &World) -> Vec<u64> {
    let domain = json!([["is_registrant", "=", true], ["is_group", "=", false], ["reg_ids.id_type", "=", 1]]);
    let rows = world.odoo.search_read("res.partner", domain, &["given_name"]).await;
    rows.iter().map(|row| number(row, "id")).collect()
}

#[tokio::test]
async fn whoever_changes_in_flight_ends_as_they_must() {
    let (world, daemon) = in_flight().await;
    let people = registrants(&world).await;
    let [corrected, archived, deleted, without, claimed] = people[..5] else { panic!("{people:?}") };
    let archived_vid = world.odoo.ids_of(archived, 1).await.remove(0);
    let new = "7100000000000321";
    world.odoo.edit(json!({"registrant": corrected, "vid": new})).await;
    world.odoo.edit(json!({"registrant": archived, "archive": true})).await;
    world.odoo.edit(json!({"registrant": deleted, "delete": true})).await;
    world.odoo.edit(json!({"registrant": without, "vid": null})).await;
    world.odoo.edit(json!({"registrant": claimed, "token": "somebody-elses-token"})).await;
    world.mts_faults(json!({"delay_callbacks_ms": 0})).await;

    eventually("no token is missing", || world.odoo.state(), |state| number(state, "missing_tokens") == 0).await;
    let records = async || daemon.connector(1).await["records"].clone();
    let settled =
        |records: &Value| number(records, "pending") + number(records, "submitted") + number(records, "to_write") == 0;
    eventually("nothing is under way", records, settled).await;
    assert_eq!(world.odoo.ids_of(corrected, 2).await, [token_of(new)], "the token of the VID that was there at last");
    assert_eq!(world.odoo.ids_of(corrected, 1).await, [""; 0]);
    assert_eq!(
        world.odoo.ids_of(archived, 2).await,
        [token_of(&archived_vid)],
        "archived in flight is written all the same"
    );
    assert_eq!(world.odoo.ids_of(without, 2).await, [""; 0], "a VID that was taken away gives no token");
    assert_eq!(world.odoo.ids_of(claimed, 2).await, ["somebody-elses-token"], "another token is never overwritten");
    assert_eq!(world.odoo.ids_of(claimed, 1).await.len(), 1, "and the VID stays");
    let failed: Value = serde_json::from_str(&daemon.admin("/failed").await.1).unwrap();
    let conflict = failed["failed"].as_array().unwrap().iter().find(|line| line["code"] == "OMC-TOKEN-001");
    assert_eq!(conflict.unwrap()["registrants"], json!([claimed]), "{failed}");
    let state = world.odoo.state().await;
    let wrong = ["duplicate_token_rows", "wrong_tokens", "vids_cleared_without_token"].map(|key| number(&state, key));
    assert_eq!(wrong, [0, 1, 0], "the only token that MTS did not give is the one that was claimed: {state}");
    assert_eq!(daemon.said("panicked"), 0);
}

/// Stock: what MTS holds for a connector that is deleted is still written, also when the daemon is started anew meanwhile.
#[tokio::test]
async fn results_for_a_deleted_connector_are_written() {
    let (world, daemon) = in_flight_with(false, &[]).await;
    world.odoo.call("mts.connector", "unlink", json!([[1]]), json!({})).await;
    is_gone(&daemon).await;
    let seen = number(&world.mts_state().await, "records");
    daemon.stop().await;
    let _daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    assert_eq!(number(&world.mts_state().await, "records"), seen, "a deleted connector sent something");
}

/// Through the door they cannot be, for the door is the connector's own; whoever takes the same people has them made again.
#[tokio::test]
async fn another_connector_takes_over_from_a_deleted_one() {
    for lost in [false, true] {
        let keys = [("schedule.full_sweep", "\"3s\""), ("reconcile.stuck_after", "\"6s\"")];
        let (world, daemon) = in_flight_with(true, &keys).await;
        if lost {
            // Nobody is left to ask again in their name.
            world.mts_faults(json!({"delay_callbacks_ms": 0, "restart": true})).await;
        }
        world.odoo.another_connector(json!({"name": "Another"})).await;
        // Odoo lets nobody delete one that is started.
        world.odoo.write("omc.connector", 1, json!({"job_status": "draft"})).await;
        world.odoo.call("omc.connector", "unlink", json!([[1]]), json!({})).await;
        is_gone(&daemon).await;
        world.all_tokens_are_there().await;
        let connector = async || daemon.connector(1).await;
        eventually("it is forgotten", connector, Value::is_null).await;
        daemon.stop().await;
        let daemon = Daemon::start(&world.configuration).await;
        let definitions = async || daemon.status().await["connectors"].clone();
        let known =
            eventually("Odoo was read", definitions, |known| known.as_array().is_some_and(|all| !all.is_empty())).await;
        assert_eq!(known.as_array().unwrap().len(), 1, "its definition is forgotten: {known}");
    }
}

async fn is_gone(daemon: &Daemon) {
    let definition = async || daemon.connector(1).await["definition"].clone();
    eventually("it is gone", definition, |definition| definition == "deleted").await;
}
