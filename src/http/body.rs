//! Reading a callback's body, within limits of size, time and memory.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::bodies::Share;

/// How long a caller may take to send its body. Waiting for room is not counted.
pub(super) const BODY_TIME: Duration = Duration::from_secs(120);
/// How long one callback may wait for room, for all of it together.
pub(super) const ROOM_TIME: Duration = Duration::from_secs(120);
/// Up to this size a body waits for none of its connector's others: it is read and stored in no time.
pub(super) const SMALL: usize = 64 * 1024;

/// Time that may be spent on several waits together.
struct Allowance(Duration);

impl Allowance {
    async fn spend<T>(&mut self, wait: impl Future<Output = T>) -> Result<T, Elapsed> {
        let began = Instant::now();
        let done = tokio::time::timeout(self.0, wait).await;
        self.0 = self.0.saturating_sub(began.elapsed());
        done
    }
}

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoBody {
    TooLarge,
    /// The caller took too long.
    Slow,
    /// The others' bodies left no room.
    NoRoom,
}

/// What a body takes while it is read and until its results are stored: memory, and unless it is small one of its connector's
/// places.
pub(super) struct Room<'a> {
    share: Share<'a>,
    places: &'a Semaphore,
    place: Option<SemaphorePermit<'a>>,
    time: Allowance,
}

impl<'a> Room<'a> {
    pub fn new(share: Share<'a>, places: &'a Semaphore) -> Self {
        Self { share, places, place: None, time: Allowance(ROOM_TIME) }
    }

    /// Comes back when there is room for so many bytes in all.
    async fn grow_to(&mut self, bytes: usize) -> Result<(), NoBody> {
        if bytes > SMALL && self.place.is_none() {
            // Unwrap safety: the semaphore is never closed.
            let place =
                self.time.spend(self.places.acquire()).await.map_err(|_| NoBody::NoRoom)?.expect("never closed");
            self.place = Some(place);
        }
        self.time.spend(self.share.grow_to(bytes)).await.map_err(|_| NoBody::NoRoom)
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize, room: &mut Room<'_>) -> Result<Vec<u8>, NoBody> {
    use axum::body::HttpBody;
    // Whoever announces too much is not listened to.
    if body.size_hint().lower() > limit as u64 {
        return Err(NoBody::TooLarge);
    }
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    let mut for_caller = Allowance(BODY_TIME);
    while let Some(chunk) = for_caller.spend(chunks.next()).await.map_err(|_| NoBody::Slow)? {
        // A caller that breaks off leaves something that is no JSON.
        let Ok(chunk) = chunk else { break };
        if bytes.len() + chunk.len() > limit {
            return Err(NoBody::TooLarge);
        }
        room.grow_to(bytes.len() + chunk.len()).await?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::FutureExt;

    use super::*;
    use crate::http::bodies::Bodies;

    const LIMIT: usize = 1024 * 1024;

    /// A body of parts, each of which comes so long after the one before was taken.
    fn slowly(parts: &'static [&'static str], pause: Duration) -> Body {
        let parts = futures_util::stream::iter(parts).then(move |part| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, Infallible>(*part)
        });
        Body::from_stream(parts)
    }

    fn places() -> Semaphore {
        Semaphore::new(1)
    }

    #[tokio::test(start_paused = true)]
    async fn the_caller_has_so_long_for_its_body() {
        let (bodies, places) = (Bodies::new(LIMIT), places());
        let read =
            async |pause| read(slowly(&["one", "two"], pause), LIMIT, &mut Room::new(bodies.share(), &places)).await;
        assert_eq!(read(BODY_TIME * 2 / 5).await, Ok(b"onetwo".to_vec()));
        assert_eq!(read(BODY_TIME * 3 / 5).await, Err(NoBody::Slow), "both together");
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_is_not_called_slow() {
        let (bodies, places) = (Bodies::new(LIMIT), places());
        let (mut all, mut beyond) = (bodies.share(), bodies.share());
        all.grow_to(LIMIT).await;
        beyond.grow_to(LIMIT).await;
        let room = || Room::new(bodies.share(), &places);
        let at_once = slowly(&["one"], Duration::ZERO);
        assert_eq!(read(at_once, LIMIT, &mut room()).await, Err(NoBody::NoRoom));
        assert_eq!(read(Body::empty(), LIMIT, &mut room()).await, Ok(Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_room_is_not_the_callers_time() {
        let (bodies, places) = (Bodies::new(LIMIT), places());
        let (mut all, mut beyond) = (bodies.share(), bodies.share());
        all.grow_to(LIMIT).await;
        beyond.grow_to(LIMIT).await;
        let leaves = async move {
            tokio::time::sleep(ROOM_TIME * 4 / 5).await;
            drop(all);
        };
        // Four fifths of either time: more than all of one.
        let body = slowly(&["one", "two"], BODY_TIME * 2 / 5);
        let mut room = Room::new(bodies.share(), &places);
        let (body, ()) = tokio::join!(read(body, LIMIT, &mut room), leaves);
        assert_eq!(body, Ok(b"onetwo".to_vec()));
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_large_needs_a_place_of_its_connector() {
        let (bodies, places) = (Bodies::new(8 * LIMIT), places());
        let (small, large) = (vec![b' '; SMALL], vec![b' '; SMALL + 1]);
        let mut first = Room::new(bodies.share(), &places);
        assert!(read(Body::from(large.clone()), LIMIT, &mut first).await.is_ok());
        let room = || Room::new(bodies.share(), &places);
        assert!(read(Body::from(small), LIMIT, &mut room()).await.is_ok());
        assert_eq!(read(Body::from(large.clone()), LIMIT, &mut room()).await, Err(NoBody::NoRoom));
        drop(first);
        assert!(read(Body::from(large), LIMIT, &mut room()).await.is_ok());
    }

    #[tokio::test]
    async fn who_announces_too_much_is_refused_at_once() {
        let (bodies, places) = (Bodies::new(LIMIT), places());
        let mut room = Room::new(bodies.share(), &places);
        let body = Body::from(vec![b' '; LIMIT + 1]);
        assert_eq!(read(body, LIMIT, &mut room).now_or_never(), Some(Err(NoBody::TooLarge)));
    }
}
