//! What is done about callers with wrong credentials. Whoever has the right ones is let in whatever others did before, also from the
//! same address: MTS and an attacker may come through one proxy. The secrets are too long to be guessed; what is kept short is
//! what guessing costs OMC.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::caller::Caller;
use super::silence::Silence;
use super::source::Source;

/// Refusals that a source gets at once; one more comes to it in each [`EVERY`].
const AT_ONCE: u32 = 20;
const EVERY: Duration = Duration::from_secs(3);
/// How long one beyond that waits for its answer, while no more than so many do.
const WAIT: Duration = Duration::from_secs(1);
const WAITING: usize = 32;
/// Sources that are known; all further ones count as one.
const SOURCES: usize = 4096;

/// Counts refusals, by source.
#[derive(Debug)]
pub(super) struct Refusals {
    waiting: Semaphore,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// When a source has all of its refusals again. Others have them all.
    whole_at: HashMap<Option<Source>, Instant>,
    silence: Silence,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { waiting: Semaphore::new(WAITING), known: Mutex::default() }
    }
}

impl Refusals {
    /// Refuses a call: with this answer, or, from a source that was refused often, later and with less.
    pub async fn refuse(&self, caller: &Caller, answer: Response) -> Response {
        let often = self.note(caller.source(), Instant::now());
        // Nobody known: others may have the place meanwhile.
        caller.spare();
        let mut answer = if often {
            if let Ok(_waiting) = self.waiting.try_acquire() {
                tokio::time::sleep(WAIT).await;
            }
            let pause = HeaderValue::from(EVERY.as_secs());
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, pause)], "refused too often").into_response()
        } else {
            answer
        };
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        answer
    }

    /// Counts a refusal; tells whether there were too many.
    fn note(&self, source: Source, now: Instant) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.whole_at.len() >= SOURCES {
            known.whole_at.retain(|_, whole_at| *whole_at > now);
        }
        let is_new = !known.whole_at.contains_key(&Some(source));
        let key = if is_new && known.whole_at.len() >= SOURCES { None } else { Some(source) };
        let whole_at = known.whole_at.entry(key).or_insert(now);
        let after = (*whole_at).max(now) + EVERY;
        let often = after > now + EVERY * AT_ONCE;
        if !often {
            *whole_at = after;
        } else if let Some(refused) = known.silence.note(1, now) {
            tracing::warn!(%source, refused, "calls with wrong credentials, again and again; their refusals wait");
        }
        often
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn from(number: u32) -> Source {
        let [_, a, b, c] = number.to_be_bytes();
        Source::from(SocketAddr::from(([10, a, b, c], 1)))
    }

    #[test]
    fn each_source_has_so_many_refusals_and_gets_them_back() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        assert_eq!((0..100).filter(|_| !refusals.note(from(1), now)).count(), AT_ONCE as usize);
        assert!(!refusals.note(from(2), now), "another source");
        assert!(refusals.note(from(1), now + EVERY - Duration::from_millis(1)));
        assert!(!refusals.note(from(1), now + EVERY));
        assert!(refusals.note(from(1), now + EVERY));
        let later = now + EVERY * 1000;
        assert_eq!((0..100).filter(|_| !refusals.note(from(1), later)).count(), AT_ONCE as usize);
    }

    #[test]
    fn however_many_sources_there_are_memory_is_bounded() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        for number in 0..3 * SOURCES as u32 {
            refusals.note(from(number), now);
        }
        let known = || refusals.known.lock().unwrap().whole_at.len();
        assert_eq!(known(), SOURCES + 1);
        assert!(refusals.note(from(9_999_999), now), "all the others are one");
        assert!(!refusals.note(from(5), now), "who was known goes by its own");
        refusals.note(from(1), now + EVERY * 100);
        assert_eq!(known(), 1, "who is whole again is forgotten");
    }
}
