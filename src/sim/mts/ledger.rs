//! Which people's records MTS is still working on, to see whether a client submits one again too early.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::line::Line;

#[derive(Debug, Default)]
pub struct Ledger {
    /// Digests of VID, name and birth date: twins may share a VID and are two.
    working: Mutex<HashMap<u64, u32>>,
    requests: AtomicU64,
    resubmitted: AtomicU64,
}

/// A request that is queued or worked on; when it is dropped, delivered or lost, so are its records.
#[derive(Debug)]
pub struct Working {
    ledger: Arc<Ledger>,
    keys: Mutex<Vec<Option<u64>>>,
}

impl Ledger {
    pub fn open(self: &Arc<Self>, lines: &[Line]) -> Arc<Working> {
        let keys: Vec<Option<u64>> = lines.iter().map(key).collect();
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let again = keys.iter().flatten().filter(|key| working.contains_key(key)).count();
        self.resubmitted.fetch_add(again as u64, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        for key in keys.iter().flatten() {
            *working.entry(*key).or_default() += 1;
        }
        Arc::new(Working { ledger: self.clone(), keys: Mutex::new(keys) })
    }

    /// Requests that are queued or worked on, their callbacks included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Records that came again while an earlier request with them was open.
    pub fn resubmitted(&self) -> u64 {
        self.resubmitted.load(Ordering::Relaxed)
    }

    fn release(&self, keys: impl IntoIterator<Item = u64>) {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if let Some(count) = working.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    working.remove(&key);
                }
            }
        }
    }
}

impl Working {
    /// The result of this line is on its way: the client may know it from now on.
    pub fn told(&self, line: usize) {
        let key = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get_mut(line).and_then(Option::take);
        self.ledger.release(key);
    }

    pub fn all_told(&self) {
        let keys: Vec<u64> =
            self.keys.lock().unwrap_or_else(PoisonError::into_inner).iter_mut().filter_map(Option::take).collect();
        self.ledger.release(keys);
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.all_told();
        self.ledger.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

fn key(line: &Line) -> Option<u64> {
    let data = line.data()?;
    let mut hasher = DefaultHasher::new();
    (&data.vid, &data.name, &data.dob).hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::mts::auth_data::AuthData;

    fn line(vid: &str, name: &str) -> Line {
        Line::submitted(jaq_json::Val::Null, AuthData { vid: vid.into(), name: name.into(), ..AuthData::default() })
    }

    #[test]
    fn counts_what_comes_again_too_early() {
        let ledger = Arc::new(Ledger::default());
        let first = ledger.open(&[line("1", "A"), line("2", "B")]);
        let twin = ledger.open(&[line("1", "Twin")]);
        assert_eq!((ledger.requests(), ledger.resubmitted()), (2, 0));
        let again = ledger.open(&[line("1", "A")]);
        assert_eq!(ledger.resubmitted(), 1);
        drop((again, twin));
        first.told(0);
        drop(ledger.open(&[line("1", "A"), line("2", "B")]));
        assert_eq!(ledger.resubmitted(), 2, "only the second was still open");
        drop(first);
        drop(ledger.open(&[line("2", "B")]));
        assert_eq!((ledger.requests(), ledger.resubmitted()), (0, 2));
    }
}
