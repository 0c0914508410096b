//! A small callback receiver that keeps every byte and answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub connection: usize,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status, header lines, body.
    With(u16, Vec<String>, String),
    /// The connection is closed without a word.
    Close,
    /// 200 after this time.
    Late(Duration),
    /// 200, a letter at a time with this pause before each.
    Drip(usize, Duration),
}

pub fn ok() -> Reply {
    Reply::With(200, Vec::new(), "ok".to_owned())
}

type Script = dyn Fn(&Received, usize) -> Reply + Send + Sync;

pub struct Receiver {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    count: watch::Receiver<usize>,
}

impl Receiver {
    /// The script sees each request and how many came before it.
    pub async fn start(script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let (kept, script): (_, Arc<Script>) = (received.clone(), Arc::new(script));
        tokio::spawn(async move {
            let counted = Arc::new(counted);
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(serve(stream, connection, kept.clone(), counted.clone(), script.clone()));
            }
        });
        Self { url, received, count }
    }

    pub async fn new() -> Self {
        Self::start(|_, _| ok()).await
    }

    /// All that came, once there are `n`.
    pub async fn got(&self, n: usize) -> Vec<Received> {
        let mut count = self.count.clone();
        let waited = timeout(Duration::from_secs(300), count.wait_for(|count| *count >= n)).await.map(|_| ());
        let got = self.all();
        assert!(waited.is_ok(), "{} of {n} came: {got:#?}", got.len());
        got
    }

    pub fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    kept: Arc<Mutex<Vec<Received>>>,
    counted: Arc<watch::Sender<usize>>,
    script: Arc<Script>,
) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let head = loop {
            if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
        let mut lines = text.lines();
        let mut first = lines.next()?.split(' ').map(str::to_owned);
        let (method, target) = (first.next()?, first.next()?);
        let headers: Vec<(String, String)> =
            lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let mut received = Received { method, target, headers, body: String::new(), connection };
        let length: usize = received.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
        while buffer.len() < head + 4 + length {
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        }
        received.body = String::from_utf8_lossy(&buffer[head + 4..head + 4 + length]).into_owned();
        buffer.drain(..head + 4 + length);
        let head_only = received.method == "HEAD";
        let reply = {
            let mut kept = kept.lock().unwrap();
            let reply = script(&received, kept.len());
            kept.push(received);
            counted.send_replace(kept.len());
            reply
        };
        let (status, lines, body, pause) = match reply {
            Reply::Close => return None,
            Reply::With(status, lines, body) => (status, lines, body, Duration::ZERO),
            Reply::Late(wait) => (200, Vec::new(), "late".to_owned(), wait),
            Reply::Drip(n, pause) => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.ok()?;
                for _ in 0..n {
                    tokio::time::sleep(pause).await;
                    stream.write_all(b".").await.ok()?;
                }
                continue;
            }
        };
        tokio::time::sleep(pause).await;
        let mut answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n", body.len());
        for line in lines {
            answer.push_str(&line);
            answer.push_str("\r\n");
        }
        answer.push_str("\r\n");
        if !head_only {
            answer.push_str(&body);
        }
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}
