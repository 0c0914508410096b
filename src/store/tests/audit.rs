//! The queue of events for the audit.

use std::collections::BTreeSet;

use super::*;
use crate::domain::audit::{AuditEvent, Deed, Definition};

const BOTH: [Outlet; 2] = [Outlet::Manager, Outlet::File];

fn open(folder: &Path) -> Store {
    Store::open(&config(folder), &["key"]).unwrap()
}

fn event(field: u64) -> AuditEvent {
    AuditEvent::of(CONNECTOR, now(), Deed::Definition { now: Definition::Changed, fields: vec![field.to_string()] })
}

fn note(store: &Store, fields: std::ops::Range<u64>) {
    let noted = store.change_now(|change| {
        fields.for_each(|field| change.audit(event(field)));
        Ok(())
    });
    noted.unwrap();
}

fn told(store: &Store, outlet: Outlet, below: u64) {
    let noted = store.change_now(|change| {
        change.audited(outlet, below);
        Ok(())
    });
    noted.unwrap();
}

fn numbers(store: &Store, outlet: Outlet) -> Vec<u64> {
    let events = store.audits(outlet, 1000).unwrap();
    events.iter().for_each(|(number, kept)| assert_eq!(*kept, event(*number)));
    events.into_iter().map(|(number, _)| number).collect()
}

#[test]
fn nothing_is_kept_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    note(&store, 0..5);
    admit(&store, &[1]);
    assert_eq!(store.audits_kept(), 0);
    store.open_audit([Outlet::File].into(), 100);
    note(&store, 0..5);
    assert_eq!(store.audits_kept(), 5);
    store.open_audit(BTreeSet::new(), 100);
    note(&store, 5..9);
    assert_eq!(store.audits_kept(), 5);
}

#[test]
fn each_outlet_goes_at_its_own_pace_and_the_slowest_decides_what_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.open_audit(BOTH.into(), 100);
    note(&store, 0..4);
    told(&store, Outlet::File, 4);
    told(&store, Outlet::Manager, 2);
    assert_eq!((numbers(&store, Outlet::Manager), numbers(&store, Outlet::File)), (vec![2, 3], vec![]));
    assert_eq!(store.audits_kept(), 2);
    drop(store);
    let store = open(folder.path());
    store.open_audit(BOTH.into(), 100);
    assert_eq!((numbers(&store, Outlet::Manager), numbers(&store, Outlet::File)), (vec![2, 3], vec![]));
    told(&store, Outlet::Manager, 4);
    assert_eq!(store.audits_kept(), 0);
    drop(store);
    // Numbers go on, however empty the queue was.
    let store = open(folder.path());
    store.open_audit(BOTH.into(), 100);
    note(&store, 4..6);
    assert_eq!((numbers(&store, Outlet::Manager), numbers(&store, Outlet::File)), (vec![4, 5], vec![4, 5]));
    store.check().unwrap();
}

#[test]
fn where_there_is_no_room_the_oldest_go_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.open_audit(BOTH.into(), 10);
    note(&store, 0..8);
    told(&store, Outlet::Manager, 1);
    note(&store, 8..15);
    assert_eq!(store.audits_kept(), 10);
    assert_eq!((store.audits_dropped(), store.audits_dropped()), (5, 0));
    let left: Vec<u64> = (5..15).collect();
    assert_eq!((numbers(&store, Outlet::Manager), numbers(&store, Outlet::File)), (left.clone(), left.clone()));
    drop(store);
    let store = open(folder.path());
    store.open_audit(BOTH.into(), 10);
    assert_eq!(numbers(&store, Outlet::File), left);
}

#[test]
fn a_refusal_and_a_run_are_queued_with_their_change_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.open_audit([Outlet::Manager].into(), 100);
    admit(&store, &[1, 2]);
    let refuse = |registrant, code: &Code| {
        let (code, backoff) = (code.clone(), backoff());
        let changed = store.change_now(|change| {
            let refused = Event::Refused { code, vid: None, data: None };
            change.apply(key(registrant), refused, &occasion(&backoff))
        });
        changed.unwrap();
    };
    refuse(1, &Code::SEVERAL_VIDS);
    // Met again and refused again for the same: no news.
    let met = store.change_now(|change| {
        let run = change.new_run_id();
        change.apply(key(1), Event::Met { run, connector: CONNECTOR }, &occasion(&backoff()))
    });
    met.unwrap();
    refuse(1, &Code::SEVERAL_VIDS);
    refuse(2, &Code::VID_EXPIRED);
    let deeds: Vec<Deed> =
        store.audits(Outlet::Manager, 100).unwrap().into_iter().map(|(_, event)| event.deed).collect();
    let refused: Vec<(u32, &str)> = deeds
        .iter()
        .filter_map(|deed| match deed {
            Deed::Refused { registrant, code, .. } => Some((registrant.0, code.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [(1, "OMC-VID-001"), (2, "OMC-VID-002")]);
    assert!(matches!(deeds[0], Deed::RunBegan { run: RunId(1), .. }));
    assert!(matches!(deeds.last(), Some(Deed::RunEnded { .. })), "the last refusal ends it: {deeds:?}");
}
