//! A window that MTS has taken, until its results are where they go.

use std::path::Path;
use std::time::Duration;

use metrics::counter;

use super::{MOST, change, read, result_file};
use crate::domain::batch::{Answer as Taken, Cause, Fetched, Patience, Status, Verdict};
use crate::domain::code::Class;
use crate::domain::connector::Connector;
use crate::domain::delivery::Delivery;
use crate::domain::odk::Pulled;
use crate::domain::run::Counters;
use crate::intake::Answer;
use crate::mts::{FileError, Row};
use crate::seal::{Personal, replace_file};
use crate::worker::{Halt, Progress, Remote, Worker, elsewhere, submit};

/// Looks how far MTS is with a window, and takes its results.
pub(super) async fn look(worker: &Worker, connector: &Connector, mut pulled: Pulled) -> Result<Progress, Halt> {
    let called_in = pulled.batch.delivery == Delivery::Elsewhere;
    worker.pass(&[Remote::WriteBack(connector.id)])?;
    let patience = if called_in { elsewhere::patience(worker, &pulled.batch)? } else { worker.settings.patience };
    if pulled.batch.check_at > worker.steady.now() && pulled.batch.check_at <= worker.steady.now() + limit(&patience) {
        return Ok(Progress::Idle(Some(pulled.batch.check_at)));
    }
    let Taken::Accepted(id) = pulled.batch.answer.clone() else {
        forget(worker, connector).await?;
        return Ok(Progress::Worked);
    };
    let url = pulled.batch.mts_url.clone();
    let status = worker.mts.status(&url, &id).await.ok();
    let now = worker.steady.now();
    let mut verdict = match status {
        Some(status) => pulled.batch.judge(status, false, &patience, now),
        None => pulled.batch.judge_unanswered(&patience, now),
    };
    if status == Some(Status::Processed) && verdict == Verdict::Wait && !called_in {
        match worker.mts.file_of_any(&url, &id, MOST).await {
            Ok(rows) => return results(worker, connector, pulled, &rows).await,
            Err(FileError::Misfit | FileError::TooLong) => return too_many(worker, connector, pulled).await,
            Err(error) => {
                tracing::debug!(connector = %connector.id, %error, "the file of submissions is not there yet")
            }
        }
        verdict = pulled.batch.judge_file(Fetched::NotYet, &patience, worker.steady.now());
    }
    match verdict {
        Verdict::Wait => {
            let again = pulled.batch.check_at;
            change(worker, connector, move |cursor| cursor.pulled = Some(pulled)).await?;
            Ok(Progress::Idle(Some(again)))
        }
        Verdict::Lost(Cause::Delivery) if called_in => delivered(worker, connector, pulled).await,
        Verdict::Lost(_) => {
            let trouble = match status {
                Some(Status::Failed) if called_in => {
                    "MTS could not call the connector's callback URL: check it, its login and its timeout. The submissions are pulled \
                     again, and those that were called in before are called in once more"
                }
                _ => "MTS loses the results of submissions, or gives no file of them",
            };
            tracing::warn!(connector = %connector.id, "MTS has lost the results of submissions; they are pulled again");
            worker.breakers.failed(&Remote::Delivery(connector.id), trouble, worker.jitter(), worker.steady.now());
            forget(worker, connector).await?;
            Ok(Progress::Worked)
        }
    }
}

/// It is pulled again.
async fn forget(worker: &Worker, connector: &Connector) -> Result<(), Halt> {
    change(worker, connector, |cursor| cursor.pulled = None).await
}

/// Nothing is waited for longer: the time of a store that was moved may be another.
fn limit(patience: &Patience) -> chrono::TimeDelta {
    crate::domain::retry::delta(patience.interval.max(Duration::from_secs(10)))
}

/// A window whose results OMC does not hold in its memory is pulled again in halves.
async fn too_many(worker: &Worker, connector: &Connector, pulled: Pulled) -> Result<Progress, Halt> {
    let window = pulled.window;
    let halved = change(worker, connector, move |cursor| {
        cursor.pulled = None;
        cursor.too_many(window)
    });
    if halved.await? {
        tracing::info!(connector = %connector.id, most = MOST, "too many submissions at once; they are pulled in halves");
    } else {
        let trouble = "more submissions came in one moment than OMC takes (50000); set a later start_datetime";
        worker.breakers.failed(&Remote::Delivery(connector.id), trouble, worker.jitter(), worker.steady.now());
    }
    Ok(Progress::Worked)
}

/// MTS says that it is through, and has not said for a time that it failed to call anybody: more can nobody know but who is called.
async fn delivered(worker: &Worker, connector: &Connector, pulled: Pulled) -> Result<Progress, Halt> {
    worker.breakers.succeeded(&Remote::Delivery(connector.id));
    let to = connector.elsewhere.as_ref().map_or("", |elsewhere| elsewhere.host());
    tracing::info!(
        connector = %connector.id, to,
        "MTS is through with submissions and calls their results in; OMC sees neither how many they are nor whether they arrive"
    );
    counter!("omc_odk_pulls_total", "outcome" => "called_in").increment(1);
    read(worker, connector, pulled.window, Counters::default()).await?;
    Ok(Progress::Worked)
}

/// Writes the results of a window, which is read then.
async fn results(worker: &Worker, connector: &Connector, pulled: Pulled, rows: &[Row]) -> Result<Progress, Halt> {
    let answers: Vec<Answer> = rows.iter().map(answer).collect();
    let system = answers.iter().find_map(|answer| match answer {
        Answer::Error(code) if code.class() == Class::System => Some(code),
        _ => None,
    });
    if let Some(code) = system {
        // Of everybody: none of these is a result. They are pulled again.
        submit::authentication_fails(worker, &connector.mts_url, code.as_str(), worker.steady.now());
        forget(worker, connector).await?;
        return Ok(Progress::Worked);
    }
    let name = result_file::name(connector.id, pulled.window);
    let folder = worker.settings.odk_folder.as_deref().unwrap_or(Path::new(""));
    let path = folder.join(name);
    let text = Personal::new(result_file::text(rows, &answers));
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
    read(worker, connector, pulled.window, counters).await?;
    Ok(Progress::Worked)
}

fn answer(row: &Row) -> Answer {
    Answer::of(row.status.as_deref(), row.code.as_deref(), row.token.clone(), None)
}
