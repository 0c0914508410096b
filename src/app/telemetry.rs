//! Logs and metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::config::{LogConfig, LogFormat};

/// Changes how a running daemon logs.
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    as_json: Arc<AtomicBool>,
}

/// Begins to log, to stderr.
pub fn init(config: &LogConfig) -> anyhow::Result<Logging> {
    let filter = config.filter().map_err(anyhow::Error::msg)?;
    let most = filter.max_level_hint();
    let (filter, handle) = reload::Layer::new(filter);
    let as_json = Arc::new(AtomicBool::new(config.format == LogFormat::Json));
    let (json, text) = (Arc::clone(&as_json), Arc::clone(&as_json));
    // Both are there, and one is silent. What a filter says is remembered until the level is set anew.
    tracing_subscriber::registry()
        .with(filter)
        .with(
            fmt::layer()
                .with_writer(std::io::stderr)
                .json()
                .flatten_event(true)
                .with_filter(filter_fn(move |_| json.load(Ordering::Relaxed))),
        )
        .with(
            fmt::layer()
                .with_writer(std::io::stderr)
                .with_target(false)
                .with_filter(filter_fn(move |_| !text.load(Ordering::Relaxed))),
        )
        .try_init()
        .context("logging has begun already")?;
    ask_libraries_for(most);
    // Where it happened, and not what was said: that can quote a person's data.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a part of OMC broke down");
    }));
    Ok(Logging { filter: handle, as_json })
}

impl Logging {
    /// Takes level and format.
    pub fn set(&self, config: &LogConfig) -> anyhow::Result<()> {
        let filter = config.filter().map_err(anyhow::Error::msg)?;
        ask_libraries_for(filter.max_level_hint());
        self.as_json.store(config.format == LogFormat::Json, Ordering::Relaxed);
        Ok(self.filter.reload(filter)?)
    }
}

/// Has libraries that log in the older way, sled above all, make no message that nobody wants: a filter that can be reloaded
/// promises nothing, so that each would be made and thrown away.
fn ask_libraries_for(most: Option<LevelFilter>) {
    log::set_max_level(match most.and_then(|most| most.into_level()) {
        Some(tracing::Level::ERROR) => log::LevelFilter::Error,
        Some(tracing::Level::WARN) => log::LevelFilter::Warn,
        Some(tracing::Level::INFO) => log::LevelFilter::Info,
        Some(tracing::Level::DEBUG) => log::LevelFilter::Debug,
        Some(tracing::Level::TRACE) => log::LevelFilter::Trace,
        None if most == Some(LevelFilter::OFF) => log::LevelFilter::Off,
        None => log::LevelFilter::Trace,
    });
}

/// Begins to keep metrics; once in a process.
pub fn metrics() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets(&[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0]).ok()?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok()?;
    describe();
    Some(handle)
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("omc_admitted_total", "Records that runs and clean-ups brought in");
    describe_counter!("omc_submitted_total", "Records that MTS accepted");
    describe_counter!("omc_submit_failures_total", "POSTs to MTS without acceptance, by result");
    describe_counter!("omc_logins_total", "Logins for gateways before MTS, by result");
    describe_counter!("omc_callbacks_total", "Callbacks, by what became of them");
    describe_counter!(
        "omc_callback_results_total",
        "Results in callbacks, by what they said or why they counted for nothing"
    );
    describe_counter!(
        "omc_download_results_total",
        "Results in downloads, by what they said or why they counted for nothing"
    );
    describe_counter!("omc_odk_pulls_total", "Windows that MTS was to pull from ODK Central, by outcome");
    describe_counter!("omc_odk_results_total", "Results of submissions, written into files, by outcome");
    describe_counter!("omc_callback_logins_total", "Logins at the callback receiver, by result");
    describe_counter!("omc_connections_shed_total", "Connections and TLS handshakes that gave way to others");
    describe_counter!("omc_tokens_unsteady_total", "Results with another token than the same VID gave before");
    describe_counter!("omc_answers_lost_total", "Records sent again because their answer was lost, by cause");
    describe_counter!(
        "omc_elsewhere_results_total",
        "Tokens found in the registry that somebody else wrote, by outcome"
    );
    describe_counter!("omc_vid_doubts_total", "VIDs that look wrong and were sent all the same, by rule");
    describe_counter!("omc_refused_total", "Records that OMC did not send, by code");
    describe_counter!("omc_jq_ended_total", "Records on which an input format ran away and its process was ended");
    describe_counter!("omc_tokens_written_total", "Tokens written to the registry");
    describe_counter!("omc_vids_removed_total", "VIDs removed from the registry, by what removed them");
    describe_gauge!("omc_registrants_sharing_a_token", "Registrants who share a token, as last counted");
    describe_gauge!("omc_records", "Records under way, refused and given up, by connector and state");
    describe_gauge!("omc_batches_in_flight", "Batches that answers are awaited of");
    describe_gauge!("omc_oldest_batch_seconds", "Age of the oldest of them");
    describe_gauge!("omc_connectors_wrong", "Connectors whose definition is wrong");
    describe_gauge!("omc_remote_up", "1 if a server answers, 0 while it is waited for; only those that failed once");
    describe_counter!("omc_audit_events_total", "Events for the audit, by what became of them");
    describe_counter!("omc_notifications_total", "Messages to people, by what became of them");
    describe_counter!("omc_activities_total", "What Odoo was told to make activities of, by what became of it");
    describe_gauge!("omc_audit_queued", "Events for the audit that wait in the store");
    describe_gauge!("omc_store_bytes", "Bytes that the store takes on disk");
    describe_histogram!("omc_submit_seconds", "How long MTS takes to accept a batch");
}
