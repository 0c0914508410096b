//! Only against the simulator: faults, restarts and the clock of a real server cannot be asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use omc::clock::{Clock as _, ManualClock, SystemClock};
use omc::sim::mts::{Options, Release, Tokens};
use serde_json::{Value, json};

use super::harness::{Server, callback, download, record, simulated, simulated_by, token};
use super::receiver::Receiver;

pub fn options() -> Options {
    Options { partner_id: super::harness::partner(), tokens: Tokens::OfMtsMock, seed: 7, ..Options::default() }
}

pub async fn faults(server: &Server, change: Value) -> u16 {
    server.post_text("/_sim/faults", Some("application/json"), change.to_string()).await.status
}

pub async fn state(server: &Server) -> Value {
    server.get("/_sim/state").await.json()
}

/// Waits until nothing is queued or worked on.
pub async fn idle(server: &Server) -> Value {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let state = state(server).await;
        if state["queued"] == 0 || Instant::now() > end {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn bulk(receiver: &Receiver, records: Value) -> Value {
    callback(records, json!({"url": receiver.url, "callInBulk": true}))
}

#[tokio::test]
async fn two_endings_of_vids_are_refused_by_ida() {
    let server = simulated(options()).await;
    let mut records = json!([record(11), record(12), record(13)]);
    records[0]["vid"] = json!("7000000000000000");
    records[1]["vid"] = json!("7000000000000001");
    let answer = server.post(&download(records)).await;
    let id = answer.identifier();
    let rows: Value = serde_json::from_str(&server.file(&id).await).unwrap();
    assert_eq!((&rows[0]["status"], &rows[0]["errorCode"]), (&json!("error"), &json!("IDA-MLC-002")));
    assert_eq!((&rows[1]["status"], &rows[1]["errorCode"]), (&json!("error"), &json!("IDA-DEA-001")));
    assert!(rows[1]["errorMessage"].as_str().unwrap().contains("Asha 12"), "it quotes the person");
    assert_eq!(rows[2]["token"], token("7000000000000013"));
    assert_eq!(server.status(&id).await, "processed_with_errors");
}

/// By MOSIP's policy the token is the same for the same person and partner, or another each time.
#[tokio::test]
async fn tokens_are_static_unless_the_policy_is_random() {
    for tokens in [Tokens::Static, Tokens::OfMtsMock, Tokens::Random] {
        let server = simulated(Options { tokens, ..options() }).await;
        let mut given = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let id = server.post(&download(json!([record(11), record(11)]))).await.identifier();
            let rows: Value = serde_json::from_str(&server.file(&id).await).unwrap();
            given.extend(rows.as_array().unwrap().iter().map(|row| row["token"].as_str().unwrap().to_owned()));
        }
        assert_eq!(given.len(), if tokens == Tokens::Random { 6 } else { 1 });
    }
}

#[tokio::test]
async fn state_counts_and_faults_are_checked() {
    let server = simulated(options()).await;
    let receiver = Receiver::new().await;
    server.post(&bulk(&receiver, json!([record(11), record(12)]))).await.identifier();
    receiver.got(1).await;
    let state = idle(&server).await;
    for (key, n) in
        [("requests", 1), ("records", 2), ("callbacks_sent", 1), ("queued", 0), ("resubmitted_while_working", 0)]
    {
        assert_eq!(state[key], n, "{key}");
    }
    for bad in [json!({"nope": 1}), json!({"error_rate": 1.5}), json!([])] {
        assert_eq!(faults(&server, bad.clone()).await, 400, "{bad}");
    }
    assert_eq!(faults(&server, json!({"error_rate": 0.5, "latency_ms": 1})).await, 200);
    assert_eq!(server.get("/_sim/faults").await.json()["error_rate"], 0.5);
}

#[tokio::test]
async fn records_that_come_again_too_early_are_counted() {
    let server = simulated(options()).await;
    faults(&server, json!({"delay_callbacks_ms": 1000})).await;
    let receiver = Receiver::new().await;
    server.post(&bulk(&receiver, json!([record(11), record(12)]))).await.identifier();
    let mut twin = record(11);
    twin["name"] = json!("Another Person");
    server.post(&bulk(&receiver, json!([twin]))).await.identifier();
    assert_eq!(state(&server).await["resubmitted_while_working"], 0, "twins are two people");
    server.post(&bulk(&receiver, json!([record(12), record(13)]))).await.identifier();
    assert_eq!(state(&server).await["resubmitted_while_working"], 1);
    receiver.got(3).await;
    server.post(&bulk(&receiver, json!([record(11), record(12)]))).await.identifier();
    assert_eq!(state(&server).await["resubmitted_while_working"], 1, "by then they were told");
}

#[tokio::test]
async fn a_post_holds_its_worker() {
    let server = simulated(Options { record_micros: 100_000, ..options() }).await;
    let post = server
        .request("POST", "/authtoken/json")
        .body(download(json!([record(11), record(12), record(13)])).to_string());
    let ping = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let begun = Instant::now();
        server.get("/ping").await;
        begun.elapsed()
    };
    let (answer, waited) = tokio::join!(server.try_answer(post), ping);
    assert_eq!(answer.unwrap().status, 200);
    assert!(waited >= Duration::from_millis(200), "{waited:?}");
}

#[tokio::test]
async fn posts_that_wait_for_each_other_are_answered_after_callbacks() {
    let server = simulated(Options { record_micros: 20_000, ..options() }).await;
    let receiver = Receiver::new().await;
    let before: Vec<_> = (0..3)
        .map(|i| {
            let body = bulk(&receiver, json!([record(11 + i)])).to_string();
            server.try_answer(server.request("POST", "/authtoken/json").body(body))
        })
        .collect();
    let answers = futures_util::future::join_all(before).await;
    assert!(answers.into_iter().all(|a| a.unwrap().status == 200));
    receiver.got(3).await;
}

#[tokio::test]
async fn everything_is_gone_after_twelve_hours() {
    let clock = ManualClock::at(SystemClock.now());
    let server = simulated_by(options(), Arc::new(clock.clone())).await;
    let id = server.post(&download(json!([record(11)]))).await.identifier();
    server.file(&id).await;
    clock.step(TimeDelta::hours(7));
    assert_eq!(server.status(&id).await, "processed");
    clock.step(TimeDelta::hours(6));
    let gone = "404 ATS-REQ-016 no auth request found for the given identifier";
    assert_eq!(server.get(&format!("/authtoken/status/{id}")).await.told(), gone);
    assert_eq!(server.get(&format!("/authtoken/file/{id}")).await.told(), gone);
}

#[tokio::test]
async fn several_workers_share_the_table_and_not_the_queue() {
    let server = simulated(Options { workers: 3, ..options() }).await;
    let mut ids = Vec::new();
    for n in 11..17 {
        ids.push(server.post(&download(json!([record(n)]))).await.identifier());
    }
    for id in ids {
        assert_eq!(server.settled(&id).await, "processed");
    }
}

#[tokio::test]
async fn the_older_release_never_forgets() {
    let server = simulated(Options { release: Release::V1_0_1, ..options() }).await;
    let id = server.post(&download(json!([record(11)]))).await.identifier();
    assert!(uuid_like(&id) && server.file(&id).await.contains("\"token\""));
}

fn uuid_like(id: &str) -> bool {
    id.len() == 36 && id.as_bytes()[14] == b'4'
}

/// The processor time of this process so far, client and receiver included.
fn processor_micros() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks * 10_000
}

#[tokio::test]
#[ignore = "a measurement: run it alone and optimised, with --nocapture"]
async fn processor_time_of_a_record() {
    const RECORDS: u64 = 500;
    const BATCHES: u64 = 40;
    let server = simulated(options()).await;
    let receiver = Receiver::new().await;
    let records: Vec<Value> = (0..RECORDS).map(|n| record(11 + n % 80)).collect();
    let mut body = bulk(&receiver, json!(records));
    body["request"]["outputFormat"] = json!(
        "{ref: .input.id, status: .output.status, token: .output.token, code: .output.errorCode, data: [first(try (.input.name\n) catch null)][0]}"
    );
    let body = body.to_string();
    let before = processor_micros();
    for _ in 0..BATCHES {
        let answer = server.post_text("/authtoken/json", Some("application/json"), body.clone()).await;
        assert_eq!(answer.status, 200);
    }
    receiver.got(BATCHES as usize).await;
    let spent = processor_micros() - before;
    println!("{:.1} microseconds of processor time a record", spent as f64 / (RECORDS * BATCHES) as f64);
}
