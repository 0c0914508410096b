//! The receiver of MTS's callbacks. MTS never repeats one and does not look at the answer, so a result is on disk before
//! the answer goes out, and an answer that is not 200 is for the log of whoever looks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use futures_util::StreamExt;
use metrics::counter;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::bodies::{Bodies, Share};
use super::login;
use super::result::{self, Answer, Entries, Foreign, Unread};
use super::session;
use crate::clock::Steady;
use crate::domain::batch::Patience;
use crate::domain::code::Code;
use crate::domain::identity::ConnectorId;
use crate::domain::opaque::{Digest, Sealed};
use crate::domain::retry::Backoff;
use crate::domain::transition::{Event, Ignored, Occasion};
use crate::seal::{Purpose, Seal};
use crate::store::{Change, Store, StoreError};

/// How many bodies of one connector may be read at once; MTS delivers one at a time per worker.
const AT_ONCE: usize = 4;
/// Connectors with a room of their own, before rooms that nobody is in are let go of.
const ROOMS: usize = 256;
/// So many of the largest bodies, as received, may be in memory at once, whosever they are. What is read out of them comes on top.
const LARGEST_AT_ONCE: usize = 8;
/// How long a caller may take to send its body. Waiting for room is not counted.
const BODY_TIME: Duration = Duration::from_secs(120);
/// How long one callback may wait for room, for all of it together.
const ROOM_TIME: Duration = Duration::from_secs(120);
/// Results that go into one change of the store, so that others get their turn.
const CHUNK: usize = 1000;

/// Called with what a delivery says of MTS and the MOSIP behind it: an error that is everybody's, or (`None`) that tokens come.
pub type OnDelivery = Arc<dyn Fn(ConnectorId, Option<&Code>) + Send + Sync>;

/// What the receiver works with.
#[derive(Clone)]
pub struct Receiver {
    pub store: Store,
    pub seal: Arc<Seal>,
    pub steady: Steady,
    pub backoff: Backoff,
    pub patience: Patience,
    pub max_body: usize,
    pub on_delivery: OnDelivery,
}

struct Shared {
    receiver: Receiver,
    /// Of connectors that authenticated, so that an MTS that trickles its bodies does not keep others out.
    rooms: Mutex<BTreeMap<ConnectorId, Arc<Semaphore>>>,
    /// Of all connectors together.
    bodies: Bodies,
}

impl Shared {
    /// The room of a connector. There are no more than [`ROOMS`] and those in use, which the listener's connections bound.
    fn room(&self, connector: ConnectorId) -> Arc<Semaphore> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= ROOMS {
            rooms.retain(|_, room| Arc::strong_count(room) > 1);
        }
        let room = rooms.entry(connector).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
        Arc::clone(room)
    }
}

/// The routes of the callback listener.
pub fn router(receiver: Receiver) -> Router {
    let methods = MethodFilter::POST.or(MethodFilter::PUT).or(MethodFilter::PATCH).or(MethodFilter::GET);
    let (seal, steady) = (Arc::clone(&receiver.seal), receiver.steady.clone());
    let bodies = Bodies::new(receiver.max_body.saturating_mul(LARGEST_AT_ONCE));
    Router::new()
        .route("/callback/{connector}", on(methods, receive))
        .with_state(Arc::new(Shared { receiver, rooms: Mutex::default(), bodies }))
        .merge(login::router(seal, steady))
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    Path(connector): Path<i64>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let receiver = &shared.receiver;
    let answer = |status: StatusCode, result: &'static str, text: &'static str| {
        counter!("omc_callbacks_total", "result" => result).increment(1);
        (status, text).into_response()
    };
    let Some(connector) = ConnectorId::from_wire(connector) else {
        return answer(StatusCode::NOT_FOUND, "unknown", "no such connector");
    };
    // Nobody unknown gets a byte of their body read.
    if !session::may_deliver(&receiver.seal, connector, &headers, receiver.steady.now()) {
        return answer(StatusCode::UNAUTHORIZED, "unauthorised", "not authorised");
    }
    let overloaded = || answer(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "too many callbacks at once");
    let mut for_room = Allowance(ROOM_TIME);
    let room = shared.room(connector);
    let Ok(Ok(_place)) = for_room.spend(room.acquire()).await else { return overloaded() };
    // Held until the results are stored: what is made of the body takes memory too.
    let mut share = shared.bodies.share();
    let body = match read(body, receiver.max_body, &mut share, for_room).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return answer(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "over callback.max_body"),
        Err(NoBody::Slow) => return answer(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not come in time"),
        Err(NoBody::NoRoom) => return overloaded(),
    };
    let entries = match result::entries(&body) {
        Ok(entries) => entries,
        Err(Unread::Garbage) => return answer(StatusCode::BAD_REQUEST, "garbage", "not JSON results"),
        Err(Unread::TooMany) => return answer(StatusCode::PAYLOAD_TOO_LARGE, "too_many", "too many results at once"),
    };
    drop(body);
    match take(receiver, connector, entries).await {
        Ok(()) => answer(StatusCode::OK, "stored", "stored"),
        Err(error) => {
            tracing::error!(%connector, %error, "a callback could not be stored; MTS will be asked again");
            answer(StatusCode::SERVICE_UNAVAILABLE, "failed", "not stored")
        }
    }
}

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
enum NoBody {
    TooLarge,
    /// The caller took too long.
    Slow,
    /// The others' bodies left no room.
    NoRoom,
}

async fn read(body: Body, limit: usize, share: &mut Share<'_>, mut for_room: Allowance) -> Result<Vec<u8>, NoBody> {
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    let mut for_caller = Allowance(BODY_TIME);
    while let Some(chunk) = for_caller.spend(chunks.next()).await.map_err(|_| NoBody::Slow)? {
        // A caller that breaks off leaves something that is no JSON.
        let Ok(chunk) = chunk else { break };
        if bytes.len() + chunk.len() > limit {
            return Err(NoBody::TooLarge);
        }
        for_room.spend(share.grow_to(bytes.len() + chunk.len())).await.map_err(|_| NoBody::NoRoom)?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Stores the results and comes back when they are on disk.
async fn take(receiver: &Receiver, connector: ConnectorId, entries: Entries) -> Result<(), Arc<StoreError>> {
    let Entries { kept: mut entries, shapeless } = entries;
    counter!("omc_callback_results_total", "outcome" => "shapeless").increment(shapeless);
    let total = entries.len();
    let mut said = Said::default();
    while !entries.is_empty() {
        let chunk = entries.split_off(entries.len().saturating_sub(CHUNK));
        let inner = receiver.clone();
        let found = receiver
            .store
            .change(move |change| take_chunk(&inner, connector, chunk, change))
            .await
            .map_err(Arc::new)?;
        said.tokens |= found.tokens;
        said.trouble = said.trouble.or(found.trouble);
    }
    receiver.store.sync().await?;
    tracing::debug!(%connector, results = total, "callback stored");
    if said.trouble.is_some() || said.tokens {
        (receiver.on_delivery)(connector, said.trouble.as_ref());
    }
    Ok(())
}

/// What the results of a delivery say of those who made them.
#[derive(Default)]
struct Said {
    tokens: bool,
    trouble: Option<Code>,
}

fn take_chunk(
    receiver: &Receiver,
    connector: ConnectorId,
    entries: Vec<Value>,
    change: &mut Change<'_>,
) -> Result<Said, StoreError> {
    let (now, wall) = (receiver.steady.now(), receiver.steady.wall());
    let occasion = Occasion { now, wall, backoff: &receiver.backoff, jitter: 0.0 };
    let read: Vec<_> = entries.into_iter().map(|entry| result::read(entry, connector, &receiver.seal)).collect();
    let tokens = read.iter().any(|entry| matches!(entry, Ok((_, Answer::Token { .. }))));
    let mut trouble = None;
    let mut alive = BTreeSet::new();
    for entry in read {
        let outcome = match entry {
            Err(Foreign::Empty) => "empty",
            Err(Foreign::Shapeless) => "shapeless",
            Err(Foreign::Stranger) => "stranger",
            Ok((correlation, answer)) => {
                let key = correlation.key;
                if let Some(record) = change.record(key)? {
                    let attempt = record.attempts.iter().find(|attempt| attempt.nonce == correlation.nonce);
                    alive.extend(attempt.map(|attempt| attempt.batch));
                }
                let (name, event) = event(receiver, correlation, answer, tokens)?;
                match change.apply(key, event, &occasion)? {
                    // Known as ours by its MAC; the record is done or gone.
                    None => "late",
                    Some(effects) => {
                        trouble = trouble.or(effects.trouble);
                        effects.ignored.map_or(name, ignored_name)
                    }
                }
            }
        };
        counter!("omc_callback_results_total", "outcome" => outcome).increment(1);
    }
    for id in alive {
        let Some(mut batch) = change.batch(id) else { continue };
        batch.progressed(&receiver.patience, occasion.now);
        let mts_url = batch.mts_url.clone();
        change.put_batch(batch);
        // MTS works one after the other: what comes after this has its turn now.
        for mut next in change.batches_at(&mts_url).into_iter().filter(|next| next.id > id) {
            next.wait_anew(&receiver.patience, occasion.now);
            change.put_batch(next);
        }
    }
    Ok(Said { tokens, trouble })
}

fn ignored_name(ignored: Ignored) -> &'static str {
    match ignored {
        Ignored::Repeat => "repeat",
        Ignored::Stale => "stale",
        Ignored::Disputed => "disputed",
    }
}

fn event(
    receiver: &Receiver,
    correlation: crate::domain::correlation::Correlation,
    answer: Answer,
    others_pass: bool,
) -> Result<(&'static str, Event), StoreError> {
    let nonce = correlation.nonce;
    let (token, values) = match answer {
        Answer::Token { token, values } => (token, values),
        Answer::Error(code) => return Ok(("error", Event::Error { nonce, code, others_pass })),
    };
    let place = correlation.key.place();
    let sealed = |value: &[u8]| {
        receiver.seal.seal(&place, value).map(Sealed).map_err(|error| StoreError::Unsealable(error.to_string()))
    };
    let digest = Digest(receiver.seal.digest(Purpose::Token, token.expose().as_bytes()));
    let values = match values {
        Some(values) => Some(sealed(&serde_json::to_vec(values.expose()).unwrap_or_default())?),
        None => None,
    };
    Ok(("token", Event::Token { nonce, token: sealed(token.expose().as_bytes())?, digest, values }))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const LIMIT: usize = 1024 * 1024;

    /// A body of parts, each of which comes so long after the one before was taken.
    fn slowly(parts: &'static [&'static str], pause: Duration) -> Body {
        let parts = futures_util::stream::iter(parts).then(move |part| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, Infallible>(*part)
        });
        Body::from_stream(parts)
    }

    #[tokio::test(start_paused = true)]
    async fn the_caller_has_so_long_for_its_body() {
        let bodies = Bodies::new(LIMIT);
        let read =
            async |pause| read(slowly(&["one", "two"], pause), LIMIT, &mut bodies.share(), Allowance(ROOM_TIME)).await;
        assert_eq!(read(BODY_TIME * 2 / 5).await, Ok(b"onetwo".to_vec()));
        assert_eq!(read(BODY_TIME * 3 / 5).await, Err(NoBody::Slow), "both together");
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_is_not_called_slow() {
        let bodies = Bodies::new(LIMIT);
        let (mut all, mut beyond) = (bodies.share(), bodies.share());
        all.grow_to(LIMIT).await;
        beyond.grow_to(LIMIT).await;
        let at_once = slowly(&["one"], Duration::ZERO);
        assert_eq!(read(at_once, LIMIT, &mut bodies.share(), Allowance(ROOM_TIME)).await, Err(NoBody::NoRoom));
        assert_eq!(read(Body::empty(), LIMIT, &mut bodies.share(), Allowance(ROOM_TIME)).await, Ok(Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_room_is_not_the_callers_time() {
        let bodies = Bodies::new(LIMIT);
        let (mut all, mut beyond) = (bodies.share(), bodies.share());
        all.grow_to(LIMIT).await;
        beyond.grow_to(LIMIT).await;
        let leaves = async move {
            tokio::time::sleep(ROOM_TIME * 4 / 5).await;
            drop(all);
        };
        // Four fifths of either time: more than all of one.
        let body = slowly(&["one", "two"], BODY_TIME * 2 / 5);
        let mut share = bodies.share();
        let (body, ()) = tokio::join!(read(body, LIMIT, &mut share, Allowance(ROOM_TIME)), leaves);
        assert_eq!(body, Ok(b"onetwo".to_vec()));
    }
}
