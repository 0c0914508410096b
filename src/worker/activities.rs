//! Telling Odoo what is the matter with connectors, which makes activities of it there. Nothing waits for it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use metrics::counter;
use tokio::sync::Mutex;

use super::{Halt, Progress, Remote, Worker};
use crate::domain::alarm::{Message, Turn};
use crate::domain::identity::ConnectorId;
use crate::odoo::error::{Error, Refusal};

/// Refusals by Odoo after which a message is given up: with the usual pauses, more than a day of them. That Odoo is away is none.
const TRIES: u32 = 200;

/// How often Odoo refused in a row, by connector.
#[derive(Debug, Default)]
pub struct Telling(Mutex<HashMap<ConnectorId, u32>>);

/// Tells the next message for Odoo. What is in the way of one connector's holds up no other's.
pub async fn step(worker: &Worker, telling: &Telling) -> Result<Progress, Halt> {
    let now = worker.steady.now();
    let mut opens: Option<DateTime<Utc>> = None;
    let found = worker.store.message(|message: &Message| {
        let Some(news) = &message.activity else { return false };
        let shut = worker.breakers.shut_until(&Remote::Activities(news.connector), now);
        opens = opens.into_iter().chain(shut).min();
        shut.is_none()
    });
    let Some((number, message, news)) =
        found.and_then(|(number, message)| message.activity.clone().map(|news| (number, message, news)))
    else {
        return Ok(Progress::Idle(opens));
    };
    let remote = Remote::Activities(news.connector);
    // Nobody is told of what a power cut could undo.
    worker.store.sync().await?;
    let registry = worker.registry().await?;
    let told = worker.hear_odoo(registry.alarm(&news)).await?;
    let mut refusals = telling.0.lock().await;
    match told {
        Ok(people) => {
            worker.breakers.succeeded(&remote);
            let is_for_nobody = people == 0 && news.turn == Turn::Begins;
            if is_for_nobody {
                let connector = news.connector;
                tracing::warn!(%connector, "nobody gets the activity; choose in Odoo who is responsible for the connector");
            }
            let outcome = if is_for_nobody { "nobody" } else { "told" };
            counter!("omc_activities_total", "outcome" => outcome).increment(1);
        }
        // The connector was deleted, and its activities with it.
        Err(Error::Refused(Refusal::MissingRecord { .. })) => {}
        Err(error) => {
            let refused = refusals.entry(news.connector).or_default();
            *refused += 1;
            worker.breakers.failed(&remote, &error.to_string(), worker.jitter(), worker.steady.now());
            if *refused < TRIES {
                // Another connector's may go.
                return Ok(Progress::Worked);
            }
            let subject = message.subject.as_str();
            tracing::error!(subject, "Odoo refuses again and again; an activity is given up");
            counter!("omc_activities_total", "outcome" => "lost").increment(1);
        }
    }
    refusals.remove(&news.connector);
    drop(refusals);
    let removed = worker.store.change(move |change| {
        change.remove_message(number);
        Ok(())
    });
    removed.await?;
    Ok(Progress::Worked)
}
