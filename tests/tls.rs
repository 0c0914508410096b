//! TLS in both directions: certificates that are right, and ones that are wrong in one way each.

#![forbid(unsafe_code)]

mod certificates;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use certificates::{Authority, Issued, write};
use chrono::{DateTime, Utc};
use omc::domain::connector::CallbackMethod;
use omc::http::{Entrance, Handshake, Limits, serve_within};
use omc::mts::{self, Blame, CallbackAddress, Credentials, Mts, Presence, Submission, SubmitError, Wanted};
use omc::odoo::error::{Error as OdooError, Unreachable};
use omc::odoo::{Client as Odoo, Config as OdooConfig};
use omc::seal::Personal;
use omc::tls::{Fault, FileError, Identity, Validity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Longer than anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn provider() {
    _ = rustls::crypto::ring::default_provider().install_default();
}

fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
}

fn roots(pem: &str) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    chain(pem).into_iter().for_each(|root| roots.add(root).unwrap());
    Arc::new(roots)
}

// === OMC calls ===

/// A server that speaks TLS, and whose answer to everything is a MTS's and an Odoo's refusal.
struct Server {
    port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// `clients`: the authority that clients' certificates must be of.
    async fn start(identity: &Issued, clients: Option<&Authority>) -> Self {
        provider();
        let builder = ServerConfig::builder();
        let builder = match clients {
            Some(clients) => {
                builder.with_client_cert_verifier(WebPkiClientVerifier::builder(roots(&clients.pem)).build().unwrap())
            }
            None => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let config = builder.with_single_cert(chain(&identity.certificate), key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut stream = match acceptor.accept(stream).into_fallible().await {
                        Ok(stream) => stream,
                        // Who cannot shake hands is told so, and heard out: a reset could overtake the alert.
                        Err((_, mut stream)) => {
                            while matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {}
                            return;
                        }
                    };
                    let mut request = [0; 4096];
                    _ = stream.read(&mut request).await;
                    let answer = "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    _ = stream.write_all(answer.as_bytes()).await;
                    _ = stream.shutdown().await;
                });
            }
        });
        Self { port, task }
    }

    fn url(&self, host: &str) -> Url {
        Url::parse(&format!("https://{host}:{}", self.port)).unwrap()
    }
}

/// The keys of a section.
#[derive(Default, Clone)]
struct Keys {
    ca_cert: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
}

impl Keys {
    fn trusting(folder: &Path, authority: &Authority) -> Self {
        Self { ca_cert: Some(write(folder, "ca.pem", &authority.pem)), ..Self::default() }
    }

    fn showing(self, folder: &Path, identity: &Issued) -> Self {
        let client_cert = Some(write(folder, "client.pem", &identity.certificate));
        Self { client_cert, client_key: Some(write(folder, "client.key", &identity.key)), ..self }
    }
}

fn odoo_client(url: Url, keys: Keys) -> Odoo {
    let Keys { ca_cert, client_cert, client_key } = keys;
    Odoo::new(&OdooConfig {
        url: Some(url),
        database: "omc".to_owned(),
        username: "omc".to_owned(),
        password: Some("secret".into()),
        ca_cert,
        client_cert,
        client_key,
        ..OdooConfig::default()
    })
    .unwrap()
}

fn mts_client(keys: Keys) -> Mts {
    let Keys { ca_cert, client_cert, client_key } = keys;
    let config = mts::Config { ca_cert, client_cert, client_key, ..mts::Config::default() };
    Mts::new(&config.trust().unwrap(), Default::default()).unwrap()
}

fn submission() -> Submission {
    Submission {
        mapping: json!({}),
        language: "eng".to_owned(),
        delivery: Wanted::Callback {
            address: Box::new(CallbackAddress {
                url: Url::parse("http://omc.example/callback/1").unwrap(),
                method: CallbackMethod::Post,
                timeout_seconds: 10,
                extra_headers: Vec::new(),
                credentials: Credentials::StaticBearer(Personal::new("x".to_owned())),
                in_bulk: true,
            }),
            output_format: Some(".".to_owned()),
        },
        records: Vec::new(),
    }
}

/// What both clients make of a server: the fault, or nothing where a secure connection came about.
async fn faults(url: Url, keys: Keys) -> [Option<Fault>; 2] {
    let of_odoo = match odoo_client(url.clone(), keys.clone()).version().await.unwrap_err() {
        OdooError::Unreachable(Unreachable::Tls(fault)) => Some(fault),
        OdooError::Http { status: 418 } => None,
        other => panic!("{other:?}"),
    };
    let mts = mts_client(keys);
    let of_mts = match mts.submit(&url, &submission(), DateTime::UNIX_EPOCH, DEADLINE).await.unwrap_err() {
        SubmitError::NotTaken(Blame::Insecure(fault)) => Some(fault),
        SubmitError::NotTaken(Blame::Refused { status: 418, .. }) => None,
        other => panic!("{other:?}"),
    };
    let presence = mts.presence(&url).await;
    assert_eq!(presence, of_mts.map_or(Presence::Stranger, Presence::Insecure));
    [of_odoo, of_mts]
}

#[tokio::test]
async fn a_server_of_the_named_authority_is_trusted() {
    provider();
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("Ministry"));
    let server = Server::start(&authority.issue(&["localhost", "127.0.0.1"]), None).await;
    let keys = Keys::trusting(folder.path(), &authority);
    assert_eq!(faults(server.url("localhost"), keys.clone()).await, [None; 2]);
    assert_eq!(faults(server.url("127.0.0.1"), keys).await, [None; 2]);
}

#[tokio::test]
async fn what_is_wrong_with_a_server_is_told() {
    provider();
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("Ministry"));
    let keys = Keys::trusting(folder.path(), &authority);
    for (identity, fault) in [
        (Authority::new("Somebody").issue(&["localhost"]), Fault::UnknownIssuer),
        (authority.issue(&["registry.example"]), Fault::WrongName),
        (authority.issue_until(&["localhost"], 2010), Fault::Expired),
    ] {
        let server = Server::start(&identity, None).await;
        assert_eq!(faults(server.url("localhost"), keys.clone()).await, [Some(fault); 2]);
        assert!(fault.to_string().contains("certificate"), "{fault}");
    }
    // A named authority counts instead of the machine's, which are not even needed.
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://{}", plain.local_addr().unwrap())).unwrap();
    let answer = async {
        loop {
            let (mut stream, _) = plain.accept().await.unwrap();
            _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").await;
            _ = stream.read(&mut [0; 1024]).await;
        }
    };
    tokio::select! {
        faults = faults(url, keys) => assert_eq!(faults, [Some(Fault::NotTls); 2]),
        () = answer => {}
    }
}

/// With TLS 1.3 a client hears of it only after it has sent its request; nothing was taken in all the same.
#[tokio::test]
async fn a_server_may_want_a_client_certificate() {
    provider();
    let folder = tempfile::tempdir().unwrap();
    let (authority, clients) = (Authority::new("Ministry"), Authority::new("Clients"));
    let server = Server::start(&authority.issue(&["localhost"]), Some(&clients)).await;
    let keys = Keys::trusting(folder.path(), &authority);
    let url = || server.url("localhost");
    assert_eq!(faults(url(), keys.clone()).await, [Some(Fault::ClientCertificateMissing); 2]);
    let right = keys.clone().showing(folder.path(), &clients.issue(&["omc"]));
    assert_eq!(faults(url(), right).await, [None; 2]);
    let wrong = keys.clone().showing(folder.path(), &Authority::new("Others").issue(&["omc"]));
    assert_eq!(faults(url(), wrong).await, [Some(Fault::ClientCertificateRefused); 2]);
    let expired = keys.showing(folder.path(), &clients.issue_until(&["omc"], 2010));
    assert_eq!(faults(url(), expired).await, [Some(Fault::ClientCertificateRefused); 2]);
}

// === files ===

fn load(certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<Identity>, FileError> {
    Identity::load("callback", ("tls_cert", certificate), ("tls_key", key))
}

#[test]
fn what_is_wrong_with_a_file_names_key_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new("Ministry");
    let (one, other) = (authority.issue(&["omc.example"]), authority.issue(&["omc.example"]));
    let certificate = write(folder, "one.crt", &one.certificate);
    let key = write(folder, "one.key", &one.key);
    assert!(load(None, None).unwrap().is_none());
    assert!(load(Some(&certificate), Some(&key)).unwrap().is_some());
    // Both may stand in one file.
    let both = write(folder, "both.pem", &format!("{}{}", one.key, one.certificate));
    assert!(load(Some(&both), Some(&both)).unwrap().is_some());

    let other = write(folder, "other.key", &other.key);
    let nowhere = folder.join("nowhere");
    let empty = write(folder, "empty", "");
    let torn = write(folder, "torn.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let cut = write(folder, "cut.crt", &one.certificate[..200]);
    let locked =
        write(folder, "locked", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let strange = write(folder, "strange", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    for (certificate, key, named, file, told) in [
        (Some(&certificate), None, "callback.tls_key", "", "go together"),
        (None, Some(&key), "callback.tls_cert", "", "go together"),
        (Some(&certificate), Some(&other), "callback.tls_key", "other.key", "not the private key of the certificate"),
        (Some(&nowhere), Some(&key), "callback.tls_cert", "nowhere", "check the path"),
        (Some(&certificate), Some(&nowhere), "callback.tls_key", "nowhere", "check the path"),
        (Some(&empty), Some(&key), "callback.tls_cert", "empty", "no certificate"),
        (Some(&key), Some(&key), "callback.tls_cert", "one.key", "no certificate"),
        (Some(&torn), Some(&key), "callback.tls_cert", "torn.crt", "cannot be read"),
        (Some(&cut), Some(&key), "callback.tls_cert", "cut.crt", "cannot be read"),
        (Some(&certificate), Some(&certificate), "callback.tls_key", "one.crt", "no private key"),
        (Some(&certificate), Some(&locked), "callback.tls_key", "locked", "passphrase"),
        (Some(&certificate), Some(&strange), "callback.tls_key", "strange", "of a kind that OMC cannot use"),
    ] {
        let error = load(certificate.map(PathBuf::as_path), key.map(PathBuf::as_path)).unwrap_err().to_string();
        assert!(error.contains(named) && error.contains(file) && error.contains(told), "{told}: {error}");
        assert!(!error.contains("BEGIN P") || told == "no private key", "{error}");
    }
    let wrong = mts::Config { ca_cert: Some(empty), ..mts::Config::default() }.trust().unwrap_err();
    assert!(wrong.to_string().contains("mts.ca_cert"), "{wrong}");
}

#[test]
fn a_certificate_tells_for_whom_and_until_when_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("Ministry");
    let identity = |names: &[&str], year| {
        let issued = authority.issue_until(names, year);
        let certificate = write(folder.path(), "crt", &issued.certificate);
        load(Some(&certificate), Some(&write(folder.path(), "key", &issued.key))).unwrap().unwrap()
    };
    let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc);
    let ends = identity(&["omc.example", "192.0.2.7", "2001:db8::1"], 2027);
    assert_eq!(ends.validity(at("2026-12-31T23:59:59Z")), Validity::Valid);
    assert_eq!(ends.validity(at("2027-01-02T00:00:00Z")), Validity::Expired(Some(at("2027-01-01T00:00:00Z"))));
    assert_eq!(ends.validity(at("1999-01-01T00:00:00Z")), Validity::NotYet(Some(at("2000-01-01T00:00:00Z"))));
    for (host, right) in [
        ("omc.example", true),
        ("OMC.example", true),
        ("192.0.2.7", true),
        ("[2001:db8::1]", true),
        ("other", false),
        ("192.0.2.8", false),
        ("", false),
    ] {
        assert_eq!(ends.is_for(host), right, "{host}");
    }
}

// === OMC is called ===

struct Served {
    address: SocketAddr,
    authority: Authority,
    stop: CancellationToken,
    _folder: TempDir,
}

const PATIENT: Limits =
    Limits { connections: 16, handshakes: 4, handshake_time: DEADLINE, header_time: DEADLINE, write_time: DEADLINE };

impl Served {
    async fn start(limits: Limits) -> Self {
        provider();
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Ministry");
        let issued = authority.issue(&["localhost"]);
        let certificate = write(folder.path(), "crt", &issued.certificate);
        let identity = load(Some(&certificate), Some(&write(folder.path(), "key", &issued.key))).unwrap().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "text"));
        let stop = CancellationToken::new();
        let entrance = Entrance { socket, tls: Some(Handshake::new(&identity)) };
        tokio::spawn(serve_within(limits, entrance, router, stop.clone(), CancellationToken::new()));
        Self { address, authority, stop, _folder: folder }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn asks(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> std::io::Result<String> {
        let config = ClientConfig::builder_with_protocol_versions(versions)
            .with_root_certificates(roots(&self.authority.pem))
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, self.connect().await).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        _ = stream.read_to_string(&mut answer).await;
        Ok(answer)
    }

    async fn answers(&self) {
        let answer = timeout(DEADLINE, self.asks(rustls::ALL_VERSIONS)).await.expect("in time").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("text"), "{answer}");
    }
}

#[tokio::test]
async fn a_listener_speaks_tls_1_2_and_1_3_and_no_http() {
    let served = Served::start(PATIENT).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let answer = served.asks(&[version]).await.unwrap();
        assert!(answer.ends_with("text"), "{version:?}: {answer}");
    }
    let mut plain = served.connect().await;
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    _ = timeout(DEADLINE, plain.read_to_end(&mut answer)).await.expect("in time");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn a_handshake_has_so_long() {
    let served = Served::start(Limits { handshake_time: Duration::from_millis(200), ..PATIENT }).await;
    let mut silent = served.connect().await;
    assert_eq!(timeout(DEADLINE, silent.read(&mut [0])).await.expect("in time").unwrap(), 0, "closed");
    served.answers().await;
}

#[tokio::test]
async fn handshakes_that_go_nowhere_keep_nobody_out() {
    let served = Served::start(PATIENT).await;
    // Half of them begin, as it were.
    let mut stalled = Vec::new();
    for number in 0..3 * PATIENT.connections {
        let mut stream = served.connect().await;
        if number % 2 == 0 {
            stream.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
        }
        stalled.push(stream);
    }
    served.answers().await;
    // No more than may shake hands at once are still there, and who has been there for longest is not.
    let first = &mut stalled[0];
    let closed = timeout(DEADLINE, first.read(&mut [0])).await.expect("in time");
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    served.stop.cancel();
}
