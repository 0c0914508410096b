//! The listeners, with callers that take their time, come in numbers, or send what nobody sends.

#![forbid(unsafe_code)]

use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use omc::http::{Limits, serve_within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);
/// More than the system keeps of an answer that nobody reads.
const MUCH: usize = 32 * 1024 * 1024;
const PATIENT: Limits =
    Limits { connections: 16, handshakes: 4, handshake_time: DEADLINE, header_time: DEADLINE, write_time: DEADLINE };

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    cut: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
    /// Somebody is in `/wait`.
    entered: Arc<Notify>,
    /// Lets one out of `/wait`.
    release: Arc<Notify>,
}

impl Served {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::with(limits, listener)
    }

    fn with(limits: Limits, listener: TcpListener) -> Self {
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, outside) = (Arc::clone(&entered), Arc::clone(&release));
        let wait = async move || {
            inside.notify_one();
            outside.notified().await;
            "waited"
        };
        let router = Router::new()
            .route("/wait", get(wait))
            .route("/echo", get(async |body: String| body))
            .route("/much", get(async || vec![b'x'; MUCH]));
        let address = listener.local_addr().unwrap();
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let task = tokio::spawn(serve_within(limits, listener, router, stop.clone(), cut.clone()));
        Self { address, stop, cut, task, entered, release }
    }

    async fn caller(&self, text: &str) -> TcpStream {
        let mut caller = TcpStream::connect(self.address).await.unwrap();
        caller.write_all(text.as_bytes()).await.unwrap();
        caller
    }

    /// A caller whose request is being worked on.
    async fn waiting(&self) -> TcpStream {
        let caller = self.caller("GET /wait HTTP/1.1\r\nHost: omc\r\nConnection: close\r\n\r\n").await;
        in_time(self.entered.notified()).await;
        caller
    }

    async fn end(self) -> std::io::Result<()> {
        in_time(self.task).await.unwrap()
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("in time")
}

/// What comes until the connection is closed, by either way of closing.
async fn rest(caller: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    _ = in_time(caller.read_to_end(&mut bytes)).await;
    String::from_utf8(bytes).unwrap()
}

fn echo(text: &str) -> String {
    let length = text.len();
    format!("GET /echo HTTP/1.1\r\nHost: omc\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{text}")
}

#[tokio::test]
async fn headers_that_do_not_come_close_the_connection() {
    let limits = Limits { header_time: Duration::from_millis(200), ..PATIENT };
    let served = Served::start(limits).await;
    for beginning in ["", "GET /echo HTTP/1.1\r\nHost: om"] {
        let answer = rest(&mut served.caller(beginning).await).await;
        assert!(!answer.contains("200"), "{answer}");
    }
    // As is one that is kept open after its answer.
    let mut kept = served.caller("GET /echo HTTP/1.1\r\nHost: omc\r\n\r\n").await;
    assert!(rest(&mut kept).await.starts_with("HTTP/1.1 200"));
    // A request in hand is no header.
    let mut slow = served.waiting().await;
    assert!(timeout(limits.header_time * 2, slow.read_u8()).await.is_err());
    served.release.notify_one();
    assert!(rest(&mut slow).await.ends_with("waited"));
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_dropped() {
    let limits = Limits { connections: 1, write_time: Duration::from_millis(200), ..PATIENT };
    let served = Served::start(limits).await;
    // More than the system keeps for a caller.
    let _deaf = served.caller("GET /much HTTP/1.1\r\nHost: omc\r\n\r\n").await;
    let mut next = served.caller(&echo("text")).await;
    assert!(rest(&mut next).await.ends_with("text"), "there is room for the next");
}

#[tokio::test]
async fn more_callers_than_there_is_room_for_are_served_later() {
    let served = Served::start(Limits { connections: 2, ..PATIENT }).await;
    let mut first = served.waiting().await;
    let mut second = served.waiting().await;
    let mut third = served.caller(&echo("third")).await;
    assert!(timeout(Duration::from_millis(200), third.read_u8()).await.is_err(), "there is no room");
    served.release.notify_one();
    assert!(rest(&mut third).await.ends_with("third"));
    served.release.notify_one();
    for caller in [&mut first, &mut second] {
        assert!(rest(caller).await.ends_with("waited"));
    }
}

/// Who says nothing, or half of something, gives way; who is being served does not.
#[tokio::test]
async fn silence_keeps_nobody_out() {
    let served = Served::start(Limits { connections: 3, ..PATIENT }).await;
    let mut busy = served.waiting().await;
    let mut silent = Vec::new();
    for beginning in ["", "GET /echo HTTP/1.1\r\nHost: om", "GET /echo HTTP/1.1\r\nHost: omc\r\n\r\n", ""] {
        silent.push(served.caller(beginning).await);
    }
    for text in ["one", "two", "three", "four"] {
        let mut next = served.caller(&echo(text)).await;
        assert!(rest(&mut next).await.ends_with(text), "{text}");
    }
    for caller in &mut silent[..2] {
        assert_eq!(rest(caller).await, "", "it gave way, long before its time was over");
    }
    served.release.notify_one();
    assert!(rest(&mut busy).await.ends_with("waited"));
}

#[tokio::test]
async fn a_get_may_have_a_body() {
    let served = Served::start(PATIENT).await;
    let answer = rest(&mut served.caller(&echo(r#"[{"omc_ref": null}]"#)).await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(r#"[{"omc_ref": null}]"#), "{answer}");
}

#[tokio::test]
async fn a_stop_lets_nobody_in_and_finishes_what_is_in_hand() {
    let served = Served::start(PATIENT).await;
    let mut idle = served.caller("").await;
    let mut busy = served.waiting().await;
    served.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert!(TcpStream::connect(served.address).await.is_err());
    assert!(!served.task.is_finished());
    served.release.notify_one();
    assert!(rest(&mut busy).await.ends_with("waited"));
    served.end().await.unwrap();
}

#[tokio::test]
async fn a_cut_drops_what_is_in_hand() {
    let served = Served::start(PATIENT).await;
    let mut busy = served.waiting().await;
    served.stop.cancel();
    served.cut.cancel();
    assert_eq!(rest(&mut busy).await, "");
    served.end().await.unwrap();
}

#[tokio::test]
async fn a_broken_socket_ends_the_listener_with_an_error() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let same = std::net::TcpStream::from(OwnedFd::from(socket.try_clone().unwrap()));
    let served = Served::with(PATIENT, TcpListener::from_std(socket).unwrap());
    same.shutdown(Shutdown::Both).unwrap();
    served.end().await.unwrap_err();
}
