//! Connectors of ODK: MTS pulls submissions, window after window, and their results go into files.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::put;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::certificates::{Authority, write};
use super::harness::{Central, Daemon, EMAIL, PASSWORD, Setup, World, eventually, number, token_of};

fn vid(row: u32) -> String {
    format!("20{row:012}77")
}

fn answers(row: u32) -> Value {
    json!({"__id": format!("uuid:{row}"), "mosip": {"vid": vid(row)}, "name": format!("Person {row}"), "sex": "female",
           "born": "1990-01-31", "home": "Hill 1"})
}

/// MTS fails on a name that is a number.
fn bad(row: u32) -> Value {
    let mut bad = answers(row);
    bad["name"] = json!(4711);
    bad
}

#[expect(clippy::disallowed_methods, reason = "submissions are made now, as the daemon sees it")]
fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from(std::time::SystemTime::now())
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
    world.odoo.write("omc.connector", 1, enrolment(&central.url)).await;
    (world, central, folder)
}

fn enrolment(central: &str) -> Value {
    json!({
        "name": "Enrolment", "input_type": "odk", "delivery_type": "download", "mapping": MAPPING,
        "odk_base_url": central, "odk_odata_url": format!("{central}/v1/projects/7/forms/enrol.svc"),
        "odk_email": EMAIL, "odk_password": PASSWORD,
    })
}

async fn last_error(world: &World) -> String {
    world.odoo.connector(1, &["last_error"]).await["last_error"].to_string()
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
        let (world, mut central, folder) = stage(Setup { release, ..Setup::default() }).await;
        let certificates = tempfile::tempdir().unwrap();
        if release == "1.0.1" {
            // It knows ODK Central by https only.
            let issued = Authority::new("Authority of a test").issue(&["127.0.0.1"]);
            let certificate = write(certificates.path(), "odk.pem", &issued.certificate);
            let (secure, url) =
                Central::secure(&certificate, &write(certificates.path(), "odk.key", &issued.key)).await;
            world.odoo.write("omc.connector", 1, enrolment(&url)).await;
            central = secure;
        }
        for row in 1..=30 {
            central.submit(now(), answers(row)).await;
        }
        let mut foreign = answers(31);
        foreign["mosip"]["vid"] = json!("2045678901230001");
        central.submit(now(), foreign).await;
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
        central.submit(now(), answers(40)).await;
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
    central.close(true).await;
    central.submit(now(), answers(1)).await;
    let mut daemon = Daemon::start(&world.configuration).await;
    let nothing = async |daemon: &Daemon| daemon.metric("omc_odk_pulls_total{outcome=\"nothing\"}").await;
    eventually("MTS finds nothing", || nothing(&daemon), |pulls| *pulls >= 1.0).await;
    central.close(false).await;
    run(&world).await;
    there_are(&folder, 1).await;

    // MTS is down.
    world.mts_faults(json!({"refuse": true})).await;
    for row in 2..=20 {
        central.submit(now(), answers(row)).await;
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
    let pulls = central.asked().await.len();
    let daemon = Daemon::start(&world.configuration).await;
    there_are(&folder, 20).await;
    assert!(central.asked().await.len() <= pulls + 1, "{:?}", central.asked().await);
    // Windows follow each other without a gap.
    let asked = central.asked().await;
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

/// A wrong password, and an ODK that is away, are told on the connector; nothing is passed over, halved or held for that.
#[tokio::test]
async fn a_login_that_odk_refuses_is_told() {
    let (world, central, folder) = stage(Setup::default()).await;
    world.odoo.write("omc.connector", 1, json!({"odk_password": "wrong"})).await;
    central.submit(now(), answers(1)).await;
    central.submit(now(), bad(2)).await;
    let daemon = Daemon::start(&world.configuration).await;
    eventually("it is told in Odoo", || last_error(&world), |error| error.contains("odk_password")).await;
    assert_eq!(central.asked().await.len(), 0);
    central.faults(json!({"refuse": true})).await;
    world.odoo.write("omc.connector", 1, json!({"odk_password": PASSWORD})).await;
    let failed = async || daemon.metric("omc_odk_pulls_total{outcome=\"failed\"}").await;
    let before = failed().await;
    eventually("it is tried again", failed, |times| *times >= before + 2.0).await;
    assert_eq!(daemon.said("it is left out"), 0);
    central.faults(json!({"refuse": false})).await;
    there_are(&folder, 1).await;
    daemon.stop().await;
}

/// One submission that MTS cannot read is left out and told; all others come, and it comes once it is corrected.
#[tokio::test]
async fn a_submission_that_mts_cannot_read_holds_nobody_up() {
    let (world, central, folder) = stage(Setup::default()).await;
    let start = now() - TimeDelta::hours(30);
    let at = |row: u32| start + TimeDelta::minutes(i64::from(row) * 17);
    for row in 1..=40 {
        central.submit(at(row), if row == 9 || row == 33 { bad(row) } else { answers(row) }).await;
    }
    // In the same second as a good one.
    central.submit(at(20) + TimeDelta::milliseconds(3), bad(41)).await;
    let daemon = Daemon::start(&world.configuration).await;
    there_are(&folder, 38).await;
    let shown = |row| at(row).to_rfc3339_opts(SecondsFormat::Millis, true);
    let tells =
        |error: &String| error.contains(&shown(9)) && error.contains(&shown(33)) && error.contains("Correct them");
    eventually("the times are told in Odoo", || last_error(&world), tells).await;
    let troubles = daemon.status().await["troubles"].to_string();
    assert!(troubles.contains(&shown(9)), "{troubles}");
    daemon.says(&["it is left out", &shown(33)]).await;
    let done = async || world.odoo.search_read("omc.run", json!([["state", "=", "done"]]), &["found", "tokens"]).await;
    let runs = eventually("the run is over", done, |runs| !runs.is_empty()).await;
    assert_eq!((&runs[0]["found"], &runs[0]["tokens"]), (&json!(38), &json!(38)));
    // Asked for again with each run, one call for each, and no more.
    let asked = central.asked().await.len();
    central.submit(now(), answers(50)).await;
    run(&world).await;
    there_are(&folder, 39).await;
    eventually("each was asked for once", async || central.asked().await.len(), |now| *now == asked + 4).await;
    assert_eq!(rows(&folder).len(), 39, "nobody went twice");
    // A kill keeps what is held; a correction comes, a deletion is believed while ODK shows the form.
    daemon.stop().await;
    let daemon = Daemon::start(&world.configuration).await;
    central.submit(now(), answers(9)).await;
    central.submit(now(), answers(41)).await;
    central.remove("uuid:33").await;
    run(&world).await;
    there_are(&folder, 41).await;
    eventually("nothing is held", || last_error(&world), |error| error == "false").await;
    assert_eq!(rows(&folder).len(), 41, "nobody went twice");
    daemon.stop().await;
}

/// Whoever is called at the administrator's URL: what came there, and what it answers.
#[derive(Clone, Default)]
struct Called(Arc<Mutex<Vec<Value>>>);

impl Called {
    async fn start(&self) -> (String, tokio::task::JoinHandle<()>) {
        let called = self.clone();
        let take = async move |headers: HeaderMap, body: String| {
            let fits = headers.get("authorization").is_some_and(|value| value == "Bearer of-the-registry");
            if fits && headers.get("x-site").is_some_and(|value| value == "north") {
                called.0.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            }
            StatusCode::OK
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/enrolments", listener.local_addr().unwrap());
        let router = Router::new().route("/enrolments", put(take));
        (url, tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
    }

    fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }
}

fn to_somebody_else(url: &str) -> Value {
    json!({
        "delivery_type": "callback", "callback_url": url, "callback_httpmethod": "PUT", "callback_authtype": "staticBearer",
        "callback_auth_password": "of-the-registry", "callback_timeout": 1, "callback_extra_headers": r#"{"X-Site": "north"}"#,
        "output_format": "{instance: .input.__id, token: .output.token, code: .output.errorCode}",
    })
}

/// MTS calls somebody else in the administrator's own form; OMC follows it, and says what it cannot know.
#[tokio::test]
async fn results_go_to_the_administrators_url() {
    let (mut world, central, folder) = stage(Setup::default()).await;
    world.configuration.set("reconcile.callback_grace", "\"2s\"").remove("odk.folder").write();
    let called = Called::default();
    let (url, _task) = called.start().await;
    // At first there is nobody.
    world.odoo.write("omc.connector", 1, to_somebody_else("http://127.0.0.1:9/enrolments")).await;
    for row in 1..=20 {
        central.submit(now(), answers(row)).await;
    }
    let mut foreign = answers(21);
    foreign["mosip"]["vid"] = json!("2045678901230001");
    central.submit(now(), foreign).await;
    central.submit(now(), bad(22)).await;
    let daemon = Daemon::start(&world.configuration).await;
    eventually("it is told", || last_error(&world), |error| error.contains("could not call")).await;
    assert_eq!(daemon.metric("omc_odk_pulls_total{outcome=\"called_in\"}").await, 0.0);
    world.odoo.write("omc.connector", 1, json!({"callback_url": url})).await;
    let all = async || called.all();
    let calls = eventually("all results are called in", all, |calls| calls.len() >= 21).await;
    let first = calls.iter().find(|call| call["instance"] == "uuid:1").unwrap();
    assert_eq!(*first, json!({"instance": "uuid:1", "token": token_of(&vid(1)), "code": null}));
    assert!(calls.contains(&json!({"instance": "uuid:21", "token": null, "code": "IDA-DEA-001"})), "{calls:?}");
    daemon.says(&["OMC sees neither how many they are", "127.0.0.1"]).await;
    let running = async || daemon.connector(1).await["running"].clone();
    eventually("the run is over", running, |running| *running == json!([])).await;
    assert!(daemon.metric("omc_odk_pulls_total{outcome=\"called_in\"}").await > 0.0);
    run(&world).await;
    eventually(
        "another is over",
        async || daemon.connector(1).await["running"].clone(),
        |running| *running == json!([]),
    )
    .await;
    assert_eq!(called.all().len(), 21, "read windows are not called in again");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let log = daemon.stop().await.join("\n");
    for secret in [PASSWORD, "of-the-registry", "/enrolments", "Person", &vid(1)] {
        assert!(!log.contains(secret), "{secret}");
    }
}

/// Without an address, what the connector says of calling back changes nothing: results come to OMC, as files.
#[tokio::test]
async fn callbacks_to_omc_come_as_files() {
    let (world, central, folder) = stage(Setup::default()).await;
    let values = json!({"delivery_type": "callback", "callback_url": false, "output_type": "csv"});
    world.odoo.write("omc.connector", 1, values).await;
    central.submit(now(), answers(1)).await;
    let daemon = Daemon::start(&world.configuration).await;
    there_are(&folder, 1).await;
    daemon.stop().await;
}

/// What an MTS of before cannot do is said in words.
#[tokio::test]
async fn what_release_1_0_1_cannot_do_is_told() {
    let (world, central, folder) = stage(Setup { release: "1.0.1", ..Setup::default() }).await;
    central.submit(now(), answers(1)).await;
    let daemon = Daemon::start(&world.configuration).await;
    eventually("https is asked for", || last_error(&world), |error| error.contains("by https only")).await;
    world.odoo.write("omc.connector", 1, to_somebody_else("http://127.0.0.1:9/enrolments")).await;
    eventually("no callbacks", || last_error(&world), |error| error.contains("knows no callbacks")).await;
    assert_eq!((central.asked().await.len(), rows(&folder).len()), (0, 0));
    daemon.stop().await;
}

/// A connector of the registry that becomes one of ODK lets go of who waits, and writes what MTS holds.
#[tokio::test]
async fn who_waited_before_it_was_of_odk_is_let_go() {
    let (central, folder) = (Central::start().await, tempfile::tempdir().unwrap());
    let setup = Setup { registrants: 60, invalid_percent: 0, record_micros: 50_000, ..Setup::default() };
    let path = format!("{:?}", folder.path().to_str().unwrap());
    let mut world = World::start(setup).await;
    world.configuration.set("odk.folder", &path).set("submit.batch_size", "10").write();
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(10).await;
    world.odoo.write("omc.connector", 1, enrolment(&central.url)).await;
    central.submit(now(), answers(1)).await;
    let records = async || daemon.connector(1).await["records"].clone();
    let none = |records: &Value| number(records, "pending") == 0 && number(records, "submitted") == 0;
    eventually("nobody waits", records, none).await;
    there_are(&folder, 1).await;
    let of_registry = number(&world.mts_state().await, "records") - 1;
    assert!((10..60).contains(&of_registry), "{of_registry}");
    let state = async || world.odoo.state().await;
    let state = eventually("what MTS held is written", state, |state| number(state, "with_token") == of_registry).await;
    world.nothing_is_wrong(&state);
    daemon.stop().await;
}
