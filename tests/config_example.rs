//! `config.toml.example` and the ways in which a configuration reaches OMC.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use omc::clock::SystemClock;
use omc::config::Config;
use omc::sim::odoo as simulator;
use secrecy::ExposeSecret;

const EXAMPLE: &str = include_str!("../config.toml.example");

/// Secrets have no field that the other keys' list would name.
const SECRETS: [&str; 18] = [
    "odoo.password",
    "odoo.password_file",
    "mts.access.secret_key",
    "mts.access.secret_key_file",
    "mts.access.client_secret",
    "mts.access.client_secret_file",
    "mts.access.token",
    "mts.access.token_file",
    "mts.access.password",
    "mts.access.password_file",
    "mosip.secret_key",
    "mosip.secret_key_file",
    "mosip.client_secret",
    "mosip.client_secret_file",
    "mosip.token",
    "mosip.token_file",
    "mosip.password",
    "mosip.password_file",
];
/// Lists of tables: shown by an example, all of it commented.
const LISTS: [&str; 1] = ["mts.access"];

/// One `key = value` of the example.
struct Entry {
    section: String,
    key: String,
    line: String,
    commented: bool,
    example: bool,
}

fn entries() -> Vec<Entry> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix("#[[").and_then(|rest| rest.strip_suffix("]]")) {
            section = name.to_owned();
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        }
        let plain = line.strip_prefix('#').unwrap_or(line);
        let Some((key, _)) = plain.split_once(" = ") else {
            continue;
        };
        if plain.starts_with(|first: char| first.is_ascii_lowercase()) {
            found.push(Entry {
                section: section.clone(),
                key: key.to_owned(),
                line: plain.to_owned(),
                commented: line.starts_with('#'),
                example: line.ends_with("# example"),
            });
        }
    }
    found
}

/// The entries as a file of their own.
fn written<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    let mut text = String::new();
    for entry in entries {
        text.push_str(&format!("{}.{}\n", entry.section, entry.line));
    }
    text
}

fn sections() -> Vec<String> {
    known_to("nonsense = 1")
}

fn keys(section: &str) -> Vec<String> {
    known_to(&format!("{section}.nonsense = 1"))
}

/// What the error about an unknown name lists.
fn known_to(text: &str) -> Vec<String> {
    let error = Config::from_toml(text).unwrap_err().to_string();
    let (_, listed) = error.split_once("expected").unwrap();
    let (listed, _) = listed.rsplit_once('`').unwrap();
    let words = listed.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| !["", "one", "of", "or", "none"].contains(word)).map(str::to_owned).collect()
}

#[test]
fn it_parses_as_it_is() {
    let config = Config::from_toml(EXAMPLE).unwrap();
    assert_eq!(config.odoo.database, "registry");
}

#[test]
fn every_key_is_in_it_once_and_none_that_is_not() {
    let mut known: BTreeSet<String> = SECRETS.map(str::to_owned).into();
    for section in sections() {
        assert!(EXAMPLE.contains(&format!("\n[{section}]\n")), "section {section}");
        let keys = keys(&section).into_iter().map(|key| format!("{section}.{key}"));
        known.extend(keys.filter(|key| !LISTS.contains(&key.as_str())));
    }
    for list in LISTS {
        assert!(EXAMPLE.contains(&format!("\n#[[{list}]]\n")), "list {list}");
        let keys = known_to(&format!("[[{list}]]\nnonsense = 1"));
        known.extend(keys.iter().map(|key| format!("{list}.{key}")));
    }
    let entries = entries();
    let there: BTreeSet<String> = entries.iter().map(|entry| format!("{}.{}", entry.section, entry.key)).collect();
    assert_eq!(there.len(), entries.len(), "a key comes twice");
    assert_eq!(there, known);
    assert!(known.len() > 30, "{known:?}");
}

/// The examples of docs/access.md are whole.
#[test]
fn each_kind_of_access_has_an_example_that_parses() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/access.md")).unwrap();
    let blocks: Vec<&str> = document.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let mut kinds = BTreeSet::new();
    for block in &blocks {
        // The files are on no other machine.
        let here = block.replace("_file = \"/etc/omc", " = \"/etc/omc");
        let config = Config::from_toml(&here).unwrap_or_else(|error| panic!("{error}: {block}"));
        kinds.extend(config.mts.access.iter().map(|entry| format!("{:?}", entry.kind)));
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}

/// What the containers of `compose.yaml` call each other must be what OMC's configuration there says.
#[test]
fn the_trial_with_containers_has_a_configuration_that_fits_it() {
    let compose = include_str!("../compose.yaml");
    let config = Config::from_toml(include_str!("../compose/config.toml")).unwrap();
    let url = config.odoo.url.unwrap();
    let told = |name: &str| {
        let line = compose.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} is not in compose.yaml")).trim_matches([' ', '"']).to_owned()
    };
    assert_eq!(url.as_str().trim_end_matches('/'), told("ODOO_URL:"));
    assert_eq!(config.odoo.database, told("ODOO_DATABASE:"));
    assert_eq!(config.odoo.database, told("ODOO_DATABASE_NAME:"));
    assert_eq!(config.odoo.username, told("OMC_LOGIN:"));
    assert_eq!(told("OMC_PASSWORD:"), told("OMC_ODOO__PASSWORD:"));
    let public = config.callback.public_url.unwrap();
    assert!(compose.contains(&format!("\n  {}:\n", public.host_str().unwrap())), "{public}");
    assert_eq!(public.port(), Some(config.callback.listen.port()));
    assert_eq!(config.store.path.parent(), Some(Path::new("/var/lib/omc")));
    assert!(compose.contains("omc:/var/lib/omc"));
}

/// What `omc init` writes in the project's folder, a password among it, is neither committed nor built into an image.
#[test]
fn what_init_writes_here_stays_here() {
    let (git, docker) = (include_str!("../.gitignore"), include_str!("../.dockerignore"));
    for file in ["config.toml", "config.rights.md", "odoo-password", "state"] {
        assert!(git.lines().any(|line| line == format!("/{file}")), ".gitignore: {file}");
        assert!(docker.lines().any(|line| line == file), ".dockerignore: {file}");
    }
}

/// The example of docs/audit.md is whole.
#[test]
fn the_audit_has_an_example_that_parses() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md")).unwrap();
    let (_, block) = document.split_once("```toml\n").unwrap();
    let here = block.split("```").next().unwrap().replace("secret_key_file = \"/etc", "secret_key = \"/etc");
    let config = Config::from_toml(&here).unwrap();
    assert!(config.mosip.audit && config.mosip.audit_file.is_some());
    assert!(config.mosip.way().unwrap().unwrap().1.is_some());
}

/// The example of docs/notification.md is whole, and who is no recipient is told so and not printed.
#[test]
fn notification_has_an_example_that_parses() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/notification.md")).unwrap();
    let (_, block) = document.split_once("```toml\n").unwrap();
    let here = block.split("```").next().unwrap().replace("secret_key_file = \"/etc", "secret_key = \"/etc");
    let config = Config::from_toml(&here).unwrap();
    assert_eq!((config.notify.recipients().len(), config.notify.activities), (2, true));
    let alone = document.split("```toml\n").nth(2).unwrap();
    let config = Config::from_toml(alone.split("```").next().unwrap()).unwrap();
    assert!(config.notify.is_on() && config.notify.recipients().is_empty());
    for (wrong, told) in [
        ("emails = [\"night.desk\"]", "notify.emails"),
        ("phones = [\"night desk\"]", "notify.phones"),
        ("emails = [\"night.desk@m.example\"]", "mosip.url"),
        (
            "activities = true\n[odoo]\nconnector_model = \"mts.connector\"\nconnectors = [\"Main\"]",
            "notify.activities",
        ),
        ("rejections_above = \"many\"", "rejections_above"),
        ("stuck_after = \"0s\"", "notify.stuck_after"),
    ] {
        let error = Config::from_toml(&format!("[notify]\n{wrong}")).unwrap_err().to_string();
        assert!(error.contains(told) && !error.contains("night"), "{wrong}: {error}");
    }
}

/// `[mosip]` has one secret, by one of eight keys, and no error prints it.
#[test]
fn the_secret_of_mosip_is_read_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "48151623\n").unwrap();
    let section = |more: &str| format!("[mosip]\nurl = \"https://mosip.example\"\nkind = \"bearer\"\n{more}");
    for good in ["token = \"48151623\"".to_owned(), format!("token_file = {file:?}")] {
        let config = Config::from_toml(&section(&good)).unwrap();
        let given = config.mosip.secret.as_ref().unwrap();
        assert_eq!((given.key, given.value.expose().as_str()), ("token", "48151623"));
        assert!(!format!("{config:?}").contains("48151623"));
    }
    for wrong in [
        "token = 48151623".to_owned(),
        "token = \"48151623\"\npassword = \"48151623\"".to_owned(),
        format!("token = \"48151623\"\ntoken_file = {file:?}"),
        "password = \"48151623\"".to_owned(),
        "token = \"48151623 \"".to_owned(),
        "tokn = \"48151623\"".to_owned(),
        "token_file = \"/nowhere\"".to_owned(),
        String::new(),
    ] {
        let error = Config::from_toml(&section(&wrong)).unwrap_err();
        for told in [error.to_string(), format!("{error:?}")] {
            assert!(told.contains("mosip") && !told.contains("48151623"), "{wrong}: {told}");
        }
    }
    let error = Config::from_toml("[mosip]\naudit = true").unwrap_err().to_string();
    assert!(error.contains("mosip.url"), "{error}");
}

#[test]
fn every_key_is_explained() {
    let mut explained = false;
    for line in EXAMPLE.lines() {
        let key = line.starts_with('#') && !line.starts_with("# ") || line.contains(" = ") && !line.starts_with('#');
        // One explanation may serve keys that stand together.
        assert!(!key || explained, "{line}");
        if line.starts_with("#[[") {
            continue;
        }
        explained = line.starts_with("# ") || (key && explained);
    }
}

#[test]
fn the_defaults_are_the_defaults() {
    let entries = entries();
    let must: Vec<_> = entries.iter().filter(|entry| !entry.commented).collect();
    let bare = Config::from_toml(&written(must.iter().copied())).unwrap();
    let spelt_out = Config::from_toml(&written(entries.iter().filter(|entry| !entry.example))).unwrap();
    assert_eq!(format!("{spelt_out:#?}"), format!("{bare:#?}"));
    for entry in &must {
        assert!(["url", "database", "username"].contains(&entry.key.as_str()), "{}", entry.line);
    }
}

#[test]
fn changing_any_default_shows() {
    // Or the comparison above would prove nothing.
    let bare = format!("{:#?}", Config::from_toml("").unwrap());
    for (key, value) in [
        ("odoo.page_size", "7"),
        ("odoo.delivery_type", "\"download\""),
        ("schedule.overlap", "\"11m\""),
        ("schedule.duplicates", "\"2d\""),
        ("log.format", "\"text\""),
        ("submit.mandatory_fields", "[]"),
        ("callback.max_body", "2000000"),
        ("callback.renew_credentials", "\"1d\""),
        ("callback.allow_unauthenticated", "true"),
        ("store.path", "\"x\""),
        ("mosip.audit_queue", "20000"),
        ("notify.rejections_above", "\"11%\""),
        ("notify.release", "\"1.1.5\""),
        ("notify.activities", "true"),
    ] {
        let other = Config::from_toml(&format!("{key} = {value}")).unwrap();
        assert_ne!(format!("{other:#?}"), bare, "{key}");
    }
}

#[test]
fn examples_of_what_has_no_default_are_accepted_or_refused_as_it_says() {
    let url = "https://omc.example.org";
    assert!(EXAMPLE.contains(url));
    assert!(Config::from_toml(&format!("callback.public_url = \"{url}\"")).is_ok());
    for secret in ["https://omc:hunter2@omc.example.org", "https://hunter2@omc.example.org"] {
        let error = Config::from_toml(&format!("callback.public_url = \"{secret}\"")).unwrap_err().to_string();
        assert!(error.starts_with("callback.public_url: must not hold") && !error.contains("hunter2"), "{error}");
    }
    let both = "callback.tls_cert = \"/x\"\ncallback.tls_key = \"/x\"";
    assert!(Config::from_toml(both).is_ok());
    let error = Config::from_toml(&format!("{both}\ncallback.public_url = \"http://omc.example.org\"")).unwrap_err();
    assert!(
        error.to_string().starts_with("callback.public_url: ") && error.to_string().contains("https://"),
        "{error}"
    );
    for client in ["odoo", "mts"] {
        for key in ["ca_cert", "client_cert", "client_key"] {
            assert!(Config::from_toml(&format!("{client}.{key} = \"/x\"")).is_ok(), "{client}.{key}");
        }
    }
}

#[test]
fn unknown_keys_and_sections_are_errors_that_name_them() {
    for (text, name) in [
        ("[odoo]\ndatabse = \"x\"", "databse"),
        ("[odo]\nurl = \"x\"", "odo"),
        ("[submit]\nbatch_sise = 3", "batch_sise"),
        ("[mosip]\nurll = \"x\"", "urll"),
    ] {
        let error = Config::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")), "{error}");
    }
}

#[test]
fn a_wrong_type_never_prints_a_secret() {
    for text in [
        "odoo.password = 48151623",
        "odoo.password = 48151623\nodoo.password_file = \"/dev/null\"",
        "odoo.password = [\"48151623\"]",
        "odoo.password = {x = \"48151623\"}",
        "odoo.password = 48151623.5",
        "odoo.password = \"48151623\"\nodoo.password_file = \"/dev/null\"",
        "odoo.password = \"48151623\"\nodoo.page_size = \"many\"",
        "odoo.pasword = \"48151623\"",
    ] {
        let error = Config::from_toml(text).unwrap_err();
        for told in [error.to_string(), format!("{error:?}")] {
            assert!(!told.contains("48151623"), "{text}: {told}");
        }
    }
    let config = Config::from_toml("odoo.password = \"48151623\"").unwrap();
    assert_eq!(config.odoo.password.as_ref().unwrap().expose_secret(), "48151623");
    assert!(!format!("{config:?}").contains("48151623"));
}

/// An entry of a list has its secret by one of two keys, and no error prints it.
#[test]
fn the_secret_of_an_entry_is_read_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "48151623\n").unwrap();
    let entry = |more: &str| format!("[[mts.access]]\nurl = \"https://mts.example\"\nkind = \"bearer\"\n{more}");
    for good in ["token = \"48151623\"".to_owned(), format!("token_file = {file:?}")] {
        let config = Config::from_toml(&entry(&good)).unwrap();
        let given = config.mts.access[0].secret.as_ref().unwrap();
        assert_eq!((given.key, given.value.expose().as_str()), ("token", "48151623"));
        assert!(!format!("{config:?}").contains("48151623"));
    }
    for wrong in [
        entry("token = 48151623"),
        entry("token = [\"48151623\"]"),
        entry("token = \"48151623\"\npassword = \"48151623\""),
        entry(&format!("token = \"48151623\"\ntoken_file = {file:?}")),
        entry("password = \"48151623\""),
        entry("token = \"48151623 \""),
        entry("tokn = \"48151623\""),
        entry("token_file = \"/nowhere\""),
        entry("token = \"48151623\"\nurl2 = 1"),
        "[mts.access]\ntoken = \"48151623\"".to_owned(),
        "mts.access = [\"48151623\"]".to_owned(),
        format!("{}\n{}", entry("token = \"48151623\""), entry("token = \"48151623\"")),
    ] {
        let error = Config::from_toml(&wrong).unwrap_err();
        for told in [error.to_string(), format!("{error:?}")] {
            assert!(told.contains("mts.access") && !told.contains("48151623"), "{wrong}: {told}");
        }
    }
}

#[test]
fn a_line_that_is_no_toml_never_prints_a_secret() {
    for text in [
        "[odoo]\npassword = \"48151623",
        "[odoo]\npassword = 48151623 and more",
        "[odoo]\npassword = 'a' 48151623",
        "[odoo]\npassword = \"48151623\"\npassword = \"48151623\"",
    ] {
        let error = Config::from_toml(text).unwrap_err();
        assert!(!error.to_string().contains("48151623"), "{error}");
    }
}

// === the binary in an environment ===

fn omc(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_omc"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    format!("{out}{err}")
}

#[test]
fn the_environment_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), "store.path = \"from-the-file\"").unwrap();
    let told = |environment: &[(&str, &str)]| told(&omc(folder.path(), &["store", "check"], environment));
    assert!(told(&[]).starts_with("from-the-file: no store yet"));
    assert!(told(&[("OMC_STORE__PATH", "elsewhere")]).starts_with("elsewhere: no store yet"));
}

#[test]
fn names_without_two_underscores_are_somebody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let strangers = [("OMC_SERVICE_PORT", "tcp://10.0.0.1:80"), ("OMC_STORE", "x"), ("OMC_NONSENSE", "1")];
    let output = omc(folder.path(), &["store", "check"], &strangers);
    assert!(output.status.success(), "{}", told(&output));
    let output = omc(folder.path(), &["store", "check"], &[("OMC_STORE__NONSENSE", "1")]);
    assert_eq!(output.status.code(), Some(78));
    assert!(told(&output).contains("nonsense"), "{}", told(&output));
}

#[test]
fn wrong_configuration_ends_with_78_and_wrong_usage_with_64() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), "odoo.page_size = 0").unwrap();
    let output = omc(folder.path(), &["check"], &[]);
    assert_eq!(output.status.code(), Some(78));
    assert!(told(&output).contains("page_size"), "{}", told(&output));
    assert!(told(&output).contains("config.toml"), "names the file: {}", told(&output));
    std::fs::write(folder.path().join("config.toml"), "[odoo\n").unwrap();
    let told_of_no_toml = told(&omc(folder.path(), &["check"], &[]));
    assert!(told_of_no_toml.contains("config.toml") && told_of_no_toml.contains("line 1"), "{told_of_no_toml}");
    let output = omc(folder.path(), &["check", "--config", "nowhere.toml"], &[]);
    assert_eq!(output.status.code(), Some(78));
    assert!(told(&output).contains("nowhere.toml"), "{}", told(&output));
    assert_eq!(omc(folder.path(), &["chek"], &[]).status.code(), Some(64));
}

#[test]
fn a_secret_of_the_environment_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    for environment in [
        &[("OMC_ODOO__PASSWORD", "48151623")][..],
        &[("OMC_ODOO__PASSWORD", "{x=48151623}")],
        &[("OMC_ODOO__PASSWORD", "48151623"), ("OMC_ODOO__PASSWORD_FILE", "/nowhere")],
        &[("OMC_ODOO__PASSWORD", "48151623"), ("OMC_ODOO__PAGE_SIZE", "many")],
        &[("OMC_ODOO__PASSWORD__X", "48151623")],
        &[("OMC_MTS__ACCESS", "[{token=48151623}]")],
        &[("OMC_MOSIP__TOKEN", "48151623")],
        &[("OMC_MOSIP__TOKEN", "48151623"), ("OMC_MOSIP__PASSWORD", "48151623")],
        &[("OMC_MOSIP__TOKEN", "48151623"), ("OMC_MOSIP__TOKEN_FILE", "/nowhere")],
        &[("OMC_MTS__ACCESS__TOKEN", "48151623")],
    ] {
        let told = told(&omc(folder.path(), &["check"], environment));
        assert!(!told.contains("48151623"), "{told}");
    }
}

/// The last one ends in blanks, which are part of it.
const PASSWORDS: [&str; 6] = ["0123", "true", "{x=1}", "[1, 2]", "\"quoted\"", "word # with ' and é "];

#[tokio::test]
async fn a_password_arrives_as_it_is_by_each_way() {
    for password in PASSWORDS {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let options =
            simulator::Options { registrants: 1, password: password.to_owned(), ..simulator::Options::default() };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(simulator::serve(listener, options, Arc::new(SystemClock), stopped));
        let looked = tokio::task::spawn_blocking(move || log_in(&url, password)).await.unwrap();
        for (way, told) in looked {
            assert!(told.contains("login: accepted"), "{password:?} by {way}: {told}");
        }
        stop.send(()).unwrap();
        serving.await.unwrap().unwrap();
    }
}

/// What `omc check` tells of a login with the password, by each way of giving it.
fn log_in(url: &str, password: &str) -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    let base = format!("[odoo]\nurl = \"{url}\"\ndatabase = \"omc\"\nusername = \"admin\"\n");
    let config = folder.path().join("config.toml");
    let check = |environment: &[(&str, &str)]| told(&omc(folder.path(), &["check"], environment));
    let mut found = Vec::new();

    std::fs::write(&config, format!("{base}password = {}\n", serde_json::Value::from(password))).unwrap();
    found.push(("key", check(&[])));

    std::fs::write(folder.path().join("secret"), format!("{password}\n")).unwrap();
    std::fs::write(&config, format!("{base}password_file = \"secret\"\n")).unwrap();
    found.push(("password_file", check(&[])));

    std::fs::write(&config, &base).unwrap();
    found.push(("environment", check(&[("OMC_ODOO__PASSWORD", password)])));
    found.push(("file of the environment", check(&[("OMC_ODOO__PASSWORD_FILE", "secret")])));

    // What is given outside counts before the file.
    std::fs::write(&config, format!("{base}password = \"wrong\"\n")).unwrap();
    found.push(("environment over key", check(&[("OMC_ODOO__PASSWORD", password)])));
    found
}
