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
    let Current { generation, .. } = worker.store.change_now(|change| {
        let renewed = change.generation().map_or_else(|| Current::first(now), |current| current.next(now));
        Ok(begin(change, renewed))
    })?;
    tracing::info!(generation = generation.0, "MTS is given new credentials for callbacks from now on");
    Ok(())
}

/// The credentials that go out now; the first ones, where there are none.
pub(super) fn present(change: &mut Change<'_>, now: DateTime<Utc>) -> Current {
    change.generation().unwrap_or_else(|| begin(change, Current::first(now)))
}

fn begin(change: &mut Change<'_>, current: Current) -> Current {
    change.put_generation(current);
    current
}
