//! Sends HTTP as Python's requests does: its headers, a new connection for each call, a timeout for each read, redirects followed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jaq_json::Val;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};

use super::json::text;

/// More of an answer is not kept.
const MAX_ANSWER: usize = 64 << 20;
/// Calls that MTS makes without a timeout end here.
const NO_TIMEOUT: Duration = Duration::from_secs(600);
/// Clients kept, one for each timeout.
const MAX_CLIENTS: usize = 16;

#[derive(Debug, Default)]
pub struct Sender {
    /// PEM of the CAs that receivers' certificates must be of; none accepts any certificate.
    trusted: Option<String>,
    clients: Mutex<HashMap<(Duration, bool), Client>>,
}

/// One call.
#[derive(Clone)]
pub struct Call {
    pub method: Method,
    pub url: String,
    pub headers: Headers,
    pub body: Body,
    /// In seconds; `None` waits as long as it takes.
    pub timeout: Option<i64>,
}

#[derive(Clone)]
pub enum Body {
    None,
    Json(String),
    /// With its content type.
    Other(String, String),
}

/// An answer to a login: its status, its cookies, the start of its body.
pub struct Reply {
    pub ok: bool,
    pub cookies: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The call was not made, or no answer came.
#[derive(Debug)]
pub struct Failed;

/// Headers in the order in which they were set, names in any case.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, Option<String>)>);

impl Headers {
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.put(name, Some(value.into()));
    }

    fn put(&mut self, name: &str, value: Option<String>) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.0.push((name.to_owned(), value));
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, value)| known.eq_ignore_ascii_case(name) && value.is_some())
    }

    /// Takes a client's `extraHeaders`: they win over all; null removes one, anything but a text fails.
    pub fn extend(&mut self, extra: &Val) -> Result<(), Failed> {
        let Val::Obj(map) = extra else { return Ok(()) };
        for (name, value) in map.iter() {
            let name = text(name).ok_or(Failed)?;
            match value {
                Val::Null => self.put(name, None),
                value => self.put(name, Some(text(value).ok_or(Failed)?.to_owned())),
            }
        }
        Ok(())
    }
}

impl Sender {
    pub fn trusting(trusted: Option<String>) -> Self {
        Self { trusted, ..Self::default() }
    }

    pub async fn send(&self, call: &Call) -> Result<Reply, Failed> {
        if call.timeout.is_some_and(|t| t <= 0) {
            return Err(Failed);
        }
        let mut url = Url::parse(&call.url).map_err(|_| Failed)?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(Failed);
        }
        let mut headers = Headers::default();
        headers.set("User-Agent", "python-requests/2.28.1");
        headers.set("Accept-Encoding", "gzip, deflate");
        headers.set("Accept", "*/*");
        headers.set("Connection", "keep-alive");
        for (name, value) in &call.headers.0 {
            headers.put(name, value.clone());
        }
        let (content, content_type) = match &call.body {
            Body::None => (None, None),
            Body::Json(json) => (Some(json), Some("application/json")),
            Body::Other(body, kind) => (Some(body), Some(kind.as_str())),
        };
        if let Some(kind) = content_type.filter(|_| !headers.has("Content-Type")) {
            headers.set("Content-Type", kind);
        }
        headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        // Beneath requests there is urllib3, which has names of its own.
        for (name, value) in [("User-Agent", "python-urllib3/1.26.20"), ("Accept-Encoding", "identity")] {
            if !headers.has(name) {
                headers.set(name, value);
            }
        }
        if content.is_none() && ![Method::GET, Method::HEAD].contains(&call.method) {
            headers.set("Content-Length", "0");
        }
        if !url.username().is_empty() || url.password().is_some() {
            let pair = format!("{}:{}", url.username(), url.password().unwrap_or_default());
            headers.set("Authorization", format!("Basic {}", STANDARD.encode(pair)));
            url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| Failed)?;
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers.0 {
            let Some(value) = value else { continue };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Failed)?;
            map.append(name, HeaderValue::from_str(&value).map_err(|_| Failed)?);
        }
        let timeout = call.timeout.map_or(NO_TIMEOUT, |s| Duration::from_secs(s.unsigned_abs()));
        let client = self.client(timeout, call.method != Method::HEAD)?;
        let mut request = client.request(call.method.clone(), url).headers(map);
        if let Some(content) = content {
            request = request.body(content.clone());
        }
        let mut response = request.send().await.map_err(|_| Failed)?;
        let cookies = cookies(response.headers(), response.url().path());
        let ok = response.status().as_u16() < 400;
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() < MAX_ANSWER => body.extend_from_slice(&chunk),
                Ok(Some(_)) => {}
                // An answer that is cut short counts as one; one that stalls does not.
                Err(error) if error.is_timeout() => return Err(Failed),
                Ok(None) | Err(_) => break,
            }
        }
        Ok(Reply { ok, cookies, body })
    }

    fn client(&self, timeout: Duration, redirects: bool) -> Result<Client, Failed> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&(timeout, redirects)) {
            return Ok(client.clone());
        }
        // Fails where one is installed already, which is as well.
        _ = rustls::crypto::ring::default_provider().install_default();
        let policy = if redirects { reqwest::redirect::Policy::limited(30) } else { reqwest::redirect::Policy::none() };
        let client = Client::builder()
            .http1_only()
            .http1_title_case_headers()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(policy)
            .referer(false)
            .connect_timeout(timeout)
            .read_timeout(timeout);
        let client = match &self.trusted {
            Some(trusted) => {
                let trusted = reqwest::Certificate::from_pem_bundle(trusted.as_bytes()).map_err(|_| Failed)?;
                client.tls_certs_only(trusted)
            }
            // A simulator has no store of trusted certificates to begin with.
            None => client.tls_danger_accept_invalid_certs(true),
        };
        let client = client.build().map_err(|_| Failed)?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert((timeout, redirects), client.clone());
        Ok(client)
    }
}

/// The cookies that an answer to this path sets, without those that it takes back; Python's jar sorts them by path and name.
fn cookies(headers: &HeaderMap, asked: &str) -> Vec<(String, String)> {
    let default = asked.rsplit_once('/').map_or("", |(dir, _)| dir);
    let mut jar = BTreeMap::new();
    for header in headers.get_all("set-cookie") {
        let Ok(header) = header.to_str() else { continue };
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            continue;
        };
        let mut path = if default.is_empty() { "/" } else { default };
        let mut gone = false;
        for (attribute, value) in parts.filter_map(|p| p.split_once('=')) {
            match attribute.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => path = value,
                "max-age" => gone = value == "0" || value.starts_with('-'),
                _ => {}
            }
        }
        let key = (path.to_owned(), name.to_owned());
        match gone {
            true => _ = jar.remove(&key),
            false => _ = jar.insert(key, value.to_owned()),
        }
    }
    jar.into_iter().map(|((_, name), value)| (name, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_headers_win_in_any_case() {
        let mut headers = Headers::default();
        headers.set("Authorization", "Bearer a");
        headers.set("X-N", "1");
        let extra = super::super::json::parse(br#"{"authorization":"Basic z","X-N":null}"#).unwrap();
        headers.extend(&extra).unwrap();
        assert!(headers.has("Authorization") && !headers.has("x-n"));
        assert_eq!(headers.0.len(), 2);
        assert!(headers.extend(&super::super::json::parse(br#"{"X":5}"#).unwrap()).is_err());
    }

    #[test]
    fn reads_cookies_sorted_by_path_and_name() {
        let mut headers = HeaderMap::new();
        for value in ["session_id=abc; Path=/; HttpOnly", "lang=en_US; Path=/", "deep=1", "old=x; Max-Age=0"] {
            headers.append("set-cookie", HeaderValue::from_static(value));
        }
        let read = cookies(&headers, "/web/session/authenticate");
        let read: Vec<(&str, &str)> = read.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(read, [("lang", "en_US"), ("session_id", "abc"), ("deep", "1")]);
    }
}
