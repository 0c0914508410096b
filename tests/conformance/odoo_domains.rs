//! Domains, orders and pages.

use serde_json::{Value as Json, json};

use super::client::{Odoo, marker};
use super::fact;

/// Three registrants: one with a first ID, one with both, one with none.
struct Family {
    first_type: i64,
    second_type: i64,
    name: String,
    one: i64,
    both: i64,
    none: i64,
}

impl Family {
    async fn make(odoo: &Odoo) -> Self {
        let (first_type, second_type) = (odoo.id_type(json!(false)).await, odoo.id_type(json!(false)).await);
        let name = marker("family");
        let (one, both, none) =
            (odoo.registrant(&name).await, odoo.registrant(&name).await, odoo.registrant(&name).await);
        odoo.reg_id(one, first_type, json!("AAA")).await;
        odoo.reg_id(both, first_type, json!("BBB")).await;
        odoo.reg_id(both, second_type, json!("CCC")).await;
        Self { first_type, second_type, name, one, both, none }
    }

    /// Who of them meets the domain.
    async fn found(&self, odoo: &Odoo, domain: Json) -> Vec<i64> {
        let mut parts = vec![json!(["id", "in", [self.one, self.both, self.none]])];
        parts.extend(domain.as_array().unwrap().iter().cloned());
        odoo.search("res.partner", Json::Array(parts)).await
    }

    async fn remove(self, odoo: &Odoo) {
        odoo.clean(&[self.one, self.both, self.none], &[self.first_type, self.second_type]).await;
    }
}

fact!(paths_follow_one2manys_and_many2ones, odoo, {
    let family = Family::make(odoo).await;
    let name = odoo.read("g2p.id.type", family.first_type, &["name"]).await["name"].clone();
    assert_eq!(family.found(odoo, json!([["reg_ids.id_type.name", "=", name]])).await, [family.one, family.both]);
    assert_eq!(family.found(odoo, json!([["reg_ids.id_type", "=", family.second_type]])).await, [family.both]);
    assert_eq!(family.found(odoo, json!([["reg_ids.value", "=", "AAA"]])).await, [family.one]);
    assert_eq!(family.found(odoo, json!([["reg_ids.write_date", ">", "2001-01-01"]])).await, [family.one, family.both]);
    let ids = odoo
        .search("g2p.reg.id", json!([["partner_id.name", "=", family.name], ["id_type", "=", family.first_type]]))
        .await;
    assert_eq!(ids.len(), 2);
    family.remove(odoo).await;
});

fact!(a_negated_path_means_that_no_row_meets_it, odoo, {
    let family = Family::make(odoo).await;
    let second = odoo.read("g2p.id.type", family.second_type, &["name"]).await["name"].clone();
    let first = odoo.read("g2p.id.type", family.first_type, &["name"]).await["name"].clone();
    let waiting = json!([["reg_ids.id_type.name", "=", first], "!", ["reg_ids.id_type.name", "=", second]]);
    assert_eq!(family.found(odoo, waiting).await, [family.one]);
    let upstream = json!([["reg_ids.id_type", "=like", first], "!", ["reg_ids.id_type", "=like", second]]);
    assert_eq!(family.found(odoo, upstream).await, [family.one]);
    assert_eq!(
        family.found(odoo, json!(["!", ["reg_ids.id_type", "=", family.second_type]])).await,
        [family.one, family.none]
    );
    family.remove(odoo).await;
});

fact!(a_negative_operator_on_a_path_means_that_some_row_meets_it, odoo, {
    let family = Family::make(odoo).await;
    assert_eq!(
        family.found(odoo, json!([["reg_ids.id_type", "!=", family.second_type]])).await,
        [family.one, family.both]
    );
    assert_eq!(family.found(odoo, json!([["reg_ids.value", "not like", "AAA"]])).await, [family.both]);
    family.remove(odoo).await;
});

fact!(two_conditions_on_a_path_may_be_met_by_two_rows, odoo, {
    let family = Family::make(odoo).await;
    let apart = json!([["reg_ids.id_type", "=", family.second_type], ["reg_ids.value", "=", "BBB"]]);
    assert_eq!(family.found(odoo, apart).await, [family.both]);
    let together = json!([["reg_ids", "any", [["id_type", "=", family.second_type], ["value", "=", "BBB"]]]]);
    assert!(family.found(odoo, together).await.is_empty());
    family.remove(odoo).await;
});

fact!(a_one2many_is_compared_with_nothing_and_with_ids, odoo, {
    let family = Family::make(odoo).await;
    assert_eq!(family.found(odoo, json!([["reg_ids", "=", false]])).await, [family.none]);
    assert_eq!(family.found(odoo, json!([["reg_ids", "!=", false]])).await, [family.one, family.both]);
    let row = odoo.search("g2p.reg.id", json!([["partner_id", "=", family.one]])).await;
    assert_eq!(family.found(odoo, json!([["reg_ids", "in", row]])).await, [family.one]);
    assert_eq!(family.found(odoo, json!([["reg_ids", "not in", row]])).await, [family.both, family.none]);
    family.remove(odoo).await;
});

fact!(a_many2one_is_compared_by_name, odoo, {
    let family = Family::make(odoo).await;
    let first = odoo.read("g2p.id.type", family.first_type, &["name"]).await["name"].clone();
    let rows = async |operator: &str, right: Json| {
        odoo.search(
            "g2p.reg.id",
            json!([["partner_id", "in", [family.one, family.both]], ["id_type", operator, right]]),
        )
        .await
        .len()
    };
    assert_eq!(rows("=", first.clone()).await, 2);
    assert_eq!(rows("=like", first.clone()).await, 2);
    assert_eq!(rows("in", json!([first])).await, 2);
    assert_eq!(rows("!=", first.clone()).await, 1);
    assert_eq!(rows("ilike", json!(first.as_str().unwrap().to_uppercase())).await, 2);
    assert_eq!(rows("=like", json!("type%")).await, 3);
    family.remove(odoo).await;
});

fact!(operators_of_text, odoo, {
    let name = marker("Oper");
    let one = odoo.create("res.partner", json!({"name": name, "ref": "Ab_c%"})).await;
    let two = odoo.create("res.partner", json!({"name": name})).await;
    let found = async |operator: &str, right: Json| {
        odoo.search("res.partner", json!([["id", "in", [one, two]], ["ref", operator, right]])).await
    };
    for (operator, right, expected) in [
        ("=", json!("Ab_c%"), vec![one]),
        ("=", json!(false), vec![two]),
        ("!=", json!(false), vec![one]),
        ("!=", json!("Ab_c%"), vec![two]),
        ("!=", json!("zz"), vec![one, two]),
        ("like", json!("b_c"), vec![one]),
        ("like", json!("B_C"), vec![]),
        ("ilike", json!("B_C"), vec![one]),
        ("not like", json!("b_c"), vec![two]),
        ("not ilike", json!("zz"), vec![one, two]),
        ("like", json!(""), vec![one, two]),
        ("=like", json!("Ab%"), vec![one]),
        ("=like", json!("b%"), vec![]),
        ("=ilike", json!("aB%"), vec![one]),
        ("=like", json!("Ab\\_c\\%"), vec![one]),
        ("in", json!(["Ab_c%", "x"]), vec![one]),
        ("in", json!([false]), vec![two]),
        ("in", json!([]), vec![]),
        ("not in", json!(["Ab_c%"]), vec![two]),
        ("not in", json!(["Ab_c%", false]), vec![]),
        ("not in", json!([]), vec![one, two]),
        ("=?", json!(false), vec![one, two]),
        ("=?", json!("Ab_c%"), vec![one]),
        (">", json!("Aa"), vec![one]),
        ("<", json!("Aa"), vec![]),
        ("<>", json!("zz"), vec![one, two]),
    ] {
        assert_eq!(found(operator, right.clone()).await, expected, "{operator} {right}");
    }
    odoo.clean(&[one, two], &[]).await;
});

fact!(the_opposite_of_unknown_is_unknown, odoo, {
    let one = odoo.create("res.partner", json!({"name": marker("null"), "ref": "x"})).await;
    let two = odoo.create("res.partner", json!({"name": marker("null")})).await;
    let found = async |domain: Json| {
        let mut parts = vec![json!(["id", "in", [one, two]])];
        parts.extend(domain.as_array().unwrap().iter().cloned());
        odoo.search("res.partner", Json::Array(parts)).await
    };
    assert!(found(json!(["!", ["ref", "=like", "x"]])).await.is_empty());
    assert_eq!(found(json!(["!", ["ref", "=like", "y"]])).await, [one]);
    assert_eq!(found(json!(["!", ["ref", "like", "y"]])).await, [one, two]);
    assert_eq!(found(json!(["!", "|", ["ref", "=", "x"], ["id", "=", -1]])).await, [two]);
    assert_eq!(found(json!(["|", ["ref", "=", "x"], ["id", "=", two]])).await, [one, two]);
    assert_eq!(found(json!(["&", ["ref", "=", "x"], ["id", "=", two]])).await, Vec::<i64>::new());
    odoo.clean(&[one, two], &[]).await;
});

fact!(archived_rows_hide_but_their_ids_do_not, odoo, {
    let kind = odoo.id_type(json!(false)).await;
    let id = odoo.registrant(&marker("archived")).await;
    let made = odoo.reg_id(id, kind, json!("1")).await;
    odoo.call("res.partner", "write", json!([[id], {"active": false}]), json!({})).await;
    assert!(odoo.search("res.partner", json!([["id", "=", id]])).await.is_empty());
    assert_eq!(odoo.search("res.partner", json!([["id", "=", id], ["active", "=", false]])).await, [id]);
    let shown = odoo
        .call("res.partner", "search", json!([[["id", "=", id]]]), json!({"context": {"active_test": false}}))
        .await;
    assert_eq!(shown, json!([id]));
    assert_eq!(odoo.search("g2p.reg.id", json!([["id", "=", made]])).await, [made]);
    assert_eq!(odoo.read("res.partner", id, &["reg_ids"]).await["reg_ids"], json!([made]));
    odoo.call("res.partner", "write", json!([[id], {"active": true}]), json!({})).await;
    odoo.clean(&[id], &[kind]).await;
});

fact!(pages_and_orders, odoo, {
    let name = marker("page");
    let mut ids = Vec::new();
    for letter in ["c", "a", "b"] {
        ids.push(odoo.create("res.partner", json!({"name": format!("{name} {letter}"), "ref": name})).await);
    }
    let (c, a, b) = (ids[0], ids[1], ids[2]);
    let search = async |kwargs: Json| odoo.call("res.partner", "search", json!([[["ref", "=", name]]]), kwargs).await;
    assert_eq!(search(json!({})).await, json!([a, b, c]), "the default order is by name");
    assert_eq!(search(json!({"order": "id"})).await, json!([c, a, b]));
    assert_eq!(search(json!({"order": "id desc", "limit": 2})).await, json!([b, a]));
    assert_eq!(search(json!({"order": "name desc", "offset": 1})).await, json!([b, a]));
    for none in [json!(0), json!(false), json!(null)] {
        assert_eq!(search(json!({"order": "id", "limit": none})).await, json!([c, a, b]), "limit {none}");
    }
    let above = json!([[["ref", "=", name], ["id", ">", c]]]);
    assert_eq!(odoo.call("res.partner", "search", above, json!({"order": "id", "limit": 1})).await, json!([a]));
    let count = odoo.call("res.partner", "search_count", json!([[["ref", "=", name]]]), json!({})).await;
    assert_eq!(count, json!(3));
    odoo.clean(&ids, &[]).await;
});

fact!(ids_come_newest_first, odoo, {
    let family = Family::make(odoo).await;
    let rows = odoo.call("g2p.reg.id", "search", json!([[["partner_id", "=", family.both]]]), json!({})).await;
    assert!(rows[0].as_i64() > rows[1].as_i64());
    assert_eq!(odoo.read("res.partner", family.both, &["reg_ids"]).await["reg_ids"], rows);
    family.remove(odoo).await;
});

fact!(nothing_found_is_an_empty_list, odoo, {
    let rows = odoo.call("res.partner", "search_read", json!([[["id", "=", -1]]]), json!({"fields": ["id"]})).await;
    assert_eq!(rows, json!([]));
});
