//! PEM files that a configuration names. Nothing of their content is ever told.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What is wrong with a file of certificates or keys. Each names the key of the configuration, and the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{key} = {path:?}: {cause}; check the path and that OMC's user may read it")]
    Unreadable { key: String, path: PathBuf, cause: std::io::Error },
    #[error("{key} = {path:?}: no certificate in it; it must be in PEM, with a line `-----BEGIN CERTIFICATE-----`")]
    NoCertificate { key: String, path: PathBuf },
    #[error("{key} = {path:?}: certificate {number} of it cannot be read; make the file anew")]
    BadCertificate { key: String, path: PathBuf, number: usize },
    #[error("{key} = {path:?}: no private key in it; it must be in PEM, with a line `-----BEGIN PRIVATE KEY-----`")]
    NoKey { key: String, path: PathBuf },
    #[error("{key} = {path:?}: the private key needs a passphrase, which nobody could give at night; write it without")]
    LockedKey { key: String, path: PathBuf },
    #[error(
        "{key} = {path:?}: a private key of a kind that OMC cannot use; RSA, ECDSA (P-256, P-384) and Ed25519 will do"
    )]
    BadKey { key: String, path: PathBuf },
    #[error("{key} = {path:?}: not the private key of the certificate in {certificate}")]
    OtherKey { key: String, path: PathBuf, certificate: String },
    #[error("{set} is set, and {missing} is not; a certificate and its key go together")]
    Half { set: String, missing: String },
}

/// A file, and the key that names it: `odoo.ca_cert`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub section: &'a str,
    pub key: &'a str,
    pub path: &'a Path,
}

impl Named<'_> {
    pub fn key(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    fn read(&self) -> Result<Vec<u8>, FileError> {
        std::fs::read(self.path).map_err(|cause| FileError::Unreadable { key: self.key(), path: self.path(), cause })
    }

    pub fn path(&self) -> PathBuf {
        self.path.to_owned()
    }

    /// All certificates in it, at least one.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, FileError> {
        let text = self.read()?;
        let mut found = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let number = found.len() + 1;
            found.push(certificate.map_err(|_| FileError::BadCertificate {
                key: self.key(),
                path: self.path(),
                number,
            })?);
        }
        if found.is_empty() {
            return Err(FileError::NoCertificate { key: self.key(), path: self.path() });
        }
        Ok(found)
    }

    pub fn private_key(&self) -> Result<PrivateKeyDer<'static>, FileError> {
        let text = self.read()?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
            let locked = text.windows(9).any(|window| window == b"ENCRYPTED");
            let (key, path) = (self.key(), self.path());
            if locked { FileError::LockedKey { key, path } } else { FileError::NoKey { key, path } }
        })
    }
}
