//! The login at MOSIP's authmanager: `POST /v1/authmanager/authenticate/clientidsecretkey` (MOSIP 1.1.5 documentation, "AuthN and
//! AuthZ APIs"). The token comes in a cookie and nowhere else; errors come with HTTP 200.

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::header::{HeaderMap, SET_COOKIE};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::credential::is_token;
use super::error::{Cause, Said};
use super::exchange::{self, Answer};
use crate::domain::code::Code;
use crate::seal::Personal;

const KEY: &str = "login_url";
const COOKIE: &str = "authorization";

/// Who logs in, and where.
pub(super) struct Login<'a> {
    pub login_url: &'a Url,
    pub app_id: &'a str,
    pub client_id: &'a str,
    pub secret_key: &'a Personal<String>,
}

#[derive(Deserialize)]
struct Envelope {
    /// Null, empty or missing where there are none.
    errors: Option<Vec<ErrorEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorEntry {
    error_code: Option<String>,
    /// Compared, and never told.
    message: Option<String>,
}

/// Gives the token.
pub(super) async fn log_in(
    http: &reqwest::Client,
    login: &Login<'_>,
    now: DateTime<Utc>,
) -> Result<Personal<String>, Cause> {
    let mut url = login.login_url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["v1", "authmanager", "authenticate", "clientidsecretkey"]);
    }
    let body = json!({
        "id": "omc.authenticate", "metadata": {}, "version": "1.0",
        "requesttime": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "request": {"appId": login.app_id, "clientId": login.client_id, "secretKey": login.secret_key.expose()},
    });
    let answer = exchange::post(http, url, "application/json", body.to_string().into_bytes(), KEY).await?;
    token(&answer)
}

fn token(answer: &Answer) -> Result<Personal<String>, Cause> {
    let Ok(envelope) = serde_json::from_slice::<Envelope>(answer.body.expose()) else {
        return Err(match answer.status {
            200..=299 => Cause::Strange { key: KEY },
            401 | 403 => refused(Said::Status(answer.status)),
            status => Cause::Status { status, key: KEY },
        });
    };
    if let Some(error) = envelope.errors.as_deref().and_then(<[_]>::first) {
        return Err(said(error));
    }
    match answer.status {
        200..=299 => cookie(&answer.headers).ok_or(Cause::Strange { key: KEY }),
        status => Err(Cause::Status { status, key: KEY }),
    }
}

fn refused(said: Said) -> Cause {
    Cause::Refused { said, keys: "client_id and secret_key" }
}

fn said(error: &ErrorEntry) -> Cause {
    match (error.error_code.as_deref().unwrap_or_default(), error.message.as_deref().unwrap_or_default()) {
        // So it tells of a wrong secret: Keycloak's answer, as it came.
        ("500", message) if message.starts_with("401") => refused(Said::WrongSecret),
        ("KER-ATH-026", _) => Cause::Refused { said: Said::UnknownApplication("KER-ATH-026"), keys: "app_id" },
        (code, _) => refused(Said::Code(Code::from_wire(code))),
    }
}

/// The cookie's name is written in both ways.
fn cookie(headers: &HeaderMap) -> Option<Personal<String>> {
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = cookies.filter_map(|cookie| {
        let (name, value) = cookie.split(';').next()?.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case(COOKIE) && is_token(value)).then(|| value.to_owned())
    });
    found.next().map(Personal::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, cookies: &[&str], body: &str) -> Result<String, Cause> {
        let mut headers = HeaderMap::new();
        cookies.iter().for_each(|cookie| _ = headers.append(SET_COOKIE, cookie.parse().unwrap()));
        let body = Personal::new(body.as_bytes().to_vec());
        token(&Answer { status, headers, body }).map(Personal::into_exposed)
    }

    const GOOD: &str = r#"{"response":{"status":"Success"},"errors":null}"#;

    #[test]
    fn the_token_is_in_the_cookie_however_it_is_written() {
        let whole = "Authorization=a.b.c; Path=/; HttpOnly; Secure; SameSite=Strict";
        for cookies in [&[whole][..], &["authorization=a.b.c"], &["x=1", "AUTHORIZATION = a.b.c ;Max-Age=1"]] {
            for body in [GOOD, r#"{"errors":[]}"#, "{}"] {
                assert_eq!(answer(200, cookies, body).unwrap(), "a.b.c", "{cookies:?} {body}");
            }
        }
    }

    #[test]
    fn a_login_without_a_token_is_none() {
        for cookies in [&[][..], &["Authorization="], &["token=a.b.c"], &["Authorization"], &["Authorization=a b"]] {
            assert_eq!(answer(200, cookies, GOOD), Err(Cause::Strange { key: KEY }), "{cookies:?}");
        }
        assert_eq!(answer(200, &["Authorization=a.b.c"], "<html>"), Err(Cause::Strange { key: KEY }));
        assert_eq!(answer(503, &["Authorization=a.b.c"], GOOD), Err(Cause::Status { status: 503, key: KEY }));
        assert_eq!(answer(502, &[], "<html>"), Err(Cause::Status { status: 502, key: KEY }));
        assert_eq!(answer(401, &[], "<html>"), Err(refused(Said::Status(401))));
    }

    #[test]
    fn errors_come_with_200_and_are_told_by_what_to_do() {
        let told = |code: &str, message: &str| {
            let body = json!({"response": null, "errors": [{"errorCode": code, "message": message}]});
            answer(200, &["Authorization=a.b.c"], &body.to_string()).unwrap_err().to_string()
        };
        let wrong = told("500", "401 Unauthorized");
        assert!(wrong.contains("wrong secret") && wrong.contains("check client_id and secret_key"), "{wrong}");
        let unknown = told("KER-ATH-026", "Realm not found:: adminXX");
        assert!(unknown.contains("KER-ATH-026") && unknown.contains("check app_id"), "{unknown}");
        assert!(!unknown.contains("adminXX"), "what it says is not told: {unknown}");
        assert!(told("KER-ATH-007", "x").contains("KER-ATH-007"));
        assert!(!told("Ana Silva", "x").contains("Ana"));
    }
}
