//! How MTS shows who it is: a bearer, or a login as at Odoo and then a cookie. All of it is derived from OMC's key, so that it
//! outlives a restart: MTS logs in once per delivery and does not look at a refusal.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::identity::ConnectorId;
use crate::seal::receiver::DATABASE;
use crate::seal::{Purpose, Seal};

/// As long as Odoo's own sessions.
pub(super) const LIFETIME: TimeDelta = TimeDelta::days(7);

/// Checks a login; tells whose callbacks it is for.
pub(super) fn log_in(seal: &Seal, database: &str, login: &str, given: &str) -> Option<ConnectorId> {
    let connector = login.strip_prefix("omc-")?.parse::<i64>().ok().and_then(ConnectorId::from_wire)?;
    let right = seal.is_callback_password(connector.0, given);
    (right && database == DATABASE).then_some(connector)
}

/// A session id that says for whom and until when.
pub(super) fn open(seal: &Seal, connector: ConnectorId, now: DateTime<Utc>) -> String {
    let mut token = [0; 28];
    token[..8].copy_from_slice(&(now + LIFETIME).timestamp().to_be_bytes());
    token[8..12].copy_from_slice(&connector.0.to_be_bytes());
    let mac = seal.mac(Purpose::Session, &token[..12]);
    token[12..].copy_from_slice(&mac);
    URL_SAFE_NO_PAD.encode(token)
}

/// Whether a request may deliver results for this connector.
pub(super) fn may_deliver(seal: &Seal, connector: ConnectorId, headers: &HeaderMap, now: DateTime<Utc>) -> bool {
    let bearer_given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .is_some_and(|(_, given)| seal.is_callback_bearer(connector.0, given.trim()));
    bearer_given || sessions(headers).any(|session| holds(seal, connector, session, now))
}

fn sessions(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().strip_prefix("session_id="))
}

fn holds(seal: &Seal, connector: ConnectorId, session: &str, now: DateTime<Utc>) -> bool {
    let token: Option<[u8; 28]> = URL_SAFE_NO_PAD.decode(session).ok().and_then(|bytes| bytes.try_into().ok());
    let Some(token) = token else { return false };
    let mut until = [0; 8];
    until.copy_from_slice(&token[..8]);
    seal.mac_holds(Purpose::Session, &token[..12], &token[12..])
        && token[8..12] == connector.0.to_be_bytes()
        && i64::from_be_bytes(until) > now.timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTOR: ConnectorId = ConnectorId(4);

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn the_right_bearer_and_no_other() {
        let seal = Seal::from_key([1; 32]);
        let now = DateTime::UNIX_EPOCH;
        let right = seal.callback_bearer(CONNECTOR.0).into_exposed();
        let may = |value: &str| may_deliver(&seal, CONNECTOR, &with(header::AUTHORIZATION, value), now);
        assert!(may(&format!("Bearer {right}")));
        assert!(!may(&format!("Basic {right}")));
        assert!(!may(&format!("Bearer {}", seal.callback_bearer(5).into_exposed())));
        assert!(!may("Bearer "));
        assert!(!may_deliver(&seal, CONNECTOR, &HeaderMap::new(), now));
    }

    #[test]
    fn a_session_is_for_one_connector_and_ends() {
        let seal = Seal::from_key([1; 32]);
        let now = DateTime::UNIX_EPOCH;
        let secret = seal.callback_password(CONNECTOR.0).into_exposed();
        assert_eq!(log_in(&seal, DATABASE, "omc-4", &secret), Some(CONNECTOR));
        assert_eq!(log_in(&seal, "other", "omc-4", &secret), None);
        assert_eq!(log_in(&seal, DATABASE, "omc-5", &secret), None);
        assert_eq!(log_in(&seal, DATABASE, "admin", &secret), None);
        let cookie = format!("frontend_lang=en_US; session_id={}", open(&seal, CONNECTOR, now));
        let headers = with(header::COOKIE, &cookie);
        assert!(may_deliver(&seal, CONNECTOR, &headers, now));
        assert!(!may_deliver(&seal, ConnectorId(5), &headers, now));
        assert!(!may_deliver(&seal, CONNECTOR, &headers, now + LIFETIME));
        assert!(!may_deliver(&Seal::from_key([2; 32]), CONNECTOR, &headers, now), "another key");
    }
}
