//! The door of OMC's addon. Against the simulator only: a real server has the door once the addon is installed there.

use serde_json::json;

use super::client::{Odoo, simulator};
use omc::sim::odoo::Options;

async fn with_addon(registrants: u32) -> Odoo {
    simulator(Options {
        registrants,
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_page_then_its_rows_then_their_tokens() {
    let odoo = with_addon(50).await;
    let connectors = odoo.call("omc.connector", "search_read", json!([[]]), json!({})).await;
    assert_eq!(connectors.as_array().unwrap().len(), 1);
    let connector = connectors[0]["id"].as_i64().unwrap();
    assert_eq!(connectors[0]["job_status"], "started");
    let page = odoo
        .call(
            "omc.connector",
            "omc_pull",
            json!([[connector], 0, 20, false, false]),
            json!({}),
        )
        .await;
    let ids = page["ids"].as_array().unwrap().clone();
    assert_eq!(ids.len(), 20);
    assert_eq!(page["complete"], false);
    let rows = odoo
        .call(
            "omc.connector",
            "omc_pull",
            json!([[connector], 0, 20, false, ids]),
            json!({}),
        )
        .await;
    let row = &rows["rows"][0];
    assert_eq!(row["id"], ids[0]);
    assert_eq!(row["values"]["id"], ids[0]);
    let vid = &row["ids"][0];
    assert_eq!(vid["kind"], "vid");
    let result = json!({"partner_id": ids[0], "token": "T".repeat(43), "vid_id": vid["id"],
        "vid_write_date": vid["write_date"], "remove_vid": true, "values": false});
    let answers = odoo
        .call("omc.connector", "omc_apply", json!([[connector], [result]]), json!({}))
        .await;
    assert_eq!(answers[0]["outcome"], "written");
    assert_eq!(answers[0]["vid_removed"], true);
    let answers = odoo
        .call("omc.connector", "omc_apply", json!([[connector], [result]]), json!({}))
        .await;
    assert_eq!(answers[0]["outcome"], "already");
    assert_eq!(answers[0]["vid_removed"], false);
}
