//! Which credentials are good, kept apart so that whoever asks waits for no change of the store.

use std::collections::BTreeSet;

use super::index::Index;
use crate::domain::connector::CallbackAuth;
use crate::domain::generation::Generation;
use crate::domain::identity::ConnectorId;

/// The generation that MTS is given now, and what went out with batches that answers are awaited of.
#[derive(Default)]
pub(super) struct Honoured {
    current: Option<Generation>,
    sent: BTreeSet<(ConnectorId, Generation)>,
    /// Connectors whose batches MTS was told to bring without credentials.
    open: BTreeSet<ConnectorId>,
}

impl Honoured {
    pub fn by(index: &Index) -> Self {
        let batches = || index.batches.values();
        let open = batches().filter(|batch| batch.access.auth == CallbackAuth::None);
        Self {
            current: index.generation.map(|current| current.generation),
            sent: batches().map(|batch| (batch.connector, batch.access.generation)).collect(),
            open: open.map(|batch| batch.connector).collect(),
        }
    }

    pub fn honours(&self, connector: ConnectorId, generation: Generation) -> bool {
        self.current == Some(generation) || self.sent.contains(&(connector, generation))
    }

    pub fn awaits_anybody(&self, connector: ConnectorId) -> bool {
        self.open.contains(&connector)
    }
}
