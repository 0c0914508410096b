//! MOSIP's services.

use serde_json::{Value, json};

use super::{Configuration, Process, client, json as json_of, number};

/// Long enough for a hit in a log to mean something.
pub const SECRET: &str = "correct-horse-battery";

pub struct Mosip {
    _process: Process,
    pub url: String,
}

impl Mosip {
    pub async fn start() -> Self {
        let (process, url) = Process::simulator("mosip", &["--listen", "127.0.0.1:0", "--secret-key", SECRET]).await;
        Self { _process: process, url }
    }

    pub async fn state(&self) -> Value {
        json_of(client().get(format!("{}/_sim/state", self.url))).await
    }

    pub async fn logins(&self) -> u64 {
        number(&self.state().await, "logins")
    }

    pub async fn faults(&self, faults: Value) {
        json_of(client().post(format!("{}/_sim/faults", self.url)).json(&faults)).await;
    }

    /// What the audit manager took.
    pub async fn audits(&self) -> Vec<Value> {
        let audits = json_of(client().get(format!("{}/_sim/audits", self.url))).await;
        audits.as_array().unwrap().clone()
    }

    /// An entry that logs in at authmanager.
    pub fn entry(&self, mts_url: &str, secret: &str) -> String {
        let url = &self.url;
        format!(
            "[{{ url = {mts_url:?}, kind = \"mosip\", login_url = {url:?}, app_id = \"registry\", client_id = \"omc\", {secret} }}]"
        )
    }

    /// Has a daemon log in here.
    pub fn known_to(&self, configuration: &mut Configuration) {
        let keys =
            json!({"url": self.url, "kind": "mosip", "app_id": "registry", "client_id": "omc", "secret_key": SECRET});
        for (key, value) in keys.as_object().unwrap() {
            configuration.set(&format!("mosip.{key}"), &value.to_string());
        }
    }
}
