//! What an operator does: runs, lists, requeues, stops and starts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

/// All tokens are there and nothing is under way.
async fn settled(setup: Setup) -> (World, Daemon) {
    let world = World::start(setup).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    quiet(&daemon).await;
    (world, daemon)
}

/// Waits until every run is over and every record settled.
async fn quiet(daemon: &Daemon) -> Value {
    let connector = async || daemon.connector(1).await;
    eventually("nothing is under way", connector, |connector| {
        let records = &connector["records"];
        connector["running"] == json!([])
            && connector["last_run"].is_object()
            && number(records, "pending") + number(records, "submitted") + number(records, "to_write") == 0
    })
    .await
}

async fn command(world: &World, arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.push("--json");
    let output = world.configuration.command(&all).await;
    assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
    serde_json::from_str(output.stdout.lines().last().unwrap()).unwrap()
}

/// Who was refused with a code.
async fn refused_with(world: &World, code: &str) -> Vec<u64> {
    let failed = command(world, &["failed"]).await;
    let lines = failed["failed"].as_array().unwrap();
    let line = lines.iter().find(|line| line["code"] == code).unwrap_or_else(|| panic!("no {code} in {failed}"));
    line["registrants"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect()
}

/// The state of a registrant's newest rejection in Odoo.
async fn rejection(world: &World, registrant: u64) -> Value {
    let rows =
        world.odoo.search_read("omc.rejection", json!([["partner_id", "=", registrant]]), &["state", "code"]).await;
    rows.last().cloned().unwrap_or(Value::Null)
}

#[tokio::test]
async fn a_manual_run_takes_what_is_new_and_its_numbers_add_up() {
    let (world, daemon) = settled(Setup { registrants: 150, ..Setup::default() }).await;
    let refused = number(&daemon.connector(1).await["records"], "rejected");
    let domain = json!([["is_registrant", "=", true], ["is_group", "=", false], ["reg_ids", "=", false]]);
    let nobody = world.odoo.search_read("res.partner", domain, &["given_name"]).await;
    assert!(nobody.len() >= 2, "{nobody:?}");
    for (person, vid) in nobody.iter().take(2).zip(["7000000000000123", "7000000000000456"]) {
        world.odoo.edit(json!({"registrant": person["id"], "vid": vid})).await;
    }
    let run = command(&world, &["run", "Demo registrants", "--wait"]).await;
    assert_eq!((&run["trigger"], &run["state"]), (&json!("manual"), &json!("done")), "{run}");
    assert!(number(&run, "tokens") <= 2 && number(&run, "found") <= refused + 2, "{run}");
    adds_up(&run);
    world.all_tokens_are_there().await;

    let status = command(&world, &["status"]).await;
    assert_eq!(status["connectors"][0]["last_run"]["state"], "done", "{status}");
    let failed = command(&world, &["failed"]).await;
    let listed: u64 = failed["failed"].as_array().unwrap().iter().map(|line| number(line, "count")).sum();
    assert_eq!(listed, number(&status["connectors"][0]["records"], "rejected"), "{failed}");
    for line in failed["failed"].as_array().unwrap() {
        assert!(line["reason"].as_str().unwrap().len() > 10 && line["remedy"].as_str().unwrap().len() > 10, "{line}");
    }
    let text = world.configuration.command(&["failed", "Demo registrants"]).await;
    assert!(text.stdout.contains("OMC-VID-001"), "{text:?}");
}

fn adds_up(run: &Value) {
    let ended = ["tokens", "rejected", "abandoned"].into_iter().map(|key| number(run, key)).sum::<u64>();
    assert_eq!(ended + run["left"].as_u64().unwrap_or(0), number(run, "found"), "{run}");
}

#[tokio::test]
async fn run_now_in_odoo_ends_with_the_right_numbers() {
    let (world, daemon) = settled(Setup { registrants: 150, ..Setup::default() }).await;
    let fields =
        ["trigger", "state", "started_at", "ended_at", "found", "submitted", "tokens", "rejected", "abandoned"];
    let ended = async |id: u64| {
        let row = async || world.odoo.search_read("omc.run", json!([["id", "=", id]]), &fields).await.remove(0);
        eventually("the run ends in Odoo", row, |row| {
            !["requested", "running"].contains(&row["state"].as_str().unwrap())
        })
        .await
    };
    let runs = async || world.odoo.search_read("omc.run", json!([]), &["id"]).await;
    let first = eventually("Odoo lists the run", runs, |runs| !runs.is_empty()).await.remove(0);
    let first = ended(number(&first, "id")).await;
    adds_up(&first);
    let refused = number(&daemon.connector(1).await["records"], "rejected");
    assert_eq!((number(&first, "rejected"), &first["trigger"]), (refused, &json!("schedule")), "{first}");
    assert_eq!(
        number(&first, "tokens"),
        daemon.metric("omc_tokens_written_total").await as u64 - corrected(&world).await
    );

    let asked = world.odoo.create("omc.run", json!({"connector_id": 1, "requested_by_id": 2})).await;
    let run = ended(asked).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(
        (&run["trigger"], number(&run, "found"), number(&run, "rejected")),
        (&json!("manual"), refused, refused),
        "{run}"
    );
    adds_up(&run);
    let last = async || world.odoo.connector(1, &["last_run_id"]).await["last_run_id"][0].clone();
    eventually("it is the connector's last run", last, |last| *last == asked).await;

    // Of a connector that is stopped, it is said that it cannot.
    world.odoo.write("omc.connector", 1, json!({"job_status": "draft"})).await;
    let activity = async || daemon.connector(1).await["activity"].clone();
    eventually("it is stopped", activity, |activity| activity == "stopped").await;
    let refused_run = world.odoo.create("omc.run", json!({"connector_id": 1})).await;
    assert_eq!(ended(refused_run).await["state"], "failed");
}

/// VIDs that came after their token: submitted by the clean-up, in no run.
async fn corrected(world: &World) -> u64 {
    number(&world.odoo.state().await["troubles"], "token_newer_vid")
}

#[tokio::test]
async fn what_is_mended_and_requeued_gets_its_token_and_its_rejection_ends() {
    let (world, daemon) = settled(Setup { registrants: 150, ..Setup::default() }).await;
    let genderless = refused_with(&world, "ATS-REQ-011").await;
    let (mended, left) = (genderless[0], genderless[1]);
    let open = async || rejection(&world, mended).await["state"].clone();
    eventually("Odoo lists the rejection", open, |state| state == "open").await;
    world.odoo.edit(json!({"registrant": mended, "set": {"gender": "Female"}})).await;
    let refused = number(&daemon.connector(1).await["records"], "rejected");
    let opened = command(&world, &["requeue", "1", "--all"]).await;
    assert_eq!(number(&opened, "requeued"), refused);
    world.all_tokens_are_there().await;
    assert_eq!(world.odoo.ids_of(mended, 2).await.len(), 1);
    let closed = async || rejection(&world, mended).await["state"].clone();
    eventually("the rejection ends", closed, |state| state == "resolved").await;
    let again = async || number(&daemon.connector(1).await["records"], "rejected");
    eventually("the others are refused again", again, |rejected| *rejected == refused - 1).await;
    assert_eq!(rejection(&world, left).await["state"], "open");
    let none = command(&world, &["requeue", "1", "--code", "ATS-REQ-999"]).await;
    assert_eq!(number(&none, "requeued"), 0);
}

/// One Requeue is one more attempt, however long Odoo shows it before it hears the outcome.
#[tokio::test]
async fn a_requeue_in_odoo_sends_once() {
    let (world, daemon) = settled(Setup { registrants: 150, ..Setup::default() }).await;
    let person = refused_with(&world, "IDA-DEA-001").await[0];
    let open = async || rejection(&world, person).await;
    let row = eventually("Odoo lists the rejection", open, |row| row["state"] == "open").await;
    for _ in 0..2 {
        let before = number(&world.mts_state().await, "records");
        world.odoo.write("omc.rejection", number(&row, "id"), json!({"state": "requeued"})).await;
        world.mts_has_seen(before + 1).await;
        let state = async || rejection(&world, person).await["state"].clone();
        eventually("it is refused anew", state, |state| state == "open").await;
        quiet(&daemon).await;
        assert_eq!(number(&world.mts_state().await, "records"), before + 1, "sent more than once");
    }
}

/// The store was lost, and nothing is to be done for the registrant any more: no run finds them. Requeue ends the rejection all
/// the same, also at a connector that sends nothing.
#[tokio::test]
async fn a_requeue_of_what_the_store_does_not_know_ends_the_rejection() {
    let (world, daemon) = settled(Setup { registrants: 150, ..Setup::default() }).await;
    let people = refused_with(&world, "ATS-REQ-011").await;
    for person in &people[..2] {
        let open = async || rejection(&world, *person).await["state"].clone();
        eventually("Odoo lists the rejection", open, |state| state == "open").await;
        world.odoo.edit(json!({"registrant": person, "vid": null})).await;
    }
    daemon.stop().await;
    let reset = world.configuration.command(&["store", "reset"]).await;
    assert_eq!(reset.code, Some(0), "{reset:?}");
    let daemon = Daemon::start(&world.configuration).await;
    quiet(&daemon).await;
    let before = number(&world.mts_state().await, "records");
    for (person, job_status) in people.iter().zip(["started", "draft"]) {
        world.odoo.write("omc.connector", 1, json!({"job_status": job_status})).await;
        let expected = if job_status == "draft" { "stopped" } else { "started" };
        let activity = async || daemon.connector(1).await["activity"].clone();
        eventually("it is taken over", activity, |activity| activity == expected).await;
        let row = rejection(&world, *person).await;
        assert_eq!(row["state"], "open", "no run says anything of somebody without a VID");
        world.odoo.write("omc.rejection", number(&row, "id"), json!({"state": "requeued"})).await;
        let closed = async || rejection(&world, *person).await["state"].clone();
        eventually("the rejection ends", closed, |state| state == "resolved").await;
    }
    assert_eq!(number(&world.mts_state().await, "records"), before);
    assert_eq!(number(&daemon.connector(1).await["records"], "pending"), 0);
}

#[tokio::test]
async fn a_stopped_connector_sends_nothing_and_a_started_one_goes_on() {
    let mut world = World::start(Setup { registrants: 200, record_micros: 5_000, ..Setup::default() }).await;
    world.configuration.set("submit.batch_size", "10");
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(20).await;
    world.odoo.write("omc.connector", 1, json!({"job_status": "draft"})).await;
    let records = async || daemon.connector(1).await;
    let stopped = |connector: &Value| {
        let records = &connector["records"];
        connector["activity"] == "stopped" && number(records, "submitted") + number(records, "to_write") == 0
    };
    eventually("it is stopped, and what MTS held is written", records, stopped).await;
    let seen = number(&world.mts_state().await, "records");
    assert!(number(&world.odoo.state().await, "missing_tokens") > 0, "it was too quick to be stopped in the middle");
    // A requeue or a failed run does not wake it up.
    command(&world, &["requeue", "1", "--all"]).await;
    assert_eq!(world.configuration.command(&["run", "1"]).await.code, Some(1));
    assert_eq!(number(&world.mts_state().await, "records"), seen, "a stopped connector sent something");
    world.odoo.write("omc.connector", 1, json!({"job_status": "started"})).await;
    world.all_tokens_are_there().await;
}

async fn job_status(world: &World) -> Value {
    world.odoo.connector(1, &["job_status"]).await["job_status"].clone()
}

#[tokio::test]
async fn a_one_time_connector_runs_once_and_is_completed() {
    let world = World::start(Setup { registrants: 100, ..Setup::default() }).await;
    world.odoo.write("omc.connector", 1, json!({"is_recurring": "onetime"})).await;
    let daemon = Daemon::start(&world.configuration).await;
    eventually("it is completed", async || job_status(&world).await, |status| status == "completed").await;
    let state = world.odoo.state().await;
    assert_eq!(number(&state, "missing_tokens"), 0, "completed before its work was done: {state}");
    world.nothing_is_wrong(&state);
    let triggers: BTreeMap<String, usize> =
        world.odoo.search_read("omc.run", json!([]), &["trigger"]).await.iter().fold(
            BTreeMap::new(),
            |mut triggers, run| {
                *triggers.entry(run["trigger"].as_str().unwrap().to_owned()).or_default() += 1;
                triggers
            },
        );
    assert_eq!(triggers, BTreeMap::from([("one_time".to_owned(), 1)]));

    // Started once more, it runs once more.
    let activity = async || daemon.connector(1).await["activity"].clone();
    eventually("it is stopped", activity, |activity| activity == "stopped").await;
    let domain = json!([["is_registrant", "=", true], ["is_group", "=", false], ["reg_ids", "=", false]]);
    let person = world.odoo.search_read("res.partner", domain, &["given_name"]).await.remove(0);
    world.odoo.edit(json!({"registrant": person["id"], "vid": "7000000000000789"})).await;
    world.odoo.write("omc.connector", 1, json!({"job_status": "started"})).await;
    let completed =
        async || (job_status(&world).await, world.odoo.search_read("omc.run", json!([]), &["id"]).await.len());
    eventually("it is completed again", completed, |(status, runs)| status == "completed" && *runs == 2).await;
}

/// Stopped and started while it still pulls: the run that was cut short is the one that completes it.
#[tokio::test]
async fn a_one_time_connector_that_was_interrupted_is_completed_in_the_end() {
    let mut world = World::start(Setup { registrants: 200, record_micros: 5_000, ..Setup::default() }).await;
    world.odoo.write("omc.connector", 1, json!({"is_recurring": "onetime"})).await;
    world.configuration.set("submit.batch_size", "10").set("submit.max_in_flight", "20").set("odoo.page_size", "20");
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(20).await;
    for status in ["draft", "started"] {
        world.odoo.write("omc.connector", 1, json!({"job_status": status})).await;
        let activity = if status == "draft" { "stopped" } else { "started" };
        let seen = async || daemon.connector(1).await["activity"].clone();
        eventually("it is taken over", seen, |seen| seen == activity).await;
        if status == "draft" {
            let forgotten = async || daemon.said("its run is forgotten") + daemon.said("what waited for it is let go");
            eventually("its run is forgotten", forgotten, |forgotten| *forgotten > 0).await;
        }
    }
    eventually("it is completed", async || job_status(&world).await, |status| status == "completed").await;
    let state = world.odoo.state().await;
    assert_eq!(number(&state, "missing_tokens"), 0, "completed before its work was done: {state}");
}

/// Run now on a one-time connector that is about to run by itself: one of the two does the work, and it is completed.
#[tokio::test]
async fn run_now_on_a_one_time_connector_completes_it() {
    let mut world = World::start(Setup { registrants: 100, record_micros: 5_000, ..Setup::default() }).await;
    world.configuration.set("submit.batch_size", "10").set("submit.max_in_flight", "20").set("odoo.page_size", "20");
    world.odoo.write("omc.connector", 1, json!({"is_recurring": "onetime"})).await;
    world.odoo.create("omc.run", json!({"connector_id": 1})).await;
    let _daemon = Daemon::start(&world.configuration).await;
    eventually("it is completed", async || job_status(&world).await, |status| status == "completed").await;
    let state = world.odoo.state().await;
    assert_eq!(number(&state, "missing_tokens"), 0, "completed before its work was done: {state}");
}

/// Its only run came to an end, and somebody was given up: nothing goes on by itself, and that is no success.
#[tokio::test]
async fn a_one_time_connector_that_gave_somebody_up_has_failed() {
    let mut world = World::start(Setup { registrants: 4, invalid_percent: 0, ..Setup::default() }).await;
    // Each result gets lost by itself, until it has been lost often enough.
    world.configuration.set("submit.batch_size", "1").set("retry.attempts", "2");
    world.mts_faults(json!({"drop_callbacks": 1})).await;
    world.odoo.write("omc.connector", 1, json!({"is_recurring": "onetime"})).await;
    let daemon = Daemon::start(&world.configuration).await;
    eventually("it has failed", async || job_status(&world).await, |status| status == "failed").await;
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!(number(&records, "abandoned"), 4, "{records}");
}

/// What Odoo shows as running, and no daemon knows, ends; the work of it is found by the next run.
#[tokio::test]
async fn the_runs_of_a_lost_store_end_as_failed() {
    let world = World::start(Setup { registrants: 60, invalid_percent: 0, ..Setup::default() }).await;
    world.mts_faults(json!({"drop_callbacks": 1})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let runs = async || world.odoo.search_read("omc.run", json!([]), &["state", "message"]).await;
    eventually("a run is shown", runs, |runs| runs.len() == 1 && runs[0]["state"] == "running").await;
    daemon.stop().await;
    std::fs::remove_dir_all(world.configuration.path().with_file_name("store")).unwrap();
    world.mts_faults(json!({"drop_callbacks": 0})).await;

    let _daemon = Daemon::start(&world.configuration).await;
    let first = async || runs().await.into_iter().min_by_key(|run| number(run, "id")).unwrap();
    let lost = eventually("the lost run has ended", first, |run| run["state"] == "failed").await;
    assert!(lost["message"].as_str().unwrap().contains("does not know this run"), "{lost}");
    world.all_tokens_are_there().await;
}

/// Whoever shares a token is one person to MOSIP: listed by number, without the token, with the addon and without.
#[tokio::test]
async fn registrants_who_share_a_token_are_listed() {
    for addon in [true, false] {
        let world = World::start(Setup { registrants: 30, addon, ..Setup::default() }).await;
        let none = command(&world, &["duplicates"]).await;
        assert_eq!(none, json!({"duplicates": []}), "addon: {addon}");
        let domain = json!([["is_registrant", "=", true], ["active", "=", true]]);
        let rows = world.odoo.search_read("res.partner", domain, &["id"]).await;
        let people: Vec<u64> = rows.iter().map(|row| number(row, "id")).collect();
        let (secret, other) = ("290012345678901234567890123456789012", "290012345678901234567890123456789013");
        for (person, token) in [(5, secret), (2, secret), (9, secret), (3, other), (4, other), (7, "alone")] {
            world.odoo.edit(json!({"registrant": people[person], "token": token})).await;
        }
        let listed = command(&world, &["duplicates"]).await;
        let groups = listed["duplicates"].as_array().unwrap();
        let mut registrants: Vec<&Value> = groups.iter().map(|group| &group["registrants"]).collect();
        registrants.sort_by_key(|registrants| registrants[0].as_u64());
        let expected = [json!([people[2], people[5], people[9]]), json!([people[3], people[4]])];
        assert_eq!(registrants, expected.iter().collect::<Vec<_>>(), "addon: {addon}");

        let csv = world.configuration.command(&["duplicates", "--csv"]).await;
        assert_eq!((csv.code, csv.stdout.lines().count()), (Some(0), 6), "{csv:?}");
        let text = world.configuration.command(&["duplicates"]).await;
        assert!(text.stdout.ends_with("5 registrants in 2 groups, each of one person to MOSIP"), "{text:?}");
        for output in [csv.stdout, text.stdout, listed.to_string()] {
            assert!(!output.contains(&secret[..10]), "{output}");
        }
    }
}
