//! Records that come as a file in a form, or that are pulled from ODK.

use omc::sim::mts::Release;
use serde_json::{Value, json};

use super::harness::{Answer, Server, envelope, servers, token};
use super::receiver::{Receiver, Reply};

async fn post(server: &Server, request: Option<Value>, field: &str, csv: &[u8]) -> Answer {
    let mut body = Vec::new();
    if let Some(request) = request {
        body.extend(format!("--B\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{request}\r\n").bytes());
    }
    let head = format!(
        "--B\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n"
    );
    body.extend(head.bytes());
    body.extend_from_slice(csv);
    body.extend_from_slice(b"\r\n--B--\r\n");
    server.post_text("/authtoken/csv", Some("multipart/form-data; boundary=B"), body).await
}

fn request(more: Value) -> Option<Value> {
    let mut request = json!({"output": "json", "deliverytype": "download"});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Some(envelope(request))
}

const HEADER: &str = "vid,name,gender,dob,phoneNumber,emailId,fullAddress\n";

#[tokio::test]
async fn a_csv_file_is_taken_row_by_row() {
    for server in servers(Release::V1_1).await {
        let rows = "7000000000000051,Asha,Female,1990/01/31,9,a@b,\"1, Main\"\r\n2,Bob,,,,,\n3,Short\n";
        let id = post(&server, request(json!({})), "csv_file", format!("{HEADER}{rows}").as_bytes()).await.identifier();
        let file: Vec<Value> = serde_json::from_str(&server.file(&id).await).unwrap();
        assert_eq!(file[0]["token"], token("7000000000000051"), "{}", server.name);
        assert_eq!(file[1]["errorCode"], "ATS-REQ-004", "{}: an empty cell is an empty text", server.name);
        assert_eq!(file[2]["errorCode"], "ATS-REQ-011", "{}: a short row is filled with null", server.name);

        let other = format!("{HEADER}{rows}").replace(',', ";");
        let id = post(&server, request(json!({"csvDelimiter": ";"})), "csv_file", other.as_bytes()).await.identifier();
        assert!(server.file(&id).await.contains(&token("7000000000000051")), "{}", server.name);

        let marked = format!("\u{feff}{HEADER}{rows}");
        let answer = post(&server, request(json!({})), "csv_file", marked.as_bytes()).await;
        let file = server.file(&answer.identifier()).await;
        assert_eq!(file.matches("ATS-REQ-009").count(), 3, "{}: a byte order mark hides the first column", server.name);

        let empty = post(&server, request(json!({})), "csv_file", HEADER.as_bytes()).await;
        assert_eq!(empty.told(), "200 ATS-REQ-101 none of the record form a valid request", "{}", server.name);
        let id = empty.identifier();
        assert_eq!(
            (server.file(&id).await, server.status(&id).await),
            ("[]".into(), "processed".into()),
            "{}",
            server.name
        );
    }
}

#[tokio::test]
async fn a_form_must_be_whole() {
    for server in servers(Release::V1_1).await {
        let none = post(&server, None, "csv_file", b"vid\n1\n").await;
        assert_eq!(none.told(), "400 ATS-REQ-102 invalid input. missing request body", "{}", server.name);
        let wrong = post(&server, request(json!({})), "file", b"vid\n1\n").await;
        assert_eq!(wrong.told(), "400 ATS-REQ-102 invalid input. requires CSV file", "{}", server.name);
        let latin = post(&server, request(json!({})), "csv_file", b"vid,name\n1,Ren\xe9e\n").await;
        assert_eq!(latin.status, 500, "{}", server.name);
        let json = server.post_text("/authtoken/csv", Some("application/json"), "{}").await;
        assert_eq!(json.told(), "400 ATS-REQ-102 invalid input. missing request body", "{}", server.name);
    }
}

fn odk(config: Value) -> String {
    envelope(json!({"output": "json", "deliverytype": "download", "odkconfig": config})).to_string()
}

#[tokio::test]
async fn odk_is_checked_and_pulled() {
    for server in servers(Release::V1_1).await {
        let central = Receiver::start(|request, _| {
            let body = match request.target.as_str() {
                "/v1/sessions" => json!({"token": "odk-token"}),
                target if target.contains("empty") => json!({"value": []}),
                _ => json!({"value": [super::harness::record(52)]}),
            };
            Reply::With(200, Vec::new(), body.to_string())
        })
        .await;
        let path = "/authtoken/odk";
        let json = Some("application/json");
        let with = |more: Value| {
            let mut config = json!({"baseurl": central.url, "email": "a@example.org", "password": "p", "projectid": "1", "formid": "f"});
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            odk(config)
        };
        for (body, expected) in [
            (with(json!({"baseurl": ""})), "400 ATS-REQ-18 no odk baseurl provided"),
            (with(json!({"email": ""})), "400 ATS-REQ-19 no email provided"),
            (with(json!({"projectid": null})), "400 ATS-REQ-21 no odk project id provided"),
            (with(json!({"formid": ""})), "400 ATS-REQ-22 no odk form id provided"),
            (with(json!({"formid": "empty"})), "400 ATS-REQ-23 no submissions found for odk pull"),
            (odk(json!({"email": "a@example.org", "password": "p"})), "422 ATS-REQ-102 Invalid Input. field required"),
            (String::new(), "500 ATS-REQ-100 'NoneType' object has no attribute 'request'"),
        ] {
            assert_eq!(server.post_text(path, json, body).await.told(), expected, "{}", server.name);
        }
        let answer =
            server.post_text(path, json, with(json!({"startdate": "2026-01-01", "enddate": "2026-12-31"}))).await;
        let file = server.file(&answer.identifier()).await;
        assert!(file.contains(&token("7000000000000052")), "{}: {file}", server.name);
        let last = central.all().pop().unwrap();
        assert_eq!(last.header("authorization"), Some("Bearer odk-token"), "{}", server.name);
        let target = "/v1/projects/1/forms/f.svc/Submissions?$filter=__system/submissionDate%20ge%202026-01-01%20and%20__system/submissionDate%20lt%202026-12-31";
        assert_eq!(last.target, target, "{}", server.name);
    }
}
