//! The `[odoo]` section.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::domain::connector::Model;
use crate::domain::delivery::{Delivery, FileForm};
use crate::domain::span::Span;
use crate::tls::{ClientFiles, FileError, Trust};

/// How to reach Odoo, and what to read there. `password` is set by the configuration layer, which alone reads secrets.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Odoo's base address, without `/xmlrpc`.
    pub url: Option<Url>,
    pub database: String,
    pub username: String,
    /// The user's password, or an API key of the user.
    #[serde(skip)]
    pub password: Option<SecretString>,
    /// PEM file of the CAs that Odoo's certificate may be of; unset: those of this machine.
    pub ca_cert: Option<PathBuf>,
    /// PEM file of the certificate to show to an Odoo, or a proxy before it, that asks for one.
    pub client_cert: Option<PathBuf>,
    /// PEM file of its key.
    pub client_key: Option<PathBuf>,
    /// The model that holds the connectors: `omc.connector`, or `mts.connector` where OMC's addon is not installed.
    #[serde(deserialize_with = "model")]
    pub connector_model: Model,
    /// With `mts.connector`: the connectors to take over, by name or id.
    #[serde(deserialize_with = "names_or_ids")]
    pub connectors: Vec<String>,
    /// With `mts.connector`, whose form has no choice: how MTS's results come back.
    #[serde(deserialize_with = "delivery")]
    pub delivery_type: Delivery,
    pub page_size: PageSize,
    /// The longest a call may take.
    pub timeout: Span,
    /// How often definitions and requested runs are read.
    pub poll_interval: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: None,
            database: String::new(),
            username: String::new(),
            password: None,
            ca_cert: None,
            client_cert: None,
            client_key: None,
            connector_model: Model::Omc,
            connectors: Vec::new(),
            delivery_type: Delivery::Callback,
            page_size: PageSize(1000),
            timeout: Span::from_secs(120),
            poll_interval: Span::from_secs(15),
        }
    }
}

/// Rows per call, 1 to 5000: beyond that Odoo gets slower, and its answer must be drained without a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct PageSize(u32);

impl PageSize {
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for PageSize {
    type Error = &'static str;

    fn try_from(rows: u32) -> Result<Self, Self::Error> {
        if (1..=5000).contains(&rows) { Ok(Self(rows)) } else { Err("the page size must be from 1 to 5000") }
    }
}

/// Why the section cannot be used. Each names the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("[odoo] {0} is not set")]
    Missing(&'static str),
    #[error("[odoo] url must begin with http:// or https:// and name a host")]
    NotHttp,
    #[error("[odoo] url must not contain a user name or password; use [odoo] username and password")]
    CredentialsInUrl,
    #[error("[odoo] url must not have a query or a fragment (what follows ? or #)")]
    QueryInUrl,
    #[error("[odoo] {0} must be above zero")]
    Zero(&'static str),
    #[error(
        "this machine has no CA certificates, without which an https address cannot be verified; \
         install the package ca-certificates, set SSL_CERT_FILE, or name the CA in [odoo] ca_cert"
    )]
    NoTrustStore,
    #[error(transparent)]
    File(#[from] FileError),
    #[error("no TLS provider is installed in this process; this is an error in OMC itself")]
    NoTlsProvider,
}

impl Config {
    /// Reads the files of certificates.
    pub fn trust(&self) -> Result<Trust, FileError> {
        Trust::load(ClientFiles {
            section: "odoo",
            ca_cert: self.ca_cert.as_deref(),
            client_cert: self.client_cert.as_deref(),
            client_key: self.client_key.as_deref(),
        })
    }

    /// The base address, checked, ending in a slash.
    pub(super) fn base(&self) -> Result<Url, ConfigError> {
        let mut base = self.url.clone().ok_or(ConfigError::Missing("url"))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none_or(str::is_empty) {
            return Err(ConfigError::NotHttp);
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(ConfigError::CredentialsInUrl);
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(ConfigError::QueryInUrl);
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        Ok(base)
    }
}

fn model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Model, D::Error> {
    let name = String::deserialize(deserializer)?;
    Model::from_name(&name).ok_or_else(|| serde::de::Error::custom("must be \"omc.connector\" or \"mts.connector\""))
}

/// A name made of digits comes as a number from the environment, and an id as one from the file.
fn names_or_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected names or ids of connectors")]
    enum NameOrId {
        Name(String),
        Id(u32),
    }
    let entries = Vec::<NameOrId>::deserialize(deserializer)?;
    Ok(entries
        .into_iter()
        .map(|entry| match entry {
            NameOrId::Name(name) => name,
            NameOrId::Id(id) => id.to_string(),
        })
        .collect())
}

fn delivery<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Delivery, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "callback" => Ok(Delivery::Callback),
        "download" => Ok(Delivery::Download(FileForm::Json)),
        _ => Err(serde::de::Error::custom("write \"callback\" or \"download\"")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_section_has_the_defaults() {
        let config: Config = serde_json::from_value(json!({})).unwrap();
        assert_eq!(config.connector_model, Model::Omc);
        assert_eq!(
            (config.page_size.get(), config.timeout, config.poll_interval),
            (1000, Span::from_secs(120), Span::from_secs(15))
        );
    }

    #[test]
    fn every_key_is_read() {
        let config: Config = serde_json::from_value(json!({
            "url": "http://registry.example:8069", "database": "registry", "username": "omc",
            "connector_model": "mts.connector", "connectors": ["Main", 7], "delivery_type": "download", "page_size": 500, "timeout": "3m",
            "poll_interval": "30s",
        }))
        .unwrap();
        assert_eq!(config.base().unwrap().as_str(), "http://registry.example:8069/");
        assert_eq!(config.connectors, ["Main", "7"]);
        assert_eq!((config.connector_model, config.page_size.get()), (Model::Stock, 500));
        assert_eq!(config.delivery_type, Delivery::Download(FileForm::Json));
        assert_eq!((config.timeout, config.poll_interval), (Span::from_secs(180), Span::from_secs(30)));
    }

    #[test]
    fn wrong_keys_and_values_are_refused() {
        for wrong in [
            json!({"page_size": 0}),
            json!({"page_size": 5001}),
            json!({"connector_model": "res.partner"}),
            json!({"timeout": 120}),
            json!({"delivery_type": "pigeon"}),
            json!({"db": "registry"}),
            json!({"password": "secret"}),
        ] {
            assert!(serde_json::from_value::<Config>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_the_base_is_refused() {
        let base = |url: &str| Config { url: Some(url.parse().unwrap()), ..Config::default() }.base();
        assert!(matches!(base("ftp://registry.example"), Err(ConfigError::NotHttp)));
        assert!(matches!(base("https://u:p@registry.example"), Err(ConfigError::CredentialsInUrl)));
        assert!(matches!(base("https://registry.example/?db=x"), Err(ConfigError::QueryInUrl)));
        assert_eq!(base("https://registry.example/odoo").unwrap().path(), "/odoo/");
        assert!(matches!(Config::default().base(), Err(ConfigError::Missing("url"))));
    }

    #[test]
    fn the_password_is_not_shown() {
        let config = Config { password: Some("open sesame".into()), ..Config::default() };
        assert!(!format!("{config:?}").contains("sesame"));
    }
}
