//! A server for tests that answers each connection with given bytes, as an Odoo or a proxy in trouble might.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use url::Url;

use super::config::Config;

/// What to do with one connection, once its request has been read whole.
#[derive(Clone)]
pub enum Act {
    /// Send these bytes, then close.
    Send(Vec<u8>),
    /// Send these bytes and keep the connection open, silent.
    SendAndHang(Vec<u8>),
    /// Close without reading anything.
    Close,
    /// Send these bytes without reading anything, and keep the connection open.
    Greet(Vec<u8>),
}

pub struct TestServer {
    pub url: Url,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl TestServer {
    /// Answers the first connection with the first act, and so on; the last act is repeated.
    pub async fn start(acts: Vec<Act>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let task = tokio::spawn(async move {
            let mut hanging = Vec::new();
            for turn in 0.. {
                let (mut socket, _) = listener.accept().await.unwrap();
                let act = acts[usize::min(turn, acts.len() - 1)].clone();
                if let Act::Greet(bytes) = &act {
                    socket.write_all(bytes).await.unwrap();
                    hanging.push(socket);
                    continue;
                }
                if matches!(act, Act::Close) {
                    continue;
                }
                let mut request = Vec::new();
                while !is_whole(&request) {
                    if socket.read_buf(&mut request).await.unwrap() == 0 {
                        break;
                    }
                }
                seen.lock().await.push(String::from_utf8(request).unwrap());
                match act {
                    Act::Send(bytes) => socket.write_all(&bytes).await.unwrap(),
                    Act::SendAndHang(bytes) => {
                        socket.write_all(&bytes).await.unwrap();
                        hanging.push(socket);
                    }
                    Act::Close | Act::Greet(_) => unreachable!("handled above"),
                }
            }
        });
        Self { url, requests, task }
    }

    pub async fn requests(&self) -> Vec<String> {
        self.requests.lock().await.clone()
    }

    /// `model.method` of each `execute_kw` so far.
    pub async fn calls(&self) -> Vec<String> {
        let string = |part: &str| part.split_once("</string>").map(|(text, _)| text.to_owned());
        let calls = self.requests().await.into_iter().filter_map(|request| {
            // Database and password come before the model and the method.
            let mut strings = request.split("<string>").skip(3).map(string);
            let method = request.contains("<methodName>execute_kw</methodName>");
            method.then(|| Some(format!("{}.{}", strings.next()??, strings.next()??)))?
        });
        calls.collect()
    }

    pub fn config(&self) -> Config {
        Config {
            url: Some(self.url.clone()),
            database: "registry".into(),
            username: "omc".into(),
            password: Some("open sesame".into()),
            ..Config::default()
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An XML-RPC answer with one value, as Odoo sends it.
pub fn value(value: &str) -> Act {
    document(&format!(
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>{value}</value>\n</param>\n</params>\n</methodResponse>\n"
    ))
}

/// An XML-RPC fault.
pub fn fault(code: u32, text: &str) -> Act {
    document(&format!(
        "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value><int>{code}\
         </int></value>\n</member>\n<member>\n<name>faultString</name>\n<value><string>{text}</string></value>\n</member>\n\
         </struct></value>\n</fault>\n</methodResponse>\n"
    ))
}

pub fn document(body: &str) -> Act {
    Act::Send(response("200 OK", "text/xml; charset=utf-8", body.len(), body.as_bytes()))
}

/// An HTTP response in the form of Odoo's prefork server.
pub fn response(status: &str, kind: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.0 {status}\r\nDate: Sat, 21 Nov 2026 21:12:48 GMT\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head_end) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..head_end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    request.len() >= head_end + 4 + length.unwrap_or(0)
}
