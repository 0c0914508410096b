//! How much memory the bodies of all callbacks may take together.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes are given out by so many at a time.
const UNIT: usize = 16 * 1024;

/// The room for all bodies. It is given out as bytes come, so that a caller that announces much and sends little keeps nobody
/// out. One caller at a time may go beyond it: else bodies that are half read could wait for each other for ever.
#[derive(Debug)]
pub(super) struct Bodies {
    room: Semaphore,
    beyond: Semaphore,
}

/// What one body takes; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    of: &'a Bodies,
    units: u32,
    held: Option<SemaphorePermit<'a>>,
    beyond: Option<SemaphorePermit<'a>>,
}

impl Bodies {
    pub fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { room: Semaphore::new(units), beyond: Semaphore::new(1) }
    }

    pub fn share(&self) -> Share<'_> {
        Share { of: self, units: 0, held: None, beyond: None }
    }
}

impl<'a> Share<'a> {
    /// Comes back once there is room for so many bytes in all.
    pub async fn grow_to(&mut self, bytes: usize) {
        let wanted = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        if self.beyond.is_some() || wanted <= self.units {
            return;
        }
        tokio::select! {
            biased;
            more = self.of.room.acquire_many(wanted - self.units) => self.take(more.ok(), wanted),
            beyond = self.of.beyond.acquire() => self.beyond = beyond.ok(),
        }
    }

    fn take(&mut self, more: Option<SemaphorePermit<'a>>, units: u32) {
        self.units = units;
        match (&mut self.held, more) {
            (Some(held), Some(more)) => held.merge(more),
            (held, more) => *held = more.or(held.take()),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn bodies_take_what_has_come_of_them_and_give_it_back() {
        let bodies = Bodies::new(4 * UNIT);
        let mut first = bodies.share();
        assert!(first.grow_to(1).now_or_never().is_some());
        assert!(first.grow_to(3 * UNIT).now_or_never().is_some());
        assert_eq!(bodies.room.available_permits(), 1);
        drop(first);
        assert_eq!(bodies.room.available_permits(), 4);
    }

    #[test]
    fn who_finds_no_room_waits_but_for_one() {
        let bodies = Bodies::new(4 * UNIT);
        let (mut first, mut second, mut third) = (bodies.share(), bodies.share(), bodies.share());
        assert!(first.grow_to(2 * UNIT).now_or_never().is_some());
        assert!(second.grow_to(2 * UNIT).now_or_never().is_some());
        // Both are half read, and neither would ever come to its end.
        assert!(first.grow_to(4 * UNIT).now_or_never().is_some(), "one goes beyond");
        assert!(first.grow_to(8 * UNIT).now_or_never().is_some(), "to its end");
        assert!(second.grow_to(4 * UNIT).now_or_never().is_none());
        assert!(third.grow_to(1).now_or_never().is_none());
        drop(first);
        assert!(second.grow_to(4 * UNIT).now_or_never().is_some());
        assert!(third.grow_to(1).now_or_never().is_some(), "and the next goes beyond");
    }
}
