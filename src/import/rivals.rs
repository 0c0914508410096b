//! IDs that stand in several rows of a file with different VIDs: which of them is the registrant's, nobody can tell.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// What stands in the rows: 16 bytes for each, and nobody's data. Digests are good within one process only.
#[derive(Debug, Default)]
pub struct Stand {
    digests: RandomState,
    pairs: Vec<(u64, u64)>,
}

/// The IDs that have rivals.
#[derive(Debug)]
pub struct Rivals {
    digests: RandomState,
    found: HashSet<u64>,
}

impl Stand {
    /// A row has this ID, and this VID. One without either is of nobody, or refused for that.
    pub fn note(&mut self, id: &str, vid: &str) {
        if !id.is_empty() && !vid.is_empty() {
            self.pairs.push((self.digests.hash_one(id), self.digests.hash_one(vid)));
        }
    }

    pub fn rivals(mut self) -> Rivals {
        self.pairs.sort_unstable();
        self.pairs.dedup();
        let same = self.pairs.windows(2).filter(|two| two[0].0 == two[1].0);
        Rivals { found: same.map(|two| two[0].0).collect(), digests: self.digests }
    }
}

impl Rivals {
    pub fn has(&self, id: &str) -> bool {
        self.found.contains(&self.digests.hash_one(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_with_several_vids_have_rivals() {
        let mut stand = Stand::default();
        for (id, vid) in [("a", "1"), ("b", "2"), ("a", "1"), ("c", "3"), ("b", "4"), ("", "5"), ("", "6"), ("d", "")] {
            stand.note(id, vid);
        }
        let rivals = stand.rivals();
        assert_eq!(["a", "b", "c", "d", "", "e"].map(|id| rivals.has(id)), [false, true, false, false, false, false]);
    }
}
