//! Callers who send too much, too slowly, or too often.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::stand::{CALLBACKS, Stand, good, hostile, made_up, stored};
use crate::evidence::MARKER;
use crate::harness::{DEADLINE, Daemon, eventually};
use crate::row::Row;
use crate::scene::Scene;

/// 100 MB.
const HUGE: usize = 100_000_000;
/// Files that the daemon may have open: a quarter of them as connections to a listener.
const FEW_FILES: &str = "ulimit -n 512";
const PLACES: usize = 128;
/// Connections that drip.
const SLOW: usize = PLACES * 2;
const REQUESTS: usize = 10_000;
/// Callers who send them.
const CALLERS: usize = 200;

fn host(stand: &Stand) -> String {
    stand.scene.daemon.callback.strip_prefix("http://").unwrap().to_owned()
}

fn head(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: omc\r\n{headers}\r\n")
}

/// The status of an answer, and what stands in its last line; 0: none came.
async fn read_answer(from: &mut (impl AsyncReadExt + Unpin)) -> (u16, String) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    // One part is the whole of such an answer, unless the connection breaks off.
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        match timeout(DEADLINE, from.read(&mut part)).await {
            Ok(Ok(count @ 1..)) => bytes.extend_from_slice(&part[..count]),
            _ => return (0, String::new()),
        }
    }
    let text = String::from_utf8(bytes).unwrap();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text.rsplit("\r\n").next().unwrap_or_default().to_owned())
}

/// Sends a body as long as somebody takes it; tells the answer, and how much was sent.
async fn send_huge(stand: &Stand, headers: &str, chunked: bool) -> (u16, String, usize) {
    let length =
        if chunked { "Transfer-Encoding: chunked\r\n".to_owned() } else { format!("Content-Length: {HUGE}\r\n") };
    let head = head("/callback/1", &format!("{headers}{length}"));
    let (mut from, mut to) = TcpStream::connect(host(stand)).await.unwrap().into_split();
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        let part: Vec<u8> = MARKER.bytes().cycle().take(1_000_000).collect();
        let frame = format!("{:x}\r\n", part.len());
        to.write_all(head.as_bytes()).await?;
        while count.load(Ordering::Relaxed) < HUGE {
            if chunked {
                to.write_all(frame.as_bytes()).await?;
            }
            to.write_all(&part).await?;
            if chunked {
                to.write_all(b"\r\n").await?;
            }
            count.fetch_add(part.len(), Ordering::Relaxed);
        }
        std::io::Result::Ok(to)
    });
    let (status, text) = read_answer(&mut from).await;
    sending.abort();
    (status, text, sent.load(Ordering::Relaxed))
}

pub async fn huge_body(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let bearer = format!("Authorization: Bearer {}\r\n", stand.bearer());
    let over = "over callback.max_body".to_owned();
    // What the systems at both ends keep on the way is all that goes out.
    let little = HUGE / 2;
    for (headers, chunked, expected) in
        [(&*bearer, false, (413, over.clone())), ("", true, (401, "not authorised".to_owned()))]
    {
        let (status, text, sent) = send_huge(&stand, headers, chunked).await;
        assert_eq!((status, text), expected);
        assert!(sent < little, "{sent} bytes were taken");
    }
    let (status, text, _) = send_huge(&stand, &bearer, true).await;
    assert_eq!((status, text), (413, over));
    stand.counted(&[(CALLBACKS, "too_large", 2), (CALLBACKS, "unauthorised", 1)]).await;
    stand.goes_on().await
}

/// Attackers, on a thread of their own: what they take to be scheduled is not to delay whoever calls as MTS does.
struct Crowd {
    end: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Crowd {
    fn disperse(self) {
        _ = self.end.send(());
        self.thread.join().unwrap();
    }
}

/// So many connections that begin with this and then say a byte at a time, until all are told to stop. Each that is closed is opened
/// again.
fn drip(host: &str, beginning: &str) -> (Crowd, Arc<AtomicUsize>) {
    let opened = Arc::new(AtomicUsize::new(0));
    let (end, ended) = oneshot::channel();
    let (host, beginning, counted) = (host.to_owned(), beginning.to_owned(), Arc::clone(&opened));
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut callers = JoinSet::new();
            for _ in 0..SLOW {
                callers.spawn(drip_on(host.clone(), beginning.clone(), Arc::clone(&counted)));
            }
            _ = ended.await;
            callers.shutdown().await;
        });
    });
    (Crowd { end, thread }, opened)
}

async fn drip_on(host: String, beginning: String, opened: Arc<AtomicUsize>) {
    loop {
        let Ok(mut stream) = TcpStream::connect(&host).await else { continue };
        opened.fetch_add(1, Ordering::Relaxed);
        let mut next = beginning.as_str();
        while stream.write_all(next.as_bytes()).await.is_ok() {
            next = "x";
            let heard = timeout(Duration::from_millis(500), stream.read(&mut [0; 256])).await;
            if let Ok(Ok(0) | Err(_)) = heard {
                break;
            }
        }
        // An attacker far away takes as long for the next.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// With twice as many connections that drip as the listener has places.
async fn dripping(row: &'static Row, beginning: impl FnOnce(&Stand) -> String) -> Scene {
    let mut stand = Stand::of(row).await;
    let daemon = &mut stand.scene.daemon;
    daemon.process.signal(Signal::TERM);
    daemon.process.ended(DEADLINE).await;
    *daemon = Daemon::launch_after(&stand.scene.world.configuration, FEW_FILES);
    daemon.is_up().await;
    let (crowd, opened) = drip(&host(&stand), &beginning(&stand));
    eventually("all of them have called", async || opened.load(Ordering::Relaxed), |opened| *opened >= SLOW).await;
    // MTS's come through while they are at it.
    let people = stand.mts.records();
    for sent in &people[..3] {
        assert_eq!(stand.bring(&good(sent)).await, stored());
    }
    for sent in &people[..3] {
        stand.has_a_token(sent).await;
    }
    stand.scene = stand.scene.is_seen().await;
    crowd.disperse();
    stand.goes_on_changed().await
}

pub async fn slow_headers(row: &'static Row) -> Scene {
    dripping(row, |_| format!("POST /callback/1 HTTP/1.1\r\nHost: omc\r\nX-Slow: {MARKER}")).await
}

/// Nobody's body is not read; of whoever has the right bearer it is.
pub async fn slow_body(row: &'static Row) -> Scene {
    let beginning = |stand: &Stand| {
        let headers = format!("Authorization: Bearer {}\r\nContent-Length: 100000\r\n", stand.bearer());
        format!("{}[{{\"omc_ref\": \"{MARKER}", head("/callback/1", &headers))
    };
    dripping(row, beginning).await
}

async fn shoot(host: &str, request: &str) -> u16 {
    let Ok(mut stream) = TcpStream::connect(host).await else { return 0 };
    if stream.write_all(request.as_bytes()).await.is_err() {
        return 0;
    }
    read_answer(&mut stream).await.0
}

/// Everything that a stranger, or a thief of the bearer, may throw.
fn shots(stand: &Stand, replayed: &str) -> Vec<String> {
    let request = |headers: &str, body: &str| {
        let length = format!("{headers}Content-Length: {}\r\n", body.len());
        format!("{}{body}", head("/callback/1", &length))
    };
    let bearer = format!("Authorization: Bearer {}\r\n", stand.bearer());
    let forged = hostile(&made_up(1).to_text([0; 16])).to_string();
    let cheap = [
        request("", replayed),
        request("Authorization: Bearer Zenobia\r\n", replayed),
        request("Cookie: session_id=Zenobia\r\n", replayed),
        request(&bearer, &forged),
        request(&bearer, "<html>Zenobia</html>"),
    ];
    // Each of these waits for the disk, which other tests use too.
    let replay = request(&bearer, replayed);
    cheap.iter().cycle().take(20 * cheap.len()).cloned().chain([replay]).collect()
}

pub async fn ten_thousand(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let people = stand.mts.records();
    let replayed = json!([good(&people[0])]).to_string();
    assert_eq!(stand.show("1", &stand.bearer(), &replayed).await, stored());
    let (shots, host) = (Arc::new(shots(&stand, &replayed)), host(&stand));
    let (sent, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let answers = Arc::<Mutex<BTreeMap<u16, usize>>>::default();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (shots, host, sent, answers) = (Arc::clone(&shots), host.clone(), Arc::clone(&sent), Arc::clone(&answers));
        callers.spawn(async move {
            loop {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                if number >= REQUESTS {
                    return;
                }
                let status = shoot(&host, &shots[number % shots.len()]).await;
                *answers.lock().unwrap().entry(status).or_default() += 1;
            }
        });
    }
    let finished = {
        let over = Arc::clone(&over);
        tokio::spawn(async move {
            callers.join_all().await;
            over.store(true, Ordering::SeqCst);
        })
    };
    // MTS's results, while they are at it.
    let begun = async || answers.lock().unwrap().values().sum::<usize>();
    eventually("it has begun", begun, |begun| *begun > CALLERS).await;
    let legitimate: Vec<Value> = people[1..4].iter().map(good).collect();
    let told = join_all(legitimate.iter().map(|body| stand.bring(body))).await;
    assert!(!over.load(Ordering::SeqCst), "they were through before MTS was");
    assert!(told.iter().all(|told| *told == stored()), "{told:?}");
    finished.await.unwrap();
    for sent in &people[..4] {
        stand.has_a_token(sent).await;
    }
    let answers = answers.lock().unwrap().clone();
    let known = [0, 200, 400, 401, 429];
    assert!(answers.keys().all(|status| known.contains(status)), "{answers:?}");
    assert!(answers.get(&0).is_none_or(|lost| *lost < REQUESTS / 10), "{answers:?}");
    stand.goes_on_changed().await
}
