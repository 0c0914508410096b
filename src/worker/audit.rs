//! Telling the audit what was done: the audit manager, and a file. Neither ever holds anything else up: events wait in the store.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::Instant;

use super::{Halt, Progress, Remote, Worker};
use crate::domain::audit::AuditEvent;
use crate::mosip::{AuditFile, Auditor, Untold};
use crate::store::{Outlet, StoreError};

/// Events of one step. The audit manager takes one a call.
const CALLS: usize = 50;
const LINES: usize = 1000;
/// A step of calls ends after this time, so that a stop need not wait for all of them.
const STEP: Duration = Duration::from_secs(3);

/// Tells the audit manager the next events, in their order.
pub async fn call(worker: &Worker, auditor: &Auditor) -> Result<Progress, Halt> {
    let events = worker.store.audits(Outlet::Manager, CALLS)?;
    if events.is_empty() {
        return Ok(Progress::Idle(None));
    }
    worker.pass(&[Remote::AuditManager])?;
    // Nothing is told that a power cut could undo, and no other event can come to have its number.
    worker.store.sync().await?;
    let (end, mut below, mut trouble) = (Instant::now() + STEP, None, None);
    for (number, event) in events {
        match auditor.tell(number, &event).await {
            Ok(()) => counter!("omc_audit_events_total", "outcome" => "delivered").increment(1),
            Err(Untold::Refused(code)) => {
                let (event, code) = (auditor.form(number, &event).await, code.as_str());
                tracing::error!(%event, code, "the audit manager refuses an event; it is set aside, and stands in this line");
                counter!("omc_audit_events_total", "outcome" => "refused").increment(1);
            }
            Err(Untold::Failed(failure)) => {
                trouble = Some(failure.to_string());
                break;
            }
        }
        below = Some(number + 1);
        if Instant::now() >= end {
            break;
        }
    }
    told(worker, Outlet::Manager, below).await?;
    if below.is_some() {
        // It works, if not at each call: pauses that grow with every failure would soon be longer than what lies between two of
        // them. What failed is told first in the next step.
        worker.breakers.succeeded(&Remote::AuditManager);
        return Ok(Progress::Worked);
    }
    over(worker, Remote::AuditManager, trouble)
}

/// Writes the next events to a file.
pub async fn write(worker: &Worker, auditor: &Auditor, file: &Arc<AuditFile>) -> Result<Progress, Halt> {
    let events = worker.store.audits(Outlet::File, LINES)?;
    let Some(below) = events.last().map(|(number, _)| number + 1) else { return Ok(Progress::Idle(None)) };
    worker.pass(&[Remote::AuditFile])?;
    worker.store.sync().await?;
    let (mut lines, count) = (String::new(), events.len() as u64);
    for (number, event) in events {
        lines.push_str(&auditor.form(number, &event).await.to_string());
        lines.push('\n');
    }
    let writing = Arc::clone(file);
    let written = tokio::task::spawn_blocking(move || writing.append(&lines)).await;
    let trouble = match written {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            let path = file.path().display();
            Some(format!("mosip.audit_file = {path}: {error}; check the folder, its owner and free space"))
        }
        Err(_) => Some("the writer broke down".to_owned()),
    };
    if trouble.is_none() {
        counter!("omc_audit_events_total", "outcome" => "filed").increment(count);
        told(worker, Outlet::File, Some(below)).await?;
    }
    over(worker, Remote::AuditFile, trouble)
}

async fn told(worker: &Worker, outlet: Outlet, below: Option<u64>) -> Result<(), Halt> {
    let Some(below) = below else { return Ok(()) };
    let noted = worker.store.change(move |change| {
        change.audited(outlet, below);
        Ok(())
    });
    Ok(noted.await?)
}

fn over(worker: &Worker, remote: Remote, trouble: Option<String>) -> Result<Progress, Halt> {
    match trouble {
        None => {
            worker.breakers.succeeded(&remote);
            Ok(Progress::Worked)
        }
        Some(trouble) => {
            let until = worker.breakers.failed(&remote, &trouble, worker.jitter(), worker.steady.now());
            Err(Halt::Until(until))
        }
    }
}

/// Has an event told that belongs to no other change.
pub fn note(worker: &Worker, event: AuditEvent) -> Result<(), StoreError> {
    worker.store.change_now(|change| {
        change.audit(event);
        Ok(())
    })
}

/// Shows what waits, and tells what had to go untold.
pub fn show(worker: &Worker) {
    gauge!("omc_audit_queued").set(worker.store.audits_kept() as f64);
    let dropped = worker.store.audits_dropped();
    if dropped > 0 {
        counter!("omc_audit_events_total", "outcome" => "dropped").increment(dropped);
        tracing::error!(dropped, "the audit's queue is full (mosip.audit_queue); its oldest events are lost");
    }
}
