use std::time::Duration;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::fault::IN_DOUBT;
use super::*;
use crate::domain::identity::{IdTypeId, RegIdRow, RegistrantId};
use crate::domain::record::RecordKey;

const BATCH: BatchId = BatchId(7);
const NONCE: Nonce = Nonce([1; 12]);
const VID: Digest = Digest([2; 36]);
const TOKEN: Digest = Digest([3; 36]);

fn backoff() -> Backoff {
    Backoff::new(Duration::from_secs(10), Duration::from_secs(60), 3).unwrap()
}

fn after(record: &Record, event: Event) -> (Next, Effects) {
    apply(record, event, &Occasion { now: record.due, wall: record.due, backoff: &backoff(), jitter: 0.0 }).unwrap()
}

fn kept(record: &Record, event: Event) -> Record {
    after(record, event).0.unwrap()
}

fn met(run: u64) -> Event {
    Event::Met { run: RunId(run), connector: ConnectorId(1) }
}

fn pending() -> Record {
    let key = RecordKey { token_type: IdTypeId(3), registrant: RegistrantId(17) };
    Record::admitted(key, ConnectorId(1), RunId(1), DateTime::UNIX_EPOCH)
}

fn vid(digest: Digest) -> HeldVid {
    HeldVid { row: RegIdRow(5), written: "2026-01-01 00:00:00.000001".to_owned(), digest, also: Vec::new() }
}

fn sent(batch: BatchId, nonce: Nonce, digest: Digest) -> Event {
    Event::Sent { batch, line: 0, nonce, vid: vid(digest), data: Digest([9; 36]) }
}

fn submitted() -> Record {
    kept(&pending(), sent(BATCH, NONCE, VID))
}

fn token(nonce: Nonce, digest: Digest) -> Event {
    Event::Token { nonce, token: Sealed(vec![0]), digest, values: None }
}

fn person() -> Code {
    Code::from_wire("ATS-REQ-010")
}

#[test]
fn the_whole_way() {
    let record = submitted();
    assert!(record.sent);
    let record = kept(&record, token(NONCE, TOKEN));
    assert!(matches!(record.state, State::TokenReceived { .. }));
    let record = kept(&record, Event::Written(AfterWrite::TokenThere));
    let (next, effects) = after(&record, Event::Written(AfterWrite::Complete));
    assert_eq!(next, None);
    assert_eq!((effects.from, effects.to), (Bucket::Open, Bucket::Tokenised));
}

#[test]
fn a_repeat_is_nothing_and_another_token_is_disputed() {
    let record = kept(&submitted(), token(NONCE, TOKEN));
    assert_eq!(after(&record, token(NONCE, TOKEN)).1.ignored, Some(Ignored::Repeat));
    let (next, effects) = after(&record, token(NONCE, Digest([4; 36])));
    assert_eq!(effects.ignored, Some(Ignored::Disputed));
    assert_eq!(next.unwrap(), record);
}

#[test]
fn a_token_for_a_vid_that_is_no_longer_theirs_never_counts() {
    let lost = kept(&submitted(), Event::AnswerMissing { batch: BATCH, fault: Fault::Server });
    let resent = kept(&lost, sent(BatchId(8), Nonce([8; 12]), Digest([5; 36])));
    assert_eq!(after(&resent, token(NONCE, TOKEN)).1.ignored, Some(Ignored::Stale));
    assert_eq!(after(&resent, token(Nonce([6; 12]), TOKEN)).1.ignored, Some(Ignored::Stale));
}

#[test]
fn a_token_of_an_older_attempt_counts_while_the_vid_is_the_same() {
    let lost = kept(&submitted(), Event::AnswerMissing { batch: BATCH, fault: Fault::Server });
    let resent = kept(&lost, sent(BatchId(8), Nonce([8; 12]), VID));
    assert!(matches!(kept(&resent, token(NONCE, TOKEN)).state, State::TokenReceived { .. }));
    let refusal = Event::Error { nonce: NONCE, code: person(), others_pass: false };
    assert_eq!(after(&resent, refusal).1.ignored, Some(Ignored::Stale), "a refusal counts only under the newest");
}

#[test]
fn a_token_of_an_attempt_under_an_older_key_counts_while_the_vid_is_the_same() {
    let newer = Digest([6; 36]);
    let lost = kept(&submitted(), Event::AnswerMissing { batch: BATCH, fault: Fault::Server });
    let again = |also: Vec<Digest>| {
        let vid = HeldVid { also, ..vid(newer) };
        kept(&lost, Event::Sent { batch: BatchId(8), line: 0, nonce: Nonce([8; 12]), vid, data: Digest([9; 36]) })
    };
    assert!(matches!(kept(&again(vec![VID]), token(NONCE, TOKEN)).state, State::TokenReceived { .. }));
    assert_eq!(after(&again(Vec::new()), token(NONCE, TOKEN)).1.ignored, Some(Ignored::Stale), "another VID's");
}

#[test]
fn a_discarded_key_takes_with_it_what_was_sent_and_no_refusal() {
    for record in [
        submitted(),
        kept(&submitted(), token(NONCE, TOKEN)),
        kept(&kept(&submitted(), token(NONCE, TOKEN)), Event::Written(AfterWrite::TokenThere)),
    ] {
        let (next, effects) = after(&record, Event::KeyDiscarded);
        let next = next.unwrap();
        assert_eq!(next.state, State::Pending { refused: None, alone: None });
        assert_eq!((next.vid.clone(), next.data, next.attempts.len()), (None, None, 0));
        assert_eq!((effects.from, effects.to, effects.sent), (Bucket::Open, Bucket::Open, 0));
        assert_eq!(after(&next, token(NONCE, TOKEN)).1.ignored, Some(Ignored::Stale), "nobody's word counts for it");
    }
    let refused = kept(&submitted(), Event::Error { nonce: NONCE, code: person(), others_pass: false });
    let (next, effects) = after(&refused, Event::KeyDiscarded);
    assert_eq!(next.unwrap().state, refused.state);
    assert_eq!(effects.notice, None);
}

#[test]
fn what_is_refused_as_before_goes_by_the_newest_digests() {
    let refused = kept(&submitted(), Event::Error { nonce: NONCE, code: person(), others_pass: false });
    let again = kept(&refused, met(2));
    let newer = Event::Unchanged { vid: vid(Digest([6; 36])), data: Digest([7; 36]) };
    let (next, effects) = after(&again, newer);
    let next = next.unwrap();
    assert_eq!((next.state, effects.notice), (refused.state, None));
    assert_eq!((next.vid.unwrap().digest, next.data), (Digest([6; 36]), Some(Digest([7; 36]))));
}

#[test]
fn refused_stays_refused_until_something_changes() {
    let refused = kept(&submitted(), Event::Error { nonce: NONCE, code: person(), others_pass: false });
    assert_eq!(refused.state, State::Rejected { code: person() });
    let (again, effects) = after(&refused, met(2));
    let again = again.unwrap();
    assert_eq!(effects.run, RunId(2));
    assert!(matches!(&again.state, State::Pending { refused: Some(code), .. } if *code == person()));
    let (same, effects) = after(&again, Event::StillRefused);
    assert_eq!(same.unwrap().state, State::Rejected { code: person() });
    assert_eq!(effects.notice, None, "the administrator knows already");
    assert_eq!(after(&refused, Event::Requeued).0.unwrap().state, State::Pending { refused: None, alone: None });
}

#[test]
fn what_changed_on_the_way_is_looked_at_before_a_refusal_is_believed() {
    let record = kept(&submitted(), met(2));
    let record = kept(&record, Event::Error { nonce: NONCE, code: person(), others_pass: false });
    assert!(matches!(record.state, State::Pending { refused: Some(_), .. }));
}

#[test]
fn the_servers_fault_costs_nothing_and_the_records_own_has_an_end() {
    let mut record = submitted();
    for _ in 0..20 {
        record = kept(&record, Event::NotTaken { batch: BATCH, fault: Fault::Server });
        assert!(!record.sent, "surely not sent");
        record = kept(&record, sent(BATCH, NONCE, VID));
    }
    for wait in [10, 20] {
        let now = record.due;
        record = kept(&record, Event::AnswerMissing { batch: BATCH, fault: Fault::Record });
        assert_eq!(record.due, now + TimeDelta::seconds(wait));
        record = kept(&record, sent(BATCH, NONCE, VID));
    }
    let (given_up, effects) = after(&record, Event::AnswerMissing { batch: BATCH, fault: Fault::Record });
    let given_up = given_up.unwrap();
    assert_eq!(given_up.state, State::Abandoned { stage: Stage::Answer, cause: Code::ANSWER_LOST, held: None });
    assert_eq!(effects.notice, Some(Notice::Refused));
    assert!(matches!(kept(&given_up, token(NONCE, TOKEN)).state, State::TokenReceived { .. }), "late, and good");
}

/// MTS fails on the record, sent alone, `times` times; its last batch was taken at `took_at`.
fn failed_alone(mut record: Record, times: usize, took_at: Option<DateTime<Utc>>) -> Record {
    for _ in 0..times {
        record = kept(&record, Event::NotTaken { batch: BATCH, fault: Fault::Alone { took_at } });
        if matches!(record.state, State::Pending { alone: Some(1), .. }) {
            record = kept(&record, sent(BATCH, NONCE, VID));
        }
    }
    record
}

#[test]
fn whom_mts_fails_on_alone_is_blamed_once_mts_took_others() {
    let before = DateTime::UNIX_EPOCH - TimeDelta::seconds(1);
    for took_at in [None, Some(before)] {
        let record = failed_alone(submitted(), 50, took_at);
        assert_eq!((&record.state, record.failures), (&State::Submitted { batch: BATCH }, 0), "{took_at:?}");
        let later = Some(record.due);
        let record = failed_alone(record, 2, later);
        assert_eq!((&record.state, record.failures), (&State::Submitted { batch: BATCH }, 2));
        let refused = failed_alone(record, 1, later);
        assert_eq!(refused.state, State::Rejected { code: Code::FAILS_ALONE });
        let again = kept(&refused, met(2));
        assert_eq!(again.state, State::Pending { refused: Some(Code::FAILS_ALONE), alone: None }, "if it has changed");
    }
}

#[test]
fn a_token_counts_whose_registrant_cannot_be_read_any_more() {
    let record = kept(&submitted(), Event::AnswerMissing { batch: BATCH, fault: Fault::Server });
    let unreadable = Event::Refused { code: Code::READ_FAILS, vid: record.vid.clone(), data: None };
    let refused = kept(&record, unreadable);
    assert!(matches!(refused.state, State::Rejected { .. }));
    assert!(matches!(kept(&refused, token(NONCE, TOKEN)).state, State::TokenReceived { .. }));
}

#[test]
fn what_mts_took_long_ago_shows_nothing_of_an_outage_now() {
    let record = failed_alone(submitted(), 1, None);
    let took_at = Some(record.due);
    let mut record = failed_alone(record, 1, took_at);
    assert_eq!(record.failures, 1);
    record.due += TimeDelta::hours(2);
    let record = failed_alone(record, 50, took_at);
    assert_eq!((&record.state, record.failures), (&State::Submitted { batch: BATCH }, 1));
}

#[test]
fn a_doubt_that_nothing_settles_lasts_a_week() {
    let mut record = failed_alone(submitted(), 1, None);
    record.due = DateTime::UNIX_EPOCH + IN_DOUBT - TimeDelta::seconds(1);
    let record = failed_alone(record, 1, None);
    assert_eq!(record.state, State::Submitted { batch: BATCH });
    let given_up = failed_alone(record, 1, None);
    assert!(matches!(given_up.state, State::Abandoned { stage: Stage::Submit, .. }), "{given_up:?}");
}

#[test]
fn a_batch_that_is_taken_ends_the_doubt() {
    let record = failed_alone(submitted(), 1, None);
    assert!(record.failing_since.is_some());
    let missing = Event::AnswerMissing { batch: BATCH, fault: Fault::Server };
    assert_eq!(kept(&record, missing).failing_since, None);
    assert_eq!(kept(&record, token(NONCE, TOKEN)).failing_since, None);
    let of_the_system = Event::Error { nonce: NONCE, code: Code::from_wire("AUT_CRY_001"), others_pass: false };
    assert_eq!(kept(&record, of_the_system).failing_since, None);
}

#[test]
fn an_error_of_the_system_rejects_nobody() {
    let code = Code::from_wire("AUT_CRY_001");
    let (next, effects) = after(&submitted(), Event::Error { nonce: NONCE, code: code.clone(), others_pass: false });
    assert!(matches!(next.unwrap().state, State::Pending { .. }));
    assert_eq!(effects.trouble, Some(code));
}

#[test]
fn an_error_of_the_system_that_only_one_gets_comes_to_an_end() {
    let mut record = submitted();
    for _ in 0..2 {
        let (next, effects) =
            after(&record, Event::Error { nonce: NONCE, code: Code::from_wire("AUT_BAS_001"), others_pass: true });
        assert_eq!(effects.trouble, None);
        record = kept(&next.unwrap(), sent(BATCH, NONCE, VID));
    }
    record = kept(&record, Event::Error { nonce: NONCE, code: Code::from_wire("AUT_BAS_001"), others_pass: true });
    assert!(matches!(record.state, State::Abandoned { stage: Stage::Authentication, .. }));
}

#[test]
fn an_unknown_error_is_tried_again_and_ends() {
    let mut record = submitted();
    for _ in 0..2 {
        record = kept(&record, Event::Error { nonce: NONCE, code: Code::from_wire("XYZ-1"), others_pass: false });
        assert!(matches!(record.state, State::Pending { .. }));
        record = kept(&record, sent(BATCH, NONCE, VID));
    }
    record = kept(&record, Event::Error { nonce: NONCE, code: Code::from_wire("XYZ-1"), others_pass: false });
    assert!(matches!(record.state, State::Abandoned { stage: Stage::Authentication, .. }));
}

#[test]
fn a_changed_vid_goes_back_to_the_start_and_another_token_is_a_refusal() {
    let record = kept(&submitted(), token(NONCE, TOKEN));
    let superseded = kept(&record, Event::Written(AfterWrite::Superseded));
    assert_eq!((superseded.state, superseded.vid), (State::Pending { refused: None, alone: None }, None));
    let conflict = kept(&record, Event::Written(AfterWrite::Conflict));
    assert_eq!(conflict.state, State::Rejected { code: Code::OTHER_TOKEN });
}

#[test]
fn a_token_that_could_not_be_written_is_kept_for_the_next_try() {
    let mut record = kept(&submitted(), token(NONCE, TOKEN));
    for _ in 0..3 {
        record = kept(&record, Event::Written(AfterWrite::Later));
    }
    assert!(
        matches!(&record.state, State::Abandoned { stage: Stage::Write, held: Some(held), .. } if held.digest == TOKEN)
    );
    let again = kept(&record, Event::Requeued);
    assert!(matches!(again.state, State::TokenReceived { digest: TOKEN, .. }));
    assert_eq!(again.failures, 0);
}

#[test]
fn what_cannot_be_is_told() {
    let occasion = Occasion { now: DateTime::UNIX_EPOCH, wall: DateTime::UNIX_EPOCH, backoff: &backoff(), jitter: 0.0 };
    assert!(apply(&submitted(), sent(BATCH, NONCE, VID), &occasion).is_err());
    assert!(apply(&pending(), Event::Written(AfterWrite::Complete), &occasion).is_err());
}

fn any_event() -> impl Strategy<Value = Event> {
    let nonce = (0_u8..3).prop_map(|n| Nonce([n; 12]));
    let digest = (0_u8..2).prop_map(|n| Digest([n; 36]));
    let batch = (0_u64..3).prop_map(BatchId);
    let code = prop_oneof![Just("ATS-REQ-010"), Just("AUT_CRY_001"), Just("XYZ-1")].prop_map(Code::from_wire);
    let fault = prop_oneof![
        Just(Fault::Server),
        Just(Fault::Record),
        Just(Fault::Alone { took_at: None }),
        Just(Fault::Batch { at_most: 0 })
    ];
    let outcome = prop_oneof![
        Just(AfterWrite::Complete),
        Just(AfterWrite::TokenThere),
        Just(AfterWrite::Later),
        Just(AfterWrite::Conflict),
        Just(AfterWrite::Superseded)
    ];
    prop_oneof![
        (1_u64..4).prop_map(met),
        Just(Event::Requeued),
        Just(Event::Left),
        Just(Event::StillRefused),
        digest.clone().prop_map(|digest| Event::Unchanged { vid: vid(digest), data: digest }),
        Just(Event::KeyDiscarded),
        code.clone().prop_map(|code| Event::Refused { code, vid: None, data: None }),
        (batch.clone(), nonce.clone(), digest.clone()).prop_map(|(b, n, d)| sent(b, n, d)),
        (batch.clone(), fault.clone()).prop_map(|(batch, fault)| Event::NotTaken { batch, fault }),
        (batch, fault).prop_map(|(batch, fault)| Event::AnswerMissing { batch, fault }),
        (nonce.clone(), digest).prop_map(|(n, d)| token(n, d)),
        (nonce, code).prop_map(|(nonce, code)| Event::Error { nonce, code, others_pass: false }),
        outcome.prop_map(Event::Written),
    ]
}

proptest! {
    /// Whatever happens in whatever order: a token is held only for the VID that is current, attempts stay bounded, and the
    /// run's books add up.
    #[test]
    fn no_order_of_events_breaks_a_law(events in proptest::collection::vec(any_event(), 1..60)) {
        let backoff = backoff();
        let mut record = pending();
        let mut books = std::collections::BTreeMap::from([(1, (1_i64, 0_i64))]);
        for event in events {
            let occasion = Occasion { now: record.due, wall: record.due, backoff: &backoff, jitter: 0.5 };
            let answered = if let Event::Token { nonce, .. } = &event { Some(*nonce) } else { None };
            let Ok((next, effects)) = apply(&record, event, &occasion) else { continue };
            if effects.run != record.run {
                books.insert(effects.run.0, (1, 0));
            }
            let book = books.entry(effects.run.0).or_insert((0, 0));
            book.1 += i64::from(effects.sent);
            prop_assert!((0..=1).contains(&book.1));
            let Some(next) = next else { break };
            prop_assert!(next.attempts.len() <= Record::ATTEMPTS_KEPT);
            prop_assert_eq!(effects.to, next.bucket());
            if let (State::TokenReceived { .. }, Some(nonce), None) = (&next.state, answered, effects.ignored) {
                let vid = next.vid.as_ref().unwrap();
                prop_assert!(next.attempts.iter().any(|a| a.nonce == nonce && vid.is(&a.vid)));
            }
            record = next;
        }
    }
}
