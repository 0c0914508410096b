//! What the audit hears: all of it, and nothing of a person.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::harness::mosip::{Mosip, SECRET};
use super::harness::{Chance, Daemon, Setup, World, eventually, number};

/// Fields of docs/audit.md with the characters that they hold at most.
const FIELDS: [(&str, usize); 16] = [
    ("eventId", 64),
    ("eventName", 128),
    ("eventType", 64),
    ("actionTimeStamp", 24),
    ("hostName", 128),
    ("hostIp", 256),
    ("applicationId", 64),
    ("applicationName", 128),
    ("sessionUserId", 256),
    ("sessionUserName", 128),
    ("id", 64),
    ("idType", 64),
    ("createdBy", 256),
    ("moduleName", 128),
    ("moduleId", 64),
    ("description", 2048),
];

/// A world whose daemon tells MOSIP's audit manager.
async fn audited(mosip: &Mosip, setup: Setup) -> World {
    let mut world = World::start(setup).await;
    mosip.known_to(&mut world.configuration);
    world.configuration.set("mosip.audit", "true");
    world
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_else(|| panic!("no {field}: {event}"))
}

/// What a description says of one thing.
fn detail<'a>(event: &'a Value, name: &str) -> &'a str {
    let parts = text(event, "description").split("; ").filter_map(|part| part.split_once('='));
    parts.into_iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no {name}: {event}")).1
}

/// Events of one kind, each counted once however often it was told.
fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let mut seen = BTreeSet::new();
    events.iter().filter(|event| text(event, "eventId") == kind && seen.insert(detail(event, "event"))).collect()
}

fn registrants(events: &[Value], kind: &str) -> BTreeSet<u64> {
    let of = |event: &Value| {
        assert_eq!(event["idType"], "ODOO_PARTNER_ID", "{event}");
        text(event, "id").parse().unwrap()
    };
    of_kind(events, kind).into_iter().map(of).collect()
}

/// Registrants with an ID of one type (1: VID, 2: token).
async fn holders(world: &World, kind: u64) -> BTreeSet<u64> {
    let rows = world.odoo.search_read("g2p.reg.id", json!([["id_type", "=", kind]]), &["partner_id"]).await;
    rows.iter().map(|row| row["partner_id"][0].as_u64().unwrap()).collect()
}

/// VIDs, tokens, names and the rest of what nobody may find.
async fn personal(world: &World) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for row in world.odoo.search_read("g2p.reg.id", json!([["id_type", "in", [1, 2]]]), &["value"]).await {
        found.insert(row["value"].as_str().unwrap().to_owned());
    }
    let fields = ["given_name", "family_name", "phone", "email"];
    for person in world.odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &fields).await {
        let texts = fields.iter().filter_map(|field| person[*field].as_str());
        found.extend(texts.filter(|text| text.len() >= 4).map(str::to_owned));
    }
    found
}

fn nothing_personal(events: &[Value], personal: &BTreeSet<String>) {
    assert!(personal.len() > 50, "too few to mean something");
    for event in events {
        let printed = event.to_string();
        let hit = personal.iter().find(|personal| printed.contains(personal.as_str()));
        assert!(hit.is_none() && !printed.contains(SECRET), "{hit:?} in {printed}");
    }
}

fn as_documented(event: &Value) {
    let fields = event.as_object().unwrap();
    assert_eq!(fields.len(), FIELDS.len(), "{event}");
    for (field, longest) in FIELDS {
        let length = text(event, field).chars().count();
        assert!((1..=longest).contains(&length), "{field}: {event}");
    }
}

/// Waits until nothing is under way, and everything that there was to tell is told: events come in their order, so what is done
/// last is told last.
async fn all_told<F: Future<Output = Vec<Value>>>(world: &World, daemon: &Daemon, events: impl Fn() -> F) {
    let records = async || daemon.connector(1).await["records"].clone();
    eventually("nothing is under way", records, |records| {
        ["pending", "submitted", "to_write"].iter().all(|state| records[*state] == 0)
    })
    .await;
    let renamed = async || {
        let changed = |event: &Value| text(event, "description").ends_with("fields=name");
        events().await.iter().filter(|event| changed(event)).count()
    };
    let before = renamed().await;
    world.odoo.write("omc.connector", 1, json!({"name": format!("Renamed {before}")})).await;
    eventually("the last event is told", renamed, |renamed| *renamed > before).await;
}

/// Who was told to have got a token: those who did, and perhaps some who held it before.
fn tokens_are_told(events: &[Value], before: &BTreeSet<u64>, after: &BTreeSet<u64>) -> BTreeSet<u64> {
    let written: BTreeSet<u64> = after.difference(before).copied().collect();
    let told = registrants(events, "OMC_TOKEN_WRITTEN");
    assert!(told.is_superset(&written), "not told: {:?}", written.difference(&told));
    for event in of_kind(events, "OMC_TOKEN_WRITTEN") {
        let who: u64 = text(event, "id").parse().unwrap();
        assert!(after.contains(&who), "made up: {event}");
        // A corrected VID can give the very token that is there.
        assert!(written.contains(&who) || detail(event, "outcome") == "found", "{event}");
    }
    written
}

/// Waits until the audit manager took an event of a kind whose description has this.
async fn hears(mosip: &Mosip, kind: &str, part: &str) -> Value {
    let find = async || {
        let events = mosip.audits().await;
        events.into_iter().find(|event| text(event, "eventId") == kind && text(event, "description").contains(part))
    };
    eventually(&format!("{kind} with {part}"), find, Option::is_some).await.unwrap()
}

#[tokio::test]
async fn each_kind_of_event_arrives_and_none_names_a_person() {
    let mosip = Mosip::start().await;
    let mut world = audited(&mosip, Setup { registrants: 120, ..Setup::default() }).await;
    world.configuration.set("schedule.vid_cleanup", "\"1s\"");
    let (personal, before, vids_before) = (personal(&world).await, holders(&world, 2).await, holders(&world, 1).await);
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let both = async || number(&world.odoo.state().await, "with_both");
    eventually("no VID stays beside a token", both, |both| *both == 0).await;
    hears(&mosip, "OMC_RUN_ENDED", "state=done").await;

    // The definition: new at first, then another, wrong, and right again.
    hears(&mosip, "OMC_DEFINITION", "definition=new").await;
    world.odoo.write("omc.connector", 1, json!({"name": "Renamed registrants"})).await;
    hears(&mosip, "OMC_DEFINITION", "definition=changed; fields=name").await;
    world.odoo.write("omc.connector", 1, json!({"lang_code": "english"})).await;
    hears(&mosip, "OMC_DEFINITION", "definition=wrong; fields=lang_code").await;
    world.odoo.write("omc.connector", 1, json!({"lang_code": "eng"})).await;
    let back = async || of_kind(&mosip.audits().await, "OMC_DEFINITION").len();
    eventually("it is right again", back, |events| *events == 4).await;

    // Many calls by somebody who is nobody: one event now, the rest at the end.
    for _ in 0..15 {
        assert_eq!(daemon.deliver(1, "wrong", "[]").await, 401);
    }
    hears(&mosip, "OMC_CALLBACKS_REFUSED", "connector=1").await;
    daemon.stop().await;
    let daemon = Daemon::start(&world.configuration).await;
    let refused = async || {
        let events = mosip.audits().await;
        let calls = of_kind(&events, "OMC_CALLBACKS_REFUSED");
        let sum = calls.iter().map(|event| detail(event, "calls").parse::<u64>().unwrap()).sum::<u64>();
        (calls.len(), sum)
    };
    let (told, _) = eventually("all refused calls are told", refused, |(_, calls)| *calls == 15).await;
    assert!(told <= 2, "{told} events in a minute");
    all_told(&world, &daemon, async || mosip.audits().await).await;

    let events = mosip.audits().await;
    events.iter().for_each(as_documented);
    nothing_personal(&events, &personal);
    let after = holders(&world, 2).await;
    let written = tokens_are_told(&events, &before, &after);
    let told = of_kind(&events, "OMC_TOKEN_WRITTEN");
    assert_eq!(told.iter().filter(|event| detail(event, "outcome") == "written").count(), written.len(), "each once");
    let tokens_of_runs = told.iter().filter(|event| detail(event, "run") != "0").count();
    let removed: BTreeSet<u64> = vids_before.difference(&holders(&world, 1).await).copied().collect();
    assert_eq!(registrants(&events, "OMC_VID_REMOVED"), removed);
    assert_eq!(of_kind(&events, "OMC_VID_REMOVED").len(), removed.len());
    let failed: Value = serde_json::from_str(&daemon.admin("/failed").await.1).unwrap();
    let mut codes: BTreeMap<String, u64> = BTreeMap::new();
    for line in failed["failed"].as_array().unwrap() {
        *codes.entry(text(line, "code").to_owned()).or_default() += number(line, "count");
    }
    let mut told: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for event in of_kind(&events, "OMC_REFUSED") {
        told.entry(detail(event, "code").to_owned()).or_default().insert(text(event, "id"));
    }
    let told: BTreeMap<String, u64> = told.into_iter().map(|(code, who)| (code, who.len() as u64)).collect();
    assert!(!codes.is_empty());
    assert_eq!(told, codes);
    let (began, ended) = (of_kind(&events, "OMC_RUN_BEGAN"), of_kind(&events, "OMC_RUN_ENDED"));
    assert_eq!((began.len(), began[0]["idType"].as_str()), (ended.len(), Some("OMC_RUN_ID")));
    let tokens: u64 = ended.iter().map(|event| detail(event, "tokens").parse::<u64>().unwrap()).sum();
    assert_eq!(tokens, tokens_of_runs as u64);
    assert_eq!(mosip.logins().await, 2, "one for each start");
    let log = daemon.process.stderr.all().join("\n");
    assert!(!log.contains(SECRET) && !log.contains("eyJ"), "the secret or a token is in the log");
}

#[tokio::test]
async fn an_audit_manager_that_is_down_stops_no_run_and_gets_all_of_it_later() {
    let mosip = Mosip::start().await;
    mosip.faults(json!({"refuse": true})).await;
    let world = audited(&mosip, Setup { registrants: 100, ..Setup::default() }).await;
    let before = holders(&world, 2).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    daemon.says(&["fails; waiting", "MOSIP's audit manager"]).await;
    let waiting = async || daemon.metric("omc_audit_queued").await;
    let queued = eventually("events wait", waiting, |queued| *queued > 100.0).await;
    // A start finds them again.
    daemon.stop().await;
    let daemon = Daemon::start(&world.configuration).await;
    mosip.faults(json!({"refuse": false, "error_rate": 0.3})).await;
    all_told(&world, &daemon, async || mosip.audits().await).await;
    daemon.says(&["works again", "MOSIP's audit manager"]).await;
    let events = mosip.audits().await;
    tokens_are_told(&events, &before, &holders(&world, 2).await);
    assert!(events.len() as f64 >= queued, "{} of {queued}", events.len());
    let numbers: Vec<u64> =
        events.iter().map(|event| detail(event, "event").rsplit_once('-').unwrap().1.parse().unwrap()).collect();
    assert!(numbers.is_sorted(), "in their order: {numbers:?}");
}

/// Each failure made the pause longer, whatever was told between two of them: a million events would have taken years.
#[tokio::test]
async fn an_audit_manager_that_fails_now_and_then_is_not_waited_for_longer_and_longer() {
    let mosip = Mosip::start().await;
    mosip.faults(json!({"error_rate": 0.2})).await;
    let mut world = audited(&mosip, Setup { registrants: 150, ..Setup::default() }).await;
    world.configuration.set("retry.max", "\"10m\"");
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    hears(&mosip, "OMC_RUN_ENDED", "state=done").await;
    assert!(mosip.audits().await.len() > 150, "too few for pauses to have grown");
    daemon.stop().await;
}

/// A stop waited for an answer that did not come, as long as a call may take.
#[tokio::test]
async fn a_stop_does_not_wait_for_an_audit_manager_that_hangs() {
    let mosip = Mosip::start().await;
    let world = audited(&mosip, Setup { registrants: 20, invalid_percent: 0, ..Setup::default() }).await;
    mosip.faults(json!({"hang_rate": 1.0})).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    daemon.says(&["fails; waiting", "MOSIP's audit manager", "does not answer in time"]).await;
    // The next call hangs too, soon after the first one's end.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let began = std::time::Instant::now();
    daemon.stop().await;
    // A call may take ten seconds, and its login as many before.
    assert!(began.elapsed() < std::time::Duration::from_secs(6), "{:?}", began.elapsed());
}

const IMPORT: &str = "no,vid,name,gender,dob,fullAddress\n\
    0000000001,2000000000000177,Person One,female,1990-01-31,Hill\n\
    0000000002,2000000000000277,Person Two,female,1990-01-31,Hill\n\
    0000000003,2000000000000377,Person Three,female,1990-01-31,Hill\n";

/// Nothing was told of what an import wrote and removed, though nothing else of OMC's goes untold.
#[tokio::test]
async fn what_an_import_does_to_the_registry_is_told_too() {
    let mosip = Mosip::start().await;
    let world = audited(&mosip, Setup { registrants: 5, invalid_percent: 0, ..Setup::default() }).await;
    let odoo = &world.odoo;
    odoo.write("omc.connector", 1, json!({"job_status": "draft"})).await;
    let people = odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &["id"]).await;
    let people: Vec<u64> = people.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    let [with_vid, without, other_token, ..] = people[..] else { panic!("{people:?}") };
    for person in &people {
        odoo.edit(json!({"registrant": person, "vid": null, "token": null})).await;
    }
    for (number, person) in [with_vid, without, other_token].into_iter().enumerate() {
        let domain = json!([["partner_id", "=", person], ["id_type", "=", 3]]);
        let value = format!("{:010}", number + 1);
        match odoo.search_read("g2p.reg.id", domain, &["id"]).await.first() {
            Some(row) => odoo.write("g2p.reg.id", row["id"].as_u64().unwrap(), json!({"value": value})).await,
            None => {
                let row = json!({"partner_id": person, "id_type": 3, "value": value});
                odoo.create("g2p.reg.id", row).await;
            }
        }
    }
    odoo.edit(json!({"registrant": with_vid, "vid": "2000000000000177"})).await;
    odoo.edit(json!({"registrant": other_token, "token": "another-token"})).await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("people.csv"), IMPORT).unwrap();
    let (file, output) = (at("people.csv"), at("out.csv"));
    let import = ["import", &file, "--connector", "1", "--output", &output, "--match", "National ID=no"];

    // The queue is the running daemon's: without it, nothing may be done.
    world.configuration.write();
    let alone = world.configuration.command(&import).await;
    assert!(alone.code == Some(1) && alone.stderr.contains("the running daemon keeps"), "{alone:?}");
    assert_eq!(number(&world.mts_state().await, "requests"), 0);

    mosip.faults(json!({"refuse": true})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let imported = world.configuration.command(&import).await;
    assert_eq!(imported.code, Some(0), "an audit manager that is down stops no import: {imported:?}");
    mosip.faults(json!({"refuse": false})).await;
    let refused = hears(&mosip, "OMC_REFUSED", "code=OMC-TOKEN-001").await;
    assert_eq!(text(&refused, "id"), other_token.to_string());
    let events = mosip.audits().await;
    events.iter().for_each(as_documented);
    assert_eq!(registrants(&events, "OMC_TOKEN_WRITTEN"), [with_vid, without].into());
    assert_eq!(registrants(&events, "OMC_VID_REMOVED"), [with_vid].into());
    for event in &events {
        let told = event.to_string();
        assert!(!told.contains("20000000000") && !told.contains("Person") && !told.contains("another-token"), "{told}");
    }
    drop(daemon);
}

#[tokio::test]
async fn kills_lose_no_event_and_make_none_up() {
    let mut chance = Chance::seeded();
    let mosip = Mosip::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let setup = Setup { registrants: 300, record_micros: 2_000, seed: chance.next() % 1000, ..Setup::default() };
    let mut world = audited(&mosip, setup).await;
    world.configuration.set("mosip.audit_file", &format!("{file:?}"));
    world.configuration.set("submit.batch_size", "20").set("odoo.page_size", "50");
    world.configuration.set("schedule.vid_cleanup", "\"1s\"");
    let (before, vids_before) = (holders(&world, 2).await, holders(&world, 1).await);
    world.odoo.faults(json!({"latency_ms": 30, "truncate_rate": 0.05})).await;
    for _ in 0..8 {
        mosip.faults(json!({"error_rate": 0.2, "latency_ms": chance.next() % 20})).await;
        let mut daemon = Daemon::start(&world.configuration).await;
        tokio::time::sleep(chance.millis(100, 1500)).await;
        daemon.process.kill().await;
    }
    world.faults_off().await;
    mosip.faults(json!({"error_rate": 0, "latency_ms": 0})).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let both = async || number(&world.odoo.state().await, "with_both");
    eventually("no VID stays beside a token", both, |both| *both == 0).await;
    all_told(&world, &daemon, async || mosip.audits().await).await;
    all_told(&world, &daemon, async || lines(&file)).await;
    let after = holders(&world, 2).await;
    let removed: BTreeSet<u64> = vids_before.difference(&holders(&world, 1).await).copied().collect();
    for (place, events) in [("audit manager", mosip.audits().await), ("file", lines(&file))] {
        let written = tokens_are_told(&events, &before, &after);
        assert_eq!(registrants(&events, "OMC_VID_REMOVED"), removed, "{place}");
        println!("{place}: {} events, {} tokens, {} VIDs", events.len(), written.len(), removed.len());
    }
}

#[tokio::test]
async fn an_event_that_is_refused_is_set_aside_and_the_others_go_on() {
    let mosip = Mosip::start().await;
    mosip.faults(json!({"refuse_audits": "OMC_RUN_BEGAN"})).await;
    let world = audited(&mosip, Setup { registrants: 30, ..Setup::default() }).await;
    let before = holders(&world, 2).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let line = daemon.says(&["the audit manager refuses an event", "KER-AUD-001", "OMC_RUN_BEGAN"]).await;
    assert!(line.contains("description"), "the event stands in the line: {line}");
    all_told(&world, &daemon, async || mosip.audits().await).await;
    let events = mosip.audits().await;
    assert!(of_kind(&events, "OMC_RUN_BEGAN").is_empty());
    tokens_are_told(&events, &before, &holders(&world, 2).await);
    assert!(daemon.metric("omc_audit_events_total{outcome=\"refused\"}").await >= 1.0);
    let delivered = async || daemon.metric("omc_audit_events_total{outcome=\"delivered\"}").await;
    eventually("each is counted", delivered, |delivered| *delivered >= events.len() as f64).await;
}

#[tokio::test]
async fn a_login_that_expires_or_is_revoked_is_renewed_and_a_wrong_one_waited_for() {
    let mosip = Mosip::start().await;
    mosip.faults(json!({"token_seconds": 2, "secret_key": "another-secret"})).await;
    let world = audited(&mosip, Setup { registrants: 60, record_micros: 5_000, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    let line = daemon.says(&["fails; waiting", "MOSIP's audit manager", "[mosip]", "wrong secret"]).await;
    assert!(line.contains("client_id and secret_key"), "{line}");
    mosip.faults(json!({"secret_key": SECRET})).await;
    world.all_tokens_are_there().await;
    mosip.faults(json!({"revoke": true})).await;
    hears(&mosip, "OMC_RUN_ENDED", "state=done").await;
    let accepted = mosip.logins().await;
    world.odoo.write("omc.connector", 1, json!({"name": "After the revocation"})).await;
    hears(&mosip, "OMC_DEFINITION", "fields=name").await;
    mosip.faults(json!({"revoke": true})).await;
    world.odoo.write("omc.connector", 1, json!({"name": "Once more"})).await;
    let changes = async || of_kind(&mosip.audits().await, "OMC_DEFINITION").len();
    eventually("both changes are told", changes, |changes| *changes == 3).await;
    assert!(mosip.logins().await > accepted);
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // The last one may be being written.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn the_file_gets_a_line_for_each_event_and_is_let_go_of_once_it_is_renamed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, rotated) = (folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"));
    let mut world = World::start(Setup { registrants: 60, ..Setup::default() }).await;
    world.configuration.set("mosip.audit_file", &format!("{file:?}"));
    let (personal, before) = (personal(&world).await, holders(&world, 2).await);
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    all_told(&world, &daemon, async || lines(&file)).await;
    let events = lines(&file);
    events.iter().for_each(as_documented);
    nothing_personal(&events, &personal);
    tokens_are_told(&events, &before, &holders(&world, 2).await);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    std::fs::rename(&file, &rotated).unwrap();
    world.odoo.write("omc.connector", 1, json!({"name": "After the rotation"})).await;
    let changed = async || lines(&file).into_iter().find(|event| text(event, "description").contains("fields=name"));
    eventually("the new file gets the news", changed, Option::is_some).await;
    let old = lines(&rotated);
    let renamings = |events: &[Value]| events.iter().filter(|event| detail(event, "fields") == "name").count();
    let of = |events: &[Value]| of_kind(events, "OMC_DEFINITION").into_iter().cloned().collect::<Vec<_>>();
    assert!(old.len() >= events.len());
    assert_eq!((renamings(&of(&old)), renamings(&of(&lines(&file)))), (1, 1));

    // Nor does a reload that comes with the next rotation do any harm.
    std::fs::rename(&file, folder.path().join("audit.jsonl.2")).unwrap();
    daemon.process.signal(Signal::HUP);
    eventually("it is up again", async || daemon.said("OMC is up"), |said| *said == 2).await;
    world.odoo.write("omc.connector", 1, json!({"name": "After the reload"})).await;
    let changed = async || lines(&file).into_iter().find(|event| text(event, "description").contains("fields=name"));
    eventually("the newest file gets the news", changed, Option::is_some).await;

    let (old, file) = ([old, lines(&folder.path().join("audit.jsonl.2"))].concat(), file);
    let filed = async || daemon.metric("omc_audit_events_total{outcome=\"filed\"}").await;
    eventually("each is counted", filed, |filed| *filed == (old.len() + lines(&file).len()) as f64).await;
}

#[tokio::test]
async fn nothing_is_kept_for_an_audit_that_nobody_asked_for() {
    let world = World::start(Setup { registrants: 30, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    assert_eq!(daemon.deliver(1, "wrong", "[]").await, 401);
    daemon.stop().await;
    let keys = world.configuration.seal().fingerprints();
    let config = omc::store::Config {
        path: world.configuration.get("store.path").into(),
        key_file: world.configuration.get("store.key_file").into(),
    };
    let store = omc::store::Store::open(&config, &keys).unwrap();
    assert_eq!(store.audits_kept(), 0);
    assert!(store.audits(omc::store::Outlet::Manager, 1).unwrap().is_empty());
}

#[tokio::test]
async fn the_check_tells_whether_the_login_does() {
    let mosip = Mosip::start().await;
    let world = audited(&mosip, Setup { registrants: 5, ..Setup::default() }).await;
    world.configuration.write();
    let check = world.configuration.command(&["check"]).await;
    assert!(check.code == Some(0) && check.stdout.contains("[mosip]: the login is accepted"), "{check:?}");
    mosip.faults(json!({"secret_key": "another-secret"})).await;
    let check = world.configuration.command(&["check"]).await;
    assert!(check.code == Some(1) && check.stdout.contains("FAILED [mosip]: the login is refused"), "{check:?}");
    assert!(!check.stdout.contains(SECRET));
}
