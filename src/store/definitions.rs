//! The last good definitions of connectors, so that a start without Odoo has them.

use super::error::StoreError;
use super::{Store, keys};
use crate::domain::identity::ConnectorId;

impl Store {
    /// The kept definition of one connector, sealed.
    pub fn definition(&self, connector: ConnectorId) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.disk.get(&keys::definition(connector))
    }

    /// The kept definitions, sealed.
    pub fn definitions(&self) -> Result<Vec<(ConnectorId, Vec<u8>)>, StoreError> {
        let pairs = self.0.disk.scan(keys::DEFINITIONS);
        pairs
            .filter_map(|pair| match pair {
                Ok((key, value)) => keys::connector(&key).map(|id| Ok((id, value))),
                Err(error) => Some(Err(error)),
            })
            .collect()
    }
}
