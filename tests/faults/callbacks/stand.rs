//! Where callers are heard: everybody's record is at an MTS that delivers nothing by itself, so that whatever is delivered is a
//! row's doing.

use omc::domain::correlation::Correlation;
use omc::domain::identity::{ConnectorId, IdTypeId, RegistrantId};
use omc::domain::opaque::Nonce;
use omc::domain::record::RecordKey;
use omc::seal::Seal;
use omc::seal::receiver::{Credential, DATABASE};
use serde_json::{Value, json};

use crate::evidence::MARKER;
use crate::harness::{answer, client, eventually, json as json_of, number, token_of};
use crate::relay::Fault;
use crate::row::Row;
use crate::scene::{Scene, Stage};
use crate::silent_mts::{Mts, Sent};

/// What a caller is told: status and body.
pub type Told = (u16, String);

/// Metrics up to the value of their label.
pub const CALLBACKS: &str = "omc_callbacks_total{result";
pub const LOGINS: &str = "omc_callback_logins_total{result";
pub const RESULTS: &str = "omc_callback_results_total{outcome";

/// Types of IDs.
pub const VID: u64 = 1;
pub const TOKEN: u64 = 2;

pub struct Stand {
    pub scene: Scene,
    pub mts: Mts,
    pub seal: Seal,
    /// Of the credentials that OMC gives out.
    pub generation: u32,
    people: usize,
    http: reqwest::Client,
    /// The registry when the hostile caller comes.
    before: Vec<Value>,
}

impl Stand {
    pub async fn of(row: &'static Row) -> Self {
        Self::with(row, "staticBearer", &[]).await
    }

    /// With a callback auth type of the connector, and keys of the configuration.
    pub async fn with(row: &'static Row, auth: &str, keys: &[(&'static str, &str)]) -> Self {
        let mut stand = Self::before(row, Mts::start().await, auth, keys).await;
        stand.everybody_is_at_mts().await;
        stand.before = stand.registry().await;
        stand
    }

    /// Before an MTS that nobody is known to be at.
    pub async fn before(row: &'static Row, mts: Mts, auth: &str, keys: &[(&'static str, &str)]) -> Self {
        // Nothing is given up while a row looks around.
        let patient = ["reconcile.stuck_after", "reconcile.callback_grace"].map(|key| (key, "\"10m\""));
        let keys = patient.iter().chain(keys).map(|(key, value)| (*key, (*value).to_owned())).collect();
        let connector = Some(json!({"callback_authtype": auth}));
        let stage = Stage { keys, connector, mts: Some(mts.url.clone()), ..Stage::default() };
        let scene = Scene::begun(row, stage, Fault::None.always()).await;
        let people = number(&scene.world.odoo.state().await, "missing_tokens") as usize;
        let seal = scene.world.configuration.seal();
        let generation = scene.daemon.generation();
        Self { scene, mts, seal, generation, people, http: client(), before: Vec::new() }
    }

    pub async fn everybody_is_at_mts(&self) {
        eventually("everybody is at MTS", async || self.mts.records().len(), |records| *records == self.people).await;
        let pending = async || number(&self.scene.daemon.connector(1).await["records"], "pending");
        eventually("nobody is on the way", pending, |pending| *pending == 0).await;
    }

    /// Everything that the registry holds of everybody.
    async fn registry(&self) -> Vec<Value> {
        let odoo = &self.scene.world.odoo;
        let ids =
            odoo.search_read("g2p.reg.id", json!([]), &["partner_id", "id_type", "value", "status", "write_date"]);
        let people = odoo.search_read("res.partner", json!([]), &["given_name", "active", "write_date"]);
        [ids.await, people.await].concat()
    }

    /// The hostile caller has changed nobody.
    async fn nobody_is_changed(&self) {
        assert_eq!(self.registry().await, self.before, "{}", self.scene.row.name);
    }

    pub async fn ids(&self, registrant: u64, kind: u64) -> Vec<String> {
        self.scene.world.odoo.ids_of(registrant, kind).await
    }

    /// Waits until this registrant holds a token; it must be the right one, and the only one.
    pub async fn has_a_token(&self, sent: &Sent) {
        let registrant = registrant(&sent.reference);
        let tokens = async || self.ids(registrant, TOKEN).await;
        let tokens = eventually("the token is there", tokens, |tokens| !tokens.is_empty()).await;
        assert_eq!(tokens, [token_of(&sent.vid)]);
    }

    pub fn bearer(&self) -> String {
        self.mts.bearer()
    }

    pub fn credential(&self, kind: Credential) -> String {
        self.anothers(kind, 1)
    }

    /// What another connector's MTS shows.
    pub fn anothers(&self, kind: Credential, connector: u32) -> String {
        self.seal.credential(kind, connector, self.generation).into_exposed()
    }

    /// Waits until the metrics say so: exactly so many of what the caller did.
    pub async fn counted(&self, metrics: &[(&str, &str, u32)]) {
        for (metric, label, count) in metrics {
            let line = format!("{metric}=\"{label}\"}}");
            let counted = async || self.scene.daemon.metric(&line).await;
            eventually(&format!("{line} is {count}"), counted, |counted| *counted == f64::from(*count)).await;
        }
    }

    /// A callback for a connector, with these headers.
    pub async fn call(&self, connector: &str, headers: &[(&str, &str)], body: &str) -> Told {
        let url = format!("{}/callback/{connector}", self.scene.daemon.callback);
        let request = self.http.post(url).header("Content-Type", "application/json").body(body.to_owned());
        answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// A callback for a connector, with a bearer.
    pub async fn show(&self, connector: &str, bearer: &str, body: &str) -> Told {
        self.call(connector, &[("Authorization", &format!("Bearer {bearer}"))], body).await
    }

    /// A callback with the right bearer.
    pub async fn bring(&self, body: &Value) -> Told {
        self.show("1", &self.bearer(), &body.to_string()).await
    }

    /// A login as at Odoo: the answer's body, and the cookie that came with it.
    pub async fn log_in(&self, database: &str, login: &str, password: &str) -> (String, Option<String>) {
        let params = json!({"db": database, "login": login, "password": password});
        let body = json!({"jsonrpc": "2.0", "params": params}).to_string();
        let url = format!("{}/web/session/authenticate", self.scene.daemon.callback);
        let mut response = self.http.get(url).body(body).send().await.unwrap();
        let cookie = response.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
        let mut told = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            told.extend_from_slice(&chunk);
        }
        (String::from_utf8(told).unwrap(), cookie)
    }

    /// Asks for an access token.
    pub async fn ask(&self, client: &str, secret: &str) -> Told {
        let form = format!("client_id={client}&grant_type=client_credentials&client_secret={secret}");
        answer(self.http.post(format!("{}/oauth/token", self.scene.daemon.callback)).body(form)).await
    }

    /// What MTS delivers, as MTS shows itself by this auth type: everybody's result.
    pub async fn deliver_as(&self, auth: &str) {
        let results: Vec<Value> = self.mts.records().iter().map(good).collect();
        let body = json!(results).to_string();
        let told = match auth {
            "odoo" => {
                let password = self.credential(Credential::Password);
                let (_, cookie) = self.log_in(DATABASE, "omc-1", &password).await;
                let cookie = cookie.unwrap();
                self.call("1", &[("Cookie", cookie.split(';').next().unwrap())], &body).await
            }
            "oauth" => {
                let secret = self.credential(Credential::ClientSecret);
                let form = format!("client_id=omc-1&grant_type=client_credentials&client_secret={secret}");
                let request = self.http.post(format!("{}/oauth/token", self.scene.daemon.callback)).body(form);
                let given = json_of(request).await;
                self.show("1", given["access_token"].as_str().unwrap(), &body).await
            }
            "none" => self.call("1", &[], &body).await,
            _ => self.show("1", &self.bearer(), &body).await,
        };
        assert_eq!(told, stored());
    }

    /// What the row says is seen, the hostile caller has changed nobody, and MTS delivers to the same daemon.
    pub async fn goes_on_as(self, auth: &str) -> Scene {
        self.nobody_is_changed().await;
        self.ends(auth).await
    }

    pub async fn goes_on(self) -> Scene {
        self.goes_on_as("staticBearer").await
    }

    /// The same where something of a callback did count.
    pub async fn goes_on_changed(self) -> Scene {
        self.ends("staticBearer").await
    }

    async fn ends(mut self, auth: &str) -> Scene {
        self.scene = self.scene.is_seen().await;
        self.deliver_as(auth).await;
        self.scene.world.all_tokens_are_there().await;
        self.nothing_is_quoted();
        // It answers OMC's questions until the test ends.
        std::mem::forget(self.mts);
        self.scene
    }

    /// No credential and no correlation, of anybody, stands in the log; what else may not is looked for in the end.
    fn nothing_is_quoted(&self) {
        let mut secrets: Vec<String> = self.mts.records().into_iter().map(|sent| sent.reference).collect();
        for kind in [Credential::Bearer, Credential::Password, Credential::ClientSecret] {
            for connector in [1, 2] {
                let given = self.anothers(kind, connector);
                secrets.push(given.split_once('.').unwrap().1.to_owned());
            }
        }
        for line in self.scene.daemon.process.stderr.all() {
            let told = secrets.iter().find(|secret| line.contains(secret.as_str()));
            assert!(told.is_none(), "the log tells {told:?}: {line}");
        }
    }
}

/// The result that MTS gives for a record.
pub fn good(sent: &Sent) -> Value {
    result(&sent.reference, "processed", &token_of(&sent.vid))
}

pub fn result(reference: &str, status: &str, token: &str) -> Value {
    json!({"omc_ref": reference, "status": status, "token": token, "code": null, "data": null})
}

/// A result that nobody is to believe, with what nobody is to repeat.
pub fn hostile(reference: &str) -> Value {
    let mut result = result(reference, "processed", MARKER);
    result["data"] = json!({"values": {"given_name": MARKER}, "registrant": 1, "id": MARKER});
    result
}

pub fn stored() -> Told {
    (200, "stored".to_owned())
}

pub fn unauthorised() -> Told {
    (401, "not authorised".to_owned())
}

/// The record that a reference names.
pub fn named(reference: &str) -> Correlation {
    Correlation::from_text(reference).unwrap().0
}

pub fn registrant(reference: &str) -> u64 {
    named(reference).key.registrant.0.into()
}

/// A reference that says something else than OMC made it say.
pub fn changed(reference: &str, change: impl FnOnce(&mut Correlation)) -> String {
    let (mut correlation, mac) = Correlation::from_text(reference).unwrap();
    change(&mut correlation);
    correlation.to_text(mac)
}

/// A correlation that was never sent.
pub fn made_up(registrant: u32) -> Correlation {
    let key = RecordKey { token_type: IdTypeId(2), registrant: RegistrantId(registrant) };
    Correlation { connector: ConnectorId(1), key, nonce: Nonce([7; 12]) }
}
