use std::time::Duration;

use url::Url;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::domain::batch::Patience;
use crate::domain::code::Code;
use crate::domain::identity::{IdTypeId, RegIdRow, RegistrantId};
use crate::domain::opaque::{Digest, Nonce, Sealed};
use crate::domain::record::{HeldVid, State};
use crate::domain::retry::Backoff;
use crate::domain::run::{Kind, Phase};
use crate::domain::transition::{AfterWrite, Event, Fault, Occasion};

const CONNECTOR: ConnectorId = ConnectorId(4);
const TOKENS: IdTypeId = IdTypeId(3);

fn config(folder: &Path) -> Config {
    Config { path: folder.join("store"), key_file: folder.join("key") }
}

fn key(registrant: u32) -> RecordKey {
    RecordKey { token_type: TOKENS, registrant: RegistrantId(registrant) }
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_secs(1), Duration::from_secs(10), 3).unwrap()
}

fn occasion(backoff: &Backoff) -> Occasion<'_> {
    Occasion { now: now(), wall: now(), backoff, jitter: 0.0 }
}

fn admit(store: &Store, registrants: &[u32]) -> RunId {
    let found: Vec<RegistrantId> = registrants.iter().map(|id| RegistrantId(*id)).collect();
    store
        .change_now(|change| {
            let id = change.new_run_id();
            let mut run = Run::new(id, CONNECTOR, Kind::Manual, None, now());
            run.counters.found = change.admit(id, CONNECTOR, TOKENS, &found, &occasion(&backoff()))?;
            run.phase = Phase::Settling;
            change.put_run(run);
            Ok(id)
        })
        .unwrap()
}

fn send(store: &Store, registrants: &[u32]) -> BatchId {
    store
        .change_now(|change| {
            let id = change.new_batch_id();
            let patience =
                Patience { interval: Duration::ZERO, callback_grace: Duration::ZERO, stuck_after: Duration::ZERO };
            let url = Url::parse("http://mts.example").unwrap();
            let size = registrants.len() as u32;
            change.put_batch(Batch::sent(id, CONNECTOR, url, size, Duration::ZERO, &patience, now()));
            for registrant in registrants {
                let vid =
                    HeldVid { row: RegIdRow(9), written: String::new(), digest: Digest([1; 36]), also: Vec::new() };
                let event =
                    Event::Sent { batch: id, nonce: Nonce([*registrant as u8; 12]), vid, data: Digest([2; 36]) };
                change.apply(key(*registrant), event, &occasion(&backoff()))?;
            }
            Ok(id)
        })
        .unwrap()
}

fn apply(store: &Store, registrant: u32, event: Event) {
    store.change_now(|change| change.apply(key(registrant), event, &occasion(&backoff()))).unwrap().unwrap();
}

fn token(registrant: u32) -> Event {
    let (nonce, digest) = (Nonce([registrant as u8; 12]), Digest([7; 36]));
    Event::Token { nonce, token: Sealed(vec![1]), digest, values: None }
}

#[tokio::test]
async fn what_is_synced_is_there_after_a_new_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path()), &["k"]).unwrap();
    let run = admit(&store, &[1, 2, 3]);
    let batch = send(&store, &[1, 2]);
    apply(&store, 1, token(1));
    store.sync().await.unwrap();
    drop(store);

    let store = Store::open(&config(folder.path()), &["k"]).unwrap();
    assert_eq!(store.counts(CONNECTOR), Counts { pending: 1, submitted: 1, to_write: 1, ..Counts::default() });
    assert_eq!(store.members(batch), [key(2)]);
    assert_eq!(store.due(CONNECTOR, Queue::Submit, now(), backoff().longest(), 10).unwrap()[0].key, key(3));
    assert_eq!(store.due(CONNECTOR, Queue::Write, now(), backoff().longest(), 10).unwrap()[0].key, key(1));
    assert_eq!(store.run(run).unwrap().counters.found, 3);
    assert_ne!(send(&store, &[3]), batch, "numbers are not used twice");
}

#[test]
fn a_batch_goes_when_nobody_waits_for_it_and_a_run_ends_when_all_are_settled() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path()), &["k"]).unwrap();
    let run = admit(&store, &[1, 2]);
    let batch = send(&store, &[1, 2]);
    apply(&store, 1, token(1));
    assert_eq!(store.batches().len(), 1);
    apply(&store, 2, Event::Error { nonce: Nonce([2; 12]), code: Code::from_wire("ATS-REQ-010"), others_pass: false });
    assert_eq!(store.batches(), []);
    assert!(store.members(batch).is_empty());
    assert_eq!(store.run(run).unwrap().phase, Phase::Settling);
    apply(&store, 1, Event::Written(AfterWrite::Complete));
    let run = store.run(run).unwrap();
    assert_eq!((run.phase, run.counters.tokens, run.counters.rejected, run.counters.submitted), (Phase::Done, 1, 1, 2));
    assert_eq!(store.record(key(1)).unwrap(), None, "done leaves no record");
    assert_eq!(store.notices(CONNECTOR, 10).unwrap(), [(key(2), Notice::Refused)]);
}

#[test]
fn a_record_of_a_moment_between_two_milliseconds_leaves_its_queue_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path()), &["k"]).unwrap();
    let at = DateTime::from_timestamp_nanos(1_700_000_000_123_456_789);
    let backoff = backoff();
    let occasion = Occasion { now: at, wall: at, backoff: &backoff, jitter: 0.0 };
    store.change_now(|change| change.admit(RunId::NONE, CONNECTOR, TOKENS, &[RegistrantId(1)], &occasion)).unwrap();
    assert_eq!(store.due(CONNECTOR, Queue::Submit, at, backoff.longest(), 10).unwrap().len(), 1);
    apply(&store, 1, Event::Left);
    assert!(store.due(CONNECTOR, Queue::Submit, at, backoff.longest(), 10).unwrap().is_empty());
    assert_eq!(store.next_due(CONNECTOR, Queue::Submit), None);
}

#[test]
fn what_was_put_off_while_the_clock_ran_ahead_is_due_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path()), &["k"]).unwrap();
    let clock = ManualClock::at(now());
    let backoff = backoff();
    let due = || -> Vec<RecordKey> {
        let due = store.due(CONNECTOR, Queue::Submit, clock.now(), backoff.longest(), 10).unwrap();
        due.iter().map(|record| record.key).collect()
    };
    admit(&store, &[1, 2]);
    let fail = |registrant: u32| {
        let batch = send(&store, &[registrant]);
        let occasion = Occasion { now: clock.now(), wall: clock.now(), backoff: &backoff, jitter: 0.0 };
        let missing = Event::AnswerMissing { batch, fault: Fault::Record };
        store.change_now(|change| change.apply(key(registrant), missing, &occasion)).unwrap().unwrap();
    };
    clock.step(TimeDelta::days(700));
    fail(1);
    assert_eq!(due(), [key(2)], "put off by a second");
    clock.step(TimeDelta::days(-700));
    assert_eq!(due(), [key(2), key(1)]);
    fail(2);
    assert_eq!(due(), [key(1)], "an ordinary delay is kept");
    let queued = |limit| -> Vec<RecordKey> {
        store.queued(CONNECTOR, Queue::Submit, limit).unwrap().iter().map(|record| record.key).collect()
    };
    assert_eq!((queued(10), queued(1)), (vec![key(2), key(1)], vec![key(2)]), "due or not");
    assert_eq!(store.queued(CONNECTOR, Queue::Write, 10).unwrap(), []);
    clock.step(TimeDelta::seconds(1));
    assert_eq!(due(), [key(2), key(1)]);
}

#[test]
fn a_run_ends_when_one_left_and_one_came_from_an_older_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path()), &["k"]).unwrap();
    admit(&store, &[2]);
    let code = Code::from_wire("ATS-REQ-010");
    apply(&store, 2, Event::Refused { code: code.clone(), vid: None, data: None });
    let id = store
        .change_now(|change| {
            let id = change.new_run_id();
            let mut run = Run::new(id, CONNECTOR, Kind::Sweep, None, now());
            run.counters.found = 1;
            change.put_run(run);
            change.admit(id, CONNECTOR, TOKENS, &[RegistrantId(1)], &occasion(&backoff()))?;
            Ok(id)
        })
        .unwrap();
    apply(&store, 1, Event::Left);
    store
        .change_now(|change| {
            let new = change.admit(id, CONNECTOR, TOKENS, &[RegistrantId(2)], &occasion(&backoff()))?;
            let mut run = change.run(id).unwrap();
            run.counters.found += new;
            run.phase = Phase::Settling;
            change.put_run(run);
            Ok(())
        })
        .unwrap();
    apply(&store, 2, Event::StillRefused);
    let run = store.run(id).unwrap();
    assert_eq!((run.phase, run.counters.left, run.counters.rejected, run.counters.found), (Phase::Done, 1, 1, 2));
}

#[test]
fn records_that_move_to_a_new_batch_in_one_change_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path()), &["k"]).unwrap();
    admit(&store, &[1]);
    let first = send(&store, &[1]);
    apply(&store, 1, Event::NotTaken { batch: first, fault: Fault::Server });
    assert_eq!(store.batches(), []);
    let second = send(&store, &[1]);
    assert_eq!(store.batches()[0].id, second);
    assert_eq!(store.members(second), [key(1)]);
}

#[test]
fn a_change_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path()), &["k"]).unwrap();
    admit(&store, &[1]);
    let failed: Result<(), StoreError> = store.change_now(|change| {
        change.apply(key(1), Event::Left, &occasion(&backoff()))?;
        change.apply(key(1), Event::Left, &occasion(&backoff()))?;
        Err(StoreError::Closed)
    });
    assert!(failed.is_err());
    assert!(matches!(store.record(key(1)).unwrap().unwrap().state, State::Pending { .. }));
    assert_eq!(store.counts(CONNECTOR).pending, 1);
}

#[test]
fn another_key_and_a_second_owner_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    assert!(matches!(Store::open(&config, &["k"]), Err(StoreError::Locked { .. })));
    drop(store);
    let error = Store::open(&config, &["other"]).unwrap_err();
    assert!(matches!(error, StoreError::OtherKey { .. }), "{error}");
    assert!(error.to_string().contains("omc store reset"));
    Store::reset(&config.path).unwrap();
    assert!(Store::open(&config, &["other"]).is_ok());
}

#[test]
fn a_damaged_store_is_told_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    admit(&store, &[1, 2, 3]);
    drop(store);
    let size = std::fs::metadata(config.path.join("db")).unwrap().len();
    std::fs::write(config.path.join("db"), vec![0x5a; size as usize]).unwrap();
    let error = Store::open(&config, &["k"]).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("omc store reset"));
    Store::reset(&config.path).unwrap();
    assert_eq!(Store::open(&config, &["k"]).unwrap().counts(CONNECTOR), Counts::default());
}

/// A kill during the first start leaves a store without its mark.
#[test]
fn a_store_that_lost_its_mark_gets_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    drop(Store::open(&config, &["k"]).unwrap());
    std::fs::remove_file(config.path.join("omc-store")).unwrap();
    assert!(Store::exists(&config.path), "a key is not made anew for what is left");
    drop(Store::open(&config, &["k"]).unwrap());
    assert!(config.path.join("omc-store").exists());
}

/// The engine writes a snapshot while it opens, and a kill or a full disk can come between.
#[test]
fn half_a_snapshot_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    admit(&store, &[1, 2]);
    drop(store);
    std::fs::write(config.path.join("snap.7FFFFFFFFFFFFFFF.generating"), b"half").unwrap();
    let store = Store::open(&config, &["k"]).unwrap();
    assert_eq!(store.counts(CONNECTOR).pending, 2);
}

/// Its settings are what the engine writes before anything else.
#[test]
fn half_a_first_start_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    std::fs::create_dir(&config.path).unwrap();
    std::fs::write(config.path.join("conf"), b"half of the settings").unwrap();
    admit(&Store::open(&config, &["k"]).unwrap(), &[1]);
    assert_eq!(Store::open(&config, &["k"]).unwrap().counts(CONNECTOR).pending, 1);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn an_older_state_of_the_store_is_told_from_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    admit(&store, &[1]);
    store.sync().await.unwrap();
    drop(store);
    let older = folder.path().join("older");
    copy(&config.path, &older);
    let store = Store::open(&config, &["k"]).unwrap();
    admit(&store, &[2]);
    store.sync().await.unwrap();
    drop(store);
    let mark = std::fs::read(config.path.join("omc-store")).unwrap();

    Store::reset(&config.path).unwrap();
    copy(&older, &config.path);
    assert_eq!(Store::open(&config, &["k"]).unwrap().counts(CONNECTOR).pending, 1, "as a whole it is good: a backup");
    std::fs::write(config.path.join("omc-store"), mark).unwrap();
    let error = Store::open(&config, &["k"]).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

/// What the engine cannot read it takes for something that was never written.
#[tokio::test]
async fn a_damaged_store_is_whole_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    for registrants in (1..=1200).collect::<Vec<u32>>().chunks(40) {
        admit(&store, registrants);
    }
    store.sync().await.unwrap();
    drop(store);
    let good = folder.path().join("good");
    copy(&config.path, &good);
    let mut refused = 0;
    for round in 0..60_usize {
        std::fs::remove_dir_all(&config.path).unwrap();
        copy(&good, &config.path);
        let mut bytes = std::fs::read(good.join("db")).unwrap();
        let at = round * bytes.len() / 60;
        bytes[at] ^= 1 << (round % 8);
        std::fs::write(config.path.join("db"), bytes).unwrap();
        match Store::open(&config, &["k"]) {
            Ok(store) => assert_eq!((store.check().unwrap(), store.counts(CONNECTOR).pending), (1230, 1200), "{at}"),
            Err(StoreError::Corrupt { .. }) => refused += 1,
            Err(other) => panic!("{at}: {other}"),
        }
    }
    assert!(refused > 0, "none of it mattered");
}

#[test]
fn what_one_change_sets_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    store
        .change_now(|change| {
            change.put_definition(CONNECTOR, Some(b"one".to_vec()));
            change.put_definition(CONNECTOR, Some(b"two".to_vec()));
            change.put_definition(ConnectorId(5), Some(b"three".to_vec()));
            change.put_definition(ConnectorId(5), None);
            Ok(())
        })
        .unwrap();
    drop(store);
    let store = Store::open(&config, &["k"]).unwrap();
    assert_eq!(store.definitions().unwrap(), [(CONNECTOR, b"two".to_vec())]);
}

/// An upgrade that was cut short, and the version of before at work on the store in between: it keeps no census.
#[test]
fn a_census_of_an_upgrade_that_was_cut_short_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, &["k"]).unwrap();
    let meta = codec::encode(&Meta { format: 1, key: "k".to_owned() }).unwrap();
    store.0.disk.write(vec![(keys::META.to_vec(), Some(meta))]).unwrap();
    store.0.disk.sync().unwrap();
    drop(store);
    let of_before = sled::Config::new().path(&config.path).segment_size(disk::SEGMENT).open().unwrap();
    of_before.insert(b"z of before", b"value").unwrap();
    of_before.flush().unwrap();
    drop(of_before);
    let store = Store::open(&config, &["k"]).unwrap();
    assert_eq!(store.behind(), Some("k"));
    store.is_under("k").unwrap();
    drop(store);
    assert_eq!(Store::open(&config, &["k"]).unwrap().behind(), None, "whole, under a census of its own");
}

/// What root makes in a store, nobody else could open.
#[test]
fn root_keeps_its_hands_off_another_account_s_store() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    drop(Store::open(&config, &["k"]).unwrap());
    let before = std::fs::read_dir(&config.path).unwrap().count();
    std::os::unix::fs::chown(&config.path, Some(65_534), None).unwrap();
    let error = Store::open(&config, &["k"]).unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { owner: 65_534, .. }), "{error}");
    assert!(error.to_string().contains("sudo -u"), "{error}");
    assert_eq!(std::fs::read_dir(&config.path).unwrap().count(), before);
}
