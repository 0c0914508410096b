use std::time::Duration;

use url::Url;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::domain::batch::{Access, Patience};
use crate::domain::code::Code;
use crate::domain::identity::{IdTypeId, RegIdRow, RegistrantId};
use crate::domain::opaque::{Digest, Nonce, Sealed};
use crate::domain::record::{HeldVid, State};
use crate::domain::retry::Backoff;
use crate::domain::run::{Kind, Phase};
use crate::domain::transition::{AfterWrite, Event, Fault, Occasion};

mod audit;
mod messages;
mod opening;

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
            change.put_batch(Batch::sent(
                id,
                CONNECTOR,
                url,
                size,
                Access::default(),
                Duration::ZERO,
                &patience,
                now(),
            ));
            for registrant in registrants {
                let vid =
                    HeldVid { row: RegIdRow(9), written: String::new(), digest: Digest([1; 36]), also: Vec::new() };
                let event = Event::Sent {
                    batch: id,
                    line: 0,
                    nonce: Nonce([*registrant as u8; 12]),
                    vid,
                    data: Digest([2; 36]),
                };
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
