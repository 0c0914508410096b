//! What people are told by SMS, by e-mail and by activities in Odoo: that a connector is stuck, that its run gave registrants up, or that
//! too many were refused; once when it begins, and once when it ends.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{App, Standing as Definition};
use crate::clock::Clock;
use crate::domain::alarm::{Alarm, Message, News, Numbers, Pauses, Turn};
use crate::domain::connector::Activity;
use crate::domain::identity::ConnectorId;
use crate::domain::retry::delta;
use crate::domain::run::{Phase, Run};
use crate::mosip::{Notifier, Service};
use crate::store::StoreError;
use crate::worker::notify::Sending;
use crate::worker::{Halt, tend};

/// Of a connector's name, and of what is the matter.
const NAME: usize = 60;
const TROUBLE: usize = 400;

/// What there is to say while an alarm holds.
struct Holding {
    text: String,
    numbers: Option<Numbers>,
}

impl App {
    /// Begins to send what is to be sent.
    pub(super) fn notify(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
        if self.config.notify.activities {
            self.spawn(tend::telling(Arc::clone(&self.worker), self.stop.clone()));
        }
        let recipients = self.config.notify.recipients();
        if recipients.is_empty() {
            return Ok(());
        }
        if let Some(service) = Service::new(&self.config.mosip, clock)? {
            let notifier = Notifier::new(service, self.config.notify.release, Arc::clone(clock));
            let sending = Arc::new(Sending::new(notifier, recipients));
            self.spawn(tend::notifying(Arc::clone(&self.worker), sending, self.stop.clone()));
        }
        Ok(())
    }

    /// Looks at every connector, and has people told of what began or ended.
    pub(super) fn watch(&self) -> Result<(), Halt> {
        if !self.config.notify.is_on() {
            return Ok(());
        }
        let connectors = self.roster.each(|id, entry| (id, entry.name.clone(), entry.standing));
        for (id, name, standing) in connectors {
            if matches!(standing, Definition::Gone | Definition::Unchosen) {
                continue;
            }
            let name = format!("connector {id} ({})", plain(&name, NAME));
            self.watch_one(id, &name, standing)?;
        }
        Ok(())
    }

    fn watch_one(&self, id: ConnectorId, name: &str, standing: Definition) -> Result<(), StoreError> {
        let config = &self.config.notify;
        let is_current = standing == Definition::Current;
        let is_started = self.roster.connector(id).is_some_and(|connector| connector.activity == Activity::Started);
        // Of one that is not to run, nothing is stuck. Of before this start, while Odoo does not say how it is now: it counts as it was.
        let is_kept = standing == Definition::Kept;
        let was_started = is_kept && self.roster.with(id, |entry| entry.was_started).unwrap_or_default();
        let is_to_run = standing == Definition::Wrong || (is_current && is_started) || was_started;
        let trouble = super::chores::trouble(self, id).filter(|_| is_to_run);
        if is_kept && trouble.is_none() {
            return Ok(());
        }
        // What failed before this start is not known to fail until it was tried again.
        let is_settled = self.worker.steady.now() - self.began >= delta(config.stuck_after.as_duration());
        if trouble.is_some() || is_settled || !is_to_run {
            let holding = trouble.as_deref().map(|trouble| {
                let trouble = plain(trouble, TROUBLE);
                let text = format!("{trouble}. `omc status` shows it; docs/operations.md says what to do.");
                Holding { text, numbers: None }
            });
            let patience = delta(config.stuck_after.as_duration());
            self.alarm(id, Alarm::Stuck, patience, &format!("{name} is stuck"), holding)?;
        }
        let Some(run) = self.last_run(id) else { return Ok(()) };
        let (counters, number) = (run.counters, run.id.0);
        let given_up = (counters.abandoned > 0).then(|| {
            let (count, found) = (counters.abandoned, counters.found);
            let text = format!(
                "Run {number} gave up {count} of {found} registrants. `omc failed` says why; then `omc requeue`."
            );
            Holding { text, numbers: Some(Numbers { count, found, limit: None }) }
        });
        self.alarm(id, Alarm::GivenUp, TimeDelta::zero(), &format!("{name}: a run gave registrants up"), given_up)?;
        let limit = config.rejections_above;
        let refused = limit.is_passed(counters.rejected, counters.found).then(|| {
            let (count, found) = (counters.rejected, counters.found);
            let text = format!(
                "In run {number}, {count} of {found} registrants were refused (notify.rejections_above is {limit}). `omc failed` says why, and what to do."
            );
            Holding { text, numbers: Some(Numbers { count, found, limit: Some(limit) }) }
        });
        self.alarm(id, Alarm::ManyRefused, TimeDelta::zero(), &format!("{name}: many are refused"), refused)
    }

    /// Takes note of an alarm; `holding`: what it says while it holds.
    fn alarm(
        &self,
        id: ConnectorId,
        alarm: Alarm,
        patience: TimeDelta,
        subject: &str,
        holding: Option<Holding>,
    ) -> Result<(), StoreError> {
        let known = self.worker.store.alarm(id, alarm)?;
        let pauses = Pauses { patience, between: delta(self.config.notify.pause.as_duration()) };
        let (after, turn) = known.seen(holding.is_some(), pauses, self.worker.steady.now());
        if after == known {
            return Ok(());
        }
        let (text, numbers) = holding.map_or((None, None), |holding| (Some(holding.text), holding.numbers));
        let message = turn.map(|turn| {
            let news = News { connector: id, alarm, turn, numbers };
            let (subject, text) = match turn {
                Turn::Begins => (format!("OMC: {subject}"), text.unwrap_or_default()),
                Turn::Ends => (format!("OMC: over: {subject}"), "That is over.".to_owned()),
            };
            (Message { subject, text, activity: None }, news)
        });
        let config = &self.config.notify;
        let dropped = self.worker.store.change_now(|change| {
            change.put_alarm(id, alarm, &after)?;
            let mut dropped = false;
            if let Some((letter, news)) = message {
                if config.activities {
                    dropped |= change.put_message(Message { activity: Some(news), ..letter.clone() });
                }
                if !config.recipients().is_empty() {
                    dropped |= change.put_message(letter);
                }
            }
            Ok(dropped)
        })?;
        if dropped {
            tracing::error!("too many messages wait; the oldest is lost");
            metrics::counter!("omc_notifications_total", "outcome" => "lost").increment(1);
        }
        Ok(())
    }

    /// The last run that is over and found anybody.
    fn last_run(&self, id: ConnectorId) -> Option<Run> {
        let over = |run: &Run| run.connector == id && run.phase == Phase::Done && run.counters.found > 0;
        self.worker.store.runs().into_iter().rev().find(over)
    }
}

/// On one line, and no longer than this.
fn plain(text: &str, longest: usize) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(longest).collect()
}
