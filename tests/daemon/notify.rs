//! What people are told, by MOSIP's notifier and by activities in Odoo: once when it begins, once when it ends.

use serde_json::{Value, json};

use super::harness::mosip::{Mosip, SECRET};
use super::harness::{Daemon, Setup, World, client, eventually, json as json_of, number};

const EMAIL: &str = "night.desk@ministry.example";
const PHONE: &str = "+63281234567";

impl Mosip {
    async fn messages(&self, kind: &str) -> Vec<Value> {
        let messages = json_of(client().get(format!("{}/_sim/messages", self.url))).await;
        messages[kind].as_array().unwrap().clone()
    }

    /// Subjects of the e-mails that came.
    async fn subjects(&self) -> Vec<String> {
        let emails = self.messages("emails").await;
        emails.iter().map(|email| email["mailSubject"].as_str().unwrap().to_owned()).collect()
    }
}

async fn notifying(mosip: &Mosip, setup: Setup) -> World {
    let mut world = World::start(setup).await;
    mosip.known_to(&mut world.configuration);
    let keys = [
        ("notify.emails", format!("[{EMAIL:?}]")),
        ("notify.phones", format!("[{PHONE:?}]")),
        ("notify.rejections_above", "\"100%\"".to_owned()),
        ("notify.stuck_after", "\"1s\"".to_owned()),
        ("notify.pause", "\"1s\"".to_owned()),
    ];
    for (key, value) in keys {
        world.configuration.set(key, &value);
    }
    world
}

async fn is_told(mosip: &Mosip, subjects: &[&str]) {
    let told = async || mosip.subjects().await;
    eventually(&format!("{subjects:?}"), told, |told| *told == subjects).await;
}

const STUCK: &str = "OMC: connector 1 (Demo registrants) is stuck";
const OVER: &str = "OMC: over: connector 1 (Demo registrants) is stuck";

#[tokio::test]
async fn a_wrong_definition_is_told_once_and_its_end_once_also_across_restarts() {
    let mosip = Mosip::start().await;
    let world = notifying(&mosip, Setup { registrants: 10, invalid_percent: 0, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    world.odoo.write("omc.connector", 1, json!({"lang_code": "english"})).await;
    is_told(&mosip, &[STUCK]).await;
    let email = mosip.messages("emails").await.remove(0);
    assert_eq!((&email["mailTo"], &email["attachments"]), (&json!([EMAIL]), &json!([])));
    let text = email["mailContent"].as_str().unwrap();
    assert!(text.contains("lang_code") && text.contains("omc status"), "{text}");
    let sms = async || mosip.messages("sms").await;
    let sms = eventually("an SMS comes too", sms, |sms| sms.len() == 1).await;
    assert_eq!(sms[0]["number"], PHONE);
    assert!(sms[0]["message"].as_str().unwrap().starts_with(STUCK), "{sms:?}");
    daemon.stop().await;
    let daemon = Daemon::start(&world.configuration).await;
    daemon.says(&["the definition is wrong"]).await;
    // Two looks later it has not been told again.
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    is_told(&mosip, &[STUCK]).await;
    world.odoo.write("omc.connector", 1, json!({"lang_code": "eng"})).await;
    is_told(&mosip, &[STUCK, OVER]).await;
    let log = daemon.process.stderr.all().join("\n");
    assert!(
        ![EMAIL, PHONE, SECRET].iter().any(|secret| log.contains(secret)),
        "a recipient or the secret is in the log"
    );
}

#[tokio::test]
async fn a_server_that_stays_away_and_a_notifier_that_fails_lose_no_message() {
    let mosip = Mosip::start().await;
    let world = notifying(&mosip, Setup { registrants: 20, invalid_percent: 0, ..Setup::default() }).await;
    mosip.faults(json!({"error_rate": 1.0})).await;
    world.mts_faults(json!({"refuse": true})).await;
    let daemon = Daemon::start(&world.configuration).await;
    daemon.says(&["fails; waiting", "MOSIP's notifier"]).await;
    assert!(mosip.subjects().await.is_empty());
    mosip.faults(json!({"error_rate": 0.0})).await;
    is_told(&mosip, &[STUCK]).await;
    // A notifier that is away stops no run.
    mosip.faults(json!({"refuse": true})).await;
    world.mts_faults(json!({"refuse": false})).await;
    world.all_tokens_are_there().await;
    mosip.faults(json!({"refuse": false})).await;
    let troubles = async || daemon.status().await["troubles"].clone();
    eventually("nothing is in trouble", troubles, |troubles| *troubles == json!([])).await;
    is_told(&mosip, &[STUCK, OVER]).await;
    assert_eq!(daemon.metric("omc_notifications_total{outcome=\"sent\"}").await, 4.0);
}

/// Nobody was told of it: what a connector waits for was what Odoo can be told of.
#[tokio::test]
async fn an_odoo_that_stays_away_is_told_and_that_it_is_back() {
    let mosip = Mosip::start().await;
    let world = notifying(&mosip, Setup { registrants: 10, invalid_percent: 0, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    world.odoo.faults(json!({"refuse": true})).await;
    is_told(&mosip, &[STUCK]).await;
    let text = mosip.messages("emails").await[0]["mailContent"].as_str().unwrap().to_owned();
    assert!(text.starts_with("Odoo: "), "{text}");
    world.odoo.faults(json!({})).await;
    is_told(&mosip, &[STUCK, OVER]).await;
    daemon.stop().await;
}

/// Nobody was told: before Odoo was heard, nothing was looked at.
#[tokio::test]
async fn an_odoo_that_is_away_from_the_start_on_is_told_too() {
    let mosip = Mosip::start().await;
    let world = notifying(&mosip, Setup { registrants: 10, invalid_percent: 0, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    daemon.stop().await;
    world.odoo.faults(json!({"refuse": true})).await;
    let daemon = Daemon::start(&world.configuration).await;
    is_told(&mosip, &[STUCK]).await;
    world.odoo.faults(json!({})).await;
    is_told(&mosip, &[STUCK, OVER]).await;
    daemon.stop().await;
}

#[tokio::test]
async fn too_many_refusals_of_a_run_are_told_with_their_number_by_either_release() {
    for (missing, release) in [("/v1/notifier", "1.1.5"), ("/v1/smsnotifier", "1.2.0")] {
        let mosip = Mosip::start().await;
        mosip.faults(json!({"missing": missing})).await;
        let mut world = notifying(&mosip, Setup { registrants: 100, invalid_percent: 40, ..Setup::default() }).await;
        world.configuration.set("notify.rejections_above", "\"10%\"");
        let daemon = Daemon::start(&world.configuration).await;
        world.all_tokens_are_there().await;
        is_told(&mosip, &["OMC: connector 1 (Demo registrants): many are refused"]).await;
        let text = mosip.messages("emails").await[0]["mailContent"].as_str().unwrap().to_owned();
        let run = daemon.connector(1).await["records"].clone();
        let refused = format!(" {} of ", number(&run, "rejected"));
        assert!(text.contains(&refused) && text.contains("is 10%"), "{release}: {text} {run}");
    }
}

#[tokio::test]
async fn a_recipient_that_is_refused_keeps_the_others_from_nothing() {
    let mosip = Mosip::start().await;
    let mut world = notifying(&mosip, Setup { registrants: 10, invalid_percent: 0, ..Setup::default() }).await;
    // Digits to OMC, and too few of them to the notifier's gateway.
    world.configuration.set("notify.phones", &format!("[\"12345\", {PHONE:?}]"));
    mosip.faults(json!({"refuse_number": "12345"})).await;
    world.odoo.write("omc.connector", 1, json!({"lang_code": "english"})).await;
    let daemon = Daemon::start(&world.configuration).await;
    is_told(&mosip, &[STUCK]).await;
    let line = daemon.says(&["the notifier refuses a recipient", "notify.phones"]).await;
    assert!(!line.contains("12345"), "{line}");
    let numbers = async || mosip.messages("sms").await;
    let told = eventually("the other gets it", numbers, |told| !told.is_empty()).await;
    assert_eq!((told.len(), &told[0]["number"]), (1, &json!(PHONE)));
}

impl World {
    /// Summaries of the activities that are to be done.
    async fn activities(&self) -> Vec<String> {
        let rows = self.odoo.search_read("mail.activity", json!([]), &["res_model", "res_id", "summary"]).await;
        assert!(rows.iter().all(|row| row["res_model"] == "omc.connector" && row["res_id"] == 1), "{rows:?}");
        rows.iter().map(|row| row["summary"].as_str().unwrap().to_owned()).collect()
    }

    async fn has_activities(&self, summaries: &[&str]) {
        let activities = async || self.activities().await;
        eventually(&format!("{summaries:?}"), activities, |activities| *activities == summaries).await;
    }

    /// How often the door was told that something begins or ends.
    async fn alarms(&self) -> u64 {
        self.odoo.state().await["calls"]["omc.connector.omc_alarm"].as_u64().unwrap_or(0)
    }
}

/// Nothing is known of MOSIP, and nobody's address.
async fn with_activities(setup: Setup) -> World {
    let mut world = World::start(setup).await;
    let keys = [
        ("notify.activities", "true"),
        ("notify.rejections_above", "\"10%\""),
        ("notify.stuck_after", "\"1s\""),
        ("notify.pause", "\"1s\""),
    ];
    for (key, value) in keys {
        world.configuration.set(key, value);
    }
    world
}

const ACTIVITY: &str = "The connector is stuck";

#[tokio::test]
async fn without_mosip_troubles_are_activities_made_once_and_done_at_their_end() {
    let world = with_activities(Setup { registrants: 100, invalid_percent: 40, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let activities = async || world.activities().await;
    let refused = eventually("refusals are an activity", activities, |told| told.len() == 1).await.remove(0);
    let records = daemon.connector(1).await["records"].clone();
    let counted = format!("{} of ", number(&records, "rejected"));
    assert!(refused.starts_with(&counted) && refused.ends_with("registrants were refused"), "{refused} {records}");
    world.odoo.write("omc.connector", 1, json!({"lang_code": "english"})).await;
    world.has_activities(&[&refused, ACTIVITY]).await;
    assert_eq!(daemon.metric("omc_activities_total{outcome=\"told\"}").await, 2.0);
    daemon.stop().await;
    let daemon = Daemon::start(&world.configuration).await;
    daemon.says(&["the definition is wrong"]).await;
    let check = world.configuration.command(&["check"]).await;
    let line = "notify.activities, connector 1 (Demo registrants): people who get them: 1";
    assert!(check.stdout.contains(line), "{check:?}");
    world.odoo.write("omc.connector", 1, json!({"lang_code": "eng"})).await;
    world.has_activities(&[&refused]).await;
    assert_eq!(world.alarms().await, 4, "one begins, another begins and ends, and the check asks");
    assert_eq!(daemon.metric("omc_activities_total{outcome=\"told\"}").await, 1.0);
}

#[tokio::test]
async fn an_odoo_whose_answers_are_lost_makes_an_activity_once() {
    let world = with_activities(Setup { registrants: 20, invalid_percent: 0, ..Setup::default() }).await;
    world.mts_faults(json!({"refuse": true})).await;
    let daemon = Daemon::start(&world.configuration).await;
    // It is told at the second look at the earliest, five seconds after the first.
    daemon.says(&["fails; waiting", "MTS"]).await;
    world.odoo.faults(json!({"garbage_rate": 1.0})).await;
    let alarms = async || world.alarms().await;
    eventually("it is told again", alarms, |alarms| *alarms >= 2).await;
    world.odoo.faults(json!({})).await;
    world.has_activities(&[ACTIVITY]).await;
    world.mts_faults(json!({"refuse": false})).await;
    world.all_tokens_are_there().await;
    world.has_activities(&[]).await;
    assert_eq!(daemon.metric("omc_activities_total{outcome=\"told\"}").await, 2.0);
}

#[tokio::test]
async fn an_activity_waits_while_another_daemon_works_on_the_connector() {
    let mut world = with_activities(Setup { registrants: 10, invalid_percent: 0, ..Setup::default() }).await;
    world.odoo.write("omc.connector", 1, json!({"lang_code": "english"})).await;
    world.odoo.faults(json!({"lease_ms": 3_600_000})).await;
    let lease = json!({"context": {"omc_daemon": "another"}});
    world.odoo.call("omc.connector", "omc_report", json!([[1], {}]), lease.clone()).await;
    for key in ["retry.base", "retry.max"] {
        world.configuration.set(key, "\"1h\"");
    }
    let daemon = Daemon::start(&world.configuration).await;
    daemon.says(&["fails; waiting", "activities of connector 1", "another daemon"]).await;
    // What waits is kept in mind, though the definition was never right: two rounds of house-keeping later nothing was tried again.
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let log = daemon.process.stderr.all();
    for remote in ["activities of connector 1", "report on connector 1"] {
        let failures = log.iter().filter(|line| line.contains("fails; waiting") && line.contains(remote));
        assert_eq!(failures.count(), 1, "{remote}: {log:?}");
    }
    assert!(world.activities().await.is_empty());
    daemon.stop().await;
    world.odoo.call("omc.connector", "omc_report", json!([[1], {"release": true}]), lease).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.has_activities(&[ACTIVITY]).await;
    daemon.stop().await;
}
