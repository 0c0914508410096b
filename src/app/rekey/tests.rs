use tempfile::TempDir;
use url::Url;

use super::*;
use crate::domain::batch::{Access, Batch};
use crate::domain::code::Code;
use crate::domain::identity::{BatchId, ConnectorId, IdTypeId, RegIdRow, RegistrantId};
use crate::domain::opaque::{Digest, Nonce, Sealed};
use crate::domain::record::{HeldVid, State};
use crate::domain::run::{Kind, Run};
use crate::domain::transition::AfterWrite;
use crate::seal::receiver::Credential;
use crate::seal::{self, KeyError};
use crate::store::StoreError;

const CONNECTOR: ConnectorId = ConnectorId(4);

struct Place {
    _folder: TempDir,
    config: Config,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.store.path = folder.path().join("store");
    config.store.key_file = folder.path().join("key");
    Place { _folder: folder, config }
}

impl Place {
    fn open(&self) -> (Store, Seal) {
        let seal = seal::load_or_make(&self.config.store.key_file).unwrap();
        (Store::open(&self.config.store, &seal.fingerprints()).unwrap(), seal)
    }

    /// Opens it as the daemon does.
    fn caught_up(&self) -> (Store, Seal, Option<Rekeyed>) {
        let (store, seal) = self.open();
        let caught_up = catch_up(&store, &seal, &self.config).unwrap();
        (store, seal, caught_up)
    }
}

fn key(registrant: u32) -> RecordKey {
    RecordKey { token_type: IdTypeId(3), registrant: RegistrantId(registrant) }
}

fn vid_of(registrant: u32) -> Vec<u8> {
    format!("vid of {registrant}").into_bytes()
}

fn backoff() -> Backoff {
    Config::default().retry.backoff().unwrap()
}

fn apply(store: &Store, registrant: u32, event: Event) {
    let (now, backoff) = (SystemClock.now(), backoff());
    let occasion = Occasion { now, wall: now, backoff: &backoff, jitter: 0.0 };
    store.change_now(|change| change.apply(key(registrant), event, &occasion)).unwrap().unwrap();
}

fn token(seal: &Seal, registrant: u32) -> Event {
    let sealed = |value: &[u8]| Sealed(seal.seal(&key(registrant).place(), value).unwrap());
    Event::Token {
        nonce: Nonce([registrant as u8; 12]),
        token: sealed(b"a token"),
        digest: Digest(seal.digest(Purpose::Token, b"a token")),
        values: Some(sealed(b"{}")),
    }
}

/// One record in each state (by registrant: 1 submitted, 2 token received, 3 token written, 4 rejected, 5 abandoned with its
/// token, 6 pending), and a definition.
fn fill(store: &Store, seal: &Seal) {
    let (now, backoff) = (SystemClock.now(), backoff());
    let occasion = Occasion { now, wall: now, backoff: &backoff, jitter: 0.0 };
    store
        .change_now(|change| {
            let run = change.new_run_id();
            let found: Vec<RegistrantId> = (1..=6).map(RegistrantId).collect();
            let mut of_all = Run::new(run, CONNECTOR, Kind::Manual, None, now);
            of_all.counters.found = change.admit(run, CONNECTOR, key(1).token_type, &found, &occasion)?;
            change.put_run(of_all);
            let id = change.new_batch_id();
            let patience = Config::default().reconcile.patience();
            let url = Url::parse("http://mts.example").unwrap();
            change.put_batch(Batch::sent(
                id,
                CONNECTOR,
                url,
                5,
                Access::default(),
                std::time::Duration::ZERO,
                &patience,
                now,
            ));
            for registrant in 1..=5 {
                change.apply(key(registrant), sent(seal, registrant, id), &occasion)?;
            }
            change.put_definition(CONNECTOR, Some(seal.seal(&definitions::place(CONNECTOR), b"a definition").unwrap()));
            Ok(())
        })
        .unwrap();
    [2, 3, 5].into_iter().for_each(|registrant| apply(store, registrant, token(seal, registrant)));
    apply(store, 3, Event::Written(AfterWrite::TokenThere));
    while !matches!(store.record(key(5)).unwrap().unwrap().state, State::Abandoned { .. }) {
        apply(store, 5, Event::Written(AfterWrite::Later));
    }
    let (nonce, code) = (Nonce([4; 12]), Code::from_wire("ATS-REQ-010"));
    apply(store, 4, Event::Error { nonce, code, others_pass: false });
}

fn sent(seal: &Seal, registrant: u32, batch: BatchId) -> Event {
    let digest = Digest(seal.digest(Purpose::Vid, &vid_of(registrant)));
    let vid = HeldVid { row: RegIdRow(9), written: String::new(), digest, also: Vec::new() };
    let data = Digest(seal.digest(Purpose::AuthData, b"data"));
    Event::Sent { batch, line: 0, nonce: Nonce([registrant as u8; 12]), vid, data }
}

fn record(store: &Store, registrant: u32) -> Record {
    store.record(key(registrant)).unwrap().unwrap()
}

fn names(store: &Store) -> Vec<&'static str> {
    (1..=6).map(|registrant| record(store, registrant).state.name()).collect()
}

const STATES: [&str; 6] = ["submitted", "token received", "token written", "rejected", "abandoned", "pending"];

/// Nothing is sealed by any key but the first, and nothing is lost.
#[track_caller]
fn is_by_the_current_key_alone(place: &Place, store: &Store, seal: &Seal) {
    let current = seal.keys()[0].0;
    let lone = tempfile::tempdir().unwrap();
    let path = lone.path().join("key");
    std::fs::copy(&place.config.store.key_file, &path).unwrap();
    let others: Vec<Mark> = seal.keys()[1..].iter().map(|(mark, _)| *mark).collect();
    let alone = seal::load(&path).unwrap();
    alone.forget(&path, &others).unwrap();
    for registrant in [2, 3, 5] {
        let mut record = record(store, registrant);
        let Some((token, digest, values)) = record.token_mut() else { continue };
        assert_eq!(alone.open(&key(registrant).place(), &token.0).unwrap().expose(), b"a token", "{registrant}");
        assert_eq!(digest.mark(), current.0);
        if let Some(values) = values {
            assert_eq!(alone.open(&key(registrant).place(), &values.0).unwrap().expose(), b"{}");
        }
    }
    for (id, sealed) in store.definitions().unwrap() {
        assert_eq!(alone.open(&definitions::place(id), &sealed).unwrap().expose(), b"a definition");
    }
    assert_eq!(store.definitions().unwrap().len(), 1);
}

#[test]
fn a_new_key_changes_no_record_and_the_old_ones_digests_still_tell() {
    let place = place();
    let (store, seal) = place.open();
    fill(&store, &seal);
    assert_eq!(names(&store), STATES);
    let run = store.runs().remove(0);
    let rekeyed = change(&store, &seal, &place.config, false).unwrap();
    assert_eq!(rekeyed, Rekeyed { records: 6, asked_again: 0, keys: 2 });
    assert_eq!(names(&store), STATES);
    assert_eq!((store.runs().remove(0), store.batches().len(), store.members(BatchId(1)).len()), (run, 1, 1));
    is_by_the_current_key_alone(&place, &store, &seal);

    drop((store, seal));
    let (store, seal, caught_up) = place.caught_up();
    assert_eq!(caught_up, None);
    for registrant in 1..=5 {
        let held = record(&store, registrant).vid.unwrap();
        assert!(seal.is_digest(Purpose::Vid, &vid_of(registrant), &held.digest.0));
        assert!(!seal.is_digest(Purpose::Vid, b"another", &held.digest.0));
    }
    // A result of before, and one that comes twice.
    apply(&store, 1, token(&seal, 1));
    apply(&store, 2, token(&seal, 2));
    assert_eq!(names(&store)[..2], ["token received"; 2]);
}

#[test]
fn wherever_it_is_cut_short_opening_it_goes_on() {
    for done in 0..=3 {
        for discard in [false, true] {
            let place = place();
            let (store, seal) = place.open();
            fill(&store, &seal);
            let before = seal.fingerprint();
            seal.renew(&place.config.store.key_file, discard, 0).unwrap();
            match done {
                0 => {}
                1 => {
                    let half = anew(&seal, seal.mark_of(&before).unwrap(), record(&store, 2)).unwrap();
                    store.change_now(|change| change.write_anew(half)).unwrap();
                }
                2 => rest_anew(&store, &seal).unwrap(),
                _ => _ = bring_on(&store, &seal, &before, &backoff()).unwrap(),
            }
            drop((store, seal));

            let (store, seal, caught_up) = place.caught_up();
            assert_eq!(caught_up.is_some(), discard || done < 3, "{done}");
            is_by_the_current_key_alone(&place, &store, &seal);
            match discard {
                false => assert_eq!((names(&store), seal.keys().len()), (STATES.to_vec(), 2)),
                true => {
                    let all = ["pending", "pending", "pending", "rejected", "abandoned", "pending"];
                    assert_eq!((names(&store), seal.keys().len()), (all.to_vec(), 1));
                }
            }
            drop((store, seal));
            assert_eq!(place.caught_up().2, None, "once is enough");
        }
    }
}

#[test]
fn a_discarded_key_vouches_for_nothing_and_its_batches_are_over() {
    let place = place();
    let (store, seal) = place.open();
    fill(&store, &seal);
    let bearer = seal.credential(Credential::Bearer, 4, 1);
    let rekeyed = change(&store, &seal, &place.config, true).unwrap();
    assert_eq!(rekeyed, Rekeyed { records: 6, asked_again: 5, keys: 1 });
    assert_eq!((store.batches().len(), store.counts(CONNECTOR).open()), (0, 4));
    assert_eq!(seal.credential_generation(Credential::Bearer, 4, bearer.expose()), None);
    assert!((1..=6).all(|registrant| record(&store, registrant).vid.is_none()));
    // Law: nobody's word counts for what was sent under it.
    apply(&store, 1, token(&seal, 1));
    assert_eq!(record(&store, 1).state.name(), "pending");
}

#[test]
fn a_retired_key_goes_when_nothing_goes_by_it() {
    let place = place();
    let (store, seal) = place.open();
    fill(&store, &seal);
    change(&store, &seal, &place.config, false).unwrap();
    let key_file = &place.config.store.key_file;
    let now = SystemClock.now();
    let retire = |after: TimeDelta| retire(&store, &seal, key_file, now + after).unwrap();
    assert_eq!(retire(TimeDelta::days(30)), 0, "records were prepared with it");
    for registrant in [2, 3] {
        apply(&store, registrant, Event::Written(AfterWrite::Complete));
    }
    let rejected = |registrant| {
        let vid = HeldVid {
            row: RegIdRow(9),
            written: String::new(),
            digest: Digest(seal.digest(Purpose::Vid, &vid_of(registrant))),
            also: seal.earlier_digests(Purpose::Vid, &vid_of(registrant)).into_iter().map(Digest).collect(),
        };
        let code = Code::from_wire("ATS-REQ-010");
        Event::Refused { code, vid: Some(vid), data: Some(Digest(seal.digest(Purpose::AuthData, b"data"))) }
    };
    for registrant in [4, 5] {
        apply(&store, registrant, Event::Requeued);
    }
    apply(&store, 5, Event::Written(AfterWrite::Complete));
    apply(&store, 4, rejected(4));
    assert_eq!(retire(TimeDelta::hours(30)), 0, "one is at MTS still");
    apply(&store, 1, token(&seal, 1));
    apply(&store, 1, Event::Written(AfterWrite::Complete));
    assert_eq!(retire(TimeDelta::hours(23)), 0, "MTS may still answer what was sent under it");
    assert_eq!(retire(TimeDelta::hours(25)), 1);
    assert_eq!((seal.keys().len(), seal::load(key_file).unwrap().keys().len()), (1, 1));
    assert_eq!(retire(TimeDelta::days(30)), 0);
}

/// Given up and never requeued, refused and never met again: neither keeps a key for ever.
#[test]
fn what_nobody_touches_any_more_keeps_no_key() {
    let place = place();
    let (store, seal) = place.open();
    fill(&store, &seal);
    change(&store, &seal, &place.config, false).unwrap();
    apply(&store, 1, token(&seal, 1));
    for registrant in [1, 2, 3] {
        apply(&store, registrant, Event::Written(AfterWrite::Complete));
    }
    assert_eq!((record(&store, 4).state.name(), record(&store, 5).state.name()), ("rejected", "abandoned"));
    let now = SystemClock.now();
    let retire = |after| retire(&store, &seal, &place.config.store.key_file, now + after).unwrap();
    assert_eq!(retire(TimeDelta::days(29)), 0, "the refused one is not to be sent again for nothing");
    assert_eq!(retire(TimeDelta::days(31)), 1);
}

#[test]
fn a_store_of_before_digests_were_marked_is_brought_on() {
    let place = place();
    let (store, seal) = place.open();
    fill(&store, &seal);
    let unmarked = |digest: &mut Digest| digest.mark_as([0; 4]);
    for registrant in 1..=5 {
        let mut record = record(&store, registrant);
        record.digests_mut().for_each(unmarked);
        store.change_now(|change| change.write_anew(record)).unwrap();
    }
    let before = seal.fingerprint();
    bring_on(&store, &seal, &before, &backoff()).unwrap();
    for registrant in 1..=5 {
        let held = record(&store, registrant).vid.unwrap();
        assert!(seal.is_digest(Purpose::Vid, &vid_of(registrant), &held.digest.0));
    }
}

#[test]
fn no_more_keys_than_a_ring_holds_and_nothing_is_changed_by_asking_for_more() {
    let place = place();
    let (store, seal) = place.open();
    fill(&store, &seal);
    for registrant in (7..).take(seal::KEYS - 1) {
        change(&store, &seal, &place.config, false).unwrap();
        send_another(&store, &seal, registrant);
    }
    assert_eq!(seal.keys().len(), seal::KEYS);
    let error = change(&store, &seal, &place.config, false).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(KeyError::Full { .. })), "{error}");
    is_by_the_current_key_alone(&place, &store, &seal);
    assert_eq!(change(&store, &seal, &place.config, true).unwrap().keys, 1);
}

/// Somebody who goes by the key that is current.
fn send_another(store: &Store, seal: &Seal, registrant: u32) {
    let (now, backoff) = (SystemClock.now(), backoff());
    let occasion = Occasion { now, wall: now, backoff: &backoff, jitter: 0.0 };
    store
        .change_now(|change| {
            let (run, batch) = (change.new_run_id(), change.new_batch_id());
            change.admit(run, CONNECTOR, key(1).token_type, &[RegistrantId(registrant)], &occasion)?;
            change.apply(key(registrant), sent(seal, registrant, batch), &occasion)
        })
        .unwrap();
}

#[test]
fn another_key_file_is_not_taken_for_the_stores() {
    let place = place();
    let (store, seal) = place.open();
    drop(store);
    let foreign = tempfile::tempdir().unwrap();
    let other = seal::load_or_make(&foreign.path().join("key")).unwrap();
    let refused = Store::open(&place.config.store, &other.fingerprints());
    assert!(matches!(refused, Err(StoreError::OtherKey { .. })));
    // The backup of a key file from before a change of the key does not open the store of after.
    let backup = std::fs::read(&place.config.store.key_file).unwrap();
    let store = Store::open(&place.config.store, &seal.fingerprints()).unwrap();
    change(&store, &seal, &place.config, false).unwrap();
    drop(store);
    std::fs::write(foreign.path().join("key"), backup).unwrap();
    let old = seal::load(&foreign.path().join("key")).unwrap();
    assert!(matches!(Store::open(&place.config.store, &old.fingerprints()), Err(StoreError::OtherKey { .. })));
}
