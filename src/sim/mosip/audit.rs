//! `POST /v1/auditmanager/audits`.

use serde_json::{Value, json};

use super::envelope::{Refusal, is_time, request};

/// A field: its name, its longest value, and whether 1.2.0 wants it.
const FIELDS: [(&str, usize, bool); 15] = [
    ("eventId", 64, true),
    ("eventName", 128, true),
    ("eventType", 64, true),
    ("hostName", 128, true),
    ("hostIp", 256, true),
    ("applicationId", 64, true),
    ("applicationName", 128, true),
    ("sessionUserId", 256, true),
    ("createdBy", 256, true),
    ("sessionUserName", 128, false),
    ("id", 64, false),
    ("idType", 64, false),
    ("moduleName", 128, false),
    ("moduleId", 64, false),
    ("description", 2048, false),
];
const TIME: &str = "actionTimeStamp";

/// The audit, as it is kept.
pub fn take(body: &[u8]) -> Result<Value, Refusal> {
    let invalid = || Refusal::new("KER-AUD-002", "Audit Request format is invalid");
    let missing = || Refusal::new("KER-AUD-001", "Invalid Audit Request. Required parameters must be present");
    let audit = request(body).ok_or_else(invalid)?;
    for (name, longest, wanted) in FIELDS {
        match &audit[name] {
            Value::Null if wanted => return Err(missing()),
            Value::Null => {}
            Value::String(text) if wanted && text.trim().is_empty() => return Err(missing()),
            Value::String(text) if text.chars().count() > longest => return Err(missing()),
            Value::String(_) => {}
            _ => return Err(invalid()),
        }
    }
    match &audit[TIME] {
        Value::Null => Err(missing()),
        Value::String(time) if is_time(time) => Ok(audit),
        _ => Err(invalid()),
    }
}

/// What is answered to an audit that is kept.
pub fn taken() -> Value {
    json!({"status": true})
}
