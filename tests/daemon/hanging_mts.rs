//! Two MTSs, one of which hangs.

use serde_json::{Value, json};

use super::harness::{Daemon, Process, Setup, World, client, eventually, json as json_of, number};

#[tokio::test]
async fn an_mts_that_hangs_delays_nobody_elses_lost_answers() {
    let mut world = World::start(Setup { registrants: 60, invalid_percent: 0, ..Setup::default() }).await;
    let (_other, other_url) = Process::simulator("mts", &["--listen", "127.0.0.1:0"]).await;
    let people = world.odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &["id"]).await;
    let half = number(&people[30], "id");
    let filter = |operator: &str| format!(r#"[["is_registrant","=",true],["id","{operator}",{half}]]"#);
    world.odoo.write("omc.connector", 1, json!({"g2p_search_domain": filter("<")})).await;
    let values = json!({"name": "Second", "mts_url": other_url, "g2p_search_domain": filter(">=")});
    world.odoo.another_connector(values).await;
    // Of both MTSs every answer is lost. The first takes its six batches in, and then says nothing more to anybody: asking it
    // about all of them takes longer than the test waits.
    let http = client();
    let other_faults = async |faults| json_of(http.post(format!("{other_url}/_sim/faults")).json(&faults)).await;
    world.mts_faults(json!({"drop_callbacks": 1.0})).await;
    other_faults(json!({"drop_callbacks": 1.0})).await;
    world.configuration.set("submit.batch_size", "5").set("submit.max_in_flight", "30");
    world.configuration.set("reconcile.stuck_after", "\"1h\"").set("reconcile.callback_grace", "\"10s\"");
    let daemon = Daemon::start(&world.configuration).await;
    let records = async || daemon.connector(1).await["records"].clone();
    let are_sent = |records: &Value| records["pending"] == 0 && records["submitted"].as_u64() > Some(20);
    eventually("all of the first half are at MTS", records, are_sent).await;
    world.mts_faults(json!({"hang_rate": 1.0})).await;
    other_faults(json!({"drop_callbacks": 0.0})).await;

    let tokens = async || world.odoo.search_read("g2p.reg.id", json!([["id_type", "=", 2]]), &["id"]).await.len();
    eventually("the second half have their tokens", tokens, |tokens| *tokens >= 25).await;
}
