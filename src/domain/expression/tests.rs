use proptest::prelude::*;

use super::*;

fn good(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn bad(text: &str) -> String {
    match Expression::parse(text) {
        Ok(_) => panic!("{text} was accepted"),
        Err(error) => error.to_string(),
    }
}

fn keys(text: &str) -> Vec<String> {
    good(text).input_keys().iter().cloned().collect()
}

#[test]
fn what_connectors_need_is_allowed() {
    for text in [
        ".",
        ".output",
        ".output.token // \"none\"",
        "{id: .input.id, token: .output.token, status: .output.status, error: .output.errorCode}",
        "if .output.status == \"processed\" then {values: {ref: .output.token}} else null end",
        ".a.b[0].\"c d\"?, .[\"e\"], .f[1:2], .g[]",
        "\"\\(.given_name) \\(.family_name)\" | ascii_downcase",
        "{name: (.given_name + \" \" + .family_name), full: [.street, .city] | map(select(. != null)) | join(\", \")}",
        ".birthdate as $d | {dob: $d | split(\"-\") | join(\"/\")}",
        ". as {a: $x, $y, b: [$z]} | {($x): $y, $z, @base64 \"k\\(.k)\": 1}",
        ".phone | gsub(\"[^0-9]\"; \"\") | ltrimstr(\"251\")",
        "try (.n | tonumber) catch 0",
        "[.a, .b] | add / length",
        ".a and .b or (.c | not)",
        "-.a + 1 - 2 % 3",
        "{a: 1,}",
        ".a # a comment",
        "# comment first\n.a",
        "[.x | @text, @json, @html, @uri, @sh, @base64, @base64d]",
        ".a? // .b",
        "1000 * .a",
        "(.a | tonumber) * (.b | tonumber)",
        "{a: 1} * .",
    ] {
        good(text);
    }
}

#[test]
fn what_reaches_out_or_never_ends_is_refused_with_its_reason() {
    for (text, reason) in [
        ("def f: .; f", "`def` is not allowed"),
        ("reduce .[] as $x (0; . + $x)", "`reduce` is not allowed"),
        ("foreach .[] as $x (0; .)", "`foreach` is not allowed"),
        ("label $x | break $x", "`label` is not allowed"),
        ("..", "`..` is not allowed"),
        ("recurse", "`recurse` is not allowed"),
        ("[repeat(1)]", "may never end"),
        ("range(1000000000000)", "may never end"),
        ("until(false; .)", "may never end"),
        ("while(true; .)", "may never end"),
        ("limit(3; .)", "may never end"),
        ("env", "into the server"),
        ("env.HOME", "into the server"),
        ("$ENV.HOME", "into the server"),
        ("{a: .b | env}", "into the server"),
        ("\"\\(env)\"", "into the server"),
        ("input", "stops the worker"),
        ("[inputs]", "stops the worker"),
        (".a | debug", "stops the worker"),
        ("stderr", "stops the worker"),
        ("halt", "stops the worker"),
        ("halt_error(1)", "`halt_error` is not allowed"),
        ("input_filename", "is not allowed"),
        ("input_line_number", "is not allowed"),
        ("(\"[\" * 3) | fromjson", "is not allowed"),
        (". | fromjson", "`fromjson` is not allowed"),
        ("now", "the same record"),
        ("error(\"x\")", "`error` is not allowed"),
        (".a = 1", "`assignment` is not allowed"),
        (".a |= 1", "`assignment` is not allowed"),
        (".a += 1", "`assignment` is not allowed"),
        (".a //= 1", "`assignment` is not allowed"),
        ("$__loc__", "bound nowhere"),
        ("$x", "the variable `$x` is bound nowhere"),
        ("(. as $x | 1) | $x", "bound nowhere"),
        ("{$x}", "bound nowhere"),
        ("xyz", "`xyz` is not among the filters OMC allows in a connector"),
        ("mod::f", "is not among the filters"),
        ("@nonsense", "is not among the filters"),
        ("@nonsense \"x\"", "is not among the filters"),
        ("map", "`map` does not take this number of arguments"),
        ("length(1)", "does not take this number"),
        ("\"x\" * 1000000000", "repeats the text"),
        (".a * 1000000000", "repeats the text"),
        (".a * .b", "repeats the text"),
        ("\"a\\(.b)\" * 2", "repeats the text"),
    ] {
        let error = bad(text);
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn refused_wherever_it_hides() {
    for place in [
        "{hole}",
        "[{hole}]",
        "{a: ({hole})}",
        "{({hole}): 1}",
        ".[{hole}]",
        ".[{hole}:]",
        ".[:{hole}]",
        "-({hole})",
        "try ({hole})",
        "try . catch ({hole})",
        "if ({hole}) then 1 else 2 end",
        "if . then ({hole}) else 2 end",
        "if . then 1 else ({hole}) end",
        "if . then 1 elif ({hole}) then 2 else 3 end",
        ". | ({hole})",
        "({hole}), 1",
        "1 // ({hole})",
        "1 + ({hole})",
        "1 == ({hole})",
        "true and ({hole})",
        "map({hole})",
        "sub(\"a\"; ({hole}))",
        "\"\\({hole})\"",
        "@base64 \"\\({hole})\"",
        "({hole}) as $x | 1",
        ". as $x | ({hole})",
        ". as {({hole}): $x} | 1",
        "({hole}).a",
        "({hole})?",
    ] {
        assert!(bad(&place.replace("{hole}", "env")).contains("`env`"), "{place}");
    }
}

#[test]
fn errors_name_the_place() {
    assert_eq!(bad("{\n  a: [1, 2\n}"), "cannot be read as jq at line 3, column 1: closing bracket is wanted there");
    assert_eq!(bad(".a | "), "cannot be read as jq at line 1, column 6: term is wanted there");
    assert_eq!(bad(" \n "), "the expression is empty");
    assert_eq!(bad("# nothing else"), "cannot be read as jq at line 1, column 15: term is wanted there");
    assert!(bad(".a\u{0}").contains("line 1, column 3"));
    assert!(bad(".é").contains("line 1, column 2"));
}

#[test]
fn a_comment_cannot_swallow_what_follows_it() {
    assert_eq!(good(".a # x").wrapped(), "[first(try (.a # x\n) catch null)][0]");
    assert!(bad(".a # x \\").contains("line 1 ends in a backslash"));
    assert!(bad("1 # \\\r\n| env").contains("line 1 ends in a backslash"));
    good("\"a\\\\\nb\"");
}

#[test]
fn size_and_depth_are_limited_without_overflowing_a_small_stack() {
    let run = || {
        assert_eq!(Expression::parse(&"1".repeat(LONGEST + 1)), Err(ExpressionError::TooLong));
        for (open, close) in [("[", "]"), ("(", ")"), ("{a:", "}"), ("\"\\(", ")\""), ("map(", ")")] {
            let nested = |depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            good(&nested(10));
            assert_eq!(Expression::parse(&nested(250)), Err(ExpressionError::TooDeep), "{open}");
            assert_eq!(Expression::parse(&open.repeat(900)), Err(ExpressionError::TooDeep), "{open}");
        }
        for (piece, end) in [("-", "1"), ("try ", "1"), ("1|", "1"), ("1,", "1"), ("1 as $x|", "1"), ("1+", "1")] {
            good(&format!("{}{end}", piece.repeat(90)));
            let long = format!("{}{end}", piece.repeat(400));
            assert_eq!(Expression::parse(&long), Err(ExpressionError::TooManySteps), "{piece}");
        }
        good(&format!("{}1{}", "if 1 then ".repeat(70), " else 1 end".repeat(70)));
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap();
    thread.join().unwrap();
}

#[test]
fn what_the_jq_of_mts_does_not_know_or_survive_is_told() {
    for (text, what) in [
        ("trim", "`trim`"),
        ("if . then 1 end", "`else`"),
        ("{a: .b // 1}", "parentheses"),
        ("{a: .b == 1}", "parentheses"),
        ("{a: .b and .c}", "parentheses"),
        ("{a: 2 - 1}", "parentheses"),
        ("{a: if .b then 1 else 2 end}", "parentheses"),
        ("{a: try .b}", "parentheses"),
        ("{b: {a: \"x\" + \"y\"}}", "parentheses"),
        ("\"\\({a: 1 + 1})\"", "parentheses"),
        (".a?//1", "`?//`"),
        (".[\"a\"].[\"b\"]", "dot before a bracket"),
        (".a.[\"b\"]", "dot before a bracket"),
        ("\"a\" . [\"b\"]", "dot before a bracket"),
        ("map(.a)?.b", "a path after `?`"),
        (".?.b", "a path after `?`"),
        ("[.a]?[0]", "a path after `?`"),
        ("\"x\"?.b", "a path after `?`"),
        ("{if}", "keyword as a key"),
        ("{a: 1, and}", "keyword as a key"),
        ("1 as $x | {$x: 2}", "variable as a key"),
        ("[300] | implode", "`implode`"),
        (".n | todate", "`todate`"),
        (".n | strftime(\"%Y\")", "`strftime`"),
        ("gsub(\"\"; \"x\")", "never end"),
        ("gsub(\"^\"; \"x\")", "never end"),
        ("gsub(\"x*\"; \"y\")", "never end"),
        ("gsub(\"a|\"; \"y\")", "never end"),
        ("gsub(.pattern; \"y\")", "never end"),
        ("sub(\"\"; \"y\"; \"g\")", "never end"),
        ("split(\"\"; null)", "never end"),
        ("[match([\"\", \"g\"])]", "never end"),
        ("index(\"\")", "never end"),
        ("index(.x)", "never end"),
    ] {
        let expression = good(text);
        let told: Vec<&str> = expression.unknown_to_mts().collect();
        assert!(told.iter().any(|told| told.contains(what)), "{text}: {told:?}");
    }
    for text in [
        "{a: (.b // 1), b: .c | length, d: -1, e: -.f, g: [1 + 1], \"h\": .i?, (\"j\" + \"k\"): 1}",
        "if . then 1 else . end",
        "gsub(\"[^0-9]\"; \"\") | gsub(\"-\"; \"\") | gsub(\"\\\\s+\"; \" \") | test(\"^a|b$\")",
        ".a[\"b\"]?, 1, .[\"c\"]",
        ".a?.b, .a[0]?.b?[1], .[\"a\"]?.b, .\"a\"?.b, (map(.a)?).b, .a[]?",
        "{if: 1, a}",
        "if . then .[\"a\"] else .[0] end",
        "[.[] | .a]",
        ".a? // 1",
        "index(\",\")",
    ] {
        let expression = good(text);
        let told: Vec<&str> = expression.unknown_to_mts().collect();
        assert!(told.is_empty(), "{text}: {told:?}");
    }
}

#[test]
fn what_only_mts_knows_is_a_warning() {
    let expression = good("[.output.vid] | @csv");
    assert_eq!(expression.unknown_to_omc().collect::<Vec<_>>(), ["`@csv`"]);
    assert_eq!(
        expression.warnings().collect::<Vec<_>>(),
        ["`@csv` is known to MTS but not to OMC, which cannot try the expression out"]
    );
    assert_eq!(good(".a").warnings().count(), 0);
}

#[test]
fn the_keys_that_an_output_format_names_are_found() {
    for (text, wanted) in [
        (".output.token", vec![]),
        (".", vec![]),
        (".input", vec![]),
        ("{id: .input.id, token: .output.token}", vec!["id"]),
        (".input.demographics.first", vec!["demographics"]),
        (".input[\"id\"], .[\"input\"].phone", vec!["id", "phone"]),
        (".input | {id, name: .given_name}", vec!["given_name", "id"]),
        (".input as $r | [$r.id, $r.email]", vec!["email", "id"]),
        (". as {input: {id: $x}} | $x", vec!["id"]),
        ("(.input | select(.active)) | .id", vec!["active", "id"]),
        ("if .input.a then .input else .output end | .b", vec!["a", "b"]),
        ("(.input // .output).id", vec!["id"]),
        ("\"\\(.input.id)-\\(.output.status)\"", vec!["id"]),
        (".input | has(\"id\")", vec!["id"]),
        ("getpath([\"input\", \"id\"])", vec!["id"]),
        ("[.input][0].id", vec!["id"]),
        ("{r: .input} | .r.id", vec!["id"]),
        (".output | {input: .vid} | .input", vec![]),
        (".input | to_entries | map(.value)", vec!["value"]),
        ("first(.input).id", vec!["id"]),
        ("try .input.id catch .message", vec!["id"]),
        (".id as $input | $input", vec![]),
    ] {
        assert_eq!(keys(text), wanted, "{text}");
    }
}

#[test]
fn keys_of_an_object_written_out_are_known() {
    let lacks = |text: &str, path: &str| {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        good(text).lacks(&path)
    };
    let literal = "{name: .given_name, \"dob\": .birthdate, address: {city: .city}, other: .x}";
    assert!(!lacks(literal, "name") && !lacks(literal, "dob") && !lacks(literal, "address.city"));
    assert!(lacks(literal, "gender") && lacks(literal, "address.street"));
    assert!(!lacks(literal, "other.anything"), "what a value holds is not known");
    assert!(lacks(".a as $x | . | {$x}", "y") && !lacks(".a as $x | . | {$x}", "x"));
    assert!(lacks("{a: 1} + {b: 2}", "c") && !lacks("{a: 1} + {b: 2}", "b"));
    for unknown in [". + {a: 1}", "{(.k): 1}", ".", "if . then {a: 1} else . end"] {
        assert!(!lacks(unknown, "b"), "{unknown}");
    }
}

#[test]
fn is_checked_again_when_read_back() {
    let expression = good("{a: .b} # c");
    let stored = serde_json::to_string(&expression).unwrap();
    assert_eq!(serde_json::from_str::<Expression>(&stored).unwrap(), expression);
    assert!(serde_json::from_str::<Expression>("\"env\"").is_err());
}

proptest! {
    #[test]
    fn no_text_is_too_much_for_it(text in "\\PC{0,80}") {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn no_row_of_tokens_is_too_much_for_it(tokens in tokens()) {
        if let Ok(expression) = Expression::parse(&tokens.join(" ")) {
            prop_assert!(Expression::parse(&expression.wrapped()).is_ok());
        }
    }
}

/// Rows of tokens that have a fair chance to be an expression.
pub(crate) fn tokens() -> impl Strategy<Value = Vec<&'static str>> {
    let token = proptest::sample::select(vec![
        ".",
        ".a",
        ".input",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ":",
        ",",
        "|",
        "+",
        "-",
        "*",
        "//",
        "==",
        "and",
        "?",
        "1",
        "\"t\"",
        "\"\\(.a)\"",
        "map(.a)",
        "length",
        "if",
        "then",
        "else",
        "end",
        "try",
        "as",
        "$x",
        "env",
        "reduce",
        "..",
        "def",
        "@base64",
        "a",
        "halt",
    ]);
    proptest::collection::vec(token, 1..12)
}
