//! Wrong usage and wrong configuration: the exit code says which, the message says where.

use super::harness::{Daemon, Setup, World, finished, finished_with};

#[tokio::test]
async fn wrong_usage_is_64() {
    let lines: [&[&str]; 5] =
        [&[], &["serve", "--nonsense"], &["nonsense"], &["requeue", "1"], &["preview", "1", "--limit", "0"]];
    for line in lines {
        let output = finished(line).await;
        assert_eq!(output.code, Some(64), "{line:?}: {output:?}");
        assert!(output.stderr.contains("--help") || output.stderr.contains("Usage"), "{line:?}: {output:?}");
    }
    assert_eq!(finished(&["--help"]).await.code, Some(0));
}

#[tokio::test]
async fn wrong_configuration_is_78_and_names_the_place() {
    let world = World::start(Setup { registrants: 1, ..Setup::default() }).await;
    let file = world.configuration.path().to_str().unwrap().to_owned();
    let mistakes: [(&str, &str, &[&str]); 8] = [
        ("odoo.pasword", "\"x\"", &["pasword", "config.toml"]),
        ("nonsense.key", "1", &["nonsense", "config.toml"]),
        ("submit.batch_size", "0", &["submit.batch_size"]),
        ("odoo.timeout", "\"soon\"", &["timeout", "config.toml"]),
        ("log.level", "\"omc=loud=very\"", &["log.level"]),
        ("odoo.password_file", "\"/nonexistent/secret\"", &["odoo.password_file", "/nonexistent/secret"]),
        ("retry.max", "\"1ms\"", &["retry", "max"]),
        ("odoo.url", "\"ftp://odoo.example\"", &["url"]),
    ];
    for (key, value, named) in mistakes {
        let mut configuration = world.configuration.clone();
        if key == "odoo.password_file" {
            configuration.remove("odoo.password");
        }
        configuration.set(key, value).write();
        for command in ["serve", "check"] {
            let output = finished(&["--config", &file, command]).await;
            let told = format!("{}{}", output.stdout, output.stderr);
            // `check` goes on as far as it can, and tells what it found.
            let code = if command == "check" && key == "odoo.url" { 1 } else { 78 };
            assert_eq!(output.code, Some(code), "{command} with {key}: {output:?}");
            assert!(named.iter().all(|part| told.contains(part)), "{command} with {key}: {told}");
        }
    }
    let missing = finished(&["--config", "/nonexistent/config.toml", "serve"]).await;
    assert_eq!(missing.code, Some(78), "{missing:?}");
    assert!(missing.stderr.contains("/nonexistent/config.toml"), "{missing:?}");

    world.configuration.write();
    let from_environment = finished_with(&["--config", &file, "serve"], &[("OMC_SUBMIT__BATCH_SIZE", "0")]).await;
    assert_eq!(from_environment.code, Some(78), "{from_environment:?}");
    assert!(from_environment.stderr.contains("submit.batch_size"), "{from_environment:?}");
}

#[tokio::test]
async fn a_store_has_one_daemon_and_commands_say_what_they_miss() {
    let world = World::start(Setup { registrants: 20, ..Setup::default() }).await;
    let nobody = world.configuration.command(&["status"]).await;
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("admin.token_file"), "{nobody:?}");

    let daemon = Daemon::start(&world.configuration).await;
    let second = world.configuration.command(&["serve"]).await;
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("in use by another OMC"), "{second:?}");
    for command in [["store", "check"], ["store", "reset"]] {
        let output = world.configuration.command(&command).await;
        assert_eq!(output.code, Some(1), "{command:?}: {output:?}");
        assert!(output.stderr.contains("in use by another OMC"), "{command:?}: {output:?}");
    }
    // The first one is none the worse, and still lets its commands in.
    let status = world.configuration.command(&["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    for unknown in [["run", "nobody"], ["failed", "nobody"]] {
        let output = world.configuration.command(&unknown).await;
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr.contains("omc connectors"), "{output:?}");
    }
    daemon.stop().await;
    let gone = world.configuration.command(&["status"]).await;
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.stderr.contains("admin.listen"), "{gone:?}");

    // Another key makes the store unreadable, and that is said before anything is touched.
    let key = world.configuration.get("store.key_file").to_owned();
    std::fs::remove_file(&key).unwrap();
    let other = world.configuration.command(&["serve"]).await;
    assert_eq!(other.code, Some(78), "{other:?}");
    assert!(other.stderr.contains(&key) && other.stderr.contains("omc store reset"), "{other:?}");
}
