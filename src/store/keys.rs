//! Where things lie in the store: a letter, then the identity, big-endian, so that order is by number.

use crate::domain::alarm::Alarm;
use crate::domain::identity::{BatchId, ConnectorId, IdTypeId, RegIdRow, RegistrantId, RunId};
use crate::domain::record::RecordKey;

pub(super) const RECORDS: &[u8] = b"r";
pub(super) const BATCHES: &[u8] = b"b";
pub(super) const RUNS: &[u8] = b"u";
pub(super) const CURSORS: &[u8] = b"k";
pub(super) const DEFINITIONS: &[u8] = b"c";
pub(super) const NOTICES: &[u8] = b"n";
pub(super) const AUDITS: &[u8] = b"a";
pub(super) const REMOVALS: &[u8] = b"v";
pub(super) const ALARMS: &[u8] = b"w";
pub(super) const MESSAGES: &[u8] = b"x";
pub(super) const CENSUS: &[u8] = b"m/census";
pub(super) const META: &[u8] = b"m/format";
pub(super) const MARK: &[u8] = b"m/time";
pub(super) const IDENTITY: &[u8] = b"m/identity";
pub(super) const GENERATION: &[u8] = b"m/generation";
pub(super) const AUDIT: &[u8] = b"m/audit";

pub(super) fn record(key: RecordKey) -> Vec<u8> {
    [RECORDS, &key.token_type.0.to_be_bytes(), &key.registrant.0.to_be_bytes()].concat()
}

pub(super) fn batch(id: BatchId) -> Vec<u8> {
    [BATCHES, &id.0.to_be_bytes()].concat()
}

pub(super) fn run(id: RunId) -> Vec<u8> {
    [RUNS, &id.0.to_be_bytes()].concat()
}

pub(super) fn cursor(id: ConnectorId) -> Vec<u8> {
    [CURSORS, &id.0.to_be_bytes()].concat()
}

pub(super) fn definition(id: ConnectorId) -> Vec<u8> {
    [DEFINITIONS, &id.0.to_be_bytes()].concat()
}

pub(super) fn notices(connector: ConnectorId) -> Vec<u8> {
    [NOTICES, &connector.0.to_be_bytes()].concat()
}

pub(super) fn notice(connector: ConnectorId, key: RecordKey) -> Vec<u8> {
    [&notices(connector)[..], &record(key)[1..]].concat()
}

/// The record that a notice is about.
pub(super) fn noticed(key: &[u8]) -> Option<RecordKey> {
    let tail = key.get(NOTICES.len() + 4..)?;
    let (token_type, registrant) = tail.split_at_checked(4)?;
    Some(RecordKey {
        token_type: IdTypeId(u32::from_be_bytes(token_type.try_into().ok()?)),
        registrant: RegistrantId(u32::from_be_bytes(registrant.try_into().ok()?)),
    })
}

/// The connector that a cursor or a definition is of.
pub(super) fn connector(key: &[u8]) -> Option<ConnectorId> {
    Some(ConnectorId(u32::from_be_bytes(key.get(1..)?.try_into().ok()?)))
}

/// VID rows of one type whose removal was asked for, and whose outcome is not known.
pub(super) fn removals(vid_type: IdTypeId) -> Vec<u8> {
    [REMOVALS, &vid_type.0.to_be_bytes()].concat()
}

pub(super) fn removal(vid_type: IdTypeId, registrant: RegistrantId, row: RegIdRow) -> Vec<u8> {
    [&removals(vid_type)[..], &registrant.0.to_be_bytes(), &row.0.to_be_bytes()].concat()
}

/// Whose VID it is, and its row.
pub(super) fn removed(key: &[u8]) -> Option<(RegistrantId, RegIdRow)> {
    let (registrant, row) = key.get(REMOVALS.len() + 4..)?.split_at_checked(4)?;
    let number = |bytes: &[u8]| Some(u32::from_be_bytes(bytes.try_into().ok()?));
    Some((RegistrantId(number(registrant)?), RegIdRow(number(row)?)))
}

/// How an alarm of a connector stands.
pub(super) fn alarm(connector: ConnectorId, alarm: Alarm) -> Vec<u8> {
    [ALARMS, &connector.0.to_be_bytes(), &[alarm.letter()]].concat()
}

/// A message to people, by its number.
pub(super) fn message(number: u64) -> Vec<u8> {
    [MESSAGES, &number.to_be_bytes()].concat()
}

/// The number of such a message.
pub(super) fn message_number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(MESSAGES.len()..)?.try_into().ok()?))
}

/// An event for the audit, by its number.
pub(super) fn audit(number: u64) -> Vec<u8> {
    [AUDITS, &number.to_be_bytes()].concat()
}

/// The number of such an event.
pub(super) fn audit_number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(AUDITS.len()..)?.try_into().ok()?))
}
