//! The composition root: builds the parts, lets them run, and drains them.

mod audit;
mod certificates;
pub mod check;
mod chores;
pub mod discretion;
pub mod duplicates;
pub mod import;
mod leases;
mod notify;
mod operations;
mod poll;
pub mod preview;
mod reception;
mod rekey;
mod roster;
mod secret_files;
pub mod setup;
mod sockets;
pub mod telemetry;
mod token_policy;

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use certificates::Certificates;
pub use rekey::Rekeyed;
pub use roster::{Roster, Standing};
use secret_files::{make_token, remove_drafts};
pub use sockets::Sockets;

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::connector::{Activity, Connector};
use crate::domain::retry::delta;
use crate::http::{self, Entrance, Handshake, callback};
use crate::mosip::Service;
use crate::mts::Mts;
use crate::odoo;
use crate::schedule::Ticker;
use crate::seal::{self, Exposure, Seal};
use crate::store::{Store, StoreError};
use crate::worker::{Settings, Tally, Worker, credentials, definitions, tend};

/// The time that dropping what outlasted the grace period may take.
const DROPPED: Duration = Duration::from_secs(1);
/// The time that the last write and the last sync may take, each.
const SYNCED: Duration = Duration::from_secs(10);

/// What the parts of a running daemon share.
pub struct App {
    pub worker: Arc<Worker>,
    pub roster: Roster,
    pub config: Config,
    certificates: Certificates,
    refused_callbacks: audit::RefusedCallbacks,
    /// In steady time.
    began: DateTime<Utc>,
    /// VID clean-ups that went through everybody.
    pub clean_ups: std::sync::atomic::AtomicU64,
    /// Odoo's definitions were read at least once.
    pub heard: AtomicBool,
    stop: CancellationToken,
    /// The grace period is over.
    abandon: CancellationToken,
    tasks: TaskTracker,
    /// A part has broken down, or the store: only a new start helps.
    failed: CancellationToken,
}

/// What outlives a reload of the configuration: the key and the store that it opens, and what was done so far.
#[derive(Clone)]
pub struct Foundation {
    config: crate::store::Config,
    seal: Arc<Seal>,
    store: Store,
    /// What the daemon of this store calls itself.
    daemon: Arc<str>,
    tally: Arc<Tally>,
    /// A change of the key that was cut short, and finished by opening this.
    pub caught_up: Option<Rekeyed>,
    /// Closed when the daemon is to stop for good.
    pub sockets: Arc<Sockets>,
}

impl Foundation {
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let key_file = &config.store.key_file;
        make_folder_of(&config.store.path)?;
        // A new key would open nothing of a store that is there.
        let seal = if Store::exists(&config.store.path) { seal::load(key_file) } else { seal::load_or_make(key_file) };
        let seal = Arc::new(seal?);
        if Exposure::at(key_file) == Exposure::Group {
            tracing::warn!(path = %key_file.display(), "the key file's group can read it");
        }
        let keys = certificates::keys(config).map(|(_, path)| path);
        let exposed = keys.filter(|path| Exposure::at(path) == Exposure::Everybody);
        for path in config.exposed.iter().map(PathBuf::as_path).chain(exposed) {
            tracing::warn!(path = %path.display(), "every account of this machine can read a file with a secret in it");
        }
        let store = Store::open(&config.store, &seal.fingerprints())?;
        // Nobody else writes the key file while the store is ours.
        remove_drafts(key_file);
        let caught_up = rekey::catch_up(&store, &seal, config)?;
        rekey::retire_if_possible(&store, &seal, key_file, SystemClock.now());
        let name: [u8; 12] = seal.random()?;
        let daemon = store.identity(|| URL_SAFE_NO_PAD.encode(name))?.into();
        let sockets = Arc::default();
        Ok(Self { config: config.store.clone(), seal, store, daemon, tally: Arc::default(), caught_up, sockets })
    }

    /// Makes a new key, and brings the store under it. Nobody else may have the store open, which is so: it has one owner.
    pub fn rekey(&self, config: &Config, discard_old: bool) -> anyhow::Result<Rekeyed> {
        rekey::change(&self.store, &self.seal, config, discard_old)
    }

    /// The foundation that another configuration asks for: the same one, if it still is the right one. Tally and sockets go on.
    pub fn under(&self, config: &Config) -> anyhow::Result<Self> {
        if self.config == config.store {
            return Ok(self.clone());
        }
        Ok(Self { tally: Arc::clone(&self.tally), sockets: Arc::clone(&self.sockets), ..Self::open(config)? })
    }
}

/// Makes the folder that the store is to lie in, where it is missing; by default key and token lie there too.
fn make_folder_of(store: &Path) -> Result<(), StoreError> {
    let Some(folder) = store.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| StoreError::Unusable { path: store.to_owned(), cause })
}

/// A daemon at work.
pub struct Running {
    pub app: Arc<App>,
    pub callback: SocketAddr,
    pub admin: SocketAddr,
    /// A listener ended by itself. What is left of the daemon is to be ended too, and started again by whoever started it.
    pub failed: CancellationToken,
    listeners: CancellationToken,
    /// What the listeners still have in hand is dropped.
    cut: CancellationToken,
    serving: TaskTracker,
    ticker: Ticker,
}

/// Whether a daemon could be built by this configuration, as far as that shows without starting one.
pub fn vet(config: &Config) -> anyhow::Result<()> {
    odoo::Client::new(&config.odoo)?;
    let settings = settings(config, config.callback.listen, "".into())?;
    let trust = config.mts.trust()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Mts::new(&trust, config.mts.accesses(&trust, &clock)?)?;
    Certificates::read(config, &settings.receiver)?;
    Service::new(&config.mosip, &clock)?;
    Ok(())
}

/// Binds the listeners, and starts working. Odoo and MTS may be down: they are waited for.
pub async fn start(
    config: Config,
    foundation: Foundation,
    clock: Arc<dyn Clock>,
    metrics: Option<PrometheusHandle>,
) -> anyhow::Result<Running> {
    let Foundation { seal, store, daemon, tally, sockets, .. } = foundation;
    // What is wrong with the files of certificates is told before anything is bound.
    let handshake = config.callback.identity()?.map(|identity| Handshake::new(&identity));
    let [at_callback, at_admin] = [("callback.listen", config.callback.listen), ("admin.listen", config.admin.listen)];
    sockets.keep([at_callback, at_admin]);
    let callback_listener = sockets.listen(at_callback.0, at_callback.1).await?;
    let admin_listener = sockets.listen(at_admin.0, at_admin.1).await?;
    let (callback, admin) = (callback_listener.local_addr()?, admin_listener.local_addr()?);

    let settings = settings(&config, callback, daemon)?;
    let certificates = Certificates::read(&config, &settings.receiver)?;
    certificates.tell(clock.now());
    store.open_audit(audit::outlets(&config), config.mosip.audit_queue);
    let app = build(config, settings, certificates, Arc::clone(&seal), store, Arc::clone(&clock), tally)?;
    credentials::step(&app.worker, app.config.callback.renew_credentials.as_duration())?;
    for connector in definitions::kept(&app.worker)? {
        // Whether it is still to run, only Odoo can tell; what MTS holds is written meanwhile.
        let stopped = Connector { activity: Activity::Stopped, ..Connector::clone(&connector) };
        app.tend(Arc::new(stopped), Standing::Kept);
        if connector.activity == Activity::Started {
            app.roster.was_started(connector.id);
        }
    }

    let (broken, stop, told) = (app.worker.store.broken(), app.stop.clone(), app.failed.clone());
    app.spawn(async move {
        if stop.run_until_cancelled(broken.cancelled()).await.is_some() {
            tracing::error!("the store has failed, and does not recover within a process");
            told.cancel();
        }
    });
    let (listeners, cut, failed) = (CancellationToken::new(), CancellationToken::new(), app.failed.clone());
    let serving = TaskTracker::new();
    let token = make_token(&app.config.admin.token_file, &seal)?;
    let routers = [
        (Entrance { socket: callback_listener, tls: handshake }, callback::router(app.receiver())),
        (Entrance::from(admin_listener), http::admin::router(app.desk(token, metrics, failed.clone()))),
    ];
    for (entrance, router) in routers {
        let (stop, cut) = (listeners.clone(), cut.clone());
        // Told even by a panic.
        let failed = failed.clone().drop_guard();
        serving.spawn(async move {
            match http::serve(entrance, router, stop, cut).await {
                Ok(()) => _ = failed.disarm(),
                Err(error) => tracing::error!(%error, "a listener failed"),
            }
        });
    }
    serving.close();

    app.audit(&clock)?;
    app.notify(&clock)?;
    app.spawn(poll::run(Arc::clone(&app)));
    app.spawn(tend::batches(Arc::clone(&app.worker), app.stop.clone()));
    let ticker = Ticker::start(chores::jobs(&app)).await.context("cannot start the ticker")?;
    tracing::info!(%callback, %admin, "OMC is up");
    Ok(Running { app, callback, admin, failed, listeners, cut, serving, ticker })
}

fn build(
    config: Config,
    settings: Settings,
    certificates: Certificates,
    seal: Arc<Seal>,
    store: Store,
    clock: Arc<dyn Clock>,
    tally: Arc<Tally>,
) -> anyhow::Result<Arc<App>> {
    let odoo = Arc::new(odoo::Client::new(&config.odoo)?);
    let trust = config.mts.trust()?;
    let mts = Mts::new(&trust, config.mts.accesses(&trust, &clock)?).context(
        "cannot prepare HTTPS: are CA certificates installed (package ca-certificates), or one named in mts.ca_cert?",
    )?;
    let worker = Arc::new(Worker::new(store, seal, clock, mts, odoo, settings, tally)?);
    let began = worker.steady.now();
    Ok(Arc::new(App {
        worker,
        roster: Roster::default(),
        config,
        certificates,
        refused_callbacks: audit::RefusedCallbacks::default(),
        began,
        clean_ups: std::sync::atomic::AtomicU64::new(0),
        heard: AtomicBool::new(false),
        stop: CancellationToken::new(),
        abandon: CancellationToken::new(),
        tasks: TaskTracker::new(),
        failed: CancellationToken::new(),
    }))
}

fn settings(config: &Config, callback: SocketAddr, daemon: Arc<str>) -> anyhow::Result<Settings> {
    let scheme = if config.callback.tls_cert.is_some() { "https" } else { "http" };
    let receiver = match &config.callback.public_url {
        Some(url) => url.clone(),
        None => Url::parse(&format!("{scheme}://{callback}")).context("callback.listen makes no address for MTS")?,
    };
    Ok(Settings {
        model: config.odoo.connector_model,
        chosen: config.odoo.connectors.clone(),
        page_size: config.odoo.page_size.get(),
        receiver,
        batch_size: config.submit.batch_size,
        concurrency: config.submit.concurrency,
        max_in_flight: config.submit.max_in_flight,
        mandatory: config.mandatory().map_err(anyhow::Error::msg)?,
        vid: config.vid.rules(),
        unauthenticated: config.callback.allow_unauthenticated,
        stock_delivery: config.odoo.delivery_type,
        odk_folder: config.odk.folder.clone(),
        patience: config.reconcile.patience(),
        backoff: config.retry.backoff()?,
        overlap: delta(config.schedule.overlap.as_duration()),
        daemon,
    })
}

impl App {
    /// Keeps the time and syncs the store for the last time, where it is at work. A disk that hangs holds nobody up.
    async fn has_come_to_rest(self: &Arc<Self>) -> bool {
        if self.worker.store.is_broken() {
            return false;
        }
        let app = Arc::clone(self);
        let kept = tokio::task::spawn_blocking(move || app.worker.keep_time());
        match tokio::time::timeout(SYNCED, kept).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::error!(%error, "the time could not be kept"),
            _ => tracing::error!(error = "no answer from the disk", "the time could not be kept"),
        }
        match tokio::time::timeout(SYNCED, self.worker.store.sync()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::error!(%error, "the last sync failed");
                false
            }
            Err(_) => {
                tracing::error!(error = "no answer from the disk", "the last sync failed");
                false
            }
        }
    }

    /// Takes a good definition, and works by it from now on.
    fn tend(self: &Arc<Self>, connector: Arc<Connector>, standing: Standing) {
        if let Some((definition, stop)) = self.roster.put(connector, standing, &self.stop) {
            self.spawn(tend::connector(Arc::clone(&self.worker), definition, stop));
        }
    }

    /// A task that is waited for at the end, but not for ever.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.abandon.clone().run_until_cancelled_owned(task);
        // Told even by a panic.
        let failed = self.failed.clone().drop_guard();
        self.tasks.spawn(async move {
            task.await;
            failed.disarm();
        });
    }
}

impl Running {
    /// Stops sending and pulling, finishes what is in hand, and syncs. Tells whether all of it ended within the grace period;
    /// what did not is found again at the next start. `leave` gives up the connectors' leases: this store's daemon does not go
    /// on at once, and another may.
    pub async fn shut_down(self, grace: Duration, leave: bool) -> bool {
        self.app.stop.cancel();
        self.ticker.stop().await;
        self.app.tasks.close();
        let finished = tokio::time::timeout(grace, self.app.tasks.wait()).await.is_ok();
        self.app.abandon.cancel();
        if leave {
            // What is still being dropped would take a lease again with its next call.
            _ = tokio::time::timeout(DROPPED, self.app.tasks.wait()).await;
            leases::give_up(&self.app).await;
        }
        // Callbacks are taken for as long as anything is in hand.
        self.listeners.cancel();
        let closed = tokio::time::timeout(Duration::from_secs(5), self.serving.wait()).await.is_ok();
        self.cut.cancel();
        // Whoever starts again in this process finds nobody of before at the store.
        let gone = tokio::time::timeout(Duration::from_secs(1), self.serving.wait()).await.is_ok();
        if let Err(error) = self.app.tell_of_refused_callbacks(true) {
            tracing::error!(%error, "the last refused callbacks could not be kept for the audit");
        }
        self.app.has_come_to_rest().await && finished && closed && gone
    }
}
