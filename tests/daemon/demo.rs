//! The whole job in one command.

use std::collections::BTreeSet;

use serde_json::Value;

use super::harness::{finished, number};

#[tokio::test]
async fn the_demo_ends_with_one_object_that_adds_up() {
    let demo = finished(&["demo", "--registrants", "300", "--json"]).await;
    assert_eq!(demo.code, Some(0), "{}", demo.stderr);
    let summary: Value = serde_json::from_str(demo.stdout.lines().last().unwrap()).unwrap();
    let keys: BTreeSet<&str> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    let contract = [
        "registrants",
        "eligible",
        "submitted",
        "tokens_written",
        "vids_cleared",
        "vids_swept",
        "rejected",
        "abandoned",
        "duplicates",
        "seconds",
        "records_per_second",
        "peak_rss_bytes",
        "ok",
    ];
    assert_eq!(keys, BTreeSet::from(contract));

    assert_eq!(number(&summary, "registrants"), 300);
    assert_eq!(summary["ok"], true);
    let written = number(&summary, "tokens_written");
    let rejected: u64 = summary["rejected"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(written + rejected + number(&summary, "abandoned"), number(&summary, "eligible"), "{summary}");
    assert_eq!(number(&summary, "vids_cleared"), written, "{summary}");
    assert!(written > 200 && rejected > 20 && number(&summary, "duplicates") >= 2, "{summary}");
    let pace = written as f64 / summary["seconds"].as_f64().unwrap();
    assert!((summary["records_per_second"].as_f64().unwrap() - pace).abs() < 1e-6 * pace, "{summary}");
    let memory = number(&summary, "peak_rss_bytes");
    assert!((5_000_000..500_000_000).contains(&memory), "{summary}");
}
