//! A client of the tests' own: bare HTTP over a socket, so that nothing of the daemon's reading hides a mistake.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use omc::clock::SystemClock;
use omc::sim::odoo::{Options, serve};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::xml;

const PATIENCE: Duration = Duration::from_secs(60);

/// A fault's code and string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: i64,
    pub text: String,
}

impl Fault {
    /// The last line that says something.
    pub fn last_line(&self) -> &str {
        self.text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default()
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// The status line.
    pub status: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn code(&self) -> u16 {
        self.status.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// One server.
pub struct Odoo {
    pub address: String,
    pub database: String,
    pub user: String,
    pub password: String,
    pub uid: i64,
    pub live: bool,
}

/// The simulator, and the real server if the environment names one.
pub async fn servers() -> Vec<Odoo> {
    let mut servers = vec![simulator(Options { registrants: 40, addon: false, ..Options::default() }).await];
    if let Ok(url) = std::env::var("LIVE_ODOO_URL") {
        let named = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        let address = url.trim_end_matches('/').trim_start_matches("http://").to_owned();
        let mut odoo = Odoo {
            address,
            database: named("LIVE_ODOO_DB"),
            user: named("LIVE_ODOO_USER"),
            password: named("LIVE_ODOO_PASSWORD"),
            uid: 0,
            live: true,
        };
        let answer = odoo.common("authenticate", &odoo.credentials(&odoo.user, &odoo.password)).await;
        odoo.uid = answer.expect("the real server is up").as_i64().expect("the credentials are right");
        servers.push(odoo);
    }
    servers
}

/// A simulator of its own, that ends with the test.
pub async fn simulator(options: Options) -> Odoo {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let password = options.password.clone();
    tokio::spawn(serve(listener, options, Arc::new(SystemClock), std::future::pending()));
    Odoo { address, database: "omc".into(), user: "admin".into(), password, uid: 2, live: false }
}

/// A text no other test and no other run uses.
pub fn marker(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("{what} {:x}{next:x}", now ^ u128::from(std::process::id()))
}

impl Odoo {
    pub fn credentials(&self, user: &str, password: &str) -> Json {
        json!([self.database, user, password, {}])
    }

    /// Sends bytes and reads until the server closes.
    pub async fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).await.expect("the server listens");
        let mut answer = Vec::new();
        let (mut reader, mut writer) = stream.split();
        let exchange = async {
            let write = async { writer.write_all(request).await.ok() };
            let read = async { reader.read_to_end(&mut answer).await.ok() };
            tokio::join!(write, read)
        };
        timeout(PATIENCE, exchange).await.expect("the server answers in time");
        answer
    }

    /// Sends a request with these header lines and reads the answer.
    pub async fn http(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        );
        split(&self.raw(&[head.as_bytes(), body].concat()).await)
    }

    /// Posts an XML body to a service.
    pub async fn post(&self, service: &str, body: &[u8]) -> Answer {
        self.http("POST", &format!("/xmlrpc/2/{service}"), "Content-Type: text/xml\r\n", body).await
    }

    /// Calls a method of a service.
    pub async fn service(&self, service: &str, method: &str, params: &[String]) -> Result<Json, Fault> {
        let answer = self.post(service, xml::call(method, params).as_bytes()).await;
        assert_eq!(answer.code(), 200, "{}", answer.status);
        xml::decode(&answer.body)
    }

    pub async fn common(&self, method: &str, params: &Json) -> Result<Json, Fault> {
        let params: Vec<String> = params.as_array().unwrap().iter().map(xml::encode).collect();
        self.service("common", method, &params).await
    }

    /// `execute_kw`, its arguments and keywords given as XML values.
    pub async fn call_xml(&self, model: &str, method: &str, args: &str, kwargs: &str) -> Result<Json, Fault> {
        let mut params: Vec<String> =
            [json!(self.database), json!(self.uid), json!(self.password), json!(model), json!(method)]
                .iter()
                .map(xml::encode)
                .collect();
        params.extend([args.to_owned(), kwargs.to_owned()]);
        self.service("object", "execute_kw", &params).await
    }

    pub async fn try_call(&self, model: &str, method: &str, args: Json, kwargs: Json) -> Result<Json, Fault> {
        self.call_xml(model, method, &xml::encode(&args), &xml::encode(&kwargs)).await
    }

    /// A call that must succeed.
    pub async fn call(&self, model: &str, method: &str, args: Json, kwargs: Json) -> Json {
        let place = if self.live { "the real server" } else { "the simulator" };
        let answer = self.try_call(model, method, args, kwargs).await;
        answer.unwrap_or_else(|fault| panic!("{place}: {model}.{method}: {fault:?}"))
    }

    /// A call that must end in a fault.
    pub async fn fault(&self, model: &str, method: &str, args: Json, kwargs: Json) -> Fault {
        let place = if self.live { "the real server" } else { "the simulator" };
        match self.try_call(model, method, args, kwargs).await {
            Err(fault) => fault,
            Ok(answer) => panic!("{place}: {model}.{method} answered {answer}"),
        }
    }

    pub async fn create(&self, model: &str, values: Json) -> i64 {
        self.call(model, "create", json!([values]), json!({})).await.as_i64().expect("one id")
    }

    /// Fields of one row.
    pub async fn read(&self, model: &str, id: i64, fields: &[&str]) -> Json {
        self.call(model, "read", json!([[id], fields]), json!({})).await[0].clone()
    }

    /// The ids a domain finds, in order.
    pub async fn search(&self, model: &str, domain: Json) -> Vec<i64> {
        let found = self.call(model, "search", json!([domain]), json!({"order": "id"})).await;
        found.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
    }

    pub async fn unlink(&self, model: &str, ids: &[i64]) {
        self.call(model, "unlink", json!([ids]), json!({})).await;
    }

    /// A registrant with nothing but a name.
    pub async fn registrant(&self, name: &str) -> i64 {
        self.create("res.partner", json!({"name": name, "is_registrant": true})).await
    }

    pub async fn id_type(&self, pattern: Json) -> i64 {
        self.create("g2p.id.type", json!({"name": marker("type"), "id_validation": pattern})).await
    }

    pub async fn reg_id(&self, partner: i64, kind: i64, value: Json) -> i64 {
        self.create("g2p.reg.id", json!({"partner_id": partner, "id_type": kind, "value": value})).await
    }

    /// Removes registrants with their IDs, then ID types.
    pub async fn clean(&self, partners: &[i64], kinds: &[i64]) {
        let ids = self.search("g2p.reg.id", json!([["partner_id", "in", partners]])).await;
        self.unlink("g2p.reg.id", &ids).await;
        self.unlink("res.partner", partners).await;
        if !kinds.is_empty() {
            self.unlink("g2p.id.type", kinds).await;
        }
    }
}

/// Takes an HTTP answer apart.
pub fn split(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Answer { status, headers, body: String::from_utf8_lossy(bytes.get(end + 4..).unwrap_or_default()).into_owned() }
}
