//! What becomes of a delivery when the receiver misbehaves.

use std::time::Duration;

use omc::sim::mts::Release;
use serde_json::{Value, json};

use super::harness::{Server, callback, record, servers};
use super::receiver::{Receiver, Reply, ok};

const FAILED: &str = "error_making_callback_request";

async fn post(server: &Server, url: &str, more: Value) -> String {
    let mut properties = json!({ "url": url });
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.post(&callback(json!([record(91), record(92), record(93)]), properties)).await.identifier()
}

#[tokio::test]
async fn any_http_answer_is_as_good_as_another() {
    for server in servers(Release::V1_1).await {
        for code in [500, 503, 404, 401, 413] {
            let receiver = Receiver::start(move |_, _| Reply::With(code, Vec::new(), "no".to_owned())).await;
            let id = post(&server, &receiver.url, json!({})).await;
            receiver.got(3).await;
            assert_eq!(server.settled(&id).await, "processed", "{}: {code}", server.name);
        }
    }
}

#[tokio::test]
async fn the_first_call_without_an_answer_is_the_last() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::start(|_, n| if n == 1 { Reply::Close } else { ok() }).await;
        let id = post(&server, &receiver.url, json!({})).await;
        assert_eq!(server.status_until(&id, |s| s == FAILED).await, FAILED, "{}", server.name);
        assert_eq!(receiver.all().len(), 2, "{}: no retry, and the third is never sent", server.name);
        let file = server.get(&format!("/authtoken/file/{id}")).await;
        assert_eq!(file.status, 202, "{}", server.name);

        let receiver = Receiver::start(|_, n| if n == 1 { Reply::Late(Duration::from_secs(4)) } else { ok() }).await;
        let id = post(&server, &receiver.url, json!({"timeoutSeconds": "1"})).await;
        assert_eq!(server.status_until(&id, |s| s == FAILED).await, FAILED, "{}", server.name);
        assert_eq!(receiver.all().len(), 2, "{}", server.name);
    }
}

#[tokio::test]
async fn the_timeout_is_for_each_read() {
    for server in servers(Release::V1_1).await {
        let receiver =
            Receiver::start(|_, n| if n == 0 { Reply::Drip(4, Duration::from_millis(700)) } else { ok() }).await;
        let id = post(&server, &receiver.url, json!({"timeoutSeconds": 1})).await;
        receiver.got(3).await;
        assert_eq!(server.settled(&id).await, "processed", "{}", server.name);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_only_found_out_then() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::new().await;
        let url = receiver.url.as_str();
        let gone = "http://127.0.0.1:9/x";
        let odoo = json!({"authUrl": gone, "database": "d", "username": "u", "password": "p"});
        for (url, more) in [
            (gone, json!({})),
            ("http://no-such-host.invalid/cb", json!({})),
            ("ftp://127.0.0.1/x", json!({})),
            (url, json!({"timeoutSeconds": 0})),
            (url, json!({"timeoutSeconds": -1})),
            (url, json!({"extraHeaders": {"X-N": 5}})),
            (url, json!({"extraHeaders": {"X-N": "a\r\nX-I: 1"}})),
            (url, json!({"authType": "odoo", "authOdoo": odoo})),
            (url, json!({"authType": "oauth", "authOauth": {"clientId": "c"}})),
        ] {
            let id = post(&server, url, more.clone()).await;
            assert_eq!(server.status_until(&id, |s| s == FAILED).await, FAILED, "{}: {url} {more}", server.name);
        }
        assert!(receiver.all().is_empty(), "{}", server.name);
    }
}

#[tokio::test]
async fn redirects_are_followed() {
    for server in servers(Release::V1_1).await {
        for (code, method, with_body) in
            [(301, "GET", false), (302, "GET", false), (303, "GET", false), (307, "POST", true), (308, "POST", true)]
        {
            let receiver = Receiver::start(move |request, _| match request.target.as_str() {
                "/from" => Reply::With(code, vec!["Location: /to".to_owned()], String::new()),
                _ => ok(),
            })
            .await;
            let properties = json!({"url": format!("{}/from", receiver.url)});
            let id = server.post(&callback(json!([record(94)]), properties)).await.identifier();
            let got = receiver.got(2).await;
            assert_eq!((got[1].method.as_str(), got[1].target.as_str()), (method, "/to"), "{}: {code}", server.name);
            assert_eq!(got[1].body == got[0].body, with_body, "{}: {code}", server.name);
            assert_eq!(server.settled(&id).await, "processed", "{}: {code}", server.name);
        }
    }
}

#[tokio::test]
async fn processed_comes_before_the_first_call_is_answered() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::start(|_, _| Reply::Late(Duration::from_secs(2))).await;
        let id = post(&server, &receiver.url, json!({"callInBulk": true})).await;
        receiver.got(1).await;
        assert_eq!(server.status(&id).await, "processed", "{}", server.name);
    }
}

#[tokio::test]
async fn one_slow_delivery_holds_up_the_next_request() {
    for server in servers(Release::V1_1).await {
        let slow = Receiver::start(|_, _| Reply::Late(Duration::from_secs(3))).await;
        let quick = Receiver::new().await;
        post(&server, &slow.url, json!({"callInBulk": true})).await;
        slow.got(1).await;
        let id = post(&server, &quick.url, json!({"callInBulk": true})).await;
        assert_eq!(server.status(&id).await, "submitted", "{}", server.name);
        let file = server.get(&format!("/authtoken/file/{id}")).await;
        assert_eq!(file.told(), "202 ATS-REQ-017 Auth request not processed yet", "{}", server.name);
        let invalid = server.post(&callback(json!([{}]), json!({"url": quick.url}))).await.identifier();
        assert_eq!(server.status(&invalid).await, "submitted_with_errors", "{}", server.name);
        quick.got(2).await;
    }
}
