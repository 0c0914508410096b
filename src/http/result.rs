//! What a callback says: the results in OMC's own output format, one or many.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::code::Code;
use crate::domain::correlation::Correlation;
use crate::seal::{Personal, Purpose, Seal};

/// One result, as far as it can be believed.
#[derive(Debug)]
pub(super) enum Answer {
    Token {
        token: Personal<String>,
        values: Option<Personal<Map<String, Value>>>,
    },
    Error(Code),
}

/// Why an entry of a callback is no result of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// `null` or nothing: MTS's output format failed on the record, or the callback has no body.
    Empty,
    /// Not of the form that OMC asks MTS for.
    Shapeless,
    /// The correlation is missing, forged, or of another connector.
    Stranger,
}

#[derive(Deserialize)]
struct Entry {
    omc_ref: Option<String>,
    status: Option<String>,
    token: Option<Personal<String>>,
    code: Option<String>,
    data: Option<Value>,
}

/// The body is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Garbage;

/// Takes a body apart into its entries. An empty body is one empty entry: MTS sends so when the output format fails.
pub(super) fn entries(body: &[u8]) -> Result<Vec<Value>, Garbage> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(vec![Value::Null]);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Array(entries)) => Ok(entries),
        Ok(entry @ (Value::Object(_) | Value::Null)) => Ok(vec![entry]),
        _ => Err(Garbage),
    }
}

/// Reads one entry, and believes it only under a correlation that this OMC made for this connector.
pub(super) fn read(
    entry: Value,
    connector: crate::domain::identity::ConnectorId,
    seal: &Seal,
) -> Result<(Correlation, Answer), Foreign> {
    if entry.is_null() {
        return Err(Foreign::Empty);
    }
    let entry: Entry = serde_json::from_value(entry).map_err(|_| Foreign::Shapeless)?;
    let (correlation, mac) = entry
        .omc_ref
        .as_deref()
        .and_then(Correlation::from_text)
        .ok_or(Foreign::Stranger)?;
    if correlation.connector != connector || !seal.mac_holds(Purpose::Correlation, &correlation.signed(), &mac) {
        return Err(Foreign::Stranger);
    }
    let answer = match (
        entry.status.as_deref(),
        entry.code.filter(|code| !code.is_empty()),
        entry.token,
    ) {
        // Old IDA releases give a token with a failed authentication: a code beside it makes it worthless.
        (_, Some(code), _) => Answer::Error(Code::from_wire(&code)),
        (Some("processed"), None, Some(token)) if !token.expose().is_empty() => Answer::Token {
            token,
            values: values(entry.data),
        },
        _ => Answer::Error(Code::UNREADABLE),
    };
    Ok((correlation, answer))
}

/// The registrant fields that the connector's output format wants set.
fn values(data: Option<Value>) -> Option<Personal<Map<String, Value>>> {
    match data?.get_mut("values")?.take() {
        Value::Object(values) if !values.is_empty() => Some(Personal::new(values)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::identity::{ConnectorId, IdTypeId, RegistrantId};
    use crate::domain::opaque::Nonce;
    use crate::domain::record::RecordKey;

    fn seal() -> Seal {
        Seal::from_key([3; 32])
    }

    fn reference(connector: u32) -> String {
        let key = RecordKey {
            token_type: IdTypeId(3),
            registrant: RegistrantId(17),
        };
        let correlation = Correlation {
            connector: ConnectorId(connector),
            key,
            nonce: Nonce([5; 12]),
        };
        correlation.to_text(seal().mac(Purpose::Correlation, &correlation.signed()))
    }

    fn told(entry: Value) -> Result<Answer, Foreign> {
        read(entry, ConnectorId(4), &seal()).map(|(_, answer)| answer)
    }

    #[test]
    fn a_token_counts_only_when_processed_and_without_a_code() {
        let good = json!({"omc_ref": reference(4), "status": "processed", "token": "T1", "code": null, "data": null});
        assert!(matches!(told(good), Ok(Answer::Token { token, values: None }) if token.expose() == "T1"));
        for (status, token, code) in [
            (json!("processed"), json!("T1"), json!("IDA-MLC-002")),
            (json!("error"), json!("T1"), json!(null)),
            (json!("processed"), json!(""), json!(null)),
            (json!("processed"), json!(null), json!(null)),
            (json!(null), json!("T1"), json!(null)),
        ] {
            let entry = json!({"omc_ref": reference(4), "status": status, "token": token, "code": code});
            assert!(matches!(told(entry.clone()), Ok(Answer::Error(_))), "{entry}");
        }
    }

    #[test]
    fn values_come_from_an_object_of_that_name() {
        let entry = |data: Value| json!({"omc_ref": reference(4), "status": "processed", "token": "T", "data": data});
        let values_of = |data: Value| match told(entry(data)) {
            Ok(Answer::Token { values, .. }) => values.map(Personal::into_exposed),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            values_of(json!({"values": {"x": 1}})),
            Some(Map::from_iter([("x".to_owned(), json!(1))]))
        );
        assert_eq!(values_of(json!({"values": []})), None);
        assert_eq!(values_of(json!("text")), None);
    }

    #[test]
    fn strangers_are_known() {
        let of =
            |reference: Value| told(json!({"omc_ref": reference, "status": "processed", "token": "T"})).unwrap_err();
        assert_eq!(of(json!(null)), Foreign::Stranger);
        assert_eq!(of(json!("AAAA")), Foreign::Stranger);
        assert_eq!(of(json!(reference(5))), Foreign::Stranger, "another connector's");
        let mut forged = reference(4).into_bytes();
        forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
        assert_eq!(of(json!(String::from_utf8(forged).unwrap())), Foreign::Stranger);
        assert_eq!(of(json!(4)), Foreign::Shapeless);
        assert_eq!(told(json!("text")).unwrap_err(), Foreign::Shapeless);
        assert_eq!(told(json!(null)).unwrap_err(), Foreign::Empty);
    }

    #[test]
    fn bodies() {
        assert_eq!(entries(b"").unwrap(), [Value::Null]);
        assert_eq!(entries(b"{}").unwrap().len(), 1);
        assert_eq!(entries(b"[{}, null]").unwrap().len(), 2);
        assert_eq!(entries(b"[]").unwrap().len(), 0);
        for garbage in [&b"<html>"[..], b"12", b"\"x\"", b"{", b"\xff"] {
            assert_eq!(entries(garbage), Err(Garbage));
        }
    }
}
