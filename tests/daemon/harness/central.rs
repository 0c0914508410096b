//! ODK Central, with a form.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{Process, answer, client, eventually, json as json_of};

/// The simulated one, until it is dropped.
pub struct Central {
    process: Process,
    pub url: String,
}

pub const EMAIL: &str = "seeder@odk.example";
/// Long enough for a hit in a log to mean something.
pub const PASSWORD: &str = "Tigre-91-Montanha";

impl Central {
    /// With a form in which nobody has submitted anything.
    pub async fn start() -> Self {
        Self::with(&["--submissions", "0"]).await
    }

    pub async fn with(more: &[&str]) -> Self {
        let mut arguments = vec!["--listen", "127.0.0.1:0", "--email", EMAIL, "--password", PASSWORD];
        arguments.extend(more);
        let (process, url) = Process::simulator("odk", &arguments).await;
        Self { process, url }
    }

    /// Over TLS too; gives the address for that.
    pub async fn secure(certificate: &Path, key: &Path) -> (Self, String) {
        let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
        let tls = ["--tls-listen", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key];
        let central = Self::with(&[&["--submissions", "0"], &tls[..]].concat()).await;
        let stdout = central.process.stdout.clone();
        let line = eventually("it says where", async || stdout.find("secure"), Option::is_some).await;
        let told: Value = serde_json::from_str(&line.unwrap()).unwrap();
        (central, told["secure"].as_str().unwrap().to_owned())
    }

    /// Somebody submits the form; whoever did before changes his answers.
    pub async fn submit(&self, at: DateTime<Utc>, answers: Value) {
        let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let submissions = json!([{"at": at, "answers": answers}]);
        json_of(client().post(format!("{}/_sim/submissions", self.url)).json(&submissions)).await;
    }

    pub async fn remove(&self, id: &str) {
        assert_eq!(answer(client().post(format!("{}/_sim/remove", self.url)).body(id.to_owned())).await.0, 200);
    }

    /// Whether the form is shown.
    pub async fn close(&self, closed: bool) {
        self.faults(json!({ "closed": closed })).await;
    }

    pub async fn faults(&self, faults: Value) {
        json_of(client().post(format!("{}/_sim/faults", self.url)).json(&faults)).await;
    }

    /// The windows that were asked for, without those in which nothing can be.
    pub async fn asked(&self) -> Vec<(String, String)> {
        let asked = json_of(client().get(format!("{}/_sim/asked", self.url))).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let windows = asked.as_array().unwrap().iter().map(|window| (text(&window[0]), text(&window[1])));
        windows.filter(|(begin, end)| begin < end).collect()
    }
}
