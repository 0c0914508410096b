//! What MTS said to a POST, and what it means for the batch and for who is asked next.

use metrics::{counter, histogram};
use tokio::time::Instant;

use super::gate::Gate;
use super::{Halt, Remote, Worker};
use crate::domain::connector::Connector;
use crate::domain::delivery::Delivery;
use crate::domain::identity::BatchId;
use crate::domain::record::RecordKey;
use crate::domain::transition::{Event, Fault, Occasion};
use crate::mts::{Blame, SubmitError};
use crate::store::StoreError;

/// A batch whose POST is over.
pub(super) struct Sent {
    pub id: BatchId,
    pub members: Vec<RecordKey>,
    pub size: u32,
    pub began: Instant,
}

/// Keeps what MTS said to the POST of a batch.
pub(super) async fn keep(
    worker: &Worker,
    connector: &Connector,
    gate: &Gate,
    sent: Sent,
    answer: Result<String, SubmitError>,
) -> Result<(), Halt> {
    let fail = |remote: &Remote, trouble: &str| {
        worker.breakers.failed(remote, trouble, worker.jitter(), worker.steady.now());
    };
    // Only what MTS itself says shows that the gateway let it through.
    if matches!(&answer, Ok(_) | Err(SubmitError::NotTaken(Blame::Failed(_) | Blame::Refused { .. }))) {
        worker.breakers.succeeded(&Remote::Access(connector.mts_url.clone()));
    }
    let result = match answer {
        Ok(request_identifier) => return accepted(worker, connector, gate, sent, request_identifier).await,
        Err(SubmitError::Unknown(why)) => {
            let (batch, size) = (sent.id.0, sent.size);
            match connector.delivery {
                Delivery::Callback => tracing::warn!(
                    connector = %connector.id, batch, size, why, "no clear answer from MTS; waiting for callbacks"
                ),
                Delivery::Elsewhere => tracing::warn!(
                    connector = %connector.id, batch, size, why, "no clear answer from MTS; looking for tokens in the registry"
                ),
                Delivery::Download(_) => tracing::warn!(
                    connector = %connector.id, batch, size, why,
                    "no clear answer from MTS, and nothing to ask for results by; waiting until it must be through"
                ),
            }
            fail(&Remote::Mts(connector.mts_url.clone()), why);
            unknown(worker, sent.id).await?;
            "unknown"
        }
        Err(SubmitError::NotTaken(blame)) => {
            let mut text = blame.to_string();
            if is_of_an_older_release(&blame, connector.delivery) {
                text.push_str("; MTS of release 1.0.1 does not call back: choose Download (`omc check` tells)");
            }
            let (fault, remote) = fault_of(blame, sent.size, gate, connector);
            if let Some(remote) = remote {
                fail(&remote, &text);
            }
            not_taken(worker, sent.id, sent.members, fault).await?;
            "not_taken"
        }
    };
    counter!("omc_submit_failures_total", "result" => result).increment(1);
    Ok(())
}

async fn accepted(
    worker: &Worker,
    connector: &Connector,
    gate: &Gate,
    sent: Sent,
    request_identifier: String,
) -> Result<(), Halt> {
    let Sent { id, size, began, .. } = sent;
    worker.breakers.succeeded(&Remote::Mts(connector.mts_url.clone()));
    worker.breakers.succeeded(&Remote::Submission(connector.id));
    let (ended, now) = (Instant::now(), worker.steady.now());
    gate.accepted(id, size, began, ended, now);
    let patience = worker.settings.patience;
    histogram!("omc_submit_seconds").record(ended.duration_since(began).as_secs_f64());
    worker.tally.sent(u64::from(size));
    let identifier = request_identifier.clone();
    worker
        .store
        .change(move |change| {
            // Callbacks can be faster than the answer: the batch may be settled already.
            if let Some(mut batch) = change.batch(id) {
                batch.accepted(identifier, &patience, now);
                change.put_batch(batch);
            }
            Ok(())
        })
        .await?;
    if connector.delivery.is_download() {
        // Without it a file is not to be had.
        worker.store.sync().await?;
    }
    tracing::debug!(connector = %connector.id, batch = id.0, size, %request_identifier, "batch accepted");
    Ok(())
}

/// MTS may have the batch, and may not.
async fn unknown(worker: &Worker, id: BatchId) -> Result<(), StoreError> {
    let (patience, now) = (worker.settings.patience, worker.steady.now());
    worker
        .store
        .change(move |change| {
            // The wait begins now: the POST itself may have taken longer than MTS was thought to need.
            if let Some(mut batch) = change.batch(id) {
                batch.wait_anew(&patience, now);
                change.put_batch(batch);
            }
            Ok(())
        })
        .await
}

/// Whose fault it is that MTS did not take a batch, and the breaker that this shuts.
fn fault_of(blame: Blame, size: u32, gate: &Gate, connector: &Connector) -> (Fault, Option<Remote>) {
    let mts = || Some(Remote::Mts(connector.mts_url.clone()));
    let smaller = Fault::Batch { at_most: size.div_ceil(2) };
    match blame {
        Blame::Unreachable | Blame::Insecure(_) => (Fault::Server, mts()),
        Blame::Denied(_) | Blame::LoginWanted => (Fault::Server, Some(Remote::Access(connector.mts_url.clone()))),
        Blame::Refused { .. } => (Fault::Server, Some(Remote::Submission(connector.id))),
        Blame::TooLarge => (if size > 1 { smaller } else { Fault::Record }, None),
        Blame::Failed(_) => {
            let may_be_the_batch = gate.failed();
            let fault = match size {
                1 => Fault::Alone { took_at: gate.took_at() },
                _ if may_be_the_batch => smaller,
                _ => Fault::Server,
            };
            (fault, if may_be_the_batch { None } else { mts() })
        }
    }
}

async fn not_taken(worker: &Worker, batch: BatchId, members: Vec<RecordKey>, fault: Fault) -> Result<(), StoreError> {
    let (backoff, jitter, now, wall) =
        (worker.settings.backoff, worker.jitter(), worker.steady.now(), worker.clock.now());
    worker
        .store
        .change(move |change| {
            let occasion = Occasion { now, wall, backoff: &backoff, jitter };
            for key in members {
                change.apply(key, Event::NotTaken { batch, fault }, &occasion)?;
            }
            Ok(())
        })
        .await
}

/// Whether a refusal is what an MTS says that has no callbacks: the code it shares with other faults of a request.
fn is_of_an_older_release(blame: &Blame, delivery: Delivery) -> bool {
    let refused = matches!(blame, Blame::Refused { status: 400, code: Some(code) } if code.as_str() == "ATS-REQ-102");
    refused && !delivery.is_download()
}
