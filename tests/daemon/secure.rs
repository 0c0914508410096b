//! TLS on the callback listener, and towards Odoo and MTS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::certificates::{Authority, Issued, write};
use super::harness::{Configuration, Daemon, Setup, World, eventually, number};

/// Writes certificate and key to where the configuration says.
fn install(folder: &Path, issued: &Issued, configuration: &mut Configuration) {
    for (key, name, text) in
        [("callback.tls_cert", "tls.crt", &issued.certificate), ("callback.tls_key", "tls.key", &issued.key)]
    {
        let path = write(folder, name, text);
        configuration.set(key, &format!("{path:?}"));
    }
}

/// The certificate that a listener shows, if it is one of this authority's.
async fn shown(address: SocketAddr, authority: &Authority) -> Option<CertificateDer<'static>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap();
    Some(certificates[0].clone().into_owned())
}

#[tokio::test]
async fn mts_calls_over_tls_and_the_certificate_is_renewed_while_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("Ministry");
    let mts_trusts = Some(write(folder.path(), "ca.pem", &authority.pem));
    let mut world = World::start(Setup { registrants: 60, mts_trusts, ..Setup::default() }).await;
    world.configuration.set("submit.batch_size", "20");
    install(folder.path(), &authority.issue(&["127.0.0.1"]), &mut world.configuration);
    world.odoo.write("omc.connector", 1, json!({"callback_authtype": "oauth"})).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let stored = async || daemon.metric("omc_callbacks_total{result=\"stored\"}").await;
    eventually("callbacks are counted", stored, |stored| *stored >= 3.0).await;
    assert_eq!(daemon.said("a certificate needs to be seen to"), 0);
    let check = world.configuration.command(&["check"]).await;
    assert!(check.stdout.contains("callback.tls_cert: the certificate is valid"), "{check:?}");

    // A new certificate, while somebody calls all the time: nobody is refused.
    let address: SocketAddr = world.configuration.get("callback.listen").parse().unwrap();
    let before = shown(address, &authority).await.unwrap();
    let (over, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let caller = {
        let (over, calls) = (Arc::clone(&over), Arc::clone(&calls));
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                TcpStream::connect(address).await.expect("somebody listens");
                calls.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    install(folder.path(), &authority.issue(&["127.0.0.1"]), &mut world.configuration);
    daemon.process.signal(Signal::HUP);
    daemon.says(&["the configuration is read again"]).await;
    let after = eventually("the new one is shown", || shown(address, &authority), Option::is_some).await.unwrap();
    assert_ne!(before, after);
    let so_far = calls.load(Ordering::Relaxed);
    eventually("calls go on", async || calls.load(Ordering::Relaxed), |now| *now > so_far + 10).await;
    over.store(true, Ordering::Relaxed);
    caller.await.unwrap();

    // One that does not fit its key is told, and the old one stays.
    std::fs::write(folder.path().join("tls.key"), authority.issue(&["127.0.0.1"]).key).unwrap();
    daemon.process.signal(Signal::HUP);
    let line = daemon.says(&["the new configuration is wrong; the old one stays"]).await;
    assert!(line.contains("callback.tls_key") && line.contains("tls.key"), "{line}");
    assert_eq!(shown(address, &authority).await, Some(after));
    daemon.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");

    // Nor does the daemon start with it.
    let start = world.configuration.command(&["serve"]).await;
    assert_eq!(start.code, Some(78), "{start:?}");
    assert!(start.stderr.contains("callback.tls_key") && start.stderr.contains("tls.key"), "{start:?}");
}

#[tokio::test]
async fn mts_that_does_not_trust_the_listener_delivers_nothing_and_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let others = Authority::new("Others");
    let mts_trusts = Some(write(folder.path(), "ca.pem", &others.pem));
    let mut world = World::start(Setup { registrants: 20, mts_trusts, ..Setup::default() }).await;
    // For another name than MTS is told, besides.
    install(folder.path(), &Authority::new("Ministry").issue(&["omc.example"]), &mut world.configuration);
    let daemon = Daemon::start(&world.configuration).await;
    let line = daemon.says(&["a certificate needs to be seen to"]).await;
    assert!(line.contains("callback.tls_cert") && line.contains("127.0.0.1"), "{line}");
    daemon.says(&["fails; waiting", "could not deliver", "public_url"]).await;
    let check = world.configuration.command(&["check"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stdout.contains("FAILED callback.tls_cert: the certificate is not for 127.0.0.1"), "{check:?}");
    // Nobody is refused or given up for it.
    let records = daemon.connector(1).await["records"].clone();
    assert_eq!(number(&records, "abandoned"), 0, "{records}");

    install(folder.path(), &others.issue_until(&["127.0.0.1"], 2010), &mut world.configuration);
    let check = world.configuration.command(&["check"]).await;
    assert!(check.stdout.contains("the certificate has expired 2010-01-01T00:00:00Z"), "{check:?}");
    install(folder.path(), &others.issue(&["127.0.0.1"]), &mut world.configuration);
    world.configuration.write();
    daemon.process.signal(Signal::HUP);
    world.all_tokens_are_there().await;
}

/// A proxy that speaks TLS stands before MTS: with a wrong certificate it pauses MTS, costs nobody an attempt, and is told.
#[tokio::test]
async fn a_wrong_certificate_of_mts_pauses_it_and_spends_nobodys_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("Ministry");
    let mut world = World::start(Setup { registrants: 20, ..Setup::default() }).await;
    world
        .configuration
        .set("retry.attempts", "1")
        .set("mts.ca_cert", &format!("{:?}", write(folder.path(), "ca.pem", &authority.pem)));
    let proxy = Proxy::start(&Authority::new("Others").issue(&["localhost"]), &world.mts_url).await;
    world.odoo.write("omc.connector", 1, json!({"mts_url": proxy.url()})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let line = daemon.says(&["fails; waiting", "MTS", "no secure connection"]).await;
    assert!(line.contains("ca_cert") && line.contains("[mts]"), "{line}");
    let odoo = &world.odoo;
    let told = async || odoo.connector(1, &["last_error"]).await["last_error"].clone();
    eventually("Odoo shows it", told, |told| told.as_str().is_some_and(|told| told.contains("no secure connection")))
        .await;
    let check = world.configuration.command(&["check"]).await;
    assert!(check.stdout.contains("FAILED MTS") && check.stdout.contains("no secure connection"), "{check:?}");
    // They are sent at each attempt, and back as soon as it has failed.
    let records = async || daemon.connector(1).await["records"].clone();
    eventually("nobody counts as sent", records, |records| number(records, "submitted") == 0).await;
    assert_eq!(number(&records().await, "abandoned"), 0);
    assert_eq!(number(&world.mts_state().await, "requests"), 0);

    proxy.show(&authority.issue(&["localhost"]));
    daemon.says(&["works again", "MTS"]).await;
    world.all_tokens_are_there().await;
    assert_eq!(number(&daemon.connector(1).await["records"], "abandoned"), 0);
}

/// The same, before Odoo.
#[tokio::test]
async fn a_wrong_certificate_of_odoo_is_told_and_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("Ministry");
    let mut world = World::start(Setup { registrants: 20, ..Setup::default() }).await;
    let proxy = Proxy::start(&authority.issue(&["registry.example"]), &world.odoo.url).await;
    let ca = write(folder.path(), "ca.pem", &authority.pem);
    world.configuration.set("odoo.ca_cert", &format!("{ca:?}")).set("odoo.url", &format!("{:?}", proxy.url()));
    let daemon = Daemon::start(&world.configuration).await;
    let line = daemon.says(&["fails; waiting", "Odoo", "no secure connection"]).await;
    assert!(line.contains("another name"), "{line}");
    proxy.show(&authority.issue(&["localhost"]));
    daemon.says(&["works again", "Odoo"]).await;
    world.all_tokens_are_there().await;
    daemon.stop().await;

    world.configuration.set("odoo.ca_cert", "\"/nonexistent/ca.pem\"").write();
    let start = world.configuration.command(&["serve"]).await;
    assert_eq!(start.code, Some(78), "{start:?}");
    assert!(start.stderr.contains("odoo.ca_cert") && start.stderr.contains("/nonexistent/ca.pem"), "{start:?}");
}

/// Speaks TLS on one side and passes on what comes.
struct Proxy {
    port: u16,
    shown: Arc<std::sync::Mutex<Arc<rustls::ServerConfig>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    async fn start(issued: &Issued, to: &str) -> Self {
        _ = rustls::crypto::ring::default_provider().install_default();
        let shown = Arc::new(std::sync::Mutex::new(Self::config(issued)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (to, showing) = (to.strip_prefix("http://").unwrap().to_owned(), Arc::clone(&shown));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&showing.lock().unwrap()));
                let to = to.clone();
                tokio::spawn(async move {
                    let Ok(mut near) = acceptor.accept(stream).await else { return };
                    let mut far = TcpStream::connect(to).await.unwrap();
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self { port, shown, task }
    }

    fn config(issued: &Issued) -> Arc<rustls::ServerConfig> {
        let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
        let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        Arc::new(rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap())
    }

    /// Shows another certificate from now on.
    fn show(&self, issued: &Issued) {
        *self.shown.lock().unwrap() = Self::config(issued);
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}
