//! Release 1.0.1, which has no callbacks and reads mappings in its own way.

use omc::sim::mts::Release;
use serde_json::{Value, json};

use super::harness::{callback, download, record, servers, token};

#[tokio::test]
async fn its_texts_have_no_prefix() {
    for server in servers(Release::V1_0_1).await {
        let told = async |change: &dyn Fn(&mut Value)| {
            let mut body = download(json!([record(61)]));
            change(&mut body);
            server.post(&body).await.told()
        };
        let refused = server.post(&callback(json!([record(61)]), json!({"url": "http://127.0.0.1:9"}))).await.told();
        assert_eq!(refused, "400 ATS-REQ-102 delivery type is not supported", "{}", server.name);
        let text = told(&|b| b["requesttime"] = json!("x")).await;
        assert_eq!(text, "400 ATS-REQ-102 requesttime is not in valid format", "{}", server.name);
        let text = told(&|b| b["request"]["output"] = json!("x")).await;
        assert_eq!(text, "400 ATS-REQ-102 output type is not supported", "{}", server.name);
        assert_eq!(
            told(&|b| b["request"]["authdata"] = json!([])).await,
            "400 ATS-REQ-102 authdata missing",
            "{}",
            server.name
        );
        assert_eq!(
            told(&|b| b["request"]["authdata"] = Value::Null).await,
            "400 ATS-REQ-102 authdata missing",
            "{}",
            server.name
        );
        let text = told(&|b| _ = b["request"].as_object_mut().unwrap().remove("authdata")).await;
        assert_eq!(text, "500 ATS-REQ-100 object of type 'NoneType' has no len()", "{}", server.name);
        let text = told(&|b| _ = b["request"].as_object_mut().unwrap().remove("deliverytype")).await;
        assert_eq!(text, "422 ATS-REQ-102 Invalid Input. field required", "{}", server.name);
        let empty = server.post_text("/authtoken/json", Some("application/json"), "").await.told();
        assert_eq!(empty, "400 ATS-REQ-102 mission request body", "{}", server.name);
        assert_eq!(
            told(&|b| b["request"]["outputFormat"] = json!("{")).await,
            "200",
            "{}: it is not looked at",
            server.name
        );
    }
}

#[tokio::test]
async fn its_rows_have_the_token_before_the_status() {
    for server in servers(Release::V1_0_1).await {
        let answer = server.post(&download(json!([record(62), {"vid": "2"}]))).await;
        let id = answer.identifier();
        let keys = r#"{"id":"mosip.token.seeder","version":"1.0.1","metadata":{},"#;
        assert!(answer.text.starts_with(keys), "{}", server.name);
        let expected = format!(
            r#"[{{"vid": "7000000000000062", "token": "{}", "status": "processed", "errorCode": null, "errorMessage": null}},{{"vid": "2", "token": null, "status": "invalid", "errorCode": "ATS-REQ-010", "errorMessage": "name or its mapping not present"}}]"#,
            token("7000000000000062")
        );
        assert_eq!(server.file(&id).await, expected, "{}", server.name);
    }
}

#[tokio::test]
async fn its_mapping_is_keys() {
    for server in servers(Release::V1_0_1).await {
        for (entry, expected) in [
            ("id-no", "71"),
            ("id no", "72"),
            ("qr.n.vid", "73"),
            ("\"id no\"", "ATS-REQ-009"),
            ("ids[0]", "ATS-REQ-009"),
            ("qr.nope", "ATS-REQ-009"),
            ("nul.x", "ATS-REQ-009"),
            ("nope.vid", "'nope'"),
            ("five.x", "argument of type 'int' is not iterable"),
        ] {
            let mut one = record(63);
            let more =
                json!({"id-no": "71", "id no": "72", "qr": {"n": {"vid": "73"}}, "ids": ["x"], "five": 5, "nul": null});
            one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let mut body = download(json!([one]));
            body["request"]["mapping"] = json!({"vid": entry});
            let answer = server.post(&body).await;
            if answer.status == 500 {
                assert_eq!(answer.told(), format!("500 ATS-REQ-100 {expected}"), "{}: {entry}", server.name);
                continue;
            }
            let rows: Value = serde_json::from_str(&server.file(&answer.identifier()).await).unwrap();
            let found = if rows[0]["errorCode"].is_null() { &rows[0]["vid"] } else { &rows[0]["errorCode"] };
            assert_eq!(found, expected, "{}: {entry}", server.name);
        }
    }
}

#[tokio::test]
async fn it_breaks_the_batch_more_often() {
    for server in servers(Release::V1_0_1).await {
        for (field, value, expected) in [
            ("vid", json!(null), "500 ATS-REQ-100 object of type 'NoneType' has no len()"),
            ("vid", json!(5), "500 ATS-REQ-100 object of type 'int' has no len()"),
            ("gender", json!(null), "500 ATS-REQ-100 object of type 'NoneType' has no len()"),
            ("name", json!(null), "500 ATS-REQ-100 object of type 'NoneType' has no len()"),
            ("dob", json!(5), "500 ATS-REQ-100 object of type 'int' has no len()"),
            ("phoneNumber", json!(null), "200"),
            ("emailId", json!(5), "200"),
        ] {
            let mut one = record(64);
            one[field] = value;
            assert_eq!(server.post(&download(json!([one]))).await.told(), expected, "{}: {field}", server.name);
        }
        let mut body =
            download(json!([{"vid": "1", "a": "A", "b": "", "gender": "F", "dob": "1", "fullAddress": "R"}]));
        body["request"]["mapping"] = json!({"name": ["a", "b"]});
        let rows = server.rows(&body).await;
        assert_eq!(rows[0]["errorCode"], "ATS-REQ-003", "{}: every part must be there", server.name);
        body["request"]["mapping"] = json!({"name": ["a", "c"]});
        assert_eq!(server.rows(&body).await[0]["errorCode"], "ATS-REQ-010", "{}", server.name);
    }
}

#[tokio::test]
async fn its_downloads_may_be_csv_too() {
    for server in servers(Release::V1_0_1).await {
        let mut body = download(json!([record(65), {"vid": "2"}]));
        body["request"]["output"] = json!("csv");
        let id = server.post(&body).await.identifier();
        let expected = format!(
            "vid,token,status,errorCode,errorMessage\r\n7000000000000065,{},processed,,\r\n2,,invalid,ATS-REQ-010,name or its mapping not present\r\n",
            token("7000000000000065")
        );
        assert_eq!(server.file(&id).await, expected, "{}", server.name);
    }
}

/// What OMC sends for download: the fields under their own names, those that are not there left out.
#[tokio::test]
async fn every_release_takes_plain_fields_alike() {
    for release in [Release::V1_0_1, Release::V1_1] {
        for server in servers(release).await {
            let mut bare = record(66);
            for optional in ["phoneNumber", "emailId"] {
                bare.as_object_mut().unwrap().remove(optional);
            }
            let mut empty = record(67);
            (empty["phoneNumber"], empty["emailId"], empty["name"]) = (json!(""), json!(""), json!(""));
            let mut body = download(json!([bare, empty]));
            body["request"]["mapping"] = json!({"vid": "vid", "name": ["name"], "gender": "gender", "dob": "dob",
                "phoneNumber": "phoneNumber", "emailId": "emailId", "fullAddress": ["fullAddress"]});
            body["request"]["lang"] = json!("eng");
            let rows = server.rows(&body).await;
            assert_eq!(rows[0]["token"], json!(token("7000000000000066")), "{}", server.name);
            assert_eq!(rows[1]["errorCode"], "ATS-REQ-003", "{}", server.name);
        }
    }
}

/// The question by which OMC finds out what an MTS can do.
#[tokio::test]
async fn a_callback_without_address_and_records_tells_the_releases_apart() {
    for (release, expected) in [
        (Release::V1_0_1, "400 ATS-REQ-102 delivery type is not supported"),
        (Release::V1_1, "400 ATS-REQ-024 callbackProperties cannot be empty for deliverytype callback"),
    ] {
        for server in servers(release).await {
            let mut body = download(json!([]));
            body["request"]["deliverytype"] = json!("callback");
            assert_eq!(server.post(&body).await.told(), expected, "{}", server.name);
        }
    }
}
