//! An MTS of the test's own: it takes whatever it is sent, delivers each result once and never again, and knows what was
//! acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Json, State};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use super::harness::{Chance, client, token_of};

/// Deliveries at once.
const AT_ONCE: usize = 6;

pub struct Seeder {
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    seen: Mutex<Seen>,
    silent: AtomicBool,
    deliveries: TaskTracker,
    room: Semaphore,
    http: reqwest::Client,
}

struct Seen {
    chance: Chance,
    /// The registrants that came, each as often as it came.
    taken: Vec<u32>,
    acknowledged: BTreeMap<u32, String>,
    /// How many came although their result was acknowledged.
    needless: usize,
}

/// A record that came.
struct Taken {
    registrant: u32,
    vid: String,
    reference: String,
}

impl Taken {
    fn read(record: &Value, vid: &str) -> Self {
        let text = |key: &str| record[key].as_str().unwrap().to_owned();
        let reference = text("omc_ref");
        let bytes = URL_SAFE_NO_PAD.decode(&reference).unwrap();
        Self { registrant: u32::from_be_bytes(bytes[9..13].try_into().unwrap()), vid: text(vid), reference }
    }

    fn result(&self) -> Value {
        let token = token_of(&self.vid);
        json!({"omc_ref": self.reference, "status": "processed", "token": token, "code": null, "data": null})
    }
}

impl Drop for Seeder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Seeder {
    pub async fn start(chance: Chance) -> Self {
        let shared = Arc::new(Shared {
            seen: Mutex::new(Seen { chance, taken: Vec::new(), acknowledged: BTreeMap::new(), needless: 0 }),
            silent: AtomicBool::new(false),
            deliveries: TaskTracker::new(),
            room: Semaphore::new(AT_ONCE),
            http: client(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let working = json!({"errors": null, "response": {"status": "processing"}});
        let router = axum::Router::new()
            .route("/authtoken/json", post(take))
            .route("/authtoken/status/{request}", get(async move || Json(working.clone())))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, server }
    }

    /// From now on nothing is delivered; what is under way ends.
    pub async fn fall_silent(&self) {
        self.shared.silent.store(true, Ordering::SeqCst);
        self.shared.deliveries.close();
        self.shared.deliveries.wait().await;
    }

    /// The registrants that came, each as often as it came.
    pub fn taken(&self) -> Vec<u32> {
        self.shared.seen.lock().unwrap().taken.clone()
    }

    /// Whose result was acknowledged, with the token in it.
    pub fn acknowledged(&self) -> BTreeMap<u32, String> {
        self.shared.seen.lock().unwrap().acknowledged.clone()
    }

    /// How many came although their result was acknowledged.
    pub fn needless(&self) -> usize {
        self.shared.seen.lock().unwrap().needless
    }
}

async fn take(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Json<Value> {
    let request = &body["request"];
    let callback = &request["callbackProperties"];
    let url = callback["url"].as_str().unwrap();
    let bearer = callback["authStaticBearer"]["token"].as_str().unwrap();
    let vid = request["mapping"]["vid"].as_str().unwrap();
    let mut records = request["authdata"].as_array().unwrap().iter().map(|record| Taken::read(record, vid));
    let mut seen = shared.seen.lock().unwrap();
    loop {
        let size = 1 + (seen.chance.next() % 12) as usize;
        let part: Vec<Taken> = records.by_ref().take(size).collect();
        if part.is_empty() {
            break;
        }
        for record in &part {
            seen.taken.push(record.registrant);
            seen.needless += usize::from(seen.acknowledged.contains_key(&record.registrant));
        }
        if !shared.silent.load(Ordering::SeqCst) {
            let pause = seen.chance.millis(0, 500);
            let (shared, url, bearer) = (Arc::clone(&shared), url.to_owned(), bearer.to_owned());
            let deliveries = shared.deliveries.clone();
            deliveries.spawn(async move {
                sleep(pause).await;
                deliver(&shared, &url, &bearer, part).await;
            });
        }
    }
    let identifier = format!("request-{}", seen.taken.len());
    Json(json!({"errors": null, "response": {"request_identifier": identifier}}))
}

async fn deliver(shared: &Shared, url: &str, bearer: &str, part: Vec<Taken>) {
    let results: Vec<Value> = part.iter().map(Taken::result).collect();
    let _room = shared.room.acquire().await.unwrap();
    let sent = shared.http.post(url).bearer_auth(bearer).json(&results).send().await;
    if sent.is_ok_and(|answer| answer.status() == 200) {
        let acknowledged = part.iter().map(|record| (record.registrant, token_of(&record.vid)));
        shared.seen.lock().unwrap().acknowledged.extend(acknowledged);
    }
}
