//! What a reload of the configuration changes, and what it leaves.

use rustix::process::Signal;
use serde_json::Value;

use super::harness::{Daemon, Setup, World, answer, client, eventually, number};

async fn reload(daemon: &Daemon, times: usize) {
    daemon.process.signal(Signal::HUP);
    eventually("the configuration is read again", async || daemon.said("is read again"), |said| *said == times).await;
}

#[tokio::test]
async fn the_format_of_the_log_changes_and_changes_back() {
    let mut world = World::start(Setup { registrants: 10, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    for (count, format) in (1..).zip(["text", "json", "text"]) {
        world.configuration.set("log.format", &format!("{format:?}")).write();
        reload(&daemon, count).await;
        let lines = daemon.process.stderr.all();
        let line = lines.iter().rfind(|line| line.contains("is read again")).unwrap();
        let is_json = serde_json::from_str::<Value>(line).is_ok();
        assert_eq!(is_json, format == "json", "{line}");
        assert!(is_json || line.contains("INFO"), "{line}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn what_was_done_before_still_counts() {
    let mut world = World::start(Setup { registrants: 30, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let written = async || number(&daemon.status().await, "tokens_written");
    let before = eventually("all are counted", written, |written| *written > 10).await;
    world.configuration.set("submit.batch_size", "100").write();
    reload(&daemon, 1).await;
    assert_eq!(written().await, before);
    // On another store the daemon is the same still.
    world.configuration.set("store.path", &format!("{:?}", world.configuration.path().with_file_name("other"))).write();
    reload(&daemon, 2).await;
    assert_eq!(written().await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn a_connector_that_is_not_named_any_more_is_not_called_deleted() {
    let setup = Setup { registrants: 10, addon: false, ..Setup::default() };
    let mut world = World::start(setup).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    world.configuration.set("odoo.connectors", "[\"Another\"]").write();
    reload(&daemon, 1).await;
    daemon.says(&["nothing new is sent for it", "not named in odoo.connectors"]).await;
    assert_eq!(daemon.said("deleted in Odoo"), 0);
    daemon.stop().await;
}

/// Whether the admin listener answers at an address.
async fn is_admin(address: &str) -> bool {
    answer(client().get(format!("http://{address}/live"))).await.0 == 200
}

#[tokio::test]
async fn listeners_move_to_addresses_that_were_another_ones_or_overlap_and_back_where_one_is_taken() {
    let mut world = World::start(Setup { registrants: 10, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    let [callback, admin] = ["callback.listen", "admin.listen"].map(|key| world.configuration.get(key).to_owned());
    // Each takes the other's place.
    let listen = |callback: &str, admin: &str, world: &mut World| {
        world.configuration.set("callback.listen", &format!("{callback:?}"));
        world.configuration.set("admin.listen", &format!("{admin:?}")).write();
    };
    listen(&admin, &callback, &mut world);
    reload(&daemon, 1).await;
    assert!(is_admin(&callback).await && !is_admin(&admin).await);
    // To all addresses, and back to one of them.
    let everywhere = callback.replace("127.0.0.1", "0.0.0.0");
    assert_ne!(everywhere, callback);
    for (times, place) in [(2, &everywhere), (3, &callback)] {
        listen(&admin, place, &mut world);
        reload(&daemon, times).await;
        assert!(is_admin(&callback).await);
    }
    // Where somebody else has the new place of one, both stay where they are.
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listen(&callback, &taken.local_addr().unwrap().to_string(), &mut world);
    daemon.process.signal(Signal::HUP);
    daemon.says(&["OMC cannot start with the new configuration; the old one stays", "admin.listen"]).await;
    let up = async || daemon.said("OMC is up");
    eventually("the old configuration is back", up, |up| *up == 5).await;
    assert!(is_admin(&callback).await && !is_admin(&admin).await);
    daemon.stop().await;
}
