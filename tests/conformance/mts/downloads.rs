//! Downloads and the states of a request.

use omc::sim::mts::Release;
use serde_json::{Value, json};

use super::harness::{callback, download, record, servers, token};
use super::receiver::Receiver;

#[tokio::test]
async fn a_download_is_plain_text_in_line_order() {
    for server in servers(Release::V1_1).await {
        let answer = server.post(&download(json!([record(41), {"vid": "2"}, record(41)]))).await;
        let id = answer.identifier();
        let text = server.file(&id).await;
        let token = token("7000000000000041");
        let good = format!(
            r#"{{"vid": "7000000000000041", "status": "processed", "token": "{token}", "errorCode": null, "errorMessage": null}}"#
        );
        let bad = r#"{"vid": "2", "status": "invalid", "token": null, "errorCode": "ATS-REQ-010", "errorMessage": "name or its mapping not present"}"#;
        assert_eq!(text, format!("[{good},{bad},{good}]"), "{}", server.name);
        let file = server.get(&format!("/authtoken/file/{id}")).await;
        assert_eq!(file.headers["content-type"], "text/plain; charset=utf-8", "{}", server.name);
        assert_eq!(server.status(&id).await, "processed_with_errors", "{}", server.name);
        assert_eq!(
            server.get("/authtoken/file/nope").await.told(),
            "404 ATS-REQ-016 no auth request found for the given identifier"
        );
    }
}

#[tokio::test]
async fn a_batch_of_invalid_records_has_an_error_and_an_identifier() {
    for server in servers(Release::V1_1).await {
        let answer = server.post(&download(json!([{"vid": "2", "name": "x"}, {}]))).await;
        assert_eq!(answer.told(), "200 ATS-REQ-101 none of the record form a valid request", "{}", server.name);
        let id = answer.identifier();
        let rows: Value = serde_json::from_str(&server.file(&id).await).unwrap();
        assert_eq!((&rows[0]["vid"], &rows[1]["vid"]), (&json!("2"), &Value::Null), "{}", server.name);
        assert_eq!(server.status(&id).await, "processed_with_errors", "{}", server.name);
    }
}

#[tokio::test]
async fn a_download_may_be_csv() {
    for server in servers(Release::V1_1).await {
        let mut body = download(json!([record(42), {"vid": "2"}]));
        body["request"]["output"] = json!("csv");
        let id = server.post(&body).await.identifier();
        let expected = format!(
            "vid,status,token,errorCode,errorMessage\r\n7000000000000042,processed,{},,\r\n2,invalid,,ATS-REQ-010,name or its mapping not present\r\n",
            token("7000000000000042")
        );
        assert_eq!(server.file(&id).await, expected, "{}", server.name);

        body["request"]["outputFormat"] = json!("{a: .input.id, \"b,c\": [1, null], d: true, e: \"q\\\"\\n\"}");
        let id = server.post(&body).await.identifier();
        let expected = "a,\"b,c\",d,e\r\nr-42,\"[1, null]\",true,\"q\"\"\n\"\r\n,\"[1, null]\",true,\"q\"\"\n\"\r\n";
        assert_eq!(server.file(&id).await, expected, "{}", server.name);

        body["request"]["outputFormat"] = json!("5");
        let id = server.post(&body).await.identifier();
        let failed = server.status_until(&id, |s| s.starts_with("error")).await;
        assert_eq!(failed, "error_creating_download_unknown_exception", "{}", server.name);
        let file = server.get(&format!("/authtoken/file/{id}")).await;
        assert_eq!(file.told(), "202 ATS-REQ-017 Auth request not processed yet", "{}", server.name);
    }
}

#[tokio::test]
async fn a_callback_request_has_no_file() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::new().await;
        let id = server.post(&callback(json!([record(43)]), json!({"url": receiver.url}))).await.identifier();
        receiver.got(1).await;
        let file = server.get(&format!("/authtoken/file/{id}")).await;
        let expected = format!("500 ATS-REQ-100 File at path stored_files/{id} does not exist.");
        assert_eq!(file.told(), expected, "{}", server.name);
    }
}

#[tokio::test]
async fn a_file_may_be_read_before_it_is_whole() {
    for server in servers(Release::V1_1).await {
        let records: Vec<Value> = (0..150).map(|_| record(44)).collect();
        let id = server.post(&download(json!(records))).await.identifier();
        server.status_until(&id, |s| s == "processed").await;
        let mut looks = 0;
        loop {
            looks += 1;
            // A file that grows while it is sent breaks off.
            let file = server.request("GET", &format!("/authtoken/file/{id}"));
            let Ok(file) = server.try_answer(file).await else {
                continue;
            };
            assert!(file.status == 200 || file.told().contains("does not exist"), "{}: {}", server.name, file.text);
            if file.text.ends_with(']') {
                break;
            }
        }
        assert!(looks > 1, "{}: it was whole at once", server.name);
    }
}
