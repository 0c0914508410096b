//! A certificate and its key.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, RootCertStore};

use super::files::{FileError, Named};

/// A chain of certificates, the own one first, and its private key. They belong together.
pub struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) certified: Arc<CertifiedKey>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// Whether a certificate is valid at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    Valid,
    /// Since when not any more.
    Expired(Option<DateTime<Utc>>),
    /// From when on.
    NotYet(Option<DateTime<Utc>>),
}

impl Identity {
    /// Reads both files, where both are named.
    ///
    /// # Errors
    /// Only one is named, one of them cannot be read, or they do not belong together.
    pub fn load(
        section: &str,
        certificate: (&str, Option<&Path>),
        key: (&str, Option<&Path>),
    ) -> Result<Option<Self>, FileError> {
        let name = |key: &str| format!("{section}.{key}");
        let (certificate, key) = match (certificate, key) {
            ((_, None), (_, None)) => return Ok(None),
            ((set, Some(_)), (missing, None)) | ((missing, None), (set, Some(_))) => {
                return Err(FileError::Half { set: name(set), missing: name(missing) });
            }
            ((certificate, Some(certificate_path)), (key, Some(key_path))) => {
                (Named { section, key: certificate, path: certificate_path }, Named { section, key, path: key_path })
            }
        };
        let (chain, private) = (certificate.certificates()?, key.private_key()?);
        if ParsedCertificate::try_from(&chain[0]).is_err() {
            return Err(FileError::BadCertificate { key: certificate.key(), path: certificate.path(), number: 1 });
        }
        match CertifiedKey::from_der(chain.clone(), private.clone_key(), &ring::default_provider()) {
            Ok(certified) => Ok(Some(Self { chain, key: private, certified: Arc::new(certified) })),
            Err(Error::InconsistentKeys(_)) => {
                Err(FileError::OtherKey { key: key.key(), path: key.path(), certificate: certificate.key() })
            }
            Err(_) => Err(FileError::BadKey { key: key.key(), path: key.path() }),
        }
    }

    /// Whether its certificate is valid at this time, whoever signed it.
    pub fn validity(&self, at: DateTime<Utc>) -> Validity {
        let Ok(certificate) = ParsedCertificate::try_from(&self.chain[0]) else { return Validity::Valid };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.timestamp()).unwrap_or(0)));
        let time = |time: UnixTime| i64::try_from(time.as_secs()).ok().and_then(|s| DateTime::from_timestamp(s, 0));
        // By nobody's word: its time is looked at before its signature.
        let (nobody, algorithms) =
            (RootCertStore::empty(), ring::default_provider().signature_verification_algorithms.all);
        match verify_server_cert_signed_by_trust_anchor(&certificate, &nobody, &[], now, algorithms) {
            Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
                Validity::Expired(time(not_after))
            }
            Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
                Validity::NotYet(time(not_before))
            }
            Err(Error::InvalidCertificate(CertificateError::Expired)) => Validity::Expired(None),
            Err(Error::InvalidCertificate(CertificateError::NotValidYet)) => Validity::NotYet(None),
            _ => Validity::Valid,
        }
    }

    /// Whether its certificate is for this host: a name, or an address as a URL has it.
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let (Ok(certificate), Ok(name)) = (ParsedCertificate::try_from(&self.chain[0]), ServerName::try_from(host))
        else {
            return false;
        };
        verify_server_name(&certificate, &name).is_ok()
    }
}
