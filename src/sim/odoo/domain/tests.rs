//! Domains over a small registry, against the plainest reading of them.

use serde_json::json;

use super::super::Options;
use super::super::database::Database;
use super::super::fault::Fault;
use super::super::population::populate;
use super::super::wire::from_json;
use super::plan::{Candidates, candidates};
use super::{Order, compile, search};

const NOW: i64 = 1_795_296_000_000_000;

fn registry() -> Database {
    let mut db = Database::new(true);
    let options = Options { registrants: 300, ..Options::default() };
    populate(&mut db, &options, NOW);
    db
}

fn found(db: &Database, model: usize, domain: &serde_json::Value) -> Vec<i32> {
    let filter = compile(db, model, &from_json(domain), true).unwrap();
    search(db, &filter, &[], 0, None).unwrap()
}

/// What a domain makes the search look at.
fn looked_at(db: &Database, model: usize, domain: &serde_json::Value) -> Option<Candidates> {
    let filter = compile(db, model, &from_json(domain), false).unwrap();
    candidates(db, &filter, &filter.root)
}

#[test]
fn keyset_pages_and_id_lists_do_not_scan() {
    let db = registry();
    let (partner, reg_id) = (db.names.partner, db.names.reg_id);
    let page = json!([["is_registrant", "=", true], ["id", ">", 100]]);
    assert_eq!(looked_at(&db, partner, &page), Some(Candidates::From(100)));
    let list = json!([["id", "in", [9, 7, 7]], ["id", ">", 3]]);
    assert_eq!(looked_at(&db, partner, &list), Some(Candidates::Ids(vec![7, 9])));
    let one = json!([["id", "=", 5], ["is_group", "=", false]]);
    assert_eq!(looked_at(&db, partner, &one), Some(Candidates::Ids(vec![5])));
    let owner = db.row(reg_id, 1).and_then(|row| row.cell(db.columns.partner).as_ref_id()).unwrap();
    let rows = looked_at(&db, reg_id, &json!([["partner_id", "in", [owner]], ["id_type", "=", 1]]));
    assert_eq!(rows, Some(Candidates::Ids(db.reg_ids(owner).to_vec())));
    assert_eq!(looked_at(&db, partner, &json!([["name", "=", "x"]])), None);
    assert_eq!(looked_at(&db, partner, &json!(["|", ["id", "=", 5], ["name", "=", "x"]])), None);
}

#[test]
fn waiting_registrants_are_those_with_a_vid_and_no_token() {
    let db = registry();
    let domain = json!([
        ["is_registrant", "=", true],
        ["reg_ids.id_type.name", "=", "MOSIP VID"],
        "!",
        ["reg_ids.id_type", "=like", "MOSIP UIN TOKEN"]
    ]);
    let holds = |partner: i32, kind: i32| {
        let rows = db.reg_ids(partner).iter().filter_map(|id| db.row(db.names.reg_id, *id));
        rows.filter(|row| row.cell(db.columns.id_type).as_ref_id() == Some(kind)).count() > 0
    };
    let expected: Vec<i32> = db
        .table(db.names.partner)
        .rows()
        .filter(|row| row.cell(db.columns.is_registrant).is_true() && row.cell(db.columns.active).is_true())
        .filter(|row| holds(row.id, 1) && !holds(row.id, 2))
        .map(|row| row.id)
        .collect();
    assert!(expected.len() > 200);
    assert_eq!(found(&db, db.names.partner, &domain), expected);
}

#[test]
fn the_limit_and_the_offset_count_matches() {
    let db = registry();
    let filter = compile(&db, db.names.partner, &from_json(&json!([["is_group", "=", true]])), true).unwrap();
    let all = search(&db, &filter, &[], 0, None).unwrap();
    assert_eq!(search(&db, &filter, &[], 1, Some(2)).unwrap(), all[1..3]);
    let newest = [Order { field: None, descending: true }];
    assert_eq!(search(&db, &filter, &newest, 0, Some(1)).unwrap(), all[all.len() - 1..]);
}

#[test]
fn complaints_come_in_odoos_order() {
    let db = registry();
    let complaint =
        |domain: serde_json::Value| -> Fault { compile(&db, db.names.partner, &from_json(&domain), true).unwrap_err() };
    assert_eq!(
        complaint(json!([["name", "~=", 1], ["nosuch", "=", 1]])),
        Fault::value_error("Invalid field res.partner.nosuch in leaf ('nosuch', '=', 1)")
    );
    assert_eq!(
        complaint(json!(["&", ["nosuch", "=", 1]])),
        Fault::value_error("Domain ['&', ['nosuch', '=', 1]] is syntactically not correct.")
    );
}
