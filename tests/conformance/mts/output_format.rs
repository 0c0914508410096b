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
            ("1, error(\"x\")", "[null]"),
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

/// Programs that jq 1.5 compiles; they are not run.
const KNOWN: &[&str] = &[
    "\"\\(.a)\"",
    "- .a",
    "-1",
    ". as $x | $x",
    ". as [$a,$b] | $a",
    ". as {a:$x} | $x",
    ".\"a\"",
    "..",
    ".[\"a\"]",
    ".[1:2]",
    ".a += 1",
    ".a //= 1",
    ".a |= 1",
    ".a-1",
    ".a.b.c",
    ".a?",
    "1 # c\n",
    "1 as $x | 2 as $y | [$x,$y]",
    "@base64 \"x\\(.a)\"",
    "@base64d",
    "@csv",
    "@html",
    "@json",
    "@sh",
    "@text",
    "@tsv",
    "@uri",
    "[.[]?]",
    "add",
    "all",
    "any",
    "arrays",
    "ascii_downcase",
    "ascii_upcase",
    "booleans",
    "bsearch(1)",
    "capture(\"a\")",
    "combinations",
    "contains(1)",
    "def f(x): x; f(1)",
    "del(.a)",
    "delpaths([])",
    "empty",
    "endswith(\"a\")",
    "env",
    "env.PATH",
    "error",
    "error(null)",
    "explode",
    "first",
    "first(.)",
    "flatten",
    "floor",
    "foreach .[] as $x (0;.+$x)",
    "from_entries",
    "fromdateiso8601",
    "fromjson",
    "getpath(.)",
    "getpath(1)",
    "getpath([\"a\"])",
    "getpath([])",
    "gmtime",
    "group_by(.a)",
    "gsub(\"a\";\"b\")",
    "has(\"a\")",
    "implode",
    "in({})",
    "index(1)",
    "indices(1)",
    "infinite",
    "input_filename",
    "input_line_number",
    "inside(1)",
    "isinfinite",
    "isnan",
    "isnormal",
    "iterables",
    "join(\",\")",
    "keys",
    "keys_unsorted",
    "label $out | 1, break $out",
    "last",
    "last(.)",
    "leaf_paths",
    "length",
    "limit(0;1)",
    "limit(1;.)",
    "limit(1;1)",
    "limit(3;.[])",
    "log",
    "ltrimstr(\"a\")",
    "ltrimstr(1)",
    "map(.)",
    "map_values(.)",
    "match(\"a\")",
    "max",
    "min",
    "min_by(.)",
    "min_by(.a)",
    "mktime",
    "nan",
    "not",
    "now",
    "nth(1)",
    "nulls",
    "numbers",
    "objects",
    "path(.)",
    "paths",
    "paths(true)",
    "pow(2;3)",
    "range(1;2;3)",
    "recurse(.a;true)",
    "recurse_down",
    "reduce .[] as $x (0;.+$x)",
    "reduce range(3) as [$a] (0;1)",
    "reverse",
    "rindex(1)",
    "rtrimstr(1)",
    "scalars",
    "scan(\"a\")",
    "select(.)",
    "setpath([];1)",
    "sort",
    "sort_by(.a)",
    "split(\"a\";null)",
    "splits(\"a\")",
    "splits(\"a\";null)",
    "splits(1;2)",
    "sqrt",
    "startswith(\"a\")",
    "stderr",
    "strftime(\"%Y\")",
    "strings",
    "strptime(\"%Y\")",
    "sub(\"a\";\"b\")",
    "test(\"a\")",
    "to_entries",
    "todate",
    "todateiso8601",
    "tojson",
    "tojson|fromjson",
    "tonumber",
    "tostring",
    "transpose",
    "try error catch .",
    "type",
    "unique",
    "unique_by(.a)",
    "until(true;.)",
    "values",
    "while(true;.)",
    "with_entries(.)",
    "{\"a b\"}",
    "{(1|tostring):2}",
    "{@base64 \"x\":1}",
    "{a,b}",
];

/// Programs that it does not: younger filters, and what pyjq leaves out.
const UNKNOWN: &[&str] = &[
    "$ENV",
    "$__prog_args",
    "$x",
    ". as [$a] ?// $a | $a",
    "GROUP_BY(.)",
    "IN(.[];1)",
    "IN(1,2)",
    "INDEX(.[];.a)",
    "INDEX(.a)",
    "abs",
    "ascii",
    "ascii(.)",
    "builtins",
    "date",
    "dateadd(\"seconds\";1)",
    "dateadd(1;2)",
    "datesub(\"seconds\";1)",
    "drem(1;2)",
    "error(1;2)",
    "gamma",
    "getpath",
    "halt",
    "halt_error",
    "halt_error(1)",
    "have_literal_numbers",
    "if . then 1 elif 2 then 3 end",
    "if . then 1 end",
    "import \"a\" as a; 1",
    "include \"a\"; 1",
    "isboolean",
    "isnumber",
    "isvalid(.)",
    "ldexp(1;2)",
    "lgamma",
    "limit",
    "localtime",
    "ltrim",
    "ltrimstr",
    "nearbyint",
    "pick(.a)",
    "scalb(1;2)",
    "significand",
    "skip(1;.[])",
    "splits",
    "strflocaltime(\"%Y\")",
    "toarray",
    "trim",
    "trunc",
    "truncate_stream(1;.)",
    "utf8bytelength",
    "walk(.)",
    "{$__loc__}",
];

#[tokio::test]
async fn the_filters_are_those_of_jq_1_5() {
    for server in servers(Release::V1_1).await {
        let mut wrong = Vec::new();
        for (programs, status) in [(KNOWN, 200), (UNKNOWN, 400)] {
            for program in programs {
                let mut body = download(json!([{}]));
                body["request"]["outputFormat"] = json!(format!("if true then 1 else ({program}\n) end"));
                if server.post(&body).await.status != status {
                    wrong.push(*program);
                }
            }
        }
        assert!(wrong.is_empty(), "{}: {wrong:?}", server.name);
    }
}
