//! A relay between OMC and one server, which can be told what is to go wrong while it runs.

use std::collections::HashSet;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificates::Issued;
use super::harness::free_port;
use super::http::{self, Answer, Request};

/// What goes wrong with a call.
#[derive(Clone)]
pub enum Fault {
    /// Nothing.
    None,
    /// Nothing, but it waits until something else is wanted, and then meets that.
    Hold,
    /// Nobody listens.
    Refuse,
    /// Reset without an answer; the server got the call, or did not.
    Reset { taken: bool },
    /// Reset in the middle of the answer.
    ResetInTheMiddle,
    /// Half of the answer, and the end of the connection, after so many bytes were announced.
    Truncate,
    /// The same, in chunks of which the last is missing.
    TruncateChunks,
    /// Half of the answer, called all of it.
    TruncateUnnoticed,
    /// The answer so much later.
    Slow(Duration),
    /// The answer byte by byte, with a pause before each.
    Drip(Duration),
    /// No answer; the server got the call, or did not. It ends when something else is wanted.
    Hang { taken: bool },
    /// Another answer; the server got the call, or did not.
    Instead { answer: Answer, taken: bool },
    /// An answer without end.
    Huge,
    /// The address speaks plain HTTP where TLS is due.
    NotTls,
}

impl Fault {
    /// Another answer, of a server that did not do what it was told.
    pub fn instead(status: &str, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Instead { answer: Answer::new(status, kind, body), taken: false }
    }

    /// The server did get the call.
    pub fn taken(self) -> Self {
        match self {
            Self::Instead { answer, .. } => Self::Instead { answer, taken: true },
            other => other,
        }
    }

    /// At every call.
    pub fn always(self) -> Strike {
        Strike { fault: self, only: "", spared: 0, once_each: false }
    }

    /// At the calls that hold this text.
    pub fn at(self, only: &'static str) -> Strike {
        Strike { fault: self, only, spared: 0, once_each: false }
    }
}

/// A fault, and the calls that it strikes.
#[derive(Clone)]
pub struct Strike {
    fault: Fault,
    only: &'static str,
    /// So many of them pass first.
    spared: usize,
    /// Whoever makes the same call again passes.
    once_each: bool,
}

impl Strike {
    pub fn after(self, spared: usize) -> Self {
        Self { spared, ..self }
    }

    pub fn once_each(self) -> Self {
        Self { once_each: true, ..self }
    }
}

/// Faults, of which a call meets the first that is meant for it.
pub struct Strikes(Vec<Strike>);

impl From<Strike> for Strikes {
    fn from(strike: Strike) -> Self {
        Self(vec![strike])
    }
}

impl<const N: usize> From<[Strike; N]> for Strikes {
    fn from(strikes: [Strike; N]) -> Self {
        Self(strikes.into())
    }
}

/// What is in force, and how often it was met.
struct Order {
    strikes: Vec<(Strike, AtomicUsize)>,
    struck: Arc<AtomicUsize>,
    /// First lines of the calls that were struck.
    calls: Mutex<HashSet<Vec<u8>>>,
}

impl Order {
    fn none() -> Arc<Self> {
        new_order(Strikes(Vec::new()), &Arc::default())
    }

    /// What the whole of the relay does.
    fn is(&self, what: fn(&Fault) -> bool) -> bool {
        self.strikes.iter().any(|(strike, _)| what(&strike.fault))
    }

    fn refuses(&self) -> bool {
        self.is(|fault| matches!(fault, Fault::Refuse))
    }

    /// The fault that a call meets.
    fn of(&self, request: &Request) -> Fault {
        let met = self.strikes.iter().find(|(strike, matched)| {
            let spared = strike.once_each && self.calls.lock().unwrap().contains(request.line());
            request.holds(strike.only) && !spared && matched.fetch_add(1, Ordering::SeqCst) >= strike.spared
        });
        met.map_or(Fault::None, |(strike, _)| {
            self.calls.lock().unwrap().insert(request.line().to_vec());
            self.struck.fetch_add(1, Ordering::SeqCst);
            strike.fault.clone()
        })
    }
}

pub struct Relay {
    /// Address for OMC.
    pub url: String,
    order: watch::Sender<Arc<Order>>,
    shown: Arc<Mutex<Option<Arc<rustls::ServerConfig>>>>,
    struck: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// Before a server; nothing goes wrong yet. With a certificate, it speaks TLS to OMC.
    pub fn start(server: &str, certificate: Option<&Issued>) -> Self {
        let port = free_port();
        let struck = Arc::new(AtomicUsize::new(0));
        let (order, orders) = watch::channel(Order::none());
        let shown = Arc::new(Mutex::new(certificate.map(tls)));
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let server = server.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let task = tokio::spawn(listen(port, server, orders, Arc::clone(&shown)));
        Self { url: format!("{scheme}://localhost:{port}"), order, shown, struck, task }
    }

    /// From now on. A call meets the first of the faults that are meant for it.
    pub fn strikes(&self, strikes: impl Into<Strikes>) {
        self.struck.store(0, Ordering::SeqCst);
        self.order.send_replace(new_order(strikes.into(), &self.struck));
    }

    /// Nothing goes wrong any more.
    pub fn passes(&self) {
        self.order.send_replace(Order::none());
    }

    /// Shows another certificate from now on.
    pub fn shows(&self, certificate: &Issued) {
        *self.shown.lock().unwrap() = Some(tls(certificate));
    }

    /// Calls that the last fault has struck.
    pub fn struck(&self) -> usize {
        self.struck.load(Ordering::SeqCst)
    }
}

fn new_order(strikes: Strikes, struck: &Arc<AtomicUsize>) -> Arc<Order> {
    let strikes = strikes.0.into_iter().map(|strike| (strike, AtomicUsize::new(0))).collect();
    Arc::new(Order { strikes, struck: Arc::clone(struck), calls: Mutex::default() })
}

fn tls(issued: &Issued) -> Arc<rustls::ServerConfig> {
    _ = rustls::crypto::ring::default_provider().install_default();
    let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    Arc::new(rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap())
}

type Orders = watch::Receiver<Arc<Order>>;

async fn listen(port: u16, server: String, mut orders: Orders, shown: Arc<Mutex<Option<Arc<rustls::ServerConfig>>>>) {
    let mut connections = JoinSet::new();
    loop {
        if orders.borrow_and_update().refuses() {
            orders.changed().await.unwrap();
            continue;
        }
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        while !orders.borrow_and_update().refuses() {
            tokio::select! {
                accepted = listener.accept() => {
                    let (stream, _) = accepted.unwrap();
                    let tls = shown.lock().unwrap().clone();
                    connections.spawn(connection(stream, tls, server.clone(), orders.clone()));
                }
                changed = orders.changed() => changed.unwrap(),
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn connection(mut stream: TcpStream, tls: Option<Arc<rustls::ServerConfig>>, server: String, orders: Orders) {
    if orders.borrow().is(|fault| matches!(fault, Fault::NotTls)) {
        // What a handshake begins with is no request to it.
        _ = stream.read(&mut [0; 512]).await;
        _ = stream.write_all(&http::head("400 Bad Request", "text/html", "")).await;
        return;
    }
    let near = match tls {
        None => Near::Plain(stream),
        Some(config) => match TlsAcceptor::from(config).accept(stream).await {
            Ok(stream) => Near::Secure(Box::new(stream)),
            Err(_) => return,
        },
    };
    // Whoever goes away in the middle is no failure of the relay's.
    _ = serve(near, &server, orders).await;
}

async fn serve(mut near: Near, server: &str, mut orders: Orders) -> io::Result<()> {
    let Some(request) = Request::read(&mut near).await else { return Ok(()) };
    let fault = loop {
        let order = Arc::clone(&orders.borrow_and_update());
        let fault = order.of(&request);
        match fault {
            Fault::Hold => orders.changed().await.map_err(io::Error::other)?,
            fault => break fault,
        }
    };
    let taken = match &fault {
        Fault::Refuse | Fault::Reset { taken: false } | Fault::Hang { taken: false } => false,
        Fault::Instead { taken, .. } => *taken,
        _ => true,
    };
    let answer = if taken { Some(request.forward(server).await?) } else { None };
    match (fault, answer) {
        (Fault::None | Fault::Hold | Fault::NotTls, Some(answer)) => near.write_all(&answer.bytes()).await?,
        (Fault::ResetInTheMiddle, Some(answer)) => {
            near.write_all(&answer.half()).await?;
            near.flush().await?;
            return near.reset();
        }
        (Fault::Truncate, Some(answer)) => near.write_all(&answer.half()).await?,
        (Fault::TruncateChunks, Some(answer)) => near.write_all(&answer.half_in_chunks()).await?,
        (Fault::TruncateUnnoticed, Some(answer)) => near.write_all(&answer.half_as_whole()).await?,
        (Fault::Slow(pause), Some(answer)) => {
            tokio::time::sleep(pause).await;
            near.write_all(&answer.bytes()).await?;
        }
        (Fault::Drip(pause), Some(answer)) => {
            for byte in answer.bytes() {
                near.write_all(&[byte]).await?;
                tokio::time::sleep(pause).await;
            }
        }
        (Fault::Huge, Some(answer)) => {
            near.write_all(&http::head("200 OK", "text/xml", "")).await?;
            near.write_all(&answer.body[..answer.body.len() / 2]).await?;
            loop {
                near.write_all(&[b' '; 64 * 1024]).await?;
            }
        }
        (Fault::Hang { .. }, _) => {
            let mut rest = [0; 64];
            tokio::select! {
                _ = near.read(&mut rest) => {}
                _ = orders.changed() => {}
            }
        }
        (Fault::Instead { answer, .. }, _) => near.write_all(&answer.bytes()).await?,
        (_, _) => return near.reset(),
    }
    near.shutdown().await
}

/// The side towards OMC.
enum Near {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl Near {
    /// Closes it so that the other side is told of a reset.
    fn reset(self) -> io::Result<()> {
        match &self {
            Self::Plain(stream) => stream.set_zero_linger(),
            Self::Secure(stream) => stream.get_ref().0.set_zero_linger(),
        }
    }
}

impl AsyncRead for Near {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Near {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
