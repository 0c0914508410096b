//! `write_date`: what moves it, and what a domain makes of it.

use serde_json::json;

use super::client::{Odoo, marker};
use super::fact;

async fn written(odoo: &Odoo, id: i64) -> String {
    odoo.read("res.partner", id, &["write_date"]).await["write_date"].as_str().unwrap().to_owned()
}

/// Whether anything was written to the partner since the time the database knows to the microsecond.
async fn since(odoo: &Odoo, id: i64, after: &str) -> bool {
    !odoo.search("res.partner", json!([["id", "=", id], ["write_date", ">", after]])).await.is_empty()
}

/// The microseconds of a partner's write_date, found by asking.
async fn exact(odoo: &Odoo, id: i64) -> String {
    let second = written(odoo, id).await;
    let (mut low, mut high) = (0u32, 999_999u32);
    while low < high {
        let middle = u32::midpoint(low, high);
        let at = format!("{second}.{middle:06}");
        if since(odoo, id, &at).await { low = middle + 1 } else { high = middle }
    }
    format!("{second}.{low:06}")
}

fact!(domains_know_the_microseconds_that_answers_hide, odoo, {
    let id = odoo.registrant(&marker("micros")).await;
    let exact = exact(odoo, id).await;
    let found = |operator: &str, time: &str| {
        odoo.search("res.partner", json!([["id", "=", id], ["write_date", operator, time]]))
    };
    assert_eq!(found("=", &exact).await, [id]);
    assert_eq!(found(">=", &exact).await, [id]);
    assert!(found(">", &exact).await.is_empty());
    assert_eq!(found("=", &exact.replace(' ', "T")).await, [id]);
    assert!(found(">", &format!("{}Z", exact.replace(' ', "T"))).await.is_empty());
    assert!(found(">", &format!("{}.999999", &exact[..19])).await.is_empty());
    if !exact.ends_with(".000000") {
        assert_eq!(found(">", &exact[..19]).await, [id], "a time read back matches the same row again");
        assert!(found("<=", &exact[..19]).await.is_empty());
    }
    odoo.clean(&[id], &[]).await;
});

fact!(a_bare_day_means_its_end_where_after_is_asked, odoo, {
    let id = odoo.registrant(&marker("day")).await;
    let day = &written(odoo, id).await[..10];
    let found = |operator: &str| odoo.search("res.partner", json!([["id", "=", id], ["write_date", operator, day]]));
    assert!(found(">").await.is_empty());
    assert_eq!(found(">=").await, [id]);
    odoo.clean(&[id], &[]).await;
});

fact!(ids_do_not_touch_their_registrant, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let id = odoo.registrant(&marker("untouched")).await;
    let before = exact(odoo, id).await;
    let made = odoo.reg_id(id, kind, json!("1")).await;
    odoo.call("g2p.reg.id", "write", json!([[made], {"value": "2"}]), json!({})).await;
    odoo.unlink("g2p.reg.id", &[made]).await;
    assert!(!since(odoo, id, &before).await);
    odoo.clean(&[id], &[kind]).await;
});

fact!(a_write_through_the_registrant_touches_it, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let id = odoo.registrant(&marker("touched")).await;
    for values in [json!({"reg_ids": [[0, 0, {"id_type": kind, "value": "1"}]]}), json!({}), json!({"ref": false})] {
        let before = exact(odoo, id).await;
        odoo.call("res.partner", "write", json!([[id], values]), json!({})).await;
        assert!(since(odoo, id, &before).await, "{values}");
    }
    odoo.clean(&[id], &[kind]).await;
});

fact!(write_date_cannot_be_written, odoo, {
    let id = odoo.registrant(&marker("forged")).await;
    let answer =
        odoo.call("res.partner", "write", json!([[id], {"write_date": "2001-01-01 00:00:00"}]), json!({})).await;
    assert_eq!(answer, json!(true));
    assert!(!written(odoo, id).await.starts_with("2001"));
    odoo.clean(&[id], &[]).await;
});

fact!(read_group_cuts_the_fraction_too, odoo, {
    let id = odoo.registrant(&marker("group")).await;
    let args = json!([[["id", "in", [id]]], ["write_date:max"], []]);
    let groups = odoo.call("res.partner", "read_group", args, json!({"lazy": false})).await;
    assert_eq!(groups[0]["__count"], json!(1));
    assert_eq!(groups[0]["write_date"], json!(written(odoo, id).await));
    odoo.clean(&[id], &[]).await;
});

fact!(rows_made_in_one_call_share_their_time, odoo, {
    let rows = json!([[{"name": marker("t1")}, {"name": marker("t2")}]]);
    let ids = odoo.call("res.partner", "create", rows, json!({})).await;
    let (one, two) = (ids[0].as_i64().unwrap(), ids[1].as_i64().unwrap());
    assert_eq!(exact(odoo, one).await, exact(odoo, two).await);
    odoo.clean(&[one, two], &[]).await;
});
