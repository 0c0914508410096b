use super::*;
use crate::odoo::test_server::{Act, TestServer, response};

const LIMIT: u64 = 1000;
const LONG: Duration = Duration::from_secs(10);

async fn post_within(act: Act, timeout: Duration) -> Result<Reply, Error> {
    let server = TestServer::start(vec![act]).await;
    let transport = Transport::new(&server.url, &Trust::default(), LIMIT).unwrap();
    transport.post(&server.url, b"<methodCall/>".to_vec(), timeout).await
}

async fn post(act: Act) -> Result<Reply, Error> {
    post_within(act, LONG).await
}

async fn error_of(bytes: Vec<u8>) -> Error {
    post(Act::Send(bytes)).await.err().expect("an error")
}

fn xml(length: usize, body: &[u8]) -> Vec<u8> {
    response("200 OK", "text/xml; charset=utf-8", length, body)
}

#[tokio::test]
async fn a_whole_answer_comes_with_the_servers_time() {
    let reply = post(Act::Send(xml(5, b"<xml>"))).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reply.body, b"<xml>");
    assert_eq!(reply.server_time.unwrap().to_rfc3339(), "2026-11-21T21:12:48+00:00");
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_the_connection() {
    let bytes = b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n<xml>".to_vec();
    let reply = post(Act::Send(bytes)).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((reply.body.as_slice(), reply.server_time), (b"<xml>".as_slice(), None));
}

#[tokio::test]
async fn the_request_is_one_connection_without_keep_alive() {
    let server = TestServer::start(vec![Act::Send(xml(5, b"<xml>"))]).await;
    let transport = Transport::new(&server.url, &Trust::default(), LIMIT).unwrap();
    for _ in 0..2 {
        transport.post(&server.url, b"<methodCall/>".to_vec(), LONG).await.unwrap_or_else(|error| panic!("{error}"));
    }
    let requests = server.requests().await;
    assert_eq!(requests.len(), 2);
    let request = requests[0].to_ascii_lowercase();
    for header in ["content-type: text/xml\r\n", "connection: close\r\n", "content-length: 13\r\n"] {
        assert!(request.contains(header), "{header} is missing in {request}");
    }
}

#[tokio::test]
async fn a_body_cut_off_under_status_200_is_no_answer() {
    assert_eq!(error_of(xml(500, b"<xml>")).await, Error::Interrupted(Interrupted::Truncated));
}

#[tokio::test]
async fn a_close_without_an_answer_is_no_refusal() {
    let error = error_of(Vec::new()).await;
    assert_eq!(error, Error::Interrupted(Interrupted::Closed));
    assert_eq!(post(Act::Close).await.err(), Some(Error::Interrupted(Interrupted::Closed)));
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    let timeout = Duration::from_millis(200);
    let timed_out = Some(Error::Interrupted(Interrupted::TimedOut));
    assert_eq!(post_within(Act::SendAndHang(Vec::new()), timeout).await.err(), timed_out);
    assert_eq!(post_within(Act::SendAndHang(xml(500, b"<xml>")), timeout).await.err(), timed_out);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read_to_its_end() {
    let too_large = Error::AnswerTooLarge { limit: LIMIT };
    assert_eq!(error_of(xml(1001, &[b'x'; 1001])).await, too_large);
    // One that does not say how large it is.
    let mut endless = b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n".to_vec();
    endless.extend([b'x'; 1001]);
    assert_eq!(post(Act::SendAndHang(endless)).await.err(), Some(too_large));
    assert!(post(Act::Send(xml(1000, &[b'x'; 1000]))).await.is_ok());
}

#[tokio::test]
async fn statuses_and_web_pages_are_told_apart() {
    let page = b"<!doctype html><title>Ana</title>";
    let html = |status: &str| response(status, "text/html; charset=utf-8", page.len(), page);
    assert_eq!(error_of(html("413 REQUEST ENTITY TOO LARGE")).await, Error::TooLarge);
    assert_eq!(error_of(html("404 NOT FOUND")).await, Error::Http { status: 404 });
    assert_eq!(error_of(html("502 Bad Gateway")).await, Error::Http { status: 502 });
    assert_eq!(error_of(html("200 OK")).await, Error::HtmlInsteadOfXml);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let bytes = b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n".to_vec();
    assert_eq!(error_of(bytes).await, Error::Http { status: 302 });
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let url = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap()).parse::<Url>().unwrap()
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let transport = Transport::new(&url, &Trust::default(), LIMIT).unwrap();
    let error = transport.post(&url, Vec::new(), LONG).await.err();
    assert_eq!(error, Some(Error::Unreachable(Unreachable::Refused)));
}

#[tokio::test]
async fn what_does_not_speak_tls_is_no_secure_connection() {
    let server = TestServer::start(vec![Act::Greet(b"HTTP/1.0 400 Bad Request\r\n\r\n".to_vec())]).await;
    let url: Url = server.url.as_str().replace("http:", "https:").parse().unwrap();
    // Takes CA certificates to get as far as the handshake.
    let transport = match Transport::new(&url, &Trust::default(), LIMIT) {
        Err(ConfigError::NoTrustStore) => return,
        transport => transport.unwrap_or_else(|error| panic!("{error}")),
    };
    let error = transport.post(&url, b"x".to_vec(), LONG).await.err();
    assert!(matches!(error, Some(Error::Unreachable(Unreachable::Tls(Fault::NotTls)))), "{error:?}");
}
