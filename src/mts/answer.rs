//! What MTS answers. Its error messages can quote a whole person and are never read; its codes are.

use serde::Deserialize;

use super::error::{Blame, StatusError, SubmitError};
use crate::domain::batch::Status;
use crate::domain::code::Code;

#[derive(Debug, Deserialize)]
struct Envelope<R> {
    response: Option<R>,
    errors: Option<Vec<ErrorEntry>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorEntry {
    error_code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Accepted {
    request_identifier: String,
}

#[derive(Debug, Deserialize)]
struct StatusWord {
    status: String,
}

impl<R> Envelope<R> {
    fn code(&self) -> Option<Code> {
        let entry = self.errors.as_deref()?.first()?;
        entry.error_code.as_deref().map(Code::from_wire)
    }
}

/// Reads the answer to a POST. An accepted batch may carry errors too (all its records are invalid).
pub(super) fn to_submit(status: u16, body: &[u8]) -> Result<String, SubmitError> {
    let envelope = serde_json::from_slice::<Envelope<Accepted>>(body).ok();
    match (status, envelope) {
        (200, Some(Envelope { response: Some(accepted), .. })) if is_identifier(&accepted.request_identifier) => {
            Ok(accepted.request_identifier)
        }
        (200..=299, _) => Err(SubmitError::Unknown("the answer cannot be read")),
        (500, Some(envelope)) if envelope.errors.is_some() => {
            Err(SubmitError::NotTaken(Blame::Failed(envelope.code().unwrap_or(Code::MTS_FAILURE))))
        }
        (413, _) => Err(SubmitError::NotTaken(Blame::TooLarge)),
        // A gateway's limit on the number of requests, or a timeout of its own.
        (408 | 429, _) => Err(SubmitError::Unknown("a gateway before MTS is in the way")),
        (300..=499, envelope) => {
            let code = envelope.and_then(|envelope| envelope.code());
            Err(SubmitError::NotTaken(Blame::Refused { status, code }))
        }
        _ => Err(SubmitError::Unknown("a server error that is not MTS's own")),
    }
}

/// Reads the answer to a question for the status.
pub(super) fn to_status(status: u16, body: &[u8]) -> Result<Status, StatusError> {
    let envelope = serde_json::from_slice::<Envelope<StatusWord>>(body).ok();
    match (status, envelope) {
        (200, Some(Envelope { response: Some(word), .. })) => match word.status.as_str() {
            "submitted" | "submitted_with_errors" | "processing" => Ok(Status::Working),
            "processed" | "processed_with_errors" => Ok(Status::Processed),
            failed if failed.starts_with("error_") => Ok(Status::Failed),
            _ => Err(StatusError::Silent("it uses a status that OMC does not know")),
        },
        // Only MTS's own 404 says anything of the request; a proxy's does not.
        (404, Some(envelope)) if envelope.errors.is_some() => Ok(Status::NotFound),
        _ => Err(StatusError::Silent("it answers with an error")),
    }
}

/// The identifier becomes part of a URL: 36 characters in releases so far.
fn is_identifier(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_also_when_every_record_is_invalid() {
        let body = br#"{"errors":[{"errorCode":"ATS-REQ-101","errorMessage":"x"}],"response":{"request_identifier":"00ab-1"}}"#;
        assert_eq!(to_submit(200, body), Ok("00ab-1".to_owned()));
        let body = br#"{"errors":null,"response":{"request_identifier":"../../x"}}"#;
        assert!(matches!(to_submit(200, body), Err(SubmitError::Unknown(_))));
    }

    #[test]
    fn what_is_surely_not_taken_and_what_may_be() {
        let own = br#"{"errors":[{"errorCode":"ATS-REQ-100","errorMessage":"Ana Silva 2045..."}],"response":null}"#;
        let failed = to_submit(500, own).unwrap_err();
        assert_eq!(failed, SubmitError::NotTaken(Blame::Failed(Code::from_wire("ATS-REQ-100"))));
        assert!(!failed.to_string().contains("Ana"));
        let refused = to_submit(400, br#"{"errors":[{"errorCode":"ATS-REQ-103"}],"response":null}"#).unwrap_err();
        let code = Some(Code::from_wire("ATS-REQ-103"));
        assert_eq!(refused, SubmitError::NotTaken(Blame::Refused { status: 400, code }));
        assert_eq!(
            to_submit(404, br#"{"detail":"Not Found"}"#),
            Err(SubmitError::NotTaken(Blame::Refused { status: 404, code: None }))
        );
        for (status, body) in [(502, "<html>"), (503, ""), (504, ""), (500, "<html>"), (200, "{\"errors\""), (200, "")]
        {
            assert!(matches!(to_submit(status, body.as_bytes()), Err(SubmitError::Unknown(_))), "{status} {body}");
        }
    }

    #[test]
    fn statuses() {
        let told =
            |word: &str| to_status(200, format!(r#"{{"errors":null,"response":{{"status":"{word}"}}}}"#).as_bytes());
        assert_eq!(told("processing"), Ok(Status::Working));
        assert_eq!(told("processed_with_errors"), Ok(Status::Processed));
        assert_eq!(told("error_making_callback_request"), Ok(Status::Failed));
        assert!(told("dreaming").is_err());
        assert_eq!(
            to_status(404, br#"{"errors":[{"errorCode":"ATS-REQ-016"}],"response":null}"#),
            Ok(Status::NotFound)
        );
        assert!(to_status(404, b"<html>").is_err());
        assert!(to_status(500, b"{}").is_err());
    }
}
