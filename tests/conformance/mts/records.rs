//! What a record must be: which value makes it invalid, and which breaks the whole batch.

use omc::sim::mts::Release;
use serde_json::{Value, json};

use super::harness::{download, record, servers, token};

/// `ok`, the end of the code of an invalid record, or the 500's text.
async fn verdicts(field: &str, values: &[(&str, &str)]) {
    for server in servers(Release::V1_1).await {
        for (value, expected) in values {
            let mut wrong = record(22);
            match *value {
                "absent" => _ = wrong.as_object_mut().unwrap().remove(field),
                value => wrong[field] = serde_json::from_str(value).unwrap(),
            }
            let answer = server.post(&download(json!([record(21), wrong, record(23)]))).await;
            let verdict = match answer.status {
                200 => {
                    let id = answer.identifier();
                    let rows: Vec<Value> = serde_json::from_str(&server.file(&id).await).unwrap();
                    assert_eq!(rows.len(), 3, "{}", server.name);
                    assert_eq!(rows[0]["token"], token("7000000000000021"), "{}: the others go on", server.name);
                    assert_eq!(rows[2]["token"], token("7000000000000023"), "{}", server.name);
                    let status = server.status(&id).await;
                    match rows[1]["status"].as_str().unwrap() {
                        "processed" => {
                            assert_eq!(status, "processed", "{}", server.name);
                            "ok".to_owned()
                        }
                        "invalid" => {
                            assert_eq!(status, "processed_with_errors", "{}", server.name);
                            assert_eq!(rows[1]["token"], Value::Null);
                            rows[1]["errorCode"].as_str().unwrap().trim_start_matches("ATS-REQ-").to_owned()
                        }
                        other => panic!("{other}"),
                    }
                }
                _ => answer.told(),
            };
            let expected =
                if expected.contains(' ') { format!("500 ATS-REQ-100 {expected}") } else { (*expected).to_owned() };
            assert_eq!(verdict, expected, "{}: {field} = {value}", server.name);
        }
    }
}

#[tokio::test]
async fn vid() {
    let model = "1 validation error for AuthTokenBaseModel\nvid\n  str type expected (type=type_error.str)";
    verdicts(
        "vid",
        &[
            ("absent", "009"),
            ("null", "009"),
            ("\"\"", "009"),
            ("\" \"", "ok"),
            ("123", "ok"),
            ("true", "ok"),
            ("false", "009"),
            ("0", "009"),
            ("[]", "009"),
            ("[\"1\"]", model),
            ("{\"a\":1}", model),
        ],
    )
    .await;
}

#[tokio::test]
async fn name() {
    verdicts(
        "name",
        &[
            ("absent", "010"),
            ("null", "010"),
            ("\"\"", "003"),
            ("\" \"", "ok"),
            ("false", "003"),
            ("0", "003"),
            ("{}", "003"),
            ("1.5", "sequence item 0: expected str instance, float found"),
            ("true", "sequence item 0: expected str instance, bool found"),
            ("{\"a\":\"b\"}", "sequence item 0: expected str instance, dict found"),
        ],
    )
    .await;
}

#[tokio::test]
async fn gender_and_birth_date() {
    verdicts("gender", &[
        ("absent", "011"), ("null", "011"), ("\"\"", "004"), ("[]", "004"), ("0", "object of type 'int' has no len()"),
        ("true", "object of type 'bool' has no len()"),
        ("{\"a\":\"b\"}", "1 validation error for AuthTokenBaseModel\ngender -> 0 -> value\n  str type expected (type=type_error.str)"),
    ])
    .await;
    verdicts(
        "dob",
        &[
            ("absent", "012"),
            ("null", "012"),
            ("\"\"", "006"),
            ("{}", "006"),
            ("\"no date\"", "ok"),
            ("\"1990-01-31\"", "ok"),
            ("false", "object of type 'bool' has no len()"),
            ("[\"x\"]", "1 validation error for AuthTokenBaseModel\ndob\n  str type expected (type=type_error.str)"),
        ],
    )
    .await;
}

#[tokio::test]
async fn address_phone_and_mail() {
    verdicts(
        "fullAddress",
        &[
            ("absent", "015"),
            ("null", "015"),
            ("\"\"", "008"),
            ("0", "008"),
            ("5", "sequence item 0: expected str instance, int found"),
        ],
    )
    .await;
    for field in ["phoneNumber", "emailId"] {
        let model =
            format!("1 validation error for AuthTokenBaseModel\n{field}\n  str type expected (type=type_error.str)");
        verdicts(
            field,
            &[("absent", "ok"), ("null", "ok"), ("\"\"", "ok"), ("5", "ok"), ("true", "ok"), ("[\"x\"]", &model)],
        )
        .await;
    }
}

#[tokio::test]
async fn numbers_become_texts_as_python_writes_them() {
    for server in servers(Release::V1_1).await {
        for (number, text) in [
            ("123", "123"),
            ("1.5", "1.5"),
            ("1.0", "1"),
            ("true", "True"),
            ("2147483647", "2147483647"),
            ("9000000011", "9000000011.0"),
            ("1234567890123456789012", "1.2345678901234568e+21"),
        ] {
            let body = download(json!([record(24)])).to_string().replace("\"7000000000000024\"", number);
            let id = server.post_text("/authtoken/json", None, body).await.identifier();
            let rows: Value = serde_json::from_str(&server.file(&id).await).unwrap();
            assert_eq!(
                (&rows[0]["vid"], &rows[0]["token"]),
                (&json!(text), &json!(token(text))),
                "{}: {number}",
                server.name
            );
        }
    }
}

#[tokio::test]
async fn the_first_failing_field_is_named() {
    for server in servers(Release::V1_1).await {
        let rows = server
            .rows(&download(
                json!([{}, {"vid": "2"}, {"vid": "2", "name": "A"}, {"vid": "2", "name": "A", "gender": "F"},
            {"vid": "2", "name": "A", "gender": "F", "dob": "1"}]),
            ))
            .await;
        let codes: Vec<&str> = rows.iter().map(|r| r["errorCode"].as_str().unwrap()).collect();
        assert_eq!(
            codes,
            ["ATS-REQ-009", "ATS-REQ-010", "ATS-REQ-011", "ATS-REQ-012", "ATS-REQ-015"],
            "{}",
            server.name
        );
        let messages: Vec<&str> = rows.iter().map(|r| r["errorMessage"].as_str().unwrap()).collect();
        assert_eq!(messages[3], "dateOfBirth or its mapping not present", "{}", server.name);
    }
}

#[tokio::test]
async fn mapping_entries_are_jq_paths() {
    for server in servers(Release::V1_1).await {
        for (entry, vid) in [
            ("qr.n.vid", Some("52")),
            ("ids[0].v", Some("53")),
            ("\"id no\"", Some("54")),
            ("qr|.x", Some("55")),
            ("qr[\"x\"]", Some("55")),
            ("and", Some("57")),
            ("id no", None),
            ("id-no", None),
            ("1st", None),
            ("a:b", None),
            ("naïve", None),
            ("$x", None),
            ("nope.deep", None),
            ("name.first", None),
            ("qr.n.vid|error", None),
            ("\"naïve\"", Some("58")),
        ] {
            let mut one = record(25);
            let more = json!({"qr": {"n": {"vid": "52"}, "x": "55"}, "ids": [{"v": "53"}], "id no": "54", "id-no": "56", "1st": "56", "a:b": "56",
                "naïve": "58", "and": "57"});
            one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let mut body = download(json!([one]));
            body["request"]["mapping"] = json!({"vid": entry});
            let row = server.rows(&body).await.remove(0);
            match vid {
                Some(vid) => assert_eq!(
                    (&row["vid"], &row["token"]),
                    (&json!(vid), &json!(token(vid))),
                    "{}: {entry}",
                    server.name
                ),
                // The vid of an invalid record is the one under that very key.
                None => assert_eq!(
                    (&row["vid"], &row["errorCode"]),
                    (&json!("7000000000000025"), &json!("ATS-REQ-009")),
                    "{}: {entry}",
                    server.name
                ),
            }
        }
        let mut body = download(json!([record(25)]));
        body["request"]["mapping"] = json!({"vid": ""});
        assert_eq!(server.post(&body).await.status, 500, "{}", server.name);
    }
}

#[tokio::test]
async fn names_and_addresses_have_parts() {
    for server in servers(Release::V1_1).await {
        let mut body = download(
            json!([{"vid": "26", "first": "A", "gap": null, "last": "", "gender": "F", "dob": "1", "l1": "R"}]),
        );
        body["request"]["mapping"] = json!({"name": ["first", "gap", "last", "none"], "fullAddress": ["none", "l1"]});
        assert_eq!(server.rows(&body).await[0]["status"], "processed", "{}", server.name);
        body["request"]["mapping"]["name"] = json!(["gap", "none"]);
        assert_eq!(server.rows(&body).await[0]["errorCode"], "ATS-REQ-010", "{}", server.name);
        body["request"]["mapping"]["name"] = json!(["last", "none"]);
        assert_eq!(server.rows(&body).await[0]["errorCode"], "ATS-REQ-003", "{}", server.name);
        body["request"]["mapping"]["name"] = json!([]);
        assert_eq!(server.rows(&body).await[0]["errorCode"], "ATS-REQ-010", "{}", server.name);
    }
}
