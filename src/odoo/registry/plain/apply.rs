//! Write-back by plain calls.
//!
//! Read what is there; create the tokens that are missing; read them back; take back a token of ours that came second; and
//! only then remove the VIDs whose registrants were seen to hold the token. Each step can be repeated: what an interrupted
//! call did is found at the next attempt.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::domain::connector::Connector;
use crate::domain::identity::{RegIdRow, RegistrantId};
use crate::odoo::error::{Error, Failure, Refusal};

use super::super::VidMatches;
use super::super::write_back::{ApplyRefusal, Outcome, WriteBack};
use super::{Ids, Plain, REG_ID, Unlinked};

/// So many rows refused one by one with exceptions, and none taken: it is not the rows.
const SINGLE_FAILURES: usize = 16;

/// A token row that we made now.
type Created = BTreeMap<RegistrantId, RegIdRow>;

impl Plain {
    pub async fn apply(
        &self,
        connector: &Connector,
        results: &[WriteBack],
        vid_matches: VidMatches<'_>,
    ) -> Result<Vec<Outcome>, Error> {
        let mut outcomes: Vec<Option<Outcome>> = results.iter().map(|r| r.refusal().map(Outcome::Refused)).collect();
        let mut seen = BTreeSet::new();
        for (result, outcome) in results.iter().zip(&mut outcomes) {
            // Two results for one registrant cannot both be looked at in one go.
            if outcome.is_none() && !seen.insert(result.registrant) {
                *outcome = Some(Outcome::Busy);
            }
        }
        let registrants: Vec<RegistrantId> = seen.into_iter().collect();
        let held = self.ids_of(connector, &registrants).await?;
        let mut missing = Vec::new();
        let none = Ids::default();
        for (index, (result, outcome)) in results.iter().zip(&mut outcomes).enumerate() {
            if outcome.is_some() {
                continue;
            }
            match before(result, held.get(&result.registrant).unwrap_or(&none), vid_matches) {
                Before::Missing => missing.push(index),
                Before::Present => {}
                Before::Not(settled) => *outcome = Some(settled),
            }
        }
        let created = self.create_tokens(connector, results, &missing, &mut outcomes).await?;
        let mut held = if missing.is_empty() { held } else { self.ids_of(connector, &registrants).await? };
        if self.take_back(results, &outcomes, &created, &held).await? {
            held = self.ids_of(connector, &registrants).await?;
        }
        self.remove_submitted(connector, results, &mut outcomes, &created, &held, vid_matches).await;
        // Unwrap safety: `remove_submitted` settles every result that was still open.
        Ok(outcomes.into_iter().map(|outcome| outcome.expect("every result has an outcome")).collect())
    }

    /// Creates token rows in one call; where a row is refused, by halves until it stands alone. Rows that are refused get
    /// their outcome here.
    async fn create_tokens(
        &self,
        connector: &Connector,
        results: &[WriteBack],
        missing: &[usize],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Created, Error> {
        let mut created = Created::new();
        let mut failures = 0;
        let mut parts = vec![missing];
        while let Some(part) = parts.pop() {
            let rows = part.iter().map(|index| self.token_row(connector, &results[*index])).collect();
            let error = match self.client.create(REG_ID, rows).await {
                Ok(ids) => {
                    created.extend(part.iter().zip(ids).map(|(index, id)| (results[*index].registrant, RegIdRow(id))));
                    continue;
                }
                Err(error @ Error::Refused(_)) => error,
                Err(error @ Error::Application(Failure::Other | Failure::BadValue)) => {
                    failures += usize::from(part.len() == 1);
                    if failures >= SINGLE_FAILURES && created.is_empty() {
                        return Err(error);
                    }
                    error
                }
                Err(error) => return Err(error),
            };
            if let [index] = part {
                outcomes[*index] = refused(&error);
            } else {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
        Ok(created)
    }

    /// Without an expiry date: OpenG2P's deduplication skips IDs that have expired.
    fn token_row(&self, connector: &Connector, result: &WriteBack) -> Value {
        let mut row = json!({
            "partner_id": result.registrant, "id_type": connector.token_type, "value": result.token.expose(),
        });
        if self.has_status {
            row["status"] = "valid".into();
        }
        row
    }

    /// Removes a token row of ours that stands behind another writer's, and nothing of theirs. Tells whether it did.
    async fn take_back(
        &self,
        results: &[WriteBack],
        outcomes: &[Option<Outcome>],
        created: &Created,
        held: &BTreeMap<RegistrantId, Ids>,
    ) -> Result<bool, Error> {
        let second = open(results, outcomes).filter_map(|(_, result)| {
            let ours = *created.get(&result.registrant)?;
            let lowest = held.get(&result.registrant)?.tokens.first()?;
            (lowest.row < ours).then_some(ours)
        });
        let second: Vec<RegIdRow> = second.collect();
        for unlinked in self.unlink(&second).await.into_values() {
            match unlinked {
                // One row that stays is told by what is read next; the others go on.
                Unlinked::Removed | Unlinked::Gone | Unlinked::Failed(Error::Refused(_)) => {}
                Unlinked::Failed(error) => return Err(error),
            }
        }
        Ok(!second.is_empty())
    }

    /// Settles every open result by what was read back, and removes the VIDs of those who were seen to hold the token.
    async fn remove_submitted(
        &self,
        connector: &Connector,
        results: &[WriteBack],
        outcomes: &mut [Option<Outcome>],
        created: &Created,
        held: &BTreeMap<RegistrantId, Ids>,
        vid_matches: VidMatches<'_>,
    ) {
        let none = Ids::default();
        let mut vids = Vec::new();
        let mut settled = Vec::new();
        for (index, result) in open(results, outcomes) {
            let ids = held.get(&result.registrant).unwrap_or(&none);
            let outcome = after(result, ids, created);
            let has_token = matches!(outcome, Outcome::Written { .. } | Outcome::Already { .. });
            if connector.remove_vid && has_token && is_submitted(result, ids, vid_matches) {
                vids.extend(result.vid_row);
            }
            settled.push((index, outcome));
        }
        let mut unlinked = self.unlink(&vids).await;
        for (index, outcome) in settled {
            let unlinked = results[index].vid_row.and_then(|row| unlinked.remove(&row));
            outcomes[index] = Some(match (unlinked, outcome) {
                (Some(Unlinked::Removed), Outcome::Written { .. }) => Outcome::Written { vid_removed: true },
                (Some(Unlinked::Removed), Outcome::Already { .. }) => Outcome::Already { vid_removed: true },
                (Some(Unlinked::Failed(error)), Outcome::Written { .. } | Outcome::Already { .. }) => {
                    Outcome::TokenWritten(error)
                }
                (_, outcome) => outcome,
            });
        }
    }
}

/// The results that have no outcome yet.
fn open<'a>(results: &'a [WriteBack], outcomes: &'a [Option<Outcome>]) -> impl Iterator<Item = (usize, &'a WriteBack)> {
    results.iter().enumerate().filter(|(index, _)| outcomes[*index].is_none())
}

enum Before {
    /// The token is to be created.
    Missing,
    /// The token is there.
    Present,
    Not(Outcome),
}

fn before(result: &WriteBack, ids: &Ids, vid_matches: VidMatches<'_>) -> Before {
    if ids.tokens.iter().any(|token| token.value != result.token) {
        Before::Not(Outcome::Conflict)
    } else if !ids.tokens.is_empty() {
        Before::Present
    } else if is_submitted(result, ids, vid_matches) {
        Before::Missing
    } else {
        Before::Not(Outcome::Superseded)
    }
}

/// What the read-back shows. A token that is not seen does not count as written.
fn after(result: &WriteBack, ids: &Ids, created: &Created) -> Outcome {
    if ids.tokens.is_empty() {
        Outcome::Busy
    } else if ids.tokens.iter().any(|token| token.value != result.token) {
        Outcome::Conflict
    } else if created.get(&result.registrant).is_some_and(|ours| ids.tokens.iter().any(|token| token.row == *ours)) {
        Outcome::Written { vid_removed: false }
    } else {
        Outcome::Already { vid_removed: false }
    }
}

/// Whether the registrant still holds the VID that was submitted, in the same row; or none, where it is not from there.
fn is_submitted(result: &WriteBack, ids: &Ids, vid_matches: VidMatches<'_>) -> bool {
    match result.vid_row {
        Some(row) => ids.vids.iter().any(|vid| vid.row == row && vid_matches(result.registrant, &vid.value)),
        None => ids.vids.is_empty(),
    }
}

/// What a refusal of one row means; `None` where the read-back will tell.
fn refused(error: &Error) -> Option<Outcome> {
    match error {
        Error::Refused(Refusal::IdTypeTaken) => None,
        Error::Refused(Refusal::ForeignKey | Refusal::MissingRecord { .. }) => Some(Outcome::Superseded),
        Error::Refused(Refusal::InvalidId) | Error::Application(Failure::BadValue) => {
            Some(Outcome::Refused(ApplyRefusal::TokenInvalid))
        }
        // An exception says nothing of the row: a full disk raises one as well. It is tried again, and comes to an end.
        Error::Application(_) => Some(Outcome::Busy),
        _ => Some(Outcome::Refused(ApplyRefusal::Other)),
    }
}

#[cfg(test)]
#[path = "apply_test.rs"]
mod tests;
