//! Starts the processes, asks them, and waits for what must become true.

mod central;
mod configuration;
mod daemon;
pub mod mosip;
mod odoo;
mod process;
mod world;

use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

pub use central::{Central, EMAIL, PASSWORD};
pub use configuration::{Configuration, free_port};
pub use daemon::{Daemon, token_of};
pub use odoo::Odoo;
pub use process::{Output, Process, finished, finished_with};
pub use world::{Setup, World, arguments};

/// Longer than anything may take on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Looks again and again until the look is liked; what was seen last is in the message of the failure.
pub async fn eventually<T, F>(what: &str, look: impl Fn() -> F, likes: impl Fn(&T) -> bool) -> T
where
    T: Debug,
    F: Future<Output = T>,
{
    let end = Instant::now() + DEADLINE;
    loop {
        let seen = look().await;
        if likes(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}; last seen: {seen:#?}");
        sleep(LOOK).await;
    }
}

pub fn client() -> reqwest::Client {
    _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        // The simulated Odoo gives each open connection a worker of its own, and has two.
        .pool_max_idle_per_host(0)
        .timeout(DEADLINE)
        .build()
        .unwrap()
}

/// Status and body of an answer.
pub async fn answer(request: reqwest::RequestBuilder) -> (u16, String) {
    let mut response = request.send().await.unwrap();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    (response.status().as_u16(), String::from_utf8(body).unwrap())
}

/// The JSON of an answer that is 200.
pub async fn json(request: reqwest::RequestBuilder) -> Value {
    let (status, body) = answer(request).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// A number that must be there.
pub fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("no number {key} in {value}"))
}

/// Seeded chance: SplitMix64, so that a run can be repeated.
pub struct Chance(u64);

impl Chance {
    /// By `OMC_TEST_SEED`, else by the time of day; printed, so that a failure tells it.
    pub fn seeded() -> Self {
        let seed = std::env::var("OMC_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(fresh_seed);
        println!("OMC_TEST_SEED={seed}");
        Self::of(seed)
    }

    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.next() % (to - from))
    }

    /// Lower-case letters: no word, and in nobody's output by chance.
    pub fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'a' + (self.next() % 26) as u8)).collect()
    }

    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + (self.next() % 10) as u8)).collect()
    }
}

fn fresh_seed() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    // Short enough to be typed.
    u64::from_le_bytes(bytes) % 1_000_000_007
}
