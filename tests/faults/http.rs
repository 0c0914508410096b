//! As much of HTTP/1 as a relay needs: one request and one answer on a connection.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A head or a body is not longer.
const LONGEST: usize = 64 * 1024 * 1024;

/// A request as it came, head and body.
#[derive(Debug)]
pub struct Request {
    bytes: Vec<u8>,
    head: usize,
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

impl Request {
    /// `None`: the other side went away, or does not speak HTTP.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(head) = end_of_head(&bytes) {
                break head;
            }
            more(stream, &mut bytes).await?;
        };
        let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        while bytes.len() < head + length.unwrap_or(0) {
            more(stream, &mut bytes).await?;
        }
        Some(Self { bytes, head })
    }

    /// Method and address.
    pub fn line(&self) -> &[u8] {
        self.bytes.split(|byte| *byte == b'\r').next().unwrap_or_default()
    }

    /// Whether it holds this, in its head or in its body.
    pub fn holds(&self, part: &str) -> bool {
        part.is_empty() || self.bytes.windows(part.len()).any(|window| window == part.as_bytes())
    }

    /// Passes it on and gives the whole answer.
    pub async fn forward(&self, to: &str) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(to).await?;
        let head = String::from_utf8_lossy(&self.bytes[..self.head - 4]);
        let lines = head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        let mut head = lines.collect::<Vec<_>>().join("\r\n");
        head.push_str("\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&self.bytes[self.head..]).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        let head = end_of_head(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Answer { head: bytes[..head].to_vec(), body: bytes[head..].to_vec() })
    }
}

async fn more(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Option<()> {
    match stream.read_buf(bytes).await {
        Ok(1..) if bytes.len() < LONGEST => Some(()),
        _ => None,
    }
}

/// An answer to pass on, or one that was made up.
#[derive(Debug, Clone)]
pub struct Answer {
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: &str, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len();
        Self { head: head(status, kind, &format!("Content-Length: {length}\r\n")), body }
    }

    pub fn bytes(&self) -> Vec<u8> {
        [&self.head[..], &self.body].concat()
    }

    /// Half of it, head and all.
    pub fn half(&self) -> Vec<u8> {
        [&self.head[..], &self.body[..self.body.len() / 2]].concat()
    }

    /// Half of it in a chunk, without the last chunk that says that all is there.
    pub fn half_in_chunks(&self) -> Vec<u8> {
        let half = &self.body[..self.body.len() / 2];
        let kind = self.kind();
        let chunk = [format!("{:x}\r\n", half.len()).as_bytes(), half, b"\r\n"].concat();
        [head("200 OK", &kind, "Transfer-Encoding: chunked\r\n"), chunk].concat()
    }

    /// Half of it, as if that were all.
    pub fn half_as_whole(&self) -> Vec<u8> {
        Self::new("200 OK", &self.kind(), &self.body[..self.body.len() / 2]).bytes()
    }

    fn kind(&self) -> String {
        let head = String::from_utf8_lossy(&self.head).to_ascii_lowercase();
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type:"));
        kind.unwrap_or("application/json").trim().to_owned()
    }
}

pub fn head(status: &str, kind: &str, rest: &str) -> Vec<u8> {
    let date = "Date: Thu, 01 Jan 2026 00:00:00 GMT";
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{date}\r\n{rest}Connection: close\r\n\r\n").into_bytes()
}
