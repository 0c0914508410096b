//! What is checked of `callbackProperties` before a POST is answered.

use omc::sim::mts::Release;
use serde_json::{Value, json};

use super::answers::{DICT, NONE, REQUIRED};
use super::harness::{download, record, servers};

#[tokio::test]
async fn callback_properties() {
    let with = |properties: Value| Some(properties);
    let url = "http://127.0.0.1:9/cb";
    let path = "/request/callbackProperties";
    let table: Vec<(&str, Option<Value>, &str)> = vec![
        (path, None, "400 ATS-REQ-024 callbackProperties cannot be empty for deliverytype callback"),
        (path, with(json!({})), "400 ATS-REQ-024 callbackProperties cannot be empty for deliverytype callback"),
        (path, with(Value::Null), "400 ATS-REQ-024 callbackProperties cannot be empty for deliverytype callback"),
        (path, with(json!("http://h")), DICT),
        (path, with(json!({"httpMethod": "POST"})), REQUIRED),
        (path, with(json!({"url": "not a url"})), "422 ATS-REQ-102 Invalid Input. invalid or missing URL scheme"),
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
        (path, with(json!({"url": url, "authType": "staticBearer", "authStaticBearer": {"x": 1}})), REQUIRED),
    ];
    for server in servers(Release::V1_1).await {
        for (_, properties, expected) in &table {
            let mut body = download(json!([record(12)]));
            body["request"]["deliverytype"] = json!("callback");
            if let Some(properties) = properties {
                body["request"]["callbackProperties"] = properties.clone();
            }
            assert_eq!(server.post(&body).await.told(), *expected, "{}: {properties:?}", server.name);
        }
        for (properties, expected) in [
            (
                json!({"url": url, "callInBulk": true}),
                "400 ATS-REQ-025 requestFileName is not valid in callbackProperties",
            ),
            (json!({"url": url, "requestFileName": "f"}), "400 ATS-REQ-026 callInBulk cannot be false for csv output"),
        ] {
            let mut body = download(json!([record(12)]));
            body["request"]["deliverytype"] = json!("callback");
            body["request"]["output"] = json!("csv");
            body["request"]["callbackProperties"] = properties;
            assert_eq!(server.post(&body).await.told(), expected, "{}", server.name);
        }
    }
}
