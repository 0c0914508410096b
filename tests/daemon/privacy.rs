//! Nothing of a person, and no secret, in anything that is printed or stored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use omc::seal::receiver::Credential;
use regex::bytes::Regex;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::harness::{Chance, DEADLINE, Daemon, Setup, World, eventually};

/// What nobody may find, and where each came from.
#[derive(Default)]
struct Secrets(BTreeSet<String>);

impl Secrets {
    fn add(&mut self, secret: impl Into<String>) {
        let secret = secret.into();
        assert!(secret.len() >= 9, "too short for a hit to mean something: {secret}");
        self.0.insert(secret);
    }

    /// Searches a text, in any case of letters; a hit shows with what stands around it.
    fn are_not_in(&self, place: &str, text: &[u8]) {
        let all: Vec<String> = self.0.iter().map(|secret| regex::escape(secret)).collect();
        let search = Regex::new(&format!("(?i-u){}", all.join("|"))).unwrap();
        if let Some(hit) = search.find(text) {
            let around = &text[hit.start().saturating_sub(200)..(hit.end() + 100).min(text.len())];
            panic!("{place}: {}", String::from_utf8_lossy(around));
        }
    }
}

/// Gives everybody random names, phones, mail and postal addresses, where they have one that says something.
async fn make_distinctive(world: &World, chance: &mut Chance, secrets: &mut Secrets) {
    let fields = ["given_name", "family_name", "address", "phone", "email"];
    let people = world.odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &fields).await;
    for person in &people {
        let mut values = serde_json::Map::new();
        for field in fields {
            let told = person[field].as_str().is_some_and(|text| !text.trim().is_empty() && text != "encrypted");
            if told {
                let value = match field {
                    "phone" => format!("+63{}", chance.digits(12)),
                    "email" => format!("{}@{}.example", chance.letters(10), chance.letters(8)),
                    _ => chance.letters(14),
                };
                secrets.add(value.trim_start_matches("+63"));
                values.insert(field.to_owned(), value.into());
            }
        }
        if !values.is_empty() {
            world.odoo.write("res.partner", person["id"].as_u64().unwrap(), values.into()).await;
        }
    }
}

/// All VIDs and tokens in the registry.
async fn ids(world: &World, secrets: &mut Secrets) {
    for row in world.odoo.search_read("g2p.reg.id", json!([["id_type", "in", [1, 2]]]), &["value"]).await {
        secrets.add(row["value"].as_str().unwrap());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn no_personal_data_and_no_secret_is_printed_or_stored_in_clear() {
    let mut chance = Chance::seeded();
    let mut secrets = Secrets::default();
    let password = chance.letters(20);
    secrets.add(&password);
    let setup =
        Setup { registrants: 150, seed: chance.next() % 10_000, password: password.clone(), ..Setup::default() };
    let mut world = World::start(setup).await;
    make_distinctive(&world, &mut chance, &mut secrets).await;
    ids(&world, &mut secrets).await;
    // Whom Odoo fails on, with a traceback that quotes them.
    let people = world.odoo.search_read("res.partner", json!([["is_registrant", "=", true]]), &["id"]).await;
    let unreadable = people[people.len() / 2]["id"].clone();
    // A connector's own passwords, which OMC has no use for.
    let (stray, header) = (chance.letters(16), chance.letters(16));
    let values = json!({"callback_auth_password": stray, "odk_password": stray,
        "callback_extra_headers": format!("{{\"X-Route\": \"{header}\"}}")});
    world.odoo.write("omc.connector", 1, values).await;
    secrets.add(stray);
    secrets.add(header);
    world.configuration.set("submit.batch_size", "20").set("log.level", "\"trace\"");

    // Definitions that are wrong, with secrets where they do not belong.
    let someone = secrets.0.iter().find(|secret| secret.bytes().all(|byte| byte.is_ascii_digit())).unwrap().clone();
    let misplaced = chance.letters(15);
    secrets.add(&misplaced);
    for wrong in [
        json!({"mts_url": format!("http://user:{misplaced}@mts.example")}),
        json!({"mts_url": format!("http://mts.example/?key={misplaced}")}),
        json!({"g2p_search_domain": format!("[[\"no_such\", \"=\", \"{someone}\"]]")}),
        json!({"output_format": format!("{{a: \"{someone}\", b: env.{misplaced}}}")}),
        json!({"input_format": format!("if .vid == \"{someone}\" then env else . end")}),
        json!({"mapping": format!("{{\"vid\": \"{someone}\", \"name\": 7}}")}),
        json!({"callback_extra_headers": format!("{{\"X-Key\": [\"{misplaced}\"]}}")}),
    ] {
        let mut values = wrong;
        values["name"] = json!(chance.letters(12));
        world.odoo.another_connector(values).await;
    }
    // A wrong password first.
    let wrong = chance.letters(18);
    secrets.add(&wrong);
    world.configuration.set("odoo.password", &format!("{wrong:?}"));
    let daemon = Daemon::start(&world.configuration).await;
    daemon.says(&["fails; waiting", "Odoo", "password"]).await;
    let generation = daemon.generation();
    let mut printed = daemon.stop().await;
    let check = world.configuration.command(&["check"]).await;
    assert_eq!(check.code, Some(1));
    printed.extend([check.stdout, check.stderr]);

    world.configuration.set("odoo.password", &format!("{password:?}")).set("log.level", "\"trace,omc=trace\"");
    let odd = json!({"error_rate": 0.05, "truncate_rate": 0.02, "garbage_rate": 0.02,
        "unreadable": [unreadable, unreadable]});
    world.odoo.faults(odd).await;
    let faults = json!({"error_rate": 0.1, "drop_callbacks": 0.1, "repeat_callbacks": 0.3, "reorder_callbacks": 0.2});
    world.mts_faults(faults).await;
    let seal = world.configuration.seal();
    let bearer = seal.credential(Credential::Bearer, 1, generation).into_exposed();
    secrets.add(&bearer);
    secrets.add(seal.credential(Credential::Password, 1, generation).into_exposed());
    secrets.add(seal.credential(Credential::ClientSecret, 1, generation).into_exposed());
    let key = || std::fs::read_to_string(world.configuration.get("store.key_file")).unwrap();
    let admin_token = || std::fs::read_to_string(world.configuration.get("admin.token_file")).unwrap();
    secrets.add(key().trim());

    // Broken down in every way, with work in hand.
    for (signal, records) in [(Signal::ABORT, 20), (Signal::TRAP, 30), (Signal::KILL, 40)] {
        let mut daemon = Daemon::start(&world.configuration).await;
        world.mts_has_seen(records).await;
        secrets.add(admin_token());
        daemon.process.signal(signal);
        assert_eq!(daemon.process.ended(DEADLINE).await.code(), None);
        printed.extend(daemon.process.stdout.all());
        printed.extend(daemon.process.stderr.all());
    }
    // With another key from here on; what is at MTS goes by the one of before.
    let rekeyed = world.configuration.command(&["store", "rekey"]).await;
    assert_eq!(rekeyed.code, Some(0), "{rekeyed:?}");
    printed.extend([rekeyed.stdout, rekeyed.stderr]);
    for word in key().split_whitespace().filter(|word| word.len() > 40) {
        secrets.add(word);
    }
    let daemon = Daemon::start(&world.configuration).await;
    secrets.add(admin_token());
    world.mts_has_seen(60).await;

    // Nonsense that quotes a person, as any proxy on the way might send it.
    for body in [
        format!("<html>{someone}</html>"),
        format!("{{\"omc_ref\": \"{someone}\", \"status\": \"processed\", \"token\": \"{someone}\"}}"),
        format!("[{{\"omc_ref\": 5, \"code\": \"{someone}\", \"{someone}\": 1}}]"),
    ] {
        daemon.deliver(1, &bearer, &body).await;
        assert_eq!(daemon.deliver(1, &someone, &body).await, 401);
        assert_eq!(daemon.deliver(1, &misplaced, &body).await, 401);
    }
    for (database, login, password) in [("omc", "omc-1", &*misplaced), (&someone, &someone, &someone)] {
        assert!(daemon.log_in(database, login, password).await.contains("Access Denied"));
    }
    world.faults_off().await;
    // What an administrator's Test shows, of them all but whom Odoo fails on.
    world.odoo.faults(json!({"unreadable": [unreadable, unreadable]})).await;
    world.odoo.call("omc.connector", "action_test", json!([[1]]), json!({})).await;
    let preview = async || world.odoo.search_read("omc.preview", json!([]), &["state", "message"]).await.remove(0);
    let preview = eventually("the preview is answered", preview, |preview| preview["state"] != "requested").await;
    let fields = ["verdict", "reason", "auth_data"];
    let lines = world.odoo.search_read("omc.preview.line", json!([]), &fields).await;
    secrets.are_not_in("omc.preview", json!([preview, lines]).to_string().as_bytes());
    world.odoo.faults(json!({})).await;
    world.odoo.write("res.partner", unreadable.as_u64().unwrap(), json!({"address": "1 Mended Street"})).await;
    world.configuration.command(&["requeue", "1", "--all"]).await;
    world.all_tokens_are_there().await;
    ids(&world, &mut secrets).await;
    let rejections = async || world.odoo.search_read("omc.rejection", json!([]), &["code", "reason", "remedy"]).await;
    let rejected = daemon.connector(1).await["records"]["rejected"].as_u64().unwrap() as usize;
    let rejections =
        eventually("Odoo has the rejections", rejections, |rows| rows.len() >= rejected && rejected > 0).await;
    assert!(
        rejections.iter().any(|row| row["code"] == "IDA-DEA-001"),
        "nobody was refused with a text that quotes them"
    );
    secrets.are_not_in("omc.rejection", serde_json::to_string(&rejections).unwrap().as_bytes());
    let runs = world.odoo.search_read("omc.run", json!([]), &["message", "state"]).await;
    secrets.are_not_in("omc.run", serde_json::to_string(&runs).unwrap().as_bytes());
    let connectors = world.odoo.search_read("omc.connector", json!([]), &["last_error"]).await;
    // The first is right; what it may have to say of deliveries that were lost at the crashes is another matter.
    let told = |row: &&Value| row["id"] != 1 && row["last_error"].as_str().is_some_and(|told| !told.is_empty());
    assert_eq!(connectors.iter().filter(told).count(), 7, "{connectors:?}");
    secrets.are_not_in("last_error", serde_json::to_string(&connectors).unwrap().as_bytes());

    // Wrong definitions, as a check finds them.
    let check = world.configuration.command(&["check"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    printed.extend([check.stdout, check.stderr]);
    let wrong = world.odoo.search_read("omc.connector", json!([["id", "!=", 1]]), &["id"]).await;
    for row in wrong {
        world.odoo.write("omc.connector", row["id"].as_u64().unwrap(), json!({"active": false})).await;
    }
    for line in ["check", "status", "failed", "connectors", "preview 1 --limit 1000", "run 1 --wait", "requeue 1 --all"]
    {
        for json in [false, true] {
            let words = line.split(' ').chain(json.then_some("--json"));
            let output = world.configuration.command(&words.collect::<Vec<_>>()).await;
            assert_eq!(output.code, Some(0), "{line}: {output:?}");
            assert!(!output.stdout.is_empty(), "{line}");
            printed.extend([output.stdout, output.stderr]);
        }
    }
    for path in ["/status", "/failed", "/runs/1", "/metrics", "/ready"] {
        printed.push(daemon.admin(path).await.1);
    }
    printed.extend(daemon.process.stdout.all());
    printed.extend(daemon.stop().await);
    println!("{} bytes were printed", printed.iter().map(String::len).sum::<usize>());
    assert!(printed.iter().any(|line| line.contains("\"target\":\"hyper")), "the log has nothing of the libraries");
    secrets.are_not_in("printed", printed.join("\n").as_bytes());

    // Everything beside the configuration: drafts, too, if any stayed. Key and token are in their files, and nowhere else.
    let home = world.configuration.path().parent().unwrap().to_owned();
    let at_home = ["config.toml", "key", "admin-token"].map(|name| home.join(name));
    let stored: Vec<_> = files(&home).into_iter().filter(|file| !at_home.contains(file)).collect();
    assert!(stored.iter().any(|file| file.starts_with(world.configuration.get("store.path"))), "{stored:?}");
    for file in stored {
        secrets.are_not_in(&file.display().to_string(), &std::fs::read(&file).unwrap());
    }
    // The search itself finds what is there.
    let found = std::panic::catch_unwind(|| secrets.are_not_in("", format!("x{}y", someone.to_uppercase()).as_bytes()));
    assert!(found.is_err());
    assert_ne!(Value::Null, world.odoo.state().await);
}
