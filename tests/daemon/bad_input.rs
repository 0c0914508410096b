//! Callbacks of strangers and of nonsense, and servers that are down when the daemon starts.

use omc::domain::correlation::Correlation;
use omc::domain::identity::{ConnectorId, IdTypeId, RegistrantId};
use omc::domain::opaque::Nonce;
use omc::domain::record::RecordKey;
use omc::seal::receiver::Credential;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Daemon, Odoo, Process, Setup, World, arguments, eventually, free_port};

#[tokio::test]
async fn the_receiver_believes_nobody_and_nothing_without_reason() {
    let mut world = World::start(Setup { registrants: 30, ..Setup::default() }).await;
    world.configuration.set("callback.max_body", "1048576");
    let daemon = Daemon::start(&world.configuration).await;
    let seal = world.configuration.seal();
    let bearer = seal.credential(Credential::Bearer, 1, daemon.generation()).into_exposed();
    let result = async |result: &str| daemon.metric(&format!("omc_callbacks_total{{result=\"{result}\"}}")).await;
    world.all_tokens_are_there().await;
    let awaited = async || daemon.status().await["batches_in_flight"].clone();
    eventually("MTS has delivered everything", awaited, |batches| *batches == 0).await;

    let good = "[]";
    assert_eq!(daemon.deliver(1, "", good).await, 401);
    assert_eq!(
        daemon.deliver(1, &seal.credential(Credential::Bearer, 2, daemon.generation()).into_exposed(), good).await,
        401,
        "another connector's"
    );
    assert_eq!(daemon.deliver(2, &bearer, good).await, 401);
    assert_eq!(daemon.deliver(0, &bearer, good).await, 404);
    assert_eq!(result("unauthorised").await, 3.0);

    for garbage in ["<html>", "{\"omc_ref\":", "42", "\"text\"", "[1,2"] {
        assert_eq!(daemon.deliver(1, &bearer, garbage).await, 400, "{garbage}");
    }
    assert_eq!(result("garbage").await, 5.0);

    let stored = result("stored").await;
    // Of the right form and for a registrant who is there; only the MAC is none of ours.
    let forged = Correlation {
        connector: ConnectorId(1),
        key: RecordKey { token_type: IdTypeId(2), registrant: RegistrantId(10) },
        nonce: Nonce([7; 12]),
    }
    .to_text([0; 16]);
    for strange in [
        json!([{"omc_ref": forged, "status": "processed", "token": "T"}]),
        json!({"omc_ref": null, "status": "processed", "token": "T"}),
        json!({"status": "processed", "token": "T"}),
        json!([{"omc_ref": 7}, null, 5, {"omc_ref": ""}]),
    ] {
        assert_eq!(daemon.deliver(1, &bearer, &strange.to_string()).await, 200, "{strange}");
    }
    assert_eq!(result("stored").await, stored + 4.0);
    let outcome = async |name: &str| daemon.metric(&format!("omc_callback_results_total{{outcome=\"{name}\"}}")).await;
    assert_eq!((outcome("stranger").await, outcome("shapeless").await, outcome("empty").await), (4.0, 2.0, 1.0));

    assert_eq!(status_of_large_body(&daemon, &bearer, "Content-Length: 2000000\r\n").await, 413);
    assert_eq!(status_of_large_body(&daemon, &bearer, "Transfer-Encoding: chunked\r\n").await, 413);
    assert_eq!(result("too_large").await, 2.0);
    let after = world.odoo.state().await;
    world.nothing_is_wrong(&after);
}

/// Sends until the receiver has had enough, and reads what it says.
async fn status_of_large_body(daemon: &Daemon, bearer: &str, length: &str) -> u16 {
    let host = daemon.callback.strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(host).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let head = format!("POST /callback/1 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {bearer}\r\n{length}\r\n");
    let chunked = length.starts_with("Transfer");
    let sending = tokio::spawn(async move {
        _ = to.write_all(head.as_bytes()).await;
        let part = vec![b' '; 100_000];
        for _ in 0..20 {
            let frame = if chunked { format!("{:x}\r\n", part.len()) } else { String::new() };
            let end: &[u8] = if chunked { b"\r\n" } else { b"" };
            for bytes in [frame.as_bytes(), &part, end] {
                if to.write_all(bytes).await.is_err() {
                    return to;
                }
            }
        }
        to
    });
    let mut answer = [0; 12];
    from.read_exact(&mut answer).await.unwrap();
    drop(sending.await.unwrap());
    std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn odoo_may_be_down_at_the_start() {
    let setup = Setup { registrants: 60, ..Setup::default() };
    let mut world = World::start(setup.clone()).await;
    let later = format!("127.0.0.1:{}", free_port());
    world.configuration.set("odoo.url", &format!("\"http://{later}\""));
    let mut daemon = Daemon::start(&world.configuration).await;
    let line = daemon.says(&["fails; waiting", "Odoo", "trouble"]).await;
    assert!(line.contains("odoo.url") || line.contains("[odoo] url"), "says where to look: {line}");
    assert_eq!(daemon.open("/ready").await.0, 200);
    assert_eq!(daemon.open("/live").await.0, 200);
    assert!(daemon.process.is_running());

    let arguments = arguments(&setup, &later, &world.mts_url);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    world.odoo = Odoo::start(&arguments, "admin").await;
    daemon.says(&["works again", "Odoo"]).await;
    world.all_tokens_are_there().await;
}

#[tokio::test]
async fn mts_may_be_down_at_the_start() {
    let mut world = World::start(Setup { registrants: 60, ..Setup::default() }).await;
    let later = format!("127.0.0.1:{}", free_port());
    world.odoo.write("omc.connector", 1, json!({"mts_url": format!("http://{later}")})).await;
    let daemon = Daemon::start(&world.configuration).await;
    let line = daemon.says(&["fails; waiting", "MTS", &later]).await;
    assert!(line.contains("mts_url"), "says where to look: {line}");
    let told = async || world.odoo.connector(1, &["last_error"]).await["last_error"].clone();
    let told = eventually("Odoo shows it", told, serde_json::Value::is_string).await;
    assert!(told.as_str().unwrap().contains("cannot connect"), "{told}");

    (world.mts, world.mts_url) = Process::simulator("mts", &["--listen", &later]).await;
    world.all_tokens_are_there().await;
    let told = async || world.odoo.connector(1, &["last_error"]).await["last_error"].clone();
    eventually("Odoo shows that it is over", told, |told| *told == json!(false)).await;
    // Nobody was given up, and nobody had to be sent twice.
    assert_eq!(daemon.connector(1).await["records"]["abandoned"], 0);
}

/// A proxy that the surroundings name is for whoever wants it: people's data go to the addresses in the definitions.
#[tokio::test]
async fn no_proxy_of_the_surroundings_is_used() {
    let world = World::start(Setup { registrants: 20, ..Setup::default() }).await;
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let environment = [("http_proxy", nowhere.as_str()), ("HTTPS_PROXY", &nowhere), ("all_proxy", &nowhere)];
    let mut daemon = Daemon::launch_with(&world.configuration, &environment);
    daemon.is_up().await;
    world.all_tokens_are_there().await;
}
