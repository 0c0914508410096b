//! The configuration: defaults, then the file, then the environment. Each part is owned by who goes by it; here they are gathered.

mod secrets;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::domain::connector::Model;
use crate::domain::mapping::Mandatory;
use crate::worker::{OdkConfig, ReconcileConfig, RetryConfig, SubmitConfig, VidConfig};
use crate::{access, http, mosip, mts, odoo, schedule, store};
use secrets::Secrets;

/// Where the file is looked for when nobody says.
const PLACES: [&str; 2] = ["config.toml", "/etc/omc/config.toml"];

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub odoo: odoo::Config,
    pub mts: mts::Config,
    pub callback: http::CallbackConfig,
    pub admin: http::AdminConfig,
    pub store: store::Config,
    pub schedule: schedule::Config,
    pub submit: SubmitConfig,
    pub vid: VidConfig,
    pub reconcile: ReconcileConfig,
    pub odk: OdkConfig,
    pub retry: RetryConfig,
    pub log: LogConfig,
    pub mosip: mosip::Config,
    pub notify: mosip::NotifyConfig,
    /// Files that a secret was read from, and that every account of the machine can read.
    #[serde(skip)]
    pub exposed: Vec<PathBuf>,
}

/// Section `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or tracing's filter syntax. At no level is personal data logged.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Json,
    Text,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Json }
    }
}

impl LogConfig {
    /// A plain level is for OMC itself; libraries keep to warnings. Who writes filter syntax means what it says.
    pub fn filter(&self) -> Result<EnvFilter, String> {
        let level = &self.level;
        let directives = match level.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            true => format!("warn,omc={level}"),
            // sled logs while a thread's storage is torn down, where writing a line aborts the process.
            false if !level.contains("sled") => format!("{level},sled=warn"),
            false => level.clone(),
        };
        EnvFilter::try_new(directives)
            .map_err(|error| format!("write error, warn, info, debug, trace or tracing's filter syntax ({error})"))
    }
}

/// What is wrong with the configuration. Each says where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("no configuration file {0}; check --config")]
    NoFile(PathBuf),
    #[error("{0}")]
    Wrong(String),
    #[error("{key}: {reason}")]
    Key { key: &'static str, reason: String },
    #[error("{key} = {path:?}: {cause}; check the path and that OMC's user may read it")]
    SecretFile { key: String, path: PathBuf, cause: std::io::Error },
    #[error(
        "{0}: write it as a text in quotes, and only once: as the key, as the key with `_file`, or in the environment"
    )]
    Secret(String),
}

impl Config {
    /// Reads the file (`path`, or the first of the usual places that is there) and the environment.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::look(path, Secrets::Read)
    }

    /// As [`Config::load`], for commands that ask the daemon only: whoever runs them need not be able to read Odoo's password.
    pub fn load_without_secrets(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::look(path, Secrets::Passed)
    }

    fn look(path: Option<&Path>, secrets: Secrets) -> Result<Self, ConfigError> {
        let file = match path {
            Some(path) if path.is_file() => Some(path.to_owned()),
            Some(path) => return Err(ConfigError::NoFile(path.to_owned())),
            None => PLACES.iter().map(PathBuf::from).find(|place| place.is_file()),
        };
        // Only names with `__`: others that begin so belong to somebody else.
        let environment = Env::prefixed("OMC_").filter(|name| name.as_str().contains("__")).split("__");
        let file = file.map(Toml::file_exact);
        Self::gather(file, environment, secrets)
    }

    /// Reads a text as if it were the file, and no environment.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::gather(Some(Toml::string(text)), Env::prefixed("OMC_NOTHING__"), Secrets::Read)
    }

    fn gather(
        file: Option<figment::providers::Data<Toml>>,
        environment: Env,
        secrets: Secrets,
    ) -> Result<Self, ConfigError> {
        let (plain, found) = secrets::part(file, environment, secrets)?;
        let mut config: Self = Figment::from(plain).extract().map_err(|error| ConfigError::Wrong(told(&error)))?;
        config.odoo.password = found.odoo_password;
        for (entry, secret) in config.mts.access.iter_mut().zip(found.access) {
            entry.secret = secret;
        }
        config.mosip.secret = found.mosip;
        config.exposed = found.exposed;
        config.check()?;
        if secrets == Secrets::Read {
            access::Config::check(&config.mts.access).map_err(|error| ConfigError::Wrong(error.to_string()))?;
            config.mosip.way().map_err(|error| ConfigError::Wrong(error.to_string()))?;
        }
        Ok(config)
    }

    /// What no single key can tell.
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key, reason: &str| Err(ConfigError::Key { key, reason: reason.to_owned() });
        if !(1..=5000).contains(&self.submit.batch_size) {
            return wrong("submit.batch_size", "must be from 1 to 5000");
        }
        if !(1..=16).contains(&self.submit.concurrency) {
            return wrong("submit.concurrency", "must be from 1 to 16");
        }
        if self.submit.max_in_flight < u64::from(self.submit.batch_size) {
            return wrong("submit.max_in_flight", "must not be below submit.batch_size");
        }
        if let Err(error) = self.mandatory() {
            return wrong("submit.mandatory_fields", &error);
        }
        let has_addon = self.odoo.connector_model == Model::Omc;
        let notify = self.notify.check(self.mosip.url.is_some(), has_addon);
        notify.map_err(|error| ConfigError::Wrong(error.to_owned()))?;
        self.mosip.check().map_err(|error| ConfigError::Wrong(error.to_string()))?;
        if let Err(error) = self.log.filter() {
            return wrong("log.level", &error);
        }
        if let Err(error) = self.retry.backoff() {
            return wrong("retry", &error.to_string());
        }
        for (key, span) in [
            ("odoo.poll_interval", self.odoo.poll_interval),
            ("reconcile.interval", self.reconcile.interval),
            ("reconcile.stuck_after", self.reconcile.stuck_after),
            ("schedule.full_sweep", self.schedule.full_sweep),
            ("schedule.vid_cleanup", self.schedule.vid_cleanup),
            ("schedule.duplicates", self.schedule.duplicates),
            ("notify.stuck_after", self.notify.stuck_after),
            ("notify.pause", self.notify.pause),
            ("callback.renew_credentials", self.callback.renew_credentials),
        ] {
            if span.is_zero() {
                return wrong(key, "must be above zero");
            }
        }
        if self.callback.listen.ip().is_unspecified() && self.callback.public_url.is_none() {
            return wrong(
                "callback.public_url",
                "must say how MTS reaches the receiver, which listens on every address",
            );
        }
        if self.callback.tls_cert.is_some()
            && self.callback.public_url.as_ref().is_some_and(|url| url.scheme() == "http")
        {
            return wrong(
                "callback.public_url",
                "begins with http://, but with callback.tls_cert the listener speaks TLS only; write https://",
            );
        }
        if let Some(url) = &self.callback.public_url
            && (!url.username().is_empty() || url.password().is_some())
        {
            return wrong(
                "callback.public_url",
                "must not hold a user name or password: it is logged, and MTS keeps it",
            );
        }
        if let Some(url) = &self.callback.public_url
            && (!matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some())
        {
            return wrong("callback.public_url", "must be an http or https address without query and fragment");
        }
        if self.callback.max_body < 1024 * 1024 {
            return wrong("callback.max_body", "must be at least 1048576 bytes: MTS ignores a refusal");
        }
        Ok(())
    }

    /// Which mapped values MTS will not do without.
    pub fn mandatory(&self) -> Result<Mandatory, String> {
        Mandatory::from_names(self.submit.mandatory_fields.iter().map(String::as_str))
            .map_err(|error| error.to_string())
    }
}

/// figment's error, without its own words for profiles, and without the line of the file that it quotes: a secret may be in it.
fn told(error: &figment::Error) -> String {
    let text = error.to_string().replace("\"default.", "\"");
    let is_quoted = |line: &&str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    text.lines().filter(|line| !line.is_empty() && !is_quoted(line)).collect::<Vec<_>>().join(": ")
}
