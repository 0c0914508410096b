//! The readers of what comes from outside, bounded: the same entry points as the targets of `fuzz/`, fed with the committed
//! corpus, with mutations of it, and with documents that are built to be nearly right. docs/operations.md, "Fuzzing", says how
//! to look for longer.

#![forbid(unsafe_code)]

mod mutation;
mod structure;

#[path = "../../fuzz/entries/mod.rs"]
mod entries;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use mutation::{corpus, mutated};

/// Cases for each way of making them: all together stay well under twenty seconds.
const CASES: u32 = 1000;

#[track_caller]
fn try_all<T: std::fmt::Debug>(cases: u32, inputs: impl Strategy<Value = T>, run: impl Fn(T)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&inputs, |input| {
        run(input);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

macro_rules! targets {
    ($($target:ident: $built:expr;)+) => {
        $(mod $target {
            use super::*;

            #[test]
            fn the_corpus() {
                for (name, bytes) in corpus(stringify!($target)) {
                    println!("{name}");
                    entries::$target::run(&bytes);
                }
            }

            #[test]
            fn mutations_of_the_corpus() {
                try_all(CASES, mutated(stringify!($target)), |bytes| entries::$target::run(&bytes));
            }

            #[test]
            fn what_is_built_to_be_nearly_right() {
                try_all(CASES, $built, |bytes: Vec<u8>| entries::$target::run(&bytes));
            }
        })+

        #[test]
        fn every_target_is_run_here() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/fuzz_targets");
            let mut there: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            there.sort();
            let mut here = vec![$(stringify!($target)),+];
            here.sort();
            assert_eq!(there, here);
        }
    };
}

targets! {
    xml_answer: structure::xml_answer();
    callback_body: structure::callback_body();
    definition: structure::definition();
    filter: structure::filter();
    expression: structure::expression();
    stored_value: structure::stored_value();
}

/// Compiling takes so long that the targets do it for few.
#[test]
fn what_passes_the_check_compiles() {
    try_all(200, structure::expression(), |text| {
        if let Ok(expression) = omc::domain::expression::Expression::parse(std::str::from_utf8(&text).unwrap()) {
            entries::expression::compiles(&expression);
        }
    });
}

/// The properties can fail.
#[test]
fn what_is_shown_of_an_input_is_seen() {
    let input = "vid 2045678901234567";
    for (text, shown) in [
        ("cannot read 2045678901234567", true),
        ("cannot read \"2045678901234567\"", true),
        ("cannot read 204567890123456", true),
        ("at character 2045", false),
        ("`x2045678901234567` is not known", false),
        ("9999999999999999", false),
    ] {
        let seen = std::panic::catch_unwind(|| entries::shows_no_number(text, input)).is_err();
        assert_eq!(seen, shown, "{text}");
    }
}
