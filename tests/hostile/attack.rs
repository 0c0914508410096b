//! Callers that mean no good. They sit on machines of their own: here their threads get what the daemon leaves of the processors.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Threads, and callers at once in each.
const THREADS: usize = 2;
const AT_ONCE: usize = 100;
/// Connections in each thread that trickle what they send: all together more than the listener has places.
const SLOW: usize = 600;
/// Before one that was closed is opened again.
const PAUSE: Duration = Duration::from_millis(500);
/// An attacker has patience, and not without end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request, and how much of its body is sent at most.
#[derive(Debug, Clone)]
pub struct Shot {
    pub name: &'static str,
    pub head: String,
    pub body: usize,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub struct Tally {
    pub sent: AtomicUsize,
    /// Answers by kind of request, status and how many; 0: none came.
    pub answers: Mutex<BTreeMap<(&'static str, u16), u32>>,
    pub slow: AtomicUsize,
}

pub struct Attack {
    pub tally: Arc<Tally>,
    pub over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Attack {
    /// Sends so many requests, one kind after the other, and keeps slow connections open meanwhile.
    pub fn start(address: SocketAddr, shots: Vec<Shot>, requests: usize) -> Self {
        let (tally, over) = (Arc::<Tally>::default(), Arc::new(AtomicBool::new(false)));
        let shots = Arc::new(shots);
        let running = Arc::new(AtomicUsize::new(THREADS * AT_ONCE));
        let threads = (0..THREADS).map(|_| {
            let (tally, over, shots, running) =
                (Arc::clone(&tally), Arc::clone(&over), Arc::clone(&shots), Arc::clone(&running));
            std::thread::spawn(move || {
                // Of this thread alone.
                setpriority_process(None, 19).unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let fast = (0..AT_ONCE).map(|_| fast(address, &shots, requests, &tally, &running, &over));
                    let slow = (0..SLOW).map(|number| slow(address, number, &tally, &over));
                    tokio::join!(futures_util::future::join_all(fast), futures_util::future::join_all(slow));
                });
            })
        });
        Self { tally: Arc::clone(&tally), over: Arc::clone(&over), threads: threads.collect() }
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    pub fn end(self) {
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// One caller after the other, until all requests are sent.
async fn fast(
    address: SocketAddr,
    shots: &[Shot],
    requests: usize,
    tally: &Tally,
    running: &AtomicUsize,
    over: &AtomicBool,
) {
    loop {
        let number = tally.sent.fetch_add(1, Ordering::Relaxed);
        if number >= requests {
            break;
        }
        let shot = &shots[number % shots.len()];
        let status = timeout(PATIENCE, shoot(address, shot)).await.ok().flatten().unwrap_or(0);
        *tally.answers.lock().unwrap().entry((shot.name, status)).or_default() += 1;
    }
    if running.fetch_sub(1, Ordering::SeqCst) == 1 {
        over.store(true, Ordering::SeqCst);
    }
}

async fn shoot(address: SocketAddr, shot: &Shot) -> Option<u16> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut from, mut to) = stream.into_split();
    let send = async {
        to.write_all(shot.head.as_bytes()).await.ok()?;
        let part = [b' '; 16 * 1024];
        for _ in 0..shot.body / part.len() {
            to.write_all(&part).await.ok()?;
        }
        // Whoever closes first says nothing more.
        std::future::pending::<Option<()>>().await
    };
    let mut start = [0; 12];
    let read = async { from.read_exact(&mut start).await.ok().map(|_| ()) };
    tokio::pin!(send);
    tokio::pin!(read);
    tokio::select! {
        read = &mut read => read?,
        // It could not send all of it: there may be an answer all the same.
        _ = &mut send => read.await?,
    }
    std::str::from_utf8(&start[9..]).ok()?.parse().ok()
}

/// A connection that says a little now and then, and another when it is closed: in its headers, or in the body of a login.
async fn slow(address: SocketAddr, number: usize, tally: &Tally, over: &AtomicBool) {
    let beginning = match number % 3 {
        0 => "POST /callback/1 HTTP/1.1\r\nHost: omc\r\nX-Slow: ",
        1 => "POST /web/session/authenticate HTTP/1.1\r\nHost: omc\r\nContent-Length: 1000\r\n\r\n{",
        _ => "POST /oauth/token HTTP/1.1\r\nHost: omc\r\nContent-Length: 1000\r\n\r\nclient_id=",
    };
    while !over.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        tally.slow.fetch_add(1, Ordering::Relaxed);
        let mut next = beginning;
        while stream.write_all(next.as_bytes()).await.is_ok() && !over.load(Ordering::Relaxed) {
            next = "x";
            // Closed by the other side: on to the next.
            if let Ok(Ok(0) | Err(_)) = timeout(Duration::from_millis(500), stream.read(&mut [0; 64])).await {
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
