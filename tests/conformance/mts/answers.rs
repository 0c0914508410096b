//! What a POST is answered: MTS's own checks, those of its JSON model, and what it forgot to check.

use omc::sim::mts::Release;
use serde_json::{Value, json};

use super::harness::{download, record, servers};

const TIME: &str = "400 ATS-REQ-102 invalid input. requesttime is not in valid format";
pub const REQUIRED: &str = "422 ATS-REQ-102 Invalid Input. field required";
pub const NONE: &str = "422 ATS-REQ-102 Invalid Input. none is not an allowed value";
const TEXT: &str = "422 ATS-REQ-102 Invalid Input. str type expected";
const LIST: &str = "422 ATS-REQ-102 Invalid Input. value is not a valid list";
pub const DICT: &str = "422 ATS-REQ-102 Invalid Input. value is not a valid dict";
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
        ("/request/output", Some(json!("xml")), "400 ATS-REQ-102 invalid input. output type is not supported"),
        ("/request/output", Some(json!("JSON")), "400 ATS-REQ-102 invalid input. output type is not supported"),
        ("/request/output", Some(json!("")), "400 ATS-REQ-102 invalid input. output type is not mentioned"),
        ("/request/deliverytype", None, "500 ATS-REQ-100 'deliverytype'"),
        ("/request/deliverytype", Some(Value::Null), "400 ATS-REQ-102 invalid input. delivery type is not mentioned"),
        ("/request/deliverytype", Some(json!("sync")), "400 ATS-REQ-102 invalid input. delivery type is not supported"),
        ("/request/lang", Some(Value::Null), "200"),
        ("/request/lang", Some(json!(5)), "200"),
        ("/request/unknown", Some(json!({})), "200"),
        ("/request/authdata", None, MISSING),
        ("/request/authdata", Some(Value::Null), MISSING),
        ("/request/authdata", Some(json!([])), MISSING),
        ("/request/authdata", Some(json!({"vid": "1"})), LIST),
        ("/request/authdata", Some(json!(["text"])), DICT),
        ("/request/authdata", Some(json!([null])), NONE),
        ("/request/authdata", Some(json!([{}])), "200 ATS-REQ-101 none of the record form a valid request"),
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
