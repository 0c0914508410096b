//! Removing VIDs that are older than the token beside them.

use std::collections::BTreeMap;

use crate::domain::connector::Connector;
use crate::domain::identity::{RegIdRow, RegistrantId};
use crate::odoo::error::Error;

use super::super::write_back::{Outcome, StaleVid};
use super::{Ids, Plain, Unlinked};

impl Plain {
    /// The condition is read right before the removal. An edit between the two is lost: that takes the addon to prevent.
    pub async fn remove_vids(&self, connector: &Connector, rows: &[StaleVid]) -> Result<Vec<Outcome>, Error> {
        let registrants: Vec<RegistrantId> = rows.iter().map(|row| row.registrant).collect();
        let held = self.ids_of(connector, &registrants).await?;
        let stale: Vec<RegIdRow> = rows.iter().filter(|row| is_stale(row, &held)).map(|row| row.vid_row).collect();
        let mut unlinked = self.unlink(&stale).await;
        let outcomes = rows.iter().map(|row| match unlinked.remove(&row.vid_row) {
            Some(Unlinked::Removed) => Outcome::Already { vid_removed: true },
            Some(Unlinked::Failed(error)) => Outcome::TokenWritten(error),
            Some(Unlinked::Gone) | None => Outcome::Superseded,
        });
        Ok(outcomes.collect())
    }
}

/// Whether the row is this registrant's VID, unchanged since it was seen, and last written before a token was created. In
/// the same second is not before: plain calls know no fractions, and a newer VID is a correction that must not be lost.
fn is_stale(stale: &StaleVid, held: &BTreeMap<RegistrantId, Ids>) -> bool {
    let Some(ids) = held.get(&stale.registrant) else {
        return false;
    };
    let vid = ids.vids.iter().find(|vid| vid.row == stale.vid_row);
    vid.is_some_and(|vid| {
        stale.vid_written.as_ref().is_none_or(|seen| *seen == vid.written_text)
            && ids.tokens.iter().any(|token| !token.value.expose().is_empty() && vid.written < token.created)
    })
}
