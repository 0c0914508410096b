//! Where a row is played: both simulators, a relay before each, and the daemon in the middle of its job.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::evidence::{Evidence, Secrets};
use super::harness::{DEADLINE, Daemon, Setup, World, eventually, number};
use super::relay::{Fault, Relay, Strikes};
use super::row::{Place, Row};

pub const PEOPLE: u32 = 24;
/// A quarter of the people.
const BATCH: u32 = 6;
const PASSWORD: &str = "walrus-teacup-9931";

/// What the relays show to OMC; `None`: they speak plain HTTP.
#[derive(Default)]
pub struct Stage {
    pub odoo_certificate: Option<super::certificates::Issued>,
    pub mts_certificate: Option<super::certificates::Issued>,
    /// Keys of the configuration, with their values as TOML.
    pub keys: Vec<(&'static str, String)>,
    /// Values of the connector.
    pub connector: Option<Value>,
    /// Odoo without OMC's addon.
    pub stock: bool,
    /// Address of an MTS that stands in the simulated one's place.
    pub mts: Option<String>,
}

pub struct Scene {
    pub row: &'static Row,
    pub world: World,
    pub daemon: Daemon,
    /// Before Odoo.
    pub odoo: Relay,
    /// Before MTS.
    pub mts: Relay,
    pub evidence: Evidence,
    secrets: Secrets,
}

/// Plays a row to the end.
pub async fn play(row: &'static Row, plays: impl AsyncFnOnce(&'static Row) -> Scene) {
    plays(row).await.is_over().await;
}

#[expect(clippy::wrong_self_convention, reason = "a step of the play hands the scene on to the next")]
impl Scene {
    /// The daemon has written the tokens of a first batch; its second is on the way, and held before MTS.
    pub async fn in_the_middle(row: &'static Row) -> Self {
        Self::with(row, Stage::default()).await
    }

    pub async fn with(row: &'static Row, stage: Stage) -> Self {
        let scene = Self::begun(row, stage, Fault::Hold.at("POST /authtoken/json").after(1)).await;
        let state = async || scene.world.odoo.state().await;
        eventually("the first tokens are there", state, |state| number(state, "with_token") > 0).await;
        eventually("the second batch is on its way", async || scene.mts.struck(), |struck| *struck > 0).await;
        scene
    }

    /// The daemon has started, and MTS goes wrong in this way.
    pub async fn begun(row: &'static Row, stage: Stage, of_mts: impl Into<Strikes>) -> Self {
        let setup = Setup {
            registrants: PEOPLE,
            invalid_percent: 0,
            password: PASSWORD.to_owned(),
            addon: !stage.stock,
            ..Setup::default()
        };
        let mut world = World::start(setup).await;
        let secrets = Secrets::of(&world, PASSWORD).await;
        let odoo = Relay::start(&world.odoo.url, stage.odoo_certificate.as_ref());
        let mts = Relay::start(stage.mts.as_ref().unwrap_or(&world.mts_url), stage.mts_certificate.as_ref());
        let model = if stage.stock { "mts.connector" } else { "omc.connector" };
        let mut values = stage.connector.unwrap_or_else(|| json!({}));
        values["mts_url"] = json!(mts.url);
        world.odoo.write(model, 1, values).await;
        world.configuration.set("odoo.url", &format!("{:?}", odoo.url)).set("odoo.timeout", "\"20s\"");
        world.configuration.set("submit.batch_size", &BATCH.to_string()).set("reconcile.stuck_after", "\"1s\"");
        for (key, value) in &stage.keys {
            world.configuration.set(key, value);
        }
        mts.strikes(of_mts);
        let daemon = Daemon::start(&world.configuration).await;
        Self { row, world, daemon, odoo, mts, evidence: Evidence::default(), secrets }
    }

    /// Odoo goes wrong, and MTS goes on.
    pub fn odoo_strikes(&self, strikes: impl Into<Strikes>) {
        self.odoo.strikes(strikes);
        self.mts.passes();
    }

    /// MTS goes wrong, also for the batch that is on its way.
    pub fn mts_strikes(&self, strikes: impl Into<Strikes>) {
        self.mts.strikes(strikes);
    }

    /// Waits until everything was seen that the row says is seen.
    pub async fn is_seen(mut self) -> Self {
        let end = Instant::now() + DEADLINE;
        loop {
            self.evidence.look(&self.world, &self.daemon).await;
            self.evidence.ask(&self.world, self.row).await;
            let missing = self.evidence.missing(self.row);
            if missing.is_empty() {
                return self;
            }
            assert!(
                Instant::now() < end,
                "{}: not seen: {missing:?}\n{:#?}\nthe log: {:#?}",
                self.row.name,
                missing.iter().map(|(place, _)| self.evidence.said(*place)).collect::<Vec<_>>(),
                self.daemon.process.tail()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Nothing goes wrong any more; nobody touches the daemon.
    pub fn lifted(self) -> Self {
        self.odoo.passes();
        self.mts.passes();
        self
    }

    /// Sets keys of the configuration, and has the daemon read it again. What is held before MTS goes on meanwhile.
    pub async fn reloads(&mut self, keys: &[(&str, &str)]) {
        for (key, value) in keys {
            self.world.configuration.set(key, &format!("{value:?}"));
        }
        self.world.configuration.write();
        let before = self.daemon.said("the configuration is read again");
        self.daemon.process.signal(rustix::process::Signal::HUP);
        self.mts.passes();
        let said = async || self.daemon.said("the configuration is read again");
        eventually("the configuration is read again", said, |said| *said > before).await;
    }

    /// Everybody has a token, nobody pays for it, nothing is troubled any more, and nothing was told that must not be.
    pub async fn is_over(mut self) {
        let missing = self.evidence.missing(self.row);
        assert!(missing.is_empty(), "{}: never looked for, or not seen: {missing:?}", self.row.name);
        self.world.all_tokens_are_there().await;
        let troubles = async || self.daemon.status().await["troubles"].clone();
        eventually("no trouble is left", troubles, |troubles| troubles.as_array().is_some_and(Vec::is_empty)).await;
        let records = async || self.daemon.connector(1).await["records"].clone();
        let under_way = ["pending", "submitted", "to_write"];
        let records = eventually("nothing is under way", records, |records| {
            under_way.iter().all(|state| records[state].as_u64().unwrap_or(0) == 0)
        })
        .await;
        for state in ["rejected", "abandoned"] {
            assert_eq!(number(&records, state), 0, "{}: {records}", self.row.name);
        }
        if !self.world.configuration.has("odoo.connector_model") {
            let error = async || self.world.odoo.connector(1, &["last_error"]).await["last_error"].clone();
            eventually("Odoo shows no error", error, |error| *error == json!(false)).await;
        }
        for farewell in self.row.farewells() {
            let said = async || {
                let lines = self.daemon.process.stderr.all();
                lines.iter().any(|line| line.contains(farewell) && !line.contains("\"DEBUG\""))
            };
            eventually(&format!("the log says {farewell:?}"), said, |said| *said).await;
        }
        self.evidence.look(&self.world, &self.daemon).await;
        self.secrets.are_kept(&self.evidence, &self.daemon);
        self.world.nothing_is_wrong(&self.world.odoo.state().await);
        assert_eq!(self.evidence.said(Place::Error).iter().filter(|line| line.contains("broke down")).count(), 0);
        self.daemon.stop().await;
    }
}
