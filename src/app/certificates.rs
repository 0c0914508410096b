//! What there is to say about the certificates that the configuration names.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use url::Url;

use crate::config::Config;
use crate::tls::{FileError, Identity, Trust, Validity};

/// Before a certificate expires, it is told so long.
const SOON: TimeDelta = TimeDelta::days(14);

/// How it stands with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Good,
    /// It serves, and will have expired in 14 days.
    Soon,
    Bad,
}

/// What is to be said of one certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    /// The key that names it.
    pub key: &'static str,
    pub state: State,
    pub text: String,
}

/// The certificates that the configuration named when it was read: a daemon goes by these until it reads it again, whatever
/// the files say meanwhile.
pub(super) struct Certificates {
    listener: Option<Identity>,
    clients: [(&'static str, Trust); 2],
    /// The address that MTS is given.
    receiver: Url,
}

impl Certificates {
    /// Reads everything that the configuration names.
    pub fn read(config: &Config, receiver: &Url) -> Result<Self, FileError> {
        let listener = config.callback.identity()?;
        let clients = [("odoo.client_cert", config.odoo.trust()?), ("mts.client_cert", config.mts.trust()?)];
        Ok(Self { listener, clients, receiver: receiver.clone() })
    }

    pub fn remarks(&self, now: DateTime<Utc>) -> Vec<Remark> {
        let listener = self.listener.iter().map(|identity| of_listener(identity, &self.receiver, now));
        let clients = self.clients.iter().filter_map(|(key, trust)| Some(remark(key, trust.identity()?, now)));
        listener.chain(clients).collect()
    }

    /// Says what is wrong, or soon will be, in the log.
    pub fn tell(&self, now: DateTime<Utc>) {
        for Remark { key, state, text } in self.remarks(now) {
            match state {
                State::Good => {}
                State::Soon | State::Bad => tracing::warn!(key, text, "a certificate needs to be seen to"),
            }
        }
    }
}

fn of_listener(identity: &Identity, receiver: &Url, now: DateTime<Utc>) -> Remark {
    let key = "callback.tls_cert";
    match receiver.host_str() {
        Some(host) if !identity.is_for(host) => {
            let text = format!("the certificate is not for {host}, which MTS is told to call; see callback.public_url");
            Remark { key, state: State::Bad, text }
        }
        _ => remark(key, identity, now),
    }
}

fn remark(key: &'static str, identity: &Identity, now: DateTime<Utc>) -> Remark {
    let day =
        |at: Option<DateTime<Utc>>| at.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let (state, text) = match (identity.validity(now), identity.validity(now + SOON)) {
        (Validity::Expired(at), _) => (State::Bad, format!("the certificate has expired {}", day(at))),
        (Validity::NotYet(at), _) => (State::Bad, format!("the certificate is not valid before {}", day(at))),
        (Validity::Valid, Validity::Expired(at)) => (State::Soon, format!("the certificate expires soon: {}", day(at))),
        (Validity::Valid, _) => (State::Good, "the certificate is valid".to_owned()),
    };
    Remark { key, state, text: text.trim_end().to_owned() }
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::clock::{Clock, ManualClock};

    /// A listener's certificate for a host, from the first of January to the first of December 2030, and no client's.
    fn certificates(host: &str) -> Certificates {
        let folder = tempfile::tempdir().unwrap();
        let mut parameters = rcgen::CertificateParams::new([host.to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2030, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2030, 12, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let mut config = Config::default();
        config.callback.tls_cert = write("certificate", parameters.self_signed(&key).unwrap().pem());
        config.callback.tls_key = write("key", key.serialize_pem());
        Certificates::read(&config, &Url::parse("https://omc.example:8443").unwrap()).unwrap()
    }

    fn at(day: &str) -> DateTime<Utc> {
        format!("{day}Z").parse().unwrap()
    }

    #[test]
    fn a_certificate_is_warned_of_14_days_before_it_expires() {
        let certificates = certificates("omc.example");
        let state = |day| certificates.remarks(at(day)).iter().map(|remark| remark.state).collect::<Vec<_>>();
        assert_eq!(state("2029-12-31T23:59:59"), [State::Bad]);
        assert_eq!(state("2030-01-01T00:00:00"), [State::Good]);
        assert_eq!(state("2030-11-16T23:59:59"), [State::Good]);
        assert_eq!(state("2030-11-17T00:00:01"), [State::Soon]);
        assert_eq!(state("2030-11-30T23:59:59"), [State::Soon]);
        assert_eq!(state("2030-12-01T00:00:01"), [State::Bad]);
    }

    #[test]
    fn a_certificate_for_another_host_is_bad() {
        let remarks = certificates("another.example").remarks(at("2030-06-01T00:00:00"));
        assert_eq!(remarks.iter().map(|remark| remark.state).collect::<Vec<_>>(), [State::Bad]);
        assert!(remarks[0].text.contains("not for omc.example"), "{remarks:?}");
    }

    /// What is logged, as text.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn while_the_clock_goes_on_what_was_good_is_told() {
        let certificates = certificates("omc.example");
        let clock = ManualClock::at(at("2030-11-16T00:00:00"));
        let log = Log::default();
        let into = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || into.clone()).finish();
        let lines = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap().lines().count();
        tracing::subscriber::with_default(subscriber, || {
            certificates.tell(clock.now());
            assert_eq!(lines(), 0);
            for day in 1..20 {
                clock.advance(std::time::Duration::from_secs(86_401));
                certificates.tell(clock.now());
                assert_eq!(lines(), day);
            }
        });
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("expires soon: 2030-12-01T00:00:00Z") && text.contains("has expired"), "{text}");
    }
}
