//! Connectors whose results go to an address that is not OMC's: here Odoo's own JSON-RPC, with a login of its own.

use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

/// What MTS is to post: a call that writes the token. Results without one make a call that does nothing.
const CALL: &str = r#"{jsonrpc: "2.0", method: "call", params: {model: "g2p.reg.id", method: "create", kwargs: {}, args: [
    (if .output.status == "processed" and .output.errorCode == null
     then [{partner_id: .input.id, id_type: 2, value: .output.token}] else [] end)]}}"#;

/// A registry whose connector has MTS write by itself.
async fn written_by_mts(setup: Setup) -> World {
    let mut world = World::start(setup).await;
    world.configuration.set("submit.batch_size", "20");
    let odoo = world.odoo.url.trim_end_matches('/').to_owned();
    let definition = json!({
        "callback_url": format!("{odoo}/web/dataset/call_kw"), "output_format": CALL,
        "callback_authtype": "odoo", "callback_auth_url": format!("{odoo}/web/session/authenticate"),
        "callback_timeout": 1, "callback_auth_database": "omc", "callback_auth_username": "admin", "callback_auth_password": "admin",
    });
    world.odoo.write("omc.connector", 1, definition).await;
    world
}

async fn refused_as_lost(daemon: &Daemon) -> u64 {
    let failed: Value = serde_json::from_str(&daemon.admin("/failed").await.1).unwrap();
    let codes = failed["failed"].as_array().unwrap();
    codes.iter().filter(|row| row["code"] == "OMC-LOST-002").map(|row| row["count"].as_u64().unwrap_or(1)).sum()
}

/// Tokens that MTS writes itself are seen, VIDs go, and whose token never came is told.
#[tokio::test]
async fn mts_writes_to_odoo_itself_and_what_never_came_is_told() {
    let world = written_by_mts(Setup { registrants: 100, invalid_percent: 30, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    let state = world.all_tokens_are_there().await;
    assert!(number(&state, "with_token") > 20, "{state}");
    let running = async || daemon.status().await["batches_in_flight"].clone();
    eventually("nothing is awaited", running, |batches| *batches == 0).await;
    let state = world.odoo.state().await;
    world.nothing_is_wrong(&state);
    let tokens = daemon.metric("omc_tokens_written_total").await;
    assert_eq!(tokens, daemon.metric("omc_elsewhere_results_total{outcome=\"token\"}").await);
    assert_eq!(tokens, daemon.metric("omc_vids_removed_total{by=\"write_back\"}").await, "VIDs of those go: {state}");
    // Whom the simulated MTS refuses: their results went to Odoo only.
    let never = daemon.metric("omc_elsewhere_results_total{outcome=\"error\"}").await;
    assert!(never > 0.0);
    assert_eq!(refused_as_lost(&daemon).await as f64, never);
    daemon.says(&["tokens that somebody else was to write are not in the registry"]).await;
    assert_eq!(number(&world.mts_state().await, "records") as f64, tokens + never, "nobody was sent twice");
}

/// The daemon is killed while MTS writes: what came meanwhile is found, and nothing is sent again.
#[tokio::test]
async fn what_mts_writes_meanwhile_is_found_after_a_kill() {
    let setup = Setup { registrants: 80, invalid_percent: 0, record_micros: 10_000, ..Setup::default() };
    let world = written_by_mts(setup).await;
    let mut daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(30).await;
    daemon.process.kill().await;
    let daemon = Daemon::start(&world.configuration).await;
    let state = world.all_tokens_are_there().await;
    let written = async || daemon.metric("omc_elsewhere_results_total{outcome=\"token\"}").await;
    let awaited = async || daemon.status().await["batches_in_flight"].clone();
    eventually("nothing is awaited", awaited, |batches| *batches == 0).await;
    assert!(written().await > 0.0, "{state}");
    assert_eq!(number(&world.mts_state().await, "resubmitted_while_working"), 0);
}

/// MTS does not look at what it is answered: where nobody's token comes, the login is to blame, and nobody is refused for it.
#[tokio::test]
async fn a_login_that_is_wrong_refuses_nobody() {
    let world = written_by_mts(Setup { registrants: 60, invalid_percent: 0, ..Setup::default() }).await;
    world.odoo.write("omc.connector", 1, json!({"callback_auth_password": "not this one"})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let told = async || daemon.status().await["troubles"].to_string();
    eventually("it is told", told, |told| told.contains("nobody's token comes by the connector's callback URL")).await;
    assert_eq!(refused_as_lost(&daemon).await, 0);
    world.odoo.write("omc.connector", 1, json!({"callback_auth_password": "admin"})).await;
    world.all_tokens_are_there().await;
    let told = async || daemon.status().await["troubles"].clone();
    eventually("all is well", told, |told| *told == json!([])).await;
}

/// Odoo fails on one of many, once they could be looked for at all: the others come little by little, and who was not looked at yet
/// is not given up.
#[tokio::test]
async fn whom_nobody_looked_at_is_not_given_up() {
    let setup = Setup { registrants: 400, invalid_percent: 0, record_micros: 5_000, ..Setup::default() };
    let mut world = written_by_mts(setup).await;
    world.configuration.set("submit.batch_size", "1000").set("reconcile.stuck_after", "\"60s\"");
    let people = world.odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &["id"]).await;
    let ids: Vec<u64> = people.iter().map(|person| number(person, "id")).collect();
    let with_token = async || number(&world.odoo.state().await, "with_token");
    let before = with_token().await;
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(300).await;
    world.odoo.faults(json!({"unreadable": [1, i32::MAX]})).await;
    let written = |state: &Value| number(state, "missing_tokens") == 0;
    eventually("MTS has written all", || world.odoo.state(), written).await;
    // Longer than anybody is waited for.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let waiting = number(&daemon.connector(1).await["records"], "submitted");
    assert!(waiting > 200, "{waiting}: they were looked for before");
    world.odoo.faults(json!({"unreadable": [ids[200], ids[200]]})).await;
    let awaited = async || daemon.status().await["batches_in_flight"].clone();
    eventually("nothing is awaited", awaited, |batches| *batches == 0).await;
    let seen = daemon.metric("omc_elsewhere_results_total{outcome=\"token\"}").await as u64;
    let written = with_token().await - before;
    assert!(seen + 1 >= written, "{seen} of {written}: only the one that Odoo fails on may be missed");
    daemon.stop().await;
}

/// A definition says what is missing, field by field, and shows no secret.
#[tokio::test]
async fn a_login_that_is_not_whole_is_told_field_by_field() {
    let world = written_by_mts(Setup { registrants: 20, ..Setup::default() }).await;
    let half = json!({"callback_auth_database": false, "callback_auth_url": "registry.example.org"});
    world.odoo.write("omc.connector", 1, half).await;
    let check = world.configuration.command(&["check"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    for told in ["callback_auth_database: write the database", "callback_auth_url: not an address"] {
        assert!(check.stdout.contains(told), "{told}: {check:?}");
    }
    let daemon = Daemon::start(&world.configuration).await;
    let definition = async || daemon.connector(1).await["definition"].clone();
    eventually("it is found wrong", definition, |definition| definition == "wrong").await;
    assert_eq!(number(&world.mts_state().await, "records"), 0);
}
