//! Which daemon works on a connector. Kept beside the database: a call that is undone has renewed its lease all the same.

use std::collections::HashMap;

use super::super::fault::{Fault, Outcome};

/// How long a lease lasts, in microseconds.
pub const LASTS: i64 = 90_000_000;
/// Letters of a daemon's name.
const LONGEST: usize = 64;

#[derive(Debug, Clone)]
struct Lease {
    holder: String,
    until: i64,
}

/// The leases, by connector.
#[derive(Debug, Default)]
pub struct Leases(HashMap<i32, Lease>);

impl Leases {
    /// Takes or renews the connector's lease for this daemon at this time, for so long (microseconds).
    pub fn take(&mut self, connector: i32, daemon: &str, now: i64, lasts: i64) -> Outcome<()> {
        if daemon.is_empty() || daemon.len() > LONGEST || !daemon.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(Fault::user("omc_daemon is 1 to 64 printable ASCII characters."));
        }
        match self.0.get(&connector) {
            Some(held) if held.holder != daemon && held.until > now => {
                Err(Fault::user("omc_lease: another daemon works on this connector."))
            }
            _ => {
                self.0.insert(connector, Lease { holder: daemon.to_owned(), until: now + lasts });
                Ok(())
            }
        }
    }

    /// Gives it up, if it is this daemon's.
    pub fn release(&mut self, connector: i32, daemon: &str) {
        if self.0.get(&connector).is_some_and(|held| held.holder == daemon) {
            self.0.remove(&connector);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_daemon_at_a_time() {
        let mut leases = Leases::default();
        leases.take(1, "a", 0, LASTS).unwrap();
        leases.take(1, "a", 10, LASTS).unwrap();
        assert!(leases.take(1, "b", 10 + LASTS - 1, LASTS).unwrap_err().message().starts_with("omc_lease: "));
        leases.take(2, "b", 10, LASTS).unwrap();
        leases.take(1, "b", 10 + LASTS, LASTS).unwrap();
        leases.release(1, "a");
        assert!(leases.take(1, "a", 10 + LASTS, LASTS).is_err());
        leases.release(1, "b");
        leases.take(1, "a", 10 + LASTS, LASTS).unwrap();
        assert!(leases.take(1, "", 0, LASTS).is_err());
    }
}
