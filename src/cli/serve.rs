//! `omc serve`: the daemon, from signal to signal.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use crate::app::{self, Foundation, telemetry};
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
    Reload(Box<Config>),
}

pub(super) async fn run(path: Option<&Path>) -> anyhow::Result<Exit> {
    let mut config = Config::load(path)?;
    let level = telemetry::init(&config.log)?;
    let metrics = telemetry::metrics();
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        reload: signal(SignalKind::hangup())?,
    };
    let mut foundation = Foundation::open(&config)?;
    loop {
        let running = app::start(config, foundation.clone(), Arc::new(SystemClock), metrics.clone()).await?;
        notify(&[NotifyState::Ready]);
        let told = signals.wait(path).await;
        match &told {
            Told::Stop => notify(&[NotifyState::Stopping]),
            Told::Reload(_) => match NotifyState::monotonic_usec_now() {
                Ok(now) => notify(&[NotifyState::Reloading, now]),
                Err(_) => notify(&[NotifyState::Reloading]),
            },
        }
        if !running.shut_down(GRACE).await {
            tracing::warn!("not everything in hand was finished; it is found again at the next start");
        }
        match told {
            Told::Stop => {
                tracing::info!("stopped");
                return Ok(Exit::Done);
            }
            Told::Reload(new) => {
                config = *new;
                if !foundation.serves(&config) {
                    foundation = Foundation::open(&config)?;
                }
                level.set(&config.log)?;
                tracing::info!("the configuration is read again");
            }
        }
    }
}

impl Signals {
    /// Waits for a signal that means something; a configuration that cannot be read again is told and left.
    async fn wait(&mut self, path: Option<&Path>) -> Told {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Told::Stop,
                _ = self.interrupt.recv() => return Told::Stop,
                _ = self.reload.recv() => match Config::load(path) {
                    Ok(config) => return Told::Reload(Box::new(config)),
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
