//! `omc simulate`: one simulator alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use crate::clock::SystemClock;
use crate::sim::{mosip, mts, odk, odoo};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Odoo 17 with OpenG2P's registry: database `omc`, user `admin`.
    Odoo(OdooArguments),
    /// The MOSIP Token Seeder.
    Mts(MtsArguments),
    /// MOSIP's services beside MTS: authmanager, auditmanager, notifier; and a token endpoint as Keycloak has it.
    Mosip(MosipArguments),
    /// An ODK Central, with one form and its submissions.
    Odk(OdkArguments),
}

#[derive(Debug, Args)]
pub(super) struct OdooArguments {
    #[arg(long, default_value = "127.0.0.1:8069", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[arg(long, default_value_t = 5000, value_name = "N")]
    registrants: u32,
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// The share of registrants with a trouble, in percent.
    #[arg(long, default_value_t = 20, value_name = "P", value_parser = clap::value_parser!(u8).range(0..=100))]
    invalid_percent: u8,
    /// The password of `admin`.
    #[arg(long, default_value = "admin", value_name = "P")]
    password: String,
    /// As OpenG2P ships: upstream's `mts.connector`, and no addon of OMC's.
    #[arg(long)]
    no_addon: bool,
    /// Where the connector says MTS is.
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    mts_url: String,
    #[command(flatten)]
    life: Life,
}

#[derive(Debug, Args)]
pub(super) struct MtsArguments {
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[arg(long, value_enum, default_value_t = Release::V1_1)]
    release: Release,
    #[arg(long, default_value_t = 1, value_name = "N")]
    workers: usize,
    /// The MOSIP partner that tokens are made for.
    #[arg(long, value_name = "P")]
    partner_id: Option<String>,
    /// PEM file of the CAs that certificates of callback receivers must be of [default: any certificate will do]
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// Time that a record takes, in microseconds, at the POST and again at work; 0 is as fast as it goes.
    #[arg(long, default_value_t = 0, value_name = "N")]
    record_micros: u64,
    /// As MOSIP's policy `random`: each authentication gives another token.
    #[arg(long)]
    random_tokens: bool,
    /// A gateway in front lets only those through who show a token that the authmanager at this address gave (bearer:TOKEN: this
    /// token; basic:USER:PASSWORD: this pair) [default: anybody]
    #[arg(long, value_name = "URL")]
    require_login: Option<mts::Gate>,
    #[command(flatten)]
    life: Life,
}

#[derive(Debug, Args)]
pub(super) struct MosipArguments {
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The application that is known; to Keycloak's endpoint the realm.
    #[arg(long, default_value = "registry", value_name = "A")]
    app_id: String,
    /// The client that is known.
    #[arg(long, default_value = "omc", value_name = "C")]
    client_id: String,
    /// The client's secret.
    #[arg(long, default_value = "secret", value_name = "S")]
    secret_key: String,
    /// How long a token is good.
    #[arg(long, default_value_t = 36_000, value_name = "N")]
    token_seconds: u32,
    #[command(flatten)]
    life: Life,
}

#[derive(Debug, Args)]
pub(super) struct OdkArguments {
    #[arg(long, default_value = "127.0.0.1:8383", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Submissions at the start, a minute apart, the last of them a minute ago.
    #[arg(long, default_value_t = 100, value_name = "N")]
    submissions: u32,
    /// The share of submissions whose name is a number, on which MTS fails, in percent.
    #[arg(long, default_value_t = 0, value_name = "P", value_parser = clap::value_parser!(u8).range(0..=100))]
    bad_percent: u8,
    /// The share of submissions whose VID the simulated MTS finds to be somebody else's, in percent.
    #[arg(long, default_value_t = 0, value_name = "P", value_parser = clap::value_parser!(u8).range(0..=100))]
    refused_percent: u8,
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// The user who may read the form.
    #[arg(long, default_value = "seeder@odk.example", value_name = "E")]
    email: String,
    /// The user's password.
    #[arg(long, default_value = "odk", value_name = "P")]
    password: String,
    /// The form's project.
    #[arg(long, default_value = "7", value_name = "P")]
    project: String,
    /// The form.
    #[arg(long, default_value = "enrol", value_name = "F")]
    form: String,
    /// Serve over TLS here too; MTS of release 1.0.1 knows nothing else.
    #[arg(long, value_name = "ADDRESS", requires = "tls_cert", requires = "tls_key")]
    tls_listen: Option<SocketAddr>,
    /// PEM file of the certificate for it.
    #[arg(long, value_name = "FILE", requires = "tls_listen")]
    tls_cert: Option<PathBuf>,
    /// PEM file of the certificate's key.
    #[arg(long, value_name = "FILE", requires = "tls_listen")]
    tls_key: Option<PathBuf>,
    #[command(flatten)]
    life: Life,
}

#[derive(Debug, Args)]
struct Life {
    /// End when standard input closes.
    #[arg(long, hide = true)]
    with_parent: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Release {
    #[value(name = "1.0.1")]
    V1_0_1,
    #[value(name = "1.1")]
    V1_1,
}

pub(super) async fn run(command: Command) -> anyhow::Result<Exit> {
    let clock = Arc::new(SystemClock);
    match command {
        Command::Odoo(arguments) => {
            let listener = bind(arguments.listen).await?;
            let options = odoo::Options {
                registrants: arguments.registrants,
                seed: arguments.seed,
                invalid_percent: arguments.invalid_percent,
                password: arguments.password,
                addon: !arguments.no_addon,
                mts_url: arguments.mts_url,
                ..odoo::Options::default()
            };
            odoo::serve(listener, options, clock, stopped(arguments.life.with_parent)).await?;
        }
        Command::Mts(arguments) => {
            let listener = bind(arguments.listen).await?;
            let mut options = mts::Options {
                release: match arguments.release {
                    Release::V1_0_1 => mts::Release::V1_0_1,
                    Release::V1_1 => mts::Release::V1_1,
                },
                workers: arguments.workers.max(1),
                record_micros: arguments.record_micros,
                trusted: arguments.ca_cert.map(std::fs::read_to_string).transpose().context("cannot read --ca-cert")?,
                tokens: if arguments.random_tokens { mts::Tokens::Random } else { mts::Tokens::Static },
                gate: arguments.require_login.unwrap_or_default(),
                ..mts::Options::default()
            };
            if let Some(partner_id) = arguments.partner_id {
                options.partner_id = partner_id;
            }
            mts::serve(listener, options, clock, stopped(arguments.life.with_parent)).await?;
        }
        Command::Mosip(arguments) => {
            let listener = bind(arguments.listen).await?;
            let options = mosip::Options {
                app_id: arguments.app_id,
                client_id: arguments.client_id,
                secret_key: arguments.secret_key,
                token_seconds: i64::from(arguments.token_seconds),
                ..mosip::Options::default()
            };
            mosip::serve(listener, options, clock, stopped(arguments.life.with_parent)).await?;
        }
        Command::Odk(arguments) => odk(arguments, clock).await?,
    }
    Ok(Exit::Done)
}

async fn odk(arguments: OdkArguments, clock: Arc<SystemClock>) -> anyhow::Result<()> {
    let OdkArguments { submissions, bad_percent, refused_percent, seed, email, password, project, form, .. } =
        arguments;
    let options = odk::Options { email, password, project, form, submissions, bad_percent, refused_percent, seed };
    let secure = match (arguments.tls_listen, arguments.tls_cert, arguments.tls_key) {
        (Some(address), Some(chain), Some(key)) => {
            let chain = std::fs::read(chain).context("cannot read --tls-cert")?;
            let key = std::fs::read(key).context("cannot read --tls-key")?;
            let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
            println!("{}", json!({ "secure": format!("https://{}", listener.local_addr()?) }));
            Some(odk::Secure::new(listener, &chain, &key).context("--tls-cert and --tls-key")?)
        }
        _ => None,
    };
    let listener = bind(arguments.listen).await?;
    odk::serve(listener, secure, options, clock, stopped(arguments.life.with_parent)).await?;
    Ok(())
}

/// Binds, and says where on stdout: with port 0 the system chooses.
async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    println!("{}", json!({ "listening": format!("http://{}", listener.local_addr()?) }));
    Ok(listener)
}

async fn stopped(with_parent: bool) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without signals it runs until it is killed.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv(), if !with_parent => {}
        () = orphaned(), if with_parent => {}
    }
}

/// Comes back when nobody holds the other end of standard input any more.
async fn orphaned() {
    let mut byte = [0];
    while matches!(tokio::io::stdin().read(&mut byte).await, Ok(1..)) {}
}
