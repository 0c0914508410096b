//! What the audit needs of the running daemon: its outlets, and callbacks that were refused, counted so that nobody floods it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::audit::{AuditEvent, Deed};
use crate::domain::identity::ConnectorId;
use crate::mosip::{AuditFile, Auditor, Service};
use crate::store::Outlet;
use crate::worker::{Halt, tend};

/// Between two events of one connector about callbacks that were refused.
const BETWEEN: Duration = Duration::from_secs(60);

/// Callbacks that were refused and not told yet, by connector; those that name none that there is count as one.
#[derive(Debug, Default)]
pub(super) struct RefusedCallbacks(Mutex<BTreeMap<Option<ConnectorId>, Refused>>);

#[derive(Debug, Default)]
struct Refused {
    told: Option<Instant>,
    reasons: BTreeMap<&'static str, u64>,
}

impl RefusedCallbacks {
    pub fn count(&self, connector: Option<ConnectorId>, reason: &'static str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(connector).or_default().reasons.entry(reason).or_default() += 1;
    }

    /// Those that are to be told now; all of them at the `end`.
    fn take(&self, now: Instant, end: bool) -> Vec<(Option<ConnectorId>, BTreeMap<String, u64>)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A connector of which nothing was refused for a while is forgotten.
        all.retain(|_, refused| !refused.reasons.is_empty() || refused.told.is_some_and(|told| now < told + BETWEEN));
        let is_due = |refused: &Refused| end || refused.told.is_none_or(|told| now >= told + BETWEEN);
        let due = all.iter_mut().filter(|(_, refused)| !refused.reasons.is_empty() && is_due(refused));
        due.map(|(connector, refused)| {
            refused.told = Some(now);
            let reasons = std::mem::take(&mut refused.reasons);
            (*connector, reasons.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect())
        })
        .collect()
    }
}

/// Where events go by this configuration.
pub(super) fn outlets(config: &Config) -> BTreeSet<Outlet> {
    let manager = config.mosip.audit.then_some(Outlet::Manager);
    manager.into_iter().chain(config.mosip.audit_file.as_ref().map(|_| Outlet::File)).collect()
}

impl App {
    /// Begins to tell what is to be told.
    pub(super) fn audit(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
        let (config, worker) = (&self.config.mosip, &self.worker);
        let auditor = |service| Arc::new(Auditor::new(service, Arc::clone(&worker.settings.daemon), Arc::clone(clock)));
        if config.audit {
            let auditor = auditor(Service::new(config, clock)?);
            self.spawn(tend::auditing(Arc::clone(worker), auditor, self.stop.clone()));
        }
        if let Some(path) = &config.audit_file {
            let service = if config.audit { Service::new(config, clock)? } else { None };
            let file = Arc::new(AuditFile::new(path.clone()));
            self.spawn(tend::filing(Arc::clone(worker), auditor(service), file, self.stop.clone()));
        }
        Ok(())
    }

    /// Counts a callback that was refused.
    pub(super) fn refused_callback(&self, connector: Option<ConnectorId>, reason: &'static str) {
        if self.worker.store.is_audited() {
            let known = connector.filter(|id| self.roster.with(*id, |_| ()).is_some());
            self.refused_callbacks.count(known, reason);
        }
    }

    /// Has the audit told of callbacks that were refused; at the `end`, of all.
    pub(super) fn tell_of_refused_callbacks(&self, end: bool) -> Result<(), Halt> {
        let refused = self.refused_callbacks.take(Instant::now(), end);
        if refused.is_empty() {
            return Ok(());
        }
        let at = self.worker.clock.now();
        self.worker.store.change_now(|change| {
            for (connector, reasons) in refused {
                change.audit(AuditEvent { at, connector, deed: Deed::CallbacksRefused { reasons } });
            }
            Ok(())
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_calls_again_and_again_makes_one_event_a_minute() {
        let (refused, now) = (RefusedCallbacks::default(), Instant::now());
        let (one, other) = (Some(ConnectorId(1)), Some(ConnectorId(2)));
        let told = |at: Instant, end| -> Vec<(Option<ConnectorId>, u64)> {
            refused.take(at, end).into_iter().map(|(id, reasons)| (id, reasons.values().sum())).collect()
        };
        refused.count(one, "unauthorised");
        assert_eq!(told(now, false), [(one, 1)], "the first at once");
        (0..1000).for_each(|_| refused.count(one, "unauthorised"));
        refused.count(one, "garbage");
        refused.count(other, "unauthorised");
        assert_eq!(told(now + BETWEEN / 2, false), [(other, 1)]);
        assert_eq!(told(now + BETWEEN, false), [(one, 1001)]);
        assert!(told(now + BETWEEN * 5, false).is_empty());
        assert!(refused.0.lock().unwrap().is_empty(), "and is forgotten");
        refused.count(None, "unknown");
        assert_eq!(told(now + BETWEEN * 6, false), [(None, 1)]);
        refused.count(None, "unknown");
        assert_eq!(told(now + BETWEEN * 6, true), [(None, 1)], "nothing is kept back at the end");
    }
}
