//! A scripted MTS: it works on a request, delivers and forgets when the history says so, and knows when it is asked again for
//! what it may still be working on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::http::Reply;
use crate::odoo::token_of;
use crate::operation::{FileFault, PostFault, StatusFault};

const SECOND: i64 = 1_000_000;
/// How long the daemon waits at least for a request that shows nothing: thrice a minute, and a little for the rounding of times.
const SILENCE: i64 = 179 * SECOND;
/// How long for callbacks after `processed`.
const GRACE: i64 = 59 * SECOND;
/// How far two sights of a 404 must lie apart.
const DOUBT: i64 = 9 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Queued,
    Processed,
    /// `error_making_callback_request`.
    Failed,
    /// In the database for ever, and in no queue.
    Lost(&'static str),
    /// In no database any more.
    Gone,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub reference: String,
    pub person: u32,
    pub vid: String,
    /// When the VID row was last written as the batch came in: an edit since makes the result worthless.
    pub vid_row: Option<(u32, i64)>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: String,
    pub callback: String,
    pub bearer: String,
    pub entries: Vec<Entry>,
    pub state: State,
    /// What is not delivered, and will be.
    pub pending: BTreeSet<usize>,
    /// Of a download: that its results are to be fetched, and once it is written, what they say instead of the truth.
    pub download: bool,
    pub file: Option<Option<&'static str>>,
    posted_at: i64,
    /// Of being `processed`, or of a callback.
    last_sign: Option<i64>,
    not_found: Vec<i64>,
    /// The daemon cannot know of it any more, its store being lost, or may have given it up before it showed a sign.
    forgiven: bool,
}

#[derive(Debug, Default)]
pub struct Mts {
    pub jobs: Vec<Job>,
    pub next_post: Option<PostFault>,
    pub next_status: Option<StatusFault>,
    pub next_file: Option<FileFault>,
    /// Of downloads that were served whole since the daemon last looked after its batches.
    pub served: Vec<usize>,
    pub poison: Option<u32>,
    /// When each person's last result was taken that ends the waiting for what was posted before.
    answered: BTreeMap<u32, i64>,
}

/// What is to become of a POST.
#[derive(Debug)]
pub enum Taken {
    Not(Reply),
    /// The request is in; it is answered so, `early`: after its callbacks, `held`: when released.
    In {
        id: String,
        reply: Reply,
        early: bool,
        held: bool,
    },
}

impl Mts {
    /// The job that is meant by a number: from the newest back.
    pub fn job(&self, number: u8) -> Option<usize> {
        let many = self.jobs.len();
        (many > 0).then(|| many - 1 - usize::from(number) % many)
    }

    /// The job that is meant by a number, if MTS still works on it.
    pub fn alive(&mut self, number: u8) -> Option<&mut Job> {
        let job = self.job(number)?;
        Some(&mut self.jobs[job]).filter(|job| matches!(job.state, State::Queued | State::Processed))
    }

    /// A batch comes in.
    pub fn post(
        &mut self,
        body: &[u8],
        now: i64,
        vid_row: impl Fn(u32) -> Option<(u32, i64)>,
        violations: &mut Vec<String>,
    ) -> Taken {
        let fault = self.next_post.take();
        let body: Value = serde_json::from_slice(body).expect("the daemon posts JSON");
        let request = &body["request"];
        let entries: Vec<Entry> =
            request["authdata"].as_array().unwrap().iter().map(|data| entry(data, &vid_row)).collect();
        let poisoned = entries.iter().any(|entry| Some(entry.person) == self.poison);
        match fault {
            Some(PostFault::CloseBefore) => return Taken::Not(Reply::Close),
            Some(PostFault::ProxyBefore) => return Taken::Not(Reply::Status(502)),
            Some(PostFault::TooLarge) => return Taken::Not(Reply::Status(413)),
            Some(PostFault::Refused) => return Taken::Not(errors(400, "ATS-REQ-102")),
            Some(PostFault::Failed) => return Taken::Not(errors(500, "ATS-REQ-100")),
            _ if poisoned => return Taken::Not(errors(500, "ATS-REQ-100")),
            _ => {}
        }
        self.object(&entries, now, violations);
        let callback = &request["callbackProperties"];
        let download = request["deliverytype"] == "download";
        if download {
            assert!(callback.is_null() && request["outputFormat"].is_null(), "release 1.0.1 knows neither");
            assert!(!request["mapping"].to_string().contains('.'), "nor a path");
        } else {
            assert!(request["outputFormat"].as_str().unwrap().contains(".input.omc_ref"));
            assert_eq!(callback["callInBulk"], true);
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let id = format!("00request-{}", self.jobs.len());
        self.jobs.push(Job {
            id: id.clone(),
            callback: text(&callback["url"]),
            bearer: text(&callback["authStaticBearer"]["token"]),
            download,
            file: None,
            pending: (0..entries.len()).collect(),
            entries,
            state: State::Queued,
            posted_at: now,
            last_sign: None,
            not_found: Vec::new(),
            forgiven: false,
        });
        let reply = match fault {
            Some(PostFault::CloseAfter) => Reply::Close,
            Some(PostFault::ProxyAfter) => Reply::Status(502),
            Some(PostFault::GarbageAfter) => ok("{\"errors\"".to_owned()),
            _ => ok(json!({"errors": null, "response": {"request_identifier": id}}).to_string()),
        };
        Taken::In { id, reply, early: fault == Some(PostFault::Early), held: fault == Some(PostFault::Hold) }
    }

    /// Objects where somebody is sent again whom MTS may still be working on.
    fn object(&self, entries: &[Entry], now: i64, violations: &mut Vec<String>) {
        for entry in entries {
            for job in &self.jobs {
                let same = |(_, other): &(usize, &Entry)| other.person == entry.person && other.vid == entry.vid;
                let owed = job.entries.iter().enumerate().find(same).is_some_and(|(at, _)| job.pending.contains(&at));
                let answered = self.answered.get(&entry.person).is_some_and(|at| *at >= job.posted_at);
                if owed && !answered && !job.may_be_given_up(now) {
                    let (person, after) = (entry.person, (now - job.posted_at) / SECOND);
                    violations.push(format!(
                        "law 5: {person} is sent again after {after} s, while {} ({:?}) is under way",
                        job.id, job.state
                    ));
                }
            }
        }
    }

    /// Answers the question how far a request is.
    pub fn status(&mut self, id: &str, now: i64) -> Reply {
        let fault = self.next_status.take();
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else {
            return errors(404, "ATS-REQ-016");
        };
        match fault {
            Some(StatusFault::Gateway) => return Reply::Status(502),
            Some(StatusFault::NotFound) => {
                job.not_found.push(now);
                return errors(404, "ATS-REQ-016");
            }
            None => {}
        }
        let word = match job.state {
            State::Queued => "submitted",
            State::Processed => {
                job.forgiven |= job.may_be_given_up(now);
                job.last_sign.get_or_insert(now);
                "processed"
            }
            State::Failed => "error_making_callback_request",
            State::Lost(word) => word,
            State::Gone => return errors(404, "ATS-REQ-016"),
        };
        if job.state != State::Gone {
            // A doubt that was cleared up.
            job.not_found.clear();
        }
        ok(json!({"errors": null, "response": {"status": word}}).to_string())
    }

    /// Gives the file of a download; tells which job was served whole.
    pub fn file(&mut self, id: &str) -> (Reply, Option<usize>) {
        let fault = self.next_file.take();
        let missing = || errors(500, "ATS-REQ-100");
        let Some(at) = self.jobs.iter().position(|job| job.id == id) else { return (errors(404, "ATS-REQ-016"), None) };
        let job = &self.jobs[at];
        assert!(job.download, "the daemon fetches what is called in");
        match job.state {
            State::Gone => return (errors(404, "ATS-REQ-016"), None),
            State::Queued | State::Failed | State::Lost("submitted" | "processing") => {
                return (errors(202, "ATS-REQ-017"), None);
            }
            State::Processed | State::Lost(_) => {}
        }
        let Some(error) = job.file else { return (missing(), None) };
        let mut rows: Vec<Value> = job.entries.iter().map(|entry| row(entry, error)).collect();
        match fault {
            Some(FileFault::Broken) => return (Reply::Close, None),
            Some(FileFault::Missing) => return (missing(), None),
            Some(FileFault::Shuffled) => rows.rotate_left(1),
            Some(FileFault::Short) => _ = rows.pop(),
            _ => {}
        }
        let text = Value::from(rows).to_string();
        let (text, whole) = match fault {
            Some(FileFault::Empty) => (String::new(), false),
            Some(FileFault::Cut) => (text[..text.len() / 2].to_owned(), false),
            // Of one row there is no other order.
            Some(FileFault::Shuffled) => (text, job.entries.len() == 1),
            Some(FileFault::Short) => (text, false),
            _ => (text, true),
        };
        (Reply::Answer { status: 200, kind: "text/plain", date: None, body: text }, whole.then_some(at))
    }

    /// The results of these entries, as MTS makes them.
    pub fn results(&self, job: usize, entries: &[usize], error: Option<&str>) -> Vec<Value> {
        let one = |at: &usize| result(&self.jobs[job].entries[*at], error);
        entries.iter().map(one).collect()
    }

    /// A callback for these was acknowledged.
    pub fn acknowledged(&mut self, job: usize, entries: &[usize], now: i64) {
        let newest =
            |person: u32| self.jobs.iter().rposition(|job| job.entries.iter().any(|entry| entry.person == person));
        let settled: Vec<u32> = entries
            .iter()
            .map(|at| &self.jobs[job].entries[*at])
            .filter(|entry| !is_refused(&entry.vid) || newest(entry.person) == Some(job))
            .map(|entry| entry.person)
            .collect();
        for person in settled {
            self.answered.insert(person, now);
        }
        let job = &mut self.jobs[job];
        job.forgiven |= job.may_be_given_up(now);
        job.last_sign = Some(now);
    }

    pub fn restart(&mut self, with_database: bool) {
        // A file that is written stays.
        for job in self.jobs.iter_mut().filter(|job| with_database || job.file.is_none()) {
            job.pending.clear();
            job.state = match job.state {
                _ if with_database => State::Gone,
                State::Queued => State::Lost("submitted"),
                State::Processed => State::Lost("processed"),
                other => other,
            };
        }
    }

    /// The daemon has lost its store.
    pub fn forgive(&mut self) {
        self.jobs.iter_mut().for_each(|job| job.forgiven = true);
    }
}

impl Job {
    /// Whether the daemon may send its people again though it is under way.
    fn may_be_given_up(&self, now: i64) -> bool {
        let doubted = match self.not_found.as_slice() {
            [first, .., last] => last - first >= DOUBT,
            _ => false,
        };
        let silent = now - self.last_sign.unwrap_or(self.posted_at).max(self.posted_at) >= SILENCE;
        let processed = self.state == State::Processed && self.last_sign.is_some_and(|at| now - at >= GRACE);
        self.forgiven || doubted || silent || processed
    }
}

/// MOSIP refuses VIDs that end in a nought.
pub fn is_refused(vid: &str) -> bool {
    vid.ends_with('0')
}

pub fn result(entry: &Entry, error: Option<&str>) -> Value {
    let code = error.or(is_refused(&entry.vid).then_some("IDA-MLC-018"));
    match code {
        Some(code) => json!({"omc_ref": entry.reference, "status": "error", "token": null, "code": code, "data": null}),
        None => json!({"omc_ref": entry.reference, "status": "processed", "token": token_of(&entry.vid), "code": null,
                       "data": null}),
    }
}

/// A row of a file, in MTS's own form.
fn row(entry: &Entry, error: Option<&str>) -> Value {
    let result = result(entry, error);
    json!({"vid": entry.vid, "status": result["status"], "token": result["token"], "errorCode": result["code"],
           "errorMessage": result["code"]})
}

fn entry(data: &Value, vid_row: &impl Fn(u32) -> Option<(u32, i64)>) -> Entry {
    let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    // What goes for download goes under the names of MTS's own fields.
    let person = if data["person"].is_null() { text("emailId") } else { text("person") };
    let person = person.parse().unwrap();
    Entry { reference: text("omc_ref"), person, vid: text("vid"), vid_row: vid_row(person) }
}

fn ok(body: String) -> Reply {
    Reply::Answer { status: 200, kind: "application/json", date: None, body }
}

fn errors(status: u16, code: &str) -> Reply {
    let body = json!({"errors": [{"errorCode": code, "errorMessage": "x"}], "response": null}).to_string();
    Reply::Answer { status, kind: "application/json", date: None, body }
}
