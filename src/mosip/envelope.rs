//! What MOSIP's services are asked in, and answer in. Errors come with HTTP 200; `errors` is null, empty, or a list.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::code::Code;
use crate::seal::Personal;

/// `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`, as all of MOSIP writes times.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn request(id: &str, request: &Value, now: DateTime<Utc>) -> Value {
    json!({"id": id, "version": "1.0", "requesttime": time(now), "metadata": {}, "request": request})
}

/// An answer, as far as it counts. What a service says in words is not read: it can quote anything.
#[derive(Deserialize)]
pub(super) struct Answer {
    pub response: Option<Response>,
    errors: Option<Vec<ErrorEntry>>,
}

/// `status` is `true` of the audit manager, and `"success"` of the notifier.
#[derive(Deserialize)]
pub(super) struct Response {
    #[serde(default)]
    status: Personal<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorEntry {
    error_code: Option<String>,
}

impl Answer {
    /// The code of the first error, if there is one.
    pub fn error(&self) -> Option<Code> {
        let error = self.errors.as_deref()?.first()?;
        Some(Code::from_wire(error.error_code.as_deref().unwrap_or_default()))
    }

    /// Whether the service says that it is done.
    pub fn is_done(&self) -> bool {
        self.response.as_ref().is_some_and(|response| match response.status.expose() {
            Value::Bool(done) => *done,
            Value::String(status) => status.eq_ignore_ascii_case("success"),
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Answer {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn errors_may_be_null_empty_or_not_there() {
        for good in [
            r#"{"response":{"status":true},"errors":null}"#,
            r#"{"response":{"status":true},"errors":[]}"#,
            r#"{"response":{"status":true}}"#,
            r#"{"response":{"status":"success","message":"Sms Request Sent"},"errors":null}"#,
        ] {
            assert!(read(good).is_done() && read(good).error().is_none(), "{good}");
        }
        for bad in [
            r#"{"response":{"status":false},"errors":null}"#,
            r#"{"response":null,"errors":null}"#,
            r#"{"response":{},"errors":[]}"#,
            "{}",
        ] {
            assert!(!read(bad).is_done(), "{bad}");
        }
    }

    #[test]
    fn an_error_is_told_by_its_code_alone() {
        let refused = read(r#"{"response":null,"errors":[{"errorCode":"KER-AUD-001","message":"of Ana Silva"}]}"#);
        assert_eq!(refused.error().unwrap().as_str(), "KER-AUD-001");
        let odd = read(r#"{"errors":[{"errorCode":"Ana Silva"}]}"#);
        assert_eq!(odd.error(), Some(Code::UNREADABLE));
    }
}
