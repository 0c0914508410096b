//! Section `[mosip]`.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use crate::access::{self, Given, Kind, Problem, Reach, Way};
use crate::tls::{ClientFiles, FileError, Trust};

/// Fewer would not hold what one change of the store can bring.
const SMALLEST_QUEUE: u64 = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where MOSIP's services are, without `/v1/auditmanager`.
    pub url: Option<Url>,
    /// PEM file of the CAs that its certificate may be of; unset: those of this machine.
    pub ca_cert: Option<PathBuf>,
    /// PEM file of the certificate to show to a server that asks for one.
    pub client_cert: Option<PathBuf>,
    /// PEM file of its key.
    pub client_key: Option<PathBuf>,
    /// How OMC is let in; unset: nothing is shown. The keys below are those of `[[mts.access]]`.
    pub kind: Option<Kind>,
    /// `mosip`; unset: `url`.
    pub login_url: Option<Url>,
    pub app_id: Option<String>,
    pub client_id: Option<String>,
    pub token_url: Option<Url>,
    pub scope: Option<String>,
    pub username: Option<String>,
    /// Set by the configuration layer.
    #[serde(skip)]
    pub secret: Option<Given>,
    /// Whether MOSIP's audit manager is told what OMC does.
    pub audit: bool,
    /// A file that gets a line for each event; unset: none.
    pub audit_file: Option<PathBuf>,
    /// Events that are kept at most while they cannot be told.
    pub audit_queue: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: None,
            ca_cert: None,
            client_cert: None,
            client_key: None,
            kind: None,
            login_url: None,
            app_id: None,
            client_id: None,
            token_url: None,
            scope: None,
            username: None,
            secret: None,
            audit: false,
            audit_file: None,
            audit_queue: 1_000_000,
        }
    }
}

/// What is wrong with the section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("mosip.url: must be set for mosip.audit")]
    NoUrl,
    #[error("mosip.{0}: needs mosip.kind, which says how OMC is let in")]
    NoKind(&'static str),
    #[error("mosip.audit_queue: must be at least {SMALLEST_QUEUE}")]
    SmallQueue,
    #[error("[mosip]: {0}")]
    Access(Problem),
}

impl Config {
    /// Reads the files.
    pub fn trust(&self) -> Result<Trust, FileError> {
        Trust::load(ClientFiles {
            section: "mosip",
            ca_cert: self.ca_cert.as_deref(),
            client_cert: self.client_cert.as_deref(),
            client_key: self.client_key.as_deref(),
        })
    }

    /// What can be told without secrets.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.audit && self.url.is_none() {
            return Err(ConfigError::NoUrl);
        }
        if self.audit_queue < SMALLEST_QUEUE {
            return Err(ConfigError::SmallQueue);
        }
        Ok(())
    }

    /// Where MOSIP is, and how OMC is let in, if in any way. `None`: nothing is called.
    pub fn way(&self) -> Result<Option<(Url, Option<Way>)>, ConfigError> {
        let keys = [
            ("login_url", self.login_url.is_some()),
            ("app_id", self.app_id.is_some()),
            ("client_id", self.client_id.is_some()),
            ("token_url", self.token_url.is_some()),
            ("scope", self.scope.is_some()),
            ("username", self.username.is_some()),
        ];
        let Some(access) = self.access() else {
            if let Some((key, _)) = keys.into_iter().find(|(_, set)| self.kind.is_none() && *set) {
                return Err(ConfigError::NoKind(key));
            }
            if let Some(given) = self.secret.as_ref().filter(|_| self.kind.is_none()) {
                return Err(ConfigError::NoKind(given.key));
            }
            let Some(url) = &self.url else { return Ok(None) };
            Reach::of(url).ok_or(ConfigError::Access(Problem::BadAddress("url")))?;
            return Ok(Some((url.clone(), None)));
        };
        let (reach, way) = access.parse().map_err(ConfigError::Access)?;
        Ok(Some((reach.url().clone(), Some(way))))
    }

    /// The same as an entry of `[[mts.access]]`.
    fn access(&self) -> Option<access::Config> {
        let (url, kind) = (self.url.clone()?, self.kind?);
        let login_url = self.login_url.clone().or_else(|| (kind == Kind::Mosip).then(|| url.clone()));
        Some(access::Config {
            url,
            kind,
            login_url,
            app_id: self.app_id.clone(),
            client_id: self.client_id.clone(),
            token_url: self.token_url.clone(),
            scope: self.scope.clone(),
            username: self.username.clone(),
            secret: self.secret.clone(),
        })
    }

    /// Keys whose address has a secret go over the network in clear, to another machine than this one.
    pub fn in_clear(&self) -> Vec<&'static str> {
        self.access().map_or_else(Vec::new, |access| access.in_clear())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Personal;

    fn config(more: serde_json::Value) -> Config {
        serde_json::from_value(more).unwrap()
    }

    #[test]
    fn the_login_is_at_the_same_place_unless_it_is_elsewhere() {
        let keys = serde_json::json!({"url": "https://m.example", "kind": "mosip", "app_id": "a", "client_id": "c"});
        let given = Given { key: "secret_key", value: Personal::new("sesame".to_owned()) };
        let mut config = Config { secret: Some(given), ..config(keys) };
        let login = |config: &Config| config.way().unwrap().unwrap().1.unwrap().login().unwrap().to_string();
        assert_eq!(login(&config), "https://m.example/");
        config.login_url = Some("https://iam.example".parse().unwrap());
        assert_eq!(login(&config), "https://iam.example/");
        config.secret = None;
        assert_eq!(config.way().unwrap_err().to_string(), "[mosip]: secret_key is not set");
    }

    #[test]
    fn nothing_is_shown_unless_it_is_said_what() {
        assert_eq!(Config::default().way(), Ok(None));
        let url = serde_json::json!({"url": "https://m.example"});
        assert!(matches!(config(url).way(), Ok(Some((_, None)))));
        let half = config(serde_json::json!({"url": "https://m.example", "client_id": "c"}));
        assert!(half.way().unwrap_err().to_string().contains("mosip.kind"));
        let odd = config(serde_json::json!({"url": "https://u:p@m.example"}));
        assert!(odd.way().is_err());
        assert_eq!(config(serde_json::json!({"audit": true})).check(), Err(ConfigError::NoUrl));
        assert_eq!(config(serde_json::json!({"audit_queue": 9})).check(), Err(ConfigError::SmallQueue));
        assert_eq!(config(serde_json::json!({"audit_file": "x"})).check(), Ok(()));
    }
}
