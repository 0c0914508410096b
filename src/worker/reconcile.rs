//! Reconciling: MTS never repeats a callback, forgets its queue when it restarts, and gives no proof of delivery, so every
//! batch is looked after until nothing of it is awaited. What comes as a download is fetched here.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use metrics::counter;
use url::Url;

use super::submit::SCOUTS;
use super::{Halt, Progress, Remote, Worker, download, elsewhere};
use crate::domain::batch::{Answer, Batch, Cause, Patience, Status, Verdict};
use crate::domain::delivery::Delivery;
use crate::domain::identity::BatchId;
use crate::domain::retry::delta;
use crate::domain::transition::{Event, Fault, Occasion};
use crate::mts::StatusError;
use crate::store::StoreError;

/// Records in one change of the store.
const CHUNK: usize = 1000;

/// Gives back what waits for batches that are not there.
pub async fn reclaim(worker: &Worker) -> Result<(), Halt> {
    for batch in worker.store.orphaned_batches() {
        tracing::error!(batch = batch.0, "a batch is missing from the store; its records go back to the start");
        give_back(worker, batch, Fault::Server).await?;
    }
    Ok(())
}

/// Looks after every batch of one MTS that is due, one after the other: an MTS that hangs delays nobody else's.
pub async fn step(worker: &Worker, mts_url: &Url) -> Result<Progress, Halt> {
    let own = || worker.store.batches().into_iter().filter(|batch| batch.mts_url == *mts_url);
    for batch in own() {
        if batch.is_due(&worker.settings.patience, worker.steady.now()) && !worker.posting.contains(batch.id) {
            look_after(worker, batch).await?;
        }
    }
    if own().next().is_none() {
        return Ok(Progress::Over);
    }
    let later = worker.steady.now() + delta(worker.settings.patience.interval);
    Ok(Progress::Idle(next_look(own(), |batch| worker.posting.contains(batch), later)))
}

/// When a batch is due next. One whose POST is under way is looked at again `later`: nothing in the store tells when that is over.
fn next_look(
    batches: impl Iterator<Item = Batch>,
    is_posting: impl Fn(BatchId) -> bool,
    later: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    batches.map(|batch| if is_posting(batch.id) { later } else { batch.check_at }).min()
}

async fn look_after(worker: &Worker, mut batch: Batch) -> Result<(), Halt> {
    let patience = match batch.delivery {
        Delivery::Elsewhere => elsewhere::patience(worker, &batch)?,
        Delivery::Callback | Delivery::Download(_) => worker.settings.patience,
    };
    let (mts, access) = (Remote::Mts(batch.mts_url.clone()), Remote::Access(batch.mts_url.clone()));
    let status = match &batch.answer {
        Answer::Accepted(identifier) if worker.pass(&[mts, access.clone()]).is_ok() => {
            // Unwrap safety: the semaphore is never closed.
            let _turn = worker.gates.asking.acquire().await.expect("never closed");
            match worker.mts.status(&batch.mts_url, identifier).await {
                Ok(status) => {
                    worker.breakers.succeeded(&access);
                    Some(status)
                }
                Err(StatusError::Denied(blame)) => {
                    worker.denied(&batch.mts_url, &blame);
                    None
                }
                Err(error @ StatusError::Silent(_)) => {
                    // Silence is no death: MTS answers nobody while it takes a batch in.
                    tracing::debug!(batch = batch.id.0, %error, "the state of a batch is not known");
                    None
                }
            }
        }
        _ => None,
    };
    let mut now_after = worker.steady.now();
    let mut verdict = match status {
        Some(status) => {
            let overtaken = worker.gates.of(&batch.mts_url).is_overtaken(batch.id);
            batch.judge(status, overtaken, &patience, now_after)
        }
        None => batch.judge_unanswered(&patience, now_after),
    };
    if let (Some(Status::Processed), Delivery::Download(form), Answer::Accepted(identifier)) =
        (status, batch.delivery, &batch.answer)
    {
        let fetched = download::fetch(worker, &batch, identifier, form).await?;
        now_after = worker.steady.now();
        verdict = batch.judge_file(fetched, &patience, now_after);
    }
    if batch.delivery == Delivery::Elsewhere {
        let untouched = match elsewhere::look(worker, &batch).await {
            // Nothing is lost before the registry was looked into.
            Err(Halt::Until(until)) => {
                now_after = worker.steady.now();
                batch.check_at = until.max(now_after);
                verdict = Verdict::Wait;
                HashSet::new()
            }
            looked => looked?,
        };
        if verdict == Verdict::Lost(Cause::Delivery) && !elsewhere::nobody_came(worker, &batch) {
            elsewhere::give_up(worker, &batch, &untouched).await?;
            if untouched.is_empty() {
                return Ok(());
            }
            // Each look takes some of them off.
            now_after = worker.steady.now();
            batch.check_at = now_after;
            verdict = Verdict::Wait;
        }
    }
    match verdict {
        Verdict::Wait => {
            worker.store.change(move |change| keep_judgement(change, &batch, &patience, now_after)).await?;
        }
        Verdict::Lost(cause) => {
            // Where nothing of a whole batch came, no record of it is to blame.
            let waiting = worker.store.members(batch.id).len();
            let whole = batch.size > 1 && waiting == batch.size as usize;
            // A file is there for all or for none: whoever waits for it is not to blame.
            let nothing_came = whole || batch.delivery.is_download();
            let undelivered = status == Some(Status::Failed) || (cause == Cause::Delivery && nothing_came);
            if undelivered {
                let trouble = match batch.delivery {
                    Delivery::Callback => format!(
                        "MTS could not deliver to {}; check callback.public_url, and what lies between",
                        worker.settings.receiver
                    ),
                    Delivery::Elsewhere => {
                        "nobody's token comes by the connector's callback URL; check its address, login and output format, the log of \
                         whoever is called, and what lies between"
                            .to_owned()
                    }
                    Delivery::Download(_) => {
                        "MTS is through with a batch, and its file is missing, empty, cut or of another batch; check the disk \
                         of MTS, its log, and what lies between"
                            .to_owned()
                    }
                };
                let delivery = Remote::Delivery(batch.connector);
                worker.breakers.failed(&delivery, &trouble, worker.jitter(), worker.steady.now());
            }
            // Of few whom somebody else was to write nothing is known but that they did not come: not for ever.
            let few = batch.delivery == Delivery::Elsewhere && batch.size as usize <= SCOUTS;
            let (fault, cause) = match cause {
                Cause::Delivery if !nothing_came || few => (Fault::Record, "delivery"),
                Cause::Delivery | Cause::Server => (Fault::Server, "server"),
            };
            worker.gates.of(&batch.mts_url).lost(batch.id);
            let lost = give_back(worker, batch.id, fault).await?;
            counter!("omc_answers_lost_total", "cause" => cause).increment(lost);
            tracing::warn!(batch = batch.id.0, connector = %batch.connector, lost, cause, "answers are lost; sending again");
        }
    }
    Ok(())
}

/// Callbacks may have come while MTS was asked: what they changed stays.
fn keep_judgement(
    change: &mut crate::store::Change<'_>,
    judged: &Batch,
    patience: &Patience,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if let Some(mut batch) = change.batch(judged.id) {
        batch.forget_the_future(patience, now);
        batch.check_at = judged.check_at;
        batch.deadline = batch.deadline.max(judged.deadline);
        batch.unknown_at = judged.unknown_at;
        batch.processed_at = batch.processed_at.max(judged.processed_at);
        change.put_batch(batch);
    }
    Ok(())
}

async fn give_back(worker: &Worker, batch: BatchId, fault: Fault) -> Result<u64, StoreError> {
    let members = worker.store.members(batch);
    let (backoff, now, wall) = (worker.settings.backoff, worker.steady.now(), worker.clock.now());
    let mut given = 0;
    for chunk in members.chunks(CHUNK) {
        let chunk = chunk.to_vec();
        let jitters: Vec<f64> = chunk.iter().map(|_| worker.jitter()).collect();
        given += worker
            .store
            .change(move |change| {
                let mut given = 0;
                for (key, jitter) in chunk.into_iter().zip(jitters) {
                    let occasion = Occasion { now, wall, backoff: &backoff, jitter };
                    let effects = change.apply(key, Event::AnswerMissing { batch, fault }, &occasion)?;
                    given += u64::from(effects.is_some_and(|effects| effects.ignored.is_none()));
                }
                Ok(given)
            })
            .await?;
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;
    use url::Url;

    use super::*;
    use crate::domain::batch::{Access, Patience};
    use crate::domain::identity::ConnectorId;

    fn batch(id: u64, interval: Duration) -> Batch {
        let url = Url::parse("http://mts.example").unwrap();
        let patience = Patience { interval, callback_grace: interval, stuck_after: interval };
        Batch::sent(BatchId(id), ConnectorId(1), url, 10, Access::default(), interval, &patience, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_batch_that_is_being_posted_is_not_slept_over() {
        let at = |seconds| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let batches = || [batch(1, Duration::from_secs(5)), batch(2, Duration::from_secs(50))].into_iter();
        assert_eq!(next_look(batches(), |_| false, at(9)), Some(at(5)));
        assert_eq!(next_look(batches(), |id| id == BatchId(1), at(9)), Some(at(9)));
        assert_eq!(next_look(batches(), |_| true, at(9)), Some(at(9)), "nothing else may wake it");
        assert_eq!(next_look(std::iter::empty(), |_| true, at(9)), None);
    }
}
