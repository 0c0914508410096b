//! Sending messages to people, by MOSIP's notifier. Nothing waits for it.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::counter;
use tokio::sync::Mutex;

use super::{Halt, Progress, Remote, Worker};
use crate::mosip::{Notifier, Recipient, Unsent};

/// Failures of the notifier after which a message is given up, and the time that they must go on for.
const TRIES: u32 = 200;
const LONGEST: TimeDelta = TimeDelta::days(3);

/// Who is told, and by what.
#[derive(Debug)]
pub struct Sending {
    notifier: Notifier,
    recipients: Vec<Recipient>,
    tried: Mutex<Tried>,
}

/// What became of the message in hand. In memory: after a start its recipients may get it once more.
#[derive(Debug, Default)]
struct Tried {
    number: u64,
    /// Recipients who have it, or never will, by their place in the configuration.
    done: BTreeSet<usize>,
    failures: u32,
    /// When it failed first.
    since: Option<DateTime<Utc>>,
}

impl Tried {
    fn is_in_vain(&self, now: DateTime<Utc>) -> bool {
        self.failures >= TRIES && self.since.is_some_and(|since| now - since >= LONGEST)
    }
}

impl Sending {
    pub fn new(notifier: Notifier, recipients: Vec<Recipient>) -> Self {
        Self { notifier, recipients, tried: Mutex::default() }
    }
}

/// Sends the next message, to each recipient.
pub async fn step(worker: &Worker, sending: &Sending) -> Result<Progress, Halt> {
    let Some((number, message)) = worker.store.message(|message| message.activity.is_none()) else {
        return Ok(Progress::Idle(None));
    };
    worker.pass(&[Remote::Notifier])?;
    // Nobody is told of what a power cut could undo.
    worker.store.sync().await?;
    let mut tried = sending.tried.lock().await;
    if tried.number != number {
        *tried = Tried { number, ..Tried::default() };
    }
    for (place, recipient) in sending.recipients.iter().enumerate() {
        if tried.done.contains(&place) {
            continue;
        }
        match sending.notifier.send(recipient, &message.subject, &message.text).await {
            Ok(()) => counter!("omc_notifications_total", "outcome" => "sent").increment(1),
            Err(Unsent::Refused) => {
                let (key, entry) = (recipient.key(), place + 1);
                tracing::error!(key, entry, "the notifier refuses a recipient; correct the entry");
                counter!("omc_notifications_total", "outcome" => "refused").increment(1);
            }
            Err(Unsent::Failed(failure)) => {
                let now = worker.steady.now();
                tried.failures = tried.failures.saturating_add(1);
                tried.since.get_or_insert(now);
                let until = worker.breakers.failed(&Remote::Notifier, &failure.to_string(), worker.jitter(), now);
                if tried.is_in_vain(now) {
                    let subject = message.subject.as_str();
                    tracing::error!(subject, "the notifier fails again and again; a message is given up");
                    counter!("omc_notifications_total", "outcome" => "lost").increment(1);
                    remove(worker, number, &mut tried).await?;
                }
                return Err(Halt::Until(until));
            }
        }
        tried.done.insert(place);
        worker.breakers.succeeded(&Remote::Notifier);
    }
    remove(worker, number, &mut tried).await?;
    Ok(Progress::Worked)
}

/// The next one may have the same number.
async fn remove(worker: &Worker, number: u64, tried: &mut Tried) -> Result<(), Halt> {
    let removed = worker.store.change(move |change| {
        change.remove_message(number);
        Ok(())
    });
    removed.await?;
    *tried = Tried::default();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_pauses_give_no_message_up_early() {
        let since = DateTime::UNIX_EPOCH;
        let tried = |failures| Tried { failures, since: Some(since), ..Tried::default() };
        assert!(!tried(100_000).is_in_vain(since + TimeDelta::hours(71)));
        assert!(!tried(TRIES - 1).is_in_vain(since + TimeDelta::days(30)));
        assert!(tried(TRIES).is_in_vain(since + LONGEST));
    }
}
