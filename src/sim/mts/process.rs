//! A worker process: its queue in memory, the loop that answers HTTP, and the thread that works the queue off.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::connection::Cut;
use super::csv_text::CsvWriter;
use super::delivery::{Delivery, End};
use super::json;
use super::ledger::Working;
use super::line::{Crash, Line};
use super::request_table::Status;
use super::simulator::Simulator;
use super::token_request::{Output, TokenRequest};

/// For so long, in microseconds, a download is cut at most: twice.
const LONGEST_WINDOW: u64 = 200_000;
/// Downloads are written in blocks of this size.
const BLOCK: usize = 8192;

/// A request in the queue.
pub struct Job {
    pub id: String,
    pub request: TokenRequest,
    pub lines: Vec<Line>,
    pub working: Arc<Working>,
    /// Told when the job is over, dropped when it is lost.
    pub done: oneshot::Sender<()>,
}

#[derive(Debug)]
pub struct Process {
    pub worker: usize,
    /// The time of its start, which all its answers give as theirs.
    pub started: String,
    /// Cancelled when it dies.
    pub stop: CancellationToken,
    pub queue: mpsc::UnboundedSender<Job>,
    /// Held by the POST that is being validated: nothing else is answered meanwhile.
    pub turn: tokio::sync::Mutex<()>,
    pub posts_waiting: AtomicUsize,
    connections: Mutex<Vec<Weak<Cut>>>,
}

impl Process {
    /// Starts a process; its worker task ends with it.
    pub fn start(simulator: &Arc<Simulator>, worker: usize, now: DateTime<Utc>) -> Arc<Self> {
        let (queue, jobs) = mpsc::unbounded_channel();
        let process = Arc::new(Self {
            worker,
            started: now.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            stop: simulator.stop.child_token(),
            queue,
            turn: tokio::sync::Mutex::new(()),
            posts_waiting: AtomicUsize::new(0),
            connections: Mutex::new(Vec::new()),
        });
        let work = work(simulator.clone(), process.clone(), jobs);
        tokio::spawn(process.stop.clone().run_until_cancelled_owned(work));
        process
    }

    /// Takes a connection in; it is cut when the process dies.
    pub fn adopt(&self, cut: &Arc<Cut>) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.len() == connections.capacity() {
            connections.retain(|c| c.strong_count() > 0);
        }
        connections.push(Arc::downgrade(cut));
    }

    /// Dies: the queue is lost and its connections are cut.
    pub fn kill(&self) {
        self.stop.cancel();
        for cut in self.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            cut.upgrade().inspect(|cut| cut.with_process());
        }
    }

    /// Waits for its turn in the process's loop.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// An answer is written only when the loop comes round: POSTs that wait already are validated before it.
    pub async fn let_others_go_first(&self) {
        if self.posts_waiting.load(Ordering::Relaxed) > 0 {
            drop(self.turn.lock().await);
        }
    }
}

async fn work(simulator: Arc<Simulator>, process: Arc<Process>, mut jobs: mpsc::UnboundedReceiver<Job>) {
    while let Some(mut job) = jobs.recv().await {
        if let Err(Crash) = process_job(&simulator, &process, &mut job).await {
            // Segmentation fault: the queue goes, the status stays as it is, a new process takes over.
            simulator.replace(process.worker);
            return;
        }
        // Nobody may be waiting.
        _ = job.done.send(());
    }
}

async fn process_job(simulator: &Arc<Simulator>, process: &Process, job: &mut Job) -> Result<(), Crash> {
    // Cleaned up while it was queued: nobody will hear of it.
    let Some(status) = simulator.table().status(&job.id) else {
        return Ok(());
    };
    if status == Status::Submitted {
        simulator.table().set_status(&job.id, Status::Processing);
        simulator.pace(job.lines.len()).await;
        for (i, line) in job.lines.iter_mut().enumerate() {
            line.authenticate(&simulator.options.partner_id, simulator.options.tokens);
            if i % 64 == 63 {
                tokio::task::yield_now().await;
            }
        }
    }
    let failed = job.lines.iter().any(Line::failed);
    let status = if failed { Status::ProcessedWithErrors } else { Status::Processed };
    let Some(properties) = &job.request.callback else {
        return write_download(simulator, job, status).await;
    };
    simulator.table().set_status(&job.id, status);
    let Job { request, lines, working, .. } = &*job;
    let stop = &process.stop;
    match (Delivery { simulator, stop, request, properties, lines, working }).run().await {
        Ok(()) => Ok(()),
        Err(End::Failed) => {
            simulator.table().set_status(&job.id, Status::CallbackFailed);
            Ok(())
        }
        Err(End::Crash) => Err(Crash),
    }
}

/// The file grows while the status says `processed` already: whoever reads it in that time gets a part.
async fn write_download(simulator: &Arc<Simulator>, job: &Job, status: Status) -> Result<(), Crash> {
    {
        let mut table = simulator.table();
        table.set_file(&job.id, "", false);
        table.set_status(&job.id, status);
    }
    let window = Duration::from_micros((500 * job.lines.len() as u64).min(LONGEST_WINDOW));
    tokio::time::sleep(window).await;
    let release = simulator.options.release;
    let rows = job.lines.iter().map(|line| line.formatted(&job.request.format, release));
    let text = match job.request.output {
        Output::Json => {
            let mut text = String::from("[");
            for (i, row) in rows.enumerate() {
                text.push_str(if i == 0 { "" } else { "," });
                json::write(&row?, &mut text);
            }
            text + "]"
        }
        Output::Csv => {
            let mut csv = CsvWriter::default();
            for row in rows {
                if csv.row(&row?).is_err() {
                    simulator.table().set_status(&job.id, Status::DownloadFailed);
                    return Ok(());
                }
            }
            csv.finish()
        }
    };
    let part = text.len() / BLOCK / 2 * BLOCK;
    if part > 0 {
        // A block may end within a letter; the files of these requests are ASCII but for csv, where the cut moves.
        let part = (0..=part).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        simulator.table().set_file(&job.id, &text[..part], false);
        tokio::time::sleep(window).await;
    }
    simulator.table().set_file(&job.id, &text, true);
    Ok(())
}
