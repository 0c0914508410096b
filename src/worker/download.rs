//! Downloads: the file of a batch that MTS is through with is fetched, held against what was sent, and taken in.
//!
//! A row says nothing of the request that it belongs to but its VID. That the file is the batch's own, MTS vouches for by the
//! request identifier; that a row is a record's, its place in the file and its VID do, both. A file in which any of this does
//! not fit is not taken at all.

use chrono::TimeDelta;

use super::awaiting::{self, Awaiting};
use super::output_format::{self, Given};
use super::{Halt, Remote, Worker, definitions};
use crate::domain::batch::{Batch, Fetched};
use crate::domain::connector::Connector;
use crate::domain::correlation::Correlation;
use crate::domain::delivery::FileForm;
use crate::intake::{Answer, Way};
use crate::mts::{FileError, Row};
use crate::seal::{Personal, Purpose, Seal};

/// Results that are formatted and taken at once: their registrants are read in one call.
const CHUNK: usize = 500;

/// How long a file waits at MTS for the registry that its output format needs. Release 1.1 removes it after six hours at the earliest.
const VALUES_WAIT: TimeDelta = TimeDelta::hours(4);

/// Fetches the file of a batch and takes what is in it.
pub(super) async fn fetch(
    worker: &Worker,
    batch: &Batch,
    request_identifier: &str,
    form: FileForm,
) -> Result<Fetched, Halt> {
    let connector = definitions::kept_one(worker, batch.connector)?;
    let formatting = connector.filter(|connector| connector.output_format.is_some());
    let wanted = formatting.is_some();
    // Not for ever: MTS keeps files for some hours, and a token is worth more than what goes with it.
    let late = worker.steady.now() >= batch.sent_at + VALUES_WAIT;
    let readable = |connector: &Connector| worker.pass(&[Remote::Odoo, Remote::Results(connector.id)]);
    let formatting = match formatting.as_ref().map(readable) {
        Some(Err(Halt::Until(until))) if !late => return Ok(Fetched::Taken { again_at: Some(until) }),
        Some(Err(Halt::Until(_))) => None,
        Some(Err(error)) => return Err(error),
        Some(Ok(())) | None => formatting,
    };
    let fetched = {
        // Unwrap safety: the semaphore is never closed.
        let _turn = worker.gates.fetching.acquire().await.expect("never closed");
        worker.mts.file(&batch.mts_url, request_identifier, form, batch.size as usize).await
    };
    let rows = match fetched {
        Ok(rows) => rows,
        Err(FileError::Silent(why)) => {
            tracing::debug!(batch = batch.id.0, why, "the file of a batch cannot be asked for");
            return Ok(Fetched::Silent);
        }
        Err(error @ (FileError::Misfit | FileError::TooLong)) => return Ok(strange(batch, &error.to_string())),
        Err(FileError::Denied(blame)) => {
            worker.denied(&batch.mts_url, &blame);
            return Ok(Fetched::Silent);
        }
        Err(error) => {
            tracing::debug!(batch = batch.id.0, %error, "the file of a batch is not there yet");
            return Ok(Fetched::NotYet);
        }
    };
    if late && wanted && formatting.is_none() {
        tracing::warn!(
            batch = batch.id.0, connector = %batch.connector,
            "the registry cannot be read; the tokens of a download that is hours old are taken without values"
        );
    }
    let awaiting = awaiting::of(worker, batch)?;
    if let Err(line) = fit(&worker.seal, &awaiting, &rows) {
        return Ok(strange(batch, &format!("its line {} has another VID than the record that was sent", line + 1)));
    }
    let mut again_at = None;
    for chunk in awaiting.chunks(CHUNK) {
        let results = match &formatting {
            None => Ok(plain(batch, chunk, &rows)),
            Some(connector) => formatted(worker, batch, connector, chunk, &rows, &mut again_at).await,
        };
        let results = match results {
            Err(Halt::Until(until)) if !late => return Ok(Fetched::Taken { again_at: Some(until) }),
            Err(Halt::Until(_)) => plain(batch, chunk, &rows),
            results => results?,
        };
        let said = awaiting::intake(worker).take(results, Way::Download).await?;
        awaiting::tell(worker, batch, &said);
        if again_at.is_some() {
            // The rest of an output format that takes its time is for another look, when others had theirs.
            break;
        }
    }
    tracing::debug!(batch = batch.id.0, results = awaiting.len(), "download stored");
    Ok(Fetched::Taken { again_at })
}

fn strange(batch: &Batch, why: &str) -> Fetched {
    tracing::warn!(
        batch = batch.id.0, connector = %batch.connector, why,
        "MTS gives a file that does not fit the batch; nothing of it is taken"
    );
    Fetched::NotYet
}

/// Whether every record's row has the VID that was sent in its place; else the first line that has not. In the row of a record
/// that MTS found invalid there need be none.
fn fit(seal: &Seal, awaiting: &[Awaiting], rows: &[Row]) -> Result<(), usize> {
    for Awaiting { record, nonce, line } in awaiting {
        let attempt = record.attempts.iter().find(|attempt| attempt.nonce == *nonce);
        let (Some(attempt), Some(row)) = (attempt, rows.get(*line)) else { return Err(*line) };
        let fits = match &row.vid {
            Some(vid) => seal.is_digest(Purpose::Vid, vid.expose().as_bytes(), &attempt.vid.0),
            None => row.token.is_none(),
        };
        if !fits {
            return Err(*line);
        }
    }
    Ok(())
}

fn answer(row: &Row, data: Option<serde_json::Value>) -> Answer {
    Answer::of(row.status.as_deref(), row.code.as_deref(), row.token.clone(), data)
}

fn plain(batch: &Batch, chunk: &[Awaiting], rows: &[Row]) -> Vec<(Correlation, Answer)> {
    chunk.iter().map(|awaiting| (awaiting.correlation(batch), answer(&rows[awaiting.line], None))).collect()
}

/// The results with what the connector's output format makes of them; those whose turn did not come are for another look.
async fn formatted(
    worker: &Worker,
    batch: &Batch,
    connector: &Connector,
    chunk: &[Awaiting],
    rows: &[Row],
    again_at: &mut Option<chrono::DateTime<chrono::Utc>>,
) -> Result<Vec<(Correlation, Answer)>, Halt> {
    let Some(format) = &connector.output_format else { return Ok(plain(batch, chunk, rows)) };
    let given: Vec<Given<'_>> = chunk.iter().filter_map(|awaiting| given(awaiting, &rows[awaiting.line])).collect();
    let mut formatted = output_format::over(worker, connector, format, &given).await?;
    if formatted.failed > 0 {
        tracing::warn!(
            batch = batch.id.0, connector = %connector.id, results = formatted.failed,
            "the output format could not be run over these results; their tokens are taken without values"
        );
    }
    if !formatted.untouched.is_empty() {
        *again_at = Some(worker.steady.now());
    }
    let results = chunk.iter().filter(|awaiting| !formatted.untouched.contains(&awaiting.record.key.registrant));
    let results: Vec<&Awaiting> = results.collect();
    let with_data = |awaiting: &Awaiting| {
        let data = formatted.take(awaiting.record.key.registrant);
        (awaiting.correlation(batch), answer(&rows[awaiting.line], data))
    };
    Ok(results.into_iter().map(with_data).collect())
}

/// A row that gives a token.
fn given<'a>(awaiting: &'a Awaiting, row: &'a Row) -> Option<Given<'a>> {
    let (vid, token): (&Personal<String>, _) = (row.vid.as_ref()?, row.token.as_ref()?);
    matches!(answer(row, None), Answer::Token { .. }).then_some(Given { record: &awaiting.record, vid, token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::{BatchId, ConnectorId, IdTypeId, RegistrantId, RunId};
    use crate::domain::opaque::{Digest, Nonce};
    use crate::domain::record::{Attempt, Record, RecordKey, State};
    use chrono::DateTime;

    fn awaiting(seal: &Seal, registrant: u32, line: u32, vid: &str) -> Awaiting {
        let key = RecordKey { token_type: IdTypeId(2), registrant: RegistrantId(registrant) };
        let mut record = Record::admitted(key, ConnectorId(1), RunId(1), DateTime::UNIX_EPOCH);
        let nonce = Nonce([registrant as u8; 12]);
        let vid = Digest(seal.digest(Purpose::Vid, vid.as_bytes()));
        // An older attempt, in another batch.
        let older = Attempt { nonce: Nonce([0; 12]), vid, batch: BatchId(1), line: 99 };
        record.attempts = vec![older, Attempt { nonce, vid, batch: BatchId(2), line }];
        record.state = State::Submitted { batch: BatchId(2) };
        Awaiting { record, nonce, line: line as usize }
    }

    fn row(vid: Option<&str>, token: Option<&str>) -> Row {
        let personal = |text: &str| Personal::new(text.to_owned());
        let code = token.is_none().then(|| "ATS-REQ-010".to_owned());
        Row { vid: vid.map(personal), status: Some("processed".to_owned()), token: token.map(personal), code }
    }

    #[test]
    fn every_row_must_be_of_the_record_in_its_place() {
        let seal = Seal::from_key([7; 32]);
        let sent = [awaiting(&seal, 17, 0, "2041"), awaiting(&seal, 18, 2, "2043")];
        let rows = |vids: [Option<&str>; 3]| vids.map(|vid| row(vid, vid.map(|_| "T")));
        assert_eq!(fit(&seal, &sent, &rows([Some("2041"), Some("2042"), Some("2043")])), Ok(()));
        assert_eq!(fit(&seal, &sent, &rows([Some("2041"), Some("9"), Some("2043")])), Ok(()), "nobody waits for it");
        assert_eq!(fit(&seal, &sent, &rows([Some("2041"), Some("2043"), Some("2042")])), Err(2), "another order");
        assert_eq!(fit(&seal, &sent, &rows([Some("2041"), Some("2042"), None])), Ok(()), "invalid as it came");
        assert_eq!(fit(&seal, &sent, &rows([Some("2041"), None, None])[..2]), Err(2), "a row is missing");
        let mut nameless = rows([Some("2041"), None, Some("2043")]);
        nameless[2].vid = None;
        assert_eq!(fit(&seal, &sent, &nameless), Err(2), "a token without a VID is nobody's");
    }

    #[test]
    fn two_people_with_one_vid_get_a_row_each() {
        let seal = Seal::from_key([7; 32]);
        let sent = [awaiting(&seal, 17, 1, "2041"), awaiting(&seal, 18, 0, "2041")];
        let rows = [row(Some("2041"), Some("T")), row(Some("2041"), None)];
        assert_eq!(fit(&seal, &sent, &rows), Ok(()));
        let batch_id = |awaiting: &Awaiting| matches!(answer(&rows[awaiting.line], None), Answer::Token { .. });
        assert_eq!([batch_id(&sent[0]), batch_id(&sent[1])], [false, true], "by its line");
    }
}
