//! What a POST is answered: MTS's own checks, those of its JSON model, and what it forgot to check.

use omc::sim::mts::Release;
use serde_json::{Value, json};

use super::harness::{download, record, servers};

const TIME: &str = "400 ATS-REQ-102 invalid input. requesttime is not in valid format";
const REQUIRED: &str = "422 ATS-REQ-102 Invalid Input. field required";
const NONE: &str = "422 ATS-REQ-102 Invalid Input. none is not an allowed value";
const TEXT: &str = "422 ATS-REQ-102 Invalid Input. str type expected";
const LIST: &str = "422 ATS-REQ-102 Invalid Input. value is not a valid list";
const DICT: &str = "422 ATS-REQ-102 Invalid Input. value is not a valid dict";
const MISSING: &str = "400 ATS-REQ-102 invalid input. authdata missing";

/// Each case: a pointer into the body, what is put there (nothing: it is taken out), the answer.
async fn cases(table: &[(&str, Option<Value>, &str)]) {
    for server in servers(Release::V1_1).await {
        for (pointer, value, expected) in table {
            let mut body = download(json!([record(11)]));
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let object = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            match value {
                Some(value) => _ = object.insert(key.to_owned(), value.clone()),
                None => _ = object.remove(key),
            }
            let told = server.post(&body).await.told();
            assert_eq!(told, *expected, "{}: {pointer} {value:?}", server.name);
        }
    }
}

#[tokio::test]
async fn envelope() {
    cases(&[
        ("/id", None, REQUIRED),
        ("/version", None, REQUIRED),
        ("/metadata", None, REQUIRED),
        ("/requesttime", None, REQUIRED),
        ("/request", None, REQUIRED),
        ("/request", Some(Value::Null), NONE),
        ("/id", Some(json!("")), "200"),
        ("/id", Some(Value::Null), NONE),
        ("/version", Some(json!(1.0)), "200"),
        ("/metadata", Some(json!("text")), "200"),
        ("/metadata", Some(json!(5)), "200"),
        ("/metadata", Some(json!({})), TEXT),
        ("/metadata", Some(json!([])), TEXT),
        ("/metadata", Some(Value::Null), NONE),
        ("/extra", Some(json!({"x": [1]})), "200"),
    ])
    .await;
}

#[tokio::test]
async fn request_time() {
    let at = |t: &str| Some(json!(t));
    cases(&[
        ("/requesttime", at("2026-11-21T21:04:41.1Z"), "200"),
        ("/requesttime", at("2026-11-21T21:04:41.123456Z"), "200"),
        ("/requesttime", at("1970-01-01t00:00:00.123z"), "200"),
        ("/requesttime", at("2999-01-01T00:00:00.123Z"), "200"),
        ("/requesttime", at("2026-11-21T21:04:41Z"), TIME),
        ("/requesttime", at("2026-11-21T21:04:41.Z"), TIME),
        ("/requesttime", at("2026-11-21T21:04:41.123456789Z"), TIME),
        ("/requesttime", at("2026-11-21T21:04:41.123+00:00"), TIME),
        ("/requesttime", at("2026-11-21T21:04:41.123"), TIME),
        ("/requesttime", at("2026-11-21 21:04:41.123Z"), TIME),
        ("/requesttime", at("2026-02-30T21:04:41.123Z"), TIME),
        ("/requesttime", at(" 2026-11-21T21:04:41.123Z"), TIME),
        ("/requesttime", at(""), TIME),
        ("/requesttime", Some(json!(1_795_295_721)), TIME),
        ("/requesttime", Some(Value::Null), TIME),
    ])
    .await;
}

#[tokio::test]
async fn request() {
    cases(&[
        ("/request/output", None, REQUIRED),
        (
            "/request/output",
            Some(json!("xml")),
            "400 ATS-REQ-102 invalid input. output type is not supported",
        ),
        (
            "/request/output",
            Some(json!("JSON")),
            "400 ATS-REQ-102 invalid input. output type is not supported",
        ),
        (
            "/request/output",
            Some(json!("")),
            "400 ATS-REQ-102 invalid input. output type is not mentioned",
        ),
        ("/request/deliverytype", None, "500 ATS-REQ-100 'deliverytype'"),
        (
            "/request/deliverytype",
            Some(Value::Null),
            "400 ATS-REQ-102 invalid input. delivery type is not mentioned",
        ),
        (
            "/request/deliverytype",
            Some(json!("sync")),
            "400 ATS-REQ-102 invalid input. delivery type is not supported",
        ),
        ("/request/lang", Some(Value::Null), "200"),
        ("/request/lang", Some(json!(5)), "200"),
        ("/request/unknown", Some(json!({})), "200"),
        ("/request/authdata", None, MISSING),
        ("/request/authdata", Some(Value::Null), MISSING),
        ("/request/authdata", Some(json!([])), MISSING),
        ("/request/authdata", Some(json!({"vid": "1"})), LIST),
        ("/request/authdata", Some(json!(["text"])), DICT),
        ("/request/authdata", Some(json!([null])), NONE),
        (
            "/request/authdata",
            Some(json!([{}])),
            "200 ATS-REQ-101 none of the record form a valid request",
        ),
        ("/request/mapping", Some(Value::Null), NONE),
        ("/request/mapping", Some(json!({})), "200"),
        ("/request/mapping", Some(json!({"vid": null})), NONE),
        ("/request/mapping", Some(json!({"vid": ["vid"]})), TEXT),
        ("/request/mapping", Some(json!({"name": "name"})), LIST),
        ("/request/mapping", Some(json!({"fullAddress": "x"})), LIST),
        ("/request/callbackProperties", Some(json!({"url": "nope"})), "200"),
    ])
    .await;
}

#[tokio::test]
async fn output_format_is_compiled_at_once() {
    const REFUSED: &str = "400 ATS-REQ-103 outputFormat is not a valid jq expression";
    let program = |code: &str| Some(json!(code));
    let path = "/request/outputFormat";
    cases(&[
        (path, Some(Value::Null), "200"),
        (path, program(""), "200"),
        (path, program(".output.token"), "200"),
        (path, program("{id: .input.id"), REFUSED),
        (path, program("$nope"), REFUSED),
        (path, program("nosuchfunction(.)"), REFUSED),
        (path, program("$ENV.PATH"), REFUSED),
        (path, program("halt"), REFUSED),
        (path, program("if . then 1 end"), REFUSED),
        (path, Some(json!(5)), REFUSED),
        (path, Some(json!({"a": 1})), REFUSED),
        (path, program("[first(try (.input # comment\n) catch null)][0]"), "200"),
    ])
    .await;
}

#[tokio::test]
async fn callback_properties() {
    let with = |properties: Value| Some(properties);
    let url = "http://127.0.0.1:9/cb";
    let path = "/request/callbackProperties";
    let table: Vec<(&str, Option<Value>, &str)> = vec![
        (
            path,
            None,
            "400 ATS-REQ-024 callbackProperties cannot be empty for deliverytype callback",
        ),
        (
            path,
            with(json!({})),
            "400 ATS-REQ-024 callbackProperties cannot be empty for deliverytype callback",
        ),
        (
            path,
            with(Value::Null),
            "400 ATS-REQ-024 callbackProperties cannot be empty for deliverytype callback",
        ),
        (path, with(json!("http://h")), DICT),
        (path, with(json!({"httpMethod": "POST"})), REQUIRED),
        (
            path,
            with(json!({"url": "not a url"})),
            "422 ATS-REQ-102 Invalid Input. invalid or missing URL scheme",
        ),
        (path, with(json!({"url": url, "callInBulk": null})), NONE),
        (path, with(json!({"url": url, "extraHeaders": null})), NONE),
        (path, with(json!({"url": url, "timeoutSeconds": null})), NONE),
        (
            path,
            with(json!({"url": url, "timeoutSeconds": "abc"})),
            "422 ATS-REQ-102 Invalid Input. value is not a valid integer",
        ),
        (
            path,
            with(json!({"url": url, "callInBulk": "perhaps"})),
            "422 ATS-REQ-102 Invalid Input. value could not be parsed to a boolean",
        ),
        (
            path,
            with(json!({"url": url, "authType": "basic"})),
            "400 ATS-REQ-027 unsupported authType in CallbackProperties",
        ),
        (
            path,
            with(json!({"url": url, "authType": null})),
            "400 ATS-REQ-027 unsupported authType in CallbackProperties",
        ),
        (
            path,
            with(json!({"url": url, "authType": "odoo"})),
            "400 ATS-REQ-028 authOdoo cannot be empty for authType odoo",
        ),
        (
            path,
            with(json!({"url": url, "authType": "oauth", "authOauth": {}})),
            "400 ATS-REQ-029 authOauth cannot be empty for authType oauth",
        ),
        (
            path,
            with(json!({"url": url, "authType": "staticBearer"})),
            "400 ATS-REQ-030 authStaticBearer cannot be empty for authType staticBearer",
        ),
        (
            path,
            with(json!({"url": url, "authOdoo": {"database": "d", "username": "u", "password": "p"}})),
            "400 ATS-REQ-031 authUrl in authOdoo, cannot be empty for authType odoo",
        ),
        (
            path,
            with(
                json!({"url": url, "authType": "odoo", "authOdoo": {"authUrl": url, "database": "d", "username": "", "password": "p"}}),
            ),
            "400 ATS-REQ-032 username in authOdoo, cannot be empty for authType odoo",
        ),
        (
            path,
            with(
                json!({"url": url, "authType": "odoo", "authOdoo": {"authUrl": url, "database": "", "username": "u", "password": "p"}}),
            ),
            "400 ATS-REQ-033 database in authOdoo, cannot be empty for authType odoo",
        ),
        (
            path,
            with(
                json!({"url": url, "authType": "odoo", "authOdoo": {"authUrl": url, "database": "d", "username": "u"}}),
            ),
            REQUIRED,
        ),
        (
            path,
            with(json!({"url": url, "authType": "staticBearer", "authStaticBearer": {"token": ""}})),
            "400 ATS-REQ-034 token in authStaticBearer cannot be empty for authType staticBearer",
        ),
        (
            path,
            with(json!({"url": url, "authType": "staticBearer", "authStaticBearer": {"x": 1}})),
            REQUIRED,
        ),
    ];
    for server in servers(Release::V1_1).await {
        for (_, properties, expected) in &table {
            let mut body = download(json!([record(12)]));
            body["request"]["deliverytype"] = json!("callback");
            if let Some(properties) = properties {
                body["request"]["callbackProperties"] = properties.clone();
            }
            assert_eq!(
                server.post(&body).await.told(),
                *expected,
                "{}: {properties:?}",
                server.name
            );
        }
        for (properties, expected) in [
            (
                json!({"url": url, "callInBulk": true}),
                "400 ATS-REQ-025 requestFileName is not valid in callbackProperties",
            ),
            (
                json!({"url": url, "requestFileName": "f"}),
                "400 ATS-REQ-026 callInBulk cannot be false for csv output",
            ),
        ] {
            let mut body = download(json!([record(12)]));
            body["request"]["deliverytype"] = json!("callback");
            body["request"]["output"] = json!("csv");
            body["request"]["callbackProperties"] = properties;
            assert_eq!(server.post(&body).await.told(), expected, "{}", server.name);
        }
    }
}

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
            (
                json,
                "{\"id\":",
                "422 ATS-REQ-102 Invalid Input. Expecting value: line 1 column 7 (char 6)",
            ),
            (
                json,
                "{'id'",
                "422 ATS-REQ-102 Invalid Input. Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            ),
            (
                json,
                "{} x",
                "422 ATS-REQ-102 Invalid Input. Extra data: line 1 column 4 (char 3)",
            ),
            (None, &good, "200"),
            (Some("application/json; charset=utf-8"), &good, "200"),
            (Some("text/plain"), &good, DICT),
        ] {
            let told = server
                .post_text("/authtoken/json", content_type, body.to_owned())
                .await
                .told();
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
            assert_eq!(
                (answer.status, allowed),
                (status, allow),
                "{}: {method} {path}",
                server.name
            );
        }
        let slash = server
            .post_text("/authtoken/json/", Some("application/json"), "{}")
            .await;
        assert_eq!(slash.status, 307, "{}", server.name);
        assert!(
            slash.headers["location"]
                .to_str()
                .unwrap()
                .ends_with("//authtoken/json"),
            "{}",
            server.name
        );

        let ping = server.get("/ping").await;
        assert_eq!(
            (ping.status, ping.text.as_str()),
            (200, "\"[0 - 0] pong\""),
            "{}",
            server.name
        );
        let unknown = server.get("/authtoken/status/nope").await;
        assert_eq!(
            unknown.told(),
            "404 ATS-REQ-016 no auth request found for the given identifier",
            "{}",
            server.name
        );
        let fields = server.get("/authtoken/authfields").await.json();
        assert_eq!(
            fields["response"]["authfields"].as_array().unwrap().len(),
            7,
            "{}",
            server.name
        );
        assert!(
            server.get("/openapi.json").await.json()["paths"]["/authtoken/json"].is_object(),
            "{}",
            server.name
        );

        let (one, two) = (
            server.post(&download(json!([record(14)]))).await,
            server.get("/authtoken/authfields").await,
        );
        assert_eq!(one.headers["server"], "uvicorn");
        assert_eq!(one.headers["content-type"], "application/json");
        assert_eq!(
            one.json()["responsetime"],
            two.json()["responsetime"],
            "{}: it is the process's start",
            server.name
        );
        let id = one.identifier();
        assert!(
            id.len() == 36 && id.starts_with("00") && id.as_bytes()[14] == b'4',
            "{}: {id}",
            server.name
        );
        let keys = r#"{"id":"mosip.token.seeder","version":"1.1.0","metadata":{},"responsetime":""#;
        assert!(one.text.starts_with(keys), "{}: {}", server.name, one.text);
        let upper = server
            .get(&format!("/authtoken/status/{}", id.to_uppercase()))
            .await
            .status;
        assert_eq!(
            upper == 404,
            id != id.to_uppercase(),
            "{}: identifiers are case-sensitive",
            server.name
        );
    }
}
