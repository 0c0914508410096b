//! What the documents name is there: commands and their flags, configuration keys, metrics, messages, codes, links, crates.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::DateTime;
use omc::config::Config;
use omc::domain::connector::Model;
use omc::domain::definition::{self, Surroundings};
use omc::domain::delivery::Delivery;
use omc::domain::identity::{ConnectorId, IdTypeId};
use omc::domain::registrant_field::RegistrantField;
use serde_json::{Map, Value, json};

const DOCUMENTS: [&str; 16] = [
    "README.md",
    "docs/access.md",
    "docs/audit.md",
    "docs/compose.md",
    "docs/delivery.md",
    "docs/duplicates.md",
    "docs/elsewhere.md",
    "docs/trying.md",
    "docs/vids.md",
    "docs/notification.md",
    "docs/operations.md",
    "docs/faults.md",
    "docs/security.md",
    "docs/addon.md",
    "odoo_addon/README.md",
    "docs/inputs.md",
];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = folder().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The daemon's own sources, file by file: neither its tests, which may quote anything, nor the simulators.
fn sources() -> Vec<String> {
    let mut folders = vec![folder().join("src")];
    let mut texts = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.extend((name != "sim").then_some(path));
            } else if !name.ends_with("tests.rs") && !name.ends_with("_test.rs") {
                let text = read(path);
                texts.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned());
            }
        }
    }
    texts
}

/// What stands in backticks, and the lines of indented blocks.
fn code(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in document.lines() {
        match line.strip_prefix("    ") {
            Some(block) if !line.trim_start().starts_with('|') => found.push(block.trim().to_owned()),
            _ => found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned)),
        }
    }
    found
}

fn all_code() -> Vec<String> {
    DOCUMENTS.iter().flat_map(|document| code(&read(document))).collect()
}

/// The cells of a table's rows whose header begins with these.
fn table(document: &str, header: &[&str]) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_matches('|');
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = document.lines().skip_while(|line| {
        let cells = cells(line);
        !line.starts_with('|') || !header.iter().zip(&cells).all(|(wanted, cell)| wanted == cell)
    });
    lines.next().unwrap_or_else(|| panic!("no table {header:?}"));
    let rows: Vec<_> = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "{header:?}");
    rows
}

fn unquoted(cell: &str) -> &str {
    cell.trim_matches('`')
}

fn help(arguments: &[&str]) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_omc")).args(arguments).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The words after each `omc` that stands as a command.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for code in all_code() {
        let words: Vec<&str> = code.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "omc").or_else(|| {
            let cargo = code.starts_with("cargo run");
            words.iter().position(|word| cargo && *word == "--")
        });
        let Some(at) = at else { continue };
        // `systemctl reload omc`, `useradd ... omc`: the account or the unit.
        let before = words[..at]
            .iter()
            .all(|word| ["sudo", "-u", "omc", "cargo", "run", "--release"].contains(word) || word.starts_with("OMC_"));
        let rest: Vec<String> =
            words[at + 1..].iter().filter(|word| **word != "omc").map(|word| (*word).to_owned()).collect();
        if before && !rest.is_empty() {
            found.push(rest);
        }
    }
    found
}

#[test]
fn commands_and_flags_are_there() {
    let commands = commands();
    let named: BTreeSet<&str> = commands.iter().map(|words| words[0].as_str()).collect();
    for needed in ["demo", "serve", "check", "status", "failed", "requeue", "run", "preview", "store", "completions"] {
        assert!(named.contains(needed), "{needed} is not in the documents");
    }
    for words in &commands {
        let mut path = vec![words[0].as_str()];
        let help = help(&path).unwrap_or_else(|| panic!("no command {words:?}"));
        let nested = words.get(1).filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
        let help = match nested.filter(|_| help.contains("<COMMAND>")) {
            Some(nested) => {
                path.push(nested);
                self::help(&path).unwrap_or_else(|| panic!("no command {words:?}"))
            }
            None => help,
        };
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag.as_str()), "omc {}: no {flag}", path.join(" "));
        }
    }
}

/// Names that an error about an unknown one lists.
fn known_to(text: &str) -> BTreeSet<String> {
    let error = Config::from_toml(text).unwrap_err().to_string();
    let (_, listed) = error.split_once("expected").unwrap();
    let (listed, _) = listed.rsplit_once('`').unwrap();
    let words = listed.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.map(str::to_owned).collect()
}

/// What stands before a dot (or `__`) and is no section: files, Odoo's models, MTS's keys, a place-holder.
const NOT_OURS: [&str; 10] =
    ["config", "deny", "omc", "res", "mts", "authtoken", "section", "people", "tokens", "outcome"];

#[test]
fn configuration_keys_are_there() {
    let sections = known_to("nonsense = 1");
    let mut keys: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for section in sections.iter().filter(|section| section.len() > 2) {
        if Config::from_toml(&format!("[{section}]")).is_ok() {
            keys.insert(section, known_to(&format!("{section}.nonsense = 1")));
        }
    }
    let secrets = ["password".to_owned(), "password_file".to_owned()];
    keys.get_mut("odoo").unwrap().extend(secrets.clone());
    let others = ["secret_key", "client_secret", "token"].map(|key| [key.to_owned(), format!("{key}_file")]);
    keys.get_mut("mosip").unwrap().extend(others.into_iter().flatten().chain(secrets));
    let mut seen = 0;
    for code in all_code() {
        for word in code.split([' ', '=', ',']) {
            let lower = word.to_ascii_lowercase();
            let (section, key) = match (lower.strip_prefix("omc_"), word.split_once('.')) {
                (Some(name), _) if word.starts_with("OMC_") && name.contains("__") => name.split_once("__").unwrap(),
                (_, Some((section, key))) => (section, key),
                _ => continue,
            };
            let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if !is_name(section) || !is_name(key) || NOT_OURS.contains(&section) {
                continue;
            }
            let known = keys.get(section).unwrap_or_else(|| panic!("{code}: no section {section}"));
            seen += 1;
            assert!(known.contains(key), "{code}: no key {section}.{key}");
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn blocks_of_configuration_parse() {
    let blocks = read("README.md");
    let mut text = String::new();
    for line in blocks.lines() {
        let line = line.trim_start();
        let of_ours = line.starts_with('[') && line.ends_with(']') && !line.contains("](")
            || line.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        if of_ours && !line.starts_with('|') {
            text.push_str(line);
            text.push('\n');
        }
    }
    let config = Config::from_toml(&text).unwrap();
    assert_eq!(config.odoo.connectors.len(), 1, "{text}");
    assert_eq!(config.store.key_file, PathBuf::from("/var/lib/omc/key"), "{text}");
    let unit = read("systemd/omc.service").replace("%S", "/var/lib");
    assert!(
        !unit.lines().any(|line| line.starts_with("ProcSubset=")),
        "waits go by the machine's boot, which is in /proc/sys"
    );
    for path in ["/var/lib/omc/key", "/var/lib/omc/store", "/var/lib/omc/admin-token"] {
        assert!(unit.contains(path) && text.contains(path), "{path}");
    }
}

/// The labels in "`label`: `value`, `value`" and in "`label`, `label`: `value`".
fn labels(cell: &str) -> Vec<&str> {
    let names = cell.split_once(':').map_or(cell, |(names, _)| names);
    names.split('`').skip(1).step_by(2).collect()
}

#[test]
fn metrics_are_all_there_and_no_others() {
    let telemetry = read("src/app/telemetry.rs");
    let described: BTreeSet<&str> = telemetry
        .split('"')
        .filter(|text| text.starts_with("omc_") && text.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect();
    let operations = read("docs/operations.md");
    let rows = table(&operations, &["metric", "kind", "labels"]);
    let listed: BTreeSet<&str> = rows.iter().map(|row| unquoted(&row[0])).collect();
    assert_eq!(listed, described);
    // However the lines are broken.
    let closed_up = |text: &str| text.split_whitespace().collect::<String>();
    let telemetry = closed_up(&telemetry);
    let sources: Vec<String> = sources().iter().map(|text| closed_up(text)).collect();
    for row in &rows {
        let emission = format!("{}!(\"{}\"", row[1], unquoted(&row[0]));
        assert!(telemetry.contains(&format!("describe_{emission}")), "{emission} is not described");
        let emitting: Vec<String> = sources
            .iter()
            .map(|text| text.replace(&format!("describe_{emission}"), ""))
            .filter(|text| text.contains(&emission))
            .collect();
        assert!(!emitting.is_empty(), "nobody counts {emission}");
        for part in row[2].split("`, `").flat_map(|part| part.split("`: `")).map(|part| part.trim_matches('`')) {
            let quoted = format!("\"{part}\"");
            assert!(part.is_empty() || emitting.iter().any(|text| text.contains(&quoted)), "{}: no {part}", row[0]);
        }
        for label in labels(&row[2]) {
            let labelled = format!("\"{label}\"=>");
            let all = emitting.iter().flat_map(|text| text.split(&emission).skip(1));
            let mut calls = all.map(|rest| rest.split(';').next().unwrap_or_default());
            assert!(calls.all(|call| call.contains(&labelled)), "{}: no label {label}", row[0]);
        }
    }
    for code in all_code() {
        let words = code.split(|c: char| !c.is_ascii_lowercase() && c != '_');
        for name in words.filter(|word| word.starts_with("omc_")) {
            assert!(listed.contains(name), "{code}: no metric {name}");
        }
    }
}

#[test]
fn messages_of_the_log_are_there_at_their_level() {
    let sources = sources().concat();
    for row in table(&read("docs/operations.md"), &["message", "level"]) {
        let message = format!("\"{}\"", unquoted(&row[0]));
        let mut levels = sources.match_indices(&message).map(|(at, _)| {
            let (_, call) = sources[..at].rsplit_once("tracing::").unwrap();
            call.split('!').next().unwrap()
        });
        assert_eq!(levels.next(), Some(row[1].as_str()), "{message}");
        assert!(levels.all(|level| level == row[1]), "{message}");
    }
}

/// What a symptom quotes begins a text that OMC prints: a message, a metric's value, a column's head.
#[test]
fn what_the_symptoms_quote_is_there() {
    let sources = sources().concat();
    let mut seen = 0;
    for row in table(&read("docs/operations.md"), &["symptom", "meaning"]) {
        let quotes = row[0].split('`').skip(1).step_by(2);
        // Commands, keys and metrics are other tests'.
        for quoted in quotes.filter(|quoted| !quoted.starts_with("omc ") && !quoted.starts_with("omc_")) {
            seen += 1;
            let general = quoted.trim_end_matches(':').replace(" 4 ", " {id} ");
            let mut parts = general.split(" ... ");
            let beginning = format!("\"{}", parts.next().unwrap());
            assert!(sources.contains(&beginning), "nobody says {quoted}");
            assert!(parts.all(|part| sources.contains(part)), "nobody says {quoted}");
        }
    }
    assert!(seen >= 20, "{seen}");
}

/// What is in the store and what its keys are for, as the code has it.
#[test]
fn what_is_stored_and_keyed_is_listed() {
    let security = read("docs/security.md");
    let listed = |header: &[&str]| -> BTreeSet<String> {
        table(&security, header).iter().map(|row| unquoted(&row[0]).to_owned()).collect()
    };
    let quoted = |text: &str, beginning: &str| -> BTreeSet<String> {
        let found = text.split(beginning).skip(1).filter_map(|rest| rest.split_once('"'));
        found.map(|(text, _)| text.to_owned()).collect()
    };
    let keys = quoted(&read("src/store/keys.rs"), "&[u8] = b\"");
    assert_eq!((listed(&["letter", "what", "how"]), keys.len()), (keys, 16));
    let code = ["src/seal/mod.rs", "src/seal/ring.rs"].map(read).concat();
    let labels: BTreeSet<String> = quoted(&code, "b\"omc/1/").iter().map(|label| format!("omc/1/{label}")).collect();
    assert_eq!((listed(&["label", "what for"]), labels.len()), (labels, 13));
}

/// Which MTS is served, and which is not, is what whoever installs must know first.
#[test]
fn what_is_not_served_is_said() {
    let readme = read("README.md");
    let configuration = readme.split("\n## ").find(|section| section.starts_with("Configuration")).unwrap();
    assert!(configuration.contains("release 1.0.1 has no callbacks") && configuration.contains("docs/delivery.md"));
}

/// Each feature names a test, and the test is in the file that the link leads to, and is run.
#[test]
fn each_feature_has_a_test_that_is_there() {
    let readme = read("README.md");
    let chapter = readme.split("\n## ").find(|chapter| chapter.starts_with("Every feature")).unwrap();
    let rows: Vec<&str> =
        chapter.lines().filter(|line| line.starts_with("| ") && !line.contains("| proved by |")).collect();
    assert!(rows.len() > 50, "{}", rows.len());
    for row in rows {
        let tests: Vec<(&str, &str)> = row
            .split("](")
            .zip(row.split("](").skip(1))
            .map(|(before, after)| (before.rsplit('[').next().unwrap(), after.split(')').next().unwrap()))
            .collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for (name, file) in tests {
            let text = read(file);
            let is_test = text.split("#[t").skip(1).any(|part| {
                let declared = part.split_once("fn ").map(|(_, rest)| rest.split(['(', '<']).next().unwrap());
                let is_run = !part.split("fn ").next().unwrap().contains("#[ignore");
                (part.starts_with("est]") || part.starts_with("okio::test")) && declared == Some(name) && is_run
            });
            // The tables of faults are tests, too.
            let is_row = text.contains("rows! {") && text.contains(&format!("\n    {name} {{\n        fault: "));
            assert!(is_test || is_row, "{file} has no test {name}: {row}");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let mut seen = 0;
    for document in DOCUMENTS {
        let text = read(document);
        let place = Path::new(document).parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let target = link.0.split('#').next().unwrap();
            if !target.contains("://") {
                seen += 1;
                assert!(folder().join(place).join(target).exists(), "{document}: {target}");
            }
        }
    }
    assert!(seen > 5);
    for path in ["config.toml.example", "systemd/omc.service", "Makefile", ".ci/run", "deny.toml", "LICENSE"] {
        assert!(folder().join(path).is_file(), "{path}");
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = read("Cargo.toml");
    let (_, rest) = manifest.split_once("[dependencies]").unwrap();
    let (dependencies, _) = rest.split_once("[dev-dependencies]").unwrap();
    let used: BTreeSet<&str> = dependencies
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .collect();
    let readme = read("README.md");
    let rows = table(&readme, &["crates", "for"]);
    let listed: Vec<&str> = rows.iter().flat_map(|row| row[0].split(", ")).collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), used);
    assert_eq!(listed.len(), used.len(), "one comes twice");
}

/// The connector that the README has an administrator enter, as Odoo holds it.
#[test]
fn the_connector_of_the_readme_is_right() {
    let readme = read("README.md");
    let value = |field: &str| {
        let line = readme.lines().find(|line| line.contains(&format!("(`{field}`)"))).unwrap();
        line.split('`').nth(3).unwrap().to_owned()
    };
    let row = json!({
        "name": "Registry", "mts_url": "http://mosip-token-seeder.mosip-token-seeder", "input_type": "custom",
        "output_type": "json", "delivery_type": "callback", "mapping": value("mapping"),
        "g2p_selected_fields": value("g2p_selected_fields"), "g2p_search_domain": value("g2p_search_domain"),
        "output_format": false, "lang_code": "eng", "job_status": "draft", "is_recurring": "recurring",
        "interval_minutes": 60,
    });
    let kinds = ["given_name", "family_name", "gender", "phone", "email", "address"].map(|name| (name, "char"));
    let kinds = kinds.into_iter().chain([("birthdate", "date"), ("is_registrant", "boolean")]);
    let fields = kinds.map(|(name, kind)| {
        let field = RegistrantField { kind: kind.to_owned(), stored: true, relation: None };
        (name.to_owned(), field)
    });
    let around = Surroundings {
        registrant_fields: &fields.collect(),
        id_types: &[(IdTypeId(1), "MOSIP VID".to_owned()), (IdTypeId(2), "MOSIP UIN TOKEN".to_owned())],
        vid_type: None,
        token_type: None,
        now: DateTime::UNIX_EPOCH,
        mandatory: Config::default().mandatory().unwrap(),
        unauthenticated: false,
        stock_delivery: Delivery::Callback,
        odk_folder: false,
    };
    let row: &Map<String, Value> = row.as_object().unwrap();
    let parsed = definition::parse(Model::Stock, ConnectorId(1), row, &around);
    assert!(parsed.is_ok(), "{parsed:?}");
}
