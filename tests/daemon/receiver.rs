//! MTS's deliveries: by either kind of login, twice, out of order, and before the answer to the POST.

use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number};

async fn delivered(setup: Setup, connector: Value, faults: Value) -> (World, Daemon) {
    let mut world = World::start(setup).await;
    world.configuration.set("submit.batch_size", "20");
    world.odoo.write("omc.connector", 1, connector).await;
    world.mts_faults(faults).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let open = async || daemon.connector(1).await["records"].clone();
    eventually("nothing is under way", open, |records| {
        number(records, "pending") + number(records, "submitted") + number(records, "to_write") == 0
    })
    .await;
    (world, daemon)
}

#[tokio::test]
async fn a_login_as_at_odoo_works_with_every_method() {
    for method in ["POST", "PUT", "PATCH", "GET"] {
        let setup = Setup { registrants: 120, ..Setup::default() };
        let connector = json!({"callback_authtype": "odoo", "callback_httpmethod": method});
        let (world, daemon) = delivered(setup, connector, json!({"repeat_callbacks": 0.5})).await;
        assert!(daemon.metric("omc_callback_logins_total{result=\"accepted\"}").await >= 1.0);
        assert_eq!(daemon.metric("omc_callbacks_total{result=\"unauthorised\"}").await, 0.0);
        let over = |mts: &Value| number(mts, "queued") == 0;
        let mts = eventually("MTS has delivered everything", || world.mts_state(), over).await;
        let deliveries = daemon.metric("omc_callbacks_total{result=\"stored\"}").await;
        assert_eq!(deliveries, number(&mts, "callbacks_sent") as f64, "{mts}");
    }
}

/// Repeats count for nothing, and neither does a result that comes when its record is done.
#[tokio::test]
async fn every_result_may_come_twice_and_late() {
    let faults = json!({"repeat_callbacks": 1.0, "reorder_callbacks": 0.5});
    let setup = Setup { registrants: 120, ..Setup::default() };
    let (world, daemon) = delivered(setup, json!({"callback_authtype": "staticBearer"}), faults).await;
    let outcome =
        async |outcome: &str| daemon.metric(&format!("omc_callback_results_total{{outcome=\"{outcome}\"}}")).await;
    let mts = world.mts_state().await;
    let all = async || {
        let mut all = 0.0;
        for name in ["token", "error", "repeat", "late", "stale"] {
            all += outcome(name).await;
        }
        all
    };
    // One half of what came counted.
    let records = number(&mts, "records") as f64;
    eventually("the repeats have come", all, |all| *all >= 2.0 * records).await;
    assert_eq!(outcome("token").await + outcome("error").await, records, "{mts}");
    assert_eq!(outcome("disputed").await, 0.0);
    let state = world.odoo.state().await;
    world.nothing_is_wrong(&state);
}

/// MTS may deliver all of a batch before it answers the POST that brought it.
#[tokio::test]
async fn results_may_come_before_the_answer() {
    let setup = Setup { registrants: 120, record_micros: 2_000, ..Setup::default() };
    let faults = json!({"early_callbacks": true});
    let (world, daemon) = delivered(setup, json!({"callback_authtype": "staticBearer"}), faults).await;
    let status = daemon.status().await;
    assert_eq!(number(&status, "batches_in_flight"), 0, "{status}");
    let mts = world.mts_state().await;
    assert_eq!(number(&mts, "resubmitted_while_working"), 0, "{mts}");
    // Everybody went once.
    let submitted = async || daemon.metric("omc_submitted_total").await;
    let all = number(&mts, "records") as f64;
    eventually("the last POST is answered", submitted, |submitted| *submitted == all).await;
    assert_eq!(daemon.metric("omc_answers_lost_total").await, 0.0);
}
