//! A kind of line that is told in the log at most once a minute, with how many there were meanwhile: a caller decides how often
//! it happens, and must not decide how much is written.

use std::time::Duration;

use tokio::time::Instant;

/// Between two lines of one kind.
const TOLD: Duration = Duration::from_secs(60);

/// When one kind was last told, and how often it happened since.
#[derive(Debug, Default)]
pub(super) struct Silence {
    told: Option<Instant>,
    untold: u64,
}

impl Silence {
    /// Counts some more; gives how many are to be told now.
    pub fn note(&mut self, more: u64, now: Instant) -> Option<u64> {
        self.untold = self.untold.saturating_add(more);
        if more == 0 || self.told.is_some_and(|told| now < told + TOLD) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_in_a_while_with_those_that_were_not() {
        let (mut silence, now) = (Silence::default(), Instant::now());
        assert_eq!(silence.note(0, now), None, "nothing to tell");
        assert_eq!(silence.note(3, now), Some(3));
        assert_eq!(silence.note(2, now), None);
        assert_eq!(silence.note(2, now + TOLD - Duration::from_millis(1)), None);
        assert_eq!(silence.note(0, now + TOLD), None, "no news");
        assert_eq!(silence.note(1, now + TOLD), Some(5));
    }
}
