//! MOSIP's token policy: whether tokens tell persons apart, and how people are told when they do not.

use serde_json::{Value, json};

use super::harness::{Daemon, Output, Setup, World, eventually, number};

/// Registrants who hold one VID each.
async fn holders(world: &World) -> Vec<(u64, String)> {
    let rows = world.odoo.search_read("g2p.reg.id", json!([["id_type", "=", 1]]), &["partner_id", "value"]).await;
    let holder = |row: &Value| (row["partner_id"][0].as_u64().unwrap(), row["value"].as_str().unwrap().to_owned());
    rows.iter().map(holder).collect()
}

/// The registry as it is, whoever looked at it.
async fn registry(world: &World) -> Value {
    let mut state = world.odoo.state().await;
    state["calls"] = Value::Null;
    state
}

async fn checked(world: &World) -> Output {
    world.configuration.command(&["check", "--tokens", "1"]).await
}

#[tokio::test]
async fn a_check_asks_twice_and_tells_whether_tokens_tell_persons_apart() {
    for release in ["1.1", "1.0.1"] {
        let world = World::start(Setup { registrants: 20, release, ..Setup::default() }).await;
        if release == "1.0.1" {
            world.odoo.write("omc.connector", 1, json!({"delivery_type": "download"})).await;
        }
        let before = registry(&world).await;
        let output = checked(&world).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        assert!(output.stdout.contains("was asked about twice and has one token"), "{output:?}");
        assert_eq!(number(&world.mts_state().await, "records"), 2);
        assert_eq!(registry(&world).await, before, "nothing is written");
    }
}

#[tokio::test]
async fn random_tokens_are_found_by_a_check() {
    let world = World::start(Setup { registrants: 20, random_tokens: true, ..Setup::default() }).await;
    let output = checked(&world).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stdout.contains("Deduplication by token has no meaning"), "{output:?}");
    // Who it was asked about is named by the id alone.
    let said = format!("{output:?}");
    assert!(holders(&world).await.iter().all(|(_, vid)| !said.contains(&vid[..8])), "{said}");
}

/// What was looked at is told whatever becomes of the question, and nobody's VID is spent where it cannot be answered.
#[tokio::test]
async fn a_question_that_cannot_be_asked_takes_no_other_line_with_it() {
    let world = World::start(Setup { registrants: 20, ..Setup::default() }).await;
    let unknown = world.configuration.command(&["check", "--tokens", "nobody", "--json"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    let told: Value = serde_json::from_str(&unknown.stdout).unwrap();
    let lines = told["checks"].as_array().unwrap();
    let wrong: Vec<&Value> = lines.iter().filter(|line| line["ok"] == false).collect();
    assert!(lines.len() > 5 && wrong.len() == 1, "{told}");
    assert!(wrong[0]["text"].as_str().unwrap().contains("no connector \"nobody\""), "{told}");

    world.odoo.another_connector(json!({"name": "Away", "mts_url": "http://127.0.0.1:9"})).await;
    let output = checked(&world).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stdout.contains("FAILED tokens of connector 1: not asked for"), "{output:?}");
    assert_eq!(number(&world.mts_state().await, "records"), 0);
}

#[tokio::test]
async fn two_registrations_with_one_vid_show_random_tokens_to_the_daemon() {
    for random_tokens in [false, true] {
        let setup = Setup { registrants: 20, invalid_percent: 0, random_tokens, ..Setup::default() };
        let world = World::start(setup).await;
        let holders = holders(&world).await;
        world.odoo.edit(json!({"registrant": holders[1].0, "vid": holders[0].1})).await;
        let daemon = Daemon::start(&world.configuration).await;
        eventually("all is written", || world.odoo.state(), |state| number(state, "with_vid") == 0).await;
        let told = "deduplication by token has no meaning";
        if random_tokens {
            daemon.says(&[told]).await;
            assert!(daemon.metric("omc_tokens_unsteady_total").await >= 1.0);
        }
        assert_eq!(daemon.said(told), usize::from(random_tokens));
        daemon.stop().await;
    }
}
