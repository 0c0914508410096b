//! Delivery by download: results that OMC fetches, from either release of MTS, whole or not.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::harness::{Chance, Daemon, Setup, World, eventually, number};

/// A registry whose connector fetches its results.
async fn downloading(setup: Setup, output: &str) -> World {
    let mut world = World::start(setup).await;
    world.configuration.set("submit.batch_size", "20");
    world.odoo.write("omc.connector", 1, json!({"delivery_type": "download", "output_type": output})).await;
    world
}

async fn nothing_is_awaited(daemon: &Daemon) {
    let awaited = async || daemon.status().await["batches_in_flight"].clone();
    eventually("nothing is awaited", awaited, |batches| *batches == 0).await;
}

/// What the registry holds.
async fn registry(world: &World) -> Value {
    let mut state = world.odoo.state().await;
    // Old VIDs go when the clean-up comes round.
    state.as_object_mut().unwrap().retain(|key, _| !["calls", "with_both", "with_vid"].contains(&key.as_str()));
    state
}

/// Nobody was sent twice.
async fn everybody_went_once(world: &World, daemon: &Daemon) {
    let results = async |outcome| daemon.metric(&format!("omc_download_results_total{{outcome=\"{outcome}\"}}")).await;
    let (tokens, errors) = (results("token").await, results("error").await);
    assert_eq!(number(&world.mts_state().await, "records") as f64, tokens + errors);
    assert_eq!(daemon.metric("omc_answers_lost_total").await, 0.0);
}

/// Refused records by code.
async fn refused(daemon: &Daemon) -> Value {
    let failed: Value = serde_json::from_str(&daemon.admin("/failed").await.1).unwrap();
    failed["failed"].clone()
}

/// Everybody who can have a token gets it, and everybody else the same refusal as by callback.
#[tokio::test]
async fn either_release_gives_what_callbacks_give_in_json_and_csv() {
    let registrants = || Setup { registrants: 150, ..Setup::default() };
    let mut world = World::start(registrants()).await;
    world.configuration.set("submit.batch_size", "20");
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    nothing_is_awaited(&daemon).await;
    let (expected, state) = (refused(&daemon).await, registry(&world).await);
    assert!(expected.as_array().unwrap().len() > 2, "{expected}");
    let tokens = daemon.metric("omc_callback_results_total{outcome=\"token\"}").await;
    daemon.stop().await;

    for (release, output) in [("1.1", "json"), ("1.1", "csv"), ("1.0.1", "json"), ("1.0.1", "csv")] {
        let world = downloading(Setup { release, ..registrants() }, output).await;
        let daemon = Daemon::start(&world.configuration).await;
        world.all_tokens_are_there().await;
        nothing_is_awaited(&daemon).await;
        let what = format!("{release} {output}");
        assert_eq!(registry(&world).await, state, "{what}");
        assert_eq!(refused(&daemon).await, expected, "{what}");
        let mts = world.mts_state().await;
        assert_eq!(number(&mts, "callbacks_sent"), 0, "{what}");
        assert_eq!(daemon.metric("omc_answers_lost_total").await, 0.0, "{what}");
        let stored = daemon.metric("omc_download_results_total{outcome=\"token\"}").await;
        assert_eq!(stored, tokens, "{what}");
        assert_eq!(number(&mts, "records") as f64, daemon.metric("omc_submitted_total").await, "{what}");
        daemon.stop().await;
    }
}

/// What the connector's output format sets, by registrant.
async fn values_by(delivery: &str, release: &'static str, format: &str) -> Vec<Value> {
    let world = World::start(Setup { registrants: 40, invalid_percent: 0, release, ..Setup::default() }).await;
    let values = json!({"delivery_type": delivery, "output_format": format, "value_fields": "[\"ref\", \"function\"]"});
    world.odoo.write("omc.connector", 1, values).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    nothing_is_awaited(&daemon).await;
    daemon.stop().await;
    let domain = json!([["is_registrant", "=", true]]);
    world.odoo.search_read("res.partner", domain, &["id", "ref", "function"]).await
}

#[tokio::test]
async fn the_output_format_gives_what_it_gives_within_mts() {
    // Of the record as it was sent, of the result, of what is not there, and nothing at all for some.
    let format = "if (.input.given_name | length) % 3 == 0 then (1 + \"x\") else
        {values: {ref: (.output.token[0:6] + \":\" + .output.status + \":\" + .input.vid[0:4]), \
        function: (.input.family_name + \" \" + (.input.nothing // \"-\"))}} end # as MTS runs it";
    let by_callback = values_by("callback", "1.1", format).await;
    let set = by_callback.iter().filter(|row| row["ref"].is_string()).count();
    assert!((5..40).contains(&set), "{by_callback:#?}");
    for release in ["1.1", "1.0.1"] {
        assert_eq!(values_by("download", release, format).await, by_callback, "{release}");
    }
}

/// MTS calls a request processed before its file is there: nobody is sent again for that.
#[tokio::test]
async fn a_file_that_is_empty_cut_or_gone_is_asked_for_again() {
    for files in ["empty", "cut", "gone"] {
        let mut world = downloading(Setup { registrants: 60, invalid_percent: 0, ..Setup::default() }, "json").await;
        world.configuration.set("reconcile.callback_grace", "\"60s\"").set("reconcile.stuck_after", "\"120s\"");
        world.mts_faults(json!({"files": files})).await;
        let daemon = Daemon::start(&world.configuration).await;
        let looks = async || daemon.said("the file of a batch is not there yet");
        eventually("it is asked for again and again", looks, |looks| *looks >= 6).await;
        let before = world.odoo.state().await;
        assert_eq!(number(&before, "with_token"), 0, "{files}: {before}");
        world.faults_off().await;
        world.all_tokens_are_there().await;
        nothing_is_awaited(&daemon).await;
        everybody_went_once(&world, &daemon).await;
    }
}

/// A file that stays bad is MTS's fault and nobody else's: sending pauses, people are told, and what is lost goes again.
#[tokio::test]
async fn a_file_that_stays_bad_is_asked_for_anew_and_blames_nobody() {
    let mut world = downloading(Setup { registrants: 60, invalid_percent: 0, ..Setup::default() }, "json").await;
    world.configuration.set("retry.attempts", "2");
    world.mts_faults(json!({"files": "cut"})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let lost = async || daemon.said("answers are lost");
    eventually("it is given up again and again", lost, |lost| *lost >= 4).await;
    let troubles = daemon.status().await["troubles"].to_string();
    assert!(
        troubles.contains("delivery by MTS for connector 1") && troubles.contains("its file is missing"),
        "{troubles}"
    );
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!((number(&records, "abandoned"), number(&records, "rejected")), (0, 0), "{records}");
    world.faults_off().await;
    world.all_tokens_are_there().await;
    nothing_is_awaited(&daemon).await;
    assert_eq!(daemon.status().await["troubles"], json!([]));
}

/// Every row has a VID, and in its place is another one than was sent: not one token of it is believed.
#[tokio::test]
async fn a_file_whose_lines_are_not_in_their_places_gives_nobody_a_token() {
    let world = downloading(Setup { registrants: 60, invalid_percent: 0, ..Setup::default() }, "json").await;
    world.mts_faults(json!({"files": "shuffled"})).await;
    let daemon = Daemon::start(&world.configuration).await;
    daemon
        .says(&["MTS gives a file that does not fit the batch", "has another VID than the record that was sent"])
        .await;
    let lost = async || daemon.said("answers are lost");
    eventually("it is given up", lost, |lost| *lost >= 3).await;
    let state = world.odoo.state().await;
    assert_eq!(number(&state, "with_token"), 0, "{state}");
    assert_eq!(daemon.metric("omc_download_results_total").await, 0.0);
    world.faults_off().await;
    world.all_tokens_are_there().await;
}

/// Killed between the request and its file, again and again: what MTS works on is found again, and asked for by its identifier.
#[tokio::test]
async fn a_daemon_that_is_killed_fetches_what_it_had_sent() {
    let setup = Setup { registrants: 120, record_micros: 4_000, release: "1.0.1", ..Setup::default() };
    let mut world = downloading(setup, "json").await;
    world.configuration.set("reconcile.stuck_after", "\"60s\"").set("reconcile.callback_grace", "\"30s\"");
    let mut chance = Chance::seeded();
    for _ in 0..6 {
        let mut daemon = Daemon::launch(&world.configuration);
        tokio::time::sleep(chance.millis(300, 1500)).await;
        daemon.process.signal(Signal::KILL);
        daemon.process.ended(Duration::from_secs(10)).await;
    }
    let daemon = Daemon::start(&world.configuration).await;
    let state = world.all_tokens_are_there().await;
    nothing_is_awaited(&daemon).await;
    // Only a POST whose answer went down with the daemon goes again: one for each kill.
    let (sent, tokens) = (number(&world.mts_state().await, "records"), number(&state, "with_token"));
    let refused: u64 = refused(&daemon).await.as_array().unwrap().iter().map(|line| number(line, "count")).sum();
    assert!(sent <= tokens + refused + 6 * 20, "{sent} for {tokens} tokens and {refused} refusals");
}

/// What MTS said is on the disk before anybody goes by it.
#[tokio::test]
async fn a_kill_right_after_mts_took_a_batch_sends_nothing_again() {
    let setup =
        Setup { registrants: 60, invalid_percent: 0, record_micros: 20_000, release: "1.0.1", ..Setup::default() };
    let mut world = downloading(setup, "json").await;
    world.configuration.set("reconcile.stuck_after", "\"60s\"").set("reconcile.callback_grace", "\"30s\"");
    // All of them in one: no other is on its way when it is killed.
    world.configuration.set("submit.batch_size", "1000");
    let mut daemon = Daemon::start(&world.configuration).await;
    daemon.says(&["batch accepted"]).await;
    daemon.process.signal(Signal::KILL);
    daemon.process.ended(Duration::from_secs(10)).await;
    let sent = number(&world.mts_state().await, "records");
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    nothing_is_awaited(&daemon).await;
    assert_eq!(number(&world.mts_state().await, "records"), sent, "sent again, though MTS gave an identifier");
}

/// Where Odoo cannot be read, results wait at MTS: what the output format sets is made of what the registry holds.
#[tokio::test]
async fn results_wait_at_mts_while_odoo_is_down() {
    let world =
        downloading(Setup { registrants: 40, invalid_percent: 0, record_micros: 20_000, ..Setup::default() }, "json")
            .await;
    let values = json!({"output_format": "{values: {ref: .input.given_name}}", "value_fields": "[\"ref\"]"});
    world.odoo.write("omc.connector", 1, values).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(20).await;
    world.odoo.faults(json!({"refuse": true})).await;
    let troubled = async || daemon.status().await["troubles"].to_string();
    eventually("Odoo is waited for", troubled, |troubles| troubles.contains("Odoo")).await;
    // Longer than a file is waited for.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(daemon.said("answers are lost"), 0);
    world.faults_off().await;
    let state = world.all_tokens_are_there().await;
    nothing_is_awaited(&daemon).await;
    everybody_went_once(&world, &daemon).await;
    let written =
        world.odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &["ref", "given_name"]).await;
    let set = written.iter().filter(|row| row["ref"].is_string() && row["ref"] == row["given_name"]).count();
    assert_eq!(set as u64, number(&state, "with_token"));
}

/// The example of docs/delivery.md, with OpenG2P as it ships: its form knows no download, so the configuration says so.
#[tokio::test]
async fn stock_connectors_download_where_the_configuration_says_so() {
    let setup = Setup { registrants: 60, addon: false, release: "1.0.1", ..Setup::default() };
    let mut world = World::start(setup).await;
    let check = world.configuration.command(&["check"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stdout.contains("write delivery_type = \"download\" under [odoo]"), "{check:?}");
    world.configuration.set("odoo.delivery_type", "\"download\"");
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    nothing_is_awaited(&daemon).await;
    everybody_went_once(&world, &daemon).await;
}

/// `omc check` finds out what each MTS can do, and says which delivery to choose.
#[tokio::test]
async fn check_tells_what_an_mts_can_do() {
    for (release, delivery, good, text) in [
        ("1.1", "callback", true, "release 1.1.0 answers; it delivers by callback and by download"),
        ("1.1", "download", true, "release 1.1.0 answers; it delivers by callback and by download"),
        ("1.0.1", "download", true, "release 1.0.1 answers; it delivers by download only"),
        ("1.0.1", "callback", false, "does not call back; choose Download as its Delivery Type"),
    ] {
        let world = World::start(Setup { registrants: 5, release, ..Setup::default() }).await;
        world.odoo.write("omc.connector", 1, json!({"delivery_type": delivery})).await;
        let check = world.configuration.command(&["check"]).await;
        assert_eq!(check.code, Some(i32::from(!good)), "{release} {delivery}: {check:?}");
        assert!(check.stdout.contains(text), "{release} {delivery}: {check:?}");
        assert_eq!(number(&world.mts_state().await, "requests"), 0, "nothing was queued by it");
    }
}

/// Without an MTS that calls back nothing is taken, and the daemon says what to do.
#[tokio::test]
async fn a_connector_that_waits_for_callbacks_of_an_older_release_is_told() {
    let world = World::start(Setup { registrants: 30, release: "1.0.1", ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    let troubled = async || daemon.status().await["troubles"].to_string();
    eventually("it says so", troubled, |troubles| troubles.contains("choose Download")).await;
    world.odoo.write("omc.connector", 1, json!({"delivery_type": "download"})).await;
    world.all_tokens_are_there().await;
}
