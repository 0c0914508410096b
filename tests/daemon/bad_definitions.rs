//! A connector with everything wrong: told field by field, in the way of nobody.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

const WRONG: [(&str, &str); 16] = [
    ("name", r#"" ""#),
    ("mts_url", r#""ftp://mts.example""#),
    ("mapping", r#""{\"vid\": \"vid\", \"gender\": \".gender | env\"}""#),
    ("output_format", r#""env""#),
    ("lang_code", r#""english""#),
    ("callback_url", r#""ftp://elsewhere.example/take""#),
    ("callback_timeout", "100000"),
    ("g2p_search_domain", r#""[[\"shoe_size\", \"=\", 44]]""#),
    ("g2p_selected_fields", r#""[\"shoe_size\"]""#),
    ("schedule_cron", r#""61 * * * *""#),
    ("schedule_tz", r#""Atlantis/Capital""#),
    ("input_format", r#""$ENV""#),
    ("mandatory_fields", r#""shoeSize""#),
    ("batch_size", "-3"),
    ("phone_country_code", r#""0049""#),
    ("callback_extra_headers", r#""[1]""#),
];

fn wrong() -> Value {
    let fields = WRONG.iter().map(|(field, value)| ((*field).to_owned(), serde_json::from_str(value).unwrap()));
    let mut values: serde_json::Map<String, Value> = fields.collect();
    // Both of one type, and a field that nobody may write.
    values.extend([
        ("callback_authtype".to_owned(), json!("none")),
        ("token_id_type_id".to_owned(), json!(1)),
        ("value_fields".to_owned(), json!("[\"active\"]")),
    ]);
    values.into()
}

fn fields() -> Vec<&'static str> {
    WRONG.iter().map(|(field, _)| *field).chain(["token_id_type_id", "value_fields"]).collect()
}

/// How many lines speak of each field.
fn told<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, u32> {
    let mut told = BTreeMap::new();
    for line in lines {
        if let Some((field, reason)) = line.split_once(": ") {
            assert!(!reason.is_empty(), "{line}");
            *told.entry(field).or_default() += 1;
        }
    }
    told
}

#[tokio::test]
async fn one_line_for_each_wrong_field_and_the_other_connector_goes_on() {
    let world = World::start(Setup { registrants: 100, ..Setup::default() }).await;
    let bad = world.odoo.another_connector(wrong()).await;

    let check = world.configuration.command(&["check", "--json"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    let checks: Value = serde_json::from_str(&check.stdout).unwrap();
    let of_bad = format!("connector {bad} (");
    let lines: Vec<&str> = checks["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["what"].as_str().unwrap().starts_with(&of_bad))
        .map(|check| check["text"].as_str().unwrap())
        .collect();
    let by_check = told(lines.iter().copied());
    let expected: BTreeMap<&str, u32> = fields().into_iter().map(|field| (field, 1)).collect();
    assert_eq!(by_check, expected, "{lines:#?}");
    let good =
        checks["checks"].as_array().unwrap().iter().find(|check| check["what"] == "connector 1 (Demo registrants)");
    assert_eq!(good.unwrap()["ok"], true);

    let daemon = Daemon::start(&world.configuration).await;
    let odoo = &world.odoo;
    let error = async || odoo.connector(bad, &["last_error"]).await["last_error"].clone();
    let error = eventually("the connector shows what is wrong", error, Value::is_string).await;
    assert_eq!(told(error.as_str().unwrap().lines()), expected, "{error}");
    world.all_tokens_are_there().await;
    assert_eq!(world.odoo.connector(1, &["last_error"]).await["last_error"], false);
    let metric = async || daemon.metric("omc_connectors_wrong").await;
    eventually("the metric shows it", metric, |wrong| *wrong == 1.0).await;
    assert_eq!(daemon.connector(bad).await["definition"], "wrong");

    // Put right, it is taken over without a restart.
    let right = json!({"active": false});
    world.odoo.write("omc.connector", bad, right).await;
    let definition = async || daemon.connector(bad).await["definition"].clone();
    eventually("an archived one is not wrong", definition, |definition| definition == "archived").await;
}

/// A definition that becomes wrong while it runs sends nothing more; put right, it goes on where it was.
#[tokio::test]
async fn a_definition_that_becomes_wrong_waits_until_it_is_right() {
    let mut world = World::start(Setup { registrants: 200, record_micros: 4_000, ..Setup::default() }).await;
    world.configuration.set("submit.batch_size", "10");
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(20).await;
    let mapping = world.odoo.connector(1, &["mapping"]).await["mapping"].clone();
    world.odoo.write("omc.connector", 1, json!({"mapping": "{}"})).await;
    let definition = async || daemon.connector(1).await["definition"].clone();
    eventually("it is found wrong", definition, |definition| definition == "wrong").await;
    // What is under way is finished; nothing comes after it.
    let records = async || daemon.connector(1).await["records"].clone();
    let quiet = |records: &Value| number(records, "submitted") + number(records, "to_write") == 0;
    eventually("what MTS held is written", records, quiet).await;
    let seen = number(&world.mts_state().await, "records");
    let missing = number(&world.odoo.state().await, "missing_tokens");
    assert!(missing > 0, "it was too quick to be stopped in the middle");
    let failed = world.configuration.command(&["run", "1"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("wrong"), "{failed:?}");
    assert_eq!(number(&world.mts_state().await, "records"), seen, "a wrong definition sent something");

    world.odoo.write("omc.connector", 1, json!({"mapping": mapping})).await;
    world.all_tokens_are_there().await;
}

/// The door belongs to the model: it is asked through the connector with the lowest id, but no definition hides it.
#[tokio::test]
async fn a_wrong_definition_hides_no_door() {
    let world = World::start(Setup { registrants: 60, ..Setup::default() }).await;
    world.odoo.another_connector(json!({"name": "Another"})).await;
    let wrong = json!({"g2p_search_domain": "[[\"shoe_size\", \"=\", 44]]"});
    world.odoo.write("omc.connector", 1, wrong).await;
    let daemon = Daemon::start(&world.configuration).await;
    let line = daemon.says(&["the registry answers"]).await;
    assert!(line.contains("door"), "{line}");
    world.all_tokens_are_there().await;
    // Only through the door is anybody told.
    let odoo = &world.odoo;
    let error = async || odoo.connector(1, &["last_error"]).await["last_error"].clone();
    eventually("the connector shows what is wrong", error, Value::is_string).await;
}
