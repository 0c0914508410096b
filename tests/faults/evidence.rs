//! Everything that an administrator could have seen, and what nobody may see.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::harness::{Daemon, World, token_of};
use super::row::{Place, Row};

/// Stands in every answer that is made up: text of a remote, as it might quote a person.
pub const MARKER: &str = "Zenobia Quixley-Marrow, VID 7319930244186650";

/// What was seen, place by place; what changes is kept in all its versions.
#[derive(Default)]
pub struct Evidence(BTreeMap<Place, Vec<String>>);

impl Evidence {
    fn add(&mut self, place: Place, text: String) {
        let seen = self.0.entry(place).or_default();
        if !seen.contains(&text) {
            seen.push(text);
        }
    }

    /// Looks at what costs little.
    pub async fn look(&mut self, world: &World, daemon: &Daemon) {
        self.read_log(daemon);
        let (status, body) = daemon.open("/ready").await;
        self.add(Place::Ready, format!("{status} {body}"));
        self.add(Place::Metrics, daemon.open("/metrics").await.1);
        self.look_into_odoo(world).await;
    }

    pub fn read_log(&mut self, daemon: &Daemon) {
        for line in daemon.process.stderr.all() {
            let level = serde_json::from_str::<Value>(&line).ok().map(|line| line["level"].clone());
            let place = match level.as_ref().and_then(Value::as_str) {
                Some("ERROR") => Place::Error,
                Some("WARN") => Place::Warn,
                Some("INFO") => Place::Info,
                _ => continue,
            };
            self.add(place, line);
        }
    }

    async fn look_into_odoo(&mut self, world: &World) {
        let all = json!([]);
        let models = [
            ("omc.connector", &["name", "job_status", "last_error"][..]),
            ("omc.run", &["state", "message"]),
            ("omc.rejection", &["code", "reason", "remedy", "state"]),
        ];
        let models = if world.configuration.has("odoo.connector_model") { &models[..0] } else { &models[..] };
        for (model, fields) in models {
            for row in world.odoo.search_read(model, all.clone(), fields).await {
                self.add(Place::Odoo, row.to_string());
            }
        }
    }

    /// Gives the commands that print what the row still lacks.
    pub async fn ask(&mut self, world: &World, row: &Row) {
        for (place, arguments) in
            [(Place::Status, &["status"][..]), (Place::Check, &["check"]), (Place::Failed, &["failed"])]
        {
            if self.missing(row).iter().any(|(missing, _)| *missing == place) {
                let output = world.configuration.command(arguments).await;
                self.add(place, output.stdout);
                self.add(place, output.stderr);
            }
        }
    }

    /// What the row says is seen, and was not.
    pub fn missing(&self, row: &Row) -> Vec<(Place, &'static str)> {
        let seen = |place: Place, part: &str| {
            self.0.get(&place).is_some_and(|texts| texts.iter().any(|text| text.contains(part)))
        };
        row.fragments().into_iter().filter(|(place, part)| !seen(*place, part)).collect()
    }

    pub fn said(&self, place: Place) -> &[String] {
        self.0.get(&place).map_or(&[], Vec::as_slice)
    }

    fn all(&self) -> impl Iterator<Item = (&Place, &String)> {
        self.0.iter().flat_map(|(place, texts)| texts.iter().map(move |text| (place, text)))
    }
}

/// What must not be told: people's data, tokens, passwords, and what a remote said.
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Gives everybody a name that is nobody's else, and remembers all that there is to keep.
    pub async fn of(world: &World, password: &str) -> Self {
        let mut secrets = vec![password.to_owned()];
        secrets.extend(parts_of_the_marker());
        for row in world.odoo.search_read("g2p.reg.id", json!([["id_type", "=", 1]]), &["value"]).await {
            let vid = row["value"].as_str().unwrap();
            secrets.extend([vid.to_owned(), token_of(vid)]);
        }
        let fields = ["phone", "email", "address"];
        for person in world.odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &fields).await {
            let id = person["id"].as_u64().unwrap();
            let name = format!("Ximenez{id}wyk");
            world.odoo.write("res.partner", id, json!({"given_name": name})).await;
            let told = fields.iter().filter_map(|field| person[field].as_str()).filter(|text| text.len() > 6);
            secrets.extend(told.map(str::to_owned));
            secrets.push(name);
        }
        Self(secrets)
    }

    /// Neither in what anybody saw nor in the log at any level.
    pub fn are_kept(&self, evidence: &Evidence, daemon: &Daemon) {
        let log = daemon.process.stderr.all();
        let seen = evidence.all().map(|(place, text)| (place.to_string(), text));
        for (place, text) in seen.chain(log.iter().map(|line| ("the log".to_owned(), line))) {
            let told = self.told(text);
            assert!(told.is_none(), "{place} tells {told:?}: {text}");
        }
    }

    /// The secret that a text tells.
    fn told(&self, text: &str) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|secret| text.contains(secret))
    }
}

/// Every part of it that says something counts.
fn parts_of_the_marker() -> impl Iterator<Item = String> {
    MARKER.split([' ', ',']).filter(|part| part.len() > 6).map(str::to_owned)
}

#[test]
fn what_is_told_is_found() {
    let secrets = Secrets(parts_of_the_marker().collect());
    for text in ["Odoo says: Zenobia is", "VID 7319930244186650", MARKER] {
        assert!(secrets.told(text).is_some(), "{text}");
    }
    assert_eq!(secrets.told("the connection broke"), None);
}

#[test]
fn what_was_not_seen_is_missing() {
    let sees = "log (warn): `fails; waiting`, `refused`<br>status: `Odoo`";
    let row = Row { name: "n", peer: super::row::Peer::Odoo, fault: "f", does: "d", sees, recovers: "r" };
    let mut evidence = Evidence::default();
    evidence.add(Place::Warn, "fails; waiting".to_owned());
    evidence.add(Place::Error, "refused".to_owned());
    evidence.add(Place::Warn, "Odoo".to_owned());
    assert_eq!(evidence.missing(&row), [(Place::Warn, "refused"), (Place::Status, "Odoo")]);
}
