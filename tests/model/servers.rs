//! Both scripted servers behind one address, and MTS's hand at the daemon's callback receiver.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

use crate::http::{Reply, Request};
use crate::mts::{self, Mts, State, Taken};
use crate::odoo::{Odoo, TOKEN_TYPE, VID_TYPE, true_time};
use crate::operation::{Forgery, Part, Point, Twist};
use crate::world::copy;

/// Tells whether the daemon still knows the attempt of a reference, for the VID that it holds to be current.
pub type Knows = Arc<dyn Fn(&str) -> bool + Send + Sync>;

#[derive(Default)]
pub struct Script {
    pub odoo: Odoo,
    pub mts: Mts,
    pub door: bool,
    pub kill_at: Option<Point>,
    /// The store as it is on disk, and where a copy of it is to go when the daemon is killed.
    pub store: PathBuf,
    pub copy: PathBuf,
    pub killed: bool,
    receiver: Option<TowerToHyperService<Router>>,
    knows: Option<Knows>,
    /// Lets a POST go that waits for its answer: it is answered, or broken off.
    held: Option<oneshot::Sender<bool>>,
}

#[derive(Clone, Default)]
pub struct Servers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    /// A POST is held from now on.
    holding: Notify,
}

impl Script {
    pub fn new(odoo: Odoo, door: bool, store: PathBuf) -> Self {
        Self { odoo, door, store, ..Self::default() }
    }

    /// The daemon dies here: what is on disk now is all that is left.
    fn kill(&mut self) {
        if !self.killed {
            self.killed = true;
            copy(&self.store, &self.copy);
        }
    }

    fn is_killed_at(&mut self, point: Point) -> bool {
        let here = self.kill_at == Some(point);
        if here {
            self.kill_at = None;
            self.kill();
        }
        here
    }
}

impl Servers {
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.0.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins another history.
    pub fn reset(&self, script: Script) {
        *self.script() = script;
    }

    /// The daemon's receiver, as of now.
    pub fn attach(&self, router: Router, knows: Knows) {
        let mut script = self.script();
        script.receiver = Some(TowerToHyperService::new(router));
        script.knows = Some(knows);
    }

    /// The daemon is gone.
    pub fn detach(&self) {
        let mut script = self.script();
        (script.receiver, script.knows) = (None, None);
    }

    /// Comes when a POST is held.
    pub async fn holding(&self) {
        self.0.holding.notified().await;
    }

    pub fn release(&self, answered: bool) {
        if let Some(held) = self.script().held.take() {
            // The daemon may have gone away meanwhile.
            _ = held.send(answered);
        }
    }

    pub async fn answer(&self, request: Request) -> Reply {
        if request.path.starts_with("/xmlrpc") {
            let mut script = self.script();
            if script.killed {
                return Reply::Close;
            }
            let door = script.door;
            script.odoo.kill_at_write = script.kill_at == Some(Point::Written);
            let reply = script.odoo.call(&request.body, door);
            if std::mem::take(&mut script.odoo.killed) {
                script.kill_at = None;
                script.kill();
            }
            return reply;
        }
        match (request.method.as_str(), request.path.rsplit('/').next()) {
            ("POST", Some("json")) => self.post(&request.body).await,
            ("GET", Some(id)) if request.path.contains("/file/") => self.file(id),
            ("GET", Some(id)) => {
                let mut script = self.script();
                let now = script.odoo.now;
                if script.killed { Reply::Close } else { script.mts.status(id, now) }
            }
            other => panic!("the daemon asks MTS for {other:?}"),
        }
    }

    /// MTS gives the file of a download. What was in it when it went out whole, MTS has given.
    fn file(&self, id: &str) -> Reply {
        let mut script = self.script();
        if script.killed {
            return Reply::Close;
        }
        let (reply, served) = script.mts.file(id);
        let Some(job) = served else { return reply };
        let Script { odoo, mts, .. } = &mut *script;
        let error = mts.jobs[job].file.flatten();
        let entries: Vec<(u32, String)> =
            mts.jobs[job].entries.iter().map(|entry| (entry.person, entry.vid.clone())).collect();
        let good = entries.iter().filter(|(_, vid)| error.is_none() && !mts::is_refused(vid));
        odoo.delivered.extend(good.map(|(person, vid)| (*person, crate::odoo::token_of(vid))));
        mts.served.push(job);
        if script.is_killed_at(Point::Acknowledged) {
            return Reply::Close;
        }
        reply
    }

    /// The daemon has looked after its batches and lives: what it fetched, it has stored.
    pub fn downloads_are_stored(&self) {
        let mut script = self.script();
        let (now, killed) = (script.odoo.now, script.killed);
        let served = std::mem::take(&mut script.mts.served);
        for job in served.into_iter().filter(|_| !killed) {
            let all: Vec<usize> = (0..script.mts.jobs[job].entries.len()).collect();
            script.mts.jobs[job].pending.clear();
            script.mts.acknowledged(job, &all, now);
        }
    }

    async fn post(&self, body: &[u8]) -> Reply {
        let taken = {
            let mut script = self.script();
            if script.killed {
                return Reply::Close;
            }
            let Script { odoo, mts, .. } = &mut *script;
            let now = odoo.now;
            let row = |person: u32| odoo.rows(person, VID_TYPE).first().map(|(id, row)| (*id, row.written));
            let mut violations = Vec::new();
            let taken = mts.post(body, now, row, &mut violations);
            if let Taken::In { .. } = &taken {
                let people: Vec<u32> = mts.jobs.last().unwrap().entries.iter().map(|entry| entry.person).collect();
                violations.extend(people.into_iter().filter_map(|person| asked_again(odoo, person)));
            }
            odoo.violations.extend(violations);
            if script.is_killed_at(Point::Posted) {
                return Reply::Close;
            }
            taken
        };
        let (id, reply, early, held) = match taken {
            Taken::Not(reply) => return reply,
            Taken::In { id, reply, early, held } => (id, reply, early, held),
        };
        if early {
            let job = self.script().mts.jobs.iter().position(|job| job.id == id).unwrap();
            self.script().mts.jobs[job].state = State::Processed;
            self.deliver_job(job, Part::All, Twist::Plain).await;
            if self.script().killed {
                return Reply::Close;
            }
        }
        if held {
            let (sender, released) = oneshot::channel();
            self.script().held = Some(sender);
            self.0.holding.notify_one();
            if released.await != Ok(true) {
                return Reply::Close;
            }
        }
        reply
    }

    /// MTS calls back for the request meant by a number.
    pub async fn deliver(&self, number: u8, part: Part, twist: Twist) {
        let Some(job) = self.script().mts.job(number) else { return };
        if matches!(self.script().mts.jobs[job].state, State::Gone | State::Lost(_) | State::Failed) {
            // What was delivered before may still be on its way, or come twice.
            return self.deliver_late(job, twist).await;
        }
        self.script().mts.jobs[job].state = State::Processed;
        self.deliver_job(job, part, twist).await;
    }

    /// MTS writes the file of a download; tells whether it is one. It is not changed any more.
    fn write_file(&self, job: usize, twist: Twist) -> bool {
        let mut script = self.script();
        let job = &mut script.mts.jobs[job];
        if job.download {
            job.file.get_or_insert(error_of(twist));
        }
        job.download
    }

    /// A repeat of callbacks that a request made while it lived.
    async fn deliver_late(&self, job: usize, twist: Twist) {
        if self.script().mts.jobs[job].download {
            return;
        }
        let entries: Vec<usize> = (0..self.script().mts.jobs[job].entries.len()).collect();
        self.call(job, &entries, twist).await;
    }

    async fn deliver_job(&self, job: usize, part: Part, twist: Twist) {
        if self.write_file(job, twist) {
            return;
        }
        let many = self.script().mts.jobs[job].entries.len();
        let half = many.div_ceil(2);
        let parts: Vec<Vec<usize>> = match part {
            Part::All => vec![(0..many).collect()],
            Part::First => vec![(0..half).collect()],
            Part::Last => vec![(many - half..many).collect()],
            Part::Backwards => (0..many).rev().map(|at| vec![at]).collect(),
        };
        for entries in parts {
            self.call(job, &entries, twist).await;
            if twist == Twist::Twice {
                self.call(job, &entries, twist).await;
            }
        }
    }

    /// One callback.
    async fn call(&self, job: usize, entries: &[usize], twist: Twist) {
        let (callback, bearer, body, known) = {
            let mut script = self.script();
            let error = error_of(twist);
            let mut results = script.mts.results(job, entries, error);
            if twist == Twist::Disputed {
                let second = results.iter().map(|result| match result["token"].as_str() {
                    Some(_) => json!({"omc_ref": result["omc_ref"], "status": "processed", "token": "TOKEN-DISPUTED"}),
                    None => result.clone(),
                });
                let second: Vec<Value> = second.collect();
                results.extend(second);
            }
            let known = script.knows.clone();
            let known: Vec<bool> = entries
                .iter()
                .map(|at| known.as_ref().is_some_and(|knows| knows(&script.mts.jobs[job].entries[*at].reference)))
                .collect();
            let job = &mut script.mts.jobs[job];
            entries.iter().for_each(|at| _ = job.pending.remove(at));
            let (callback, bearer) = (job.callback.clone(), job.bearer.clone());
            // Whatever becomes of the answer, MTS gave these.
            let given: Vec<(u32, String)> = entries
                .iter()
                .map(|at| &job.entries[*at])
                .filter(|entry| error.is_none() && !mts::is_refused(&entry.vid))
                .map(|entry| (entry.person, crate::odoo::token_of(&entry.vid)))
                .collect();
            script.odoo.delivered.extend(given);
            (callback, bearer, Value::Array(results), known)
        };
        let status = self.send(&callback, Some(&bearer), &body).await;
        if status != Some(200) {
            return;
        }
        let mut script = self.script();
        let now = script.odoo.now;
        script.mts.acknowledged(job, entries, now);
        let Script { odoo, mts, .. } = &mut *script;
        // What only a deleted connector could write is let go.
        let stays = odoo.filters.keys().any(|id| callback.ends_with(&format!("/callback/{id}")));
        for (at, known) in entries.iter().zip(known).filter(|_| stays) {
            let entry = &mts.jobs[job].entries[*at];
            let good = !matches!(twist, Twist::System | Twist::Unknown) && !mts::is_refused(&entry.vid);
            let row = odoo.rows(entry.person, VID_TYPE).first().map(|(id, row)| (*id, row.written));
            if let (true, true, Some(held), true) = (good, known, row, row == entry.vid_row) {
                odoo.acknowledged.insert(entry.person, held);
            }
        }
        script.is_killed_at(Point::Acknowledged);
    }

    /// Somebody calls who may not, or says what MTS never said.
    pub async fn forge(&self, forgery: Forgery, number: u8) {
        let (callback, bearer, body) = {
            let script = self.script();
            let Some(job) = script.mts.job(number).map(|job| &script.mts.jobs[job]) else { return };
            if job.download {
                // There is nobody to be called.
                return;
            }
            let entry = &job.entries[0];
            let mut forged =
                json!({"omc_ref": entry.reference, "status": "processed", "token": "TOKEN-FORGED", "code": null});
            let (mut callback, mut bearer) = (job.callback.clone(), Some(job.bearer.clone()));
            match forgery {
                Forgery::NoBearer => bearer = None,
                Forgery::Invented => forged["omc_ref"] = json!(altered(&entry.reference, 50)),
                Forgery::Altered => forged["omc_ref"] = json!(altered(&entry.reference, 17)),
                Forgery::FailedWithToken => forged["code"] = json!("XYZ-002"),
                Forgery::WrongDoor => {
                    let other = script.mts.jobs.iter().find(|other| !other.download && other.callback != job.callback);
                    let Some(other) = other else { return };
                    (callback, bearer) = (other.callback.clone(), Some(other.bearer.clone()));
                }
            }
            (callback, bearer, json!([forged]))
        };
        let status = self.send(&callback, bearer.as_deref(), &body).await;
        if let (Forgery::FailedWithToken, Some(200)) = (forgery, status) {
            // It is MTS that says so: an error, and no token.
            let mut script = self.script();
            let now = script.odoo.now;
            if let Some(job) = script.mts.job(number) {
                script.mts.acknowledged(job, &[0], now);
            }
        }
    }

    async fn send(&self, callback: &str, bearer: Option<&str>, body: &Value) -> Option<u16> {
        let receiver = {
            let script = self.script();
            // Nobody is there any more.
            script.receiver.clone().filter(|_| !script.killed)?
        };
        let path = callback.strip_prefix("http://receiver.example").expect("the daemon's own receiver");
        let mut request = axum::http::Request::post(path).header("content-type", "application/json");
        if let Some(bearer) = bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let answer = receiver.call(request).await.unwrap_or_else(|never| match never {});
        Some(answer.status().as_u16())
    }
}

/// What MTS says of everybody, instead of the truth.
fn error_of(twist: Twist) -> Option<&'static str> {
    match twist {
        Twist::System => Some("AUT_CRY_001"),
        Twist::Unknown => Some("XYZ-001"),
        _ => None,
    }
}

/// A token that was acknowledged is not asked for again while nothing has changed.
fn asked_again(odoo: &Odoo, person: u32) -> Option<String> {
    let held = odoo.acknowledged.get(&person)?;
    let row = odoo.rows(person, VID_TYPE).first().map(|(id, row)| (*id, row.written))?;
    let kept = row == *held && odoo.rows(person, TOKEN_TYPE).is_empty();
    kept.then(|| {
        let now = true_time(odoo.now);
        format!("law 4: the token of {person} was acknowledged to MTS, and MTS is asked for it again ({now})")
    })
}

/// The text with one letter changed.
fn altered(reference: &str, at: usize) -> String {
    let mut bytes = reference.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}
