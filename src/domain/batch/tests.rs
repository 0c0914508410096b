use super::*;
use crate::domain::delivery::FileForm;

const PATIENCE: Patience = Patience {
    interval: Duration::from_secs(5),
    callback_grace: Duration::from_secs(60),
    stuck_after: Duration::from_secs(3600),
};

fn batch() -> Batch {
    let url = Url::parse("http://mts.example").unwrap();
    let expected = Duration::from_secs(100);
    Batch::sent(BatchId(1), ConnectorId(1), url, 10, Access::default(), expected, &PATIENCE, DateTime::UNIX_EPOCH)
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

#[test]
fn an_unknown_answer_is_waited_for_three_times_as_long_as_expected() {
    assert_eq!(batch().judge_unanswered(&PATIENCE, at(299)), Verdict::Wait);
    assert_eq!(batch().judge_unanswered(&PATIENCE, at(300)), Verdict::Lost(Cause::Server));
}

#[test]
fn a_working_mts_is_left_alone_until_the_deadline() {
    let mut batch = batch();
    assert_eq!(batch.judge(Status::Working, false, &PATIENCE, at(299)), Verdict::Wait);
    assert_eq!(batch.check_at, at(304));
    assert_eq!(batch.judge(Status::Working, false, &PATIENCE, at(304)), Verdict::Lost(Cause::Server));
}

#[test]
fn processed_means_authenticated_so_the_callbacks_get_their_grace() {
    let mut batch = batch();
    assert_eq!(batch.judge(Status::Processed, false, &PATIENCE, at(10)), Verdict::Wait);
    assert_eq!(batch.judge(Status::Processed, false, &PATIENCE, at(69)), Verdict::Wait);
    batch.progressed(&PATIENCE, at(69));
    assert_eq!(batch.judge(Status::Processed, false, &PATIENCE, at(70)), Verdict::Wait, "callbacks still come");
    assert_eq!(batch.judge(Status::Processed, false, &PATIENCE, at(129)), Verdict::Lost(Cause::Delivery));
}

#[test]
fn one_404_is_not_believed() {
    let mut batch = batch();
    assert_eq!(batch.judge(Status::NotFound, false, &PATIENCE, at(10)), Verdict::Wait);
    assert_eq!(batch.check_at, at(20));
    assert_eq!(batch.judge(Status::Working, false, &PATIENCE, at(20)), Verdict::Wait);
    assert_eq!(batch.judge(Status::NotFound, false, &PATIENCE, at(25)), Verdict::Wait, "counted anew");
    assert_eq!(batch.judge(Status::NotFound, false, &PATIENCE, at(35)), Verdict::Lost(Cause::Server));
}

/// A batch that was sent, and seen processed or unknown, while the clock was days ahead.
fn batch_of_another_day(status: Status) -> Batch {
    let ahead = at(0) + TimeDelta::days(1000);
    let url = Url::parse("http://mts.example").unwrap();
    let expected = Duration::from_secs(100);
    let mut batch = Batch::sent(BatchId(1), ConnectorId(1), url, 10, Access::default(), expected, &PATIENCE, ahead);
    assert!(!batch.is_due(&PATIENCE, ahead));
    assert_eq!(batch.judge(status, false, &PATIENCE, ahead), Verdict::Wait);
    assert!(batch.is_due(&PATIENCE, at(0)), "looked at as soon as the clock is back");
    batch
}

#[test]
fn a_clock_that_ran_ahead_and_came_back_lengthens_no_wait() {
    let mut silent = batch_of_another_day(Status::Working);
    assert_eq!(silent.judge_unanswered(&PATIENCE, at(0)), Verdict::Wait);
    assert!(!silent.is_due(&PATIENCE, at(1)), "and then as often as any other");
    assert_eq!(silent.judge_unanswered(&PATIENCE, at(299)), Verdict::Wait);
    assert_eq!(silent.judge_unanswered(&PATIENCE, at(300)), Verdict::Lost(Cause::Server));

    let mut processed = batch_of_another_day(Status::Processed);
    assert_eq!(processed.judge(Status::Processed, false, &PATIENCE, at(0)), Verdict::Wait);
    assert_eq!(processed.judge(Status::Processed, false, &PATIENCE, at(60)), Verdict::Lost(Cause::Delivery));

    let mut unknown = batch_of_another_day(Status::NotFound);
    assert_eq!(unknown.judge(Status::NotFound, false, &PATIENCE, at(0)), Verdict::Wait);
    assert_eq!(unknown.judge(Status::NotFound, false, &PATIENCE, at(10)), Verdict::Lost(Cause::Server));

    let mut alive = batch_of_another_day(Status::Working);
    alive.progressed(&PATIENCE, at(50));
    assert_eq!(alive.deadline, at(350));
}

#[test]
fn a_download_is_asked_for_ever_more_slowly() {
    let mut batch = Batch { delivery: Delivery::Download(FileForm::Json), ..batch() };
    batch.accepted("00request-1".to_owned(), &PATIENCE, at(1));
    assert_eq!(batch.check_at, at(2));
    for (now, next) in [(2, 3), (4, 6), (6, 9), (9, 13), (100, 105)] {
        assert_eq!(batch.judge(Status::Working, false, &PATIENCE, at(now)), Verdict::Wait);
        assert_eq!(batch.check_at.timestamp(), next, "{now}");
    }
    assert_eq!(batch.judge(Status::Processed, false, &PATIENCE, at(105)), Verdict::Wait);
    assert_eq!(batch.check_at, at(106), "the file is not long in coming");
}

#[test]
fn a_file_that_does_not_come_is_waited_for_as_callbacks_are() {
    let mut batch = Batch { delivery: Delivery::Download(FileForm::Json), ..batch() };
    assert_eq!(batch.judge(Status::Processed, false, &PATIENCE, at(10)), Verdict::Wait);
    assert_eq!(batch.judge_file(Fetched::NotYet, &PATIENCE, at(10)), Verdict::Wait);
    // Nobody looked meanwhile: it is looked for before it is given up.
    assert_eq!(batch.judge(Status::Processed, false, &PATIENCE, at(900)), Verdict::Wait);
    let taken = Fetched::Taken { again_at: Some(at(2000)) };
    assert_eq!(batch.clone().judge_file(taken, &PATIENCE, at(900)), Verdict::Wait);
    assert_eq!(batch.judge_file(Fetched::NotYet, &PATIENCE, at(900)), Verdict::Lost(Cause::Delivery));
}

#[test]
fn a_file_that_waits_for_the_registry_is_not_lost() {
    let mut batch = Batch { delivery: Delivery::Download(FileForm::Json), ..batch() };
    for day in 1..=3 {
        let now = at(day * 86_400);
        assert_eq!(batch.judge(Status::Processed, false, &PATIENCE, now), Verdict::Wait);
        let later = Fetched::Taken { again_at: Some(now + TimeDelta::hours(1)) };
        assert_eq!(batch.judge_file(later, &PATIENCE, now), Verdict::Wait);
        assert_eq!(batch.check_at, now + TimeDelta::seconds(5), "an hour is longer than anybody sleeps");
    }
}

#[test]
fn a_failed_delivery_is_over_at_once() {
    assert_eq!(batch().judge(Status::Failed, false, &PATIENCE, at(1)), Verdict::Lost(Cause::Server));
}

/// What is called in late still counts; a file would lie at MTS, and the person be sent again.
#[test]
fn a_download_that_mts_works_on_is_waited_for_to_the_end() {
    let accepted = |delivery| {
        let mut batch = Batch { delivery, ..batch() };
        batch.accepted("00request-1".to_owned(), &PATIENCE, at(1));
        batch
    };
    let longest = i64::try_from(PATIENCE.stuck_after.as_secs()).unwrap();
    let judged =
        |mut batch: Batch, overtaken: bool, now: i64| batch.judge(Status::Working, overtaken, &PATIENCE, at(now));
    let download = || accepted(Delivery::Download(FileForm::Json));
    let after_its_deadline = 305;
    assert_eq!(judged(accepted(Delivery::Callback), false, after_its_deadline), Verdict::Lost(Cause::Server));
    assert_eq!(judged(download(), false, after_its_deadline), Verdict::Wait);
    assert_eq!(judged(download(), true, after_its_deadline), Verdict::Lost(Cause::Server), "its queue was lost");
    assert_eq!(judged(download(), false, longest), Verdict::Lost(Cause::Server), "not for ever");
    // MTS may have it, and nothing tells where.
    let unanswered = Batch { delivery: Delivery::Download(FileForm::Json), ..batch() };
    assert_eq!(unanswered.clone().judge_unanswered(&PATIENCE, at(after_its_deadline)), Verdict::Lost(Cause::Server));
}

#[test]
fn silence_gives_up_no_file() {
    let mut batch = Batch { delivery: Delivery::Download(FileForm::Json), ..batch() };
    batch.accepted("00request-1".to_owned(), &PATIENCE, at(1));
    let longest = i64::try_from(PATIENCE.stuck_after.as_secs()).unwrap();
    assert_eq!(batch.judge_unanswered(&PATIENCE, at(longest)), Verdict::Wait);
    assert_eq!(batch.judge(Status::Processed, false, &PATIENCE, at(longest)), Verdict::Wait);
    assert_eq!(
        batch.judge_file(Fetched::Silent, &PATIENCE, at(longest + 900)),
        Verdict::Wait,
        "nobody said it is gone"
    );
    assert_eq!(batch.judge_unanswered(&PATIENCE, at(4 * longest)), Verdict::Lost(Cause::Server), "not for ever");
}
