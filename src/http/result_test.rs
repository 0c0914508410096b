use serde_json::{Map, json};

use super::*;
use crate::domain::code::Code;
use crate::domain::identity::{IdTypeId, RegistrantId};
use crate::domain::opaque::Nonce;
use crate::domain::record::RecordKey;
use crate::intake::{LARGEST_VALUES, LONGEST_TOKEN};

fn seal() -> Seal {
    Seal::from_key([3; 32])
}

fn reference(connector: u32) -> String {
    let key = RecordKey { token_type: IdTypeId(3), registrant: RegistrantId(17) };
    let correlation = Correlation { connector: ConnectorId(connector), key, nonce: Nonce([5; 12]) };
    correlation.to_text(seal().mac(Purpose::Correlation, &correlation.signed()))
}

fn told(entry: Value) -> Result<Answer, Foreign> {
    read(entry, ConnectorId(4), &seal()).map(|(_, answer)| answer)
}

#[test]
fn a_token_counts_only_when_processed_and_without_a_code() {
    let good = json!({"omc_ref": reference(4), "status": "processed", "token": "T1", "code": null, "data": null});
    assert!(matches!(told(good), Ok(Answer::Token { token, values: None }) if token.expose() == "T1"));
    for (status, token, code) in [
        (json!("processed"), json!("T1"), json!("IDA-MLC-002")),
        (json!("error"), json!("T1"), json!(null)),
        (json!("processed"), json!(""), json!(null)),
        (json!("processed"), json!(null), json!(null)),
        (json!(null), json!("T1"), json!(null)),
    ] {
        let entry = json!({"omc_ref": reference(4), "status": status, "token": token, "code": code});
        assert!(matches!(told(entry.clone()), Ok(Answer::Error(_))), "{entry}");
    }
}

/// Of a request the same code says that its output format is no jq, which is everybody's trouble.
#[test]
fn several_errors_of_mosip_are_the_persons() {
    let entry = json!({"omc_ref": reference(4), "status": "error", "token": null, "code": "ATS-REQ-103"});
    let Ok(Answer::Error(code)) = told(entry) else { panic!("no error") };
    assert_eq!((code.as_str(), code.class()), ("OMC-AUTH-001", crate::domain::code::Class::Person));
}

/// It would be kept for this person, and held in memory with those of many others when it is written.
#[test]
fn what_is_far_too_large_is_refused_before_it_is_stored() {
    let told_with = |token: &str, values: Value| {
        let data = json!({"values": values});
        told(json!({"omc_ref": reference(4), "status": "processed", "token": token, "data": data})).unwrap()
    };
    assert!(matches!(told_with(&"é".repeat(LONGEST_TOKEN), json!({})), Answer::Token { .. }));
    let long = told_with(&"é".repeat(LONGEST_TOKEN + 1), json!({}));
    assert!(matches!(long, Answer::Error(code) if code == Code::TOKEN_NOT_STORABLE));
    assert!(matches!(told_with("T", json!({"x": "y".repeat(LARGEST_VALUES - 8)})), Answer::Token { .. }));
    let large = told_with("T", json!({"x": "y".repeat(LARGEST_VALUES - 7)}));
    assert!(matches!(large, Answer::Error(code) if code == Code::VALUES_REFUSED));
}

#[test]
fn a_result_is_not_printed() {
    let entry = json!({"omc_ref": reference(4), "status": "processed", "token": "T9", "data": {"values": {"x": "T8"}}});
    let printed = format!("{:?}", told(entry));
    assert!(printed.contains("Token") && !printed.contains("T9") && !printed.contains("T8"), "{printed}");
}

#[test]
fn values_come_from_an_object_of_that_name() {
    let entry = |data: Value| json!({"omc_ref": reference(4), "status": "processed", "token": "T", "data": data});
    let values_of = |data: Value| match told(entry(data)) {
        Ok(Answer::Token { values, .. }) => values.map(Personal::into_exposed),
        other => panic!("{other:?}"),
    };
    assert_eq!(values_of(json!({"values": {"x": 1}})), Some(Map::from_iter([("x".to_owned(), json!(1))])));
    assert_eq!(values_of(json!({"values": []})), None);
    assert_eq!(values_of(json!("text")), None);
}

#[test]
fn strangers_are_known() {
    let of = |reference: Value| told(json!({"omc_ref": reference, "status": "processed", "token": "T"})).unwrap_err();
    assert_eq!(of(json!(null)), Foreign::Stranger);
    assert_eq!(of(json!("AAAA")), Foreign::Stranger);
    assert_eq!(of(json!(reference(5))), Foreign::Stranger, "another connector's");
    let mut forged = reference(4).into_bytes();
    forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
    assert_eq!(of(json!(String::from_utf8(forged).unwrap())), Foreign::Stranger);
    assert_eq!(of(json!(4)), Foreign::Shapeless);
    assert_eq!(told(json!("text")).unwrap_err(), Foreign::Shapeless);
    assert_eq!(told(json!(null)).unwrap_err(), Foreign::Empty);
}

#[test]
fn bodies() {
    assert_eq!(entries(b"").unwrap().kept, [Value::Null]);
    assert_eq!(entries(b"null").unwrap().kept, [Value::Null]);
    assert_eq!(entries(b"{\"a\": [1]}").unwrap().kept, [json!({"a": [1]})]);
    assert_eq!(entries(b"[{}, null]").unwrap().kept, [json!({}), json!(null)]);
    assert_eq!(entries(b"[]").unwrap(), Entries::default());
    for garbage in [&b"<html>"[..], b"12", b"\"x\"", b"{", b"[1", b"[] []", b"[{},]", b"\xff"] {
        assert_eq!(entries(garbage), Err(Unread::Garbage));
    }
}

#[test]
fn what_is_no_object_is_counted_and_not_kept() {
    let read = entries(br#"[1, -1, 0.5, "x", true, [[{}], 2], {"a": 1}, 7]"#).unwrap();
    assert_eq!(read.kept, [json!({"a": 1})]);
    assert_eq!(read.shapeless, 7);
    assert_eq!(format!("{read:?}"), "Entries(1 kept, 7 shapeless)");
}

#[test]
fn too_many_are_not_read() {
    let many = |entry: &str, count: usize| format!("[{}]", vec![entry; count].join(",")).into_bytes();
    assert_eq!(entries(&many("0", MAX_ENTRIES)).unwrap().shapeless, MAX_ENTRIES as u64);
    assert_eq!(entries(&many("{}", MAX_ENTRIES)).unwrap().kept.len(), MAX_ENTRIES);
    assert_eq!(entries(&many("{}", MAX_ENTRIES + 1)), Err(Unread::TooMany));
    assert_eq!(entries(&many("0", MAX_ENTRIES + 1)), Err(Unread::TooMany));
    let mut nested = b"{\"data\":".to_vec();
    nested.extend(many("0", MAX_VALUES));
    nested.push(b'}');
    assert_eq!(entries(&nested), Err(Unread::TooMany));
}
