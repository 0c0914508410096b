//! Who shares a token: for a person who asks, and as a metric.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::time::Instant;

use super::check;
use crate::config::Config;
use crate::domain::connector::Connector;
use crate::domain::duplicate::Duplicates;
use crate::odoo::{self, Registry};
use crate::worker::definitions::Judgement;
use crate::worker::{Halt, Worker};

/// Asks Odoo, by every connector whose definition is right.
pub async fn look(config: &Config) -> anyhow::Result<Vec<Duplicates>> {
    let reading = check::definitions(config).await?;
    let connectors: Vec<Arc<Connector>> = reading
        .connectors
        .into_iter()
        .filter_map(|found| match found.judgement {
            Judgement::Right(connector) => Some(connector),
            Judgement::Wrong(_) | Judgement::Archived => None,
        })
        .collect();
    anyhow::ensure!(
        !connectors.is_empty(),
        "no connector says which ID type is the token; `omc connectors` lists them"
    );
    let odoo = Arc::new(odoo::Client::new(&config.odoo)?);
    let registry = Registry::detect(odoo, config.odoo.connector_model, None).await?;
    Ok(registry.duplicates(connectors.iter().map(Arc::as_ref)).await?)
}

/// How long after its start the daemon counts first: a start has better to do.
const FIRST: Duration = Duration::from_secs(600);

/// When to count, for the metric.
pub(super) struct Counting {
    next: Instant,
}

impl Counting {
    pub fn from_now(period: Duration) -> Self {
        Self { next: Instant::now() + period.min(FIRST) }
    }

    /// Counts, if it is time.
    pub async fn step(&mut self, worker: &Worker, period: Duration, connectors: &[Arc<Connector>]) -> Result<(), Halt> {
        if Instant::now() < self.next || connectors.is_empty() {
            return Ok(());
        }
        let registry = worker.registry().await?;
        match worker.hear_odoo(registry.duplicates(connectors.iter().map(Arc::as_ref))).await? {
            Ok(groups) => {
                let registrants: usize = groups.iter().map(|group| group.registrants.len()).sum();
                gauge!("omc_registrants_sharing_a_token").set(registrants as f64);
            }
            Err(error) => tracing::warn!(%error, "registrants who share a token could not be counted"),
        }
        self.next = Instant::now() + period;
        Ok(())
    }
}
