//! Reads one request, with limits on everything.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Odoo's own limit.
const MAX_BODY: usize = 128 * 1024 * 1024;
const MAX_HEAD: usize = 64 * 1024;

/// Why there is no request.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing came, or not even a head.
    Silent,
    /// The body stopped coming.
    Stalled,
    TooLarge,
    Malformed,
}

/// One request.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// A header's value; names in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.header("Cookie")?;
        cookies.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v)
    }

    /// Reads head and body; `patience` is the longest silence borne.
    pub async fn read(stream: &mut TcpStream, patience: Duration) -> Result<Self, Failure> {
        let mut buffer = Vec::with_capacity(8 * 1024);
        let head_end = loop {
            if let Some(end) = find(&buffer, b"\r\n\r\n") {
                break end;
            }
            if buffer.len() > MAX_HEAD {
                return Err(Failure::Malformed);
            }
            fill(stream, &mut buffer, patience, Failure::Silent).await?;
        };
        let mut rest = buffer.split_off(head_end + 4);
        let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target)) = (first.next(), first.next()) else {
            return Err(Failure::Malformed);
        };
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let mut request = Self { method: method.to_owned(), path, headers, body: Vec::new() };
        if request.header("Expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) && rest.is_empty() {
            let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        }
        if request.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            request.body = chunked(stream, rest, patience).await?;
            return Ok(request);
        }
        let length: usize = match request.header("Content-Length") {
            Some(length) => length.parse().map_err(|_| Failure::Malformed)?,
            None => 0,
        };
        if length > MAX_BODY {
            return Err(drained(stream, length.saturating_sub(rest.len()), patience).await);
        }
        rest.reserve(length.saturating_sub(rest.len()).min(1024 * 1024));
        while rest.len() < length {
            fill(stream, &mut rest, patience, Failure::Stalled).await?;
        }
        // What was sent after the body is another request: dropped.
        rest.truncate(length);
        request.body = rest;
        Ok(request)
    }
}

/// Reads a body that is refused anyway, or the answer would be lost with the connection.
async fn drained(stream: &mut TcpStream, mut left: usize, patience: Duration) -> Failure {
    let mut scrap = vec![0u8; 64 * 1024];
    left = left.min(2 * MAX_BODY);
    while left > 0 {
        match timeout(patience, stream.read(&mut scrap)).await {
            Ok(Ok(read)) if read > 0 => left = left.saturating_sub(read),
            _ => return Failure::Malformed,
        }
    }
    Failure::TooLarge
}

async fn fill(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    patience: Duration,
    failure: Failure,
) -> Result<(), Failure> {
    match timeout(patience, stream.read_buf(buffer)).await {
        Ok(Ok(read)) if read > 0 => Ok(()),
        Ok(_) => Err(Failure::Silent),
        Err(_) => Err(failure),
    }
}

async fn chunked(stream: &mut TcpStream, mut rest: Vec<u8>, patience: Duration) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        let line_end = loop {
            if let Some(end) = find(&rest, b"\r\n") {
                break end;
            }
            fill(stream, &mut rest, patience, Failure::Stalled).await?;
        };
        let line = String::from_utf8_lossy(&rest[..line_end]).into_owned();
        let size = line.split(';').next().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let size = size.ok_or(Failure::Malformed)?;
        if body.len().saturating_add(size) > MAX_BODY {
            return Err(Failure::TooLarge);
        }
        rest.drain(..line_end + 2);
        while rest.len() < size + 2 {
            fill(stream, &mut rest, patience, Failure::Stalled).await?;
        }
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&rest[..size]);
        rest.drain(..size + 2);
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
