//! The door of OMC's addon. Against the simulator only: a real server has the door once the addon is installed there.

use serde_json::{Value as Json, json};

use super::client::{Fault, Odoo, simulator};
use omc::sim::odoo::Options;

/// A simulator with the addon, and its one connector.
struct Door {
    odoo: Odoo,
    connector: i64,
}

impl Door {
    async fn open(registrants: u32) -> Self {
        let odoo = simulator(Options { registrants, ..Options::default() }).await;
        let connector = odoo.search("omc.connector", json!([])).await[0];
        Self { odoo, connector }
    }

    async fn pull(&self, after: i64, limit: i64, since: Json, ids: Json) -> Json {
        let args = json!([[self.connector], after, limit, since, ids]);
        self.odoo.call("omc.connector", "omc_pull", args, json!({})).await
    }

    async fn page(&self, after: i64, limit: i64, since: Json) -> (Vec<i64>, bool) {
        let page = self.pull(after, limit, since, json!(false)).await;
        let ids = page["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
        (ids, page["complete"].as_bool().unwrap())
    }

    /// One registrant's row, and its VID row.
    async fn row(&self, id: i64, since: Json) -> (Json, Json) {
        let answer = self.pull(0, 0, since, json!([id])).await;
        let row = answer["rows"][0].clone();
        let ids = row["ids"].as_array().cloned().unwrap_or_default();
        (row, ids.into_iter().find(|id| id["kind"] == "vid").unwrap_or(Json::Null))
    }

    async fn result(&self, id: i64, token: Json) -> Json {
        let (_, vid) = self.row(id, json!("both")).await;
        json!({"partner_id": id, "token": token, "vid_id": vid["id"], "vid_write_date": vid["write_date"],
            "remove_vid": true, "values": false})
    }

    async fn apply(&self, results: Json) -> Json {
        self.odoo.call("omc.connector", "omc_apply", json!([[self.connector], results]), json!({})).await
    }

    /// What became of one result: its outcome, whether the VID went, and the code.
    async fn outcome(&self, result: Json) -> (String, bool, Json) {
        let answer = self.apply(json!([result])).await[0].clone();
        let outcome = answer["outcome"].as_str().unwrap().to_owned();
        (outcome, answer["vid_removed"].as_bool().unwrap(), answer["code"].clone())
    }

    /// The row of an administrator's Test.
    async fn preview(&self) -> i64 {
        self.odoo.call("omc.connector", "action_test", json!([[self.connector]]), json!({})).await;
        let waiting = json!([[["state", "=", "requested"]], ["connector_id", "limit"]]);
        let rows = self.odoo.call("omc.preview", "search_read", waiting, json!({"order": "id", "load": ""})).await;
        assert_eq!((&rows[0]["connector_id"], &rows[0]["limit"]), (&json!(self.connector), &json!(10)));
        rows[0]["id"].as_i64().unwrap()
    }

    async fn write_connector(&self, values: Json) {
        self.odoo.call("omc.connector", "write", json!([[self.connector], values]), json!({})).await;
    }

    async fn edit(&self, body: Json) {
        let answer = self.odoo.http("POST", "/_sim/edit", "", body.to_string().as_bytes()).await;
        assert_eq!(answer.code(), 200, "{}", answer.body);
    }
}

fn token(letter: &str) -> Json {
    json!(letter.repeat(43))
}

fn done(outcome: &str, removed: bool) -> (String, bool, Json) {
    (outcome.to_owned(), removed, json!(false))
}

#[tokio::test]
async fn pages_take_each_waiting_registrant_once() {
    let door = Door::open(300).await;
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let (ids, complete) = door.page(after, 50, json!(false)).await;
        assert!(ids.len() <= 50 && ids.is_sorted() && ids.iter().all(|id| *id > after));
        after = *ids.last().unwrap();
        all.extend(ids);
        if complete {
            break;
        }
    }
    let domain = json!([
        ["is_registrant", "=", true],
        ["is_group", "=", false],
        ["reg_ids.id_type", "=", 1],
        "!",
        ["reg_ids.id_type", "=", 2]
    ]);
    assert_eq!(all, door.odoo.search("res.partner", domain).await);
    assert_eq!(door.page(after, 50, json!(false)).await, (vec![], true));
}

#[tokio::test]
async fn a_filter_that_speaks_of_groups_takes_groups() {
    let door = Door::open(300).await;
    door.write_connector(json!({"g2p_search_domain": "[[\"is_group\",\"=\",true]]"})).await;
    let (ids, complete) = door.page(0, 1000, json!(false)).await;
    assert!(complete && !ids.is_empty());
    let (row, _) = door.row(ids[0], json!(false)).await;
    assert_eq!(row["is_group"], json!(true));
}

#[tokio::test]
async fn a_delta_takes_whose_registrant_or_vid_changed() {
    let door = Door::open(100).await;
    let (ids, _) = door.page(0, 10, json!(false)).await;
    let horizon = door.pull(0, 1, json!(false), json!(false)).await["horizon"].clone();
    assert_eq!(horizon.as_str().unwrap().len(), "2026-11-21 21:14:07.000001".len());
    assert_eq!(door.page(0, 10, horizon.clone()).await, (vec![], true));
    door.edit(json!({"registrant": ids[3], "vid": "5718062843690257"})).await;
    door.edit(json!({"registrant": ids[7], "set": {"given_name": "New"}})).await;
    assert_eq!(door.page(0, 10, horizon.clone()).await.0, [ids[3], ids[7]]);
    assert_eq!(door.page(ids[3], 10, horizon).await.0, [ids[7]]);
}

#[tokio::test]
async fn rows_tell_the_fields_and_the_ids() {
    let door = Door::open(100).await;
    let (ids, _) = door.page(0, 10, json!(false)).await;
    let (row, vid) = door.row(ids[0], json!(false)).await;
    let values = row["values"].as_object().unwrap();
    assert_eq!(values.len(), 8);
    assert_eq!(values["id"], json!(ids[0]));
    let read = door.odoo.read("res.partner", ids[0], &["given_name", "birthdate"]).await;
    assert_eq!((&values["given_name"], &values["birthdate"]), (&read["given_name"], &read["birthdate"]));
    assert_eq!(vid["value"].as_str().unwrap().len(), 16);
    assert_eq!(vid["write_date"].as_str().unwrap().len(), 26);
    door.write_connector(json!({"g2p_selected_fields": "[\"given_name\"]"})).await;
    let (row, _) = door.row(ids[0], json!(false)).await;
    assert_eq!(row["values"], json!({"given_name": read["given_name"]}));
    // Who left the filter is not told of, unless the filter is left aside.
    door.edit(json!({"registrant": ids[0], "set": {"is_registrant": false}})).await;
    assert_eq!(door.row(ids[0], json!(false)).await.0, Json::Null);
    assert_eq!(door.row(ids[0], json!("both")).await.0["id"], json!(ids[0]));
    let answer = door.pull(0, 0, json!(false), json!([99_999_999])).await;
    assert_eq!(answer["rows"], json!([]));
}

#[tokio::test]
async fn a_token_is_written_once_and_the_vid_goes_with_it() {
    let door = Door::open(50).await;
    let id = door.page(0, 1, json!(false)).await.0[0];
    let result = door.result(id, token("T")).await;
    assert_eq!(door.outcome(result.clone()).await, done("written", true));
    assert_eq!(door.outcome(result.clone()).await, done("already", false));
    let mut other = result;
    other["token"] = token("U");
    assert_eq!(door.outcome(other).await, done("conflict", false));
    let left = door
        .odoo
        .call(
            "g2p.reg.id",
            "search_read",
            json!([[["partner_id", "=", id], ["id_type", "in", [1, 2]]], ["value", "status"]]),
            json!({}),
        )
        .await;
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!((&left[0]["value"], &left[0]["status"]), (&token("T"), &json!("valid")));
}

#[tokio::test]
async fn the_vid_stays_where_the_connector_keeps_it() {
    let door = Door::open(50).await;
    let id = door.page(0, 1, json!(false)).await.0[0];
    let mut result = door.result(id, token("T")).await;
    result["remove_vid"] = json!(false);
    assert_eq!(door.outcome(result.clone()).await, done("written", false));
    result["remove_vid"] = json!(true);
    assert_eq!(door.outcome(result).await, done("already", true));
}

#[tokio::test]
async fn what_changed_meanwhile_supersedes_the_result() {
    let door = Door::open(80).await;
    let ids = door.page(0, 5, json!(false)).await.0;
    let mut results = Vec::new();
    for id in &ids {
        results.push(door.result(*id, token("T")).await);
    }
    door.edit(json!({"registrant": ids[0], "vid": "5718062843690257"})).await;
    assert_eq!(door.outcome(results[0].clone()).await, done("superseded", false), "written since");
    door.edit(json!({"registrant": ids[1], "vid": null})).await;
    assert_eq!(door.outcome(results[1].clone()).await, done("superseded", false), "gone");
    door.edit(json!({"registrant": ids[2], "delete": true})).await;
    assert_eq!(door.outcome(results[2].clone()).await, done("superseded", false), "registrant gone");
    let mut stolen = results[3].clone();
    stolen["partner_id"] = json!(ids[4]);
    assert_eq!(door.outcome(stolen).await, done("superseded", false), "somebody else's");
    door.edit(json!({"registrant": ids[3], "archive": true})).await;
    assert_eq!(door.outcome(results[3].clone()).await, done("written", true), "archived in flight");
    let mut undated = results[4].clone();
    undated["vid_write_date"] = json!(false);
    assert_eq!(door.outcome(undated).await, done("written", true));
}

#[tokio::test]
async fn unfit_tokens_and_values_are_refused_alone() {
    let door = Door::open(50).await;
    door.write_connector(json!({"value_fields": "[\"ref\", \"birthdate\", \"company_id\"]"})).await;
    let ids = door.page(0, 2, json!(false)).await.0;
    let good = door.result(ids[0], token("T")).await;
    for (name, value, code) in [
        ("token", json!(""), "token_empty"),
        ("token", json!("x".repeat(101)), "token_too_long"),
        ("token", json!("two words"), "token_invalid"),
        ("token", json!(5), "token_invalid"),
        ("values", json!({"name": "x"}), "field_not_allowed"),
        ("values", json!({"company_id": 1}), "field_not_allowed"),
        ("values", json!({"birthdate": "28/02/1990"}), "field_invalid"),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        let other = door.result(ids[1], token("T")).await;
        let answers = door.apply(json!([bad, other])).await;
        assert_eq!((&answers[0]["outcome"], &answers[0]["code"]), (&json!("error"), &json!(code)));
        assert!(answers[1]["outcome"] == "written" || answers[1]["outcome"] == "already", "{answers}");
    }
    assert_eq!(door.odoo.read("res.partner", ids[0], &["ref"]).await["ref"], json!(false));
    let mut with_values = good;
    with_values["values"] = json!({"ref": "R-1"});
    assert_eq!(door.outcome(with_values).await, done("written", true));
    assert_eq!(door.odoo.read("res.partner", ids[0], &["ref"]).await["ref"], json!("R-1"));
}

#[tokio::test]
async fn clean_up_takes_only_vids_older_than_the_token() {
    let door = Door::open(300).await;
    let (both, complete) = door.page(0, 1000, json!("both")).await;
    assert!(complete && !both.is_empty());
    let (mut swept, mut kept) = (0, 0);
    for id in both {
        match door.outcome(door.result(id, json!(false)).await).await {
            done if done.0 == "already" && done.1 => swept += 1,
            done => {
                assert_eq!((done.0.as_str(), done.1), ("superseded", false));
                kept += 1;
            }
        }
    }
    assert!(swept > 0 && kept > 0, "{swept} swept, {kept} kept");
}

#[tokio::test]
async fn busy_is_answered_on_order() {
    let door = Door::open(50).await;
    let id = door.page(0, 1, json!(false)).await.0[0];
    let result = door.result(id, token("T")).await;
    door.odoo.http("POST", "/_sim/faults", "", br#"{"busy_rate": 1.0}"#).await;
    assert_eq!(door.outcome(result.clone()).await, done("busy", false));
    door.odoo.http("POST", "/_sim/faults", "", b"{}").await;
    assert_eq!(door.outcome(result).await, done("written", true));
}

#[tokio::test]
async fn reports_make_runs_and_rejections() {
    let door = Door::open(50).await;
    let id = door.page(0, 1, json!(false)).await.0[0];
    let report = async |payload: Json| {
        door.odoo.call("omc.connector", "omc_report", json!([[door.connector], payload]), json!({})).await["run_id"]
            .clone()
    };
    assert_eq!(report(json!({})).await, json!(false));
    let started = "2026-11-21 21:14:08.783633";
    let run =
        report(json!({"run": {"trigger": "manual", "state": "running", "started_at": started, "found": 3}})).await;
    let run = run.as_i64().unwrap();
    assert_eq!(report(json!({"run": {"id": run, "state": "done", "tokens": 2}})).await, json!(run));
    let row = door.odoo.read("omc.run", run, &["state", "found", "tokens", "started_at", "connector_id"]).await;
    assert_eq!((&row["state"], &row["found"], &row["tokens"]), (&json!("done"), &json!(3), &json!(2)));
    assert_eq!(row["started_at"], json!("2026-11-21 21:14:08"));
    report(json!({"connector": {"job_status": "running", "last_error": "x", "last_run_id": run, "next_run": started}}))
        .await;
    let row = door.odoo.read("omc.connector", door.connector, &["job_status", "last_error", "next_run"]).await;
    assert_eq!((&row["job_status"], &row["last_error"]), (&json!("running"), &json!("x")));
    let rejection = |code: &str| json!({"rejections": [{"partner_id": id, "code": code, "reason": "r", "remedy": "m", "attempts": 1, "seen_at": started}]});
    report(rejection("ATS-REQ-010")).await;
    report(rejection("ATS-REQ-011")).await;
    let rows = door
        .odoo
        .call("omc.rejection", "search_read", json!([[["partner_id", "=", id]], ["code", "state"]]), json!({}))
        .await;
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!((&rows[0]["code"], &rows[0]["state"]), (&json!("ATS-REQ-011"), &json!("open")));
    report(json!({"resolved": [id]})).await;
    let rows =
        door.odoo.call("omc.rejection", "search_read", json!([[["partner_id", "=", id]], ["state"]]), json!({})).await;
    assert_eq!(rows[0]["state"], json!("resolved"));
}

#[tokio::test]
async fn a_preview_is_answered_once_and_by_its_own_connector() {
    let door = Door::open(50).await;
    let id = door.page(0, 1, json!(false)).await.0[0];
    let preview = door.preview().await;
    let report = async |payload: Json| {
        door.odoo.call("omc.connector", "omc_report", json!([[door.connector], payload]), json!({})).await
    };
    let line = |partner: i64, verdict: &str| json!({"partner_id": partner, "verdict": verdict, "reason": false, "auth_data": {"vid": "9999", "name.0": "xxx"}});
    let answer =
        |lines: Vec<Json>| json!({"preview": {"id": preview, "state": "done", "message": false, "lines": lines}});
    // Gone: ignored. A registrant who is gone: left out.
    report(json!({"preview": {"id": 999_999, "state": "done", "message": false, "lines": []}})).await;
    report(answer(vec![line(id, "send"), line(999_999, "send")])).await;
    report(answer(vec![line(id, "ATS-REQ-010"), line(id, "leave")])).await;
    let row = door.odoo.read("omc.preview", preview, &["state", "message"]).await;
    assert_eq!((&row["state"], &row["message"]), (&json!("done"), &json!(false)));
    let lines = door
        .odoo
        .call(
            "omc.preview.line",
            "search_read",
            json!([[["preview_id", "=", preview]], ["partner_id", "verdict", "reason", "auth_data"]]),
            json!({"load": ""}),
        )
        .await;
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
    assert_eq!((&lines[0]["partner_id"], &lines[0]["verdict"]), (&json!(id), &json!("send")));
    let auth_data: Json = serde_json::from_str(lines[0]["auth_data"].as_str().unwrap()).unwrap();
    assert_eq!(auth_data, json!({"vid": "9999", "name.0": "xxx"}));
}

#[tokio::test]
async fn a_connector_is_leased_to_one_daemon() {
    let door = Door::open(10).await;
    let page = async |daemon: Option<&str>| {
        let named = daemon.map_or_else(|| json!({}), |daemon| json!({"context": {"omc_daemon": daemon}}));
        door.odoo.try_call("omc.connector", "omc_pull", json!([[door.connector], 0, 1, false, false]), named).await
    };
    let leased = |answer: Result<Json, Fault>| {
        answer.is_err_and(|fault| fault.code == 2 && fault.text.starts_with("omc_lease: "))
    };
    assert!(page(Some("one")).await.is_ok());
    assert!(page(Some("one")).await.is_ok());
    assert!(leased(page(Some("two")).await));
    assert!(page(None).await.is_ok(), "who says no name is held up by none");
    let release = async |daemon: &str| {
        let named = json!({"context": {"omc_daemon": daemon}});
        door.odoo.try_call("omc.connector", "omc_report", json!([[door.connector], {"release": true}]), named).await
    };
    assert!(leased(release("two").await));
    assert_eq!(release("one").await.unwrap()["run_id"], json!(false));
    assert!(page(Some("two")).await.is_ok());
    assert!(leased(page(Some("one")).await));
    assert!(release("two").await.is_ok());
    for wrong in ["", "\u{e9}", &"x".repeat(65)] {
        let answer = page(Some(wrong)).await;
        assert!(answer.is_err_and(|fault| fault.code == 2 && !fault.text.starts_with("omc_lease: ")), "{wrong:?}");
    }
}

#[tokio::test]
async fn the_administrators_buttons() {
    let door = Door::open(10).await;
    let press =
        async |button: &str| door.odoo.call("omc.connector", button, json!([[door.connector]]), json!({})).await;
    let status = async || door.odoo.read("omc.connector", door.connector, &["job_status"]).await["job_status"].clone();
    assert_eq!(status().await, json!("started"));
    press("action_stop").await;
    assert_eq!(status().await, json!("completed"));
    press("action_start").await;
    assert_eq!(status().await, json!("started"));
    press("action_run_now").await;
    let runs = door
        .odoo
        .call(
            "omc.run",
            "search_read",
            json!([[["state", "=", "requested"]], ["trigger", "requested_by_id"]]),
            json!({}),
        )
        .await;
    assert_eq!((&runs[0]["trigger"], &runs[0]["requested_by_id"][0]), (&json!("manual"), &json!(2)));
}
