//! How MTS logs in at the receiver before it calls back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use omc::sim::mts::Release;
use serde_json::json;

use super::callbacks::called;
use super::harness::{callback, record, servers};
use super::receiver::{Receiver, Reply, ok};

/// A JWT whose payload decodes without padding, or does not.
fn jwt(expires: i64, padded: bool) -> String {
    let mut payload = json!({ "exp": expires }).to_string();
    while payload.len().is_multiple_of(3) != padded {
        payload.insert(1, ' ');
    }
    format!("eyJhbGciOiJub25lIn0.{}.sig", URL_SAFE_NO_PAD.encode(payload))
}

#[tokio::test]
async fn odoo_is_logged_in_to_and_out_of() {
    for server in servers(Release::V1_1).await {
        for slash in ["", "/"] {
            let receiver = Receiver::start(|request, _| match request.target.trim_end_matches('/') {
                "/web/session/authenticate" => {
                    let cookies = ["Set-Cookie: session_id=abc123; Path=/; HttpOnly", "Set-Cookie: lang=en_US; Path=/"];
                    Reply::With(200, cookies.map(str::to_owned).to_vec(), "{}".to_owned())
                }
                "/web/session/logout" => Reply::With(303, vec!["Location: /web/login".to_owned()], String::new()),
                _ => ok(),
            })
            .await;
            let odoo = json!({"authUrl": format!("{}/web/session/authenticate{slash}", receiver.url), "database": "d", "username": "u",
                "password": "pä", "extraHeaders": {"X-Od": "1"}});
            let more = json!({"authType": "odoo", "authOdoo": odoo, "extraHeaders": {"X-Cb": "2"}});
            let (got, _) = called(&server, &receiver, json!([record(79), record(80)]), more, 5).await;
            let line: Vec<(&str, &str, Option<&str>, Option<&str>)> = got
                .iter()
                .map(|r| (r.method.as_str(), r.target.trim_end_matches('/'), r.header("x-od"), r.header("x-cb")))
                .collect();
            assert_eq!(
                line,
                [
                    ("GET", "/web/session/authenticate", Some("1"), None),
                    ("POST", "/cb", None, Some("2")),
                    ("POST", "/cb", None, Some("2")),
                    ("GET", "/web/session/logout", Some("1"), None),
                    ("GET", "/web/login", Some("1"), None),
                ],
                "{}",
                server.name
            );
            let login = r#"{"jsonrpc": "2.0", "params": {"db": "d", "login": "u", "password": "p\u00e4"}}"#;
            assert_eq!(
                (got[0].body.as_str(), got[0].header("content-type")),
                (login, Some("application/json")),
                "{}",
                server.name
            );
            for request in &got[1..4] {
                assert_eq!(
                    request.header("cookie"),
                    Some("lang=en_US; session_id=abc123"),
                    "{}: {}",
                    server.name,
                    request.target
                );
            }
        }
    }
}

#[tokio::test]
async fn odoo_s_answer_is_not_looked_at() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::start(|_, _| Reply::With(500, Vec::new(), "no".to_owned())).await;
        let odoo = json!({"authUrl": format!("{}/authenticate", receiver.url), "database": "d", "username": "u", "password": ""});
        let (got, status) =
            called(&server, &receiver, json!([record(81)]), json!({"authType": "odoo", "authOdoo": odoo}), 3).await;
        assert_eq!(
            (got[1].target.as_str(), got[1].header("cookie"), got[2].target.as_str()),
            ("/cb", None, "/logout"),
            "{}",
            server.name
        );
        assert_eq!(status, "processed", "{}", server.name);
    }
}

#[tokio::test]
async fn oauth_takes_few_tokens() {
    const FAR: i64 = 4_000_000_000;
    for server in servers(Release::V1_1).await {
        let good = jwt(FAR, true);
        let expired = jwt(1_000_000_000, true);
        let answers = [
            (json!({"access_token": good}).to_string(), 200, 3, "processed"),
            (json!({"access_token": expired}).to_string(), 200, 5, "processed"),
            (json!({"access_token": jwt(FAR, false)}).to_string(), 200, 1, "error_making_callback_request"),
            (json!({"access_token": "opaque"}).to_string(), 200, 1, "error_making_callback_request"),
            (
                json!({"access_token": format!("a.{}.b", URL_SAFE_NO_PAD.encode("{\"a\":11} "))}).to_string(),
                200,
                1,
                "error_making_callback_request",
            ),
            ("{}".to_owned(), 200, 1, "error_making_callback_request"),
            ("no".to_owned(), 401, 2, "error_making_callback_request"),
        ];
        for (body, code, requests, expected) in answers {
            let said = body.clone();
            let receiver = Receiver::start(move |request, _| match request.target.as_str() {
                "/token" => Reply::With(code, Vec::new(), said.clone()),
                _ => ok(),
            })
            .await;
            let oauth = json!({"authUrl": format!("{}/token", receiver.url), "clientId": "c d", "clientSecret": "s&"});
            let more = json!({"url": format!("{}/cb", receiver.url), "authType": "oauth", "authOauth": oauth});
            let id = server.post(&callback(json!([record(82), record(83)]), more)).await.identifier();
            let got = receiver.got(requests).await;
            assert_eq!(
                got[0].body, "client_id=c+d&grant_type=client_credentials&client_secret=s%26",
                "{}",
                server.name
            );
            assert_eq!(got[0].header("content-type"), Some("application/x-www-form-urlencoded"), "{}", server.name);
            let status = server.status_until(&id, |s| s == expected).await;
            assert_eq!((receiver.all().len(), status.as_str()), (requests, expected), "{}: {body}", server.name);
            if requests == 3 {
                assert_eq!(got[1].header("authorization"), Some(format!("Bearer {good}").as_str()), "{}", server.name);
            }
        }
        let receiver = Receiver::new().await;
        let oauth = json!({"authUrl": format!("{}/token", receiver.url), "username": "us er", "password": "p&w", "clientId": "c"});
        let more = json!({"url": format!("{}/cb", receiver.url), "authType": "oauth", "authOauth": oauth});
        server.post(&callback(json!([record(82)]), more)).await.identifier();
        let body = "username=us+er&grant_type=password&password=p%26w&client_id=c";
        assert_eq!(receiver.got(1).await[0].body, body, "{}", server.name);
    }
}
