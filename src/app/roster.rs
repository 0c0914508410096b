//! The connectors that the daemon knows, and how each stands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::connector::{Activity, Connector};
use crate::domain::definition::Problem;
use crate::domain::identity::ConnectorId;

/// Where a connector's definition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As Odoo has it now.
    Current,
    /// Kept from before; Odoo has not been heard since the start.
    Kept,
    /// Wrong in Odoo; nothing new is sent.
    Wrong,
    Archived,
    /// Deleted in Odoo.
    Gone,
    /// In Odoo, and not named in `odoo.connectors` any more.
    Unchosen,
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Kept => "kept",
            Self::Wrong => "wrong",
            Self::Archived => "archived",
            Self::Gone => "deleted",
            Self::Unchosen => "not named in odoo.connectors",
        }
    }
}

/// One connector.
#[derive(Debug)]
pub struct Entry {
    pub name: String,
    pub standing: Standing,
    pub problems: Vec<Problem>,
    /// Of one that is kept: it was started, as far as Odoo was heard before.
    pub was_started: bool,
    /// The last good definition, for the loops that work by it; none if there never was one.
    definition: Option<watch::Sender<Arc<Connector>>>,
    /// Ends those loops.
    stop: CancellationToken,
}

/// What the loops of a connector go by.
pub type Orders = (watch::Receiver<Arc<Connector>>, CancellationToken);

impl Entry {
    /// The last good definition, stopped unless it is current.
    pub fn connector(&self) -> Option<Arc<Connector>> {
        self.definition.as_ref().map(|sender| sender.borrow().clone())
    }

    /// What works by the definition sends nothing more.
    fn rest(&self) {
        if let Some(sender) = &self.definition {
            sender.send_if_modified(|known| {
                let runs = known.activity == Activity::Started;
                if runs {
                    *known = Arc::new(Connector { activity: Activity::Stopped, ..Connector::clone(known) });
                }
                runs
            });
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Roster(Mutex<BTreeMap<ConnectorId, Entry>>);

impl Roster {
    /// Takes a good definition. Orders come back for a connector that nobody works for yet.
    pub fn put(&self, connector: Arc<Connector>, standing: Standing, stop: &CancellationToken) -> Option<Orders> {
        let mut entries = self.entries();
        let entry = entries.entry(connector.id).or_insert_with(|| Entry {
            name: String::new(),
            standing,
            problems: Vec::new(),
            was_started: false,
            definition: None,
            stop: stop.child_token(),
        });
        entry.name.clone_from(&connector.name);
        entry.standing = standing;
        entry.problems.clear();
        match &entry.definition {
            Some(sender) => {
                sender.send_if_modified(|known| {
                    let changed = **known != *connector;
                    *known = connector;
                    changed
                });
                None
            }
            None => {
                let (sender, receiver) = watch::channel(connector);
                entry.definition = Some(sender);
                entry.stop = stop.child_token();
                Some((receiver, entry.stop.clone()))
            }
        }
    }

    /// Notes that a definition is no good, or gone. What works by the last good one stops sending. Tells whether that is news.
    pub fn withdraw(&self, id: ConnectorId, name: &str, standing: Standing, problems: Vec<Problem>) -> bool {
        let mut entries = self.entries();
        let entry = entries.entry(id).or_insert_with(|| Entry {
            name: name.to_owned(),
            standing: Standing::Kept,
            problems: Vec::new(),
            was_started: false,
            definition: None,
            stop: CancellationToken::new(),
        });
        if !name.is_empty() {
            name.clone_into(&mut entry.name);
        }
        let news = entry.standing != standing || entry.problems != problems;
        entry.standing = standing;
        entry.problems = problems;
        entry.rest();
        news
    }

    /// A connector's work is done: it is stopped until Odoo says otherwise.
    pub fn rest(&self, id: ConnectorId) {
        if let Some(entry) = self.entries().get(&id) {
            entry.rest();
        }
    }

    /// Notes that a connector that is kept from before was started.
    pub fn was_started(&self, id: ConnectorId) {
        if let Some(entry) = self.entries().get_mut(&id) {
            entry.was_started = true;
        }
    }

    /// Forgets a connector; nobody works for it any more.
    pub fn forget(&self, id: ConnectorId) {
        if let Some(entry) = self.entries().remove(&id) {
            entry.stop.cancel();
        }
    }

    pub fn connector(&self, id: ConnectorId) -> Option<Arc<Connector>> {
        self.entries().get(&id)?.connector()
    }

    /// The connectors that have, or had, a good definition.
    pub fn connectors(&self) -> Vec<Arc<Connector>> {
        self.entries().values().filter_map(Entry::connector).collect()
    }

    pub fn ids(&self) -> Vec<ConnectorId> {
        self.entries().keys().copied().collect()
    }

    /// Looks at every entry.
    pub fn each<T>(&self, mut look: impl FnMut(ConnectorId, &Entry) -> T) -> Vec<T> {
        self.entries().iter().map(|(id, entry)| look(*id, entry)).collect()
    }

    /// Looks at one entry.
    pub fn with<T>(&self, id: ConnectorId, look: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.entries().get(&id).map(look)
    }

    /// Finds a connector by its id or its unique name.
    pub fn find(&self, text: &str) -> Result<ConnectorId, String> {
        let entries = self.entries();
        if let Some(id) = text.parse().ok().and_then(ConnectorId::from_wire).filter(|id| entries.contains_key(id)) {
            return Ok(id);
        }
        let mut named = entries.iter().filter(|(_, entry)| entry.name == text).map(|(id, _)| *id);
        match (named.next(), named.next()) {
            (Some(id), None) => Ok(id),
            (Some(_), Some(_)) => Err(format!("several connectors are called {text:?}; give the id")),
            (None, _) => Err(format!("no connector {text:?}; `omc connectors` lists them")),
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<ConnectorId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
