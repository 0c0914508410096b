//! SIGKILL at any moment costs time only: no token lost, none written twice, nothing sent again that MTS still works on.

use serde_json::{Value, json};
use tokio::time::sleep;

use super::harness::{Chance, Daemon, Setup, World, eventually, number};

struct Plan {
    addon: bool,
    registrants: u32,
    kills: u32,
}

/// A batch takes 0.4 s at the POST and twice as long at work and delivery, and at most ten are under way: whatever MTS holds, it
/// is through with it in half of `stuck_after`, and with its callbacks in a fraction of `callback_grace`. What is sent again while
/// MTS works on it is therefore the daemon's fault.
fn slow_down(world: &mut World) {
    let keys = [
        ("submit.batch_size", "40"),
        ("submit.max_in_flight", "400"),
        ("odoo.page_size", "100"),
        ("reconcile.callback_grace", "\"3s\""),
        ("reconcile.stuck_after", "\"20s\""),
    ];
    for (key, value) in keys {
        world.configuration.set(key, value);
    }
}

async fn killed_again_and_again(plan: Plan) {
    let mut chance = Chance::seeded();
    let setup = Setup {
        registrants: plan.registrants,
        addon: plan.addon,
        record_micros: 10_000,
        seed: chance.next() % 1000,
        ..Setup::default()
    };
    let mut world = World::start(setup).await;
    slow_down(&mut world);
    if !plan.addon {
        // Upstream's default leaves out who holds a token, and with them the corrected VIDs.
        let filter = json!({"g2p_search_domain": r#"[["is_registrant", "=", true]]"#});
        world.odoo.write("mts.connector", 1, filter).await;
    }
    let before = world.odoo.state().await;
    world.odoo.faults(json!({"error_rate": 0.03, "truncate_rate": 0.01})).await;
    let faults =
        json!({"drop_callbacks": 0.1, "repeat_callbacks": 0.2, "delay_callbacks_ms": 400, "reorder_callbacks": 0.1});
    world.mts_faults(faults).await;

    let (mut mts_at_work, mut results_at_hand) = (0, 0);
    for kill in 1..=plan.kills {
        let mut daemon = Daemon::launch(&world.configuration);
        let life = if chance.next().is_multiple_of(4) { chance.millis(10, 400) } else { chance.millis(400, 2200) };
        sleep(life).await;
        if kill == plan.kills / 2 {
            world.mts_faults(json!({"restart": true})).await;
        }
        let queued = number(&world.mts_state().await, "queued");
        let records =
            if daemon.said("OMC is up") > 0 { daemon.connector(1).await["records"].clone() } else { Value::Null };
        println!("kill {kill} after {life:?}: MTS has {queued} requests open, the daemon {records}");
        mts_at_work += u32::from(queued > 0);
        results_at_hand += u32::from(records["to_write"].as_u64() > Some(0));
        // Not at the moment of its own answer.
        sleep(chance.millis(0, 60)).await;
        assert!(daemon.process.is_running(), "ended by itself: {:#?}", daemon.process.tail());
        daemon.process.kill().await;
    }
    println!("{mts_at_work} kills while MTS was at work, {results_at_hand} with results on their way to Odoo");
    assert!(mts_at_work >= plan.kills / 4, "the kills missed the work");

    world.faults_off().await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let records = settled(&daemon).await;
    assert_eq!(number(&records, "abandoned"), 0, "{records}");
    let odoo = &world.odoo;
    let cleaned = async || odoo.state().await;
    let after = eventually("no VID stays beside a token", cleaned, |state| number(state, "with_both") == 0).await;
    world.nothing_is_wrong(&after);
    assert_eq!(after["untouched"], before["untouched"], "something else than VIDs and tokens was changed");
    let mts = world.mts_state().await;
    println!("MTS at the end: {mts}");
    assert_eq!(number(&mts, "resubmitted_while_working"), 0, "{mts}");

    daemon.stop().await;
    let check = world.configuration.command(&["store", "check", "--json"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    let health: Value = serde_json::from_str(&check.stdout).unwrap();
    assert_eq!((&health["ok"], &health["batches"]), (&json!(true), &json!(0)), "{health}");
    assert_eq!(number(&health, "records"), number(&records, "rejected"), "done leaves no record: {health}");
}

/// Waits until nothing is under way; gives the counts.
async fn settled(daemon: &Daemon) -> Value {
    let records = async || daemon.connector(1).await["records"].clone();
    eventually("nothing is under way", records, |records| {
        ["pending", "submitted", "to_write"].iter().all(|state| records[*state] == 0)
    })
    .await
}

#[tokio::test]
async fn twenty_kills_lose_nothing_through_the_door() {
    killed_again_and_again(Plan { addon: true, registrants: 1700, kills: 22 }).await;
}

#[tokio::test]
async fn kills_lose_nothing_by_plain_calls() {
    killed_again_and_again(Plan { addon: false, registrants: 900, kills: 11 }).await;
}
