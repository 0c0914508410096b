//! Connectors of ODK: MTS pulls submissions, window after window, and their results go into files.

use std::os::unix::fs::PermissionsExt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::harness::{Central, Daemon, EMAIL, PASSWORD, Setup, World, eventually, number, token_of};

fn vid(row: u32) -> String {
    format!("20{row:012}77")
}

fn answers(row: u32) -> Value {
    json!({"__id": format!("uuid:{row}"), "mosip": {"vid": vid(row)}, "name": format!("Person {row}"), "sex": "female",
           "born": "1990-01-31", "home": "Hill 1"})
}

#[expect(clippy::disallowed_methods, reason = "submissions are made now, as the daemon sees it")]
fn now() -> String {
    DateTime::<Utc>::from(std::time::SystemTime::now()).to_rfc3339_opts(SecondsFormat::Millis, true)
}

const MAPPING: &str =
    r#"{"vid": "mosip.vid", "name": ["name"], "gender": "sex", "dob": "born", "fullAddress": ["home"]}"#;

/// A registry that rests, an ODK Central, and a started connector between it and MTS.
async fn stage(setup: Setup) -> (World, Central, tempfile::TempDir) {
    let (central, folder) = (Central::start().await, tempfile::tempdir().unwrap());
    let mut world = World::start(Setup { registrants: 5, invalid_percent: 0, ..setup }).await;
    let path = format!("{:?}", folder.path().to_str().unwrap());
    world.configuration.set("odk.folder", &path).set("schedule.overlap", "\"0s\"");
    world.configuration.write();
    let values = json!({
        "name": "Enrolment", "input_type": "odk", "delivery_type": "download", "mapping": MAPPING,
        "odk_base_url": central.url, "odk_odata_url": format!("{}/v1/projects/7/forms/enrol.svc", central.url),
        "odk_email": EMAIL, "odk_password": PASSWORD,
    });
    world.odoo.write("omc.connector", 1, values).await;
    (world, central, folder)
}

/// All rows of all result files, below their headers.
fn rows(folder: &tempfile::TempDir) -> Vec<Vec<String>> {
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|ending| ending == "csv"));
    names.sort();
    let mut rows = Vec::new();
    for path in names {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("vid,token,status,errorCode,errorMessage\n"), "{text}");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        rows.extend(reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()));
    }
    rows
}

fn vids(folder: &tempfile::TempDir) -> Vec<String> {
    let mut vids: Vec<String> = rows(folder).into_iter().map(|row| row[0].clone()).collect();
    vids.sort();
    vids.dedup();
    vids
}

async fn there_are(folder: &tempfile::TempDir, count: usize) {
    eventually("so many people have results", async || vids(folder), |vids| vids.len() == count).await;
}

async fn run(world: &World) {
    let output = world.configuration.command(&["run", "1"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[tokio::test]
async fn submissions_get_their_tokens_from_either_release() {
    for release in ["1.1", "1.0.1"] {
        let (world, central, folder) = stage(Setup { release, ..Setup::default() }).await;
        for row in 1..=30 {
            central.submit(&now(), answers(row));
        }
        let mut foreign = answers(31);
        foreign["mosip"]["vid"] = json!("2045678901230001");
        central.submit(&now(), foreign);
        let daemon = Daemon::start(&world.configuration).await;
        there_are(&folder, 31).await;
        for row in rows(&folder) {
            match row[0].as_str() {
                "2045678901230001" => assert_eq!(row[1..4], ["", "error", "IDA-DEA-001"]),
                vid => assert_eq!(row[1..], [token_of(vid).as_str(), "processed", "", ""]),
            }
        }
        // Odoo is told of the run, and its registrants are left alone.
        let runs =
            async || world.odoo.search_read("omc.run", json!([["state", "=", "done"]]), &["found", "tokens"]).await;
        let runs = eventually("the run is shown", runs, |runs| !runs.is_empty()).await;
        assert_eq!((&runs[0]["found"], &runs[0]["tokens"]), (&json!(31), &json!(30)), "{release}");
        let state = world.odoo.state().await;
        assert_eq!((number(&state, "with_token"), number(&state, "with_vid")), (0, 5), "{state}");
        assert_eq!(daemon.metric("omc_odk_results_total{outcome=\"token\"}").await, 30.0);
        // What comes later comes with the next run; what was read is not read again.
        central.submit(&now(), answers(40));
        run(&world).await;
        there_are(&folder, 32).await;
        assert_eq!(rows(&folder).len(), 32, "nobody went twice");
        let log = daemon.stop().await.join("\n");
        for secret in [PASSWORD, EMAIL, "Person", &vid(1), &token_of(&vid(1))] {
            assert!(!log.contains(secret), "{secret}");
        }
    }
}

/// A window counts as read only once its results are in a file: not while MTS fails, ODK shows nothing, or the daemon is killed.
#[tokio::test]
async fn a_window_is_passed_only_with_its_results() {
    let (mut world, central, folder) = stage(Setup { record_micros: 20_000, ..Setup::default() }).await;
    world.configuration.set("reconcile.stuck_after", "\"60s\"").set("reconcile.callback_grace", "\"30s\"");
    // ODK refuses to show the form; MTS calls that: no submissions.
    central.close(true);
    central.submit(&now(), answers(1));
    let mut daemon = Daemon::start(&world.configuration).await;
    let nothing = async |daemon: &Daemon| daemon.metric("omc_odk_pulls_total{outcome=\"nothing\"}").await;
    eventually("MTS finds nothing", || nothing(&daemon), |pulls| *pulls >= 1.0).await;
    central.close(false);
    run(&world).await;
    there_are(&folder, 1).await;

    // MTS is down.
    world.mts_faults(json!({"refuse": true})).await;
    for row in 2..=20 {
        central.submit(&now(), answers(row));
    }
    run(&world).await;
    let troubled = async |daemon: &Daemon| daemon.status().await["troubles"].to_string();
    eventually("MTS is waited for", || troubled(&daemon), |troubles| troubles.contains("MTS http")).await;
    assert_eq!(vids(&folder).len(), 1);
    world.faults_off().await;

    // Killed while MTS works on what it has pulled: its results are asked for by the identifier.
    world.mts_has_seen(20).await;
    daemon.says(&["submissions pulled"]).await;
    daemon.process.kill().await;
    let pulls = central.asked().len();
    let daemon = Daemon::start(&world.configuration).await;
    there_are(&folder, 20).await;
    assert!(central.asked().len() <= pulls + 1, "{:?}", central.asked());
    // Windows follow each other without a gap.
    let asked = central.asked();
    assert!(asked.windows(2).all(|pair| pair[1].0 <= pair[0].1), "{asked:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn each_field_that_is_missing_is_a_line() {
    let (mut world, central, _folder) = stage(Setup::default()).await;
    let wrong = json!({"odk_base_url": false, "odk_odata_url": format!("{}/v1/projects/7", central.url), "odk_email": false,
                       "odk_password": false});
    world.odoo.write("omc.connector", 1, wrong).await;
    let check = world.configuration.command(&["check"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    for field in ["odk_base_url", "odk_odata_url", "odk_email", "odk_password"] {
        assert!(check.stdout.contains(&format!("{field}: ")), "{field}: {check:?}");
    }
    world.configuration.remove("odk.folder").write();
    let check = world.configuration.command(&["check"]).await;
    assert!(check.stdout.contains("input_type: write a folder"), "{check:?}");
}

/// A wrong password is told on the connector, and nothing is passed over.
#[tokio::test]
async fn a_login_that_odk_refuses_is_told() {
    let (world, central, folder) = stage(Setup::default()).await;
    world.odoo.write("omc.connector", 1, json!({"odk_password": "wrong"})).await;
    central.submit(&now(), answers(1));
    let daemon = Daemon::start(&world.configuration).await;
    let error = async || world.odoo.connector(1, &["last_error"]).await["last_error"].to_string();
    eventually("it is told in Odoo", error, |error| error.contains("odk_password")).await;
    world.odoo.write("omc.connector", 1, json!({"odk_password": PASSWORD})).await;
    there_are(&folder, 1).await;
    daemon.stop().await;
}
