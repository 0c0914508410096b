//! Renewing the credentials that MTS is given for OMC's receiver. It keeps them in clear, and so may its backups: what leaks of them
//! is worth nothing for long. What went out with a batch stays good until that batch is settled.

use std::time::Duration;

use super::Worker;
use crate::domain::generation::Current;
use crate::store::StoreError;

/// Renews the credentials if they have been given out for `period`.
pub fn step(worker: &Worker, period: Duration) -> Result<(), StoreError> {
    let now = worker.steady.now();
    if worker.store.generation().is_some_and(|current| !current.is_due(period, now)) {
        return Ok(());
    }
    let Current { generation, .. } = worker.store.change_now(|change| {
        let renewed = change.generation().map_or_else(|| Current::first(now), |current| current.next(now));
        change.put_generation(renewed);
        Ok(renewed)
    })?;
    tracing::info!(generation = generation.0, "MTS is given new credentials for callbacks from now on");
    Ok(())
}
