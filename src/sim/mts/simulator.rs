//! What the parts of the simulator share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::faults::{Change, Faults};
use super::ledger::Ledger;
use super::process::Process;
use super::request_table::RequestTable;
use super::sender::Sender;
use super::{Options, Release};
use crate::clock::Clock;

#[derive(Debug)]
pub struct Simulator {
    pub options: Options,
    pub clock: Arc<dyn Clock>,
    pub dice: Dice,
    pub sender: Sender,
    pub ledger: Arc<Ledger>,
    /// Cancelled at shutdown.
    pub stop: CancellationToken,
    pub requests: AtomicU64,
    pub records: AtomicU64,
    pub callbacks_sent: AtomicU64,
    /// Calls that the gateway let not through.
    pub turned_away: AtomicU64,
    faults: Mutex<Faults>,
    table: Mutex<RequestTable>,
    processes: Mutex<Vec<Arc<Process>>>,
    accepted: AtomicUsize,
    restarts: AtomicU64,
}

impl Simulator {
    /// Starts the worker processes.
    pub fn start(options: Options, clock: Arc<dyn Clock>) -> Arc<Self> {
        let now = clock.now();
        let cleans_from = (options.release == Release::V1_1).then_some(now);
        let workers = options.workers.max(1);
        let simulator = Arc::new(Self {
            dice: Dice::new(options.seed),
            sender: Sender::trusting(options.trusted.clone()),
            options,
            clock,
            ledger: Arc::default(),
            stop: CancellationToken::new(),
            requests: AtomicU64::new(0),
            records: AtomicU64::new(0),
            callbacks_sent: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            faults: Mutex::default(),
            table: Mutex::new(RequestTable::new(cleans_from)),
            processes: Mutex::default(),
            accepted: AtomicUsize::new(0),
            restarts: AtomicU64::new(0),
        });
        *simulator.processes() = (0..workers).map(|worker| Process::start(&simulator, worker, now)).collect();
        simulator
    }

    fn processes(&self) -> MutexGuard<'_, Vec<Arc<Process>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn next_process(&self) -> Arc<Process> {
        let processes = self.processes();
        processes[self.accepted.fetch_add(1, Ordering::Relaxed) % processes.len()].clone()
    }

    /// Puts a new process in the place of one that dies.
    pub fn replace(self: &Arc<Self>, worker: usize) {
        let new = Process::start(self, worker, self.clock.now());
        let old = std::mem::replace(&mut self.processes()[worker], new);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        old.kill();
    }

    /// Cuts every connection, at shutdown.
    pub fn cut_all(&self) {
        self.processes().iter().for_each(|process| process.kill());
    }

    pub fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn change_faults(self: &Arc<Self>, change: Change) -> Faults {
        let restart = change.restart;
        change.apply(&mut self.faults.lock().unwrap_or_else(PoisonError::into_inner));
        if restart {
            (0..self.options.workers.max(1)).for_each(|worker| self.replace(worker));
        }
        self.faults()
    }

    /// The table of requests, cleaned up to now.
    pub fn table(&self) -> MutexGuard<'_, RequestTable> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.clean(self.clock.now());
        table
    }

    /// Takes the time that so many records take.
    pub async fn pace(&self, records: usize) {
        let micros = self.options.record_micros.saturating_mul(records as u64);
        if micros > 0 {
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
    }

    pub fn state(&self) -> Value {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "requests": get(&self.requests),
            "records": get(&self.records),
            "callbacks_sent": get(&self.callbacks_sent),
            "queued": self.ledger.requests(),
            "resubmitted_while_working": self.ledger.resubmitted(),
            "turned_away": get(&self.turned_away),
            "restarts": get(&self.restarts),
        })
    }
}
