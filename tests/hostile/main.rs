//! The callback receiver under 10,000 hostile requests, and as many slow connections as they come: a legitimate callback is stored
//! and acknowledged within a second all the same.
//!
//! What is measured is the whole of a callback by a caller of its own, from the first packet to the last byte of the answer, a new
//! connection for each call as MTS makes it, logins included. All callers come from one address, as behind a proxy. What else this
//! machine does is not the receiver's doing: the attackers, who would sit elsewhere, get what processor time is left, daemon and
//! caller come before other work where the test may say so, the store lies in memory where that is possible, and what a server that
//! nobody attacks takes to answer at the same moments, at worst, is granted on top: a few milliseconds, unless the machine is overloaded.

#![cfg(feature = "sim")]
#![forbid(unsafe_code)]

mod attack;
#[path = "../daemon/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests of the daemon use the rest of it")]
mod harness;
#[expect(dead_code, reason = "the fault matrix uses the rest of it")]
mod mts;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use attack::{Attack, Shot};
use harness::{Daemon, Setup, World, eventually, number, token_of};
use mts::{Mts, Sent};
use omc::domain::correlation::Correlation;
use omc::domain::identity::{ConnectorId, IdTypeId, RegistrantId};
use omc::domain::opaque::Nonce;
use omc::domain::record::RecordKey;
use omc::seal::Seal;
use omc::seal::receiver::{Credential, DATABASE, Pass};
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use serde_json::json;

const REQUESTS: usize = 10_000;
/// A legitimate callback takes less.
const WITHIN: Duration = Duration::from_secs(1);
/// Records in one legitimate callback.
const BATCH: usize = 5;
/// Legitimate callbacks at least.
const LEGITIMATE: usize = 20;
/// Of these, so many at least have come to their end before the attack has.
const ATTACKED: usize = 10;

fn result(sent: &Sent) -> serde_json::Value {
    json!({"omc_ref": sent.reference, "status": "processed", "token": token_of(&sent.vid), "code": null, "data": null})
}

fn request(path: &str, headers: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: omc\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n"
    )
}

fn with_body(path: &str, headers: &str, body: &str) -> String {
    format!("{}{body}", request(path, headers, body.len()))
}

/// Everything that is thrown at the receiver. `replayed` is a body that was delivered before, with the bearer it came with.
fn shots(seal: &Seal, generation: u32, replayed: &str, bearer: &str) -> Vec<Shot> {
    let shot = |name, head, body| Shot { name, head, body };
    let long_ago = Pass { connector: 1, generation, until: 1_700_000_000 };
    let forged = Correlation {
        connector: ConnectorId(1),
        key: RecordKey { token_type: IdTypeId(2), registrant: RegistrantId(10) },
        nonce: Nonce([7; 12]),
    }
    .to_text([0; 16]);
    let unknown = json!([{"omc_ref": forged, "status": "processed", "token": "T"}]).to_string();
    let authorised = format!("Authorization: Bearer {bearer}\r\n");
    let wrong = seal.credential(Credential::Bearer, 2, generation).into_exposed();
    let login = json!({"params": {"db": DATABASE, "login": "omc-1", "password": wrong}}).to_string();
    let client = format!("grant_type=client_credentials&client_id=omc-1&client_secret={wrong}");
    let expired = seal.access_token(&long_ago, long_ago.until);
    let huge = 512 * 1024;
    vec![
        shot("nothing shown", with_body("/callback/1", "", replayed), 0),
        shot("another's bearer", with_body("/callback/1", &format!("Authorization: Bearer {wrong}\r\n"), replayed), 0),
        shot("an expired token", with_body("/callback/1", &format!("Authorization: Bearer {expired}\r\n"), "[]"), 0),
        shot(
            "an expired session",
            with_body("/callback/1", &format!("Cookie: session_id={}\r\n", seal.session(&long_ago)), "[]"),
            0,
        ),
        shot("a replay", with_body("/callback/1", &authorised, replayed), 0),
        shot("an unknown correlation", with_body("/callback/1", &authorised, &unknown), 0),
        shot("a huge body of nobody", request("/callback/1", "", 1 << 30), huge),
        shot("a huge body of somebody", request("/callback/1", &authorised, 1 << 30), huge),
        shot("a wrong login", with_body("/web/session/authenticate", "", &login), 0),
        shot("a wrong client", with_body("/oauth/token", "", &client), 0),
    ]
}

/// The legitimate caller.
struct Caller<'a> {
    http: reqwest::Client,
    daemon: &'a Daemon,
    seal: &'a Seal,
    bearer: String,
}

impl Caller<'_> {
    /// Delivers by one of the three ways of showing who it is; tells how long all of it took.
    async fn deliver(&self, way: usize, body: String) -> Duration {
        let began = Instant::now();
        let callback = self.http.post(format!("{}/callback/1", self.daemon.callback)).body(body);
        let secret = |kind| self.seal.credential(kind, 1, self.daemon.generation()).into_exposed();
        let request = match way % 3 {
            0 => callback.bearer_auth(&self.bearer),
            1 => {
                let params = json!({"db": DATABASE, "login": "omc-1", "password": secret(Credential::Password)});
                let login = json!({"jsonrpc": "2.0", "params": params}).to_string();
                let url = format!("{}/web/session/authenticate", self.daemon.callback);
                let answer = self.http.get(url).body(login).send().await.unwrap();
                let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
                callback.header("Cookie", cookie)
            }
            _ => {
                let secret = secret(Credential::ClientSecret);
                let form = format!("client_id=omc-1&grant_type=client_credentials&client_secret={secret}");
                let url = format!("{}/oauth/token", self.daemon.callback);
                let answer = harness::json(self.http.post(url).body(form)).await;
                callback.bearer_auth(answer["access_token"].as_str().unwrap())
            }
        };
        let (status, text) = harness::answer(request).await;
        assert_eq!(status, 200, "{text}");
        began.elapsed()
    }
}

#[tokio::test]
async fn a_legitimate_callback_is_acknowledged_within_a_second_under_attack() {
    // For the attackers' connections.
    let files = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit { current: files.maximum.map(|most| most.min(65_536)).or(Some(65_536)), ..files },
    )
    .unwrap();
    let mut world = World::start(Setup { registrants: 2000, invalid_percent: 0, ..Setup::default() }).await;
    let mts = Mts::start().await;
    world.odoo.write("omc.connector", 1, json!({"mts_url": mts.url})).await;
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    world.configuration.set("store.path", &format!("{:?}", folder.path().join("store")));
    world
        .configuration
        .set("log.level", "\"info\"")
        .set("submit.batch_size", "100")
        .set("callback.max_body", "1048576");
    for key in ["reconcile.stuck_after", "reconcile.callback_grace"] {
        world.configuration.set(key, "\"10m\"");
    }
    // The caller, and the daemon, which inherits it. Whoever may not do so asks for a machine without other work.
    _ = setpriority_process(None, -10);
    let daemon = Daemon::start(&world.configuration).await;
    let with_vid = number(&world.odoo.state().await, "with_vid") as usize;
    let sent = async || mts.records().len();
    eventually("everybody is at MTS", sent, |sent| *sent >= with_vid).await;
    let records = mts.records();
    assert!(records.len() / BATCH > LEGITIMATE, "{}", records.len());
    let mut deliveries =
        records.chunks(BATCH).map(|batch| json!(batch.iter().map(result).collect::<Vec<_>>()).to_string());

    let seal = world.configuration.seal();
    let caller = Caller { http: harness::client(), daemon: &daemon, seal: &seal, bearer: mts.bearer() };
    let first = deliveries.next().unwrap();
    let undisturbed = caller.deliver(0, first.clone()).await;

    let address: SocketAddr = world.configuration.get("callback.listen").parse().unwrap();
    let began = Instant::now();
    let attack = Attack::start(address, shots(&seal, daemon.generation(), &first, &caller.bearer), REQUESTS);
    let mut latencies = Vec::new();
    let mut attacked = 0;
    // The worst that somebody whom nobody attacks answers in at the same moments, on this machine with all that it does.
    let mut elsewhere = Duration::ZERO;
    for (way, body) in deliveries.enumerate() {
        let asked = Instant::now();
        let other = async {
            world.mts_state().await;
            asked.elapsed()
        };
        let (latency, other) = tokio::join!(caller.deliver(way, body), other);
        latencies.push(latency);
        elsewhere = elsewhere.max(other);
        attacked += usize::from(!attack.is_over());
        // What is left is delivered when it is over, and counts for nothing.
        if attack.is_over() && latencies.len() >= LEGITIMATE {
            break;
        }
        // So that there are some at the beginning of the attack, and some at its end.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let measured = latencies.len();
    let tally = std::sync::Arc::clone(&attack.tally);
    tokio::task::spawn_blocking(move || attack.end()).await.unwrap();
    let took = began.elapsed();

    latencies.sort();
    let worst = latencies[measured - 1];
    let shed = daemon.metric("omc_connections_shed_total").await;
    println!(
        "{REQUESTS} hostile requests in {took:.1?} ({tally:?}), {shed} connections shed; {measured} legitimate callbacks, {attacked} of them during it; latency \
         undisturbed {undisturbed:.1?}, median {:.1?}, worst {worst:.1?}; elsewhere worst {elsewhere:.1?}",
        latencies[measured / 2],
    );
    assert!(attacked >= ATTACKED, "only {attacked} callbacks came while it was attacked");
    assert!(tally.slow.load(Ordering::SeqCst) > 0, "nobody trickled");
    assert!(worst < WITHIN + elsewhere, "a legitimate callback took {worst:?}: {latencies:?}");

    // All that was acknowledged is stored, and comes to the registry; nothing else does.
    let delivered = ((measured + 1) * BATCH).min(records.len()) as u64;
    let state = async || world.odoo.state().await;
    let state =
        eventually("what was delivered is written", state, |state| number(state, "with_token") >= delivered).await;
    assert_eq!(number(&state, "with_token"), delivered, "{state}");
    world.nothing_is_wrong(&state);
    let outcome = async |name: &str| daemon.metric(&format!("omc_callback_results_total{{outcome=\"{name}\"}}")).await;
    assert_eq!(outcome("token").await, delivered as f64);
    assert!(outcome("stranger").await > 0.0 && outcome("repeat").await + outcome("late").await > 0.0);
    for (result, least) in [("unauthorised", 0.4), ("too_large", 0.05)] {
        let counted = daemon.metric(&format!("omc_callbacks_total{{result=\"{result}\"}}")).await;
        assert!(counted > least * REQUESTS as f64, "{result}: {counted}");
    }
}
