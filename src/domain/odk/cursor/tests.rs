use std::collections::BTreeSet;

use super::*;
use crate::domain::opaque::Secret;

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
}

fn minutes(minutes: i64) -> DateTime<Utc> {
    at(minutes * 60_000)
}

fn form(begin: Option<DateTime<Utc>>) -> Form {
    Form {
        base_url: "https://odk.example.org".to_owned(),
        project: "7".to_owned(),
        form: "x".to_owned(),
        email: Secret("a@example.org".to_owned()),
        password: Secret("geheim".to_owned()),
        begin,
    }
}

/// An ODK whose submissions came at these milliseconds, and an MTS that fails on some of them.
struct Odk {
    good: BTreeSet<i64>,
    bad: BTreeSet<i64>,
    read: Vec<i64>,
    pulls: usize,
}

impl Odk {
    fn new(good: impl IntoIterator<Item = i64>, bad: impl IntoIterator<Item = i64>) -> Self {
        Self { good: good.into_iter().collect(), bad: bad.into_iter().collect(), read: Vec::new(), pulls: 0 }
    }

    /// One pass; false where it stays.
    fn pass(&mut self, cursor: &mut Cursor, now: i64) -> bool {
        cursor.follow(&form(None));
        cursor.begin(&form(None), TimeDelta::zero(), at(now));
        while let Some(window) = cursor.next() {
            self.pulls += 1;
            assert!(self.pulls < 10_000);
            let range = window.begin.timestamp_millis()..window.end.timestamp_millis();
            assert!(!range.is_empty(), "{window:?}");
            if self.bad.range(range.clone()).next().is_some() {
                if cursor.failed(window) == Passed::TooMany {
                    return false;
                }
                continue;
            }
            let found: Vec<i64> = self.good.range(range).copied().collect();
            self.read.extend(&found);
            cursor.passed(window, !found.is_empty());
        }
        cursor.end();
        true
    }

    fn held(cursor: &Cursor) -> Vec<i64> {
        cursor.held.iter().map(|held| held.window.begin.timestamp_millis()).collect()
    }
}

#[test]
fn a_pass_begins_before_the_last_window_ended_and_never_after_its_end() {
    let next = |cursor: &Cursor, form: &Form, now| {
        let mut cursor = cursor.clone();
        cursor.begin(form, TimeDelta::minutes(10), minutes(now));
        cursor.next()
    };
    let mut cursor = Cursor::default();
    let all = Window { begin: DateTime::UNIX_EPOCH, end: minutes(60) };
    assert_eq!(next(&cursor, &form(None), 60), Some(all));
    let form = form(Some(minutes(40)));
    assert_eq!(next(&cursor, &form, 60).unwrap().begin, minutes(40));
    cursor.read_until = Some(minutes(60));
    assert_eq!(next(&cursor, &form, 90), Some(Window { begin: minutes(50), end: minutes(90) }));
    assert_eq!(next(&cursor, &form, 30), None, "the clock went back");
}

#[test]
fn one_that_cannot_be_read_holds_nobody_else_up() {
    let (mut cursor, now) = (Cursor::default(), 1_800_000_000_000);
    let mut odk = Odk::new((1..=1000).map(|row| now - row * 60_000), [now - 120_001, now - 30_000_001]);
    assert!(odk.pass(&mut cursor, now));
    assert_eq!(odk.read.len(), 1000);
    assert_eq!(odk.read.iter().collect::<BTreeSet<_>>().len(), 1000, "nobody twice");
    assert_eq!(Odk::held(&cursor), [now - 30_000_001, now - 120_001]);
    assert!(odk.pulls < 200, "{}", odk.pulls);
    // Each is asked for once more in the next pass, and no more than that.
    let pulls = odk.pulls;
    odk.good.insert(now + 5);
    assert!(odk.pass(&mut cursor, now + 10));
    assert_eq!((odk.pulls - pulls, odk.read.len(), cursor.held.len()), (3, 1001, 2));
    // One is corrected, the other is deleted.
    odk.bad.clear();
    odk.good.insert(now - 120_001);
    assert!(odk.pass(&mut cursor, now + 20));
    assert_eq!((odk.read.last(), cursor.held.len()), (Some(&(now - 120_001)), 0));
}

#[test]
fn what_is_held_is_forgotten_only_while_the_form_is_shown() {
    let mut cursor = Cursor::default();
    let mut odk = Odk::new([100], [200]);
    assert!(odk.pass(&mut cursor, 1000));
    assert_eq!(Odk::held(&cursor), [200]);
    // To whom ODK shows nothing, everything is empty.
    let mut closed = Odk::new([], []);
    assert!(closed.pass(&mut cursor, 2000));
    assert_eq!(Odk::held(&cursor), [200]);
    let mut deleted = Odk::new([2500], []);
    assert!(deleted.pass(&mut cursor, 3000));
    assert_eq!((cursor.held.len(), deleted.read), (0, vec![2500]));
}

#[test]
fn a_mapping_that_fits_nobody_passes_nobody_over() {
    let mut cursor = Cursor::default();
    let mut odk = Odk::new([], (1..=200).map(|row| row * 1000));
    assert!(!odk.pass(&mut cursor, 300_000));
    assert_eq!(cursor.held.len(), MOST_IN_A_ROW as usize);
    // The mapping is corrected: what was held comes too, at the latest with the next pass.
    (odk.good, odk.bad) = (odk.bad, BTreeSet::new());
    assert!(odk.pass(&mut cursor, 300_000) && odk.pass(&mut cursor, 400_000));
    odk.read.sort_unstable();
    assert_eq!((odk.read.len(), odk.read.first(), cursor.held.len()), (200, Some(&1000), 0));
}

#[test]
fn no_more_are_held_than_can_be_looked_after() {
    let mut cursor = Cursor::default();
    let rows = |from| (1..=60_i64).map(move |row| row * 1000 + from);
    let mut odk = Odk::new(rows(1), rows(500));
    assert!(!odk.pass(&mut cursor, 300_000));
    assert_eq!(cursor.held.len(), MOST_HELD);
}

#[test]
fn another_form_is_read_from_its_beginning_and_a_later_start_lets_go() {
    let mut cursor = Cursor::default();
    assert!(Odk::new([100], [200, 9000]).pass(&mut cursor, 10_000));
    let mut other = cursor.clone();
    other.follow(&Form { form: "y".to_owned(), ..form(None) });
    assert_eq!((other.read_until, other.held.len()), (None, 0));
    cursor.follow(&form(Some(at(5000))));
    assert_eq!(Odk::held(&cursor), [9000]);
}

#[test]
fn more_than_can_be_taken_at_once_are_taken_in_halves() {
    let mut cursor = Cursor::default();
    cursor.begin(&form(None), TimeDelta::zero(), at(1000));
    let window = cursor.next().unwrap();
    assert!(cursor.too_many(window));
    let half = cursor.next().unwrap();
    assert_eq!(half, Window { begin: at(0), end: at(500) });
    cursor.passed(half, true);
    assert_eq!(cursor.next(), Some(Window { begin: at(500), end: at(750) }));
    assert!(!cursor.too_many(Window { begin: at(500), end: at(501) }));
}
