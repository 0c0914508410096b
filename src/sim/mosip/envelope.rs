//! What MOSIP's services answer.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// A service's own error: code and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub &'static str, pub String);

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(code, message.into())
    }
}

/// Without errors, `errors` is null or an empty list, in turn.
pub fn envelope(outcome: &Result<Value, Refusal>, now: DateTime<Utc>) -> Value {
    static EMPTY: AtomicBool = AtomicBool::new(false);
    let (response, errors) = match outcome {
        Ok(response) if EMPTY.fetch_xor(true, Ordering::Relaxed) => (response.clone(), json!([])),
        Ok(response) => (response.clone(), Value::Null),
        Err(Refusal(code, message)) => (Value::Null, json!([{"errorCode": code, "message": message}])),
    };
    json!({
        "id": "string", "version": "string", "responsetime": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "metadata": null, "response": response, "errors": errors,
    })
}

/// The `request` of an envelope; `None`: it is none.
pub fn request(body: &[u8]) -> Option<Value> {
    let envelope: Value = serde_json::from_slice(body).ok()?;
    let request = envelope.get("request")?;
    (request.is_object() && is_time(envelope.get("requesttime")?.as_str()?)).then(|| request.clone())
}

/// `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`.
pub fn is_time(text: &str) -> bool {
    text.len() == 24 && text.ends_with('Z') && text.as_bytes()[19] == b'.' && DateTime::parse_from_rfc3339(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_time_in_one_form() {
        let body = |time: &str| json!({"id": "x", "requesttime": time, "request": {}}).to_string();
        assert!(request(body("2026-11-22T10:00:00.000Z").as_bytes()).is_some());
        for wrong in ["2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000+00:00", "2026-13-22T10:00:00.000Z", ""] {
            assert!(request(body(wrong).as_bytes()).is_none(), "{wrong}");
        }
        assert!(request(br#"{"requesttime":"2026-11-22T10:00:00.000Z"}"#).is_none());
    }

    #[test]
    fn a_good_answer_has_no_errors_in_either_form() {
        let errors = |_| envelope(&Ok(json!(1)), DateTime::UNIX_EPOCH)["errors"].clone();
        let both: Vec<Value> = (0..2).map(errors).collect();
        assert!(both.contains(&Value::Null) && both.contains(&json!([])), "{both:?}");
    }
}
