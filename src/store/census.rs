//! What must be in the store: how many changes it went through, and a sum over everything in it.
//!
//! The engine checks what it reads, and takes what it cannot read for something that was never written: a damaged file becomes
//! an older state of the store, or one with a hole. The census goes along with every change, in the same step, so that a hole
//! shows as a wrong sum; and what is on the device for certain is noted beside the store (see [`super::mark`]), so that an older
//! state shows too.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Census {
    pub changes: u64,
    sum: u64,
}

impl Census {
    pub fn enter(&mut self, key: &[u8], value: &[u8]) {
        self.sum = self.sum.wrapping_add(weight(key, value));
    }

    pub fn leave(&mut self, key: &[u8], value: &[u8]) {
        self.sum = self.sum.wrapping_sub(weight(key, value));
    }

    /// Whether both count the same pairs.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.sum == other.sum
    }
}

fn weight(key: &[u8], value: &[u8]) -> u64 {
    let mut digest = Sha256::new();
    digest.update((key.len() as u64).to_be_bytes());
    digest.update(key);
    digest.update(value);
    let mut weight = [0; 8];
    weight.copy_from_slice(&digest.finalize()[..8]);
    u64::from_be_bytes(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Census {
        let mut census = Census::default();
        for (key, value) in pairs {
            census.enter(key.as_bytes(), value.as_bytes());
        }
        census
    }

    #[test]
    fn the_order_of_changes_does_not_count_and_everything_else_does() {
        let both = of(&[("a", "1"), ("b", "2")]);
        assert!(both.agrees_with(&of(&[("b", "2"), ("a", "1")])));
        for other in [of(&[("a", "1")]), of(&[("a", "2"), ("b", "1")]), of(&[("a1", ""), ("b", "2")])] {
            assert!(!both.agrees_with(&other), "{other:?}");
        }
        let mut changed = both;
        changed.leave(b"b", b"2");
        assert!(changed.agrees_with(&of(&[("a", "1")])));
    }
}
