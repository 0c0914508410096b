//! Results that go to an address that is not OMC's. Whoever is called there writes the tokens; OMC looks for them in the registry,
//! and what it finds counts as the result: it goes the way of all results, by which the VID is removed too. What MTS refused, it
//! says there and not here; that nothing came is all that can be told.

use std::collections::HashSet;

use super::awaiting::{self, Awaiting};
use super::clean_up::token_came;
use super::submit::SCOUTS;
use super::{Halt, Remote, Worker, apart, definitions};
use crate::domain::batch::{Batch, Patience};
use crate::domain::code::Code;
use crate::domain::identity::RegistrantId;
use crate::intake::{Answer, Way};
use crate::odoo::registry::Registrant;
use crate::store::StoreError;

/// Registrants that are looked at in one call.
const CHUNK: usize = 500;
/// So many calls in a row may take all their time before the rest counts as lost.
const CALLS: u32 = 3;

/// MTS calls for one record after the other once it is through with them: one call may take as long as the connector says, and shows
/// nothing meanwhile.
pub(super) fn patience(worker: &Worker, batch: &Batch) -> Result<Patience, StoreError> {
    let patience = worker.settings.patience;
    let timeout = definitions::kept_one(worker, batch.connector)?.map(|connector| connector.callback.timeout);
    let callback_grace = patience.callback_grace.max(timeout.unwrap_or_default() * CALLS);
    Ok(Patience { callback_grace, ..patience })
}

/// Takes the tokens that are in the registry by now, and gives the registrants that were not looked at: where Odoo fails on somebody
/// among many, the others come little by little.
///
/// # Errors
/// Odoo cannot be read.
pub(super) async fn look(worker: &Worker, batch: &Batch) -> Result<HashSet<RegistrantId>, Halt> {
    let mut untouched = HashSet::new();
    let Some(connector) = definitions::kept_one(worker, batch.connector)? else { return Ok(untouched) };
    let own = Remote::Results(connector.id);
    worker.pass(&[Remote::Odoo, own.clone()])?;
    let waiting = awaiting::of(worker, batch)?;
    let mut found = 0;
    for chunk in waiting.chunks(CHUNK) {
        let ids: Vec<RegistrantId> = chunk.iter().map(|awaiting| awaiting.record.key.registrant).collect();
        let read = apart::read(worker, &connector, own.clone(), &ids, true).await?;
        worker.breakers.succeeded(&own);
        let arrived = chunk.iter().filter_map(|awaiting| {
            let registrant = read.found.iter().find(|registrant| registrant.id == awaiting.record.key.registrant)?;
            Some((awaiting.correlation(batch), arrived(registrant)?))
        });
        let arrived: Vec<_> = arrived.collect();
        found += arrived.len();
        untouched.extend(read.untouched);
        let said = awaiting::intake(worker).take(arrived, Way::Registry).await?;
        awaiting::tell(worker, batch, &said);
    }
    if found > 0 {
        tracing::debug!(batch = batch.id.0, tokens = found, "tokens that somebody else wrote are in the registry");
    }
    Ok(untouched)
}

/// The token that came for what was sent: one that is no older than the VIDs beside it.
fn arrived(registrant: &Registrant) -> Option<Answer> {
    let came = token_came(registrant)?;
    if registrant.vids.iter().any(|vid| vid.written > came) {
        return None;
    }
    let token = registrant.tokens.iter().find(|token| !token.value.expose().is_empty())?;
    Some(Answer::Token { token: token.value.clone(), values: None })
}

/// Whether it looks as if nobody's token could come, rather than not these: MTS does not look at what it is answered there, so a
/// wrong login shows in nothing else.
pub(super) fn nobody_came(worker: &Worker, batch: &Batch) -> bool {
    let troubled = worker.breakers.is_troubled(&Remote::Delivery(batch.connector));
    worker.store.members(batch.id).len() == batch.size as usize && (troubled || batch.size as usize > SCOUTS)
}

/// Gives up waiting for those whose token has not come; not for those who were not looked at.
pub(super) async fn give_up(worker: &Worker, batch: &Batch, untouched: &HashSet<RegistrantId>) -> Result<(), Halt> {
    let mut waiting = awaiting::of(worker, batch)?;
    waiting.retain(|awaiting| !untouched.contains(&awaiting.record.key.registrant));
    let missing = waiting.len();
    let never = |awaiting: &Awaiting| (awaiting.correlation(batch), Answer::Error(Code::NEVER_ARRIVED));
    awaiting::intake(worker).take(waiting.iter().map(never).collect(), Way::Registry).await?;
    tracing::warn!(
        batch = batch.id.0, connector = %batch.connector, missing,
        "MTS is through, and tokens that somebody else was to write are not in the registry"
    );
    Ok(())
}
