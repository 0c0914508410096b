//! The `omc` command.

mod ask;
mod check;
mod connectors;
#[cfg(feature = "sim")]
mod demo;
mod duplicates;
mod exit;
mod import;
mod init;
mod preview;
mod serve;
#[cfg(feature = "sim")]
mod simulate;
mod store;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::app::discretion;
use crate::config::Config;
use crate::jq;
use exit::Exit;

/// Turns MOSIP VIDs in an OpenG2P registry into auth tokens, by way of a MOSIP Token Seeder.
#[derive(Debug, Parser)]
#[command(name = "omc", version, arg_required_else_help = true)]
struct Arguments {
    /// The configuration file [default: ./config.toml, else /etc/omc/config.toml]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    Serve,
    /// Show the whole job on this machine, against simulators of Odoo and MTS.
    #[cfg(feature = "sim")]
    Demo(demo::Arguments),
    /// Ask a few questions, and write a configuration and the list of rights that OMC needs in Odoo.
    Init(init::Arguments),
    /// Check the configuration, Odoo, every connector's definition and every MTS.
    Check(check::Arguments),
    /// List the connectors that Odoo defines.
    Connectors,
    /// Show what the running daemon is doing.
    Status,
    /// Start a manual import of everybody a connector takes.
    Run(ask::RunArguments),
    /// Show what would be sent for a connector, personal data masked; sends nothing.
    Preview(preview::Arguments),
    /// Have a CSV file of auth data tokenised, past the registry.
    Import(import::Arguments),
    /// List registrants who share a token: the same person, to MOSIP.
    Duplicates(duplicates::Arguments),
    /// List refused and given-up records, by code.
    Failed(ask::FailedArguments),
    /// Open refused and given-up records again.
    Requeue(ask::RequeueArguments),
    /// Look after the store.
    #[command(subcommand)]
    Store(store::Command),
    /// Run one simulator alone.
    #[cfg(feature = "sim")]
    #[command(subcommand)]
    Simulate(simulate::Command),
    /// Print shell completions.
    Completions { shell: clap_complete::Shell },
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // No command of people's: a child of this program's own. It has no thread but this one, and nothing is made before it that
    // takes memory.
    if std::env::args_os().nth(1).is_some_and(|first| first == jq::WORKER) {
        return if jq::work().is_ok() { Exit::Done.into() } else { Exit::Failed.into() };
    }
    let kept = discretion::keep();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too, and are no mistake.
            let wrong = error.use_stderr();
            let _ = error.print();
            return if wrong { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    // A provider that is there already does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Few threads: what blocks is the store, which does one thing at a time, and each thread costs memory.
    let runtime = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(4).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return exit::failed(&anyhow::Error::from(error).context("cannot start")),
    };
    match runtime.block_on(dispatch(arguments, kept)) {
        Ok(exit) => exit.into(),
        Err(error) => exit::failed(&error),
    }
}

async fn dispatch(arguments: Arguments, kept: bool) -> anyhow::Result<Exit> {
    let Arguments { config: path, json, command } = arguments;
    let config = || Config::load(path.as_deref());
    let open = || Config::load_without_secrets(path.as_deref());
    match command {
        Command::Serve => serve::run(path.as_deref(), kept).await,
        #[cfg(feature = "sim")]
        Command::Demo(arguments) => demo::run(arguments, json).await,
        Command::Init(arguments) => init::run(arguments, path.as_deref(), json).await,
        Command::Check(arguments) => check::run(config()?, &arguments, json).await,
        Command::Connectors => connectors::run(config()?, json).await,
        Command::Status => ask::status(&open()?, json).await,
        Command::Run(arguments) => ask::run(&open()?, &arguments, json).await,
        Command::Preview(arguments) => preview::run(config()?, &arguments, json).await,
        Command::Import(arguments) => import::run(config()?, arguments, json).await,
        Command::Duplicates(arguments) => duplicates::run(config()?, &arguments, json).await,
        Command::Failed(arguments) => ask::failed(&open()?, &arguments, json).await,
        Command::Requeue(arguments) => ask::requeue(&open()?, &arguments, json).await,
        Command::Store(command) => store::run(&open()?, &command, json),
        #[cfg(feature = "sim")]
        Command::Simulate(command) => simulate::run(command).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "omc", &mut std::io::stdout());
            Ok(Exit::Done)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after() {
        for line in [["omc", "--config", "x", "status"], ["omc", "status", "--config", "x"]] {
            assert_eq!(Arguments::try_parse_from(line).unwrap().config, Some(PathBuf::from("x")));
        }
    }
}
