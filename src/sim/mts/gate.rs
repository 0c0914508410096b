//! A gateway in front of MTS, which lets only those through who say who they are.

use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use reqwest::Client;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 1 << 16;

/// Whom the gateway lets through.
#[derive(Debug, Clone, Default)]
pub enum Gate {
    /// Everybody: there is none.
    #[default]
    Open,
    /// With a token, as cookie or bearer, that the authmanager at this address calls good.
    Tokens(String),
    Bearer(String),
    /// User name and password, with a colon between them.
    Basic(String),
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Open,
    /// 401.
    Shut,
    /// Nobody could be asked: 503.
    Unsure,
}

impl FromStr for Gate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match (text.strip_prefix("bearer:"), text.strip_prefix("basic:")) {
            (Some(token), _) if !token.is_empty() => Ok(Self::Bearer(token.to_owned())),
            (_, Some(pair)) if pair.contains(':') => Ok(Self::Basic(pair.to_owned())),
            _ if text.starts_with("http://") || text.starts_with("https://") => {
                Ok(Self::Tokens(text.trim_end_matches('/').to_owned()))
            }
            _ => Err("write the address of an authmanager, bearer:TOKEN or basic:USER:PASSWORD"),
        }
    }
}

impl Gate {
    pub async fn passage(&self, headers: &HeaderMap) -> Passage {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let passes = match self {
            Self::Open => true,
            Self::Bearer(token) => authorization == Some(&format!("Bearer {token}")),
            Self::Basic(pair) => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
                authorization == Some(&format!("Basic {encoded}"))
            }
            Self::Tokens(authmanager) => {
                let Some(token) = token(headers) else { return Passage::Shut };
                match is_good(authmanager, &token).await {
                    Some(good) => good,
                    None => return Passage::Unsure,
                }
            }
        };
        if passes { Passage::Open } else { Passage::Shut }
    }
}

fn token(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
    let cookie =
        cookies.and_then(|cookies| cookies.split("; ").find_map(|cookie| cookie.strip_prefix("Authorization=")));
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    cookie.or(bearer).map(str::to_owned)
}

/// Whether the authmanager calls a token good; `None`: it does not say.
async fn is_good(authmanager: &str, token: &str) -> Option<bool> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        let builder = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(PATIENCE);
        builder.tls_danger_accept_invalid_certs(true).build().expect("a client")
    });
    let url = format!("{authmanager}/v1/authmanager/authorize/admin/validateToken");
    let mut answer = client.get(url).header(header::COOKIE, format!("Authorization={token}")).send().await.ok()?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            return None;
        }
    }
    let envelope: Value = serde_json::from_slice(&body).ok()?;
    Some(envelope["errors"].as_array().is_none_or(Vec::is_empty) && envelope["response"]["userId"].is_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lets_through_who_shows_what_it_wants() {
        let shown = |name: &'static str, value: &str| {
            HeaderMap::from_iter([(header::HeaderName::from_static(name), value.parse().unwrap())])
        };
        let bearer: Gate = "bearer:abc".parse().unwrap();
        assert_eq!(bearer.passage(&shown("authorization", "Bearer abc")).await, Passage::Open);
        assert_eq!(bearer.passage(&shown("authorization", "Bearer abd")).await, Passage::Shut);
        let basic: Gate = "basic:omc:a:b".parse().unwrap();
        assert_eq!(basic.passage(&shown("authorization", "Basic b21jOmE6Yg==")).await, Passage::Open);
        assert_eq!(basic.passage(&HeaderMap::new()).await, Passage::Shut);
        let tokens: Gate = "http://127.0.0.1:1/".parse().unwrap();
        assert_eq!(tokens.passage(&HeaderMap::new()).await, Passage::Shut);
        assert_eq!(token(&shown("cookie", "a=b; Authorization=x.y.z")).as_deref(), Some("x.y.z"));
        for wrong in ["", "yes", "bearer:", "basic:omc"] {
            assert!(wrong.parse::<Gate>().is_err(), "{wrong}");
        }
    }
}
