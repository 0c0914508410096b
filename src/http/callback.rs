//! The receiver of MTS's callbacks. MTS never repeats one and does not look at the answer, so a result is on disk before
//! the answer goes out, and an answer that is not 200 is for the log of whoever looks.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use metrics::counter;

use super::admission::Admitted;
use super::body::{self, NoBody};
use super::caller::Caller;
use super::login;
use super::reception::Reception;
use super::result::{Foreign, Read, Unread};
use crate::clock::Steady;
use crate::domain::batch::Patience;
use crate::domain::code::Code;
use crate::domain::identity::{ConnectorId, RegistrantId};
use crate::domain::retry::Backoff;
use crate::intake::{Intake, Way};
use crate::seal::Seal;
use crate::store::{Store, StoreError};

/// Called with what a delivery says of MTS and the MOSIP behind it: an error that is everybody's, or (`None`) that tokens come.
pub type OnDelivery = Arc<dyn Fn(ConnectorId, Option<&Code>) + Send + Sync>;

/// Called with each call that is refused: for which connector, where one is named, and why.
pub type OnRefusal = Arc<dyn Fn(Option<ConnectorId>, &'static str) + Send + Sync>;

/// Tells whether a connector's callbacks may come from anybody.
pub type OpenToAnybody = Arc<dyn Fn(ConnectorId) -> bool + Send + Sync>;

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
    pub on_refusal: OnRefusal,
    pub open_to_anybody: OpenToAnybody,
}

impl Receiver {
    fn intake(&self) -> Intake {
        Intake {
            store: self.store.clone(),
            seal: Arc::clone(&self.seal),
            steady: self.steady.clone(),
            backoff: self.backoff,
            patience: self.patience,
        }
    }
}

/// The routes of the callback listener.
pub fn router(receiver: Receiver) -> Router {
    let methods = MethodFilter::POST.or(MethodFilter::PUT).or(MethodFilter::PATCH).or(MethodFilter::GET);
    Router::new()
        .route("/callback/{connector}", on(methods, receive))
        .merge(login::router())
        .with_state(Arc::new(Reception::new(receiver)))
}

/// The same routes for callers within this process, who come through no listener and count as one.
pub async fn router_within(receiver: Receiver) -> Router {
    router(receiver).layer(Extension(Caller::within().await))
}

async fn receive(
    State(reception): State<Arc<Reception>>,
    Extension(caller): Extension<Caller>,
    connector: Result<Path<i64>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let receiver = &reception.receiver;
    let answer = |status: StatusCode, result: &'static str, text: &'static str| {
        counter!("omc_callbacks_total", "result" => result).increment(1);
        (status, text).into_response()
    };
    // Not in the words of the framework, which quote the path.
    let Some(connector) = connector.ok().and_then(|Path(number)| ConnectorId::from_wire(number)) else {
        (receiver.on_refusal)(None, "unknown");
        return answer(StatusCode::NOT_FOUND, "unknown", "no such connector");
    };
    // Nobody unknown gets a byte of their body read.
    match receiver.admit(connector, &headers) {
        Some(Admitted::Known) => caller.is_known(),
        Some(Admitted::Anybody) => {}
        None => {
            (receiver.on_refusal)(Some(connector), "unauthorised");
            let answer = answer(StatusCode::UNAUTHORIZED, "unauthorised", "not authorised");
            return reception.refusals.refuse(&caller, answer).await;
        }
    }
    let quota = reception.quota(connector);
    let _kept = quota.keep(&caller);
    // Held until the results are stored: what is made of the body takes memory too.
    let mut taken = body::Room::new(reception.bodies.share(), &quota.places);
    let unusable = |status: StatusCode, result: &'static str, text: &'static str| {
        (receiver.on_refusal)(Some(connector), result);
        reception.oddities.unusable(connector, caller.source(), result);
        answer(status, result, text)
    };
    let body = match body::read(body, receiver.max_body, &mut taken).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return unusable(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "over callback.max_body"),
        Err(NoBody::Slow) => return unusable(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not come in time"),
        Err(NoBody::NoRoom) => {
            return unusable(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "too many callbacks at once");
        }
    };
    let read = match reception.read(body, connector).await {
        Ok(read) => read,
        Err(Unread::Garbage) => return unusable(StatusCode::BAD_REQUEST, "garbage", "not JSON results"),
        Err(Unread::TooMany) => return unusable(StatusCode::PAYLOAD_TOO_LARGE, "too_many", "too many results at once"),
        Err(Unread::NoRoom) => {
            return unusable(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "too many callbacks at once");
        }
    };
    match take(receiver, connector, read).await {
        Ok(odd) => {
            reception.oddities.foreign(connector, caller.source(), odd.foreign);
            if let Some(registrant) = odd.latest {
                reception.oddities.disputed(connector, registrant, odd.disputed);
            }
            answer(StatusCode::OK, "stored", "stored")
        }
        Err(error) => {
            tracing::error!(%connector, %error, "a callback could not be stored; MTS will be asked again");
            answer(StatusCode::SERVICE_UNAVAILABLE, "failed", "not stored")
        }
    }
}

/// What of a callback is worth telling.
#[derive(Debug, Default)]
struct Odd {
    /// Entries that are no results of OMC's.
    foreign: u64,
    /// Results with another token than the one taken before, and whose the latest of them is.
    disputed: u64,
    latest: Option<RegistrantId>,
}

/// Stores the results and comes back when they are on disk.
async fn take(receiver: &Receiver, connector: ConnectorId, read: Read) -> Result<Odd, Arc<StoreError>> {
    let Read { ours: results, foreign } = read;
    let total = results.len();
    let mut odd = Odd::default();
    for (reason, number) in foreign {
        let outcome = match reason {
            Foreign::Empty => "empty",
            Foreign::Shapeless => "shapeless",
            Foreign::Stranger => "stranger",
        };
        count(outcome, number);
        odd.foreign += number;
    }
    if results.is_empty() {
        // Nothing waits for the disk, and a daemon whose disk has failed still says so.
        return if receiver.store.is_broken() { Err(Arc::new(StoreError::Closed)) } else { Ok(odd) };
    }
    let said = receiver.intake().take(results, Way::Callback).await?;
    (odd.disputed, odd.latest) = (said.disputed, said.latest);
    tracing::debug!(%connector, results = total, "callback stored");
    if said.trouble.is_some() || said.tokens {
        (receiver.on_delivery)(connector, said.trouble.as_ref());
    }
    Ok(odd)
}

/// Counts what comes no further.
fn count(outcome: &'static str, number: u64) {
    counter!("omc_callback_results_total", "outcome" => outcome).increment(number);
}

#[cfg(test)]
#[path = "callback_test.rs"]
mod tests;
