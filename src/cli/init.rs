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
    let output = std::path::absolute(&output).with_context(|| format!("{} is no path", output.display()))?;
    let folder = output.parent().unwrap_or(Path::new("/")).to_owned();
    let rights = output.with_extension("rights.md");
    anyhow::ensure!(folder.is_dir(), "there is no folder {}; make it first", folder.display());
    if !arguments.force
        && let Some(there) = [&output, &rights].into_iter().find(|file| file.exists())
    {
        anyhow::bail!("{} is there already; --force replaces it, --output writes elsewhere", there.display());
    }
    let mut person = Person { answers: std::io::stdin().lock(), asks: !arguments.no_input };
    let answers = ask(&mut person, arguments, &folder).await?;
    setup::write(&answers, &output, &rights)?;
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

async fn ask<R: BufRead>(person: &mut Person<R>, given: Arguments, folder: &Path) -> anyhow::Result<Answers> {
    let odoo = person.answer(given.odoo_url, "--odoo-url", "Address of Odoo, as in a browser", None, setup::address)?;
    let database = person.answer(given.database, "--database", "Name of its database", None, setup::plain)?;
    let username =
        person.answer(given.username, "--username", "Login of OMC's account in Odoo", Some("omc"), setup::plain)?;
    let password_file = given.password_file.unwrap_or_else(|| folder.join("odoo-password"));
    let password_file = std::path::absolute(password_file).context("--password-file is no path")?;
    if person.asks && !password_file.exists() {
        let question = format!("Its password or API key, for {} (not shown; empty: later)", password_file.display());
        let password = person.password(&question)?;
        if !password.expose().is_empty() {
            setup::keep_password(&password_file, &password)?;
        }
    }
    let found = if password_file.exists() {
        setup::look(&odoo, &database, &username, &password_file).await
    } else {
        Found::Nothing("without a password nothing was looked for".to_owned())
    };
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
        Found::Nothing(why) => {
            eprintln!("Odoo was not asked what it has: {why}");
            Model::Omc
        }
    };
    let question = "Where connectors are defined: omc.connector (addon g2p_omc) or mts.connector (OpenG2P as it ships)";
    let model = person.answer(given.connector_model, "--connector-model", question, Some(default.name()), model)?;
    let mut connectors = given.connectors;
    if model == Model::Stock && connectors.is_empty() {
        let known = match &found {
            Found::Stock(known) if !known.is_empty() => Some(known.join(", ")),
            _ => None,
        };
        let question = "Names of the connectors to take over, with commas between";
        connectors = person.answer(None, "--connector", question, known.as_deref(), names)?;
    }
    let question = "How MTS reaches this machine, as in http://omc.example.org:8710, or download where it cannot";
    let callback = person.answer(given.callback, "--callback", question, Some("download"), callback)?;
    let place = if folder == Path::new(FOLDER) { PathBuf::from("/var/lib/omc") } else { folder.join("state") };
    let place = place.to_string_lossy().into_owned();
    let read = |text: &str| setup::plain(text).map(PathBuf::from);
    let state = person.answer(given.state, "--state", "Folder of all that OMC keeps", Some(&place), read)?;
    let state = std::path::absolute(state).context("--state is no path")?;
    Ok(Answers { odoo, database, username, password_file, model, connectors, callback: callback.0, state })
}
