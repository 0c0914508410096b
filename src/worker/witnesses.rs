//! Whether tokens tell persons apart, as far as results show it by themselves.
//!
//! By MOSIP's token policy `random` a person has another token at each authentication, and deduplication by token has no meaning. Where
//! a VID comes up twice (two registrations of one person, two connectors, an answer that was lost) its tokens show which it is.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use url::Url;

use crate::domain::opaque::Digest;

/// VIDs that are remembered at once, at about 40 bytes each; then all are forgotten.
const REMEMBERED: usize = 65_536;

/// What VIDs have given, by keyed hashes of this process: neither VID nor token can be read out of it.
#[derive(Debug, Default)]
pub struct Witnesses {
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tokens: HashMap<u64, u64>,
    told: HashSet<Url>,
}

/// What a result shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    /// This VID gave another token before. `first`: no VID of this MTS had.
    Another {
        first: bool,
    },
}

impl Witnesses {
    pub(super) fn saw(&self, mts_url: &Url, vid: &Digest, token: &str) -> Shown {
        let (key, token) = (self.hasher.hash_one((mts_url, &vid.0)), self.hasher.hash_one(token));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.tokens.len() >= REMEMBERED {
            state.tokens.clear();
        }
        match state.tokens.insert(key, token) {
            Some(before) if before != token => Shown::Another { first: state.told.insert(mts_url.clone()) },
            _ => Shown::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: &str) -> Url {
        Url::parse(&format!("http://{host}.example.org")).unwrap()
    }

    #[test]
    fn another_token_of_the_same_vid_shows_and_is_told_once_for_each_mts() {
        let witnesses = Witnesses::default();
        let (one, other) = (Digest([1; 36]), Digest([2; 36]));
        let saw = |host: &str, vid: &Digest, token: &str| witnesses.saw(&url(host), vid, token);
        assert_eq!(saw("a", &one, "x"), Shown::Nothing);
        assert_eq!(saw("a", &one, "x"), Shown::Nothing);
        assert_eq!(saw("a", &other, "x"), Shown::Nothing, "two VIDs of one person");
        assert_eq!(saw("b", &one, "y"), Shown::Nothing, "another partner, another token");
        assert_eq!(saw("a", &one, "y"), Shown::Another { first: true });
        assert_eq!(saw("a", &other, "z"), Shown::Another { first: false });
        assert_eq!(saw("b", &one, "z"), Shown::Another { first: true });
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let witnesses = Witnesses::default();
        for number in 0..=REMEMBERED {
            let mut digest = [0; 36];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            witnesses.saw(&url("a"), &Digest(digest), "x");
        }
        assert!(witnesses.state.lock().unwrap().tokens.len() <= REMEMBERED);
    }
}
