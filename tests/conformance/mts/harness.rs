//! The servers under test, and how to talk to them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use omc::clock::{Clock, SystemClock};
use omc::sim::mts::{Options, Release, Tokens, serve};
use reqwest::Client;
use serde_json::{Value, json};
use sha3::Digest as _;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

/// A real server needs tens of milliseconds for each record, and answers one client at a time.
const DEADLINE: Duration = Duration::from_secs(300);

pub const PARTNER: &str = "mpartner-omc-test";

pub struct Server {
    /// For messages: `simulated` or `real`.
    pub name: &'static str,
    pub url: String,
    client: Client,
    _stop: Option<oneshot::Sender<()>>,
}

/// Answers: the status and the body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// `status code message; ...`, as one text to compare.
    pub fn told(&self) -> String {
        let body = self.json();
        let errors = body["errors"].as_array().into_iter().flatten();
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let errors: Vec<String> =
            errors.map(|e| format!("{} {}", text(&e["errorCode"]), text(&e["errorMessage"]))).collect();
        format!("{} {}", self.status, errors.join("; ")).trim_end().to_owned()
    }

    pub fn identifier(&self) -> String {
        self.json()["response"]["request_identifier"].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned()
    }
}

fn client() -> Client {
    _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tls_danger_accept_invalid_certs(true)
        .timeout(DEADLINE)
        // A connection kept would be cut by a restart.
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

pub async fn simulated(options: Options) -> Server {
    simulated_by(options, Arc::new(SystemClock)).await
}

pub async fn simulated_by(options: Options, clock: Arc<dyn Clock>) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    tokio::spawn(serve(listener, options, clock, shutdown));
    Server { name: "simulated", url, client: client(), _stop: Some(stop) }
}

/// The simulator and, where there is one, the real server.
pub async fn servers(release: Release) -> Vec<Server> {
    let options = Options { release, partner_id: partner(), tokens: Tokens::OfMtsMock, ..Options::default() };
    let mut servers = vec![simulated(options).await];
    let live = match release {
        Release::V1_1 => "LIVE_MTS_URL",
        Release::V1_0_1 => "LIVE_MTS_101_URL",
    };
    if let Ok(url) = std::env::var(live) {
        servers.push(Server { name: "real", url: url.trim_end_matches('/').to_owned(), client: client(), _stop: None });
    }
    servers
}

pub fn partner() -> String {
    std::env::var("LIVE_MTS_PARTNER").unwrap_or_else(|_| PARTNER.to_owned())
}

/// As the mock authenticator makes it that the real servers of these tests have.
pub fn token(vid: &str) -> String {
    let digest = sha3::Sha3_256::digest(format!("{vid}{}", partner()));
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

/// A record that every release takes.
pub fn record(n: u64) -> Value {
    json!({"id": format!("r-{n}"), "vid": format!("70000000000000{n:02}"), "name": format!("Asha {n}"), "gender": "Female",
        "dob": "1990/01/31", "phoneNumber": "9000000001", "emailId": "asha@example.org", "fullAddress": "1 Main Road"})
}

pub fn envelope(request: Value) -> Value {
    json!({"id": "omc", "version": "1.0", "metadata": "", "requesttime": "2026-11-21T21:04:41.123Z", "request": request})
}

/// A request for a download of these records.
pub fn download(records: Value) -> Value {
    envelope(json!({"output": "json", "deliverytype": "download", "authdata": records}))
}

/// A request for callbacks with these properties.
pub fn callback(records: Value, properties: Value) -> Value {
    envelope(
        json!({"output": "json", "deliverytype": "callback", "authdata": records, "callbackProperties": properties}),
    )
}

impl Server {
    pub async fn post(&self, body: &Value) -> Answer {
        self.post_text("/authtoken/json", Some("application/json"), body.to_string()).await
    }

    pub async fn post_text(&self, path: &str, content_type: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
        let mut request = self.client.post(format!("{}{path}", self.url)).body(body);
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        self.answer(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.answer(self.client.get(format!("{}{path}", self.url))).await
    }

    pub async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_answer(request).await.unwrap_or_else(|e| panic!("{}: {e:?}", self.name))
    }

    pub async fn try_answer(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let mut response = request.send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), text })
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.url))
    }

    pub async fn status(&self, id: &str) -> String {
        let answer = self.get(&format!("/authtoken/status/{id}")).await;
        answer.json()["response"]["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits for a status that the predicate likes.
    pub async fn status_until(&self, id: &str, likes: impl Fn(&str) -> bool) -> String {
        self.poll(|| self.status(id), |status| likes(status)).await
    }

    /// Waits until the work is done, well or not.
    pub async fn settled(&self, id: &str) -> String {
        self.status_until(id, |s| s.starts_with("processed") || s.starts_with("error")).await
    }

    async fn poll<T, F: Future<Output = T>>(&self, look: impl Fn() -> F, likes: impl Fn(&T) -> bool) -> T {
        let end = Instant::now() + DEADLINE;
        loop {
            let found = look().await;
            if likes(&found) || Instant::now() > end {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The download, once it is there and whole: JSON ends with a bracket.
    pub async fn file(&self, id: &str) -> String {
        self.settled(id).await;
        let whole = |answer: &Option<Answer>| {
            // Just after `processed` the file may not be there yet (500), or grow still.
            let whole = |a: &Answer| a.status == 200 && a.text.ends_with([']', '\n']);
            answer.as_ref().is_some_and(whole)
        };
        self.poll(|| self.get_file(id), whole).await.unwrap_or_else(|| panic!("{}: no file", self.name)).text
    }

    /// Nothing where the answer breaks off: the file grew while it was sent.
    async fn get_file(&self, id: &str) -> Option<Answer> {
        self.try_answer(self.request("GET", &format!("/authtoken/file/{id}"))).await.ok()
    }

    /// Posts records for download and gives the rows.
    pub async fn rows(&self, body: &Value) -> Vec<Value> {
        let id = self.post(body).await.identifier();
        serde_json::from_str(&self.file(&id).await).unwrap()
    }
}
