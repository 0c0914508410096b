//! Bodies that are no request, paths that are none, and what every answer has in common.

use omc::sim::mts::Release;
use serde_json::json;

use super::answers::{DICT, REQUIRED};
use super::harness::{download, record, servers};

#[tokio::test]
async fn bodies() {
    for server in servers(Release::V1_1).await {
        let good = download(json!([record(13)])).to_string();
        let five = REQUIRED.to_owned() + &"; ATS-REQ-102 Invalid Input. field required".repeat(4);
        let no_body = "400 ATS-REQ-102 invalid input. missing request body";
        let json = Some("application/json");
        for (content_type, body, expected) in [
            (json, "", no_body),
            (json, "null", no_body),
            (json, "[]", &five),
            (json, "{}", &five),
            (json, "\"text\"", DICT),
            (json, "{\"id\":", "422 ATS-REQ-102 Invalid Input. Expecting value: line 1 column 7 (char 6)"),
            (
                json,
                "{'id'",
                "422 ATS-REQ-102 Invalid Input. Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            ),
            (json, "{} x", "422 ATS-REQ-102 Invalid Input. Extra data: line 1 column 4 (char 3)"),
            (None, &good, "200"),
            (Some("application/json; charset=utf-8"), &good, "200"),
            (Some("text/plain"), &good, DICT),
        ] {
            let told = server.post_text("/authtoken/json", content_type, body.to_owned()).await.told();
            assert_eq!(told, expected, "{}: {content_type:?} {body}", server.name);
        }
    }
}

#[tokio::test]
async fn paths_and_headers() {
    for server in servers(Release::V1_1).await {
        for (method, path, status, allow) in [
            ("GET", "/authtoken/json", 405, Some("POST")),
            ("POST", "/ping", 405, Some("GET")),
            ("HEAD", "/authtoken/status/x", 405, Some("GET")),
            ("GET", "/nope", 404, None),
            ("GET", "/", 404, None),
            ("GET", "/authtoken/status/", 404, None),
            ("GET", "/authtoken/file/..%2f..%2fetc%2fpasswd", 404, None),
        ] {
            let answer = server.answer(server.request(method, path)).await;
            let allowed = answer.headers.get("allow").map(|v| v.to_str().unwrap());
            assert_eq!((answer.status, allowed), (status, allow), "{}: {method} {path}", server.name);
        }
        let slash = server.post_text("/authtoken/json/", Some("application/json"), "{}").await;
        assert_eq!(slash.status, 307, "{}", server.name);
        assert!(slash.headers["location"].to_str().unwrap().ends_with("//authtoken/json"), "{}", server.name);

        let ping = server.get("/ping").await;
        assert_eq!((ping.status, ping.text.as_str()), (200, "\"[0 - 0] pong\""), "{}", server.name);
        let unknown = server.get("/authtoken/status/nope").await;
        assert_eq!(unknown.told(), "404 ATS-REQ-016 no auth request found for the given identifier", "{}", server.name);
        let fields = server.get("/authtoken/authfields").await.json();
        assert_eq!(fields["response"]["authfields"].as_array().unwrap().len(), 7, "{}", server.name);
        assert!(server.get("/openapi.json").await.json()["paths"]["/authtoken/json"].is_object(), "{}", server.name);

        let (one, two) = (server.post(&download(json!([record(14)]))).await, server.get("/authtoken/authfields").await);
        assert_eq!(one.headers["server"], "uvicorn");
        assert_eq!(one.headers["content-type"], "application/json");
        assert_eq!(
            one.json()["responsetime"],
            two.json()["responsetime"],
            "{}: it is the process's start",
            server.name
        );
        let id = one.identifier();
        assert!(id.len() == 36 && id.starts_with("00") && id.as_bytes()[14] == b'4', "{}: {id}", server.name);
        let keys = r#"{"id":"mosip.token.seeder","version":"1.1.0","metadata":{},"responsetime":""#;
        assert!(one.text.starts_with(keys), "{}: {}", server.name, one.text);
        let upper = server.get(&format!("/authtoken/status/{}", id.to_uppercase())).await.status;
        assert_eq!(upper == 404, id != id.to_uppercase(), "{}: identifiers are case-sensitive", server.name);
    }
}
