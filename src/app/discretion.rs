//! What a process lets out of its hands: no memory on disk when it breaks down, no file that others can read, and no word in a
//! panic of what it was working on.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// To be called first of all, before any secret is read. Everything that this process makes is its owner's alone from here on.
/// `false`: the system would still let its memory be written to disk.
pub fn keep() -> bool {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    say_no_more_than_where();
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = rustix::process::setrlimit(Resource::Core, none).is_ok();
    // Also for a collector of core dumps that takes them by a pipe, which no limit holds back, and for debuggers.
    let closed = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok();
    limited && closed
}

/// Where a panic happened, and not what was said: that can quote a person's data. The log has its own way once it is there.
fn say_no_more_than_where() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("omc: a part of OMC broke down at {place}");
    }));
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::app::telemetry;
    use crate::config::LogConfig;

    const INSIDE: &str = "OMC_TEST_PANICS";
    const SECRET: &str = "hidden words of a person";

    /// The hook is a process's own, and so are its limits: the test starts itself, and looks at what came of it.
    #[test]
    fn a_panic_says_where_and_not_what() {
        if let Ok(logging) = std::env::var(INSIDE) {
            keep();
            if logging == "log" {
                telemetry::init(&LogConfig { level: "trace".to_owned(), ..LogConfig::default() }).unwrap();
            }
            let formatted = std::thread::spawn(|| panic!("{SECRET}")).join().unwrap_err();
            assert!(formatted.downcast_ref::<String>().is_some_and(|text| text == SECRET));
            let read = || serde_json::from_str::<u8>(&format!("{SECRET:?}")).unwrap();
            let unwrapped = std::thread::spawn(read).join().unwrap_err();
            assert!(unwrapped.downcast_ref::<String>().is_some_and(|text| text.contains(SECRET)));
            assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
            assert_eq!(rustix::process::getrlimit(Resource::Core).maximum, Some(0));
            return;
        }
        for logging in ["log", "none"] {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "app::discretion::tests::a_panic_says_where_and_not_what", "--nocapture"])
                .env(INSIDE, logging)
                .env("RUST_BACKTRACE", "full")
                .output()
                .unwrap();
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
            assert_eq!(said.matches("src/app/discretion.rs:").count(), 2, "{said}");
            assert!(!said.contains("hidden words"), "{said}");
            assert!(!said.contains("backtrace"), "{said}");
        }
    }
}
