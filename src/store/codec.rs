//! Values on disk are JSON: a later OMC adds fields without a migration, and a person can read what is there.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disk::Disk;
use super::error::StoreError;
use super::keys;
use crate::domain::record::{Record, RecordKey};

pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|_| damaged())
}

pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|_| damaged())
}

pub(super) fn read<T: DeserializeOwned>(disk: &Disk, key: &[u8]) -> Result<Option<T>, StoreError> {
    disk.get(key)?.map(|bytes| decode(&bytes)).transpose()
}

pub(super) fn record(disk: &Disk, key: RecordKey) -> Result<Option<Record>, StoreError> {
    read(disk, &keys::record(key))
}

fn damaged() -> StoreError {
    StoreError::Corrupt { path: "(a value in it)".into() }
}
