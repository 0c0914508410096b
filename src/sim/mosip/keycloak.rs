//! `POST /realms/{realm}/protocol/openid-connect/token`, for client credentials.

use base64::Engine as _;
use serde_json::{Value, json};

use super::services::Services;

const SCOPES: [&str; 3] = ["openid", "profile", "email"];

/// The realm that a path names; older releases begin it with `/auth`.
pub fn realm(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/auth").unwrap_or(path);
    path.strip_prefix("/realms/")?.strip_suffix("/protocol/openid-connect/token")
}

/// Status and body. The client tells who it is in the form or by HTTP Basic.
pub fn token(services: &Services, realm: &str, authorization: Option<&str>, form: &[u8]) -> (u16, Value) {
    let refused =
        |status, error: &str, description: &str| (status, json!({"error": error, "error_description": description}));
    if realm != services.options.app_id {
        return (404, json!({"error": "Realm does not exist"}));
    }
    let field = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(form);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    match field("grant_type").as_deref() {
        None => return refused(400, "invalid_request", "Missing form parameter: grant_type"),
        Some("client_credentials") => {}
        Some(_) => return refused(400, "unsupported_grant_type", "Unsupported grant_type"),
    }
    let (id, secret) = match authorization.and_then(basic) {
        Some(pair) => pair,
        None => (field("client_id").unwrap_or_default(), field("client_secret").unwrap_or_default()),
    };
    if id != services.options.client_id {
        return refused(401, "invalid_client", "Invalid client or Invalid client credentials");
    }
    let scope = field("scope").unwrap_or_default();
    if scope.split_whitespace().any(|scope| !SCOPES.contains(&scope)) {
        return refused(400, "invalid_scope", &format!("Invalid scopes: {scope}"));
    }
    match services.log_in(&id, &secret) {
        Some(token) => (
            200,
            json!({"access_token": token, "expires_in": services.token_seconds(), "refresh_expires_in": 0,
                "token_type": "Bearer", "not-before-policy": 0, "scope": "email profile"}),
        ),
        None => refused(401, "unauthorized_client", "Invalid client or Invalid client credentials"),
    }
}

fn basic(authorization: &str) -> Option<(String, String)> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
