//! ODK: one window of submissions after the other, pulled by MTS, their results fetched and put into a file, or called in to somebody
//! else.
//!
//! A submission names no registrant, so nothing of it goes into the registry. What MTS has taken is in the connector's cursor until
//! its results are where they go; only then does the window count as read. A window in which MTS found nothing moves nothing on: MTS
//! says the same where ODK Central refuses to show the form, and the next pass looks there again.
//!
//! MTS fails alike on a wrong password, an ODK Central that is away, and one submission that it cannot read. Which it is, a window
//! shows in which nothing can be: where MTS finds nothing in it, ODK let it in.

mod pulled;
mod result_file;

use chrono::SecondsFormat;
use metrics::counter;
use tokio::time::Instant;

use std::time::Duration;

use super::{Halt, Progress, Remote, Worker, address, pull};
use crate::domain::batch::{Access, Batch};
use crate::domain::connector::{Activity, Connector};
use crate::domain::delivery::{Delivery, FileForm};
use crate::domain::identity::{BatchId, ConnectorId};
use crate::domain::odk::{Cursor, Form, Passed, Pulled, Window};
use crate::domain::run::{Counters, Phase, Run};
use crate::mts::{Blame, Pull, SubmitError, Wanted, bare_host};
use crate::store::StoreError;

/// Submissions of one window at most: the file of them is in memory.
const MOST: usize = 50_000;
/// For the answer to a pull: MTS asks ODK Central, and stores every submission (14 to 35 ms each).
const PATIENCE: Duration = Duration::from_secs(45 * 60);
/// MTS's code for: no submissions.
const NOTHING: &str = "ATS-REQ-23";
/// Times that are shown of what is held.
const SHOWN: usize = 5;

/// Has MTS pull the next window, or looks how far it is with the one it has taken.
pub(super) async fn step(worker: &Worker, connector: &Connector, form: &Form) -> Result<Progress, Halt> {
    if connector.delivery.is_download() && worker.settings.odk_folder.is_none() {
        return Ok(Progress::Idle(None));
    }
    let known = worker.store.cursor(connector.id)?.odk.unwrap_or_default();
    if let Some(pulled) = known.pulled {
        return pulled::look(worker, connector, pulled).await;
    }
    if connector.activity == Activity::Stopped || pull::next_run(worker, connector).is_none() {
        return Ok(Progress::Idle(None));
    }
    worker.pass(&[
        Remote::Submission(connector.id),
        Remote::Delivery(connector.id),
        Remote::WriteBack(connector.id),
        Remote::Access(connector.mts_url.clone()),
        Remote::Mts(connector.mts_url.clone()),
        Remote::Authentication(connector.mts_url.clone()),
    ])?;
    let Some(window) = next(worker, connector, form).await? else {
        end(worker, connector).await?;
        return Ok(Progress::Worked);
    };
    let gate = worker.gates.of(&connector.mts_url);
    // Unwrap safety: the semaphore is never closed.
    let _room = gate.room.acquire().await.expect("never closed");
    let ability = worker.mts.ability(&connector.mts_url, worker.clock.now()).await;
    let older = ability.is_some_and(|ability| !ability.callbacks);
    if let Some(trouble) = unable(connector, form).filter(|_| older) {
        worker.breakers.failed(&Remote::Submission(connector.id), trouble, worker.jitter(), worker.steady.now());
        return Ok(Progress::Worked);
    }
    let delivery = wanted(connector);
    let mapping = connector.mapping.to_json();
    let pull = Pull { form, window, mapping, language: &connector.language, delivery: &delivery, older };
    let began = Instant::now();
    match worker.mts.pull(&connector.mts_url, &pull, worker.clock.now(), PATIENCE).await {
        Ok(id) => {
            answers(worker, connector);
            let milliseconds = began.elapsed().as_millis() as u64;
            tracing::debug!(connector = %connector.id, request_identifier = %id, milliseconds, "submissions pulled");
            taken(worker, connector, window, id, gate.expected(MOST as u64)).await?;
        }
        Err(error) if finds_nothing(&error) => {
            answers(worker, connector);
            tracing::debug!(connector = %connector.id, "MTS finds no submissions");
            counter!("omc_odk_pulls_total", "outcome" => "nothing").increment(1);
            change(worker, connector, move |cursor| cursor.passed(window, false)).await?;
        }
        Err(error) => {
            let probe = Pull { window: window.nothing(), ..pull.clone() };
            let lets_in = is_failure(&error)
                && match worker.mts.pull(&connector.mts_url, &probe, worker.clock.now(), PATIENCE).await {
                    Err(error) => finds_nothing(&error),
                    Ok(_) => false,
                };
            if lets_in {
                answers(worker, connector);
                unreadable(worker, connector, window).await?;
            } else {
                counter!("omc_odk_pulls_total", "outcome" => "failed").increment(1);
                let (remote, trouble) = trouble(connector, &error);
                worker.breakers.failed(&remote, &trouble, worker.jitter(), worker.steady.now());
            }
        }
    }
    Ok(Progress::Worked)
}

/// What MTS of release 1.0.1 cannot do of it.
fn unable(connector: &Connector, form: &Form) -> Option<&'static str> {
    if !connector.delivery.is_download() {
        Some("this MTS knows no callbacks (they came with release 1.1): choose Download")
    } else if bare_host(&form.base_url).is_none() {
        Some("MTS of release 1.0.1 asks ODK Central by https only, and at the root of its host: change odk_base_url")
    } else {
        None
    }
}

fn wanted(connector: &Connector) -> Wanted {
    match connector.elsewhere.as_ref().filter(|_| connector.delivery == Delivery::Elsewhere) {
        Some(elsewhere) => Wanted::Callback {
            address: Box::new(address::elsewhere(connector, elsewhere)),
            output_format: connector.output_format.as_ref().map(|format| format.source().to_owned()),
        },
        None => Wanted::Download(FileForm::Json),
    }
}

fn finds_nothing(error: &SubmitError) -> bool {
    matches!(error, SubmitError::NotTaken(Blame::Refused { code: Some(code), .. }) if code.as_str() == NOTHING)
}

fn is_failure(error: &SubmitError) -> bool {
    matches!(error, SubmitError::NotTaken(Blame::Failed(_)))
}

/// MTS answers, and nothing is in its way.
fn answers(worker: &Worker, connector: &Connector) {
    worker.breakers.succeeded(&Remote::Access(connector.mts_url.clone()));
    worker.breakers.succeeded(&Remote::Mts(connector.mts_url.clone()));
    worker.breakers.succeeded(&Remote::Submission(connector.id));
}

/// Whose fault it is that MTS did not pull.
fn trouble(connector: &Connector, error: &SubmitError) -> (Remote, String) {
    match error {
        SubmitError::NotTaken(Blame::Failed(code)) => (
            Remote::Submission(connector.id),
            format!(
                "MTS could not pull from ODK Central (HTTP 500, {}): check odk_base_url, odk_email and odk_password, and that MTS \
                 reaches ODK Central",
                code.as_str()
            ),
        ),
        SubmitError::NotTaken(blame @ (Blame::Refused { .. } | Blame::TooLarge)) => {
            (Remote::Submission(connector.id), blame.to_string())
        }
        SubmitError::NotTaken(blame @ (Blame::Denied(_) | Blame::LoginWanted)) => {
            (Remote::Access(connector.mts_url.clone()), blame.to_string())
        }
        other => (Remote::Mts(connector.mts_url.clone()), other.to_string()),
    }
}

/// The window to ask for now; a pass begins where there is none.
async fn next(worker: &Worker, connector: &Connector, form: &Form) -> Result<Option<Window>, Halt> {
    let (form, overlap, now) = (form.clone(), worker.settings.overlap, worker.clock.now());
    let next = change(worker, connector, move |cursor| {
        cursor.follow(&form);
        cursor.begin(&form, overlap, now);
        cursor.next()
    });
    next.await
}

/// MTS is let in at ODK, and fails on this window all the same.
async fn unreadable(worker: &Worker, connector: &Connector, window: Window) -> Result<(), Halt> {
    let what = change(worker, connector, move |cursor| cursor.failed(window)).await?;
    let (from, to) = (shown(window.begin), shown(window.end));
    let connector = connector.id;
    let outcome = match what {
        Passed::Halved => {
            tracing::debug!(%connector, from, to, "MTS fails on submissions of this time; they are asked for in halves");
            "halved"
        }
        Passed::Held => {
            worker.store.sync().await?;
            tracing::warn!(
                %connector, from, to,
                "MTS cannot read a submission of this time; it is left out, and asked for again in each run"
            );
            "held"
        }
        Passed::StillHeld => "held",
        Passed::TooMany => {
            let trouble = format!(
                "MTS can read none of the submissions from {from} on, as it seems: nothing after that is asked for until it can. Check \
                 the mapping, whose answers must be texts; for submissions of an older form, set a later start_datetime"
            );
            worker.breakers.failed(&Remote::Submission(connector), &trouble, worker.jitter(), worker.steady.now());
            "failed"
        }
    };
    counter!("omc_odk_pulls_total", "outcome" => outcome).increment(1);
    Ok(())
}

fn shown(time: chrono::DateTime<chrono::Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What people are told of submissions that are left out, if any are.
pub fn held(worker: &Worker, connector: ConnectorId) -> Result<Option<String>, StoreError> {
    let held = worker.store.cursor(connector)?.odk.unwrap_or_default().held;
    let times: Vec<String> = held.iter().take(SHOWN).map(|held| shown(held.window.begin)).collect();
    Ok((!times.is_empty()).then(|| {
        let more = held.len() - times.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!(
            "MTS cannot read the submissions that came at {}{more}: an answer that is mapped is no text. They are left out, and asked \
             for again in each run. Correct them in ODK Central, or the mapping",
            times.join(", ")
        )
    }))
}

/// MTS has the window: that is on disk before anything else.
async fn taken(
    worker: &Worker,
    connector: &Connector,
    window: Window,
    request_identifier: String,
    expected: Duration,
) -> Result<(), Halt> {
    let (patience, now) = (worker.settings.patience, worker.steady.now());
    let (id, url) = (connector.id, connector.mts_url.clone());
    let mut batch = Batch::sent(BatchId(0), id, url, 0, Access::default(), expected, &patience, now);
    batch.delivery = connector.delivery;
    batch.accepted(request_identifier, &patience, now);
    change(worker, connector, move |cursor| cursor.pulled = Some(Pulled { window, batch })).await?;
    worker.store.sync().await?;
    counter!("omc_odk_pulls_total", "outcome" => "taken").increment(1);
    Ok(())
}

/// Changes the connector's cursor.
async fn change<T: Send + 'static>(
    worker: &Worker,
    connector: &Connector,
    by: impl FnOnce(&mut Cursor) -> T + Send + 'static,
) -> Result<T, Halt> {
    let id = connector.id;
    let kept = worker.store.change(move |change| {
        let mut cursor = change.cursor(id)?;
        let mut odk = cursor.odk.take().unwrap_or_default();
        let given = by(&mut odk);
        cursor.odk = Some(odk);
        change.put_cursor(id, &cursor)?;
        Ok(given)
    });
    Ok(kept.await?)
}

/// A window is through, with submissions: it is read. The first run that is under way shows the numbers.
async fn read(worker: &Worker, connector: &Connector, window: Window, counters: Counters) -> Result<(), Halt> {
    let id = connector.id;
    let kept = worker.store.change(move |change| {
        let mut cursor = change.cursor(id)?;
        let mut odk = cursor.odk.take().unwrap_or_default();
        odk.passed(window, true);
        odk.pulled = None;
        cursor.odk = Some(odk);
        change.put_cursor(id, &cursor)?;
        let first = change.runs().find(|run| is_pulling(run, id)).cloned();
        if let Some(mut run) = first {
            run.counters.found += counters.found;
            run.counters.submitted += counters.submitted;
            run.counters.tokens += counters.tokens;
            run.counters.rejected += counters.rejected;
            change.put_run(run);
        }
        Ok(())
    });
    kept.await?;
    worker.store.sync().await?;
    Ok(())
}

/// A pass is over: whoever asked before it ended has what was asked for.
async fn end(worker: &Worker, connector: &Connector) -> Result<(), Halt> {
    let (id, wall) = (connector.id, worker.clock.now());
    let kept = worker.store.change(move |change| {
        let mut cursor = change.cursor(id)?;
        let mut odk = cursor.odk.take().unwrap_or_default();
        let ended = odk.end();
        cursor.odk = Some(odk);
        change.put_cursor(id, &cursor)?;
        let runs: Vec<_> = change.runs().filter(|run| is_pulling(run, id)).cloned().collect();
        for mut run in runs.into_iter().filter(|run| ended.is_some_and(|end| asked_before(run, end))) {
            run.phase = Phase::Settling;
            run.settle(wall);
            change.put_run(run);
        }
        Ok(())
    });
    kept.await?;
    worker.store.sync().await?;
    Ok(())
}

fn is_pulling(run: &Run, connector: ConnectorId) -> bool {
    run.connector == connector && run.phase == Phase::Pulling
}

/// The pass's end is in whole milliseconds, as ODK's dates are.
fn asked_before(run: &Run, end: chrono::DateTime<chrono::Utc>) -> bool {
    run.started.timestamp_millis() <= end.timestamp_millis()
}
