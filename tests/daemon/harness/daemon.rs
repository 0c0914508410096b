//! The daemon under test, and the commands that a person gives it.

use rustix::process::Signal;
use serde_json::Value;

use super::process::finished_with;
use super::{Configuration, DEADLINE, Output, Process, answer, client, eventually};

/// One start of `omc serve`.
pub struct Daemon {
    pub process: Process,
    admin: String,
    token_file: String,
    pub callback: String,
    http: reqwest::Client,
}

impl Daemon {
    /// Starts it and does not wait for anything.
    pub fn launch(configuration: &Configuration) -> Self {
        Self::launch_with(configuration, &[])
    }

    pub fn launch_with(configuration: &Configuration, environment: &[(&str, &str)]) -> Self {
        Self::of(configuration, |arguments| Process::start_with(arguments, environment))
    }

    /// Starts it by a shell that does something first.
    pub fn launch_after(configuration: &Configuration, script: &str) -> Self {
        Self::of(configuration, |arguments| Process::start_after(script, arguments))
    }

    /// Starts it so that writing beyond a limit is an error, and not its death.
    pub fn launch_deaf_to_limits(configuration: &Configuration) -> Self {
        Self::launch_after(configuration, "trap '' XFSZ")
    }

    /// Starts it from a file of its own.
    pub fn launch_file(configuration: &Configuration, program: &std::path::Path) -> Self {
        Self::of(configuration, |arguments| Process::start_file(program, arguments))
    }

    fn of(configuration: &Configuration, start: impl FnOnce(&[&str]) -> Process) -> Self {
        configuration.write();
        let path = configuration.path();
        let scheme = if configuration.has("callback.tls_cert") { "https" } else { "http" };
        let process = start(&["serve", "--config", path.to_str().unwrap()]);
        Self {
            process,
            admin: format!("http://{}", configuration.get("admin.listen")),
            token_file: configuration.get("admin.token_file").to_owned(),
            callback: format!("{scheme}://{}", configuration.get("callback.listen")),
            http: client(),
        }
    }

    /// Starts it and waits until it is up.
    pub async fn start(configuration: &Configuration) -> Self {
        let mut daemon = Self::launch(configuration);
        daemon.is_up().await;
        daemon
    }

    pub async fn is_up(&mut self) {
        let stderr = self.process.stderr.clone();
        let end = tokio::time::Instant::now() + DEADLINE;
        while stderr.find("OMC is up").is_none() {
            assert!(self.process.is_running(), "{:#?}", self.process.tail());
            assert!(tokio::time::Instant::now() < end, "{:#?}", self.process.tail());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Waits for a line of the log that holds all of these.
    pub async fn says(&self, parts: &[&str]) -> String {
        let stderr = self.process.stderr.clone();
        let find = async || stderr.all().into_iter().find(|line| parts.iter().all(|part| line.contains(part)));
        let what = format!("the daemon's log says {parts:?}");
        eventually(&what, find, Option::is_some).await.unwrap()
    }

    /// How often a line of the log holds this.
    pub fn said(&self, part: &str) -> usize {
        self.process.stderr.all().iter().filter(|line| line.contains(part)).count()
    }

    /// The newest generation of callback credentials that this start began. One on a store that is there begins none.
    pub fn generation(&self) -> u32 {
        let lines = self.process.stderr.all();
        let newest = lines.iter().rfind(|line| line.contains("MTS is given new credentials")).unwrap();
        let line: Value = serde_json::from_str(newest).unwrap();
        u32::try_from(line["fields"]["generation"].as_u64().or(line["generation"].as_u64()).unwrap()).unwrap()
    }

    /// SIGTERM, and waits for a clean end.
    pub async fn stop(mut self) -> Vec<String> {
        self.process.signal(Signal::TERM);
        let status = self.process.ended(std::time::Duration::from_secs(40)).await;
        assert_eq!(status.code(), Some(0), "{:#?}", self.process.tail());
        self.process.stderr.all()
    }

    /// Asks the admin listener, with the bearer.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let token = std::fs::read_to_string(&self.token_file).unwrap();
        answer(self.http.get(format!("{}{path}", self.admin)).bearer_auth(token.trim())).await
    }

    /// Asks the admin listener, without.
    pub async fn open(&self, path: &str) -> (u16, String) {
        answer(self.http.get(format!("{}{path}", self.admin))).await
    }

    pub async fn status(&self) -> Value {
        serde_json::from_str(&self.admin("/status").await.1).unwrap()
    }

    /// What `/status` says of one connector.
    pub async fn connector(&self, id: u64) -> Value {
        let status = self.status().await;
        let found = status["connectors"].as_array().unwrap().iter().find(|connector| connector["id"] == id);
        found.cloned().unwrap_or(Value::Null)
    }

    /// Posts to the receiver.
    pub async fn deliver(&self, connector: u64, bearer: &str, body: &str) -> u16 {
        let url = format!("{}/callback/{connector}", self.callback);
        answer(self.http.post(url).bearer_auth(bearer).body(body.to_owned())).await.0
    }

    /// Logs in at the receiver as MTS does; gives the answer's body.
    pub async fn log_in(&self, database: &str, login: &str, password: &str) -> String {
        let params = serde_json::json!({"db": database, "login": login, "password": password});
        let body = serde_json::json!({"jsonrpc": "2.0", "params": params});
        answer(self.http.post(format!("{}/web/session/authenticate", self.callback)).json(&body)).await.1
    }

    /// The value of one metric, by the beginning of its line (labels included); 0 if it is not there.
    pub async fn metric(&self, name: &str) -> f64 {
        let (status, text) = self.open("/metrics").await;
        assert_eq!(status, 200);
        let line = text.lines().find(|line| line.starts_with(name) && !line.starts_with('#'));
        line.and_then(|line| line.rsplit_once(' ')).map_or(0.0, |(_, value)| value.parse().unwrap())
    }
}

/// The token that MTS gives for a VID.
pub fn token_of(vid: &str) -> String {
    // MOSIP's static token, made anew here.
    let hash = |text: String| <sha2::Sha256 as sha2::Digest>::digest(text);
    let inner: String = hash(format!("{vid}simulated-uin-salt")).iter().map(|byte| format!("{byte:02X}")).collect();
    let outer = hash(format!("{inner}mpartner-default-omcsimulated-partner-salt"));
    // Schoolbook: the number in base ten, nine digits at a time, lowest first.
    let mut limbs: Vec<u64> = Vec::new();
    for byte in outer {
        let mut carry = u64::from(byte);
        for limb in &mut limbs {
            carry += *limb << 8;
            *limb = carry % 1_000_000_000;
            carry /= 1_000_000_000;
        }
        limbs.extend((carry > 0).then_some(carry));
    }
    let text: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
    text.trim_start_matches('0')[..36].to_owned()
}

impl Configuration {
    /// What MTS shows at the receiver for a connector; derived from the daemon's key as the daemon does.
    pub fn seal(&self) -> omc::seal::Seal {
        omc::seal::load_or_make(self.get("store.key_file").as_ref()).unwrap()
    }

    /// Runs a command under this configuration to its end.
    pub async fn command(&self, arguments: &[&str]) -> Output {
        let path = self.path();
        let mut all = vec!["--config", path.to_str().unwrap()];
        all.extend(arguments);
        finished_with(&all, &[]).await
    }
}
