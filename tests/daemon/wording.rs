//! What is printed for people.

use serde_json::Value;

use super::harness::{Daemon, Setup, World, finished};

#[tokio::test]
async fn an_error_of_the_system_is_told_once() {
    let world = World::start(Setup { registrants: 1, ..Setup::default() }).await;
    let places = [
        ("store.path", "/dev/null/state/store"),
        ("store.key_file", "/dev/null/key"),
        ("admin.token_file", "/dev/null/token"),
        ("odoo.password_file", "/dev/null/password"),
    ];
    for (key, path) in places {
        let mut configuration = world.configuration.clone();
        if key == "odoo.password_file" {
            configuration.remove("odoo.password");
        }
        configuration.set(key, &format!("{path:?}")).write();
        let output = finished(&["--config", configuration.path().to_str().unwrap(), "serve"]).await;
        assert_ne!(output.code, Some(0), "{key}: {output:?}");
        let line = output.stderr.lines().last().unwrap_or_default();
        assert!(line.contains(path) && line.contains(key), "{key}: {line}");
        assert_eq!(line.matches("os error").count(), 1, "{key}: {line}");
    }
}

/// Of the form `2026-01-31T09:30:00Z`.
fn is_whole_second(text: &str) -> bool {
    text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T' && !text.contains('.')
}

#[tokio::test]
async fn times_are_told_in_whole_seconds() {
    let world = World::start(Setup { registrants: 10, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let run = world.configuration.command(&["run", "1", "--wait", "--json"]).await;
    let run: Value = serde_json::from_str(&run.stdout).unwrap();
    let status = daemon.connector(1).await;
    let times = [&run["started_at"], &run["ended_at"], &status["next_run"], &status["last_run"]["ended_at"]];
    assert!(times.iter().all(|time| time.as_str().is_some_and(is_whole_second)), "{times:?}");
    let shown = world.configuration.command(&["status"]).await.stdout;
    let next = shown.split_whitespace().find(|word| is_whole_second(word));
    assert_eq!(next, status["next_run"].as_str(), "{shown}");
    daemon.stop().await;
}
