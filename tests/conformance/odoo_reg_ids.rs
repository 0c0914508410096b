//! IDs and their types: constraints, commands, batches.

use serde_json::json;

use super::client::{Fault, marker};
use super::fact;

fn refused(text: impl Into<String>) -> Fault {
    Fault { code: 2, text: text.into() }
}

fact!(one_id_of_a_type_for_each_registrant, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let (one, two) = (odoo.registrant(&marker("unique")).await, odoo.registrant(&marker("unique")).await);
    odoo.reg_id(one, kind, json!("V")).await;
    let again = json!({"partner_id": one, "id_type": kind, "value": "W"});
    assert_eq!(odoo.fault("g2p.reg.id", "create", json!([again]), json!({})).await, refused("ID Type must be unique."));
    let through = json!([[one], {"reg_ids": [[0, 0, {"id_type": kind, "value": "W"}]]}]);
    assert_eq!(odoo.fault("res.partner", "write", through, json!({})).await, refused("ID Type must be unique."));
    // The same value with somebody else is nobody's business.
    odoo.reg_id(two, kind, json!("V")).await;
    odoo.clean(&[one, two], &[kind]).await;
});

fact!(a_pattern_is_matched_at_the_start_only, odoo, {
    let kind = odoo.id_type(json!("\\d{10}")).await;
    let name = odoo.read("g2p.id.type", kind, &["name"]).await["name"].as_str().unwrap().to_owned();
    let id = odoo.registrant(&marker("pattern")).await;
    let fault = odoo
        .fault("g2p.reg.id", "create", json!([{"partner_id": id, "id_type": kind, "value": "12AB"}]), json!({}))
        .await;
    assert_eq!(fault, refused(format!("The provided {name} ID '12AB' is invalid.")));
    let made = odoo.reg_id(id, kind, json!("1234567890EXTRA")).await;
    let fault = odoo.fault("g2p.reg.id", "write", json!([[made], {"value": "x"}]), json!({})).await;
    assert_eq!(fault, refused(format!("The provided {name} ID 'x' is invalid.")));
    odoo.clean(&[id], &[kind]).await;
});

fact!(a_dollar_lets_a_last_line_feed_pass, odoo, {
    let kind = odoo.id_type(json!("^\\d{10}$")).await;
    let id = odoo.registrant(&marker("dollar")).await;
    let made = odoo.reg_id(id, kind, json!("1234567890\n")).await;
    assert_eq!(odoo.fault("g2p.reg.id", "write", json!([[made], {"value": "12345678901"}]), json!({})).await.code, 2);
    odoo.clean(&[id], &[kind]).await;
});

fact!(a_long_value_is_cut_without_a_word, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let id = odoo.registrant(&marker("long")).await;
    let made = odoo.reg_id(id, kind, json!("x".repeat(120))).await;
    assert_eq!(odoo.read("g2p.reg.id", made, &["value"]).await["value"], json!("x".repeat(100)));
    odoo.clean(&[id], &[kind]).await;
});

fact!(required_fields_and_foreign_keys, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let id = odoo.registrant(&marker("keys")).await;
    let required = |field: &str| {
        refused(format!(
            "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n- Delete: another model \
             requires the record being deleted. If possible, archive it instead.\n\nModel: Registrant ID (g2p.reg.id)\n\
             Field: {field}\n"
        ))
    };
    let create = async |values| odoo.fault("g2p.reg.id", "create", json!([values]), json!({})).await;
    assert_eq!(create(json!({"id_type": kind})).await, required("Registrant (partner_id)"));
    assert_eq!(create(json!({"partner_id": id})).await, required("ID Type (id_type)"));
    let restricted = |constraint: &str| {
        refused(format!(
            "The operation cannot be completed: another model requires the record being deleted. If possible, archive it \
             instead.\n\nModel: Registrant ID (g2p.reg.id)\nConstraint: {constraint}\n"
        ))
    };
    assert_eq!(
        create(json!({"partner_id": 99_999_999, "id_type": kind})).await,
        restricted("g2p_reg_id_partner_id_fkey")
    );
    odoo.reg_id(id, kind, json!("1")).await;
    let fault = odoo.fault("res.partner", "unlink", json!([[id]]), json!({})).await;
    assert_eq!(fault, restricted("g2p_reg_id_partner_id_fkey"));
    let fault = odoo.fault("g2p.id.type", "unlink", json!([[kind]]), json!({})).await;
    assert_eq!(fault, restricted("g2p_reg_id_id_type_fkey"));
    odoo.clean(&[id], &[kind]).await;
});

fact!(a_batch_is_all_or_nothing, odoo, {
    let kind = odoo.id_type(json!("\\d{10}")).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(odoo.registrant(&marker("batch")).await);
    }
    let rows: Vec<_> = ids
        .iter()
        .zip(["1234567890", "bad", "1234567890"])
        .map(|(id, value)| json!({"partner_id": id, "id_type": kind, "value": value}))
        .collect();
    assert_eq!(odoo.fault("g2p.reg.id", "create", json!([rows]), json!({})).await.code, 2);
    assert!(odoo.search("g2p.reg.id", json!([["id_type", "=", kind]])).await.is_empty());
    odoo.clean(&ids, &[kind]).await;
});

fact!(an_empty_value_ends_the_checking_of_a_batch, odoo, {
    let kind = odoo.id_type(json!("\\d{10}")).await;
    let (one, two) = (odoo.registrant(&marker("empty")).await, odoo.registrant(&marker("empty")).await);
    let rows = json!([[{"partner_id": one, "id_type": kind, "value": false}, {"partner_id": two, "id_type": kind, "value": "bad"}]]);
    let made = odoo.call("g2p.reg.id", "create", rows, json!({})).await;
    assert_eq!(made.as_array().unwrap().len(), 2);
    odoo.clean(&[one, two], &[kind]).await;
});

fact!(a_token_replaces_a_vid_in_one_write, odoo, {
    let (vid, token) = (odoo.id_type(json!(false)).await, odoo.id_type(json!("[a-z]+")).await);
    let id = odoo.registrant(&marker("replace")).await;
    let old = odoo.reg_id(id, vid, json!("V")).await;
    let write = async |value: &str| {
        let commands = json!([[0, 0, {"id_type": token, "value": value, "status": "valid"}], [2, old]]);
        odoo.try_call("res.partner", "write", json!([[id], {"reg_ids": commands}]), json!({})).await
    };
    assert_eq!(write("123").await.unwrap_err().code, 2);
    assert_eq!(odoo.read("res.partner", id, &["reg_ids"]).await["reg_ids"], json!([old]), "both or neither");
    assert_eq!(write("abc").await, Ok(json!(true)));
    let left = odoo
        .call("g2p.reg.id", "search_read", json!([[["partner_id", "=", id]], ["value", "status"]]), json!({}))
        .await;
    assert_eq!((&left[0]["value"], &left[0]["status"]), (&json!("abc"), &json!("valid")));
    assert_eq!(left.as_array().unwrap().len(), 1);
    odoo.clean(&[id], &[vid, token]).await;
});

fact!(the_same_type_is_replaced_in_either_order, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let id = odoo.registrant(&marker("order")).await;
    let mut old = odoo.reg_id(id, kind, json!("1")).await;
    for made_first in [true, false] {
        let (make, remove) = (json!([0, 0, {"id_type": kind, "value": "new"}]), json!([2, old]));
        let commands = if made_first { json!([make, remove]) } else { json!([remove, make]) };
        odoo.call("res.partner", "write", json!([[id], {"reg_ids": commands}]), json!({})).await;
        let now = odoo.search("g2p.reg.id", json!([["partner_id", "=", id]])).await;
        assert_eq!(now.len(), 1);
        assert_ne!(now[0], old);
        old = now[0];
    }
    odoo.call("res.partner", "write", json!([[id], {"reg_ids": [[1, old, {"value": "changed"}]]}]), json!({})).await;
    assert_eq!(odoo.read("g2p.reg.id", old, &["value"]).await["value"], json!("changed"));
    odoo.clean(&[id], &[kind]).await;
});

fact!(a_remove_command_takes_somebody_elses_id_too, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let (mine, theirs) = (odoo.registrant(&marker("mine")).await, odoo.registrant(&marker("theirs")).await);
    let row = odoo.reg_id(theirs, kind, json!("1")).await;
    odoo.call("res.partner", "write", json!([[mine], {"reg_ids": [[2, row]]}]), json!({})).await;
    assert!(odoo.search("g2p.reg.id", json!([["id", "=", row]])).await.is_empty());
    let again = odoo.call("res.partner", "write", json!([[mine], {"reg_ids": [[2, row]]}]), json!({})).await;
    assert_eq!(again, json!(true), "removing what is gone is no fault");
    odoo.clean(&[mine, theirs], &[kind]).await;
});

fact!(an_id_shows_its_owners_name_and_its_types_name, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let name = marker("OWNER");
    let id = odoo.registrant(&name).await;
    let row = odoo.reg_id(id, kind, json!("1")).await;
    let read = odoo
        .read("g2p.reg.id", row, &["display_name", "id_type_as_str", "partner_id", "id_type", "expiry_date", "status"])
        .await;
    let kind_name = odoo.read("g2p.id.type", kind, &["name"]).await["name"].clone();
    let expected = json!({"id": row, "display_name": name, "id_type_as_str": kind_name, "partner_id": [id, name],
        "id_type": [kind, kind_name], "expiry_date": false, "status": false});
    assert_eq!(read, expected);
    odoo.clean(&[id], &[kind]).await;
});

fact!(an_id_type_has_a_name_of_its_own, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let name = odoo.read("g2p.id.type", kind, &["name"]).await["name"].as_str().unwrap().to_uppercase();
    let fault = odoo.fault("g2p.id.type", "create", json!([{"name": name}]), json!({})).await;
    assert_eq!(fault, refused("Id type already exists"));
    let fault = odoo.fault("g2p.id.type", "create", json!([{"name": ""}]), json!({})).await;
    assert_eq!(fault, refused("Id type should not empty."));
    odoo.unlink("g2p.id.type", &[kind]).await;
});
