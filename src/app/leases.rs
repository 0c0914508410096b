//! The connectors' leases: which daemon works on a connector ("Which daemon" in docs/door.md). Every call through the door takes
//! or renews one; without the addon there are none.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{App, Standing};
use crate::domain::connector::Activity;
use crate::domain::identity::ConnectorId;
use crate::odoo::registry::Report;
use crate::worker::Halt;
use crate::worker::remote::Remote;

/// How often a lease is renewed that no other call renews: thrice before it runs out.
pub(super) const RENEWED: &str = "*/30 * * * * *";
/// The time that giving them up may take at the end.
const AT_THE_END: Duration = Duration::from_secs(2);

/// Takes or renews a connector's lease. While it is another daemon's, that connector's breaker is shut.
pub(super) async fn hold(app: &App, id: ConnectorId) -> Result<(), Halt> {
    report(app, id, &Report::default()).await
}

/// Renews the leases of all connectors that are worked on: one that waits for MTS, or for its next run, calls nobody for long.
pub(super) async fn renew(app: &App) -> Result<(), Halt> {
    let worked_on = app.roster.each(|id, entry| {
        let started = entry.standing == Standing::Current
            && entry.connector().is_some_and(|connector| connector.activity == Activity::Started);
        let unfinished = entry.standing != Standing::Gone && app.worker.store.counts(id).open() > 0;
        (started || unfinished).then_some(id)
    });
    for id in worked_on.into_iter().flatten() {
        match hold(app, id).await {
            Ok(()) | Err(Halt::Until(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Lets another daemon go on with the connectors at once. A lease that could not be given up runs out by itself.
pub(super) async fn give_up(app: &App) {
    if !app.heard.load(Ordering::Relaxed) {
        return;
    }
    let release = Report { release: true, ..Report::default() };
    let given_up = async {
        for id in app.roster.ids() {
            match report(app, id, &release).await {
                // Another connector's lease may be ours all the same.
                Ok(()) | Err(Halt::Until(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    match tokio::time::timeout(AT_THE_END, given_up).await {
        Ok(Ok(())) => tracing::debug!("the connectors' leases are given up"),
        _ => tracing::debug!("the connectors' leases are left to run out"),
    }
}

async fn report(app: &App, id: ConnectorId, report: &Report) -> Result<(), Halt> {
    let worker = &app.worker;
    worker.pass(&[Remote::Odoo, Remote::Connector(id)])?;
    let registry = worker.registry().await?;
    worker.ask_odoo(Some(id), registry.report(id, report)).await?;
    Ok(())
}
