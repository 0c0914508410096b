use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::expression;

fn run(text: &str, input: Value) -> Result<Option<Value>, Error> {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    Jq::compile(&expression).unwrap_or_else(|error| panic!("{text}: {error}")).first(&input)
}

fn gives(text: &str, input: Value) -> Value {
    run(text, input).unwrap().unwrap()
}

#[test]
fn evaluates_as_jq_does() {
    let record = json!({"given_name": "Abebe", "family_name": "Bikila", "birthdate": "1990/01/31", "n": "12", "k": 3});
    for (text, wanted) in [
        (".", record.clone()),
        (".a.b", json!(null)),
        (
            "{name: \"\\(.given_name) \\(.family_name)\", dob: .birthdate}",
            json!({"name": "Abebe Bikila", "dob": "1990/01/31"}),
        ),
        (".n | tonumber", json!(12)),
        (".k | tonumber", json!(3)),
        ("\"1.5e2\" | tonumber", json!(150.0)),
        ("[.k, 9007199254740993, 1.5, -1]", json!([3, 9007199254740993_i64, 1.5, -1])),
        ("(.birthdate | split(\"/\")) | reverse | join(\"-\")", json!("31-01-1990")),
        ("if .x then 1 else 2 end", json!(2)),
        ("with_entries(select(.key == \"k\"))", json!({"k": 3})),
        ("del(.given_name, .family_name, .birthdate, .n)", json!({"k": 3})),
        ("try (.given_name | tonumber) catch \"none\"", json!("none")),
        (".given_name | gsub(\"[aeiou]\"; \"\")", json!("Abb")),
        ("1 / 0 | . == . | not | not", json!(true)),
        ("1, 2", json!(1)),
        ("1 # comment", json!(1)),
    ] {
        assert_eq!(gives(text, record.clone()), wanted, "{text}");
    }
    assert_eq!(run("empty", json!(1)), Ok(None));
    assert_eq!(run(".a | .[0] | .b", json!({"a": 1})), Err(Error::Failed));
}

#[test]
fn every_filter_that_is_allowed_here_is_there() {
    for call in expression::examples() {
        let expression = Expression::parse(&call).unwrap();
        let known = expression.unknown_to_omc().count() == 0;
        assert_eq!(Jq::compile(&expression).is_ok(), known, "{call}");
    }
}

#[test]
fn errors_hold_nothing_of_the_record() {
    let secret = "2045678901234567";
    for text in [".a.b", ".a | tonumber", ".a | fromdate", ".a - 1", "{(.b): 1}", ".a | @base64d | explode | implode"] {
        if let Err(error) = run(text, json!({"a": format!("x{secret}"), "b": 1})) {
            assert!(!format!("{error} {error:?}").contains(secret), "{text}");
        }
    }
}

#[test]
fn deeply_nested_text_is_no_number() {
    let nested = "[".repeat(200_000);
    assert_eq!(run(".a | tonumber", json!({"a": nested})), Err(Error::Failed));
    assert_eq!(run("tonumber", json!("1 2")), Err(Error::Failed));
    assert_eq!(run("tonumber", json!("nan")), Err(Error::Failed));
}

#[test]
fn what_is_no_json_or_too_large_is_refused() {
    assert_eq!(run("{(.a): 1}", json!({"a": 1})), Err(Error::NotJson));
    let long = format!(".{}", "|.+.".repeat(18));
    assert_eq!(run(&long, json!("0123456789")), Err(Error::TooLarge));
    let shared = format!(".{}", "|[.,.]".repeat(40));
    assert_eq!(run(&shared, json!("x")), Err(Error::TooLarge));
    let deep = format!(".{}", "|[.]".repeat(70));
    assert_eq!(run(&deep, json!("x")), Err(Error::TooLarge));
}

#[test]
fn the_output_format_as_mts_gets_it_never_fails() {
    let wrapped = |text: &str, input: Value| {
        let wrapped = Expression::parse(text).unwrap().wrapped();
        let expression = Expression::parse(&wrapped).unwrap();
        Jq::compile(&expression).unwrap().first(&input)
    };
    let input = json!({"input": {"id": 7}, "output": {"token": "t"}});
    assert_eq!(wrapped("{id: .input.id} # x", input.clone()), Ok(Some(json!({"id": 7}))));
    assert_eq!(wrapped("empty", input.clone()), Ok(Some(json!(null))));
    assert_eq!(wrapped(".input.id.x", input.clone()), Ok(Some(json!(null))));
    assert_eq!(wrapped("1, 2", input), Ok(Some(json!(1))));
}

#[test]
fn one_compiled_expression_serves_many_threads_and_is_fast() {
    let expression = Expression::parse("{name: (.a + .b), n: (.c | length)}").unwrap();
    let compiled = Jq::compile(&expression).unwrap();
    let input = json!({"a": "x", "b": "y", "c": [1, 2, 3]});
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    assert_eq!(compiled.first(&input), Ok(Some(json!({"name": "xy", "n": 3}))));
                }
            });
        }
    });
    assert!(started.elapsed() < Duration::from_secs(30));
}

proptest! {
    // Each case compiles jaq's whole prelude.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_passes_the_check_compiles_and_ends(tokens in expression::tests::tokens(), n in any::<i32>()) {
        if let Ok(expression) = Expression::parse(&tokens.join(" ")) {
            let compiled = Jq::compile(&expression);
            prop_assert_eq!(compiled.is_ok(), expression.unknown_to_omc().count() == 0);
            let _ = compiled.unwrap().first(&json!({"a": [n, "t"], "input": {"a": n}}));
        }
    }

    #[test]
    fn json_survives_the_way_in_and_out(texts in proptest::collection::vec("\\PC{0,20}", 0..5), n in any::<i64>(), f in -1e15f64..1e15) {
        let value = json!({"texts": texts, "n": n, "f": f, "t": true, "nothing": null});
        prop_assert_eq!(gives(".", value.clone()), value);
    }
}
