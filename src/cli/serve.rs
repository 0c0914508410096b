//! `omc serve`: the daemon, from signal to signal.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use crate::app::{self, Foundation, Running, telemetry};
use crate::clock::SystemClock;
use crate::config::Config;

/// What is in hand at SIGTERM has so long; systemd's own limit is longer.
const GRACE: Duration = Duration::from_secs(30);

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

enum Told {
    Stop,
    /// By a part of the daemon, not by a signal.
    Failed,
    Reload(Box<Config>),
}

/// `kept`: nothing of memory comes to the disk when this process breaks down.
pub(super) async fn run(path: Option<&Path>, kept: bool) -> anyhow::Result<Exit> {
    let mut config = Config::load(path)?;
    let logging = telemetry::init(&config.log)?;
    if !kept {
        tracing::warn!("core dumps could not be switched off; see to it that the system makes none of OMC");
    }
    let metrics = telemetry::metrics();
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        reload: signal(SignalKind::hangup())?,
    };
    let mut foundation = Foundation::open(&config)?;
    let mut running = app::start(config.clone(), foundation.clone(), Arc::new(SystemClock), metrics.clone()).await?;
    loop {
        notify(&[NotifyState::Ready]);
        let new = match signals.wait(path, &running.failed).await {
            Told::Stop => {
                notify(&[NotifyState::Stopping]);
                foundation.sockets.close();
                shut_down(running, true).await;
                tracing::info!("stopped");
                return Ok(Exit::Done);
            }
            Told::Failed => {
                notify(&[NotifyState::Stopping]);
                foundation.sockets.close();
                shut_down(running, true).await;
                tracing::error!("stopped, because a part of it failed");
                return Ok(Exit::Failed);
            }
            Told::Reload(new) => *new,
        };
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(_) => notify(&[NotifyState::Reloading]),
        }
        // The same store goes on under the same name.
        shut_down(running, new.store != config.store).await;
        running = match start_again(&new, &foundation, &metrics).await {
            Ok((below, started)) => {
                (foundation, config) = (below, new);
                logging.set(&config.log)?;
                tracing::info!("the configuration is read again");
                started
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "OMC cannot start with the new configuration; the old one stays");
                start_again(&config, &foundation, &metrics).await?.1
            }
        };
    }
}

async fn shut_down(running: Running, leave: bool) {
    if !running.shut_down(GRACE, leave).await {
        tracing::warn!("not everything in hand was finished; it is found again at the next start");
    }
}

/// Starts within the same process.
async fn start_again(
    config: &Config,
    foundation: &Foundation,
    metrics: &Option<PrometheusHandle>,
) -> anyhow::Result<(Foundation, Running)> {
    let foundation = foundation.under(config)?;
    let running = app::start(config.clone(), foundation.clone(), Arc::new(SystemClock), metrics.clone()).await?;
    Ok((foundation, running))
}

impl Signals {
    /// Waits for a signal that means something; a configuration that cannot be read again is told and left.
    async fn wait(&mut self, path: Option<&Path>, failed: &CancellationToken) -> Told {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Told::Stop,
                _ = self.interrupt.recv() => return Told::Stop,
                () = failed.cancelled() => return Told::Failed,
                _ = self.reload.recv() => match Config::load(path) {
                    Ok(config) => match app::vet(&config) {
                        Ok(()) => return Told::Reload(Box::new(config)),
                        Err(error) => {
                            let error = format!("{error:#}");
                            tracing::error!(error, "the new configuration is wrong; the old one stays");
                        }
                    },
                    Err(error) => tracing::error!(%error, "the new configuration is wrong; the old one stays"),
                },
            }
        }
    }
}

/// Tells systemd; where there is none, nobody.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd does not listen");
    }
}
