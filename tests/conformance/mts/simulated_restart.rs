//! Only against the simulator: a real server is not brought down by a test.

use std::time::Duration;

use omc::sim::mts::Options;
use serde_json::json;

use super::harness::{callback, download, record, simulated};
use super::receiver::{Receiver, Reply, ok};
use super::simulated::{bulk, faults, idle, options, state};

#[tokio::test]
async fn a_restart_forgets_the_queue_and_freezes_the_states() {
    let server = simulated(options()).await;
    let before = server.get("/authtoken/authfields").await.json()["responsetime"].clone();
    let receiver = Receiver::start(|_, n| if n == 1 { Reply::Late(Duration::from_secs(30)) } else { ok() }).await;
    let two = callback(json!([record(11), record(12), record(13)]), json!({"url": receiver.url}));
    let running = server.post(&two).await.identifier();
    let queued = server.post(&two).await.identifier();
    receiver.got(2).await;
    assert_eq!(state(&server).await["queued"], 2);
    assert_eq!(faults(&server, json!({"restart": true})).await, 200);
    assert_eq!((server.status(&running).await, server.status(&queued).await), ("processed".into(), "submitted".into()));
    assert_eq!(idle(&server).await["queued"], 0);
    let again = server.post(&bulk(&receiver, json!([record(14)]))).await.identifier();
    receiver.got(3).await;
    assert_eq!(server.settled(&again).await, "processed");
    assert_eq!((server.status(&queued).await.as_str(), receiver.all().len()), ("submitted", 3), "nothing resumes");
    assert_ne!(server.get("/authtoken/authfields").await.json()["responsetime"], before);
}

#[tokio::test]
async fn a_restart_closes_posts_in_flight() {
    let server = simulated(Options { record_micros: 10_000_000, ..options() }).await;
    let body = download(json!([record(11)])).to_string();
    let post = server.request("POST", "/authtoken/json").header("Content-Type", "application/json").body(body);
    let restart = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        faults(&server, json!({"restart": true})).await
    };
    let (answer, restarted) = tokio::join!(server.try_answer(post), restart);
    assert_eq!((answer.is_err(), restarted), (true, 200));
    assert_eq!(state(&server).await["requests"], 0);
}

#[tokio::test]
async fn a_deadly_output_format_takes_the_worker_down() {
    let server = simulated(options()).await;
    let receiver = Receiver::start(|_, n| if n == 0 { Reply::Late(Duration::from_millis(300)) } else { ok() }).await;
    server.post(&bulk(&receiver, json!([record(11)]))).await.identifier();
    receiver.got(1).await;
    let mut deadly = bulk(&receiver, json!([record(12)]));
    deadly["request"]["outputFormat"] = json!("[.output, input]");
    let deadly = server.post(&deadly).await.identifier();
    let behind = server.post(&bulk(&receiver, json!([record(13)]))).await.identifier();
    assert_eq!(idle(&server).await["restarts"], 1);
    assert_eq!((server.status(&deadly).await, server.status(&behind).await), ("processed".into(), "submitted".into()));
    let mut mapped = download(json!([record(14)]));
    mapped["request"]["mapping"] = json!({"vid": "vid|debug"});
    let post = server.request("POST", "/authtoken/json").body(mapped.to_string());
    assert!(server.try_answer(post).await.is_err(), "a mapping can do it too");
    server.post(&bulk(&receiver, json!([record(15)]))).await.identifier();
    receiver.got(2).await;
}
