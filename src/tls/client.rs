//! The side that calls.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::files::{FileError, Named};
use super::identity::Identity;

/// The files of a section that names a server: `ca_cert`, `client_cert`, `client_key`.
#[derive(Debug, Clone, Copy)]
pub struct ClientFiles<'a> {
    pub section: &'a str,
    pub ca_cert: Option<&'a Path>,
    pub client_cert: Option<&'a Path>,
    pub client_key: Option<&'a Path>,
}

/// Whom a client trusts, and what it shows.
#[derive(Debug, Default)]
pub struct Trust {
    /// Only these CAs; unset: those of this machine.
    roots: Option<Vec<CertificateDer<'static>>>,
    identity: Option<Identity>,
}

impl Trust {
    pub fn load(files: ClientFiles<'_>) -> Result<Self, FileError> {
        let ClientFiles { section, ca_cert, client_cert, client_key } = files;
        let roots = ca_cert.map(|path| roots(Named { section, key: "ca_cert", path })).transpose()?;
        let identity = Identity::load(section, ("client_cert", client_cert), ("client_key", client_key))?;
        Ok(Self { roots, identity })
    }

    /// Whether it goes by certificates of its own, and not by this machine's.
    pub fn has_roots(&self) -> bool {
        self.roots.is_some()
    }

    /// What is shown to a server that asks.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Has a client go by it.
    pub fn apply(&self, mut builder: reqwest::ClientBuilder) -> reqwest::Result<reqwest::ClientBuilder> {
        if let Some(roots) = &self.roots {
            let roots: reqwest::Result<Vec<_>> =
                roots.iter().map(|root| reqwest::Certificate::from_der(root)).collect();
            builder = builder.tls_certs_only(roots?);
        }
        if let Some(identity) = &self.identity {
            builder = builder.identity(reqwest::Identity::from_pem(as_pem(identity).as_bytes())?);
        }
        Ok(builder)
    }
}

fn roots(file: Named<'_>) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let certificates = file.certificates()?;
    for (certificate, number) in certificates.iter().zip(1..) {
        RootCertStore::empty().add(certificate.clone()).map_err(|_| FileError::BadCertificate {
            key: file.key(),
            path: file.path(),
            number,
        })?;
    }
    Ok(certificates)
}

/// The one form in which reqwest takes a certificate and its key.
fn as_pem(identity: &Identity) -> String {
    let section = |label: &str, bytes: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(bytes))
    };
    let label = match &identity.key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let chain = identity.chain.iter().map(|certificate| section("CERTIFICATE", certificate));
    chain.chain([section(label, identity.key.secret_der())]).collect()
}
