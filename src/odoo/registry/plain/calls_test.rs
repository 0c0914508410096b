//! Which calls are made, in which order, and what is made of their answers.

use serde_json::json;

use super::super::write_back::{ApplyRefusal, Outcome, StaleVid, WriteBack};
use super::*;
use crate::odoo::error::{Failure, Interrupted};
use crate::odoo::registry::test_connector::connector;
use crate::odoo::test_server::{Act, TestServer, fault, response, value};
use crate::odoo::test_wire::xml;

const OLD: &str = "2026-11-20 10:00:00";
const NEW: &str = "2026-11-21 21:14:08";
const READ_IDS: &str = "g2p.reg.id.search_read";
const CREATE: &str = "g2p.reg.id.create";
const UNLINK: &str = "g2p.reg.id.unlink";

async fn plain(answers: Vec<Act>) -> (TestServer, Plain) {
    let server = TestServer::start([vec![value("<int>2</int>")], answers].concat()).await;
    let client = Arc::new(Client::new(&server.config()).unwrap());
    (server, Plain { client, has_status: true })
}

fn rows(rows: Value) -> Act {
    value(&xml(&rows))
}

fn vid_at(row: u32, registrant: u32, value: &str, written: &str) -> Value {
    json!({"id": row, "partner_id": registrant, "id_type": 2, "value": value, "status": "valid", "expiry_date": false,
           "create_date": OLD, "write_date": written})
}

/// The VID of a registrant: `20` and their number, in row 100 + number.
fn vid(registrant: u32) -> Value {
    vid_at(100 + registrant, registrant, &format!("20{registrant}"), OLD)
}

fn token_at(row: u32, registrant: u32, value: &str) -> Value {
    json!({"id": row, "partner_id": registrant, "id_type": 3, "value": value, "status": "valid", "expiry_date": false,
           "create_date": NEW, "write_date": NEW})
}

/// The token of a registrant: `70` and their number, in row 200 + number.
fn token(registrant: u32) -> Value {
    token_at(200 + registrant, registrant, &format!("70{registrant}"))
}

fn write_back(registrant: u32) -> WriteBack {
    WriteBack {
        registrant: RegistrantId(registrant),
        token: Personal::new(format!("70{registrant}")),
        vid_row: Some(RegIdRow(100 + registrant)),
        vid_written: None,
        values: None,
    }
}

async fn apply(plain: &Plain, registrants: &[u32]) -> Result<Vec<Outcome>, Error> {
    let results: Vec<WriteBack> = registrants.iter().map(|registrant| write_back(*registrant)).collect();
    plain.apply(&connector(), &results, &|registrant, vid| *vid.expose() == format!("20{}", registrant.0)).await
}

#[tokio::test]
async fn tokens_are_created_read_back_and_then_the_vids_leave() {
    let (server, plain) = plain(vec![
        rows(json!([vid(1), vid(2)])),
        rows(json!([201, 202])),
        rows(json!([vid(1), vid(2), token(1), token(2)])),
        rows(json!(true)),
    ])
    .await;
    assert_eq!(
        apply(&plain, &[1, 2]).await.unwrap(),
        [Outcome::Written { vid_removed: true }, Outcome::Written { vid_removed: true }]
    );
    assert_eq!(server.calls().await, [READ_IDS, CREATE, READ_IDS, UNLINK]);
    let create = server.requests().await[2].replace('\n', "");
    assert!(create.contains("<name>status</name><value><string>valid</string></value>"), "{create}");
    assert!(!create.contains("expiry_date"), "{create}");
}

#[tokio::test]
async fn repeating_a_whole_write_back_changes_nothing() {
    let (server, plain) = plain(vec![rows(json!([token(1)]))]).await;
    assert_eq!(apply(&plain, &[1]).await.unwrap(), [Outcome::Already { vid_removed: false }]);
    assert_eq!(server.calls().await, [READ_IDS]);
}

#[tokio::test]
async fn repeating_a_broken_write_back_finishes_it() {
    let (server, plain) = plain(vec![rows(json!([vid(1), token(1)])), rows(json!(true))]).await;
    assert_eq!(apply(&plain, &[1]).await.unwrap(), [Outcome::Already { vid_removed: true }]);
    assert_eq!(server.calls().await, [READ_IDS, UNLINK]);
}

#[tokio::test]
async fn a_vid_that_was_edited_meanwhile_stays() {
    let edited = vid_at(101, 1, "2999", NEW);
    let (server, plain) = plain(vec![rows(json!([vid(1)])), rows(json!([201])), rows(json!([edited, token(1)]))]).await;
    assert_eq!(apply(&plain, &[1]).await.unwrap(), [Outcome::Written { vid_removed: false }]);
    assert_eq!(server.calls().await, [READ_IDS, CREATE, READ_IDS]);
}

#[tokio::test]
async fn no_vid_is_removed_where_the_read_back_shows_no_token() {
    let (server, plain) = plain(vec![rows(json!([vid(1)])), rows(json!([201])), rows(json!([vid(1)]))]).await;
    assert_eq!(apply(&plain, &[1]).await.unwrap(), [Outcome::Busy]);
    assert_eq!(server.calls().await, [READ_IDS, CREATE, READ_IDS]);
}

#[tokio::test]
async fn who_cannot_be_written_costs_no_call() {
    let (server, plain) = plain(vec![rows(json!([vid(1), token_at(201, 1, "99")]))]).await;
    let results = [
        WriteBack { token: Personal::new(String::new()), ..write_back(3) },
        write_back(1),
        write_back(2),
        write_back(2),
    ];
    let outcomes = plain.apply(&connector(), &results, &|_, _| true).await.unwrap();
    assert_eq!(
        outcomes,
        [Outcome::Refused(ApplyRefusal::TokenEmpty), Outcome::Conflict, Outcome::Superseded, Outcome::Busy]
    );
    assert_eq!(server.calls().await, [READ_IDS]);
}

#[tokio::test]
async fn one_bad_row_does_not_stop_the_others() {
    let invalid = || fault(2, "The provided MOSIP UIN TOKEN ID '703' is invalid.");
    let (server, plain) = plain(vec![
        rows(json!([vid(1), vid(2), vid(3), vid(4)])),
        invalid(),               // 1 2 3 4
        rows(json!([201, 202])), // 1 2
        invalid(),               // 3 4
        invalid(),               // 3
        rows(json!([204])),      // 4
        rows(json!([vid(1), vid(2), vid(3), vid(4), token(1), token(2), token(4)])),
        rows(json!(true)),
    ])
    .await;
    let written = Outcome::Written { vid_removed: true };
    assert_eq!(
        apply(&plain, &[1, 2, 3, 4]).await.unwrap(),
        [written.clone(), written.clone(), Outcome::Refused(ApplyRefusal::TokenInvalid), written]
    );
    let unlink = server.requests().await.last().unwrap().clone();
    assert!(unlink.contains("<i4>104</i4>") && !unlink.contains("<i4>103</i4>"), "{unlink}");
}

#[tokio::test]
async fn a_deleted_registrant_is_superseded() {
    let gone = fault(2, "The operation cannot be completed: ...\n\nConstraint: g2p_reg_id_partner_id_fkey\n");
    let (_server, plain) = plain(vec![rows(json!([vid(1)])), gone, rows(json!([]))]).await;
    assert_eq!(apply(&plain, &[1]).await.unwrap(), [Outcome::Superseded]);
}

#[tokio::test]
async fn a_token_that_another_writer_made_meanwhile_is_theirs() {
    for (theirs, expected) in [("701", Outcome::Already { vid_removed: true }), ("99", Outcome::Conflict)] {
        let taken = fault(2, "ID Type must be unique.");
        let back = rows(json!([vid(1), token_at(150, 1, theirs)]));
        let (_server, plain) = plain(vec![rows(json!([vid(1)])), taken, back, rows(json!(true))]).await;
        assert_eq!(apply(&plain, &[1]).await.unwrap(), [expected]);
    }
}

#[tokio::test]
async fn our_second_token_is_taken_back_and_theirs_is_not() {
    for (theirs, expected) in [("701", Outcome::Already { vid_removed: true }), ("99", Outcome::Conflict)] {
        let (server, plain) = plain(vec![
            rows(json!([vid(1)])),
            rows(json!([201])),
            rows(json!([vid(1), token_at(150, 1, theirs), token(1)])),
            rows(json!(true)),
            rows(json!([vid(1), token_at(150, 1, theirs)])),
            rows(json!(true)),
        ])
        .await;
        assert_eq!(apply(&plain, &[1]).await.unwrap(), [expected]);
        let calls = server.calls().await;
        assert_eq!(calls[..5], [READ_IDS, CREATE, READ_IDS, UNLINK, READ_IDS]);
        let unlink = &server.requests().await[4];
        assert!(unlink.contains("<i4>201</i4>") && !unlink.contains("<i4>150</i4>"), "{unlink}");
    }
}

#[tokio::test]
async fn our_first_token_stays_beside_a_second_one() {
    let (server, plain) = plain(vec![
        rows(json!([vid(1)])),
        rows(json!([201])),
        rows(json!([vid(1), token(1), token_at(250, 1, "701")])),
        rows(json!(true)),
    ])
    .await;
    assert_eq!(apply(&plain, &[1]).await.unwrap(), [Outcome::Written { vid_removed: true }]);
    assert_eq!(server.calls().await, [READ_IDS, CREATE, READ_IDS, UNLINK]);
    assert!(server.requests().await[4].contains("<i4>101</i4>"));
}

#[tokio::test]
async fn a_vid_that_cannot_be_removed_leaves_the_token_written() {
    let denied = fault(4, "You are not allowed to delete 'Registrant ID' (g2p.reg.id) records.");
    let (server, plain) = plain(vec![
        rows(json!([vid(1), vid(2)])),
        rows(json!([201, 202])),
        rows(json!([vid(1), vid(2), token(1), token(2)])),
        denied,
    ])
    .await;
    let left = Outcome::TokenWritten(Error::AccessError { model: Some("g2p.reg.id".into()) });
    assert_eq!(apply(&plain, &[1, 2]).await.unwrap(), [left.clone(), left]);
    assert_eq!(server.calls().await.len(), 4);
}

#[tokio::test]
async fn a_vid_that_is_gone_does_not_keep_the_others() {
    let gone = || fault(2, "Record does not exist or has been deleted.\n(Record: g2p.reg.id(102,), User: 2)");
    let (_server, plain) = plain(vec![
        rows(json!([vid(1), vid(2)])),
        rows(json!([201, 202])),
        rows(json!([vid(1), vid(2), token(1), token(2)])),
        gone(),
        rows(json!(true)),
        gone(),
    ])
    .await;
    assert_eq!(
        apply(&plain, &[1, 2]).await.unwrap(),
        [Outcome::Written { vid_removed: true }, Outcome::Written { vid_removed: false }]
    );
}

#[tokio::test]
async fn a_create_of_unknown_effect_is_told_and_nothing_is_removed() {
    let cut = Act::Send(response("200 OK", "text/xml", 500, b"<?xml"));
    let (server, plain) = plain(vec![rows(json!([vid(1)])), cut]).await;
    assert_eq!(apply(&plain, &[1]).await, Err(Error::Interrupted(Interrupted::Truncated)));
    assert_eq!(server.calls().await, [READ_IDS, CREATE]);
}

#[tokio::test]
async fn what_ails_every_row_is_an_error_of_the_server() {
    let held = rows((1..=40).map(vid).collect());
    let broken = fault(1, "Traceback\nKeyError: 'x'");
    let (server, plain) = plain(vec![held, broken]).await;
    let registrants: Vec<u32> = (1..=40).collect();
    assert_eq!(apply(&plain, &registrants).await, Err(Error::Application(Failure::Other)));
    assert!(server.calls().await.len() < 60);
}

#[tokio::test]
async fn the_vid_stays_where_the_connector_keeps_it() {
    let answers = vec![rows(json!([vid(1)])), rows(json!([201])), rows(json!([vid(1), token(1)]))];
    let (server, plain) = plain(answers).await;
    let keeping = Connector { remove_vid: false, ..connector() };
    let outcomes = plain.apply(&keeping, &[write_back(1)], &|_, _| true).await.unwrap();
    assert_eq!(outcomes, [Outcome::Written { vid_removed: false }]);
    assert_eq!(server.calls().await, [READ_IDS, CREATE, READ_IDS]);
}

#[tokio::test]
async fn clean_up_takes_only_vids_older_than_the_token() {
    let held = rows(json!([
        vid(1),
        token(1),
        vid_at(102, 2, "202", NEW),
        token(2), // in the same second
        vid(3),   // no token
        vid(4),
        token(4), // seen otherwise
        vid(5),
        token_at(205, 5, ""), // no token worth the name
    ]));
    let (server, plain) = plain(vec![held, rows(json!(true))]).await;
    let stale = |registrant: u32, written: &str| StaleVid {
        registrant: RegistrantId(registrant),
        vid_row: RegIdRow(100 + registrant),
        vid_written: Some(written.into()),
    };
    let mut asked = vec![stale(1, OLD), stale(2, NEW), stale(3, OLD), stale(4, NEW), stale(5, OLD)];
    // Another registrant's row.
    asked.push(StaleVid { vid_row: RegIdRow(101), ..stale(6, OLD) });
    let outcomes = plain.remove_vids(&connector(), &asked).await.unwrap();
    let removed = Outcome::Already { vid_removed: true };
    let not = Outcome::Superseded;
    assert_eq!(outcomes, [removed, not.clone(), not.clone(), not.clone(), not.clone(), not]);
    assert_eq!(server.calls().await, [READ_IDS, UNLINK]);
}

#[tokio::test]
async fn a_page_asks_for_one_more_and_takes_the_servers_time() {
    let (server, plain) = plain(vec![rows(json!([17, 18, 40])), rows(json!([41]))]).await;
    let page = plain.page(&connector(), 0, 2, None).await.unwrap();
    assert_eq!((page.ids, page.complete), (vec![RegistrantId(17), RegistrantId(18)], false));
    assert_eq!(page.horizon.to_rfc3339(), "2026-11-21T21:12:48+00:00");
    assert!(plain.page(&connector(), 40, 2, None).await.unwrap().complete);
    assert_eq!(server.calls().await, ["res.partner.search", "res.partner.search"]);
}

#[tokio::test]
async fn a_page_needs_the_servers_time() {
    let body = "<methodResponse><params><param><value><array><data/></array></value></param></params></methodResponse>";
    let bare = Act::Send(format!("HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n{body}").into_bytes());
    let (_server, plain) = plain(vec![bare]).await;
    assert_eq!(plain.page(&connector(), 0, 2, None).await, Err(Error::NoServerTime));
}

#[tokio::test]
async fn registrants_are_read_with_their_ids() {
    let partners = json!([
        {"id": 1, "given_name": "Ana"},
        {"id": 2, "given_name": false},
    ]);
    let (server, plain) = plain(vec![rows(partners), rows(json!([vid(1), token(1)]))]).await;
    let ids = [RegistrantId(1), RegistrantId(2), RegistrantId(3)];
    let registrants = plain.read(&connector(), &ids, false).await.unwrap();
    assert_eq!(
        registrants.iter().map(|r| (r.id.0, r.vids.len(), r.tokens.len())).collect::<Vec<_>>(),
        [(1, 1, 1), (2, 0, 0)]
    );
    assert_eq!(*registrants[0].values.expose(), *json!({"given_name": "Ana"}).as_object().unwrap());
    assert_eq!(registrants[0].vids[0].written_text, OLD);
    assert_eq!(server.calls().await, ["res.partner.search_read", READ_IDS]);
}

#[tokio::test]
async fn tokens_are_shared_within_a_company_by_those_who_are_there() {
    let held = rows(json!([
        token_at(1, 17, "A"),
        token_at(2, 18, "A"),
        token_at(3, 19, "A"),
        token_at(4, 20, "B"),
        token_at(5, 17, "A"),
        token_at(6, 21, "A")
    ]));
    // One of them is archived, and is not found; one is of another company.
    let people = rows(json!([{"id": 17, "company_id": 1}, {"id": 18, "company_id": 1}, {"id": 21, "company_id": 2}]));
    let (_server, plain) = plain(vec![held, people]).await;
    let found = plain.duplicates(connector().token_type).await.unwrap();
    let [group] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(group.registrants, [RegistrantId(17), RegistrantId(18)]);
    assert_eq!(group.group.len(), 12);
}

#[tokio::test]
async fn tokens_that_come_in_no_order_are_not_read_for_ever() {
    let (_server, plain) = plain(vec![rows(json!([token_at(2, 17, "A"), token_at(2, 18, "A")]))]).await;
    assert!(plain.duplicates(connector().token_type).await.is_err());
}
