use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::odoo::model::Options;
use crate::odoo::test_server::{Act, TestServer, fault, value};

const UID: &str = "<int>2</int>";
const REFUSED: &str = "<boolean>0</boolean>";

async fn client(acts: Vec<Act>) -> (TestServer, Client) {
    let server = TestServer::start(acts).await;
    let client = Client::new(&server.config()).unwrap();
    (server, client)
}

async fn names(client: &Client) -> Result<Value, Error> {
    client.execute_kw("g2p.id.type", "search_count", vec![json!([])], Map::new()).await
}

#[tokio::test]
async fn one_login_serves_many_calls() {
    let (server, client) = client(vec![value(UID), value("<int>3</int>")]).await;
    for _ in 0..2 {
        assert_eq!(names(&client).await, Ok(json!(3)));
    }
    let requests = server.requests().await;
    assert_eq!(requests.len(), 3);
    assert!(requests[0].starts_with("POST /xmlrpc/2/common "), "{}", requests[0]);
    assert!(requests[0].contains("<methodName>authenticate</methodName>"));
    assert!(requests[1].starts_with("POST /xmlrpc/2/object "), "{}", requests[1]);
    assert!(requests[1].contains("<i4>2</i4>") && requests[1].contains("<string>open sesame</string>"));
}

#[tokio::test]
async fn a_lost_login_is_forgotten_and_made_anew() {
    let acts = vec![value(UID), fault(3, "Access Denied"), value(UID), value("<int>3</int>")];
    let (server, client) = client(acts).await;
    assert_eq!(names(&client).await, Err(Error::AccessDenied));
    assert_eq!(names(&client).await, Ok(json!(3)));
    assert_eq!(server.requests().await.len(), 4);
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_without_end() {
    let (server, client) = client(vec![value(REFUSED)]).await;
    for _ in 0..LOGIN_ATTEMPTS {
        assert_eq!(names(&client).await, Err(Error::LoginRefused));
    }
    let paused = names(&client).await;
    assert!(matches!(paused, Err(Error::LoginPaused { in_a_row: 3, seconds: 1..=61 })), "{paused:?}");
    assert_eq!(server.requests().await.len(), LOGIN_ATTEMPTS as usize);
}

#[tokio::test]
async fn those_who_wait_for_a_login_share_its_refusal() {
    let (server, client) = client(vec![value(REFUSED)]).await;
    let client = Arc::new(client);
    let all = futures_util::future::join_all((0..10).map(|_| names(&client))).await;
    assert!(all.iter().all(|result| *result == Err(Error::LoginRefused)), "{all:?}");
    assert_eq!(server.requests().await.len(), 1);
}

#[tokio::test]
async fn an_unreachable_odoo_is_no_refused_login() {
    let (server, client) = client(vec![Act::Send(Vec::new())]).await;
    for _ in 0..LOGIN_ATTEMPTS + 1 {
        assert!(matches!(names(&client).await, Err(Error::Interrupted(_))));
    }
    assert_eq!(server.requests().await.len(), LOGIN_ATTEMPTS as usize + 1);
}

#[tokio::test]
async fn the_version_needs_no_login() {
    let version = "<struct><member><name>server_version</name><value><string>17.0</string></value></member></struct>";
    let (server, client) = client(vec![value(version)]).await;
    assert_eq!(client.version().await.as_deref(), Ok("17.0"));
    assert_eq!(server.requests().await.len(), 1);
}

#[tokio::test]
async fn an_unset_limit_and_a_limit_of_zero_differ() {
    let (server, client) =
        client(vec![value(UID), value("<array><data><value><int>7</int></value></data></array>")]).await;
    let none = Options { limit: Some(0), ..Options::default() };
    assert_eq!(client.search("res.partner", Vec::new(), none).await, Ok(vec![]));
    assert!(server.requests().await.is_empty());
    assert_eq!(client.search("res.partner", Vec::new(), Options::default()).await, Ok(vec![7]));
}

#[tokio::test]
async fn no_field_named_is_not_all_fields() {
    let (server, client) = client(vec![value(UID), value("<array><data></data></array>")]).await;
    assert_eq!(client.search_read("res.partner", Vec::new(), &[], Options::default()).await, Ok(vec![]));
    let request = server.requests().await.remove(1).replace('\n', "");
    assert!(
        request.contains(
            "<name>fields</name><value><array><data><value><string>id</string></value></data></array></value>"
        ),
        "{request}"
    );
}

#[tokio::test]
async fn an_unwritable_value_is_not_sent() {
    let (server, client) = client(vec![value(UID)]).await;
    let result = client.execute_kw("res.partner", "search", vec![json!([["name", "=", "\u{1}"]])], Map::new()).await;
    assert!(matches!(result, Err(Error::Unwritable(_))), "{result:?}");
    assert_eq!(server.requests().await.len(), 1);
}

#[tokio::test]
async fn a_large_answer_is_decoded_too() {
    let text = "x".repeat(DECODE_INLINE + 1);
    let (_server, client) = client(vec![value(UID), value(&format!("<string>{text}</string>"))]).await;
    assert_eq!(names(&client).await, Ok(Value::from(text)));
}

#[tokio::test]
async fn a_client_prints_no_secret() {
    let (_server, client) = client(vec![value(UID)]).await;
    let printed = format!("{client:?}");
    assert!(printed.contains("registry") && !printed.contains("sesame"), "{printed}");
}

#[tokio::test]
async fn what_is_missing_in_the_configuration_is_named() {
    let server = TestServer::start(vec![value(UID)]).await;
    for (config, key) in [
        (Config { url: None, ..server.config() }, "url"),
        (Config { database: String::new(), ..server.config() }, "database"),
        (Config { username: String::new(), ..server.config() }, "username"),
        (Config { password: None, ..server.config() }, "password"),
        (Config { password: Some("".into()), ..server.config() }, "password"),
        (Config { timeout: "0s".parse().unwrap(), ..server.config() }, "timeout"),
    ] {
        let error = Client::new(&config).unwrap_err().to_string();
        assert!(error.contains(&format!("[odoo] {key}")), "{error}");
    }
}
