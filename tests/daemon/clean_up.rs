//! VIDs beside tokens: which of them a clean-up takes, and which stay whatever happens.

use serde_json::{Value, json};

use super::harness::{Daemon, Setup, World, eventually, number, token_of};

/// ID types.
const VID: u64 = 1;
const NATIONAL: u64 = 3;

async fn people(world: &World) -> Vec<u64> {
    let domain = json!([["is_registrant", "=", true], ["is_group", "=", false], ["reg_ids.id_type", "=", 1]]);
    let rows = world.odoo.search_read("res.partner", domain, &["given_name"]).await;
    rows.iter().map(|row| number(row, "id")).collect()
}

async fn disputed(daemon: &Daemon) -> Vec<u64> {
    let failed: Value = serde_json::from_str(&daemon.admin("/failed").await.1).unwrap();
    let line = failed["failed"].as_array().unwrap().iter().find(|line| line["code"] == "OMC-TOKEN-001").cloned();
    line.map_or_else(Vec::new, |line| serde_json::from_value(line["registrants"].clone()).unwrap())
}

/// Two people whose VID gives another token than the one that they hold, the VID older than the token in one case and newer in
/// the other: clean-ups leave both alone, and go on around them.
async fn clean_ups_pass_contradictions_by(addon: bool) {
    let mut world = World::start(Setup { registrants: 60, invalid_percent: 0, addon, ..Setup::default() }).await;
    world.configuration.set("schedule.vid_cleanup", "\"1s\"");
    world.configuration.set("reconcile.stuck_after", "\"60s\"").set("reconcile.callback_grace", "\"30s\"");
    let all = people(&world).await;
    let (older, newer, swept) = (all[3], all[4], *all.last().unwrap());
    // Nobody's but the clean-up's, which does not go by filters.
    let model = if addon { "omc.connector" } else { "mts.connector" };
    let filter = json!([["is_registrant", "=", true], ["id", "!=", swept]]).to_string();
    world.odoo.write(model, 1, json!({"g2p_search_domain": filter})).await;
    world.mts_faults(json!({"delay_callbacks_ms": 4000})).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.mts_has_seen(50).await;
    world.odoo.edit(json!({"registrant": older, "token": "somebody-elses-token"})).await;
    world.mts_faults(json!({"delay_callbacks_ms": 0})).await;
    eventually("it is a contradiction", || disputed(&daemon), |disputed| *disputed == [older]).await;
    let token = async || world.odoo.ids_of(newer, 2).await;
    let first = eventually("the first token is there", token, |tokens| tokens.len() == 1).await;
    let new = "7100000000000321";
    world.odoo.edit(json!({"registrant": newer, "vid": new})).await;
    assert_ne!(first, [token_of(new)]);
    eventually("so is this", || disputed(&daemon), |disputed| *disputed == [older, newer]).await;

    // A VID that is there to be taken: the clean-up that takes it comes by the other two.
    let vid = world.odoo.ids_of(swept, 1).await.remove(0);
    world.odoo.edit(json!({"registrant": swept, "token": token_of(&vid)})).await;
    let vids = async || world.odoo.ids_of(swept, 1).await;
    eventually("a VID beside its token is removed", vids, Vec::is_empty).await;
    assert_eq!(world.odoo.ids_of(older, 1).await.len(), 1, "the VID that contradicts a newer token");
    assert_eq!(world.odoo.ids_of(older, 2).await, ["somebody-elses-token"]);
    assert_eq!(world.odoo.ids_of(newer, 1).await, [new], "the VID that contradicts an older token");
    assert_eq!(world.odoo.ids_of(newer, 2).await, first);
    // Whoever a run meets again is looked at again, and is in no list for that moment.
    eventually("both are still contradictions", || disputed(&daemon), |disputed| *disputed == [older, newer]).await;
}

/// Where one of many cannot be read, the VIDs of all others are taken at the same clean-up.
#[tokio::test]
async fn one_whom_odoo_fails_on_keeps_no_clean_up_from_the_others() {
    let mut world = World::start(Setup { registrants: 140, invalid_percent: 0, ..Setup::default() }).await;
    world.odoo.write("omc.connector", 1, json!({"g2p_search_domain": "[[\"id\", \"=\", 0]]"})).await;
    let all = people(&world).await;
    assert!(all.len() > 130, "more than are looked at in one part");
    for person in &all {
        let vid = world.odoo.ids_of(*person, VID).await.remove(0);
        world.odoo.edit(json!({"registrant": person, "token": token_of(&vid)})).await;
    }
    let bad = all[70];
    world.odoo.faults(json!({"unreadable": [bad, bad]})).await;
    // The first clean-up is the only one.
    world.configuration.set("schedule.vid_cleanup", "\"1h\"");
    let _daemon = Daemon::start(&world.configuration).await;
    let both = async || number(&world.odoo.state().await, "with_both");
    eventually("one VID is left", both, |both| *both == 1).await;
    assert_eq!(world.odoo.ids_of(bad, VID).await.len(), 1);
}

#[tokio::test]
async fn clean_ups_pass_contradictions_by_through_the_door() {
    clean_ups_pass_contradictions_by(true).await;
}

#[tokio::test]
async fn clean_ups_pass_contradictions_by_with_plain_calls() {
    clean_ups_pass_contradictions_by(false).await;
}

/// A connector that keeps its VIDs: not with the token, not by a clean-up of its own, and not by one of another connector for the
/// same IDs, also when it is itself stopped.
#[tokio::test]
async fn a_connector_that_keeps_its_vids_keeps_them_all() {
    let mut world = World::start(Setup { registrants: 100, invalid_percent: 30, ..Setup::default() }).await;
    world.configuration.set("schedule.vid_cleanup", "\"1s\"");
    world.odoo.write("omc.connector", 1, json!({"remove_vid": false})).await;
    let before = world.odoo.state().await;
    assert!(number(&before["troubles"], "token_older_vid") > 0);
    let daemon = Daemon::start(&world.configuration).await;
    let after = world.all_tokens_are_there().await;
    assert!(number(&after, "with_token") > number(&before, "with_token"));
    assert_eq!(number(&after, "with_vid"), number(&before, "with_vid"));
    world.odoo.write("omc.connector", 1, json!({"job_status": "draft"})).await;

    // They take nobody. One would clean up the same IDs; the other cleans up national IDs, which shows when it was done.
    let nobody = json!([["id", "=", 0]]).to_string();
    let takes_nobody = |name: &str, vid_type: u64| {
        json!({"name": name, "g2p_search_domain": nobody, "job_status": "started", "remove_vid": true,
            "vid_id_type_id": vid_type})
    };
    let same = world.odoo.another_connector(takes_nobody("Same IDs", VID)).await;
    let current = async || daemon.connector(same).await["definition"].clone();
    eventually("it is taken over", current, |definition| definition == "current").await;
    let beside = json!([["id_type", "=", NATIONAL], ["partner_id.reg_ids.id_type", "=", 2]]);
    let national = async || world.odoo.search_read("g2p.reg.id", beside.clone(), &["value"]).await.len();
    assert!(national().await > 0);
    world.odoo.another_connector(takes_nobody("Other IDs", NATIONAL)).await;
    eventually("a clean-up was done", national, |rows| *rows == 0).await;
    let state = world.odoo.state().await;
    assert_eq!(number(&state, "with_vid"), number(&before, "with_vid"), "{state}");
    assert_eq!(daemon.metric("omc_vids_removed_total{by=\"write_back\"}").await, 0.0);

    // What kept them is gone: now they are swept, but for corrections, which wait for a connector that takes them.
    let corrected = number(&before["troubles"], "token_newer_vid");
    world.odoo.write("omc.connector", 1, json!({"remove_vid": true})).await;
    let both = async || number(&world.odoo.state().await, "with_both");
    eventually("no older VID stays beside a token", both, |both| *both == corrected).await;
}
