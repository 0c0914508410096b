//! A token for client credentials (RFC 6749, sections 4.4 and 5), as Keycloak gives it.

use std::time::Duration;

use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::credential::is_token;
use super::error::{Cause, Said};
use super::exchange::{self, Answer};
use crate::seal::Personal;

const KEY: &str = "token_url";
const KEYS: &str = "client_id and client_secret";
/// Errors that are told, and the keys they speak of.
const ERRORS: [(&str, &str); 5] = [
    ("invalid_client", KEYS),
    ("unauthorized_client", KEYS),
    ("invalid_scope", "scope"),
    ("unsupported_grant_type", "that the client may use client credentials (Keycloak: service accounts)"),
    ("invalid_request", KEYS),
];

/// Who asks, and where.
pub(super) struct Login<'a> {
    pub token_url: &'a Url,
    pub client_id: &'a str,
    pub client_secret: &'a Personal<String>,
    pub scope: Option<&'a str>,
}

/// The token, and how long the server says that it is good.
pub(super) type Granted = (Personal<String>, Option<Duration>);

#[derive(Deserialize)]
struct Grant {
    access_token: Personal<String>,
    expires_in: Option<f64>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

pub(super) async fn log_in(http: &reqwest::Client, login: &Login<'_>) -> Result<Granted, Cause> {
    let (url, body) = (login.token_url.clone(), form(login).into_bytes());
    granted(&exchange::post(http, url, "application/x-www-form-urlencoded", body, KEY).await?)
}

fn form(login: &Login<'_>) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials").append_pair("client_id", login.client_id);
    form.append_pair("client_secret", login.client_secret.expose());
    form.extend_pairs(login.scope.map(|scope| ("scope", scope)));
    form.finish()
}

fn granted(answer: &Answer) -> Result<Granted, Cause> {
    match answer.status {
        200..=299 => {
            let grant: Option<Grant> = serde_json::from_slice(answer.body.expose()).ok();
            let grant =
                grant.filter(|grant| is_token(grant.access_token.expose())).ok_or(Cause::Strange { key: KEY })?;
            let lifetime = grant.expires_in.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Ok((grant.access_token, lifetime.filter(|lifetime| !lifetime.is_zero())))
        }
        status @ (400 | 401 | 403) => {
            let said: Option<Refusal> = serde_json::from_slice(answer.body.expose()).ok();
            let known = said.and_then(|said| ERRORS.iter().find(|(error, _)| *error == said.error));
            Err(match known {
                Some((error, keys)) => Cause::Refused { said: Said::Oauth(error), keys },
                None => Cause::Refused { said: Said::Status(status), keys: KEYS },
            })
        }
        status => Err(Cause::Status { status, key: KEY }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<(String, Option<u64>), Cause> {
        let body = Personal::new(body.as_bytes().to_vec());
        let granted = granted(&Answer { status, headers: Default::default(), body });
        granted.map(|(token, lifetime)| (token.into_exposed(), lifetime.map(|lifetime| lifetime.as_secs())))
    }

    #[test]
    fn a_grant_may_tell_how_long_it_is_good() {
        let told = answer(200, r#"{"access_token":"a.b.c","expires_in":300,"token_type":"Bearer","scope":"x"}"#);
        assert_eq!(told, Ok(("a.b.c".to_owned(), Some(300))));
        assert_eq!(answer(200, r#"{"access_token":"a.b.c"}"#), Ok(("a.b.c".to_owned(), None)));
        assert_eq!(answer(200, r#"{"access_token":"a.b.c","expires_in":0}"#), Ok(("a.b.c".to_owned(), None)));
        for odd in ["", "<html>", "{}", r#"{"access_token":""}"#, r#"{"access_token":"a\r\nb"}"#] {
            assert_eq!(answer(200, odd), Err(Cause::Strange { key: KEY }), "{odd}");
        }
    }

    #[test]
    fn a_refusal_says_which_keys_to_check_and_quotes_nothing() {
        let told = |status, body| answer(status, body).unwrap_err().to_string();
        let wrong =
            told(401, r#"{"error":"unauthorized_client","error_description":"Invalid client or Invalid sesame"}"#);
        assert!(wrong.contains("unauthorized_client") && wrong.contains("client_secret") && !wrong.contains("sesame"));
        assert!(told(400, r#"{"error":"invalid_scope"}"#).contains("check scope"));
        assert!(told(401, "<html>").contains("HTTP 401"));
        assert!(told(404, r#"{"error":"Realm does not exist"}"#).contains("check token_url"));
    }
}
