//! The simulator's own pages. They are no facts of a real server: simulator only.

use serde_json::{Value as Json, json};

use super::client::{Odoo, simulator};
use omc::sim::odoo::Options;

async fn state(odoo: &Odoo) -> Json {
    serde_json::from_str(&odoo.http("GET", "/_sim/state", "", b"").await.body).unwrap()
}

async fn post(odoo: &Odoo, page: &str, body: Json) -> u16 {
    odoo.http("POST", &format!("/_sim/{page}"), "Content-Type: application/json\r\n", body.to_string().as_bytes())
        .await
        .code()
}

async fn registry() -> Odoo {
    simulator(Options { registrants: 700, ..Options::default() }).await
}

#[tokio::test]
async fn the_state_adds_up() {
    let state = state(&registry().await).await;
    let number = |name: &str| state[name].as_u64().unwrap_or_else(|| panic!("{name}: {state}"));
    assert_eq!(number("registrants"), 700);
    assert_eq!(number("with_vid") + number("with_token") - number("with_both") + number("with_neither"), 700);
    for name in ["duplicate_token_rows", "wrong_tokens", "vids_cleared_without_token"] {
        assert_eq!(number(name), 0, "{name}");
    }
    let trouble = |name: &str| state["troubles"][name].as_u64().unwrap();
    assert_eq!(number("with_both"), trouble("token_older_vid") + trouble("token_newer_vid"));
    assert_eq!(number("with_neither"), trouble("no_vid"));
    let acceptable = trouble("long_name");
    let refused = trouble("refused_by_authenticator") + trouble("demographics_differ");
    assert_eq!(number("missing_tokens"), 560 - refused + acceptable);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_registry() {
    let untouched = async |seed| {
        let odoo = simulator(Options { registrants: 60, seed, addon: false, ..Options::default() }).await;
        let rows =
            odoo.call("g2p.reg.id", "search_read", json!([[], ["partner_id", "value"]]), json!({"order": "id"})).await;
        (rows, state(&odoo).await["troubles"].clone())
    };
    assert_eq!(untouched(3).await, untouched(3).await);
    assert_ne!(untouched(3).await.0, untouched(4).await.0);
}

#[tokio::test]
async fn damage_is_seen() {
    let odoo = registry().await;
    let vids = odoo
        .call(
            "g2p.reg.id",
            "search_read",
            json!([
                [["id_type", "=", 1], ["partner_id.is_group", "=", false], ["partner_id.is_registrant", "=", true]],
                ["partner_id"]
            ]),
            json!({"limit": 3, "order": "id"}),
        )
        .await;
    let row = |at: usize| (vids[at]["id"].as_i64().unwrap(), vids[at]["partner_id"][0].as_i64().unwrap());
    let before = state(&odoo).await;
    let (first, _) = row(0);
    odoo.unlink("g2p.reg.id", &[first]).await;
    odoo.reg_id(row(1).1, 2, json!("not this person's token")).await;
    odoo.call("res.partner", "write", json!([[row(2).1], {"ref": "changed"}]), json!({})).await;
    let after = state(&odoo).await;
    assert_eq!(after["vids_cleared_without_token"], json!(1));
    assert_eq!(after["wrong_tokens"], json!(1));
    assert_ne!(after["untouched"], before["untouched"]);
    assert!(after["calls"]["g2p.reg.id.unlink"].as_u64() >= Some(1));
}

#[tokio::test]
async fn a_race_leaves_two_tokens() {
    let odoo = registry().await;
    let id = odoo.search("res.partner", json!([["is_registrant", "=", true], ["reg_ids.id_type", "=", 1]])).await[0];
    odoo.reg_id(id, 2, json!("one")).await;
    assert_eq!(post(&odoo, "faults", json!({"race_token": true})).await, 200);
    odoo.reg_id(id, 2, json!("two")).await;
    assert_eq!(state(&odoo).await["duplicate_token_rows"], json!(1));
}

#[tokio::test]
async fn faults_are_checked_and_taken_back() {
    let odoo = registry().await;
    assert_eq!(post(&odoo, "faults", json!({"nosuch": 1})).await, 400);
    assert_eq!(post(&odoo, "faults", json!({"error_rate": 2})).await, 400);
    assert_eq!(post(&odoo, "faults", json!({"garbage_rate": 1.0})).await, 200);
    let answer = odoo.post("common", b"").await;
    assert!(answer.code() == 200 && answer.header("Content-Type").unwrap().starts_with("text/html"));
    assert_eq!(post(&odoo, "faults", json!({"truncate_rate": 1.0})).await, 200);
    let answer = odoo.post("common", super::xml::call("version", &[]).as_bytes()).await;
    let announced: usize = answer.header("Content-Length").unwrap().parse().unwrap();
    assert!(answer.body.len() < announced);
    assert_eq!(post(&odoo, "faults", json!({"refuse": true})).await, 200);
    assert!(odoo.raw(b"POST /xmlrpc/2/common HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await.is_empty());
    assert_eq!(post(&odoo, "faults", json!({})).await, 200);
    assert!(odoo.common("version", &json!([])).await.is_ok());
}

#[tokio::test]
async fn errors_come_before_and_after_the_effect() {
    let odoo = registry().await;
    let id = odoo.search("res.partner", json!([["is_registrant", "=", true]])).await[0];
    let (mut kept, mut lost) = (0, 0);
    for turn in 0..40 {
        post(&odoo, "faults", json!({"error_rate": 1.0})).await;
        let params = [
            json!("omc"),
            json!(2),
            json!("admin"),
            json!("res.partner"),
            json!("write"),
            json!([[id], {"color": turn + 1}]),
        ];
        let params: Vec<String> = params.iter().map(super::xml::encode).collect();
        odoo.post("object", super::xml::call("execute_kw", &params).as_bytes()).await;
        post(&odoo, "faults", json!({})).await;
        let color = odoo.read("res.partner", id, &["color"]).await["color"].as_i64().unwrap();
        if color == turn + 1 { kept += 1 } else { lost += 1 }
    }
    assert!(kept > 5 && lost > 5, "{kept} kept, {lost} lost");
}

#[tokio::test]
async fn the_administrator_edits_past_the_rpc() {
    let odoo = registry().await;
    let found = odoo
        .search(
            "res.partner",
            json!([
                ["is_registrant", "=", true],
                ["is_group", "=", false],
                ["reg_ids.id_type", "=", 1],
                "!",
                ["reg_ids.id_type", "=", 2]
            ]),
        )
        .await;
    let id = found[0];
    assert_eq!(
        post(&odoo, "edit", json!({"registrant": id, "set": {"given_name": "New"}, "vid": "5718062843690257"})).await,
        200
    );
    assert_eq!(odoo.read("res.partner", id, &["given_name"]).await["given_name"], json!("New"));
    let vids = odoo
        .call(
            "g2p.reg.id",
            "search_read",
            json!([[["partner_id", "=", id], ["id_type", "=", 1]], ["value"]]),
            json!({}),
        )
        .await;
    assert_eq!(vids[0]["value"], json!("5718062843690257"));
    assert_eq!(post(&odoo, "edit", json!({"registrant": id, "vid": null})).await, 200);
    assert_eq!(state(&odoo).await["vids_cleared_without_token"], json!(0), "the administrator may");
    assert_eq!(post(&odoo, "edit", json!({"registrant": found[1], "archive": true})).await, 200);
    assert!(odoo.search("res.partner", json!([["id", "=", found[1]]])).await.is_empty());
    assert_eq!(post(&odoo, "edit", json!({"registrant": found[2], "delete": true})).await, 200);
    assert_eq!(odoo.call("res.partner", "read", json!([[found[2]], ["name"]]), json!({})).await, json!([]));
    assert_eq!(post(&odoo, "edit", json!({"registrant": id, "nosuch": true})).await, 400);
    assert_eq!(post(&odoo, "edit", json!({"registrant": 99_999_999})).await, 400);
}
