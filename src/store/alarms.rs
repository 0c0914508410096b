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

    /// The oldest message of this kind that was not sent yet, with its number.
    pub fn message(&self, mut is_meant: impl FnMut(&Message) -> bool) -> Option<(u64, Message)> {
        let index = self.index();
        let mut waiting = index.messages.iter();
        waiting.find(|(_, message)| is_meant(message)).map(|(number, message)| (*number, message.clone()))
    }
}
