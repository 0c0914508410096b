//! Answers of Odoo: XML-RPC documents.

use omc::odoo::xml::read::{Answer, answer};
use omc::odoo::xml::write;
use serde_json::Value;

/// What is read takes at most so many times the document's bytes, and so much besides.
const TIMES: usize = 16;
const BESIDES: usize = 4096;

/// # Panics
/// Where the reader does, what it read is too large for the document, does not come back after writing, or an error shows
/// something of the document.
pub fn run(data: &[u8]) {
    let most = TIMES * data.len() + BESIDES;
    match answer(data) {
        Ok(Answer::Value(value)) => {
            assert!(super::weight(&value) <= most, "{} bytes out of {}", super::weight(&value), data.len());
            comes_back(value);
        }
        Ok(Answer::Fault(fault)) => assert!(fault.text.len() <= most),
        Err(error) => super::keeps_numbers_to_itself(&error, &String::from_utf8_lossy(data)),
    }
}

/// What OMC itself writes is read as it was.
fn comes_back(value: Value) {
    if !is_kept(&value) {
        return;
    }
    // Control characters cannot be written; they can be read.
    let Ok(call) = write::call("echo", vec![value.clone()]) else { return };
    let call = String::from_utf8(call).expect("calls are UTF-8");
    let from = call.find("<params>").expect("a call has parameters");
    let to = call.rfind("</methodCall>").expect("a call has an end");
    let response = format!("<methodResponse>{}</methodResponse>", &call[from..to]);
    match answer(response.as_bytes()) {
        Ok(Answer::Value(read)) => assert!(read == value, "another value came back"),
        _ => panic!("what was written cannot be read"),
    }
}

/// Whether writing keeps a value: null becomes false, and a carriage return a line feed.
fn is_kept(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.contains('\r'),
        Value::Array(items) => items.iter().all(is_kept),
        Value::Object(members) => members.iter().all(|(name, value)| !name.contains('\r') && is_kept(value)),
    }
}
