//! What the output format makes of a record: the first output, as Python writes it.

use omc::sim::mts::Release;
use serde_json::json;

use super::harness::{download, record, servers};

#[tokio::test]
async fn values_are_written_as_python_does() {
    for server in servers(Release::V1_1).await {
        for (format, expected) in [
            (".output.status", "[\"processed\"]"),
            (
                "{id: .input.id, s: .output.status, e: .output.errorCode}",
                "[{\"id\": \"r-31\", \"s\": \"processed\", \"e\": null}]",
            ),
            ("{b: 1, a: 2}", "[{\"b\": 1, \"a\": 2}]"),
            ("empty", "[null]"),
            ("null", "[null]"),
            ("error(\"x\")", "[null]"),
            (".input.vid.a.b", "[null]"),
            ("1, 2", "[1]"),
            ("1, error(\"x\")", "[1]"),
            ("[limit(3; range(10))]", "[[0, 1, 2]]"),
            ("1.0", "[1]"),
            ("1.5", "[1.5]"),
            ("3000000000", "[3000000000.0]"),
            ("12345678901234567890", "[1.2345678901234567e+19]"),
            ("0.00001", "[1e-05]"),
            ("\"ä€😀\\n\"", "[\"\\u00e4\\u20ac\\ud83d\\ude00\\n\"]"),
            ("false", "[false]"),
            ("\"\"", "[\"\"]"),
            ("{}", "[{}]"),
            (
                ".output | keys",
                "[[\"errorCode\", \"errorMessage\", \"status\", \"token\", \"vid\"]]",
            ),
            (
                ".output | keys_unsorted",
                "[[\"vid\", \"status\", \"token\", \"errorCode\", \"errorMessage\"]]",
            ),
            ("env | type", "[\"object\"]"),
            ("[first(try (.input.id) catch null)][0]", "[\"r-31\"]"),
            ("[first(try (error(\"x\")) catch null)][0]", "[null]"),
            ("if .output.status == \"invalid\" then 1 else 2 end", "[2]"),
            (".input.name | ascii_downcase | test(\"asha\")", "[true]"),
            ("def f: .output.status; f", "[\"processed\"]"),
            (".output.nope.deeper", "[null]"),
            ("[.input.id, 7] | @json", "[\"[\\\"r-31\\\",7]\"]"),
            ("[.input.id, 7] | @csv", "[\"\\\"r-31\\\",7\"]"),
            (".input.id | length", "[4]"),
            ("{(\"k\" + \"ey\"): 1}", "[{\"key\": 1}]"),
            (".input.dob | strptime(\"%Y/%m/%d\") | mktime", "[633744000]"),
            ("1 / 3", "[0.3333333333333333]"),
            (".output.token | length", "[43]"),
        ] {
            let mut body = download(json!([record(31)]));
            body["request"]["outputFormat"] = json!(format);
            let answer = server.post(&body).await;
            assert_eq!(answer.status, 200, "{}: {format}", server.name);
            assert_eq!(
                server.file(&answer.identifier()).await,
                expected,
                "{}: {format}",
                server.name
            );
        }
    }
}

#[tokio::test]
async fn input_is_the_record_as_it_was_sent() {
    for server in servers(Release::V1_1).await {
        let mut body = download(json!(["RECORD"]));
        body["request"]["outputFormat"] = json!(".input");
        let sent = r#"{"vid": "2", "zz": {"b": [1, 2.50, null], "a": "é"}, "aa": true}"#;
        let body = body.to_string().replace("\"RECORD\"", sent);
        let id = server.post_text("/authtoken/json", None, body).await.identifier();
        let expected = r#"[{"vid": "2", "zz": {"b": [1, 2.5, null], "a": "\u00e9"}, "aa": true}]"#;
        assert_eq!(server.file(&id).await, expected, "{}", server.name);
    }
}
