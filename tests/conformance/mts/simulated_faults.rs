//! Only against the simulator: faults cannot be asked for of a real server.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{callback, download, record, simulated};
use super::receiver::Receiver;
use super::simulated::{bulk, faults, idle, options};

#[tokio::test]
async fn callbacks_may_be_dropped_repeated_delayed_and_early() {
    let server = simulated(options()).await;
    let receiver = Receiver::new().await;
    faults(&server, json!({"drop_callbacks": 1})).await;
    let id = server.post(&bulk(&receiver, json!([record(11)]))).await.identifier();
    idle(&server).await;
    assert_eq!((server.status(&id).await.as_str(), receiver.all().len()), ("processed", 0));

    faults(&server, json!({"drop_callbacks": 0, "repeat_callbacks": 1.0})).await;
    server.post(&bulk(&receiver, json!([record(12)]))).await.identifier();
    let got = receiver.got(2).await;
    assert_eq!(got[0].body, got[1].body);

    faults(&server, json!({"repeat_callbacks": 0, "early_callbacks": true, "delay_callbacks_ms": 100})).await;
    let begun = Instant::now();
    server.post(&bulk(&receiver, json!([record(13)]))).await.identifier();
    assert!(receiver.all().len() == 3 && begun.elapsed() >= Duration::from_millis(100), "it came before the answer");
}

#[tokio::test]
async fn callbacks_may_overtake_each_other() {
    let server = simulated(options()).await;
    let receiver = Receiver::new().await;
    faults(&server, json!({"reorder_callbacks": 0.5})).await;
    let records: Vec<Value> = (11..41).map(record).collect();
    server.post(&callback(json!(records), json!({"url": receiver.url}))).await.identifier();
    let vids: Vec<String> = receiver.got(30).await.iter().map(|r| r.json()["vid"].to_string()).collect();
    assert!(!vids.is_sorted(), "{vids:?}");
    assert_eq!(idle(&server).await["callbacks_sent"], 30);
}

#[tokio::test]
async fn answers_fail_in_many_ways() {
    let server = simulated(options()).await;
    let receiver = Receiver::new().await;
    faults(&server, json!({"error_rate": 1})).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let post = server.request("POST", "/authtoken/json").body(bulk(&receiver, json!([record(11)])).to_string());
        seen.insert(match server.try_answer(post).await {
            Err(_) => "closed",
            Ok(answer) if answer.status == 502 => "gateway",
            Ok(answer) => {
                assert_eq!(answer.status, 500, "{}", answer.text);
                assert!(
                    answer.json()["errors"][0]["errorMessage"].as_str().unwrap().contains("Asha 11"),
                    "it quotes the record"
                );
                "locked"
            }
        });
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["closed", "gateway", "locked"]);
    let taken = idle(&server).await["requests"].as_u64().unwrap();
    assert!((5..55).contains(&taken), "some failed only after they were taken: {taken}");

    faults(&server, json!({"error_rate": 0, "truncate_rate": 1})).await;
    assert!(server.try_answer(server.request("GET", "/authtoken/authfields")).await.is_err());
    faults(&server, json!({"truncate_rate": 0, "garbage_rate": 1})).await;
    assert!(serde_json::from_str::<Value>(&server.get("/ping").await.text).is_err());
    faults(&server, json!({"garbage_rate": 0, "hang_rate": 1})).await;
    let hung = server.try_answer(server.request("GET", "/ping").timeout(Duration::from_millis(100))).await;
    assert!(hung.unwrap_err().is_timeout());
    faults(&server, json!({"hang_rate": 0, "refuse": true})).await;
    assert!(server.try_answer(server.request("GET", "/ping")).await.is_err());
    faults(&server, json!({"refuse": false, "latency_ms": 50})).await;
    let begun = Instant::now();
    server.get("/ping").await;
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_known_request_is_never_denied_twice_in_a_row() {
    let server = simulated(options()).await;
    let id = server.post(&download(json!([record(11)]))).await.identifier();
    server.settled(&id).await;
    faults(&server, json!({"error_rate": 0.7})).await;
    let mut denied = Vec::new();
    for _ in 0..200 {
        if let Ok(answer) = server.try_answer(server.request("GET", &format!("/authtoken/status/{id}"))).await {
            denied.push(answer.status == 404);
        }
    }
    assert!(denied.contains(&true) && !denied.windows(2).any(|two| two[0] && two[1]));
}

#[tokio::test]
async fn files_may_be_empty_cut_gone_or_in_another_order() {
    let server = simulated(options()).await;
    let id = server.post(&download(json!([record(11), record(12), record(13)]))).await.identifier();
    let whole = server.file(&id).await;
    let path = format!("/authtoken/file/{id}");
    let fetched = async |files: &str| {
        faults(&server, json!({"files": files})).await;
        server.get(&path).await
    };
    assert_eq!(fetched("empty").await.text, "");
    let cut = fetched("cut").await.text;
    assert!(!cut.is_empty() && cut.len() < whole.len() && whole.starts_with(&cut), "{cut}");
    assert_eq!(fetched("gone").await.told(), format!("500 ATS-REQ-100 File at path stored_files/{id} does not exist."));
    let mut rows: Vec<Value> = serde_json::from_str(&fetched("shuffled").await.text).unwrap();
    rows.reverse();
    assert_eq!(rows, serde_json::from_str::<Vec<Value>>(&whole).unwrap());
    assert_eq!(fetched("whole").await.text, whole);
}
