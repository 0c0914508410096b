//! A breaker before everything that can fail for all: Odoo, each MTS, the MOSIP behind it, and each connector's own settings.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use metrics::gauge;
use url::Url;

use crate::domain::connector::Connector;
use crate::domain::expression::Expression;
use crate::domain::identity::ConnectorId;
use crate::domain::retry::{Backoff, Breaker};

/// What a breaker stands before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Remote {
    Odoo,
    Mts(Url),
    /// The gateway before this MTS, and the login for it.
    Access(Url),
    /// MOSIP's authentication as this MTS reaches it: keys, certificates, partner.
    Authentication(Url),
    /// A connector whose filter or fields Odoo refuses, or that another daemon works on.
    Connector(ConnectorId),
    /// A connector whose registrants Odoo cannot read for the results that came.
    Results(ConnectorId),
    /// A connector whose results Odoo refuses to take.
    WriteBack(ConnectorId),
    /// The way from MTS to OMC's receiver, for a connector.
    Delivery(ConnectorId),
    /// A connector's VID clean-up.
    CleanUp(ConnectorId),
    /// What Odoo is told about a connector.
    Report(ConnectorId),
    /// A connector that Odoo takes no activity of.
    Activities(ConnectorId),
    /// A connector whose request MTS refuses.
    Submission(ConnectorId),
    /// MOSIP's audit manager.
    AuditManager,
    /// The file of the audit's events.
    AuditFile,
    /// MOSIP's notifier.
    Notifier,
    /// A connector's input format, as it is now, on registrant after registrant. A corrected one is another.
    InputFormat(ConnectorId, Expression),
}

impl Remote {
    /// Of a connector that has an input format.
    pub fn input_format(connector: &Connector) -> Option<Self> {
        connector.input_format.as_ref().map(|format| Self::InputFormat(connector.id, format.clone()))
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Odoo => write!(f, "Odoo"),
            Self::Mts(url) => write!(f, "MTS {url}"),
            Self::Access(url) => write!(f, "access to MTS {url}"),
            Self::Authentication(url) => write!(f, "MOSIP authentication behind {url}"),
            Self::Connector(id) => write!(f, "connector {id} in Odoo"),
            Self::Results(id) => write!(f, "registrants of connector {id} in Odoo"),
            Self::WriteBack(id) => write!(f, "write-back of connector {id}"),
            Self::Delivery(id) => write!(f, "delivery by MTS for connector {id}"),
            Self::CleanUp(id) => write!(f, "VID clean-up of connector {id}"),
            Self::Report(id) => write!(f, "report on connector {id}"),
            Self::Activities(id) => write!(f, "activities of connector {id}"),
            Self::Submission(id) => write!(f, "connector {id} at MTS"),
            Self::AuditManager => write!(f, "MOSIP's audit manager"),
            Self::Notifier => write!(f, "MOSIP's notifier"),
            Self::AuditFile => write!(f, "the audit's file"),
            Self::InputFormat(id, _) => write!(f, "connector {id} in jq"),
        }
    }
}

/// How long a trouble is shown after its wait is over, when nothing is asked any more.
const RESTS: TimeDelta = TimeDelta::seconds(10);

#[derive(Debug, Clone)]
struct Guarded {
    breaker: Breaker,
    trouble: String,
}

/// All breakers, and what opened them. In memory: a new start asks again.
#[derive(Debug)]
pub struct Breakers {
    backoff: Backoff,
    all: Mutex<HashMap<Remote, Guarded>>,
}

impl Breakers {
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, all: Mutex::default() }
    }

    /// `None`: go ahead.
    pub fn shut_until(&self, remote: &Remote, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.all().get(remote)?.breaker.shut_until(now)
    }

    /// Whether the last call failed.
    pub fn is_troubled(&self, remote: &Remote) -> bool {
        self.all().contains_key(remote)
    }

    /// Forgets troubles of what is not used any more.
    pub fn keep(&self, used: impl Fn(&Remote) -> bool) {
        self.all().retain(|remote, _| {
            let kept = used(remote);
            if !kept {
                gauge!("omc_remote_up", "remote" => remote.to_string()).set(1.0);
            }
            kept
        });
    }

    pub fn succeeded(&self, remote: &Remote) {
        if self.all().remove(remote).is_some() {
            tracing::info!(%remote, "works again");
            gauge!("omc_remote_up", "remote" => remote.to_string()).set(1.0);
        }
    }

    /// Ends the trouble of a remote that nothing is asked of any more, and that has had some time since: nothing would ever show
    /// that it works.
    pub fn is_not_needed(&self, remote: &Remote, now: DateTime<Utc>) {
        let rested = |guarded: &Guarded| guarded.breaker.shut_until(now - RESTS).is_none();
        let over = self.all().get(remote).is_some_and(rested);
        if over {
            self.succeeded(remote);
        }
    }

    /// A failure that concerns everybody; returns when to ask again.
    pub fn failed(&self, remote: &Remote, trouble: &str, jitter: f64, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut all = self.all();
        let guarded = all
            .entry(remote.clone())
            .or_insert_with(|| Guarded { breaker: Breaker::default(), trouble: String::new() });
        let known = guarded.breaker.shut_until(now).is_some();
        trouble.clone_into(&mut guarded.trouble);
        let until = guarded.breaker.failed(&self.backoff, jitter, now);
        drop(all);
        if !known {
            let wait = (until - now).num_seconds();
            tracing::warn!(%remote, trouble, retry_in_seconds = wait, "fails; waiting");
            gauge!("omc_remote_up", "remote" => remote.to_string()).set(0.0);
        }
        until
    }

    /// What is the matter with a remote, if anything.
    pub fn trouble(&self, remote: &Remote) -> Option<String> {
        self.all().get(remote).map(|guarded| guarded.trouble.clone())
    }

    /// Everything that is in trouble.
    pub fn troubles(&self) -> Vec<(String, String)> {
        let mut troubles: Vec<_> =
            self.all().iter().map(|(remote, guarded)| (remote.to_string(), guarded.trouble.clone())).collect();
        troubles.sort();
        troubles
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Remote, Guarded>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
