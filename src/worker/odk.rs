//! ODK: one window of submissions after the other, pulled by MTS, their results fetched and put into a file.
//!
//! A submission names no registrant, so nothing of it goes into the registry. What MTS has taken is in the connector's cursor until
//! its file is written; only then does the window count as read. A window in which MTS found nothing moves nothing on: MTS says the
//! same where ODK Central refuses to show the form, and the next window looks there again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::counter;
use tokio::time::Instant;

use super::{Halt, Progress, Remote, Worker, pull, submit};
use crate::domain::batch::{Access, Batch, Fetched, Status, Verdict};
use crate::domain::code::{Class, Code};
use crate::domain::connector::{Activity, Connector};
use crate::domain::delivery::{Delivery, FileForm};
use crate::domain::identity::BatchId;
use crate::domain::odk::{Cursor, Form, Pulled, Window};
use crate::domain::run::{Counters, Phase};
use crate::intake::Answer;
use crate::mts::{Blame, FileError, Pull, Row, SubmitError};
use crate::seal::{Personal, replace_file};

/// Submissions of one window at most: the file of them is in memory.
const MOST: usize = 50_000;
/// For the answer to a pull: MTS asks ODK Central, and stores every submission (14 to 35 ms each).
const PATIENCE: Duration = Duration::from_secs(45 * 60);
/// MTS's code for: no submissions.
const NOTHING: &str = "ATS-REQ-23";

/// Has MTS pull the next window, or looks how far it is with the one it has taken.
pub(super) async fn step(worker: &Worker, connector: &Connector, form: &Form) -> Result<Progress, Halt> {
    let Some(folder) = worker.settings.odk_folder.as_deref() else { return Ok(Progress::Idle(None)) };
    let known = worker.store.cursor(connector.id)?.odk.unwrap_or_default();
    if let Some(pulled) = known.pulled {
        return look(worker, connector, folder, pulled).await;
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
    let gate = worker.gates.of(&connector.mts_url);
    // Unwrap safety: the semaphore is never closed.
    let _room = gate.room.acquire().await.expect("never closed");
    let window = known.window(form, worker.settings.overlap, worker.clock.now());
    let pull = Pull { form, window, mapping: connector.mapping.to_json(), language: &connector.language };
    let began = Instant::now();
    let answer = worker.mts.pull(&connector.mts_url, &pull, worker.clock.now(), PATIENCE).await;
    match answer {
        Ok(id) => {
            worker.breakers.succeeded(&Remote::Access(connector.mts_url.clone()));
            worker.breakers.succeeded(&Remote::Mts(connector.mts_url.clone()));
            worker.breakers.succeeded(&Remote::Submission(connector.id));
            let milliseconds = began.elapsed().as_millis() as u64;
            tracing::debug!(connector = %connector.id, request_identifier = %id, milliseconds, "submissions pulled");
            taken(worker, connector, window, id, gate.expected(MOST as u64)).await?;
        }
        Err(SubmitError::NotTaken(Blame::Refused { code: Some(code), .. })) if code.as_str() == NOTHING => {
            worker.breakers.succeeded(&Remote::Access(connector.mts_url.clone()));
            worker.breakers.succeeded(&Remote::Mts(connector.mts_url.clone()));
            worker.breakers.succeeded(&Remote::Submission(connector.id));
            tracing::debug!(connector = %connector.id, "MTS finds no submissions");
            counter!("omc_odk_pulls_total", "outcome" => "nothing").increment(1);
            over(worker, connector, window, None).await?;
        }
        Err(error) => {
            counter!("omc_odk_pulls_total", "outcome" => "failed").increment(1);
            let (remote, trouble) = trouble(connector, &error);
            worker.breakers.failed(&remote, &trouble, worker.jitter(), worker.steady.now());
        }
    }
    Ok(Progress::Worked)
}

/// Whose fault it is that MTS did not pull.
fn trouble(connector: &Connector, error: &SubmitError) -> (Remote, String) {
    match error {
        SubmitError::NotTaken(Blame::Failed(code)) => (
            Remote::Submission(connector.id),
            format!(
                "MTS could not pull from ODK Central (HTTP 500, {code}): check odk_base_url, odk_email and odk_password, that MTS \
                 reaches ODK Central, and that every mapped answer is a text"
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
    batch.delivery = Delivery::Download(FileForm::Json);
    batch.accepted(request_identifier, &patience, now);
    keep(worker, connector, Some(Pulled { window, batch })).await?;
    worker.store.sync().await?;
    counter!("omc_odk_pulls_total", "outcome" => "taken").increment(1);
    Ok(())
}

async fn keep(worker: &Worker, connector: &Connector, pulled: Option<Pulled>) -> Result<(), Halt> {
    let id = connector.id;
    let kept = worker.store.change(move |change| {
        let mut cursor = change.cursor(id)?;
        cursor.odk = Some(Cursor { pulled, ..cursor.odk.unwrap_or_default() });
        change.put_cursor(id, &cursor)
    });
    Ok(kept.await?)
}

/// Looks how far MTS is with a window, and takes its results.
async fn look(worker: &Worker, connector: &Connector, folder: &Path, mut pulled: Pulled) -> Result<Progress, Halt> {
    worker.pass(&[Remote::WriteBack(connector.id)])?;
    let patience = worker.settings.patience;
    if pulled.batch.check_at > worker.steady.now() && pulled.batch.check_at <= worker.steady.now() + limit(worker) {
        return Ok(Progress::Idle(Some(pulled.batch.check_at)));
    }
    let crate::domain::batch::Answer::Accepted(id) = pulled.batch.answer.clone() else {
        keep(worker, connector, None).await?;
        return Ok(Progress::Worked);
    };
    let url = pulled.batch.mts_url.clone();
    let status = worker.mts.status(&url, &id).await.ok();
    let now = worker.steady.now();
    let mut verdict = match status {
        Some(status) => pulled.batch.judge(status, false, &patience, now),
        None => pulled.batch.judge_unanswered(&patience, now),
    };
    if status == Some(Status::Processed) && verdict == Verdict::Wait {
        match worker.mts.file_of_any(&url, &id, MOST).await {
            Ok(rows) => return results(worker, connector, folder, pulled, &rows).await,
            Err(FileError::Misfit | FileError::TooLong) => {
                let trouble = "more submissions came in at once than OMC takes (50000); set a later start_datetime";
                worker.breakers.failed(&Remote::Delivery(connector.id), trouble, worker.jitter(), now);
            }
            Err(error) => {
                tracing::debug!(connector = %connector.id, %error, "the file of submissions is not there yet")
            }
        }
        verdict = pulled.batch.judge_file(Fetched::NotYet, &patience, worker.steady.now());
    }
    match verdict {
        Verdict::Wait => {
            let again = pulled.batch.check_at;
            keep(worker, connector, Some(pulled)).await?;
            Ok(Progress::Idle(Some(again)))
        }
        Verdict::Lost(_) => {
            tracing::warn!(connector = %connector.id, "MTS has lost the results of submissions; they are pulled again");
            let trouble = "MTS loses the results of submissions, or gives no file of them";
            worker.breakers.failed(&Remote::Delivery(connector.id), trouble, worker.jitter(), worker.steady.now());
            keep(worker, connector, None).await?;
            Ok(Progress::Worked)
        }
    }
}

/// Nothing is waited for longer: the time of a store that was moved may be another.
fn limit(worker: &Worker) -> chrono::TimeDelta {
    crate::domain::retry::delta(worker.settings.patience.interval.max(Duration::from_secs(10)))
}

/// Writes the results of a window, which is read then.
async fn results(
    worker: &Worker,
    connector: &Connector,
    folder: &Path,
    pulled: Pulled,
    rows: &[Row],
) -> Result<Progress, Halt> {
    let answers: Vec<Answer> = rows.iter().map(answer).collect();
    let system = answers.iter().find_map(|answer| match answer {
        Answer::Error(code) if code.class() == Class::System => Some(code),
        _ => None,
    });
    if let Some(code) = system {
        // Of everybody: none of these is a result. They are pulled again.
        submit::authentication_fails(worker, &connector.mts_url, code.as_str(), worker.steady.now());
        keep(worker, connector, None).await?;
        return Ok(Progress::Worked);
    }
    let path = folder.join(name(connector, pulled.window.end));
    let text = Personal::new(text(rows, &answers));
    let written = tokio::task::spawn_blocking(move || replace_file(&path, &text)).await;
    if let Err(error) = written.unwrap_or_else(|_| Err(std::io::ErrorKind::Interrupted.into())) {
        let trouble = format!("cannot write results into odk.folder: {}", error.kind());
        let remote = Remote::WriteBack(connector.id);
        worker.breakers.failed(&remote, &trouble, worker.jitter(), worker.steady.now());
        return Ok(Progress::Worked);
    }
    worker.breakers.succeeded(&Remote::WriteBack(connector.id));
    submit::authentication_works(worker, connector.id, &connector.mts_url);
    let tokens = answers.iter().filter(|answer| matches!(answer, Answer::Token { .. })).count() as u64;
    let all = answers.len() as u64;
    counter!("omc_odk_results_total", "outcome" => "token").increment(tokens);
    counter!("omc_odk_results_total", "outcome" => "error").increment(all - tokens);
    tracing::info!(connector = %connector.id, submissions = all, tokens, "results of submissions written");
    let counters = Counters { found: all, submitted: all, tokens, rejected: all - tokens, ..Counters::default() };
    over(worker, connector, pulled.window, Some(counters)).await?;
    Ok(Progress::Worked)
}

/// A window is through. With results it counts as read.
async fn over(worker: &Worker, connector: &Connector, window: Window, counters: Option<Counters>) -> Result<(), Halt> {
    let (id, wall) = (connector.id, worker.clock.now());
    worker
        .store
        .change(move |change| {
            let mut cursor = change.cursor(id)?;
            let known = cursor.odk.unwrap_or_default();
            let read_until = if counters.is_some() { Some(window.end) } else { known.read_until };
            cursor.odk = Some(Cursor { read_until, pulled: None });
            change.put_cursor(id, &cursor)?;
            // Whoever asked before the window ended has what was asked for; the first of them shows the numbers.
            let asked = |run: &crate::domain::run::Run| {
                run.connector == id && run.phase == Phase::Pulling && run.started <= window.end
            };
            let runs: Vec<_> = change.runs().filter(|run| asked(run)).cloned().collect();
            let mut counters = counters;
            for mut run in runs {
                run.counters = counters.take().unwrap_or_default();
                run.phase = Phase::Settling;
                run.settle(wall);
                change.put_run(run);
            }
            Ok(())
        })
        .await?;
    worker.store.sync().await?;
    Ok(())
}

fn answer(row: &Row) -> Answer {
    Answer::of(row.status.as_deref(), row.code.as_deref(), row.token.clone(), None)
}

/// The file of a window: the same again if it is written again.
fn name(connector: &Connector, end: DateTime<Utc>) -> PathBuf {
    PathBuf::from(format!("odk-{}-{}.csv", connector.id, end.format("%Y%m%dT%H%M%S%3fZ")))
}

fn text(rows: &[Row], answers: &[Answer]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = ["vid", "token", "status", "errorCode", "errorMessage"];
    let lines = rows.iter().zip(answers).map(|(row, answer)| {
        let vid = row.vid.as_ref().map_or("", |vid| vid.expose().as_str());
        let invalid = row.status.as_deref() == Some("invalid");
        match answer {
            Answer::Token { token, .. } => [vid, token.expose().as_str(), "processed", "", ""],
            Answer::Error(code) => {
                [vid, "", if invalid { "invalid" } else { "error" }, code.as_str(), Code::reason(code)]
            }
        }
    });
    let written = std::iter::once(header).chain(lines).try_for_each(|line| writer.write_record(line));
    // Unwrap safety: lines of five texts go into memory.
    written.expect("in memory");
    // Unwrap safety: as above.
    let bytes = writer.into_inner().expect("in memory");
    String::from_utf8(bytes).unwrap_or_default()
}
