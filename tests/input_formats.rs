//! Input formats that pass the static check and never end, or take all the memory there is: they run in children of the real
//! program, which end alone.

#![forbid(unsafe_code)]

use std::fs;
use std::time::Duration;

use omc::domain::expression::Expression;
use omc::domain::identity::ConnectorId;
use omc::jq::{Error, Jail, Limits, Passage, Stop};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const OMC: &str = env!("CARGO_BIN_EXE_omc");
/// Longer than anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

fn jail() -> Jail {
    Jail::with(OMC, Limits { outcome: DEADLINE, ..Limits::default() })
}

fn expression(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn run(jail: &Jail, text: &str, records: &[Value]) -> Passage {
    jail.run(ConnectorId(1), &expression(text), records).await
}

/// `step` so many times over, each fed with the one before.
fn again_and_again(step: &str, times: usize) -> String {
    vec![step; times].join("|")
}

/// Gives 2^60 results, one after the other.
fn endless() -> String {
    again_and_again("(.,.)", 60)
}

/// The processes that are children of this one, and run expressions.
fn children() -> Vec<u32> {
    let own = std::process::id().to_string();
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let is_child = |id: &u32| {
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { return false };
        // After the name in brackets: state, parent.
        let mut after = stat.rsplit_once(')').map_or("", |(_, after)| after).split_ascii_whitespace();
        let (state, parent) = (after.next(), after.next());
        state != Some("Z") && parent == Some(own.as_str()) && arguments(*id) == "omc\0jq-worker\0"
    };
    numbers.filter(is_child).collect()
}

fn arguments(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default()
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Children are told apart by their parent, so the tests take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn what_never_ends_or_takes_all_memory_is_ended_and_the_next_runs() {
    let _turn = TURN.lock().await;
    let jail = jail();
    let record = [json!({"name": "Abebe Bikila", "n": 7})];
    let endless = endless();
    for (text, wanted) in [
        (format!("last({endless})"), Some(Error::OutOfTime)),
        (format!("any({endless}; . == 0)"), Some(Error::OutOfTime)),
        (format!("[({endless}) | empty]"), Some(Error::OutOfTime)),
        (format!("first(({endless}) | select(. == 0))"), Some(Error::OutOfTime)),
        (format!(".name | {}", again_and_again(". + .", 60)), Some(Error::OutOfMemory)),
        // The rest takes time or memory, whichever ends first.
        (format!(".name | {} | length", again_and_again("\"\\(.)\\(.)\"", 60)), None),
        (format!(".name | {}", again_and_again("@json", 60)), None),
        (format!(".name | {}", again_and_again("@base64", 120)), None),
        (format!("[{endless}] | length"), None),
        (format!("{} | tojson | length", again_and_again("[.,.]", 60)), None),
        (format!("{} | flatten | length", again_and_again("[.,.]", 60)), None),
        (format!(".name | {} | explode | map(. * 2) | length", again_and_again(". + .", 22)), None),
        (format!(".name | {} | [splits(\"\")] | length", again_and_again(". + .", 22)), None),
        (format!(".name | {} | gsub(\"(?<a>.)\"; .a * 900) | length", again_and_again(". + .", 16)), None),
        (format!("{} | sort | unique | group_by(.) | length", again_and_again("[.[]?, .]", 60)), None),
    ] {
        let Ok(parsed) = Expression::parse(&text) else { panic!("{text} is caught by the static check") };
        let Passage { outcomes, stopped } = jail.run(ConnectorId(1), &parsed, &record).await;
        let [Err(error)] = outcomes.as_slice() else { panic!("{text}: {outcomes:?}") };
        assert!(wanted.is_none_or(|wanted| *error == wanted) && error.ended_a_process(), "{text}: {error:?}");
        assert!(matches!(stopped, Some(Stop::RunsAway(_))), "{text}");
        let good = run(&jail, ".n", &record).await;
        assert_eq!((good.outcomes, good.stopped), (vec![Ok(Some(json!(7)))], None));
    }
}

#[tokio::test]
async fn one_record_that_runs_away_is_refused_alone() {
    let _turn = TURN.lock().await;
    let text = format!("if .bad then last({}) else {{n}} end", endless());
    let records: Vec<Value> = (0..400).map(|n| json!({"n": n, "bad": n == 150})).collect();
    let Passage { outcomes, stopped } = run(&jail(), &text, &records).await;
    assert_eq!(stopped, None);
    for (n, outcome) in outcomes.iter().enumerate() {
        let wanted = if n == 150 { Err(Error::OutOfTime) } else { Ok(Some(json!({"n": n}))) };
        assert_eq!(*outcome, wanted, "{n}");
    }
    assert_eq!(outcomes.len(), 400);
}

#[tokio::test]
async fn record_after_record_that_runs_away_stops_the_rest() {
    let _turn = TURN.lock().await;
    let text = format!("if .bad then last({}) else {{n}} end", endless());
    let bad_from = |from: usize| -> Vec<Value> { (0..50).map(|n| json!({"n": n, "bad": n >= from})).collect() };
    let jail = jail();
    let all = run(&jail, &text, &bad_from(0)).await;
    assert_eq!(all.outcomes, [Err(Error::OutOfTime)], "one is enough where nothing else came of it");
    assert!(all.stopped.unwrap().to_string().contains("computing time"));
    let some = run(&jail, &text, &bad_from(10)).await;
    assert_eq!(some.outcomes.len(), 13);
    assert_eq!(
        some.outcomes[9..],
        [Ok(Some(json!({"n": 9}))), Err(Error::OutOfTime), Err(Error::OutOfTime), Err(Error::OutOfTime)]
    );
    assert!(some.stopped.is_some());
}

#[tokio::test]
async fn outcomes_are_those_of_jq_itself() {
    let _turn = TURN.lock().await;
    let jail = jail();
    let records =
        [json!({"a": {"b": null}}), json!({"a": {"b": "é\u{1f600}\n\"\\"}}), json!({}), json!({"a": 1}), json!(null)];
    let texts = ["if .a then .a.b else empty end", "{(.a.b): 1}", ".a.b // \"none\"", "[.,.,.]", "1, 2", ".", "@csv"];
    for text in texts {
        let expression = expression(text);
        let compiled = omc::jq::Jq::compile(&expression);
        let wanted: Vec<_> = match &compiled {
            Ok(compiled) => records.iter().map(|record| compiled.first(record)).collect(),
            Err(error) => vec![Err(*error); records.len()],
        };
        assert_eq!(jail.run(ConnectorId(2), &expression, &records).await.outcomes, wanted, "{text}");
    }
    assert!(run(&jail, ".", &[]).await.outcomes.is_empty());
}

#[tokio::test]
async fn a_large_batch_goes_through_one_child_in_order() {
    let _turn = TURN.lock().await;
    let jail = jail();
    let records: Vec<Value> = (0..5000).map(|n| json!({"n": n, "text": "x".repeat(300)})).collect();
    for _ in 0..2 {
        let Passage { outcomes, stopped } = run(&jail, "{n: (.n + 1), length: (.text | length)}", &records).await;
        assert_eq!(stopped, None);
        let in_order = |(n, outcome): (usize, &Result<_, _>)| *outcome == Ok(Some(json!({"n": n + 1, "length": 300})));
        assert!(outcomes.len() == 5000 && outcomes.iter().enumerate().all(in_order));
        assert_eq!(children().len(), 1, "it waits for more");
    }
}

#[tokio::test]
async fn a_child_shows_nothing_and_holds_little() {
    let _turn = TURN.lock().await;
    let jail = jail();
    let secret = json!({"vid": "2045678901234567"});
    run(&jail, ". | {secretive: .vid}", &[secret]).await;
    let [child] = children()[..] else { panic!("not one child") };
    assert_eq!(arguments(child), "omc\0jq-worker\0");
    // The rest may be closed to everybody but root, which is as good.
    for (file, wanted) in [("environ", ""), ("comm", "omc-jq\n")] {
        if let Ok(text) = fs::read_to_string(format!("/proc/{child}/{file}")) {
            assert_eq!(text, wanted, "{file}");
        }
    }
    if let Ok(folder) = fs::read_link(format!("/proc/{child}/cwd")) {
        assert_eq!(folder.to_str(), Some("/"));
    }
    if let Ok(stderr) = fs::read_link(format!("/proc/{child}/fd/2")) {
        assert_eq!(stderr.to_str(), Some("/dev/null"));
    }
    let limits = fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let hard = line.split_ascii_whitespace().nth(1).unwrap();
        hard.parse::<u64>().unwrap_or(u64::MAX)
    };
    assert_eq!((limit("Max core file size"), limit("Max file size"), limit("Max processes")), (0, 0, 0));
    assert!(limit("Max open files") <= 8);
    assert!((256 << 20..2 << 30).contains(&limit("Max data size")));
    assert!((256 << 20..2 << 30).contains(&limit("Max address space")));
    let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
}

#[tokio::test]
async fn children_end_when_idle_and_with_whoever_started_them() {
    let _turn = TURN.lock().await;
    let jail = Jail::with(OMC, Limits { outcome: DEADLINE, idle: Duration::ZERO, ..Limits::default() });
    run(&jail, ".", &[json!(1)]).await;
    assert_eq!(children().len(), 1);
    jail.end_idle();
    eventually("the idle child is gone", || children().is_empty()).await;
    run(&jail, ".", &[json!(1)]).await;
    drop(jail);
    eventually("the child is gone with the jail", || children().is_empty()).await;
}

#[tokio::test]
async fn a_child_that_was_killed_while_idle_is_nobodys_fault() {
    let _turn = TURN.lock().await;
    let jail = jail();
    for _ in 0..3 {
        let Passage { outcomes, stopped } = run(&jail, ".", &[json!(1), json!(2)]).await;
        assert_eq!((outcomes, stopped), (vec![Ok(Some(json!(1))), Ok(Some(json!(2)))], None));
        let [child] = children()[..] else { panic!("not one child") };
        let child = rustix::process::Pid::from_raw(i32::try_from(child).unwrap()).unwrap();
        rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
    }
}

/// One that has stopped answering is ended by the clock, even where no limit of the system's does it.
#[tokio::test]
async fn a_child_that_says_nothing_is_ended_by_the_clock() {
    let _turn = TURN.lock().await;
    let jail = Jail::with(OMC, Limits { outcome: Duration::from_secs(5), ..Limits::default() });
    run(&jail, ".", &[json!(1)]).await;
    let [child] = children()[..] else { panic!("not one child") };
    let child = rustix::process::Pid::from_raw(i32::try_from(child).unwrap()).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::STOP).unwrap();
    // It is alive, and takes what is said to it.
    let passage = tokio::time::timeout(DEADLINE, run(&jail, ".", &[json!(2)])).await.expect("waited for ever");
    assert_eq!((passage.outcomes, passage.stopped), (vec![Ok(Some(json!(2)))], None), "another one has answered");
    drop(jail);
    eventually("the child is gone", || children().is_empty()).await;
}

#[tokio::test]
async fn there_are_never_many_children() {
    let _turn = TURN.lock().await;
    let jail = jail();
    let records: Vec<Value> = (0..50).map(Value::from).collect();
    let expression = expression(". + 1");
    let runs = (1..=20).map(|connector| jail.run(ConnectorId(connector), &expression, &records));
    let most = std::cell::Cell::new(0);
    let looking = async {
        loop {
            most.set(most.get().max(children().len()));
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        passages = futures_util::future::join_all(runs) => {
            assert!(passages.iter().all(|passage| passage.outcomes.len() == 50 && passage.stopped.is_none()));
        }
        () = looking => {}
    }
    // One that was told to end may still be on its way out.
    assert!((1..=8).contains(&most.get().max(children().len())), "{}", most.get());
}

#[tokio::test]
async fn a_program_that_is_no_omc_is_told_of() {
    for program in ["/nonexistent/omc", "/bin/true", "/bin/cat"] {
        let jail = Jail::with(program, Limits { outcome: Duration::from_secs(5), ..Limits::default() });
        let passage = jail.run(ConnectorId(1), &expression("."), &[json!(1)]).await;
        assert_eq!((passage.outcomes.len(), passage.stopped), (0, Some(Stop::Broken)), "{program}");
    }
}

/// A record that takes long, and not too long, is nobody's fault; that there are many of them is not to keep others waiting.
#[tokio::test]
async fn a_passage_ends_before_others_wait_too_long() {
    let _turn = TURN.lock().await;
    let jail = Jail::with(OMC, Limits { outcome: DEADLINE, passage: Duration::ZERO, ..Limits::default() });
    let records = vec![json!(1); 500];
    let passage = run(&jail, ".", &records).await;
    assert!((1..500).contains(&passage.outcomes.len()), "{}", passage.outcomes.len());
    assert_eq!(passage.stopped, None);
}

/// Everything that comes back is held at once, in this process.
#[tokio::test]
async fn a_passage_ends_when_it_has_given_enough() {
    let _turn = TURN.lock().await;
    let records = vec![json!("0123456789abcdef"); 5000];
    let passage = run(&jail(), &again_and_again(".+.", 11), &records).await;
    let size: usize = passage.outcomes.iter().flatten().flatten().map(|value| value.as_str().unwrap().len()).sum();
    assert!((32 << 20..36 << 20).contains(&size), "{size}");
    assert_eq!(passage.stopped, None);
}

/// `cargo test --release --test input_formats -- --ignored --nocapture` tells what the children cost.
#[tokio::test]
#[ignore = "measures, and judges nothing"]
async fn measure() {
    let _turn = TURN.lock().await;
    let record = json!({"given_name": "Abebe", "family_name": "Bikila", "birthdate": "1990/01/31", "gender": "Male",
        "address": "12 Churchill Avenue, Addis Ababa", "phone": "+251 911 000 000", "email": "abebe@example.org"});
    let records = vec![record; 5000];
    let expression = expression(
        "{name: \"\\(.given_name) \\(.family_name)\", gender: (.gender | ascii_downcase), dob: .birthdate, fullAddress: .address, phone: (.phone | split(\" \") | join(\"\"))}",
    );
    let compiled = omc::jq::Jq::compile(&expression).unwrap();
    let jail = jail();
    for _ in 0..5 {
        let began = std::time::Instant::now();
        records.iter().for_each(|record| assert!(compiled.first(record).is_ok()));
        let within = began.elapsed();
        let began = std::time::Instant::now();
        assert_eq!(jail.run(ConnectorId(1), &expression, &records).await.outcomes.len(), 5000);
        let child = began.elapsed();
        let began = std::time::Instant::now();
        assert_eq!(jail.run(ConnectorId(9), &expression, &records[..1]).await.outcomes.len(), 1);
        let started = began.elapsed();
        jail.run(ConnectorId(9), &self::expression("."), &[]).await;
        let each = |took: Duration| took.as_secs_f64() * 1e6 / 5000.0;
        println!(
            "in process {:.1} us a record, in a child {:.1} us, first record of a new child {:.1} ms",
            each(within),
            each(child),
            started.as_secs_f64() * 1e3
        );
        for id in children() {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let of_interest =
                status.lines().filter(|line| ["VmPeak", "VmHWM", "VmData"].iter().any(|name| line.starts_with(name)));
            println!("  child {id}: {:?}", of_interest.collect::<Vec<_>>());
        }
    }
}
