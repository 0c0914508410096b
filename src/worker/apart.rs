//! Reading apart: where Odoo fails on a read of many registrants, one of them may be to blame, and must not hold the others up.

use super::{Halt, Remote, Worker};
use crate::domain::connector::Connector;
use crate::domain::identity::RegistrantId;
use crate::odoo::registry::Registrant;

/// So many registrants at most are read by halves at a time: where Odoo fails on each of them, that is twice as many calls.
const SAMPLE: usize = 64;
/// Where Odoo fails on so many, and reads nobody, the fault is the connector's or Odoo's, not theirs.
const TOO_MANY: usize = 10;
/// No registrant of Odoo's.
const NOBODY: RegistrantId = RegistrantId(0);

/// What came of a read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub found: Vec<Registrant>,
    /// Odoo fails on each of these alone.
    pub failing: Vec<RegistrantId>,
    /// Not read this time.
    pub untouched: Vec<RegistrantId>,
}

/// Reads registrants. Where Odoo fails on all of them together, by halves, until those that it fails on stand alone.
///
/// # Errors
///
/// Odoo fails whomever it is asked for: that shuts `own`.
pub(super) async fn read(
    worker: &Worker,
    connector: &Connector,
    own: Remote,
    ids: &[RegistrantId],
    ignore_filter: bool,
) -> Result<Read, Halt> {
    let registry = worker.registry().await?;
    let ask = async |ids: &[RegistrantId]| worker.hear_odoo(registry.read(connector, ids, ignore_filter)).await;
    let error = match ask(ids).await? {
        Ok(found) => return Ok(Read { found, ..Read::default() }),
        Err(error) => error,
    };
    if !error.may_lie_in_a_record() {
        return Err(worker.blame(own, &error));
    }
    if let Err(error) = ask(&[NOBODY]).await? {
        return Err(worker.blame(own, &error));
    }
    let (sample, untouched) = part(ids, SAMPLE, worker.jitter());
    let mut read = Read { untouched, ..Read::default() };
    let mut parts = vec![sample.as_slice()];
    let mut somebody_is_read = false;
    while let Some(part) = parts.pop() {
        let known_to_fail = part.len() == ids.len() && part.len() > 1;
        let answer = if known_to_fail { Err(error.clone()) } else { ask(part).await? };
        match answer {
            Ok(found) => {
                somebody_is_read = true;
                read.found.extend(found);
            }
            Err(error) if !error.may_lie_in_a_record() => return Err(worker.blame(own, &error)),
            Err(_) if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            Err(_) => {
                // Whoever is to be refused is looked at once more: it may have been a moment of Odoo's.
                match ask(part).await? {
                    Ok(found) => {
                        somebody_is_read = true;
                        read.found.extend(found);
                    }
                    Err(error) if !error.may_lie_in_a_record() => return Err(worker.blame(own, &error)),
                    Err(_) => read.failing.extend_from_slice(part),
                }
            }
        }
    }
    if !somebody_is_read && read.failing.len() > TOO_MANY {
        return Err(worker.blame(own, &error));
    }
    for registrant in &read.failing {
        tracing::warn!(connector = %connector.id, %registrant, %error, "Odoo fails on this registrant alone");
    }
    Ok(read)
}

/// At most so many of `ids`, from all over them: those that Odoo fails on may have come in together. `turn`, from 0 to 1, says
/// which. The rest comes second.
fn part(ids: &[RegistrantId], most: usize, turn: f64) -> (Vec<RegistrantId>, Vec<RegistrantId>) {
    let stride = ids.len().div_ceil(most).max(1);
    let offset = ((stride as f64 * turn) as usize).min(stride - 1);
    let (mut chosen, mut rest) = (Vec::new(), Vec::new());
    for (place, id) in ids.iter().enumerate() {
        if place % stride == offset { chosen.push(*id) } else { rest.push(*id) }
    }
    (chosen, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_from_all_over_and_loses_nobody() {
        let ids: Vec<RegistrantId> = (1..=150).map(RegistrantId).collect();
        for turn in [0.0, 0.5, 1.0] {
            let (chosen, rest) = part(&ids, 64, turn);
            assert_eq!((chosen.len(), rest.len()), (50, 100), "{turn}");
            assert!(chosen.windows(2).all(|pair| pair[1].0 - pair[0].0 == 3));
            let mut all = [chosen, rest].concat();
            all.sort_unstable();
            assert_eq!(all, ids);
        }
        assert_eq!(part(&ids[..64], 64, 1.0), (ids[..64].to_vec(), Vec::new()));
        assert_eq!(part(&ids[..1], 64, 1.0).0, [RegistrantId(1)]);
    }
}
