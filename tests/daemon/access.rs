//! A gateway before MTS that wants to know who calls.

use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::harness::mosip::{Mosip, SECRET};
use super::harness::{Daemon, Process, Setup, World, eventually, number};

fn written(secret: &str) -> String {
    format!("secret_key = {secret:?}")
}

/// A registry of people without a trouble, with an MTS behind the gateway that MOSIP's authmanager decides for.
async fn behind(mosip: &Mosip, registrants: u32, record_micros: u64) -> World {
    let require_login = Some(mosip.url.clone());
    let mut world =
        World::start(Setup { registrants, invalid_percent: 0, record_micros, require_login, ..Setup::default() }).await;
    let entry = mosip.entry(&world.mts_url, &written(SECRET));
    world.configuration.set("mts.access", &entry).set("submit.batch_size", "10");
    world
}

/// What the daemon says is the matter with the way in; null if nothing is.
async fn trouble(daemon: &Daemon, world: &World) -> Value {
    let remote = format!("access to MTS {}/", world.mts_url);
    let status = daemon.status().await;
    let found = status["troubles"].as_array().unwrap().iter().find(|trouble| trouble[0] == remote);
    found.map_or(Value::Null, |trouble| trouble[1].clone())
}

async fn turned_away(world: &World) -> u64 {
    number(&world.mts_state().await, "turned_away")
}

/// Nothing that the daemon printed or tells holds the secret.
async fn the_secret_is_nowhere(daemon: &Daemon, secret: &str) {
    let (metrics, status) = (daemon.open("/metrics").await.1, daemon.status().await.to_string());
    for (place, text) in [("log", daemon.process.stderr.all().join("\n")), ("metrics", metrics), ("status", status)] {
        assert!(!text.contains(secret), "{place}");
        // Nor a token: they all begin so.
        assert!(!text.contains("eyJ"), "{place}");
    }
}

#[tokio::test]
async fn each_kind_is_let_in_and_gets_all_tokens() {
    let mosip = Mosip::start().await;
    let (url, base64) = (&mosip.url, "b21jOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==");
    let token_url = format!("{url}/realms/registry/protocol/openid-connect/token");
    let kinds = [
        (
            "mosip",
            url.clone(),
            format!("login_url = {url:?}, app_id = \"registry\", client_id = \"omc\", secret_key = {SECRET:?}"),
        ),
        (
            "client_credentials",
            url.clone(),
            format!("token_url = {token_url:?}, client_id = \"omc\", client_secret = {SECRET:?}"),
        ),
        ("bearer", format!("bearer:{SECRET}"), format!("token = {SECRET:?}")),
        ("basic", format!("basic:omc:{SECRET}"), format!("username = \"omc\", password = {SECRET:?}")),
    ];
    for (kind, required, keys) in kinds {
        let setup = Setup { registrants: 40, require_login: Some(required), ..Setup::default() };
        let mut world = World::start(setup).await;
        if kind == "client_credentials" {
            // Its status and file are asked for by the same way in.
            world.odoo.write("omc.connector", 1, json!({"delivery_type": "download", "output_type": "json"})).await;
        }
        let entry = format!("[{{ url = {:?}, kind = {kind:?}, {keys} }}]", world.mts_url);
        world.configuration.set("mts.access", &entry).set("submit.batch_size", "10");
        let daemon = Daemon::start(&world.configuration).await;
        world.all_tokens_are_there().await;
        assert_eq!(turned_away(&world).await, 0, "{kind}");
        assert_eq!(trouble(&daemon, &world).await, Value::Null, "{kind}");
        the_secret_is_nowhere(&daemon, SECRET).await;
        the_secret_is_nowhere(&daemon, base64).await;
        let check = world.configuration.command(&["check"]).await;
        let line = format!("[[mts.access]] for {}/: ", world.mts_url);
        let told = check.stdout.lines().find(|told| told.contains(&line)).unwrap_or_else(|| panic!("{check:?}"));
        assert!(told.contains("MTS answers") && check.code == Some(0), "{kind}: {check:?}");
        assert!(check.stdout.contains(&format!("MTS {}/: release 1.1.0 answers", world.mts_url)), "{kind}: {check:?}");
    }
    // Two that log in, once for the daemon and once for `omc check`.
    assert_eq!(mosip.logins().await, 4);
}

#[tokio::test]
async fn a_gateway_that_nobody_configured_is_told_and_waited_for() {
    let setup = Setup { registrants: 20, require_login: Some(format!("bearer:{SECRET}")), ..Setup::default() };
    let mut world = World::start(setup).await;
    let daemon = Daemon::start(&world.configuration).await;
    let line = daemon.says(&["fails; waiting", "access to MTS", "[[mts.access]]"]).await;
    assert!(line.contains("401"), "{line}");
    let check = world.configuration.command(&["check"]).await;
    assert!(check.code == Some(1) && check.stdout.contains("no [[mts.access]] is for this address"), "{check:?}");
    // The wrong one is refused twice and told by its keys.
    let entry = |token: &str| format!("[{{ url = {:?}, kind = \"bearer\", token = {token:?} }}]", world.mts_url);
    let (wrong, right) = (entry("another-token"), entry(SECRET));
    world.configuration.set("mts.access", &wrong).write();
    daemon.process.signal(Signal::HUP);
    daemon.says(&["fails; waiting", "is not accepted (HTTP 401)", "check token"]).await;
    world.configuration.set("mts.access", &right).write();
    daemon.process.signal(Signal::HUP);
    world.all_tokens_are_there().await;
}

#[tokio::test]
async fn a_token_that_expires_during_the_work_is_renewed_before() {
    let mosip = Mosip::start().await;
    mosip.faults(json!({"token_seconds": 2})).await;
    // Ten batches of half a second, twice.
    let world = behind(&mosip, 100, 50_000).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    assert!(mosip.logins().await >= 3, "{}", mosip.state().await);
    let accepted = daemon.metric("omc_logins_total{result=\"accepted\"}").await;
    assert_eq!(accepted, mosip.logins().await as f64);
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!(number(&records, "abandoned"), 0, "{records}");
}

#[tokio::test]
async fn tokens_that_are_revoked_are_replaced_when_the_gateway_says_so() {
    let mosip = Mosip::start().await;
    let world = behind(&mosip, 100, 20_000).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(20).await;
    mosip.faults(json!({"revoke": true})).await;
    world.all_tokens_are_there().await;
    assert!(turned_away(&world).await >= 1);
    assert_eq!(mosip.logins().await, 2, "once however many calls met it");
    assert_eq!(daemon.said("no clear answer from MTS"), 0);
    assert_eq!(daemon.said("access to MTS"), 0, "it never waited for the way in");
    assert_eq!(number(&world.mts_state().await, "records"), 100, "what was turned away was not taken");
}

#[tokio::test]
async fn a_wrong_secret_pauses_its_mts_alone_and_costs_nobody_an_attempt() {
    let mosip = Mosip::start().await;
    let mut world = behind(&mosip, 60, 0).await;
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("secret");
    std::fs::write(&file, "wrong-horse-battery\n").unwrap();
    let entry = mosip.entry(&world.mts_url, &format!("secret_key_file = {file:?}"));
    world.configuration.set("mts.access", &entry).set("retry.attempts", "2");
    // Another MTS, for a third of the people, has no gateway.
    let (_other, other_url) = Process::simulator("mts", &["--listen", "127.0.0.1:0"]).await;
    let people = world.odoo.search_read("res.partner", json!([["reg_ids.id_type", "=", 1]]), &["id"]).await;
    let some: Vec<u64> = people.iter().take(20).map(|person| number(person, "id")).collect();
    let domain = |operator: &str| {
        json!([["id", operator, some], ["is_registrant", "=", true], ["is_group", "=", false]]).to_string()
    };
    world.odoo.write("omc.connector", 1, json!({"g2p_search_domain": domain("not in")})).await;
    world
        .odoo
        .another_connector(json!({"name": "Open", "mts_url": other_url, "g2p_search_domain": domain("in")}))
        .await;

    let before = number(&world.odoo.state().await, "missing_tokens");
    let daemon = Daemon::start(&world.configuration).await;
    let line = daemon.says(&["fails; waiting", "access to MTS", "wrong secret"]).await;
    let parts = ["[[mts.access]] for", "client_id and secret_key", "systemctl reload omc"];
    assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    let missing = async || number(&world.odoo.state().await, "missing_tokens");
    // A few are refused by MOSIP, and are missed by nobody.
    eventually("the other MTS gives its tokens", missing, |missing| *missing <= before - 15).await;
    // More often than a record may fail by itself.
    let refused = async || number(&mosip.state().await, "refused_logins");
    eventually("it is tried again and again", refused, |refused| *refused >= 5).await;
    let told = trouble(&daemon, &world).await;
    assert!(told.as_str().unwrap().contains("wrong secret"), "{told}");
    let shown = async || world.odoo.connector(1, &["last_error"]).await["last_error"].clone();
    let tells = |error: &Value| error.as_str().is_some_and(|error| error.contains("secret_key"));
    eventually("Odoo shows it", shown, tells).await;
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!((number(&records, "abandoned"), number(&records, "rejected")), (0, 0), "{records}");
    let check = world.configuration.command(&["check"]).await;
    let line = format!("FAILED [[mts.access]] for {}/: the login is refused (wrong secret)", world.mts_url);
    assert!(check.code == Some(1) && check.stdout.contains(&line), "{check:?}");
    the_secret_is_nowhere(&daemon, "wrong-horse-battery").await;

    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    daemon.process.signal(Signal::HUP);
    world.all_tokens_are_there().await;
    assert_eq!(trouble(&daemon, &world).await, Value::Null);
    assert_eq!(turned_away(&world).await, 0, "nobody came without a token");
    the_secret_is_nowhere(&daemon, SECRET).await;
}

#[tokio::test]
async fn a_login_server_that_hangs_or_is_down_is_waited_for() {
    let mosip = Mosip::start().await;
    mosip.faults(json!({"refuse": true})).await;
    let world = behind(&mosip, 30, 0).await;
    let daemon = Daemon::start(&world.configuration).await;
    daemon.says(&["fails; waiting", "the login fails", "check login_url"]).await;
    mosip.faults(json!({"refuse": false, "hang_rate": 1.0})).await;
    let silent = |told: &Value| told.as_str().is_some_and(|told| told.contains("does not answer in time"));
    eventually("the hang is told", || trouble(&daemon, &world), silent).await;
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!((number(&records, "abandoned"), number(&records, "rejected")), (0, 0), "{records}");
    mosip.faults(json!({"hang_rate": 0.0})).await;
    world.all_tokens_are_there().await;
    assert_eq!(trouble(&daemon, &world).await, Value::Null);
}
