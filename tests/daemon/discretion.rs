//! What the daemon leaves on the machine: files for its own account alone, and no memory when it breaks down.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::harness::{Daemon, Setup, World};

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Everything under a folder, and the folder.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(everything(&path)) } else { found.push(path) }
    }
    found
}

/// Whatever the account's umask is.
#[tokio::test]
async fn what_the_daemon_makes_is_for_its_own_account_alone() {
    let mut world = World::start(Setup { registrants: 40, ..Setup::default() }).await;
    let state = world.configuration.path().parent().unwrap().join("state");
    for (key, name) in [("store.path", "store"), ("store.key_file", "key"), ("admin.token_file", "admin-token")] {
        world.configuration.set(key, &format!("{:?}", state.join(name)));
    }
    let mut daemon = Daemon::launch_after(&world.configuration, "umask 0");
    daemon.is_up().await;
    world.all_tokens_are_there().await;
    daemon.stop().await;
    let rekeyed = world.configuration.command(&["store", "rekey"]).await;
    assert_eq!(rekeyed.code, Some(0), "{rekeyed:?}");
    let found = everything(&state);
    assert!(found.len() >= 6, "{found:?}");
    for path in &found {
        let right = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(path), right, "{:o} of {}", mode(path), path.display());
    }
    let names: BTreeSet<_> = std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["admin-token", "key", "store"].map(Into::into).into(), "no draft stays behind");
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused_and_other_secrets_are_warned_about() {
    let world = World::start(Setup { registrants: 5, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    daemon.stop().await;
    let key_file = PathBuf::from(world.configuration.get("store.key_file"));
    set_mode(&key_file, 0o644);
    let mut daemon = Daemon::launch(&world.configuration);
    let status = daemon.process.ended(Duration::from_secs(60)).await;
    assert_eq!(status.code(), Some(78));
    let said = daemon.process.stderr.all().join("\n");
    assert!(said.contains("can be read or written by others") && said.contains("chmod 600"), "{said}");

    set_mode(&key_file, 0o640);
    let config = world.configuration.path();
    for (mode, warned) in [(0o644, true), (0o640, false)] {
        // Written anew, an existing file keeps its mode.
        set_mode(&config, mode);
        let daemon = Daemon::start(&world.configuration).await;
        assert_eq!(daemon.said("the key file's group can read it"), 1);
        let about_the_password = daemon.said("every account of this machine can read a file with a secret in it");
        assert_eq!(about_the_password > 0, warned, "{mode:o}");
        daemon.stop().await;
        let check = world.configuration.command(&["check"]).await;
        assert_eq!(check.stdout.contains("can be read by every account"), warned, "{check:?}");
    }
}

/// Also where the account may have core dumps, as large as it likes.
#[tokio::test]
async fn a_crash_leaves_no_memory_on_the_disk() {
    let world = World::start(Setup { registrants: 20, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let script = format!("cd {:?}; ulimit -c unlimited", folder.path());
    let control = Command::new("sh").args(["-c", &format!("{script}; kill -ABRT $$")]).status().unwrap();
    println!("this machine dumps a shell that aborts: {}", control.core_dumped());
    let dumps = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = dumps();
    // Not SIGQUIT: what a shell starts in the background ignores it.
    for signal in [Signal::ABORT, Signal::TRAP, Signal::SYS] {
        let mut daemon = Daemon::launch_after(&world.configuration, &script);
        daemon.is_up().await;
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.process.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
        daemon.process.signal(signal);
        let status = daemon.process.ended(Duration::from_secs(60)).await;
        assert_eq!((status.signal(), status.core_dumped()), (Some(signal.as_raw()), false));
        assert_eq!(dumps(), before);
    }
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    assert_ne!(daemon.status().await, Value::Null);
}
