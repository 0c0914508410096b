//! The work itself: one step function for each part of it, and loops that call them. Here, and only here, the registry, MTS and
//! the store meet.
//!
//! | step | moves |
//! |---|---|
//! | [`pull`] | registrants of a run into the store |
//! | [`odk`] | submissions of ODK through MTS, and their results into a file |
//! | [`submit`] | records to MTS |
//! | (callbacks) | results into the store: [`crate::http`] |
//! | [`write_back`] | tokens into the registry, VIDs out of it |
//! | [`reconcile`] | results of downloads into the store, and records whose answer is lost back to the start |
//! | [`clean_up`] | VIDs that stayed behind out of the registry |
//! | [`audit`] | events for the audit out of the store |
//! | [`notify`] | messages to people out of the store |
//! | [`activities`] | messages to Odoo out of the store |
//! | [`credentials`] | MTS's credentials at the receiver to new ones |

pub mod activities;
mod address;
mod answered;
mod apart;
pub mod audit;
mod awaiting;
pub mod clean_up;
mod config;
pub mod credentials;
pub mod definitions;
mod download;
mod elsewhere;
pub mod gate;
mod input_format;
pub mod notify;
pub mod odk;
mod output_format;
mod prepare;
pub mod preview;
pub mod pull;
pub mod reconcile;
pub mod release;
pub mod remote;
pub mod report;
pub mod submit;
mod tally;
pub mod tend;
mod witnesses;
pub mod write_back;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::RwLock;
use url::Url;

pub use config::{OdkConfig, ReconcileConfig, RetryConfig, SubmitConfig, VidConfig};
pub use prepare::{Decision, Preparation};
pub use tally::Tally;

use crate::clock::{Clock, Steady};
use crate::domain::batch::Patience;
use crate::domain::connector::Model;
use crate::domain::delivery::Delivery;
use crate::domain::identity::ConnectorId;
use crate::domain::mapping::Mandatory;
use crate::domain::record::Record;
use crate::domain::retry::Backoff;
use crate::domain::transition::Occasion;
use crate::domain::vid_rules::VidRules;
use crate::jq::Jail;
use crate::mts::{Blame, Mts};
use crate::odoo::{self, Registry};
use crate::seal::Seal;
use crate::store::{Queue, Store, StoreError};
use gate::Gates;
use remote::{Breakers, Remote};
use witnesses::Witnesses;

/// What the work goes by.
#[derive(Debug, Clone)]
pub struct Settings {
    pub model: Model,
    /// With [`Model::Stock`]: the connectors to take over, by name or id.
    pub chosen: Vec<String>,
    pub page_size: u32,
    /// Where MTS reaches OMC's receiver.
    pub receiver: Url,
    pub batch_size: u32,
    pub concurrency: usize,
    pub max_in_flight: u64,
    pub mandatory: Mandatory,
    pub vid: VidRules,
    /// Whether a connector may have MTS call without credentials.
    pub unauthenticated: bool,
    /// With [`Model::Stock`]: how the results come.
    pub stock_delivery: Delivery,
    /// Where the results of ODK's submissions go; without it there are none.
    pub odk_folder: Option<PathBuf>,
    pub patience: Patience,
    pub backoff: Backoff,
    /// How far back a delta looks behind its cursor.
    pub overlap: chrono::TimeDelta,
    /// The name under which connectors' leases are taken.
    pub daemon: Arc<str>,
}

/// What every step works with.
#[derive(Debug)]
pub struct Worker {
    pub store: Store,
    pub seal: Arc<Seal>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// The time to wait by.
    pub steady: Steady,
    pub mts: Mts,
    pub odoo: Arc<odoo::Client>,
    pub settings: Settings,
    pub breakers: Breakers,
    pub gates: Gates,
    pub tally: Arc<Tally>,
    pub posting: submit::Posting,
    pub witnesses: Witnesses,
    /// Where input formats run.
    pub jail: Jail,
    registry: RwLock<Option<Registry>>,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Something was done; there may be more.
    Worked,
    /// Nothing to do before this time, or before something changes.
    Idle(Option<DateTime<Utc>>),
    /// Nothing to do any more.
    Over,
}

/// Why a step cannot go on now.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// A server fails; its breaker says when to come back.
    #[error("waiting until {0}")]
    Until(DateTime<Utc>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Sync(#[from] Arc<StoreError>),
}

impl Worker {
    /// Fails where the store does.
    pub fn new(
        store: Store,
        seal: Arc<Seal>,
        clock: Arc<dyn Clock>,
        mts: Mts,
        odoo: Arc<odoo::Client>,
        settings: Settings,
        tally: Arc<Tally>,
    ) -> Result<Self, StoreError> {
        let steady = Steady::resume(Arc::clone(&clock), store.mark()?.as_ref());
        if clock.uptime().boot.is_empty() {
            tracing::warn!("the machine does not tell which boot this is; after a restart waits go by the wall clock");
        }
        store.keep_mark(&steady.mark())?;
        Ok(Self {
            store,
            seal,
            clock,
            steady,
            mts,
            odoo,
            breakers: Breakers::new(settings.backoff),
            gates: Gates::new(settings.concurrency),
            tally,
            posting: submit::Posting::default(),
            witnesses: Witnesses::default(),
            jail: Jail::new(),
            settings,
            registry: RwLock::default(),
        })
    }

    /// Keeps the time for the next start.
    pub fn keep_time(&self) -> Result<(), StoreError> {
        self.store.keep_mark(&self.steady.mark())
    }

    /// The registry, found out about when it is first needed.
    pub async fn registry(&self) -> Result<Registry, Halt> {
        if let Some(registry) = self.registry.read().await.clone() {
            return Ok(registry);
        }
        let mut slot = self.registry.write().await;
        if let Some(registry) = slot.clone() {
            return Ok(registry);
        }
        let daemon = Some(Arc::clone(&self.settings.daemon));
        let registry =
            self.ask_odoo(None, Registry::detect(Arc::clone(&self.odoo), self.settings.model, daemon)).await?;
        let way = if registry.through_door() { "through the addon's door" } else { "by plain calls" };
        tracing::info!(way, "the registry answers");
        Ok(slot.insert(registry).clone())
    }

    /// Forgets how the registry is reached: the addon may have come or gone.
    pub async fn forget_registry(&self) {
        *self.registry.write().await = None;
    }

    /// Makes one call to Odoo, behind its breaker. A failure that lies in what is asked for a connector, its filter above all,
    /// shuts only that connector's.
    pub async fn ask_odoo<T>(
        &self,
        connector: Option<ConnectorId>,
        call: impl Future<Output = Result<T, odoo::Error>>,
    ) -> Result<T, Halt> {
        self.ask_odoo_behind(connector.map(Remote::Connector), call).await
    }

    /// As [`Worker::ask_odoo`]; a failure that lies in what is asked shuts `own`.
    pub async fn ask_odoo_behind<T>(
        &self,
        own: Option<Remote>,
        call: impl Future<Output = Result<T, odoo::Error>>,
    ) -> Result<T, Halt> {
        self.hear_odoo(call).await?.map_err(|error| self.blame(own.unwrap_or(Remote::Odoo), &error))
    }

    /// Makes one call to Odoo, behind its breaker. An error that comes back lies in what is asked.
    pub async fn hear_odoo<T>(
        &self,
        call: impl Future<Output = Result<T, odoo::Error>>,
    ) -> Result<Result<T, odoo::Error>, Halt> {
        if let Some(until) = self.breakers.shut_until(&Remote::Odoo, self.steady.now()) {
            return Err(Halt::Until(until));
        }
        let error = match call.await {
            Ok(value) => {
                self.breakers.succeeded(&Remote::Odoo);
                return Ok(Ok(value));
            }
            Err(error) => error,
        };
        if error.is_missing_method() || error.is_missing_model() {
            // The addon may have come or gone.
            self.forget_registry().await;
        }
        if error.concerns_every_call() { Err(self.blame(Remote::Odoo, &error)) } else { Ok(Err(error)) }
    }

    /// Shuts the breaker before what an error lies in.
    fn blame(&self, remote: Remote, error: &odoo::Error) -> Halt {
        if remote != Remote::Odoo {
            self.breakers.succeeded(&Remote::Odoo);
        }
        Halt::Until(self.breakers.failed(&remote, &error.to_string(), self.jitter(), self.steady.now()))
    }

    /// The records of a connector that are due in a queue.
    fn due(&self, connector: ConnectorId, queue: Queue, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.store.due(connector, queue, self.steady.now(), self.settings.backoff.longest(), limit)
    }

    /// Waits for whichever of these breakers opens last.
    pub fn pass(&self, remotes: &[Remote]) -> Result<(), Halt> {
        let now = self.steady.now();
        match remotes.iter().filter_map(|remote| self.breakers.shut_until(remote, now)).max() {
            Some(until) => Err(Halt::Until(until)),
            None => Ok(()),
        }
    }

    /// The gateway before an MTS does not let OMC through: the breaker before it shuts.
    fn denied(&self, mts_url: &Url, blame: &Blame) {
        let remote = Remote::Access(mts_url.clone());
        self.breakers.failed(&remote, &blame.to_string(), self.jitter(), self.steady.now());
    }

    /// The occasion of a change that happens now.
    pub fn occasion(&self) -> Occasion<'_> {
        let (now, wall) = (self.steady.now(), self.clock.now());
        Occasion { now, wall, backoff: &self.settings.backoff, jitter: self.jitter() }
    }

    /// From 0 to 1; without random numbers, the middle.
    fn jitter(&self) -> f64 {
        self.seal.random::<2>().map_or(0.5, |bytes| f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX))
    }
}
