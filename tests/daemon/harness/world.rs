//! Both simulators, and a folder for the daemon.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Configuration, DEADLINE, Odoo, Process, client, eventually, json as json_of, number};

/// What a test wants of the simulators.
#[derive(Debug, Clone)]
pub struct Setup {
    pub registrants: u32,
    pub invalid_percent: u32,
    pub seed: u64,
    pub addon: bool,
    /// Time that a record takes at the POST, and again at work.
    pub record_micros: u64,
    pub password: String,
    /// PEM file of the CAs that MTS trusts at callbacks.
    pub mts_trusts: Option<PathBuf>,
    /// Of MTS.
    pub release: &'static str,
    /// Whom the gateway before MTS lets through; unset: there is none.
    pub require_login: Option<String>,
    /// MOSIP's token policy is `random`.
    pub random_tokens: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            registrants: 200,
            invalid_percent: 20,
            seed: 1,
            addon: true,
            record_micros: 0,
            password: "admin".to_owned(),
            mts_trusts: None,
            release: "1.1",
            require_login: None,
            random_tokens: false,
        }
    }
}

pub struct World {
    pub odoo: Odoo,
    pub mts: Process,
    pub mts_url: String,
    pub configuration: Configuration,
    _folder: TempDir,
    http: reqwest::Client,
}

impl World {
    pub async fn start(setup: Setup) -> Self {
        let micros = setup.record_micros.to_string();
        let mut of_mts = vec!["--listen", "127.0.0.1:0", "--record-micros", &micros, "--release", setup.release];
        let trusted = setup.mts_trusts.as_ref().map(|path| path.to_str().unwrap().to_owned());
        of_mts.extend(trusted.iter().flat_map(|path| ["--ca-cert", path]));
        of_mts.extend(setup.require_login.iter().flat_map(|who| ["--require-login", who]));
        of_mts.extend(setup.random_tokens.then_some("--random-tokens"));
        let (mts, mts_url) = Process::simulator("mts", &of_mts).await;
        let odoo = Odoo::start(
            &arguments(&setup, "127.0.0.1:0", &mts_url).iter().map(String::as_str).collect::<Vec<_>>(),
            &setup.password,
        )
        .await;
        let folder = tempfile::tempdir().unwrap();
        let mut configuration = Configuration::new(folder.path(), &odoo.url);
        configuration.set("odoo.password", &format!("{:?}", setup.password));
        if !setup.addon {
            configuration.set("odoo.connector_model", "\"mts.connector\"");
            configuration.set("odoo.connectors", "[\"Demo registrants\"]");
        }
        configuration.write();
        Self { odoo, mts, mts_url, configuration, _folder: folder, http: client() }
    }

    pub async fn mts_state(&self) -> Value {
        json_of(self.http.get(format!("{}/_sim/state", self.mts_url))).await
    }

    pub async fn mts_faults(&self, faults: Value) {
        json_of(self.http.post(format!("{}/_sim/faults", self.mts_url)).json(&faults)).await;
    }

    /// Makes everything go well again.
    pub async fn faults_off(&self) {
        self.odoo.faults(json!({})).await;
        let none = json!({"latency_ms": 0, "error_rate": 0, "drop_callbacks": 0, "repeat_callbacks": 0,
            "delay_callbacks_ms": 0, "reorder_callbacks": 0, "refuse": false, "truncate_rate": 0, "garbage_rate": 0,
            "hang_rate": 0, "early_callbacks": false, "broken_rate": 0, "poison": "", "max_body": 0, "files": "whole"});
        self.mts_faults(none).await;
    }

    /// Waits until everybody who can have a token has one.
    pub async fn all_tokens_are_there(&self) -> Value {
        let odoo = &self.odoo;
        let state =
            eventually("no token is missing", || odoo.state(), |state| number(state, "missing_tokens") == 0).await;
        self.nothing_is_wrong(&state);
        state
    }

    pub fn nothing_is_wrong(&self, state: &Value) {
        for key in ["duplicate_token_rows", "wrong_tokens", "vids_cleared_without_token"] {
            assert_eq!(number(state, key), 0, "{key}: {state}");
        }
    }

    /// Waits until so many records came to MTS.
    pub async fn mts_has_seen(&self, records: u64) -> Value {
        let what = format!("MTS has seen {records} records within {DEADLINE:?}");
        eventually(&what, || self.mts_state(), |state| number(state, "records") >= records).await
    }
}

/// The simulated Odoo's arguments.
pub fn arguments(setup: &Setup, listen: &str, mts_url: &str) -> Vec<String> {
    let mut arguments: Vec<String> = [
        ("--listen", listen.to_owned()),
        ("--registrants", setup.registrants.to_string()),
        ("--invalid-percent", setup.invalid_percent.to_string()),
        ("--seed", setup.seed.to_string()),
        ("--mts-url", mts_url.to_owned()),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect();
    arguments.extend((!setup.addon).then(|| "--no-addon".to_owned()));
    arguments
}
