//! Why no secure connection came about.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

/// What a handshake failed on. The server is at fault, or the way to it, or the configuration: never what was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("its certificate is by no CA that is trusted here; name that CA's certificate in `ca_cert`")]
    UnknownIssuer,
    #[error("its certificate is for another name than the address says")]
    WrongName,
    #[error("its certificate has expired")]
    Expired,
    #[error("its certificate is not valid yet; compare the clocks")]
    NotYetValid,
    #[error("its certificate cannot be used")]
    BadCertificate,
    #[error("it wants a client certificate; name one in `client_cert` and `client_key`")]
    ClientCertificateMissing,
    #[error("it refuses the client certificate; see `client_cert`")]
    ClientCertificateRefused,
    #[error("it does not speak TLS; look whether the address should begin with http://")]
    NotTls,
    #[error("no TLS version or cipher in common; OMC speaks TLS 1.2 and 1.3")]
    NothingInCommon,
    #[error("the handshake failed")]
    Other,
}

impl Fault {
    /// What TLS has to do with an error, if anything.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return Some(Self::of_rustls(error));
            }
            // What an io::Error wraps, which may be another one, is not in its chain of sources.
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = wrapped.map(|error| error as &(dyn Error + 'static)).or_else(|| error.source());
        }
        None
    }

    /// As [`Fault::of`], of a call that was sent: whether the server refused before it took anything in. With TLS 1.3 a client
    /// hears only then what the server thinks of its certificate.
    pub fn of_sent(error: &(dyn Error + 'static)) -> Option<Self> {
        Self::of(error).filter(|fault| matches!(fault, Self::ClientCertificateMissing | Self::ClientCertificateRefused))
    }

    fn of_rustls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => match error {
                CertificateError::UnknownIssuer => Self::UnknownIssuer,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::WrongName,
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
                _ => Self::BadCertificate,
            },
            rustls::Error::AlertReceived(alert) => match alert {
                AlertDescription::CertificateRequired => Self::ClientCertificateMissing,
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied => Self::ClientCertificateRefused,
                AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => Self::NothingInCommon,
                _ => Self::Other,
            },
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::PeerIncompatible(_) => Self::NothingInCommon,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_however_deep_it_lies() {
        let fault = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, fault));
        assert_eq!(Fault::of(&error), Some(Fault::UnknownIssuer));
        assert_eq!(Fault::of_sent(&error), None, "that came before anything was sent");
        let alert = io::Error::other(rustls::Error::AlertReceived(AlertDescription::CertificateRequired));
        assert_eq!(Fault::of_sent(&alert), Some(Fault::ClientCertificateMissing));
        assert_eq!(Fault::of(&io::Error::other("else")), None);
        assert_eq!(Fault::of(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }
}
