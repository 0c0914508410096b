//! Renewing the credentials that MTS is given for OMC's receiver. It keeps them in clear, and so may its backups: what leaks of them
//! is worth nothing for long. What went out with a batch stays good until that batch is settled.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Worker;
use crate::domain::generation::Current;
use crate::store::{Change, StoreError};

/// Renews the credentials if they have been given out for `period`.
pub fn step(worker: &Worker, period: Duration) -> Result<(), StoreError> {
    let now = worker.steady.now();
    if worker.store.generation().is_some_and(|current| !current.is_due(period, now)) {
        return Ok(());
    }
    let current = worker.store.change_now(|change| Ok(renewed(change, now)))?;
    if current.generation.0 > 1 {
        tracing::info!(generation = current.generation.0, "MTS is given new credentials for callbacks from now on");
    }
    Ok(())
}

fn renewed(change: &mut Change<'_>, now: DateTime<Utc>) -> Current {
    let current = change.generation().map_or_else(|| Current::first(now), |current| current.next(now));
    change.put_generation(current);
    current
}
