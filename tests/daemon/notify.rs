//! What people are told by MOSIP's notifier: once when it begins, once when it ends.

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
