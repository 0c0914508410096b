//! What an MTS can do, as far as it shows without sending it anybody.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::code::Code;

/// What an MTS can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ability {
    /// As MTS calls itself.
    pub release: Option<String>,
    /// Whether it calls back. Every MTS has downloads.
    pub callbacks: bool,
}

/// Longest name of a release that is shown.
const LONGEST_RELEASE: usize = 20;

/// A request that no release takes: for delivery by callback, without an address and without any record. A release that has
/// callbacks misses the address (ATS-REQ-024); one that has none says that it does not know the delivery (ATS-REQ-102).
pub(super) fn question(now: DateTime<Utc>) -> Value {
    json!({
        "id": "omc.authtoken", "version": "1.0", "metadata": "",
        "requesttime": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "request": {"output": "json", "deliverytype": "callback", "lang": "eng", "authdata": []},
    })
}

#[derive(Deserialize)]
struct Envelope {
    version: Option<String>,
    errors: Option<Vec<ErrorEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorEntry {
    error_code: Option<String>,
}

/// `None`: it does not tell.
pub(super) fn answer(body: &[u8]) -> Option<Ability> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let code = envelope.errors?.into_iter().find_map(|entry| entry.error_code)?;
    let callbacks = match Code::from_wire(&code).as_str() {
        "ATS-REQ-024" => true,
        "ATS-REQ-102" => false,
        _ => return None,
    };
    let is_shown = |release: &String| {
        release.len() <= LONGEST_RELEASE
            && release.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte))
    };
    Some(Ability { release: envelope.version.filter(is_shown), callbacks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_the_refusal_tells() {
        let told = |version: &str, code: &str| {
            answer(
                json!({"version": version, "errors": [{"errorCode": code}], "response": null}).to_string().as_bytes(),
            )
        };
        let newer = Ability { release: Some("1.1.0".to_owned()), callbacks: true };
        assert_eq!(told("1.1.0", "ATS-REQ-024"), Some(newer));
        let older = Ability { release: Some("1.0.1".to_owned()), callbacks: false };
        assert_eq!(told("1.0.1", "ATS-REQ-102"), Some(older));
        assert_eq!(told("1.1.0", "ATS-REQ-100"), None);
        assert_eq!(told("<script>", "ATS-REQ-024").unwrap().release, None);
        assert_eq!(answer(b"<html>"), None);
    }
}
