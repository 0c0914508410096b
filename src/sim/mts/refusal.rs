//! The ways in which a POST is not taken, and the envelope that every answer wears.

use std::fmt;

use serde_json::{Value, json};

/// An answer with errors.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// Codes and messages.
    pub errors: Vec<(String, String)>,
    /// A batch of nothing but invalid records is taken and refused at once.
    pub identifier: Option<String>,
}

/// Without the messages, which may quote a record.
impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<&str> = self.errors.iter().map(|(code, _)| code.as_str()).collect();
        f.debug_struct("Refusal").field("status", &self.status).field("codes", &codes).finish_non_exhaustive()
    }
}

impl Refusal {
    fn one(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, errors: vec![(code.to_owned(), message.into())], identifier: None }
    }

    /// MTS's own checks.
    pub fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::one(400, code, message)
    }

    /// The checks of the JSON model: one entry for each wrong field, none of which is named.
    pub fn unprocessable(messages: impl IntoIterator<Item = String>) -> Self {
        let errors = messages.into_iter().map(|m| ("ATS-REQ-102".to_owned(), format!("Invalid Input. {m}"))).collect();
        Self { status: 422, errors, identifier: None }
    }

    /// An exception that nobody caught. A text with `::` in it is taken for a code and a message.
    pub fn broken(text: impl Into<String>) -> Self {
        let text = text.into();
        let mut parts = text.split("::");
        match (parts.next(), parts.next()) {
            (Some(code), Some(message)) => Self::one(500, code, message),
            _ => Self::one(500, "ATS-REQ-100", text),
        }
    }

    pub fn unknown_request() -> Self {
        Self::one(404, "ATS-REQ-016", "no auth request found for the given identifier")
    }

    pub fn not_processed() -> Self {
        Self::one(202, "ATS-REQ-017", "Auth request not processed yet")
    }

    pub fn none_valid(identifier: String) -> Self {
        let refusal = Self::one(200, "ATS-REQ-101", "none of the record form a valid request");
        Self { identifier: Some(identifier), ..refusal }
    }

    /// The errors and the response of the envelope.
    pub fn parts(&self) -> (Value, Value) {
        let errors = self.errors.iter().map(|(code, message)| json!({"errorCode": code, "errorMessage": message}));
        let response = self.identifier.as_ref().map(|id| json!({"request_identifier": id}));
        (errors.collect(), response.unwrap_or_default())
    }
}

/// The body of an answer; `responsetime` is the time at which the process was started, whenever it answers.
pub fn envelope(version: &str, responsetime: &str, errors: &Value, response: &Value) -> String {
    format!(
        r#"{{"id":"mosip.token.seeder","version":"{version}","metadata":{{}},"responsetime":"{responsetime}","errors":{errors},"response":{response}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wears_the_envelope() {
        let (errors, response) = Refusal::none_valid("00ab".into()).parts();
        assert_eq!(
            envelope("1.1.0", "2026-11-21T21:03:20.649Z", &errors, &response),
            r#"{"id":"mosip.token.seeder","version":"1.1.0","metadata":{},"responsetime":"2026-11-21T21:03:20.649Z","errors":[{"errorCode":"ATS-REQ-101","errorMessage":"none of the record form a valid request"}],"response":{"request_identifier":"00ab"}}"#
        );
    }

    #[test]
    fn takes_a_double_colon_for_a_code() {
        assert_eq!(Refusal::broken("A-1::what::ever").errors, [("A-1".to_owned(), "what".to_owned())]);
        assert_eq!(Refusal::broken("'deliverytype'").errors[0].0, "ATS-REQ-100");
    }
}
