//! Two daemons, each with a store of its own, and one connector.

use serde_json::json;

use super::harness::{Configuration, Daemon, Setup, World, eventually};

#[tokio::test]
async fn a_second_daemon_waits_until_the_first_has_stopped() {
    let world = World::start(Setup { registrants: 60, ..Setup::default() }).await;
    let first = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;

    let folder = tempfile::tempdir().unwrap();
    let other = Configuration::new(folder.path(), world.configuration.get("odoo.url"));
    other.write();
    let second = Daemon::start(&other).await;
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
