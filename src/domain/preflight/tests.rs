use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn mapping() -> Mapping {
    Mapping::parse(r#"{"name": ["given", "family"], "dob": "born", "fullAddress": ["street", "city"]}"#).unwrap()
}

fn verdict(changes: &[(&str, Value)]) -> Result<(), Code> {
    let Value::Object(mut record) = json!({
        "vid": "7000000000000001", "given": "Tamru", "family": "Welde", "gender": "male", "born": "1990/01/31",
        "street": "Main St 1", "city": "Jato", "phoneNumber": "911000000", "emailId": "a@example.org",
    }) else {
        unreachable!()
    };
    for (key, value) in changes {
        record.remove(*key);
        if *value != json!("absent") {
            record.insert((*key).to_owned(), value.clone());
        }
    }
    check(&AuthData::of(record), &mapping(), &Mandatory::default())
}

fn code(changes: &[(&str, Value)]) -> String {
    verdict(changes).unwrap_err().as_str().to_owned()
}

#[test]
fn a_whole_record_passes() {
    assert_eq!(verdict(&[]), Ok(()));
    for optional in ["phoneNumber", "emailId"] {
        for value in [json!("absent"), json!(null), json!(""), json!(" ")] {
            assert_eq!(verdict(&[(optional, value)]), Ok(()), "{optional}");
        }
    }
    assert_eq!(verdict(&[("family", json!("absent")), ("city", json!(""))]), Ok(()), "gaps are skipped");
    assert_eq!(verdict(&[("born", json!("1990-01-31"))]), Ok(()));
}

#[test]
fn codes_are_those_of_mts() {
    let gone = |keys: &[&'static str], value: Value| {
        let changes: Vec<(&str, Value)> = keys.iter().map(|key| (*key, value.clone())).collect();
        code(&changes)
    };
    for (keys, missing, empty) in [
        (&["vid"][..], "ATS-REQ-009", "ATS-REQ-009"),
        (&["given", "family"], "ATS-REQ-010", "ATS-REQ-003"),
        (&["gender"], "ATS-REQ-011", "ATS-REQ-004"),
        (&["born"], "ATS-REQ-012", "ATS-REQ-006"),
        (&["street", "city"], "ATS-REQ-015", "ATS-REQ-008"),
    ] {
        assert_eq!(gone(keys, json!("absent")), missing);
        assert_eq!(gone(keys, json!(null)), missing);
        assert_eq!(gone(keys, json!("")), empty);
        assert_eq!(gone(keys, json!("  ")), empty, "blanks alone are nothing");
    }
    assert_eq!(code(&[("given", json!("")), ("family", json!("absent"))]), "ATS-REQ-003");
}

#[test]
fn the_first_field_that_fails_gives_the_code() {
    let all: Vec<(&str, Value)> =
        ["vid", "given", "family", "gender", "born", "street", "city"].map(|key| (key, json!("absent"))).into();
    let from = |key: &str| all.iter().position(|(name, _)| *name == key).unwrap();
    for (key, wanted) in [
        ("vid", "ATS-REQ-009"),
        ("given", "ATS-REQ-010"),
        ("gender", "ATS-REQ-011"),
        ("born", "ATS-REQ-012"),
        ("street", "ATS-REQ-015"),
    ] {
        assert_eq!(code(&all[from(key)..]), wanted);
    }
    assert_eq!(
        code(&[("born", json!("never")), ("street", json!("absent")), ("city", json!("absent"))]),
        "OMC-DATA-003"
    );
}

#[test]
fn what_is_not_mandatory_may_be_missing_and_what_is_may_not() {
    let data = |value: Value| {
        let Value::Object(map) = value else { unreachable!() };
        AuthData::of(map)
    };
    let none = Mandatory::from_names([]).unwrap();
    assert_eq!(check(&data(json!({"vid": "1"})), &mapping(), &none), Ok(()));
    assert_eq!(check(&data(json!({})), &mapping(), &none), Err(Code::NO_VID));
    let bad_date = data(json!({"vid": "1", "born": "31.01.1990"}));
    assert_eq!(check(&bad_date, &mapping(), &none), Err(Code::DATE_OF_BIRTH_MALFORMED));
    let reach = Mandatory::from_names(["phoneNumber", "emailId"]).unwrap();
    assert_eq!(check(&data(json!({"vid": "1"})), &mapping(), &reach), Err(Code::NO_PHONE_NUMBER));
    let phone = data(json!({"vid": "1", "phoneNumber": ""}));
    assert_eq!(check(&phone, &mapping(), &reach), Err(Code::NO_EMAIL_ID));
}

#[test]
fn dates_of_birth_are_days_that_exist() {
    for date in ["1990/02/28", "2000-02-29", "0001/01/01"] {
        assert_eq!(verdict(&[("born", json!(date))]), Ok(()), "{date}");
    }
    for date in [
        "1990/02/30",
        "1990/13/01",
        "1990-01/31",
        "1990/1/31",
        "31/01/1990",
        "1990",
        "19900131",
        "1990/01/31 00:00",
        "+990/01/31",
        "１９９０/01/31",
    ] {
        assert_eq!(code(&[("born", json!(date))]), "OMC-DATA-003", "{date}");
    }
}

#[test]
fn vids_have_the_form_of_one() {
    for vid in ["70000 0000", "7\u{0}1", &"7".repeat(101), "7\n"] {
        let wanted = if vid.trim() == vid { "OMC-VID-004" } else { "" };
        let got = verdict(&[("vid", json!(vid))]).err().map_or(String::new(), |code| code.to_string());
        assert_eq!(got, wanted, "{vid:?}");
        assert!(!has_form_of_vid(vid));
    }
    assert!(has_form_of_vid("7000000000000001") && !has_form_of_vid(""));
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!("absent")),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ a]{0,3}".prop_map(Value::from),
        Just(json!([])),
        Just(json!(["x"])),
        Just(json!({"a": 1})),
    ]
}

proptest! {
    /// What MTS answers with 500 for the whole batch is a mapped value that is no text.
    #[test]
    fn nothing_but_text_passes(values in proptest::collection::vec(any_value(), 9)) {
        let keys = ["vid", "given", "family", "gender", "born", "street", "city", "phoneNumber", "emailId"];
        let changes: Vec<(&str, Value)> = keys.into_iter().zip(values).collect();
        if verdict(&changes).is_ok() {
            for (key, value) in changes {
                prop_assert!(value.is_string() || value.is_null(), "{}", key);
            }
        }
    }

    #[test]
    fn records_that_pass_have_what_is_mandatory(record in proptest::collection::btree_map(
        proptest::sample::select(vec!["vid", "given", "gender", "born", "street"]),
        prop_oneof!["[ a]{0,2}", Just("1990/01/31".to_owned())], 0..6,
    )) {
        let map: Map<String, Value> = record.iter().map(|(key, text)| ((*key).to_owned(), json!(text))).collect();
        let filled = ["vid", "given", "gender", "born", "street"]
            .iter()
            .all(|key| record.get(key).is_some_and(|text| !text.trim().is_empty()));
        if check(&AuthData::of(map), &mapping(), &Mandatory::default()).is_ok() {
            prop_assert!(filled);
        }
    }
}
