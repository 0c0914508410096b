//! Bodies of callbacks: results of MTS, one or many.

use std::sync::OnceLock;

use omc::domain::correlation::Correlation;
use omc::domain::identity::{ConnectorId, IdTypeId, RegistrantId};
use omc::domain::opaque::Nonce;
use omc::domain::record::RecordKey;
use omc::http::result::{self, Entries, MAX_ENTRIES};
use omc::intake::Answer;
use omc::seal::{Purpose, Seal};
use serde_json::Value;

const CONNECTOR: ConnectorId = ConnectorId(4);
/// Stands for a correlation of OMC's own in what is fuzzed: no fuzzer finds a MAC.
const OURS: &str = "@ours";

/// The key of this process, and a correlation that it made.
fn seal() -> &'static (Seal, String) {
    static SEAL: OnceLock<(Seal, String)> = OnceLock::new();
    SEAL.get_or_init(|| {
        let seal = Seal::fleeting().expect("the machine gives random numbers");
        let key = RecordKey { token_type: IdTypeId(3), registrant: RegistrantId(17) };
        let correlation = Correlation { connector: CONNECTOR, key, nonce: Nonce([5; 12]) };
        let text = correlation.to_text(seal.mac(Purpose::Correlation, &correlation.signed()));
        (seal, text)
    })
}

/// # Panics
/// Where the reader does, results are miscounted, one and many are read differently, a result is believed that is not ours, or
/// what is printed of a result shows a number out of it.
pub fn run(data: &[u8]) {
    let (seal, ours) = seal();
    let text = String::from_utf8_lossy(data).replace(OURS, ours);
    // What is no UTF-8 is read as it is.
    let body = if text.contains('\u{fffd}') { data } else { text.as_bytes() };
    let Ok(Entries { kept, shapeless }) = result::entries(body) else { return };
    assert!(kept.len() + shapeless as usize <= MAX_ENTRIES);
    if let [Value::Object(_)] = kept.as_slice() {
        let many = result::entries(&[b"[", body, b"]"].concat());
        let alone = body.trim_ascii_start().first() == Some(&b'{');
        assert!(!alone || many.is_ok_and(|many| many.kept == kept), "one is not read as one of many");
    }
    for entry in kept {
        let named = entry.get("omc_ref").and_then(Value::as_str) == Some(ours.as_str());
        match result::read(entry, CONNECTOR, seal) {
            Ok((correlation, answer)) => {
                assert!(named && correlation.key.registrant == RegistrantId(17), "a stranger is believed");
                assert!(!matches!(&answer, Answer::Token { token, .. } if token.expose().is_empty()));
                super::shows_no_number(&format!("{answer:?}"), &text);
            }
            Err(foreign) => super::shows_no_number(&format!("{foreign:?}"), &text),
        }
    }
}
