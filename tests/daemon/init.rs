//! `omc init`: what it asks, what it writes, and that the daemon works with it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use super::harness::{DEADLINE, Output, Process, Setup, World, finished, free_port};

/// Answers typed line by line.
async fn asked(folder: &Path, arguments: &[&str], typed: &str) -> Output {
    let output = folder.join("config.toml");
    let mut line = vec!["init", "--output", output.to_str().unwrap()];
    line.extend(arguments);
    let mut process = Process::start(&line);
    process.types(typed).await;
    let status = process.ended(DEADLINE).await;
    Output { code: status.code(), stdout: process.stdout.all().join("\n"), stderr: process.stderr.all().join("\n") }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_few_answers_make_a_daemon_that_works() {
    let world = World::start(Setup { registrants: 20, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let callback = format!("http://127.0.0.1:{}", free_port());
    let typed = format!("ftp://odoo\n{}\n\nomc\nadmin\nadmin\n\n{callback}\n\n", world.odoo.url);
    let output = asked(folder.path(), &[], &typed).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stderr.contains("must begin with http:// or https://"), "a wrong answer is asked again: {output:?}");
    assert!(output.stderr.contains("must not be empty"), "{output:?}");
    assert!(output.stderr.contains("has the addon g2p_omc"), "{output:?}");

    let file = folder.path().join("config.toml");
    assert_eq!(mode(&folder.path().join("odoo-password")), 0o600);
    assert_eq!(mode(&file), 0o644);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("connector_model = \"omc.connector\"") && !text.contains("password ="), "{text}");
    let rights = std::fs::read_to_string(folder.path().join("config.rights.md")).unwrap();
    assert!(rights.contains("OMC Service Account / Daemon") && rights.contains("`admin`"), "{rights}");

    let path = file.to_str().unwrap();
    let check = finished(&["--config", path, "check"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    let admin = format!("127.0.0.1:{}", free_port());
    let environment = [("OMC_ADMIN__LISTEN", admin.as_str()), ("OMC_ODOO__POLL_INTERVAL", "200ms")];
    let mut daemon = Process::start_with(&["--config", path, "serve"], &environment);
    world.all_tokens_are_there().await;
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.ended(DEADLINE).await.code(), Some(0), "{:?}", daemon.tail());
}

/// Whatever goes wrong on the way, no password lies about that nobody meant to keep.
#[tokio::test]
async fn what_fails_half_way_leaves_nothing() {
    let world = World::start(Setup { registrants: 5, ..Setup::default() }).await;
    let url = world.odoo.url.as_str();
    let given = ["--odoo-url", url, "--database", "omc", "--username", "admin"];
    let nothing_in = |folder: &Path| std::fs::read_dir(folder).unwrap().count() == 0;

    // The answers end right after the password.
    let folder = tempfile::tempdir().unwrap();
    let output = asked(folder.path(), &given, "admin\n").await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(nothing_in(folder.path()), "{output:?}");

    // A password that Odoo does not take is asked for again, and not for ever; `omc check` is not the first to find out.
    let output = asked(folder.path(), &given, "wrong\nwrong again\nnor this\n").await;
    assert!(output.code == Some(1) && output.stderr.contains("Odoo refuses the login"), "{output:?}");
    assert!(nothing_in(folder.path()), "{output:?}");
    let output = asked(folder.path(), &given, "wrong\nadmin\n\n\n\n").await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let password = folder.path().join("odoo-password");
    assert_eq!(std::fs::read_to_string(&password).unwrap(), "admin");

    // One that has changed can be given with --force; without an answer it stays.
    let forced = [&given[..], &["--force"]].concat();
    std::fs::write(&password, "of last year").unwrap();
    let output = asked(folder.path(), &forced, "\n\n\n\n").await;
    assert!(output.code == Some(0) && output.stderr.contains("it refuses the login"), "{output:?}");
    assert_eq!(std::fs::read_to_string(&password).unwrap(), "of last year");
    let output = asked(folder.path(), &forced, "admin\n\n\n\n").await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!((std::fs::read_to_string(&password).unwrap().as_str(), mode(&password)), ("admin", 0o600));

    // Where a file cannot be written, none is: and that is said before anything is asked.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("config.rights.md")).unwrap();
    let output = asked(folder.path(), &forced, "admin\n\n\n\n").await;
    assert!(output.code == Some(1) && output.stderr.contains("is a folder"), "{output:?}");
    assert!(!output.stderr.contains("password"), "{output:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere/password");
    let output =
        asked(folder.path(), &[&given[..], &["--password-file", nowhere.to_str().unwrap()]].concat(), "admin\n\n\n\n")
            .await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(nothing_in(folder.path()), "{output:?}");

    // The configuration does not go over the password.
    let own = folder.path().join("config.toml");
    let output =
        asked(folder.path(), &[&given[..], &["--password-file", own.to_str().unwrap()]].concat(), "admin\n\n\n\n")
            .await;
    assert!(output.code == Some(1) && output.stderr.contains("a file of its own"), "{output:?}");
    // A link that leads nowhere is somebody's, too.
    std::os::unix::fs::symlink(folder.path().join("not yet"), &own).unwrap();
    let output = asked(folder.path(), &given, "admin\n\n\n\n").await;
    assert!(output.code == Some(1) && output.stderr.contains("--force"), "{output:?}");
    assert!(own.is_symlink());
}

/// What is offered as the default is taken as it is.
#[tokio::test]
async fn a_connector_whose_name_has_a_comma_stays_one() {
    let world = World::start(Setup { addon: false, registrants: 5, ..Setup::default() }).await;
    world.odoo.write("mts.connector", 1, json!({"name": "North, \"old\""})).await;
    let folder = tempfile::tempdir().unwrap();
    let typed = format!("{}\r\nomc\r\nadmin\r\nadmin\r\n\r\n\r\n\r\n\r\n", world.odoo.url);
    let output = asked(folder.path(), &[], &typed).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let text = std::fs::read_to_string(folder.path().join("config.toml")).unwrap();
    assert!(text.contains(r#"connectors = ["North, \"old\""]"#), "{text}");
    assert_eq!(std::fs::read_to_string(folder.path().join("odoo-password")).unwrap(), "admin");
}

#[tokio::test]
async fn without_the_addon_it_offers_the_connectors_that_are_there() {
    let world = World::start(Setup { addon: false, registrants: 5, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let typed = format!("{}\nomc\nadmin\nadmin\n\n\n\n\n", world.odoo.url);
    let output = asked(folder.path(), &[], &typed).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let text = std::fs::read_to_string(folder.path().join("config.toml")).unwrap();
    for part in ["connector_model = \"mts.connector\"", "connectors = [\"", "delivery_type = \"download\""] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("[callback]"), "{text}");
    let rights = std::fs::read_to_string(folder.path().join("config.rights.md")).unwrap();
    assert!(rights.contains("| `g2p.reg.id` | read, create, unlink |"), "{rights}");
    let check = finished(&["--config", folder.path().join("config.toml").to_str().unwrap(), "check"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[tokio::test]
async fn nothing_is_overwritten_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("config.toml");
    std::fs::write(&there, "mine").unwrap();
    let output = asked(folder.path(), &[], "").await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("--force"), "{output:?}");
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");

    // The answers end: nothing is written, and the message names the option.
    std::fs::remove_file(&there).unwrap();
    let output = asked(folder.path(), &[], "http://odoo.example.org\n").await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("--database"), "{output:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    // Nobody to ask.
    let given = ["--no-input", "--odoo-url", "http://127.0.0.1:9", "--database", "re\"gistry\\"];
    let output = asked(folder.path(), &given, "").await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let text = std::fs::read_to_string(&there).unwrap();
    assert!(text.contains(r#"database = "re\"gistry\\""#) && text.contains("username = \"omc\""), "{text}");
    assert!(output.stdout.contains("odoo-password, mode 0600"), "{output:?}");
    let output = finished(&["init", "--no-input", "--output", folder.path().join("b.toml").to_str().unwrap()]).await;
    assert!(output.stderr.contains("--odoo-url has no default"), "{output:?}");
    let nowhere = folder.path().join("nowhere/config.toml");
    let output = finished(&["init", "--output", nowhere.to_str().unwrap()]).await;
    assert!(output.code == Some(1) && output.stderr.contains("there is no folder"), "{output:?}");
    for wrong in [["--callback", "ftp://x"], ["--odoo-url", "http://user:geheim@x"], ["--connector-model", "x"]] {
        let output = asked(folder.path(), &wrong, "").await;
        assert_eq!(output.code, Some(64), "{output:?}");
    }
}
