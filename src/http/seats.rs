//! Places for so many callers. When all are taken, whoever comes next gets the place of somebody who has had it for a moment and is
//! not known to be anybody: callers that open connections and say nothing, or too slowly, keep nobody out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::counter;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::source::Source;

/// Who has a place has it for so long at least: a call from far away takes its time, and so does a busy machine.
pub(super) const MOMENT: Duration = Duration::from_millis(250);

/// All places.
#[derive(Debug)]
pub(super) struct Seats {
    places: Arc<Semaphore>,
    /// Callers that are there, those included that were asked to go and have not yet gone: a quarter more than there are places,
    /// so that nobody has to wait until they have.
    there: Arc<Semaphore>,
    crowd: Mutex<Crowd>,
    /// There is one more seat that can be given to somebody else.
    spared: Notify,
}

/// The seats that can be given to others.
#[derive(Debug, Default)]
struct Crowd {
    next: u64,
    /// By source, and by the order in which they came to be so.
    spare: HashMap<Source, BTreeMap<u64, Spare>>,
}

#[derive(Debug)]
struct Spare {
    since: Instant,
    shed: CancellationToken,
    place: OwnedSemaphorePermit,
}

/// One place, until it is dropped. It can be given to somebody else unless it is kept.
#[derive(Debug)]
pub(super) struct Seat {
    of: Arc<Seats>,
    source: Source,
    place: Mutex<Place>,
    age: Mutex<Age>,
    shed: CancellationToken,
    _there: OwnedSemaphorePermit,
}

#[derive(Debug)]
enum Place {
    Kept(OwnedSemaphorePermit),
    /// In the crowd, under this number, unless it was given to somebody else.
    Spare(u64),
    Lost,
}

/// Since when a caller is there, or was last known to be somebody, and how many others came before that.
#[derive(Debug, Clone, Copy)]
struct Age {
    number: u64,
    since: Instant,
}

/// What came of asking somebody to go.
enum Asked {
    Goes(OwnedSemaphorePermit),
    /// Nobody can be asked before then.
    NotBefore(Instant),
    /// All are kept.
    Nobody,
}

impl Seats {
    pub fn new(places: usize) -> Arc<Self> {
        let there = Arc::new(Semaphore::new(places + places.div_ceil(4)));
        let places = Arc::new(Semaphore::new(places));
        Arc::new(Self { places, there, crowd: Mutex::default(), spared: Notify::new() })
    }

    /// Takes a place; where none is left, the one that somebody must give up for it. Waits while all of them are kept.
    pub async fn take(self: &Arc<Self>, source: Source) -> Seat {
        // Unwrap safety: neither semaphore is ever closed.
        let there = Arc::clone(&self.there).acquire_owned().await.expect("never closed");
        let place = loop {
            let mut spared = std::pin::pin!(self.spared.notified());
            spared.as_mut().enable();
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                break place;
            }
            let place = Arc::clone(&self.places).acquire_owned();
            let place = match self.shed_one() {
                Asked::Goes(place) => break place,
                Asked::NotBefore(then) => tokio::time::timeout_at(then, place).await.ok(),
                Asked::Nobody => tokio::select! {
                    place = place => Some(place),
                    () = spared => None,
                },
            };
            if let Some(place) = place {
                // Unwrap safety: as above.
                break place.expect("never closed");
            }
        };
        let age = Mutex::new(self.crowd().age());
        let (of, shed) = (Arc::clone(self), CancellationToken::new());
        let seat = Seat { of, source, place: Mutex::new(Place::Kept(place)), age, shed, _there: there };
        seat.spare();
        seat
    }

    /// Asks who has had a place for longest to go, of the source with most of them.
    fn shed_one(&self) -> Asked {
        let mut crowd = self.crowd();
        let largest = crowd.spare.iter().max_by_key(|(_, seats)| (seats.len(), Reverse(seats.keys().next().copied())));
        let oldest = largest.and_then(|(source, seats)| Some((*source, seats.first_key_value()?)));
        let Some((source, (number, Spare { since, .. }))) = oldest else { return Asked::Nobody };
        let (number, then) = (*number, *since + MOMENT);
        if Instant::now() < then {
            return Asked::NotBefore(then);
        }
        let Some(Spare { shed, place, .. }) = crowd.remove(source, number) else { return Asked::Nobody };
        drop(crowd);
        shed.cancel();
        counter!("omc_connections_shed_total").increment(1);
        Asked::Goes(place)
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crowd {
    /// Of somebody who comes now.
    fn age(&mut self) -> Age {
        self.next += 1;
        Age { number: self.next, since: Instant::now() }
    }

    fn remove(&mut self, source: Source, number: u64) -> Option<Spare> {
        let seats = self.spare.get_mut(&source)?;
        let gone = seats.remove(&number);
        if seats.is_empty() {
            self.spare.remove(&source);
        }
        gone
    }
}

impl Seat {
    pub fn source(&self) -> Source {
        self.source
    }

    /// The caller is in the middle of something: it stays.
    pub fn keep(&self) {
        let mut place = self.place();
        if let Place::Spare(number) = *place {
            let kept = self.of.crowd().remove(self.source, number);
            *place = kept.map_or(Place::Lost, |spare| Place::Kept(spare.place));
        }
    }

    /// The caller has shown who it is: it counts as having come now. Requests of somebody unknown make nobody any younger, or
    /// whoever makes many would keep its places for ever.
    pub fn renew(&self) {
        *self.age() = self.of.crowd().age();
    }

    /// Somebody else may have the place.
    pub fn spare(&self) {
        let mut place = self.place();
        if !matches!(*place, Place::Kept(_)) {
            return;
        }
        if let Place::Kept(kept) = std::mem::replace(&mut *place, Place::Lost) {
            let Age { number, since } = *self.age();
            let mut crowd = self.of.crowd();
            let spare = Spare { since, shed: self.shed.clone(), place: kept };
            crowd.spare.entry(self.source).or_default().insert(number, spare);
            *place = Place::Spare(number);
            drop(crowd);
            self.of.spared.notify_one();
        }
    }

    /// Comes when somebody else gets the place: this caller is to go.
    pub fn shed(&self) -> WaitForCancellationFuture<'_> {
        self.shed.cancelled()
    }

    fn age(&self) -> MutexGuard<'_, Age> {
        self.age.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Taken out of the crowd, and given back.
        self.keep();
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use futures_util::FutureExt;

    use super::*;

    fn from(last: u8) -> Source {
        Source::from(SocketAddr::from(([192, 0, 2, last], 1)))
    }

    fn take(seats: &Arc<Seats>, source: Source) -> Option<Seat> {
        seats.take(source).now_or_never()
    }

    fn is_shed(seat: &Seat) -> bool {
        seat.shed.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_most_gives_up_the_oldest() {
        let seats = Seats::new(4);
        let alone = take(&seats, from(1)).unwrap();
        let many: Vec<Seat> = (0..3).map(|_| take(&seats, from(2)).unwrap()).collect();
        let mut next = std::pin::pin!(seats.take(from(3)));
        assert!(next.as_mut().now_or_never().is_none());
        assert!(!many.iter().any(is_shed), "it came but now");
        tokio::time::advance(MOMENT).await;
        let next = next.await;
        assert_eq!([&alone, &many[0], &many[1], &many[2], &next].map(is_shed), [false, true, false, false, false]);
        // It is as good as gone, and there is no room for a second one that has yet to go.
        let mut second = std::pin::pin!(seats.take(from(3)));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(!is_shed(&many[1]));
        drop(many);
        assert!(second.as_mut().now_or_never().is_some());
        drop((alone, next));
        assert_eq!((seats.places.available_permits(), seats.crowd().spare.len()), (4, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_kept_stays_and_the_next_waits_until_somebody_is_not() {
        let seats = Seats::new(2);
        let (first, second) = (take(&seats, from(1)).unwrap(), take(&seats, from(1)).unwrap());
        first.keep();
        second.keep();
        let mut next = std::pin::pin!(seats.take(from(2)));
        tokio::time::advance(MOMENT).await;
        assert!(next.as_mut().now_or_never().is_none());
        assert!(!is_shed(&first) && !is_shed(&second));
        second.renew();
        second.spare();
        second.spare();
        assert!(next.as_mut().now_or_never().is_none());
        tokio::time::advance(MOMENT).await;
        let next = next.as_mut().now_or_never().unwrap();
        assert!(is_shed(&second) && !is_shed(&first), "a moment after it was known to be somebody");
        // Of no use any more, whatever it says.
        second.keep();
        second.spare();
        drop(second);
        assert!(seats.crowd().spare.len() == 1 && !is_shed(&next));
        drop((first, next));
        assert_eq!((seats.places.available_permits(), seats.there.available_permits()), (2, 3));
    }

    /// Whoever asks for anything at all, again and again, on connections that it holds.
    #[tokio::test(start_paused = true)]
    async fn requests_of_nobody_known_keep_no_places() {
        let seats = Seats::new(8);
        let held: Vec<Seat> = (0..8).map(|_| take(&seats, from(1)).unwrap()).collect();
        for _ in 0..20 {
            tokio::time::advance(MOMENT / 10).await;
            for seat in &held {
                seat.keep();
                seat.spare();
            }
        }
        assert!(take(&seats, from(2)).is_some());
        assert_eq!(held.iter().filter(|seat| is_shed(seat)).count(), 1);
        assert!(is_shed(&held[0]), "the first that came");
    }

    #[tokio::test]
    async fn a_seat_that_is_left_sheds_nobody() {
        let seats = Seats::new(1);
        let first = take(&seats, from(1)).unwrap();
        first.keep();
        let mut next = std::pin::pin!(seats.take(from(2)));
        assert!(next.as_mut().now_or_never().is_none());
        drop(first);
        assert!(next.as_mut().now_or_never().is_some());
    }
}
