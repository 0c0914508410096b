//! MOSIP's services beside MTS, as the simulator has them, against their documentation; and OMC's login against the simulator.

use std::sync::Arc;
use std::time::Duration;

use omc::access::{Access, Cause, Way};
use omc::clock::{Clock, SystemClock};
use omc::seal::Personal;
use omc::sim::mosip::{Options, serve};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

const LOGIN: &str = "/v1/authmanager/authenticate/clientidsecretkey";
const VALIDATE: &str = "/v1/authmanager/authorize/admin/validateToken";
const AUDITS: &str = "/v1/auditmanager/audits";
const TIME: &str = "2026-11-22T10:00:00.000Z";

fn client() -> Client {
    _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().no_proxy().pool_max_idle_per_host(0).redirect(reqwest::redirect::Policy::none());
    builder.tls_certs_only([]).timeout(Duration::from_secs(60)).build().unwrap()
}

/// Dropped with the runtime of its test.
async fn started() -> Services {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, Options::default(), Arc::new(SystemClock), std::future::pending()));
    Services { url, client: client() }
}

struct Services {
    url: String,
    client: Client,
}

fn envelope(request: Value) -> Value {
    json!({"id": "string", "metadata": {}, "version": "string", "requesttime": TIME, "request": request})
}

/// Code of the first error, if there are any; `errors` may be null or empty.
fn code(answer: &Value) -> Option<&str> {
    answer["errors"].as_array().and_then(|errors| errors.first()).map(|error| error["errorCode"].as_str().unwrap())
}

impl Services {
    async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let mut request = self.client.post(format!("{}{path}", self.url)).json(body);
        if let Some(token) = token {
            request = request.header("Cookie", format!("Authorization={token}"));
        }
        told(request.send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Value {
        told(self.client.get(format!("{}{path}", self.url)).send().await.unwrap()).await.1
    }

    async fn faults(&self, faults: Value) {
        assert_eq!(self.post("/_sim/faults", None, &faults).await.0, 200);
    }

    async fn log_in(&self) -> String {
        let body = envelope(json!({"appId": "registry", "clientId": "omc", "secretKey": "secret"}));
        let response = self.client.post(format!("{}{LOGIN}", self.url)).json(&body).send().await.unwrap();
        let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
        let (status, answer) = told(response).await;
        assert_eq!((status, code(&answer), &answer["response"]["status"]), (200, None, &json!("Success")));
        cookie.strip_prefix("Authorization=").unwrap().split(';').next().unwrap().to_owned()
    }

    async fn validate(&self, token: Option<&str>) -> Value {
        let request = self.client.get(format!("{}{VALIDATE}", self.url));
        let request =
            token.iter().fold(request, |request, token| request.header("Cookie", format!("Authorization={token}")));
        let (status, answer) = told(request.send().await.unwrap()).await;
        assert_eq!(status, 200);
        answer
    }

    /// OMC's own way in.
    fn access(&self, secret: &str) -> Access {
        self.access_to(&self.url, secret)
    }

    fn access_to(&self, url: &str, secret: &str) -> Access {
        let way = Way::Mosip {
            login_url: Url::parse(url).unwrap(),
            app_id: "registry".to_owned(),
            client_id: "omc".to_owned(),
            secret_key: Personal::new(secret.to_owned()),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Access::new("the test".to_owned(), way, self.client.clone(), clock)
    }
}

async fn told(mut response: Response) -> (u16, Value) {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    (response.status().as_u16(), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_login_gives_a_token_that_is_good_until_it_is_revoked() {
    let services = started().await;
    let token = services.log_in().await;
    assert_eq!(token.split('.').count(), 3, "a JWT");
    let good = services.validate(Some(&token)).await;
    assert_eq!((code(&good), &good["response"]["userId"]), (None, &json!("service-account-omc")));
    assert_eq!(code(&services.validate(None).await), Some("KER-ATH-006"));
    assert_eq!(code(&services.validate(Some("a.b.c")).await), Some("KER-ATH-401"));
    services.faults(json!({"revoke": true})).await;
    assert_eq!(code(&services.validate(Some(&token)).await), Some("KER-ATH-401"));
}

#[tokio::test]
async fn refused_logins_come_with_200() {
    let services = started().await;
    for (app, client, secret, expected) in [
        ("registry", "omc", "wrong", "500"),
        ("registry", "other", "secret", "500"),
        ("adminXX", "omc", "secret", "KER-ATH-026"),
        ("registry", "", "secret", "KER-ATH-999"),
    ] {
        let body = envelope(json!({"appId": app, "clientId": client, "secretKey": secret}));
        let (status, answer) = services.post(LOGIN, None, &body).await;
        assert_eq!((status, code(&answer)), (200, Some(expected)), "{app} {client}");
        assert_eq!(expected == "500", answer["errors"][0]["message"] == "401 Unauthorized");
    }
    assert_eq!(services.get("/_sim/state").await["refused_logins"], 2);
}

#[tokio::test]
async fn the_token_endpoint_answers_as_keycloak() {
    let services = started().await;
    let ask = async |realm: &str, form: &'static str| {
        let url = format!("{}/realms/{realm}/protocol/openid-connect/token", services.url);
        let request = services.client.post(url).header("Content-Type", "application/x-www-form-urlencoded").body(form);
        told(request.send().await.unwrap()).await
    };
    let (status, granted) = ask("registry", "grant_type=client_credentials&client_id=omc&client_secret=secret").await;
    assert_eq!((status, &granted["token_type"], &granted["expires_in"]), (200, &json!("Bearer"), &json!(36_000)));
    assert_eq!(code(&services.validate(granted["access_token"].as_str()).await), None);
    for (realm, form, expected, error) in [
        ("registry", "grant_type=client_credentials&client_id=omc&client_secret=x", 401, "unauthorized_client"),
        ("registry", "grant_type=client_credentials&client_id=x&client_secret=secret", 401, "invalid_client"),
        ("registry", "grant_type=password&client_id=omc&client_secret=secret", 400, "unsupported_grant_type"),
        ("registry", "grant_type=client_credentials&client_id=omc&client_secret=secret&scope=x", 400, "invalid_scope"),
        ("registry", "client_id=omc", 400, "invalid_request"),
        ("other", "grant_type=client_credentials", 404, "Realm does not exist"),
    ] {
        assert_eq!(ask(realm, form).await, (expected, with_error(error, ask(realm, form).await.1)), "{form}");
    }
}

/// The answer, if its error is this one.
fn with_error(error: &str, answer: Value) -> Value {
    assert_eq!(answer["error"], error);
    answer
}

fn audit() -> Value {
    json!({"eventId": "E1", "eventName": "n", "eventType": "t", "actionTimeStamp": TIME, "hostName": "h", "hostIp": "::1",
        "applicationId": "a", "applicationName": "a", "sessionUserId": "s", "createdBy": "c"})
}

#[tokio::test]
async fn audits_are_taken_with_a_token_and_all_that_is_required() {
    let services = started().await;
    let token = services.log_in().await;
    let send = async |audit: Value| {
        let (status, answer) = services.post(AUDITS, Some(&token), &envelope(audit)).await;
        assert_eq!(status, 200, "always");
        answer
    };
    let taken = send(audit()).await;
    assert_eq!((code(&taken), &taken["response"]), (None, &json!({"status": true})));
    let mut full = audit();
    for (key, longest) in
        [("eventId", 64), ("eventName", 128), ("hostIp", 256), ("description", 2048), ("moduleId", 64)]
    {
        full[key] = json!("x".repeat(longest));
        assert_eq!(code(&send(full.clone()).await), None, "{key}");
        let mut longer = full.clone();
        longer[key] = json!("x".repeat(longest + 1));
        assert_eq!(code(&send(longer).await), Some("KER-AUD-001"), "{key}");
    }
    for key in audit().as_object().unwrap().keys() {
        let mut without = audit();
        without.as_object_mut().unwrap().remove(key);
        assert_eq!(code(&send(without).await), Some("KER-AUD-001"), "{key}");
    }
    let mut odd = audit();
    odd["actionTimeStamp"] = json!("2026-11-22 10:00:00");
    assert_eq!(code(&send(odd).await), Some("KER-AUD-002"));
    assert_eq!(code(&services.post(AUDITS, Some(&token), &json!({"no": 1})).await.1), Some("KER-AUD-002"));
    let (status, answer) = services.post(AUDITS, None, &envelope(audit())).await;
    assert_eq!((status, code(&answer)), (401, Some("KER-ATH-401")));
    assert_eq!(services.get("/_sim/audits").await.as_array().unwrap().len(), 6);
    let state = services.get("/_sim/state").await;
    assert_eq!((&state["audits"], &state["logins"]), (&json!(6), &json!(1)), "{state}");
}

#[tokio::test]
async fn messages_go_by_the_paths_of_both_releases() {
    let services = started().await;
    let token = services.log_in().await;
    let message = |number: &str, message: &str| envelope(json!({"number": number, "message": message}));
    for path in ["/v1/smsnotifier/sms/send", "/v1/notifier/sms/send"] {
        let sent = services.post(path, Some(&token), &message("9000000001", "hello")).await.1;
        assert_eq!((code(&sent), &sent["response"]["status"]), (None, &json!("success")));
        for (number, text) in [("", "hello"), ("90000x", "hello"), ("9000000001", " ")] {
            let refused = services.post(path, Some(&token), &message(number, text)).await.1;
            assert_eq!(code(&refused), Some("KER-NOS-001"), "{number} {text}");
        }
        assert_eq!(services.post(path, None, &message("9000000001", "hello")).await.0, 401);
    }
    for path in ["/v1/emailnotifier/email/send", "/v1/notifier/email/send"] {
        let send = async |fields: &[(&str, &str)]| {
            let part = |(name, value): &(&str, &str)| {
                format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            };
            let body: String = fields.iter().map(part).chain(["--B--\r\n".to_owned()]).collect();
            let request = services.client.post(format!("{}{path}", services.url)).bearer_auth(&token).body(body);
            told(request.header("Content-Type", "multipart/form-data; boundary=B").send().await.unwrap()).await.1
        };
        let good = [("mailTo", "asha@example.org"), ("mailSubject", "s"), ("mailContent", "c")];
        assert_eq!(code(&send(&good).await), None);
        assert_eq!(code(&send(&good[1..]).await), Some("KER-NOE-001"));
        assert_eq!(code(&send(&good[..2]).await), Some("KER-NOE-001"));
    }
    let messages = services.get("/_sim/messages").await;
    assert_eq!((messages["sms"].as_array().unwrap().len(), messages["emails"].as_array().unwrap().len()), (2, 2));
}

// === OMC's login ===

#[tokio::test]
async fn many_who_ask_at_once_make_one_login_and_share_its_failure() {
    let services = started().await;
    services.faults(json!({"latency_ms": 200})).await;
    for (secret, logins, refused) in [("secret", 1, 0), ("wrong", 1, 1)] {
        let access = services.access(secret);
        let asked = futures_util::future::join_all((0..50).map(|_| access.credential())).await;
        assert!(asked.iter().all(|got| got.is_ok() == (secret == "secret")), "{:?}", asked[0]);
        let state = services.get("/_sim/state").await;
        assert_eq!((&state["logins"], &state["refused_logins"]), (&json!(logins), &json!(refused)), "{state}");
    }
}

#[tokio::test]
async fn a_credential_is_kept_until_it_goes_stale_and_renewed_once() {
    let services = started().await;
    let access = services.access("secret");
    let first = access.credential().await.unwrap();
    access.credential().await.unwrap();
    let logins = async || services.get("/_sim/state").await["logins"].as_u64().unwrap();
    assert_eq!(logins().await, 1);
    // All who met the same 401 get the same new one.
    let renewed = futures_util::future::join_all((0..20).map(|_| access.renew(&first))).await;
    assert!(renewed.iter().all(Result::is_ok));
    access.renew(&first).await.unwrap();
    assert_eq!(logins().await, 2);
    services.faults(json!({"token_seconds": 1})).await;
    access.renew(renewed[0].as_ref().unwrap()).await.unwrap();
    assert_eq!(logins().await, 3);
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while logins().await == 3 {
        assert!(tokio::time::Instant::now() < end, "it does not go stale");
        access.credential().await.unwrap();
    }
    assert!(logins().await >= 4);
}

#[tokio::test]
async fn a_fixed_secret_is_not_renewed() {
    let services = started().await;
    let way = Way::Bearer { token: Personal::new("abc".to_owned()) };
    let access = Access::new("the test".to_owned(), way, services.client.clone(), Arc::new(SystemClock));
    let credential = access.credential().await.unwrap();
    let denied = access.renew(&credential).await.unwrap_err();
    assert!(matches!(denied.cause, Cause::NotLetIn { status: 401, .. }) && denied.to_string().contains("check token"));
}

/// A server of one answer; tells what it was asked.
async fn answering(answer: Vec<u8>) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        // Who does not want to read on closes.
        _ = stream.write_all(&answer).await;
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (url, asked)
}

#[tokio::test]
async fn what_is_no_login_is_told_without_a_word_of_it() {
    let services = started().await;
    let with = |head: &str, body: &str| {
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let long = "x".repeat(100_000);
    let cases = [
        (with("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/sesame", ""), "HTTP 307"),
        (with("200 OK\r\nSet-Cookie: Authorization=a.b.c", "<html>sesame"), "not that of a login"),
        (with("200 OK\r\nSet-Cookie: Authorization=a.b.c", &long), "far too long"),
        (with("200 OK", r#"{"response":{"token":"sesame"},"errors":[]}"#), "not that of a login"),
        (with("503 Service Unavailable", "sesame"), "HTTP 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}".to_vec(), "broke off"),
    ];
    for (answer, expected) in cases {
        let (url, asked) = answering(answer).await;
        let denied = services.access_to(&url, "secret").credential().await.unwrap_err().to_string();
        assert!(denied.contains(expected) && denied.contains("login_url"), "{expected}: {denied}");
        assert!(!denied.contains("sesame") && denied.starts_with("the test: "), "{denied}");
        let asked = asked.await.unwrap();
        assert!(asked.starts_with(&format!("POST {LOGIN} HTTP/1.1")), "{asked}");
        assert!(asked.contains(r#""secretKey":"secret""#) && asked.contains(r#""appId":"registry""#), "{asked}");
    }
    let nobody = services.access_to("http://127.0.0.1:1", "secret").credential().await.unwrap_err();
    assert_eq!(nobody.cause, Cause::Unreachable { key: "login_url" });
}
