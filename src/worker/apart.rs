//! Reading apart: where Odoo fails on a read of many registrants, one of them may be to blame, and must not hold the others up.

use std::collections::HashSet;

use super::{Halt, Remote, Worker};
use crate::domain::connector::Connector;
use crate::domain::identity::RegistrantId;
use crate::odoo::registry::Registrant;
use crate::odoo::{self, Registry};

/// So many registrants at most are read by halves at a time: where Odoo fails on each of them, that is twice as many calls.
const SAMPLE: usize = 64;
/// So many others at most are read to find out whether Odoo reads anybody, on each of two ways.
const OTHERS: usize = 8;
/// No registrant of Odoo's.
const NOBODY: RegistrantId = RegistrantId(0);

/// What came of a read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub found: Vec<Registrant>,
    /// Odoo fails on each of these alone, while it reads others.
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
    let reader = Reader { worker, registry, connector, own, ignore_filter };
    let error = match reader.ask(ids).await? {
        Ok(found) => return Ok(Read { found, ..Read::default() }),
        Err(error) => error,
    };
    if let Err(error) = reader.ask(&[NOBODY]).await? {
        return Err(reader.blame(&error));
    }
    let (sample, untouched) = part(ids, SAMPLE, worker.jitter());
    let mut search = Search::default();
    // The whole is known to fail.
    if untouched.is_empty() {
        search.failed(sample)
    } else {
        search.parts.push(sample)
    }
    reader.search(&mut search).await?;
    if !search.is_clear() && !reader.reads_others(ids).await? {
        return Err(reader.blame(&error));
    }
    let Search { mut found, suspects, .. } = search;
    let mut failing = Vec::new();
    for registrant in suspects {
        // Whoever is to be refused is looked at once more: it may have been a moment of Odoo's.
        match reader.ask(&[registrant]).await? {
            Ok(read) => found.extend(read),
            Err(error) => {
                tracing::warn!(connector = %connector.id, %registrant, %error, "Odoo fails on this registrant alone");
                failing.push(registrant);
            }
        }
    }
    Ok(Read { found, failing, untouched })
}

/// Who reads, and for whom.
struct Reader<'a> {
    worker: &'a Worker,
    registry: Registry,
    connector: &'a Connector,
    own: Remote,
    ignore_filter: bool,
}

impl Reader<'_> {
    /// Reads these together. An error that comes back may lie in one of them; any other shuts the breaker.
    async fn ask(&self, ids: &[RegistrantId]) -> Result<Result<Vec<Registrant>, odoo::Error>, Halt> {
        match self.worker.hear_odoo(self.registry.read(self.connector, ids, self.ignore_filter)).await? {
            Err(error) if !error.may_lie_in_a_record() => Err(self.blame(&error)),
            answer => Ok(answer),
        }
    }

    fn blame(&self, error: &odoo::Error) -> Halt {
        self.worker.blame(self.own.clone(), error)
    }

    async fn search(&self, search: &mut Search) -> Result<(), Halt> {
        while let Some(part) = search.parts.pop() {
            match self.ask(&part).await? {
                Ok(found) => search.found.extend(found),
                Err(_) => search.failed(part),
            }
        }
        Ok(())
    }

    /// Whether Odoo reads anybody else: of those who may be taken next, or, since all others may hold their tokens, of those
    /// with neighbouring ids.
    async fn reads_others(&self, asked: &[RegistrantId]) -> Result<bool, Halt> {
        let page = self.registry.page(self.connector, 0, self.worker.settings.page_size, None);
        let mut others = self.worker.ask_odoo_behind(Some(self.own.clone()), page).await?.ids;
        let known: HashSet<_> = asked.iter().collect();
        others.retain(|id| !known.contains(id));
        let (next, _) = part(&others, OTHERS, self.worker.jitter());
        for others in [next, neighbours(asked, OTHERS)] {
            let mut search = Search::default();
            search.parts.extend((!others.is_empty()).then_some(others));
            self.search(&mut search).await?;
            if !search.found.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A search by halves for those that Odoo fails on.
#[derive(Debug, Default)]
struct Search {
    /// Still to be read, each together.
    parts: Vec<Vec<RegistrantId>>,
    found: Vec<Registrant>,
    /// Odoo failed on each of these alone.
    suspects: Vec<RegistrantId>,
}

impl Search {
    /// Odoo fails on these together.
    fn failed(&mut self, mut part: Vec<RegistrantId>) {
        if part.len() > 1 {
            let second = part.split_off(part.len() / 2);
            self.parts.extend([second, part]);
        } else {
            self.suspects.extend(part);
        }
    }

    /// Whether it shows by itself who is to blame. An empty answer says nothing: whoever left the filter was not read.
    fn is_clear(&self) -> bool {
        self.suspects.is_empty() || !self.found.is_empty()
    }
}

/// The ids around these, at most so many; there need be nobody who has them.
fn neighbours(ids: &[RegistrantId], most: usize) -> Vec<RegistrantId> {
    let first = ids.iter().map(|id| id.0).min().unwrap_or_default();
    let last = ids.iter().map(|id| id.0).max().unwrap_or_default();
    let below = (1..first).rev().take(most / 2);
    let above = (last..u32::MAX).map(|id| id + 1).take(most - most / 2);
    below.chain(above).map(RegistrantId).collect()
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
    use crate::seal::Personal;

    fn ids(ids: impl IntoIterator<Item = u32>) -> Vec<RegistrantId> {
        ids.into_iter().map(RegistrantId).collect()
    }

    fn registrant(id: RegistrantId) -> Registrant {
        Registrant { id, is_group: false, values: Personal::default(), vids: Vec::new(), tokens: Vec::new() }
    }

    /// The search among these where Odoo fails on some and others have left the filter.
    fn searched(among: Vec<RegistrantId>, failing: &[u32], left: &[u32]) -> Search {
        let mut search = Search { parts: vec![among], ..Search::default() };
        while let Some(part) = search.parts.pop() {
            if part.iter().any(|id| failing.contains(&id.0)) {
                search.failed(part);
            } else {
                search.found.extend(part.into_iter().filter(|id| !left.contains(&id.0)).map(registrant));
            }
        }
        search
    }

    #[test]
    fn a_search_finds_all_that_fail_and_reads_the_others() {
        let search = searched(ids(1..=50), &[7, 8, 50], &[]);
        assert_eq!(search.suspects, ids([7, 8, 50]));
        assert_eq!(search.found.len(), 47);
        assert!(search.is_clear());
    }

    #[test]
    fn nobody_is_to_blame_by_that_alone_where_nobody_is_read() {
        assert!(!searched(ids([1]), &[1], &[]).is_clear(), "one alone");
        assert!(!searched(ids(1..=3), &[1, 2, 3], &[]).is_clear(), "each of a few");
        assert!(!searched(ids(1..=3), &[1, 2], &[3]).is_clear(), "whoever left the filter was not read");
        assert!(searched(ids(1..=3), &[1], &[3]).is_clear(), "the second was read");
        assert!(searched(ids([3]), &[], &[3]).is_clear(), "nobody fails");
    }

    #[test]
    fn neighbours_are_on_both_sides_and_none_of_those_asked() {
        assert_eq!(neighbours(&ids([12, 10]), 4), ids([9, 8, 13, 14]));
        assert_eq!(neighbours(&ids([1]), 4), ids([2, 3]), "no id is below 1");
        assert_eq!(neighbours(&ids([u32::MAX]), 2), ids([u32::MAX - 1]));
    }

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
