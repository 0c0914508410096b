//! Two daemons, each with a store of its own, and one connector.

use serde_json::json;
use tempfile::TempDir;

use super::harness::{Configuration, Daemon, Setup, World, eventually, number};

/// A daemon with a store of its own. Its folder lasts as long as it does.
async fn another(world: &World) -> (TempDir, Daemon) {
    let folder = tempfile::tempdir().unwrap();
    let other = Configuration::new(folder.path(), world.configuration.get("odoo.url"));
    other.write();
    let daemon = Daemon::start(&other).await;
    (folder, daemon)
}

#[tokio::test]
async fn a_second_daemon_waits_until_the_first_has_stopped() {
    let world = World::start(Setup { registrants: 60, ..Setup::default() }).await;
    let first = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;

    let (_folder, second) = another(&world).await;
    let trouble = async || second.status().await["troubles"].to_string();
    eventually("it tells of the other daemon", trouble, |trouble| trouble.contains("another daemon")).await;
    assert_eq!(second.metric("omc_tokens_written_total").await, 0.0);

    // A new VID is the first daemon's to send; once it has stopped, the second goes on at once, not when the lease runs out.
    let said = first.stop().await;
    assert!(said.iter().any(|line| line.contains("leases are given up")), "{said:?}");
    let domain = json!([["is_registrant", "=", true], ["is_group", "=", false], ["reg_ids", "=", false]]);
    let nobody = world.odoo.search_read("res.partner", domain, &["given_name"]).await.remove(0);
    world.odoo.edit(json!({"registrant": nobody["id"], "vid": "7000000000000123"})).await;
    let trouble = async || second.status().await["troubles"].to_string();
    eventually("it has the lease", trouble, |trouble| !trouble.contains("another daemon")).await;
    world.odoo.call("omc.connector", "action_run_now", json!([[1]]), json!({})).await;
    world.all_tokens_are_there().await;
}

#[tokio::test]
async fn a_reload_gives_no_lease_up() {
    let world = World::start(Setup { registrants: 20, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    daemon.process.signal(rustix::process::Signal::HUP);
    daemon.says(&["the configuration is read again"]).await;
    assert_eq!(daemon.said("the connectors' leases"), 0);
}

/// A daemon that waits for MTS calls nobody, and keeps its lease all the same: nobody is sent twice.
#[tokio::test]
async fn a_lease_is_kept_while_mts_takes_its_time() {
    let mut world = World::start(Setup { registrants: 40, invalid_percent: 0, ..Setup::default() }).await;
    world.configuration.set("reconcile.stuck_after", "\"120s\"").set("reconcile.callback_grace", "\"90s\"");
    world.odoo.write("omc.connector", 1, json!({"interval_minutes": 60})).await;
    // Renewed every 30 seconds, whatever it lasts.
    world.odoo.faults(json!({"lease_ms": 33_000})).await;
    world.mts_faults(json!({"delay_callbacks_ms": 45_000})).await;
    let first = Daemon::start(&world.configuration).await;
    let sent = number(&world.mts_has_seen(30).await, "records");
    let (_folder, second) = another(&world).await;
    let state =
        async || (number(&world.odoo.state().await, "missing_tokens"), number(&world.mts_state().await, "records"));
    let (_, records) = eventually("the callbacks come", state, |state| state.0 == 0 || state.1 > sent).await;
    assert_eq!(records, sent, "sent again by the second daemon");
    assert_eq!(second.metric("omc_tokens_written_total").await, 0.0);
    let written = async || first.metric("omc_tokens_written_total").await as u64;
    eventually("the first daemon knows of them all", written, |written| *written == sent).await;
}
