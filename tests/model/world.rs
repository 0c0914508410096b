//! The daemon's own steps between the scripted servers, on a clock that moves only when told to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use omc::clock::{Clock, ManualClock};
use omc::domain::batch::Patience;
use omc::domain::connector::{Activity, Connector, Model};
use omc::domain::correlation::Correlation;
use omc::domain::delivery::{Delivery, FileForm};
use omc::domain::identity::ConnectorId;
use omc::domain::mapping::Mandatory;
use omc::domain::record::{Record, State};
use omc::domain::retry::Backoff;
use omc::domain::run::{Kind, Phase};
use omc::domain::transition::Event;
use omc::http::callback::{self, Receiver};
use omc::mts::Mts;
use omc::odoo;
use omc::schedule;
use omc::seal::Seal;
use omc::store::{self, Store};
use omc::tls::Trust;
use omc::worker::report::{Condition, Reporter};
use omc::worker::{
    Halt, Progress, Settings, VidConfig, Worker, clean_up, credentials, definitions, pull, reconcile, release, submit,
    write_back,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::mts;
use crate::odoo::{Odoo, PEOPLE, Planned, TOKEN_TYPE, VID_TYPE};
use crate::operation::{History, Op};
use crate::servers::{Script, Servers};

pub const MAX_IN_FLIGHT: u64 = 5;
pub const PAGE: u32 = 3;
const SECOND: i64 = 1_000_000;
const SWEEP: TimeDelta = TimeDelta::hours(24);
/// MTS is given new credentials this often.
const RENEWED: Duration = Duration::from_secs(3600);

/// What is made once for many histories.
pub struct Grounds {
    pub servers: Servers,
    address: String,
    mts: Mts,
    odoo: Arc<odoo::Client>,
    folder: TempDir,
    made: u64,
}

impl Grounds {
    /// Serves both scripted servers on the runtime that it is called on.
    pub async fn new() -> Self {
        // Somebody else may have been first.
        _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let servers = Servers::default();
        tokio::spawn(crate::http::serve(listener, servers.clone()));
        let config = odoo::Config {
            url: Some(address.parse().unwrap()),
            database: "omc".into(),
            username: "omc".into(),
            password: Some("omc".into()),
            ..odoo::Config::default()
        };
        let odoo = Arc::new(odoo::Client::new(&config).unwrap());
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self {
            servers,
            address,
            mts: Mts::new(&Trust::default(), Default::default()).unwrap(),
            odoo,
            folder: folder.unwrap(),
            made: 0,
        }
    }

    /// A folder that was not there before.
    fn new_folder(&mut self) -> PathBuf {
        self.made += 1;
        self.folder.path().join(self.made.to_string())
    }
}

pub struct World<'a> {
    grounds: &'a mut Grounds,
    pub clock: ManualClock,
    seal: Arc<Seal>,
    store: PathBuf,
    worker: Option<Arc<Worker>>,
    connectors: [Connector; 2],
    /// Deleted in Odoo.
    deleted: Vec<Connector>,
    /// Every connector that there ever was, for the receiver.
    roster: Arc<Mutex<Vec<Connector>>>,
    reporter: Reporter,
    held: Option<JoinHandle<bool>>,
}

impl<'a> World<'a> {
    pub async fn new(grounds: &'a mut Grounds, history: &History) -> Self {
        let start = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let mut odoo = Odoo::new(start.timestamp_micros());
        let store = grounds.new_folder();
        let connectors = [1, 2].map(|id| connector(id, &grounds.address, history));
        odoo.filters = connectors.iter().map(|connector| (connector.id.0, connector.filter.terms().to_vec())).collect();
        let roster = Arc::new(Mutex::new(connectors.to_vec()));
        let script = Script::new(odoo, history.door, store.clone());
        grounds.servers.reset(script);
        let seal = Arc::new(Seal::fleeting().unwrap());
        let clock = ManualClock::at(start);
        let reporter = Reporter::default();
        let mut world = Self {
            grounds,
            clock,
            seal,
            store,
            worker: None,
            connectors,
            deleted: Vec::new(),
            roster,
            reporter,
            held: None,
        };
        world.start().await;
        world
    }

    pub fn servers(&self) -> Servers {
        self.grounds.servers.clone()
    }

    pub fn worker(&self) -> Arc<Worker> {
        Arc::clone(self.worker.as_ref().expect("the daemon is up"))
    }

    pub fn connectors(&self) -> &[Connector; 2] {
        &self.connectors
    }

    async fn start(&mut self) {
        let config = store::Config { path: self.store.clone(), key_file: "key".into() };
        let store = Store::open(&config, &self.seal.fingerprints()).expect("what is on disk opens");
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let (seal, odoo) = (Arc::clone(&self.seal), Arc::clone(&self.grounds.odoo));
        let worker = Worker::new(
            store.clone(),
            Arc::clone(&seal),
            clock,
            self.grounds.mts.clone(),
            odoo,
            settings(),
            Arc::default(),
        );
        let worker = Arc::new(worker.unwrap());
        credentials::step(&worker, RENEWED).unwrap();
        let receiver = Receiver {
            store: store.clone(),
            seal,
            steady: worker.steady.clone(),
            backoff: worker.settings.backoff,
            patience: worker.settings.patience,
            max_body: 1024 * 1024,
            on_refusal: Arc::new(|_, _| {}),
            open_to_anybody: Arc::new(|_| false),
            on_delivery: {
                let worker = Arc::downgrade(&worker);
                let roster = Arc::clone(&self.roster);
                Arc::new(move |id, trouble| {
                    let Some(worker) = worker.upgrade() else { return };
                    let known = roster.lock().unwrap().iter().find(|connector| connector.id == id).cloned();
                    let Some(connector) = known else { return };
                    match trouble {
                        Some(code) => submit::authentication_fails(
                            &worker,
                            &connector.mts_url,
                            code.as_str(),
                            worker.steady.now(),
                        ),
                        None => submit::authentication_works(&worker, connector.id, &connector.mts_url),
                    }
                })
            },
        };
        let knows = move |reference: &str| {
            let (correlation, _) = Correlation::from_text(reference).expect("a reference of the daemon's");
            let Ok(Some(record)) = store.record(correlation.key) else { return false };
            let current = record.vid.as_ref().map(|vid| vid.digest);
            let known = |attempt: &omc::domain::record::Attempt| {
                attempt.nonce == correlation.nonce && Some(attempt.vid) == current
            };
            record.attempts.iter().any(known)
        };
        self.grounds.servers.attach(callback::router_within(receiver).await, Arc::new(knows));
        self.worker = Some(worker);
        self.reporter = Reporter::default();
        let mut script = self.grounds.servers.script();
        script.store = self.store.clone();
        script.killed = false;
    }

    /// Lets go of the daemon; nothing of it is left running.
    async fn drop_daemon(&mut self) {
        self.grounds.servers.detach();
        if let Some(held) = self.held.take() {
            held.abort();
            _ = held.await;
            self.grounds.servers.release(false);
        }
        self.worker = None;
    }

    /// Starts anew from what was on disk when it was killed.
    async fn rise_from(&mut self, copy: PathBuf) {
        self.drop_daemon().await;
        _ = std::fs::remove_dir_all(&self.store);
        self.store = copy;
        self.start().await;
        self.prepare_copy();
    }

    fn prepare_copy(&mut self) {
        let folder = self.grounds.new_folder();
        self.grounds.servers.script().copy = folder;
    }

    async fn kill(&mut self) {
        let folder = self.grounds.new_folder();
        copy(&self.store, &folder);
        self.rise_from(folder).await;
    }

    pub async fn end(mut self) {
        self.drop_daemon().await;
        _ = std::fs::remove_dir_all(&self.store);
    }

    /// Carries one operation out, and starts the daemon again where that killed it.
    pub async fn carry_out(&mut self, op: Op) {
        self.prepare_copy();
        self.apply(op).await;
        let killed = {
            let script = self.grounds.servers.script();
            script.killed.then(|| script.copy.clone())
        };
        if let Some(copy) = killed {
            self.rise_from(copy).await;
        }
    }

    async fn apply(&mut self, op: Op) {
        let person = |who: u8| PEOPLE[usize::from(who) % PEOPLE.len()];
        let servers = self.servers();
        match op {
            Op::Tick => self.tick().await,
            Op::Manual(which) => self.begin_by_hand(usize::from(which)),
            Op::Pull(which) => _ = self.step(Step::Pull, usize::from(which)).await,
            Op::Submit(which) => _ = self.step(Step::Submit, usize::from(which)).await,
            Op::Write(which) => _ = self.step(Step::Write, usize::from(which)).await,
            Op::CleanUp(which) => _ = self.step(Step::CleanUp, usize::from(which)).await,
            Op::Report(which) => _ = self.step(Step::Report, usize::from(which)).await,
            Op::Reconcile => self.reconcile().await,
            Op::Round => _ = self.round().await,
            Op::Pass(seconds) => self.pass(u64::from(seconds)),
            Op::SetWall(minutes) => {
                self.clock.step(TimeDelta::minutes(i64::from(minutes)));
                // As the daemon does every minute; what it writes goes to the disk by itself within seconds.
                self.worker().keep_time().unwrap();
                self.worker().store.sync().await.unwrap();
            }
            Op::NextPost(fault) => servers.script().mts.next_post = Some(fault),
            Op::Release(answered) => self.release(answered).await,
            Op::Process(number) => {
                let mut script = servers.script();
                if let Some(job) = script.mts.alive(number).filter(|job| job.state == mts::State::Queued) {
                    job.state = mts::State::Processed;
                }
            }
            Op::Deliver(number, part, twist) => servers.deliver(number, part, twist).await,
            Op::Drop(number) => {
                if let Some(job) = servers.script().mts.alive(number) {
                    job.state = mts::State::Processed;
                    job.pending.clear();
                }
            }
            Op::FailDelivery(number) => {
                if let Some(job) = servers.script().mts.alive(number) {
                    job.state = mts::State::Failed;
                    job.pending.clear();
                }
            }
            Op::MtsRestart(with_database) => {
                // A POST that is held breaks with it.
                self.release(false).await;
                servers.script().mts.restart(with_database);
            }
            Op::NextStatus(fault) => servers.script().mts.next_status = Some(fault),
            Op::NextFile(fault) => servers.script().mts.next_file = Some(fault),
            Op::Forge(forgery, number) => servers.forge(forgery, number).await,
            Op::NextOdoo(nth, fault) => {
                servers.script().odoo.plan = Some(Planned { nth, fault: Some(fault), edit: None });
            }
            Op::EditDuring(nth, who, edit) => {
                servers.script().odoo.plan = Some(Planned { nth, fault: None, edit: Some((who, edit)) });
            }
            Op::Edit(who, edit) => servers.script().odoo.edit(person(who), edit),
            Op::Filter(which, filter) => self.set_filter(usize::from(which), filter),
            Op::Stop(which) => self.set_activity(usize::from(which), Activity::Stopped),
            Op::Start(which) => self.set_activity(usize::from(which), Activity::Started),
            Op::Poison(who) => servers.script().mts.poison = Some(person(who)),
            Op::Unreadable(who) => servers.script().odoo.unreadable = Some(person(who)),
            Op::Cure => {
                let mut script = servers.script();
                (script.mts.poison, script.odoo.unreadable) = (None, None);
            }
            Op::Replace(which) => self.replace(usize::from(which)),
            Op::Requeue => self.requeue(),
            Op::Kill => self.kill().await,
            Op::KillAt(point) => servers.script().kill_at = Some(point),
            Op::Boot(down, behind) => {
                self.kill_and_wait(u64::from(down), i64::from(behind)).await;
            }
            Op::Restart => {
                self.worker().keep_time().unwrap();
                self.worker().store.sync().await.unwrap();
                // From a copy: sled may still let go of the old files when the new ones are opened.
                self.kill().await;
            }
            Op::LoseStore => {
                self.drop_daemon().await;
                _ = std::fs::remove_dir_all(&self.store);
                self.store = self.grounds.new_folder();
                self.seal = Arc::new(Seal::fleeting().unwrap());
                {
                    let mut script = servers.script();
                    script.mts.forgive();
                    script.odoo.acknowledged.clear();
                }
                self.start().await;
            }
        }
    }

    async fn kill_and_wait(&mut self, down: u64, behind: i64) {
        let folder = self.grounds.new_folder();
        copy(&self.store, &folder);
        self.drop_daemon().await;
        self.pass_without_daemon(down);
        self.clock.boot();
        self.clock.step(TimeDelta::minutes(-behind));
        self.rise_from(folder).await;
    }

    /// Time passes, for everybody.
    pub fn pass(&mut self, seconds: u64) {
        self.pass_without_daemon(seconds);
        self.worker().keep_time().unwrap();
    }

    fn pass_without_daemon(&mut self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.grounds.servers.script().odoo.now += i64::try_from(seconds).unwrap() * SECOND;
    }

    /// What the daemon does between its steps: due runs, and letting go of what is stopped.
    pub async fn tick(&mut self) {
        let worker = self.worker();
        for connector in &self.connectors {
            if connector.activity == Activity::Stopped {
                release::waiting(&worker, connector.id).unwrap();
            }
            let definition = definitions::fingerprint(&worker.seal, connector);
            schedule::tick(&worker.store, connector, &definition, SWEEP, self.clock.now()).unwrap();
        }
        for connector in &self.deleted {
            // Odoo may fail when it is asked whether it has a door.
            _ = judged(release::results(&worker, connector.id).await.map(|()| Progress::Idle(None)));
            release::waiting(&worker, connector.id).unwrap();
            if worker.store.counts(connector.id).open() == 0 {
                // Again and again: a kill may have taken it back.
                release::everything(&worker, connector.id).unwrap();
            }
        }
        schedule::forget_runs(&worker.store, 2).unwrap();
    }

    /// What was deleted is written all the same, where it can be.
    async fn write_for_the_deleted(&mut self) {
        let worker = self.worker();
        for connector in self.deleted.clone() {
            judged(write_back::step(&worker, &connector).await);
        }
    }

    /// An administrator deletes a connector, and makes it anew: Odoo gives it another id.
    fn replace(&mut self, which: usize) {
        let connector = &mut self.connectors[which % 2];
        let mut gone = connector.clone();
        gone.activity = Activity::Stopped;
        connector.id = ConnectorId(gone.id.0 + 2);
        let mut script = self.grounds.servers.script();
        script.odoo.filters.remove(&gone.id.0);
        script.odoo.filters.insert(connector.id.0, connector.filter.terms().to_vec());
        script.odoo.acknowledged.clear();
        drop(script);
        self.roster.lock().unwrap().push(connector.clone());
        self.deleted.push(gone);
    }

    pub fn begin_by_hand(&mut self, which: usize) {
        let (worker, connector) = (self.worker(), &self.connectors[which % 2]);
        if connector.activity == Activity::Stopped {
            return;
        }
        let definition = definitions::fingerprint(&worker.seal, connector);
        let (id, now) = (connector.id, self.clock.now());
        let begin =
            |change: &mut store::Change<'_>| schedule::begin(change, id, Kind::Manual, None, None, &definition, now);
        worker.store.change_now(begin).unwrap();
    }

    /// One step of the daemon for one connector; tells whether it did anything.
    pub async fn step(&mut self, step: Step, which: usize) -> bool {
        let (worker, connector) = (self.worker(), self.connectors[which % 2].clone());
        let outcome = match step {
            Step::Pull => pull::step(&worker, &connector).await,
            Step::Write => write_back::step(&worker, &connector).await,
            Step::CleanUp => self.clean_up(&worker).await,
            Step::Report => {
                let told = self.reporter.step(&worker, connector.id, &Condition::default()).await;
                told.map(|_| Progress::Idle(None))
            }
            Step::Submit => return self.submit(worker, connector).await,
        };
        judged(outcome)
    }

    async fn clean_up(&self, worker: &Worker) -> Result<Progress, Halt> {
        let all: Vec<Arc<Connector>> = self.connectors.iter().cloned().map(Arc::new).collect();
        let started: Vec<Arc<Connector>> =
            all.iter().filter(|connector| connector.activity == Activity::Started).cloned().collect();
        for scope in clean_up::scopes(&started, &all) {
            let mut after = Some(0);
            while let Some(from) = after {
                after = clean_up::step(worker, &scope, from).await?;
            }
        }
        Ok(Progress::Idle(None))
    }

    /// The daemon goes on while MTS withholds the answer to its POST; only the next POST to the same MTS must wait.
    async fn submit(&mut self, worker: Arc<Worker>, connector: Connector) -> bool {
        if self.held.as_ref().is_some_and(|held| !held.is_finished()) {
            return false;
        }
        let servers = self.servers();
        let mut task = tokio::spawn(async move { judged(submit::step(&worker, &connector).await) });
        tokio::select! {
            done = &mut task => done.unwrap(),
            () = servers.holding() => {
                self.held = Some(task);
                true
            }
        }
    }

    async fn release(&mut self, answered: bool) {
        let Some(held) = self.held.take() else { return };
        self.grounds.servers.release(answered);
        held.await.unwrap();
    }

    async fn reconcile(&mut self) {
        let worker = self.worker();
        judged(reconcile::reclaim(&worker).await.map(|()| Progress::Idle(None)));
        let open = worker.store.batches();
        worker.gates.learn(|id| open.iter().any(|batch| batch.id == id));
        let mut addresses: Vec<_> = open.into_iter().map(|batch| batch.mts_url).collect();
        addresses.sort();
        addresses.dedup();
        for address in addresses {
            judged(reconcile::step(&worker, &address).await);
        }
        self.servers().downloads_are_stored();
    }

    /// Every step once, for both connectors; tells whether one of them did anything.
    pub async fn round(&mut self) -> bool {
        let mut worked = false;
        self.tick().await;
        for which in 0..2 {
            for step in [Step::Pull, Step::Submit, Step::Write] {
                if !self.grounds.servers.script().killed {
                    worked |= self.step(step, which).await;
                }
            }
        }
        if !self.grounds.servers.script().killed {
            self.write_for_the_deleted().await;
            self.reconcile().await;
        }
        worked
    }

    /// The connectors' activity as an administrator sets it, and the daemon's next look at them.
    pub fn set_activity(&mut self, which: usize, activity: Activity) {
        self.connectors[which % 2].activity = activity;
    }

    fn set_filter(&mut self, which: usize, filter: u8) {
        let connector = &mut self.connectors[which % 2];
        let region = |region: &str| json!([["is_registrant", "=", true], ["region", "=", region]]);
        let terms = match filter % 3 {
            0 => json!([["is_registrant", "=", true]]),
            1 => region("north"),
            _ => region("south"),
        };
        connector.filter = serde_json::from_value(terms).unwrap();
        let filters = (connector.id.0, connector.filter.terms().to_vec());
        self.grounds.servers.script().odoo.filters.extend([filters]);
    }

    /// An administrator opens everything that is refused or given up.
    pub fn requeue(&mut self) {
        let worker = self.worker();
        let closed = |record: &Record| matches!(record.state, State::Rejected { .. } | State::Abandoned { .. });
        let keys: Vec<_> = self.records().iter().filter(|record| closed(record)).map(|record| record.key).collect();
        let open = |change: &mut store::Change<'_>| {
            keys.iter().try_for_each(|key| change.apply(*key, Event::Requeued, &worker.occasion()).map(drop))
        };
        worker.store.change_now(open).unwrap();
    }

    pub fn records(&self) -> Vec<Record> {
        self.worker().store.records().collect::<Result<_, _>>().unwrap()
    }

    /// Whatever was ordered to go wrong does so no more. What is wrong with single people stays.
    pub async fn stop_faults(&mut self) {
        self.release(true).await;
        let mut script = self.grounds.servers.script();
        (script.mts.next_post, script.mts.next_status, script.odoo.plan) = (None, None, None);
        script.mts.next_file = None;
        script.kill_at = None;
        drop(script);
        for which in 0..2 {
            self.set_activity(which, Activity::Started);
        }
    }

    /// Whether a run still pulls.
    pub fn pulls(&self) -> bool {
        self.worker().store.runs().iter().any(|run| run.phase == Phase::Pulling)
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Step {
    Pull,
    Submit,
    Write,
    CleanUp,
    Report,
}

/// A step may have to wait; the store never fails. Tells whether it did anything.
fn judged(outcome: Result<Progress, Halt>) -> bool {
    match outcome {
        Ok(progress) => progress == Progress::Worked,
        Err(Halt::Until(_)) => false,
        Err(error) => panic!("a step failed: {error}"),
    }
}

fn settings() -> Settings {
    let second = Duration::from_secs(1);
    Settings {
        model: Model::Omc,
        chosen: Vec::new(),
        page_size: PAGE,
        receiver: "http://receiver.example".parse().unwrap(),
        batch_size: 3,
        concurrency: 1,
        max_in_flight: MAX_IN_FLIGHT,
        mandatory: Mandatory::from_names(["name"]).unwrap(),
        vid: VidConfig::default().rules(),
        unauthenticated: false,
        stock_delivery: Delivery::Callback,
        odk_folder: None,
        patience: Patience { interval: second * 10, callback_grace: second * 60, stuck_after: second * 600 },
        backoff: Backoff::new(second * 8, second * 8, 4).unwrap(),
        overlap: TimeDelta::minutes(10),
        daemon: "model".into(),
    }
}

fn connector(id: u32, address: &str, history: &History) -> Connector {
    let mts = if history.two_mts { id } else { 1 };
    let filter = if id == 1 { json!([["is_registrant", "=", true]]) } else { json!([["region", "=", "north"]]) };
    let connector = json!({
        "id": id, "model": "Omc", "name": format!("Connector {id}"), "activity": "Started",
        "mts_url": format!("{address}/mts{mts}"), "timetable": {"Every": {"minutes": 10}}, "filter": filter,
        "fields": [{"name": "given_name", "kind": "text"}, {"name": "person", "kind": "text"}],
        "mapping": {"vid": "vid", "name": ["given_name"], "gender": "gender", "dob": "dob", "phoneNumber": "phone",
                    "emailId": "person", "fullAddress": ["address"]},
        "mandatory": Mandatory::from_names(["name"]).unwrap(), "input_format": null, "output_format": null,
        "language": "eng",
        "callback": {"auth": "StaticBearer", "method": "POST", "timeout": {"secs": 10, "nanos": 0}, "extra_headers": []},
        "vid_type": VID_TYPE, "token_type": TOKEN_TYPE, "remove_vid": true, "batch_size": null,
        "phone_country_code": null, "value_fields": [],
    });
    let mut connector: Connector = serde_json::from_value(connector).unwrap();
    // The other one has its results called in: they share people.
    if history.download && id == 1 {
        connector.delivery = Delivery::Download(FileForm::Json);
    }
    connector
}

/// The store as a kill at this moment leaves it: what it had not handed over is not in its files.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// How many records each connector has under way.
pub fn under_way(worker: &Worker) -> BTreeMap<ConnectorId, u64> {
    worker.store.all_counts().into_iter().map(|(id, counts)| (id, counts.open())).collect()
}
