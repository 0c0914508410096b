use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use url::Url;

use super::*;
use crate::domain::connector::{Activity, Callback, CallbackAuth, CallbackMethod, Input, Model};
use crate::domain::expression::Expression;
use crate::domain::filter::Filter;
use crate::domain::identity::{ConnectorId, IdTypeId};
use crate::domain::mapping::Mandatory;
use crate::domain::timetable::Timetable;

const MAPPING: &str = r#"{"name": ["given_name", "family_name"], "dob": "birthdate", "phoneNumber": "phone",
                          "emailId": "email", "fullAddress": ["address"]}"#;

pub(crate) fn connector(mapping: &str, output_format: Option<&str>, country_code: Option<&str>) -> Connector {
    Connector {
        id: ConnectorId(1),
        model: Model::Omc,
        name: "Test".to_owned(),
        activity: Activity::Started,
        mts_url: Url::parse("http://mts.example.org").unwrap(),
        input: Input::Registry,
        timetable: Timetable::Once,
        filter: Filter::parse("[]").unwrap(),
        fields: fields(),
        mapping: Mapping::parse(mapping).unwrap(),
        mandatory: Mandatory::default(),
        input_format: None,
        output_format: output_format.map(|text| Expression::parse(text).unwrap()),
        language: "eng".to_owned(),
        delivery: crate::domain::delivery::Delivery::Callback,
        elsewhere: None,
        callback: Callback {
            auth: CallbackAuth::StaticBearer,
            method: CallbackMethod::Post,
            timeout: Duration::from_secs(10),
            extra_headers: Vec::new(),
        },
        vid_type: IdTypeId(1),
        token_type: IdTypeId(2),
        remove_vid: true,
        batch_size: None,
        phone_country_code: country_code.map(str::to_owned),
        value_fields: BTreeSet::new(),
    }
}

fn fields() -> Vec<SelectedField> {
    [
        ("id", FieldKind::Integer),
        ("given_name", FieldKind::Text),
        ("family_name", FieldKind::Text),
        ("gender", FieldKind::Many2one),
        ("birthdate", FieldKind::Date),
        ("phone", FieldKind::Text),
        ("email", FieldKind::Text),
        ("address", FieldKind::Text),
        ("income", FieldKind::Float),
        ("disabled", FieldKind::Boolean),
        ("seen", FieldKind::Datetime),
    ]
    .map(|(name, kind)| SelectedField { name: name.to_owned(), kind })
    .into()
}

fn odoo() -> Map<String, Value> {
    object(json!({
        "id": 17, "given_name": "Tamru", "family_name": " Welde ", "gender": [1, "Female"], "birthdate": "1990-01-31",
        "phone": "+251 911-00.00.00", "email": false, "address": "Main St 1\r\nJato\t4", "income": 0.0, "disabled": false,
        "seen": "2026-01-02 03:04:05", "secret": "not selected",
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => unreachable!(),
    }
}

fn shaped(values: &Map<String, Value>, connector: &Connector) -> Result<Value, Code> {
    let demographics = Demographics::from_odoo(values, &fields());
    demographics.into_auth_data(" 7000000000000001\n", connector).map(|data| Value::Object(data.into_map()))
}

#[test]
fn odoo_s_values_become_plain_ones() {
    assert_eq!(
        Demographics::from_odoo(&odoo(), &fields()).to_value(),
        json!({
            "id": 17, "given_name": "Tamru", "family_name": " Welde ", "gender": "Female", "birthdate": "1990/01/31",
            "phone": "+251 911-00.00.00", "address": "Main St 1\r\nJato\t4", "income": 0.0, "disabled": false,
            "seen": "2026-01-02 03:04:05",
        })
    );
    let unset = object(json!({"given_name": false, "gender": false, "birthdate": false, "income": false, "id": null,
                              "disabled": true, "phone": [1, 2], "email": ""}));
    assert_eq!(Demographics::from_odoo(&unset, &fields()).to_value(), json!({"disabled": true, "email": ""}));
    let odd = object(json!({"gender": 3}));
    assert_eq!(Demographics::from_odoo(&odd, &fields()).to_value(), json!({}));
}

#[test]
fn only_what_mapping_and_output_format_name_is_sent() {
    let wanted = json!({
        "vid": "7000000000000001", "given_name": "Tamru", "family_name": "Welde", "gender": "female",
        "birthdate": "1990/01/31", "phone": "+251 911-00.00.00", "address": "Main St 1 Jato 4",
    });
    assert_eq!(shaped(&odoo(), &connector(MAPPING, None, None)), Ok(wanted.clone()));
    let mut with_more = object(wanted);
    with_more.insert("id".to_owned(), json!(17));
    with_more.insert("disabled".to_owned(), json!(false));
    let format = "{id: .input.id, off: .input.disabled, none: .input.nothing, r: .input.omc_ref, t: .output.token}";
    assert_eq!(shaped(&odoo(), &connector(MAPPING, Some(format), None)), Ok(Value::Object(with_more)));
}

#[test]
fn the_vid_goes_where_the_mapping_wants_it() {
    let deep = connector(r#"{"vid": "ids.mosip.vid"}"#, None, None);
    assert_eq!(shaped(&Map::new(), &deep), Ok(json!({"ids": {"mosip": {"vid": "7000000000000001"}}})));
    let values = Demographics::from_input_format(Some(json!({"ids": {"name": "A", "other": 1}}))).unwrap();
    let beside = connector(r#"{"vid": "ids.vid", "name": ["ids.name"]}"#, None, None);
    assert_eq!(
        values.clone().into_auth_data("7", &beside).unwrap().into_map(),
        object(json!({"ids": {"name": "A", "vid": "7"}})),
        "what lies beside a mapped value stays behind"
    );
    let clash = connector(r#"{"vid": "ids.name.vid", "name": ["ids.name"]}"#, None, None);
    assert_eq!(values.into_auth_data("7", &clash), Err(Code::INPUT_FORMAT_USELESS));
}

#[test]
fn what_the_input_format_gives_is_judged() {
    for nothing in [None, Some(json!(null)), Some(json!([])), Some(json!("x"))] {
        assert_eq!(Demographics::from_input_format(nothing), Err(Code::INPUT_FORMAT_USELESS));
    }
    let mapped = |value: Value| {
        let values = Demographics::from_input_format(Some(json!({"birthdate": value}))).unwrap();
        let data = values.into_auth_data("7", &connector(MAPPING, None, None))?;
        Ok(data.as_map().get("birthdate").cloned())
    };
    assert_eq!(mapped(json!(1990)), Ok(Some(json!("1990"))));
    assert_eq!(mapped(json!(true)), Ok(Some(json!("true"))));
    assert_eq!(mapped(json!(1.5)), Ok(Some(json!("1.5"))));
    assert_eq!(mapped(json!(null)), Ok(None));
    assert_eq!(mapped(json!("  ")), Ok(Some(json!(""))), "there, and empty");
    assert_eq!(mapped(json!([])), Err(Code::INPUT_FORMAT_USELESS));
    assert_eq!(mapped(json!({"a": 1})), Err(Code::INPUT_FORMAT_USELESS));
}

#[test]
fn encrypted_values_are_refused_where_they_are_mapped() {
    let mut values = odoo();
    values.insert("address".to_owned(), json!("encrypted"));
    assert_eq!(shaped(&values, &connector(MAPPING, None, None)), Err(Code::VALUE_ENCRYPTED));
    let without_address = MAPPING.replace("[\"address\"]", "[\"email\"]");
    assert!(shaped(&values, &connector(&without_address, None, None)).is_ok());
    values.insert("address".to_owned(), json!("encrypted house"));
    assert!(shaped(&values, &connector(MAPPING, None, None)).is_ok());
    let vid = Demographics::from_odoo(&odoo(), &fields()).into_auth_data("encrypted", &connector(MAPPING, None, None));
    assert_eq!(vid, Err(Code::VALUE_ENCRYPTED));
}

#[test]
fn genders_are_mosip_s() {
    for (text, wanted) in [
        ("Male", "male"),
        ("MALE", "male"),
        ("m", "male"),
        ("MLE", "male"),
        ("Masculin", "male"),
        ("ذكر", "male"),
        ("female", "female"),
        ("F", "female"),
        ("FLE", "female"),
        ("Féminin", "female"),
        ("MUJER", "female"),
        ("ሴት", "female"),
        ("Other", "others"),
        ("others", "others"),
        ("O", "others"),
        ("OTH", "others"),
        ("अन्य", "others"),
        ("H", "H"),
        ("unknown", "unknown"),
        ("", ""),
    ] {
        let mut values = odoo();
        values.insert("gender".to_owned(), json!([1, text]));
        let data = shaped(&values, &connector(MAPPING, None, None)).unwrap();
        assert_eq!(data["gender"], json!(wanted), "{text}");
    }
}

#[test]
fn phone_numbers_lose_the_country_code() {
    for (number, wanted) in [
        ("+251911000000", "911000000"),
        ("+251 911-00.00.00", "911000000"),
        ("00251 (911) 000000", "911000000"),
        ("0911 000000", "0911 000000"),
        ("251911000000", "251911000000"),
        ("+33 6 00 00 00 00", "+33 6 00 00 00 00"),
        ("+251", "+251"),
    ] {
        let mut values = odoo();
        values.insert("phone".to_owned(), json!(number));
        let data = shaped(&values, &connector(MAPPING, None, Some("+251"))).unwrap();
        assert_eq!(data["phone"], json!(wanted), "{number}");
    }
}

#[test]
fn nothing_of_it_is_printed() {
    let demographics = Demographics::from_odoo(&odoo(), &fields());
    let data = demographics.clone().into_auth_data("7000000000000001", &connector(MAPPING, None, None));
    let printed = format!("{demographics:?} {data:?}");
    assert!(!printed.contains("Tamru") && !printed.contains("7000") && !printed.contains("given_name"), "{printed}");
}

proptest! {
    #[test]
    fn mapped_values_are_clean_text_or_missing(
        given in "\\PC{0,12}|[\\s\u{0}-\u{1f}a]{0,12}", gender in "\\PC{0,6}", phone in "[+0-9 ()-]{0,14}", id in any::<u32>(),
    ) {
        let values = object(json!({"id": id, "given_name": given, "gender": [1, gender], "phone": phone, "disabled": true}));
        let Ok(data) = shaped(&values, &connector(MAPPING, None, Some("+251"))) else {
            prop_assert!([given, gender].iter().any(|text| text.trim() == ENCRYPTED));
            return Ok(());
        };
        for (key, value) in data.as_object().unwrap() {
            let text = value.as_str().unwrap();
            prop_assert!(text.trim() == text && !text.contains(char::is_control), "{}", key);
            prop_assert!(key != "id" && key != "disabled");
        }
        prop_assert_eq!(&data["vid"], &json!("7000000000000001"));
    }
}
