//! Records that wait for what MTS makes of one batch, where OMC goes and gets it; and taking it in.

use std::sync::Arc;

use super::{Worker, submit};
use crate::domain::batch::Batch;
use crate::domain::correlation::Correlation;
use crate::domain::opaque::Nonce;
use crate::domain::record::{Record, State};
use crate::intake::{Intake, Said};
use crate::store::StoreError;

/// A record that waits for its result.
pub(super) struct Awaiting {
    pub record: Record,
    pub nonce: Nonce,
    /// Its place in the batch.
    pub line: usize,
}

impl Awaiting {
    pub(super) fn correlation(&self, batch: &Batch) -> Correlation {
        Correlation { connector: batch.connector, key: self.record.key, nonce: self.nonce }
    }
}

/// The records that still wait for this batch, by what was sent of them.
pub(super) fn of(worker: &Worker, batch: &Batch) -> Result<Vec<Awaiting>, StoreError> {
    let mut awaiting = Vec::new();
    for key in worker.store.members(batch.id) {
        let Some(record) = worker.store.record(key)? else { continue };
        if record.state != (State::Submitted { batch: batch.id }) {
            continue;
        }
        let attempt = record.attempts.iter().rev().find(|attempt| attempt.batch == batch.id);
        let Some((nonce, line)) = attempt.map(|attempt| (attempt.nonce, attempt.line as usize)) else { continue };
        awaiting.push(Awaiting { record, nonce, line });
    }
    Ok(awaiting)
}

pub(super) fn intake(worker: &Worker) -> Intake {
    Intake {
        store: worker.store.clone(),
        seal: Arc::clone(&worker.seal),
        steady: worker.steady.clone(),
        backoff: worker.settings.backoff,
        patience: worker.settings.patience,
    }
}

/// Passes on what the results say of MTS and the MOSIP behind it.
pub(super) fn tell(worker: &Worker, batch: &Batch, said: &Said) {
    match &said.trouble {
        Some(code) => {
            submit::authentication_fails(worker, &batch.mts_url, code.as_str(), worker.steady.now());
        }
        None if said.tokens => submit::authentication_works(worker, batch.connector, &batch.mts_url),
        None => {}
    }
}
