//! `POST /v1/authmanager/authenticate/clientidsecretkey` and `GET /v1/authmanager/authorize/admin/validateToken`.

use serde_json::{Value, json};

use super::envelope::{Refusal, request};
use super::services::Services;

/// The answer, and the token for the cookie.
pub fn authenticate(services: &Services, body: &[u8]) -> Result<(Value, String), Refusal> {
    let request = request(body).ok_or_else(|| Refusal::new("KER-ATH-999", "Invalid request input"))?;
    let text = |key: &str| request[key].as_str().unwrap_or_default();
    for key in ["appId", "clientId", "secretKey"] {
        if text(key).is_empty() {
            return Err(Refusal::new("KER-ATH-999", format!("{key}: must not be empty")));
        }
    }
    if text("appId") != services.options.app_id {
        return Err(Refusal::new("KER-ATH-026", format!("Realm not found:: {}", text("appId"))));
    }
    match services.log_in(text("clientId"), text("secretKey")) {
        Some(token) => {
            let message = "Clientid and Token combination had been validated successfully";
            Ok((json!({"status": "Success", "message": message}), token))
        }
        None => Err(Refusal::new("500", "401 Unauthorized")),
    }
}

/// Whose token it is.
pub fn validate(services: &Services, token: Option<&str>) -> Result<Value, Refusal> {
    let token = token.ok_or_else(|| Refusal::new("KER-ATH-006", "Cookies are empty"))?;
    let holder = services.holder(token).ok_or_else(|| Refusal::new("KER-ATH-401", "Invalid Token"))?;
    let user = format!("service-account-{holder}");
    Ok(json!({"userId": user, "mobile": null, "mail": null, "role": "default", "name": user, "token": token}))
}
