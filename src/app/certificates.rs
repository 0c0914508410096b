//! What there is to say about the certificates that the configuration names.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use url::Url;

use crate::config::Config;
use crate::tls::{FileError, Identity, Validity};

/// Before a certificate expires, it is told so long.
const SOON: TimeDelta = TimeDelta::days(14);

/// What is to be said of one certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    /// The key that names it.
    pub key: &'static str,
    pub good: bool,
    pub text: String,
}

/// Reads everything that the configuration names, and looks at the certificates; `receiver` is the address that MTS is given.
pub(super) fn look(config: &Config, receiver: &Url, now: DateTime<Utc>) -> Result<Vec<Remark>, FileError> {
    let mut remarks = Vec::new();
    let identity = config.callback.identity()?;
    if let Some(identity) = &identity {
        remarks.push(of_listener(identity, receiver, now));
    }
    let clients = [("odoo.client_cert", config.odoo.trust()?), ("mts.client_cert", config.mts.trust()?)];
    remarks.extend(clients.iter().filter_map(|(key, trust)| Some(remark(key, trust.identity()?, now))));
    Ok(remarks)
}

fn of_listener(identity: &Identity, receiver: &Url, now: DateTime<Utc>) -> Remark {
    let key = "callback.tls_cert";
    match receiver.host_str() {
        Some(host) if !identity.is_for(host) => {
            let text = format!("the certificate is not for {host}, which MTS is told to call; see callback.public_url");
            Remark { key, good: false, text }
        }
        _ => remark(key, identity, now),
    }
}

fn remark(key: &'static str, identity: &Identity, now: DateTime<Utc>) -> Remark {
    let day =
        |at: Option<DateTime<Utc>>| at.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let (good, text) = match (identity.validity(now), identity.validity(now + SOON)) {
        (Validity::Expired(at), _) => (false, format!("the certificate has expired {}", day(at))),
        (Validity::NotYet(at), _) => (false, format!("the certificate is not valid before {}", day(at))),
        (Validity::Valid, Validity::Expired(at)) => (true, format!("the certificate expires soon: {}", day(at))),
        (Validity::Valid, _) => (true, "the certificate is valid".to_owned()),
    };
    Remark { key, good, text: text.trim_end().to_owned() }
}

/// The files of private keys that the configuration names, by what names them.
pub(super) fn keys(config: &Config) -> impl Iterator<Item = (&'static str, &Path)> {
    let keys = [
        ("callback.tls_key", &config.callback.tls_key),
        ("odoo.client_key", &config.odoo.client_key),
        ("mts.client_key", &config.mts.client_key),
    ];
    keys.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?)))
}

/// Says what is wrong, or soon will be, in the log.
pub(super) fn tell(remarks: &[Remark]) {
    for Remark { key, good, text } in remarks {
        if !good || text.contains("soon") {
            tracing::warn!(key, text, "a certificate needs to be seen to");
        }
    }
}
