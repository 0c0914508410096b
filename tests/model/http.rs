//! One listener for both scripted servers.

use std::panic::AssertUnwindSafe;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::servers::Servers;

/// How a request is answered.
#[derive(Debug)]
pub enum Reply {
    Answer {
        status: u16,
        kind: &'static str,
        date: Option<DateTime<Utc>>,
        body: String,
    },
    /// Some gateway's page.
    Status(u16),
    /// The connection is closed without an answer.
    Close,
    /// The answer is announced whole and half of it sent.
    Cut(String),
}

#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
}

/// Serves until the runtime ends.
pub async fn serve(listener: TcpListener, servers: Servers) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        tokio::spawn(connection(stream, servers.clone()));
    }
}

async fn connection(mut stream: TcpStream, servers: Servers) {
    stream.set_nodelay(true).expect("a socket");
    let Some(request) = read(&mut stream).await else { return };
    let what = format!("{} {}", request.method, request.path);
    let Ok(reply) = AssertUnwindSafe(servers.answer(request)).catch_unwind().await else {
        return servers.script().odoo.violations.push(format!("{what} was not expected; see above"));
    };
    let (status, kind, date, body, sent) = match reply {
        Reply::Close => return,
        Reply::Status(status) => (status, "text/html", None, "<html>no</html>".to_owned(), usize::MAX),
        Reply::Cut(body) => {
            let half = body.len() / 2;
            (200, "text/xml", None, body, half)
        }
        Reply::Answer { status, kind, date, body } => (status, kind, date, body, usize::MAX),
    };
    let mut head = format!("HTTP/1.0 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    if let Some(date) = date {
        head.push_str(&date.format("Date: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string());
    }
    head.push_str("\r\n");
    head.push_str(&body[..sent.min(body.len())]);
    // A daemon that was killed meanwhile reads nothing.
    _ = stream.write_all(head.as_bytes()).await;
    _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::with_capacity(4096);
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).expect("a head of ASCII");
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.trim().parse::<usize>().expect("a length"));
    let whole = head + 4 + length;
    while bytes.len() < whole {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { method, path, body: bytes[head + 4..whole].to_vec() })
}
