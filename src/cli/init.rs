//! `omc init`: asks the few questions, and writes a configuration and the list of rights in Odoo.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::json;
use url::Url;

use super::exit::Exit;
use crate::app::setup::{self, Answers, Found};
use crate::domain::connector::Model;
use crate::seal::Personal;

/// Where a configuration goes when nobody says, on a machine that is set up for it.
const FOLDER: &str = "/etc/omc";
/// Answers to one question that are looked at.
const PATIENCE: u32 = 5;
/// Passwords that are tried: after five in a row Odoo lets nobody in from this machine for a while.
const PASSWORDS: u32 = 3;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file to write [default: /etc/omc/config.toml if there is such a folder, else ./config.toml]
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
    /// Ask nothing; what has neither an answer here nor a default is an error.
    #[arg(long)]
    no_input: bool,
    /// Address of Odoo, as in a browser.
    #[arg(long, value_name = "URL", value_parser = setup::address)]
    odoo_url: Option<Url>,
    /// Name of Odoo's database.
    #[arg(long, value_name = "NAME", value_parser = setup::plain)]
    database: Option<String>,
    /// Login of OMC's account in Odoo [default: omc]
    #[arg(long, value_name = "LOGIN", value_parser = setup::plain)]
    username: Option<String>,
    /// File with that account's password or API key [default: odoo-password beside the configuration]
    #[arg(long, value_name = "PATH")]
    password_file: Option<PathBuf>,
    /// Where connectors are defined: omc.connector (the addon) or mts.connector (OpenG2P as it ships) [default: what Odoo has]
    #[arg(long, value_name = "MODEL", value_parser = model)]
    connector_model: Option<Model>,
    /// With mts.connector: a connector to take over, by name; as often as there are such.
    #[arg(long = "connector", value_name = "NAME", value_parser = setup::plain)]
    connectors: Vec<String>,
    /// How MTS reaches this machine, for example http://omc.example.org:8710; or "download", where it cannot
    #[arg(long, value_name = "URL", value_parser = callback)]
    callback: Option<Callback>,
    /// Folder of all that OMC keeps [default: /var/lib/omc, or ./state]
    #[arg(long, value_name = "PATH")]
    state: Option<PathBuf>,
}

/// How results come.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Callback(Option<Url>);

fn callback(text: &str) -> Result<Callback, String> {
    if text.trim().eq_ignore_ascii_case("download") {
        Ok(Callback(None))
    } else {
        setup::address(text).map(|url| Callback(Some(url)))
    }
}

fn model(text: &str) -> Result<Model, String> {
    Model::from_name(text.trim()).ok_or_else(|| "write omc.connector or mts.connector".to_owned())
}

fn names(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(setup::plain).collect()
}

/// The person who is asked: questions go to stderr, so that stdout is for what was made.
struct Person<R> {
    answers: R,
    asks: bool,
}

impl<R: BufRead> Person<R> {
    /// An answer that was given already, or the person's; an empty one is the default.
    fn answer<T>(
        &mut self,
        given: Option<T>,
        option: &str,
        question: &str,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<T> {
        if let Some(given) = given {
            return Ok(given);
        }
        if !self.asks {
            let default = default.with_context(|| format!("{option} has no default; give it"))?;
            return read(default).map_err(|error| anyhow::anyhow!("{option}: {error}"));
        }
        for _ in 0..PATIENCE {
            let shown = default.map_or_else(String::new, |default| format!(" [{default}]"));
            eprint!("{question}{shown}: ");
            let line = self.line(option)?;
            let text = if line.trim().is_empty() { default.unwrap_or_default() } else { &line };
            match read(text) {
                Ok(answer) => return Ok(answer),
                Err(error) => eprintln!("  {error}"),
            }
        }
        anyhow::bail!("no answer that can be used; give {option}")
    }

    fn line(&mut self, option: &str) -> anyhow::Result<String> {
        std::io::stderr().flush()?;
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).context("cannot read the answer")?;
        anyhow::ensure!(read > 0, "the answers ended before {option} was known; give it");
        Ok(line)
    }

    /// A password, not shown where it is typed. Empty: none.
    fn password(&mut self, question: &str) -> anyhow::Result<Personal<String>> {
        eprint!("{question}: ");
        let typed = if std::io::stdin().is_terminal() {
            rpassword::read_password().context("cannot read the password")?
        } else {
            self.line("--password-file")?
        };
        Ok(Personal::new(typed.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

pub(super) async fn run(arguments: Arguments, config: Option<&Path>, json: bool) -> anyhow::Result<Exit> {
    let installed = Path::new(FOLDER).is_dir();
    let named = arguments.output.clone().or_else(|| config.map(Path::to_owned));
    let output =
        named.unwrap_or_else(|| if installed { Path::new(FOLDER).join("config.toml") } else { "config.toml".into() });
    let output = whole(&output, "--output")?;
    let folder = output.parent().unwrap_or(Path::new("/")).to_owned();
    let rights = output.with_extension("rights.md");
    anyhow::ensure!(folder.is_dir(), "there is no folder {}; make it first", folder.display());
    for file in [&output, &rights] {
        anyhow::ensure!(!file.is_dir(), "{} is a folder; --output wants a file", file.display());
        // A link that leads nowhere is there, too.
        let is_free = arguments.force || file.symlink_metadata().is_err();
        anyhow::ensure!(is_free, "{} is there already; --force replaces it, --output writes elsewhere", file.display());
    }
    let password_file = arguments.password_file.as_deref().map(|file| whole(file, "--password-file")).transpose()?;
    let password_file = password_file.unwrap_or_else(|| folder.join("odoo-password"));
    anyhow::ensure!(
        ![&output, &rights].contains(&&password_file) && !password_file.is_dir(),
        "--password-file wants a file of its own, for the password alone"
    );
    let replace = arguments.force;
    let mut person = Person { answers: std::io::stdin().lock(), asks: !arguments.no_input };
    let answers = ask(&mut person, arguments, &folder, password_file).await?;
    setup::write(&answers, &output, &rights, replace)?;
    if json {
        println!("{}", json!({"config": output, "rights": rights, "password_file": answers.password_file}));
        return Ok(Exit::Done);
    }
    println!("{} is written; {} says what OMC's account in Odoo needs.", output.display(), rights.display());
    if !answers.password_file.exists() {
        println!("Write the account's password or API key into {}, mode 0600.", answers.password_file.display());
    }
    println!("Then: omc --config {} check", output.display());
    Ok(Exit::Done)
}

/// The same path from everywhere, as the configuration can hold it.
fn whole(path: &Path, option: &str) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path).with_context(|| format!("{option} is no path"))?;
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    anyhow::ensure!(text.is_some(), "{option}: {} must be UTF-8 without control characters", path.display());
    Ok(path)
}

/// The password, if one is to be written, and what is found in Odoo with it, or with the one that is there.
async fn password<R: BufRead>(
    person: &mut Person<R>,
    file: &Path,
    may_replace: bool,
    look: impl AsyncFn(&Personal<String>) -> Found,
) -> anyhow::Result<(Option<Personal<String>>, Found)> {
    let there = file.symlink_metadata().is_ok();
    if person.asks && (!there || may_replace) {
        let empty = if there { "the one that is there" } else { "later" };
        let question = format!("Its password or API key, for {} (not shown; empty: {empty})", file.display());
        for tried in 1..=PASSWORDS {
            let password = person.password(&question)?;
            if password.expose().is_empty() {
                break;
            }
            let found = look(&password).await;
            if found != Found::Refused {
                return Ok((Some(password), found));
            }
            anyhow::ensure!(
                tried < PASSWORDS,
                "Odoo refuses the login; find out database, account and password, and begin anew"
            );
            eprintln!("  Odoo refuses the login with it");
        }
    }
    if !there {
        return Ok((None, Found::Nothing("without a password nothing was looked for".to_owned())));
    }
    let found = match std::fs::read_to_string(file) {
        Ok(text) => look(&Personal::new(text.trim_end_matches(['\r', '\n']).to_owned())).await,
        Err(error) => Found::Nothing(format!("cannot read {}: {error}", file.display())),
    };
    Ok((None, found))
}

async fn ask<R: BufRead>(
    person: &mut Person<R>,
    given: Arguments,
    folder: &Path,
    password_file: PathBuf,
) -> anyhow::Result<Answers> {
    let odoo = person.answer(given.odoo_url, "--odoo-url", "Address of Odoo, as in a browser", None, setup::address)?;
    let database = person.answer(given.database, "--database", "Name of its database", None, setup::plain)?;
    let username =
        person.answer(given.username, "--username", "Login of OMC's account in Odoo", Some("omc"), setup::plain)?;
    let look = async |password: &_| setup::look(&odoo, &database, &username, password).await;
    // A file that somebody names is theirs.
    let may_replace = given.force && given.password_file.is_none();
    let (password, found) = self::password(person, &password_file, may_replace, look).await?;
    let default = match &found {
        Found::Addon => {
            eprintln!("Odoo lets OMC in, and has the addon g2p_omc.");
            Model::Omc
        }
        Found::Stock(names) => {
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            eprintln!(
                "Odoo lets OMC in; it has no addon g2p_omc that this account sees. MTS connectors of OpenG2P's own: {known}"
            );
            Model::Stock
        }
        Found::Refused => {
            eprintln!("Odoo was not asked what it has: it refuses the login with {}", password_file.display());
            Model::Omc
        }
        Found::Nothing(why) => {
            eprintln!("Odoo was not asked what it has: {why}");
            Model::Omc
        }
    };
    let question = "Where connectors are defined: omc.connector (addon g2p_omc) or mts.connector (OpenG2P as it ships)";
    let model = person.answer(given.connector_model, "--connector-model", question, Some(default.name()), model)?;
    let mut connectors = given.connectors;
    if model == Model::Stock && connectors.is_empty() {
        let known = match found {
            Found::Stock(known) => known,
            Found::Addon | Found::Refused | Found::Nothing(_) => Vec::new(),
        };
        let all = (!known.is_empty()).then(|| known.join(", "));
        let question = "Names of the connectors to take over, with commas between";
        // A name that Odoo gave may have a comma itself.
        let read = |text: &str| if Some(text) == all.as_deref() { Ok(known.clone()) } else { names(text) };
        connectors = person.answer(None, "--connector", question, all.as_deref(), read)?;
    }
    let question = "How MTS reaches this machine, as in http://omc.example.org:8710, or download where it cannot";
    let callback = person.answer(given.callback, "--callback", question, Some("download"), callback)?;
    let place = if folder == Path::new(FOLDER) { PathBuf::from("/var/lib/omc") } else { folder.join("state") };
    let place = place.to_string_lossy().into_owned();
    let read = |text: &str| setup::plain(text).map(PathBuf::from);
    let state = person.answer(given.state, "--state", "Folder of all that OMC keeps", Some(&place), read)?;
    let state = whole(&state, "--state")?;
    Ok(Answers { odoo, database, username, password_file, password, model, connectors, callback: callback.0, state })
}
