//! Importing a CSV file: auth data that did not come from the registry.
//!
//! Where rows are registrants', each is matched to its registrant by an ID, and the token goes into the registry by the same
//! write-back as every other (`registrants`).
//!
//! A command of its own beside the daemon, without the daemon's store: a file is surveyed whole, its rows go to MTS in chunks, by
//! download delivery, and each gets its line in a result file, in the file's order. How far it has come stands in a journal
//! beside the result file (`journal`), so that a start after a kill goes on where it was, and asks MTS for what it had been given.

mod chunk;
mod columns;
mod deeds;
mod draft;
mod input;
mod journal;
mod own;
mod registrants;
mod rivals;
mod server;
mod text;
mod verdict;

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use url::Url;

use chunk::{Chunk, Desk, Line};
pub use columns::{Assignment, Columns, Match, Unfit, Wanted};
pub use deeds::Tell;
use draft::Draft;
pub use draft::Shape;
pub use input::{Form, InputError};
use input::{Row, Rows, Survey};
use journal::Journal;
pub use journal::JournalError;
pub use registrants::Registrants;
pub use server::{Manners, Server};
use verdict::Verdict;
pub use verdict::{Count, Tally};

use crate::domain::code::Code;
use crate::domain::connector::Connector;
use crate::domain::portable;
use crate::domain::preflight;
use crate::domain::shape::Demographics;
use crate::domain::vid_rules::{Standing, Treatment, VidRules};
use crate::mts::Blame;
use crate::odoo;
use crate::seal::Personal;

/// Chunks under way at once: while MTS works on one, others are taken in and fetched.
const AT_ONCE: usize = 4;

/// What is to be imported, and where its results go.
#[derive(Debug)]
pub struct Request {
    pub form: Form,
    pub wanted: Wanted,
    pub output: PathBuf,
    /// What an earlier start has done counts no more.
    pub restart: bool,
    pub shape: Shape,
    /// Rows in one POST.
    pub batch_size: u32,
    /// What else decides what becomes of a row: an import is taken up with the same only.
    pub terms: String,
    /// How VIDs are looked at before they are sent.
    pub rules: VidRules,
}

/// Why an import did not come to its end. What it has done is kept, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{path}: {cause}")]
    Output { path: PathBuf, cause: io::Error },
    #[error("{0} is there already; move it away, or name another file with --output")]
    OutputThere(PathBuf),
    #[error("{0}")]
    Refused(Blame),
    #[error("nothing came of it for too long at {url}: {trouble}. The same command goes on from here")]
    Stuck { url: Url, trouble: String },
    #[error(transparent)]
    Odoo(#[from] odoo::Error),
    #[error("stopped; the same command goes on from here")]
    Asked,
}

/// What came of an import.
#[derive(Debug)]
pub struct Summary {
    pub rows: u64,
    pub tally: Tally,
}

/// How far it has come: rows with a verdict, and rows of the file.
pub type Progress<'a> = &'a dyn Fn(u64, u64);

/// Beside the result file: how far the import has come.
pub fn journal_of(output: &Path) -> PathBuf {
    beside(output, "omc-state")
}

/// Beside the result file: what is written of it.
pub fn draft_of(output: &Path) -> PathBuf {
    beside(output, "omc-draft")
}

fn beside(output: &Path, ending: &str) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    output.with_file_name(name)
}

/// Imports a file to its end, from where an earlier start left off.
pub async fn run(
    request: &Request,
    connector: &Connector,
    server: &Server,
    registrants: Option<&Registrants<'_>>,
    stop: &CancellationToken,
    progress: Progress<'_>,
) -> Result<Summary, Stop> {
    let Request { form, wanted, output, shape, .. } = request;
    let survey = input::survey(form, wanted)?;
    progress(0, survey.rows);
    let (journal, known) = begin(request, &survey)?;
    let unwritten = |cause| Stop::Output { path: draft_of(output), cause };
    let size = known.chunk as usize;
    if known.done * size as u64 >= survey.rows && input::is_there(output) && !input::is_there(&draft_of(output)) {
        // Killed when all was done but this.
        journal.remove()?;
        return Ok(Summary { rows: survey.rows, tally: known.tally });
    }
    let mut draft = Draft::open(&draft_of(output), *shape, known.bytes).map_err(unwritten)?;
    let (mut tally, journal) = (known.tally, Mutex::new(journal));
    let connector = Connector { mapping: survey.columns.mapping(), ..without_formats(connector) };
    let desk = Desk { server, journal: &journal };
    let mut rows = input::body(form, survey.delimiter)?;
    for _ in 0..known.done * size as u64 {
        rows.next(survey.columns.count)?;
    }
    progress(tally.rows(), survey.rows);
    let ended = {
        let (sendings, writing) = (RefCell::new(known.sendings), RefCell::new(known.writing));
        let mut number = known.done;
        let source = std::iter::from_fn(|| {
            if stop.is_cancelled() {
                return None;
            }
            let chunk = read(&mut rows, &survey, &connector, &request.rules, size, number).transpose()?;
            number += 1;
            Some(chunk)
        });
        let work = |chunk: Result<Chunk, InputError>| async {
            let mut chunk = chunk?;
            let sendings = sendings.borrow_mut().remove(&chunk.number).unwrap_or_default();
            let writing = writing.borrow_mut().remove(&chunk.number).unwrap_or_default();
            if let Some(registrants) = registrants {
                registrants.find(&mut chunk.lines, server).await?;
            }
            desk.seed(&mut chunk, sendings).await?;
            if let Some(registrants) = registrants {
                desk.announce(&chunk, registrants)?;
                registrants.write(&mut chunk.lines, server).await?;
                registrants.tell(&chunk.lines, &writing, server).await?;
            }
            Ok::<Chunk, Stop>(chunk)
        };
        let mut chunks = std::pin::pin!(stream::iter(source).map(work).buffered(AT_ONCE));
        let mut ended: Result<(), Stop> = Ok(());
        // To the end also after a failure: of a request that is under way the answer is worth waiting for.
        while let Some(done) = chunks.next().await {
            let kept = match (&ended, done) {
                (Err(_), _) => continue,
                (Ok(()), done) => done.and_then(|chunk: Chunk| {
                    chunk.lines.iter().for_each(|line| {
                        line.verdict.iter().for_each(|verdict| tally.add(line.number, verdict));
                    });
                    let bytes = draft.write(&chunk.lines).map_err(unwritten)?;
                    desk.journal().done(chunk.number, bytes, &tally)?;
                    progress(tally.rows(), survey.rows);
                    Ok(())
                }),
            };
            if kept.is_err() {
                stop.cancel();
                ended = kept;
            }
        }
        ended
    };
    ended?;
    if stop.is_cancelled() && tally.rows() < survey.rows {
        return Err(Stop::Asked);
    }
    if rows.digest() != survey.digest || tally.rows() != survey.rows {
        return Err(InputError::Changed(form.path.clone()).into());
    }
    draft.finish(output).map_err(|cause| Stop::Output { path: output.clone(), cause })?;
    journal.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).remove()?;
    Ok(Summary { rows: survey.rows, tally })
}

/// Opens the journal of this import, or begins one.
fn begin(request: &Request, survey: &Survey) -> Result<(Journal, journal::Progress), Stop> {
    let Request { output, form, shape, batch_size, terms, restart, .. } = request;
    let path = journal_of(output);
    // Beside a finished import there is its journal, if it was killed then, and no draft.
    if input::is_there(output) && (*restart || !input::is_there(&path) || input::is_there(&draft_of(output))) {
        return Err(Stop::OutputThere(output.clone()));
    }
    let (digest, delimiter) = (input::hex(&survey.digest), char::from(survey.delimiter));
    let columns = survey.columns.text();
    let job = json!([digest, form.encoding.name(), delimiter, columns, format!("{shape:?}"), terms]);
    let job = input::hex(&Sha256::digest(job.to_string()));
    Ok(Journal::open(&path, &job, *batch_size, *restart)?)
}

/// The connector's formats are for what comes from the registry.
fn without_formats(connector: &Connector) -> Connector {
    Connector { input_format: None, output_format: None, ..connector.clone() }
}

/// The next rows of the file; `None` after the last.
fn read(
    rows: &mut Rows,
    survey: &Survey,
    connector: &Connector,
    rules: &VidRules,
    size: usize,
    number: u64,
) -> Result<Option<Chunk>, InputError> {
    let (columns, mut lines) = (&survey.columns, Vec::new());
    while lines.len() < size {
        let Some(row) = rows.next(columns.count)? else { break };
        let mut line = line(row, columns, connector, rules);
        // Two VIDs for one person: neither goes to MTS, or which of them wins would be chance.
        if line.verdict.is_none() && line.matched.as_ref().is_some_and(|id| survey.rivals.has(id.expose())) {
            line.verdict = Some(Verdict::refused("unmatched", registrants::RIVALS));
        }
        lines.push(line);
    }
    Ok((!lines.is_empty()).then_some(Chunk { number, lines }))
}

/// A row as MTS is to get it, or the verdict that MTS would give.
fn line(row: Row, columns: &Columns, connector: &Connector, rules: &VidRules) -> Line {
    let vid = columns.vid(&row.cells).to_owned();
    let made = Demographics::from_input_format(Some(Value::Object(columns.record(&row.cells))))
        .and_then(|demographics| demographics.into_auth_data(&vid, connector))
        .and_then(|data| preflight::check(&data, &connector.mapping, &connector.mandatory).map(|()| data))
        .and_then(|data| match rules.doubt(&vid, Standing::default()) {
            Some((doubt, Treatment::Refuse)) => Err(doubt.code()),
            _ => Ok(data),
        });
    let (record, verdict) = match made {
        Ok(data) => (Some(Personal::new(portable::record(&data, &connector.mapping))), None),
        Err(code) => (None, Some(Verdict::refused("invalid", Code::clone(&code)))),
    };
    let matched = columns.matched(&row.cells).map(|id| Personal::new(id.to_owned()));
    Line { number: row.line, vid: Personal::new(vid), matched, holder: None, record, verdict, vid_removed: false }
}
