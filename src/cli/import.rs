//! `omc import`: auth data of a CSV file, past the registry.

use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use encoding_rs::Encoding;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::ask::Daemon;
use super::exit::Exit;
use super::table;
use crate::app::import::{self, Wish};
use crate::config::Config;
use crate::domain::audit::AuditEvent;
use crate::domain::span::Span;
use crate::import::{Assignment, Match, Summary, Tell};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A CSV file with a header.
    file: PathBuf,
    /// Whose MTS and rules to go by: Odoo id or unique name.
    #[arg(long, value_name = "CONNECTOR")]
    connector: String,
    /// The result file; must not be there yet.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Columns of one of MTS's fields, for example name=first,last; without it, the column of the field's own name.
    #[arg(long = "map", value_name = "FIELD=COLUMN[,COLUMN]")]
    map: Vec<Assignment>,
    /// One character, or tab [default: found out among , ; tab and |]
    #[arg(long, value_name = "D", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// Of a file without a byte order mark, for example windows-1252.
    #[arg(long, value_name = "NAME", default_value = "utf-8", value_parser = encoding)]
    encoding: &'static Encoding,
    /// Give the tokens to the registrants who hold these IDs.
    #[arg(long = "match", value_name = "ID TYPE=COLUMN")]
    matched: Option<Match>,
    /// Write numbers of lines into the result file, and no VIDs.
    #[arg(long)]
    no_vid: bool,
    /// Forget what an earlier import to the same result file has done.
    #[arg(long)]
    restart: bool,
    /// End when nothing has come of it for so long.
    #[arg(long, value_name = "TIME", default_value = "30m")]
    patience: Span,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n' | 0) => Ok(*one),
        _ => Err("write one character, or tab".to_owned()),
    }
}

fn encoding(text: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(text.as_bytes()).ok_or_else(|| {
        "not an encoding of the WHATWG's list; write for example utf-8, utf-16le or windows-1252".to_owned()
    })
}

pub(super) async fn run(config: Config, arguments: Arguments, json: bool) -> anyhow::Result<Exit> {
    let stop = CancellationToken::new();
    end_with(stop.clone())?;
    let shown = Shown::new();
    let output = arguments.output.clone();
    let wish = Wish {
        file: arguments.file,
        connector: arguments.connector,
        output: arguments.output,
        assignments: arguments.map,
        encoding: arguments.encoding,
        delimiter: arguments.delimiter,
        no_vid: arguments.no_vid,
        restart: arguments.restart,
        matched: arguments.matched,
        patience: arguments.patience.as_duration(),
    };
    let bar = shown.bar.clone();
    let notice = Box::new(move |trouble: &str| bar.suspend(|| say(&format!("waiting: {trouble}"))));
    // The daemon's token is another one after each of its starts.
    let config = Arc::new(config);
    let daemons = Arc::clone(&config);
    let tell: Tell = Box::new(move |events| Box::pin(tell(Arc::clone(&daemons), events)));
    let ended = import::run(&config, wish, &stop, &|done, rows| shown.show(done, rows), notice, tell).await;
    shown.clear();
    let Summary { rows, tally } = ended?;
    if json {
        println!("{}", json!({"rows": rows, "outcomes": tally, "output": output}));
        return Ok(Exit::Done);
    }
    let lines: Vec<Vec<String>> = tally
        .0
        .iter()
        .map(|(heading, count)| {
            let mut lines: Vec<String> = count.lines.iter().map(u64::to_string).collect();
            if count.rows > lines.len() as u64 {
                lines.push("...".to_owned());
            }
            vec![heading.clone(), count.rows.to_string(), lines.join(", "), count.why.clone().unwrap_or_default()]
        })
        .collect();
    print!("{}", table::lines(&["OUTCOME", "ROWS", "LINES", "WHY, AND WHAT TO DO"], &lines));
    println!("{rows} rows; their results are in {}", output.display());
    Ok(Exit::Done)
}

/// Gives events to the running daemon, for the audit.
async fn tell(config: Arc<Config>, events: Vec<AuditEvent>) -> Result<(), String> {
    let asked = async { Daemon::new(&config)?.ask(Method::POST, "/audits", Some(json!({"events": events}))).await };
    asked.await.map(|_| ()).map_err(|error| format!("{error:#}"))
}

/// On stderr, if anybody still reads there: an import does not end because nobody does.
fn say(text: &str) {
    _ = writeln!(std::io::stderr(), "{text}");
}

/// Ctrl-C and SIGTERM end it in order: what MTS is just being given is waited for. A second one does not wait.
fn end_with(stop: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    tokio::spawn(async move {
        for once_more in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if once_more {
                std::process::exit(1);
            }
            stop.cancel();
            say("omc: stopping; a request that MTS is being given is waited for");
        }
    });
    Ok(())
}

/// The progress, on stderr: a bar on a terminal, lines elsewhere.
struct Shown {
    bar: ProgressBar,
    terminal: bool,
    /// Tenths that were told.
    told: RefCell<u64>,
}

impl Shown {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, terminal: std::io::stderr().is_terminal(), told: RefCell::new(0) }
    }

    fn show(&self, done: u64, rows: u64) {
        self.bar.set_length(rows);
        self.bar.set_position(done);
        let tenth = done * 10 / rows.max(1);
        if !self.terminal && self.told.replace(tenth) != tenth {
            say(&format!("{done} of {rows} rows"));
        }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
