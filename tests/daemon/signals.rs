//! What the daemon does when it is told to stop, or to read its configuration again.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::harness::{Daemon, Setup, World, eventually, number};

async fn at_work() -> (World, Daemon) {
    let mut world = World::start(Setup { registrants: 400, record_micros: 5_000, ..Setup::default() }).await;
    world.configuration.set("submit.batch_size", "25");
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(50).await;
    (world, daemon)
}

#[tokio::test]
async fn sigterm_ends_it_cleanly_and_the_next_start_goes_on() {
    let (world, daemon) = at_work().await;
    assert!(number(&world.odoo.state().await, "missing_tokens") > 0, "it was too quick to be stopped in the middle");
    let log = daemon.stop().await;
    assert!(log.iter().any(|line| line.contains("stopped")), "{log:#?}");
    assert!(!log.iter().any(|line| line.contains("panicked")), "{log:#?}");
    let sent = number(&world.mts_state().await, "records");

    let _daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let mts = world.mts_state().await;
    assert!(number(&mts, "records") > sent);
    assert_eq!(number(&mts, "resubmitted_while_working"), 0, "{mts}");
}

/// A POST may last minutes; it is not waited for beyond the grace period, and neither is its answer lost.
#[tokio::test]
async fn sigterm_does_not_wait_for_ever_for_an_mts_that_hangs() {
    let mut world = World::start(Setup { registrants: 30, ..Setup::default() }).await;
    world.configuration.set("reconcile.stuck_after", "\"1s\"");
    world.mts_faults(json!({"hang_rate": 1.0})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let submitted = async || daemon.connector(1).await["records"]["submitted"].as_u64();
    eventually("a batch is on its way", submitted, |submitted| *submitted > Some(0)).await;
    daemon.stop().await;
    world.faults_off().await;
    let _daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
}

/// Nor for both of them, with results on their way that only the store has.
#[tokio::test]
async fn sigterm_does_not_wait_for_ever_when_nobody_answers() {
    let mut world = World::start(Setup { registrants: 400, record_micros: 5_000, ..Setup::default() }).await;
    world.configuration.set("submit.batch_size", "25").set("odoo.timeout", "\"10m\"");
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(50).await;
    world.odoo.process.signal(Signal::STOP);
    let to_write = async || daemon.connector(1).await["records"]["to_write"].as_u64();
    eventually("results wait for Odoo", to_write, |to_write| *to_write > Some(0)).await;
    world.mts_faults(json!({"hang_rate": 1.0})).await;
    daemon.stop().await;
    world.odoo.process.signal(Signal::CONT);
    world.faults_off().await;
    let _daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    assert_eq!(number(&world.mts_state().await, "resubmitted_while_working"), 0);
}

#[tokio::test]
async fn sighup_reads_the_configuration_again() {
    let (mut world, mut daemon) = at_work().await;
    let old = world.configuration.clone();
    world.configuration.set("log.level", "\"info\"").set("submit.batch_size", "100").write();
    daemon.process.signal(Signal::HUP);
    daemon.says(&["the configuration is read again"]).await;
    eventually("it is up again", async || daemon.said("OMC is up"), |times| *times == 2).await;
    let before = daemon.said("\"DEBUG\"");
    world.all_tokens_are_there().await;
    assert_eq!(daemon.said("\"DEBUG\""), before, "the level of the new configuration counts");
    assert!(daemon.process.is_running());
    assert_eq!(number(&world.mts_state().await, "resubmitted_while_working"), 0);
    // What the two were about.
    assert_eq!(old.get("log.level"), "debug");
}

/// A mistake in the file must not end a daemon that works.
#[tokio::test]
async fn sighup_keeps_the_old_configuration_when_the_new_one_is_wrong() {
    let (mut world, mut daemon) = at_work().await;
    let good = world.configuration.clone();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("\"{}\"", taken.local_addr().unwrap());
    let mistakes = [
        ("submit.batch_size", "\"many\"", "submit.batch_size"),
        ("submit.nonsense", "1", "nonsense"),
        ("log.level", "\"omc=loud=very\"", "log.level"),
        ("odoo.url", "\"ftp://odoo.example\"", "url"),
        ("callback.listen", &taken, "callback.listen"),
    ];
    for (count, (key, value, named)) in (1..).zip(mistakes) {
        world.configuration.set(key, value).write();
        daemon.process.signal(Signal::HUP);
        let stays = async || daemon.said("the old one stays");
        eventually(&format!("the mistake in {key} is told"), stays, |times| *times == count).await;
        let line = daemon.process.stderr.all().into_iter().rfind(|line| line.contains("the old one stays"));
        assert!(line.as_ref().is_some_and(|line| line.contains(named)), "{key}: {line:?}");
        world.configuration = good.clone();
    }
    assert!(daemon.process.is_running());
    world.all_tokens_are_there().await;
    assert_eq!(daemon.open("/ready").await.0, 200);
}

/// The store has one owner: what still hangs on the old configuration must let go of it first.
#[tokio::test]
async fn sighup_gets_past_an_mts_that_hangs() {
    let world = World::start(Setup { registrants: 30, ..Setup::default() }).await;
    world.mts_faults(json!({"hang_rate": 1.0})).await;
    let mut daemon = Daemon::start(&world.configuration).await;
    let submitted = async || daemon.connector(1).await["records"]["submitted"].as_u64();
    eventually("a batch is on its way", submitted, |submitted| *submitted > Some(0)).await;
    daemon.process.signal(Signal::HUP);
    eventually("it is up again", async || daemon.said("OMC is up"), |times| *times == 2).await;
    world.faults_off().await;
    world.all_tokens_are_there().await;
    daemon.process.signal(Signal::TERM);
    let status = daemon.process.ended(Duration::from_secs(40)).await;
    assert_eq!(status.code(), Some(0));
}
