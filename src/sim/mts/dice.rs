//! Seeded chance, so that a run can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};

/// A splitmix64 generator that may be shared.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// True at this rate, from 0 to 1.
    pub fn hit(&self, rate: f64) -> bool {
        rate > 0.0 && (self.next() >> 11) as f64 / (1u64 << 53) as f64 <= rate
    }

    /// A number below `n`, which is not 0.
    pub fn below(&self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_to_its_rate() {
        let dice = Dice::new(1);
        assert!((0..1000).all(|_| !dice.hit(0.0)) && (0..1000).all(|_| dice.hit(1.0)));
        let hits = (0..10_000).filter(|_| dice.hit(0.3)).count();
        assert!((2700..3300).contains(&hits), "{hits}");
    }
}
