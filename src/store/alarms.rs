//! What people are told of: how alarms stand, and messages that were not sent yet.

use super::error::StoreError;
use super::{Store, codec, keys};
use crate::domain::alarm::{Alarm, Message, Standing};
use crate::domain::identity::ConnectorId;

impl Store {
    /// How an alarm of a connector stands.
    pub fn alarm(&self, connector: ConnectorId, alarm: Alarm) -> Result<Standing, StoreError> {
        Ok(codec::read(&self.0.disk, &keys::alarm(connector, alarm))?.unwrap_or_default())
    }

    /// The oldest message to people that was not sent yet, with its number.
    pub fn message(&self) -> Option<(u64, Message)> {
        self.index().messages.first_key_value().map(|(number, message)| (*number, message.clone()))
    }
}
