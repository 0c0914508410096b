//! What an administrator's Test shows.

use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

/// Presses Test on a connector, and waits for the answer.
async fn tested(world: &World, connector: u64) -> (Value, Vec<Value>) {
    world.odoo.call("omc.connector", "action_test", json!([[connector]]), json!({})).await;
    let preview = async || {
        let domain = json!([["connector_id", "=", connector]]);
        world.odoo.search_read("omc.preview", domain, &["state", "message"]).await.remove(0)
    };
    let preview = eventually("the preview is answered", preview, |preview| preview["state"] != "requested").await;
    let domain = json!([["preview_id", "=", preview["id"]]]);
    let lines = world.odoo.search_read("omc.preview.line", domain, &["partner_id", "verdict", "auth_data"]).await;
    (preview, lines)
}

#[tokio::test]
async fn a_test_in_odoo_shows_what_would_be_sent_masked_and_sends_nothing() {
    let world = World::start(Setup { registrants: 60, ..Setup::default() }).await;
    world.odoo.write("omc.connector", 1, json!({"job_status": "draft"})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let (preview, lines) = tested(&world, 1).await;
    assert_eq!((&preview["state"], &preview["message"], lines.len()), (&json!("done"), &json!(false), 10));
    let sent = lines.iter().find(|line| line["verdict"] == "send").expect("somebody would be sent");
    let auth_data: Value = serde_json::from_str(sent["auth_data"].as_str().unwrap()).unwrap();
    for (key, value) in auth_data.as_object().unwrap() {
        let value = value.as_str().unwrap();
        assert!(value.chars().all(|c| !c.is_alphanumeric() || c == 'x' || c == '9'), "{key}: {value}");
    }
    assert!(auth_data["vid"].as_str().unwrap().starts_with("9999"), "{auth_data}");
    assert_eq!(number(&world.mts_state().await, "requests"), 0);
    assert_eq!(number(&daemon.connector(1).await["records"], "pending"), 0);
}

#[tokio::test]
async fn a_test_of_a_wrong_definition_says_what_is_wrong() {
    let world = World::start(Setup { registrants: 10, ..Setup::default() }).await;
    world.odoo.write("omc.connector", 1, json!({"mapping": "{\"vid\": 7}"})).await;
    let _daemon = Daemon::start(&world.configuration).await;
    let (preview, lines) = tested(&world, 1).await;
    assert_eq!((&preview["state"], lines.len()), (&json!("failed"), 0));
    assert!(preview["message"].as_str().unwrap().contains("mapping"), "{preview}");
}
