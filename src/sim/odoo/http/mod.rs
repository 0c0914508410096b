//! HTTP as Odoo's prefork server speaks it: one request a connection, HTTP/1.0, nothing compressed, two workers.
//!
//! Written on bare sockets: the closed, cut and silent connections a client must survive are not an HTTP library's to make.

mod answer;
mod pages;
mod request;
mod router;
mod session;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::control::Mishap;
use super::fault::Fault;
use super::rpc::Server;
use super::wire;
use answer::Answer;
use request::{Failure, Request};

/// Odoo's workers: each serves one connection at a time, an idle one too.
const WORKERS: usize = 2;
/// How long a worker waits for a silent client, in either direction.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a hung request is kept at most.
const HANG: Duration = Duration::from_secs(600);
/// Connections waiting for a worker beyond this many are closed.
const BACKLOG: usize = 512;

/// Serves until told to stop; requests under way are then cut off.
pub async fn run(
    listener: TcpListener,
    server: Arc<Server>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let workers = Arc::new(Semaphore::new(WORKERS));
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Out of file descriptors, most likely: they come back.
                    sleep(Duration::from_millis(20)).await;
                    continue;
                };
                if server.dice().faults.refuse || connections.len() >= BACKLOG {
                    // The control pages must stay open, or the fault could not be taken back.
                    connections.spawn(refuse(stream, Arc::clone(&server)));
                } else {
                    connections.spawn(connection(stream, Arc::clone(&server), Arc::clone(&workers)));
                }
            }
        }
    }
}

async fn connection(mut stream: TcpStream, server: Arc<Server>, workers: Arc<Semaphore>) {
    // The semaphore is never closed.
    let Ok(worker) = workers.acquire_owned().await else {
        return;
    };
    let _ = stream.set_nodelay(true);
    let request = match Request::read(&mut stream, PATIENCE).await {
        Ok(request) => request,
        Err(Failure::Silent) => return,
        Err(Failure::TooLarge) => return send(&mut stream, &pages::too_large(&server), true).await,
        Err(Failure::Malformed) => return send(&mut stream, &pages::bad_request(&server), true).await,
        Err(Failure::Stalled) => {
            let fault = Fault::other(
                "werkzeug.exceptions.ClientDisconnected",
                "400 Bad Request: The browser (or proxy) sent a request that this server could not understand.",
            );
            let body = wire::fault(fault.code(), &fault.text());
            return send(&mut stream, &Answer::xml(&server, body), true).await;
        }
    };
    if request.path.starts_with("/_sim") {
        return send(&mut stream, &router::control(&server, &request), true).await;
    }
    let (latency, mishap) = {
        let mut dice = server.dice();
        (dice.faults.latency_ms, dice.mishap())
    };
    let answer = if mishap.has_effect() { Some(router::route(&server, &request)) } else { None };
    drop(worker);
    if latency > 0 {
        sleep(Duration::from_millis(latency)).await;
    }
    finish(&mut stream, &server, mishap, answer).await;
}

async fn finish(stream: &mut TcpStream, server: &Server, mishap: Mishap, answer: Option<Answer>) {
    match (mishap, answer) {
        (Mishap::None, Some(answer)) => send(stream, &answer, true).await,
        (Mishap::Truncate, Some(answer)) => send(stream, &answer, false).await,
        (Mishap::Garbage, _) => send(stream, &pages::garbage(server), true).await,
        (Mishap::BadGateway { .. }, _) => send(stream, &pages::bad_gateway(server), true).await,
        (Mishap::Fault { .. }, _) => {
            let fault = Fault::other(
                "psycopg2.errors.SerializationFailure",
                "could not serialize access due to concurrent update\n",
            );
            send(stream, &Answer::xml(server, wire::fault(fault.code(), &fault.text())), true).await;
        }
        (Mishap::Hang { .. }, _) => {
            let mut rest = [0u8; 512];
            let gone = async { while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {} };
            let _ = timeout(HANG, gone).await;
        }
        (Mishap::Close { .. } | Mishap::None | Mishap::Truncate, _) => {}
    }
}

/// Closes at once, unless it is the control pages that are asked for.
async fn refuse(mut stream: TcpStream, server: Arc<Server>) {
    let mut head = [0u8; 64];
    let peeked = timeout(PATIENCE, stream.peek(&mut head)).await;
    let Ok(Ok(read)) = peeked else { return };
    let line = String::from_utf8_lossy(&head[..read]);
    if !line.split(' ').nth(1).is_some_and(|path| path.starts_with("/_sim")) {
        return;
    }
    if let Ok(request) = Request::read(&mut stream, PATIENCE).await {
        send(&mut stream, &router::control(&server, &request), true).await;
    }
}

/// Writes the answer and closes. A client that stops reading gets what it has read by then.
async fn send(stream: &mut TcpStream, answer: &Answer, whole: bool) {
    let body = if whole { &answer.body[..] } else { &answer.body[..answer.body.len() / 2] };
    if write(stream, answer.head().as_bytes()).await && write(stream, body).await {
        let _ = stream.shutdown().await;
        // Closing on unread bytes would reset the connection under the answer.
        let mut rest = [0u8; 4096];
        let drain = async { while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {} };
        let _ = timeout(Duration::from_millis(if whole { 200 } else { 0 }), drain).await;
    }
}

async fn write(stream: &mut TcpStream, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match timeout(PATIENCE, stream.write(bytes)).await {
            Ok(Ok(written)) if written > 0 => bytes = &bytes[written..],
            _ => return false,
        }
    }
    true
}
