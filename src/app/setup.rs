//! A first configuration, from a few answers; and what the account in Odoo needs.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;
use url::{Host, Url};

use crate::access;
use crate::config::Config;
use crate::domain::connector::Model;
use crate::odoo::model::Options;
use crate::odoo::{self, Registry, rights};
use crate::seal::{self, Personal};

/// Of the callback listener, where the address does not say.
const PORT: u16 = 8710;

/// Ports below are not for ordinary accounts to listen at.
const FREE_PORTS: u16 = 1024;

/// What a person was asked.
#[derive(Debug, Clone)]
pub struct Answers {
    pub odoo: Url,
    pub database: String,
    pub username: String,
    /// Absolute: the daemon starts elsewhere.
    pub password_file: PathBuf,
    /// What to write into it; none where it is there, or is for somebody else to write.
    pub password: Option<Personal<String>>,
    pub model: Model,
    /// With [`Model::Stock`]: names of connectors.
    pub connectors: Vec<String>,
    /// How MTS reaches OMC; none where results are fetched.
    pub callback: Option<Url>,
    /// Folder of all that OMC keeps; absolute.
    pub state: PathBuf,
}

/// What was found in Odoo with the answers so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The addon.
    Addon,
    /// OpenG2P as it ships, and the names of its connectors.
    Stock(Vec<String>),
    /// Odoo does not let this account in with this password.
    Refused,
    /// Odoo could not be asked: why.
    Nothing(String),
}

impl Answers {
    /// The configuration file.
    pub fn configuration(&self) -> String {
        let mut text = String::from(
            "# Written by `omc init`. Every other key is explained, with its default, in config.toml.example.\n",
        );
        let mut line = |line: &str| _ = writeln!(text, "{line}");
        line("\n[odoo]");
        line(&format!("url = {}", quoted(self.odoo.as_str())));
        line(&format!("database = {}", quoted(&self.database)));
        line(&format!("username = {}", quoted(&self.username)));
        line(&format!("password_file = {}", path(&self.password_file)));
        line(&format!("connector_model = {}", quoted(self.model.name())));
        match (self.model, &self.callback) {
            (Model::Stock, callback) => {
                let names: Vec<String> = self.connectors.iter().map(|name| quoted(name)).collect();
                line(&format!("connectors = [{}]", names.join(", ")));
                if callback.is_none() {
                    line("delivery_type = \"download\"");
                }
            }
            (Model::Omc, None) => line("# MTS cannot call back: choose Download as each connector's Delivery Type."),
            (Model::Omc, Some(_)) => {}
        }
        if let Some(url) = &self.callback {
            let (ip, told) = (listener(url), url.port_or_known_default().unwrap_or(PORT));
            // Behind https stands a proxy, or a certificate that only its owner can name.
            let passed_on = url.scheme() == "https" || told < FREE_PORTS;
            let port = if passed_on { PORT } else { told };
            line("\n[callback]");
            if passed_on && url.scheme() == "http" {
                line(&format!(
                    "# OMC's account cannot listen at port {told}: let something pass on what comes there to this one."
                ));
            }
            line(&format!("listen = \"{}\"", SocketAddr::new(ip, port)));
            line(&format!("public_url = {}", quoted(url.as_str().trim_end_matches('/'))));
            if url.scheme() == "https" {
                line("# TLS: either a proxy before this listener, or these two.");
                line("#tls_cert = \"/etc/omc/tls.crt\"");
                line("#tls_key = \"/etc/omc/tls.key\"");
            }
        }
        line("\n[admin]");
        line(&format!("token_file = {}", path(&self.state.join("admin-token"))));
        line("\n[store]");
        line(&format!("path = {}", path(&self.state.join("store"))));
        line("# Back this up: nothing in the store can be read without it.");
        line(&format!("key_file = {}", path(&self.state.join("key"))));
        text
    }

    /// What an administrator of Odoo must grant, as a list to hand over.
    pub fn rights(&self) -> String {
        let mut text = format!(
            "# What OMC's account in Odoo needs\n\nDatabase `{}`: an internal user with the login `{}`, for OMC alone",
            self.database, self.username
        );
        text.push_str(", in this group and no other:\n\n");
        let _ = writeln!(text, "- {}\n", rights::group(self.model));
        match self.model {
            Model::Omc => text.push_str(
                "The addon g2p_omc brings this group, and with it the account can read connectors and the runs asked for, and call the\n\
                 addon's own methods. It can read no registrant but through them.\n",
            ),
            Model::Stock => {
                text.push_str("OMC uses these rights of it:\n\n| model | rights | for |\n|---|---|---|\n");
                for right in rights::plain(self.model) {
                    let _ = writeln!(text, "| `{}` | {} | {} |", right.model, right.operations.join(", "), right.purpose);
                }
                text.push_str(
                    "\nand reads the system parameters `g2p_mts.vid_id_type` and `g2p_mts.uin_token_id_type`. It writes nothing else.\n",
                );
            }
        }
        let _ = writeln!(
            text,
            "\nGive the account an API key (its Preferences, Account Security), and write that, or its password, into\n`{}`, mode 0600. \
             `omc check` tells what is missing.",
            self.password_file.display()
        );
        text
    }
}

/// Where to listen for what is sent to this address: at it alone where it is this machine's own, else at every one of its kind.
fn listener(url: &Url) -> IpAddr {
    match (url.host(), access::is_of_this_machine(url)) {
        (Some(Host::Ipv6(_)), true) => Ipv6Addr::LOCALHOST.into(),
        (Some(Host::Ipv6(_)), false) => Ipv6Addr::UNSPECIFIED.into(),
        (_, true) => Ipv4Addr::LOCALHOST.into(),
        (_, false) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// A text of TOML. JSON's way to write one is TOML's too, but for the character 127, which no answer may hold.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// An answer that can stand in the file: not empty, without control characters.
pub fn plain(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("must not have control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// An address of http or https, without login, query and fragment.
pub fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(&plain(text)?)
        .map_err(|error| format!("is no address ({error}); write http:// or https:// and a host"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("must begin with http:// or https:// and name a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("must not hold a login, and nothing after ? or #".to_owned());
    }
    Ok(url)
}

/// Looks into Odoo for what need not be asked. Changes nothing.
pub async fn look(odoo: &Url, database: &str, username: &str, password: &Personal<String>) -> Found {
    let asked = async {
        let mut config = odoo::Config { url: Some(odoo.clone()), ..odoo::Config::default() };
        config.database = database.to_owned();
        config.username = username.to_owned();
        config.password = Some(password.expose().clone().into());
        let client = Arc::new(odoo::Client::new(&config)?);
        match client.authenticate().await {
            Err(odoo::Error::LoginRefused) => return Ok(Found::Refused),
            answer => answer?,
        };
        if Registry::detect(Arc::clone(&client), Model::Omc, None).await?.through_door() {
            return Ok(Found::Addon);
        }
        let options = Options { order: Some("id"), limit: Some(50), ..Options::default() };
        let rows = client.search_read(Model::Stock.name(), Vec::new(), &["name"], options).await?;
        let name = |row: &Map<String, Value>| row.get("name").and_then(Value::as_str).map(str::to_owned);
        anyhow::Ok(Found::Stock(rows.iter().filter_map(name).collect()))
    };
    asked.await.unwrap_or_else(|error: anyhow::Error| Found::Nothing(format!("{error:#}")))
}

/// Writes the password, the configuration and the list of rights, once it is known that the daemon can read the configuration: each
/// in one step, and nothing before all of them are ready. Files that are there are replaced only if `replace` says so; so is the
/// password's, which is written only where there is a new one.
pub fn write(answers: &Answers, configuration: &Path, rights: &Path, replace: bool) -> anyhow::Result<()> {
    let text = answers.configuration();
    Config::from_toml(&without_password(&text)).context("the answers make no configuration")?;
    let cannot = |file: &Path| format!("cannot write {}", file.display());
    let mut drafts = Vec::new();
    for (file, text) in [(rights, answers.rights()), (configuration, text)] {
        drafts.push((file, readable(file, &text).with_context(|| cannot(file))?));
    }
    if let Some(password) = &answers.password {
        let file = &answers.password_file;
        seal::replace_file(file, password).with_context(|| cannot(file))?;
    }
    for (file, draft) in drafts {
        let done = if replace { draft.persist(file) } else { draft.persist_noclobber(file) };
        done.map_err(|error| error.error).with_context(|| cannot(file))?;
    }
    Ok(())
}

/// The password's file need not be there yet.
fn without_password(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("password_file")).collect::<Vec<_>>().join("\n")
}

/// A file for everybody to read, ready to be moved into its place; there is no secret in it.
fn readable(file: &Path, text: &str) -> std::io::Result<NamedTempFile> {
    use std::io::Write;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = NamedTempFile::new_in(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().set_permissions(PermissionsExt::from_mode(0o644))?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(model: Model, callback: Option<&str>) -> Answers {
        Answers {
            odoo: address("https://odoo.example.org/base/").unwrap(),
            database: "re\"gis\\try".to_owned(),
            username: "o\u{1F98A}mc".to_owned(),
            password_file: "/etc/omc/odoo-password".into(),
            password: None,
            model,
            connectors: vec!["A, \"B\"".to_owned()],
            callback: callback.map(|url| address(url).unwrap()),
            state: "/var/lib/omc".into(),
        }
    }

    #[test]
    fn what_is_written_says_what_was_answered() {
        for (model, callback, listen, public) in [
            (Model::Omc, None, "127.0.0.1:8710", None),
            (Model::Omc, Some("http://omc.example.org:9000"), "0.0.0.0:9000", Some("http://omc.example.org:9000/")),
            (Model::Stock, Some("https://omc.example.org/omc"), "0.0.0.0:8710", Some("https://omc.example.org/omc")),
            (Model::Stock, Some("http://localhost:8710/"), "127.0.0.1:8710", Some("http://localhost:8710/")),
            (Model::Stock, None, "127.0.0.1:8710", None),
            (Model::Omc, Some("http://[::1]:8720"), "[::1]:8720", Some("http://[::1]:8720/")),
            (Model::Omc, Some("http://[2001:db8::7]:8710"), "[::]:8710", Some("http://[2001:db8::7]:8710/")),
            // Its account may not listen below 1024.
            (Model::Omc, Some("http://omc.example.org"), "0.0.0.0:8710", Some("http://omc.example.org/")),
        ] {
            let answers = answers(model, callback);
            let config = Config::from_toml(&without_password(&answers.configuration())).unwrap();
            assert_eq!(config.odoo.url, Some(answers.odoo.clone()));
            assert_eq!((&config.odoo.database, &config.odoo.username), (&answers.database, &answers.username));
            assert_eq!(config.odoo.connector_model, model);
            let taken = if model == Model::Stock { answers.connectors.clone() } else { Vec::new() };
            assert_eq!(config.odoo.connectors, taken);
            assert_eq!(config.odoo.delivery_type.is_download(), model == Model::Stock && callback.is_none());
            assert_eq!(config.callback.listen.to_string(), listen);
            assert_eq!(config.callback.public_url.as_ref().map(Url::as_str), public);
            assert_eq!(config.store.path, Path::new("/var/lib/omc/store"));
            assert!(answers.rights().contains(rights::group(model)));
        }
    }

    #[test]
    fn answers_that_cannot_stand_in_the_file_are_refused() {
        for wrong in ["", "  ", "a\nb", "a\u{7f}", "a\u{0}"] {
            assert!(plain(wrong).is_err(), "{wrong:?}");
        }
        for wrong in ["", "odoo", "ftp://x", "http://", "http://a:b@x", "http://x?y", "http://x#y", "file:///x"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
