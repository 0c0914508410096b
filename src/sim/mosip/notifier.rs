//! SMS and e-mail, by the paths of 1.1.5 and of 1.2.0. Nothing is sent anywhere.

use serde_json::{Value, json};

use super::envelope::{Refusal, request};
use crate::sim::mts::multipart;

pub const SMS: [&str; 2] = ["/v1/smsnotifier/sms/send", "/v1/notifier/sms/send"];
pub const EMAIL: [&str; 2] = ["/v1/emailnotifier/email/send", "/v1/notifier/email/send"];

/// The message, and what is answered.
pub fn sms(body: &[u8]) -> Result<(Value, Value), Refusal> {
    let request = request(body).ok_or_else(|| Refusal::new("KER-NOS-002", "Invalid request"))?;
    let (number, message) =
        (request["number"].as_str().unwrap_or_default(), request["message"].as_str().unwrap_or_default());
    let is_number = number.len() >= 5 && number.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || message.trim().is_empty() {
        return Err(Refusal::new("KER-NOS-001", "Number and message can't be empty, null or invalid"));
    }
    Ok((request, json!({"status": "success", "message": "Sms Request Sent"})))
}

/// As [`sms`]. Multipart: `mailTo` and `mailCc` may come several times.
pub fn email(content_type: &str, body: &[u8]) -> Result<(Value, Value), Refusal> {
    let parts = multipart::parts(content_type, body);
    let all = |name: &str| -> Vec<String> {
        let named = parts.iter().filter(|part| part.name == name);
        named.map(|part| String::from_utf8_lossy(part.content).into_owned()).collect()
    };
    let (to, subject, content) = (all("mailTo"), all("mailSubject"), all("mailContent"));
    let is_empty = |texts: &[String]| texts.is_empty() || texts.iter().any(|text| text.trim().is_empty());
    if is_empty(&to) || to.iter().any(|to| !to.contains('@')) {
        return Err(Refusal::new("KER-NOE-001", "To must be valid. It can't be empty or null."));
    }
    if is_empty(&subject) || is_empty(&content) {
        return Err(Refusal::new("KER-NOE-001", "Subject and content must be valid. They can't be empty or null."));
    }
    let attachments: Vec<&String> = parts.iter().filter_map(|part| part.file_name.as_ref()).collect();
    let message = json!({"mailTo": to, "mailCc": all("mailCc"), "mailSubject": subject[0], "mailContent": content[0],
        "attachments": attachments});
    Ok((message, json!({"status": "success", "message": "Email Request submitted"})))
}
