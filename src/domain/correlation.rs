//! The `omc_ref` that goes with each record to MTS and comes back in the callback.
//!
//! A callback carries nothing of the request it belongs to but what the output format copies from the record, so the record
//! carries this. It names the record and the attempt, and is MACed, so that a result can be believed to answer
//! something OMC sent even when nothing of it is on disk any more.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::identity::{ConnectorId, IdTypeId, RegistrantId};
use super::opaque::Nonce;
use super::record::RecordKey;

const VERSION: u8 = 1;
const BODY: usize = 1 + 4 + 4 + 4 + 12;
const MAC: usize = 16;

/// What an `omc_ref` says. Believe it only when its MAC holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correlation {
    pub connector: ConnectorId,
    pub key: RecordKey,
    pub nonce: Nonce,
}

impl Correlation {
    /// The bytes that the MAC is made over.
    pub fn signed(&self) -> [u8; BODY] {
        let mut body = [0; BODY];
        body[0] = VERSION;
        body[1..5].copy_from_slice(&self.connector.0.to_be_bytes());
        body[5..9].copy_from_slice(&self.key.token_type.0.to_be_bytes());
        body[9..13].copy_from_slice(&self.key.registrant.0.to_be_bytes());
        body[13..].copy_from_slice(&self.nonce.0);
        body
    }

    /// The text that goes to MTS.
    pub fn to_text(&self, mac: [u8; MAC]) -> String {
        let mut bytes = [0; BODY + MAC];
        bytes[..BODY].copy_from_slice(&self.signed());
        bytes[BODY..].copy_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Takes the text apart; the caller checks the MAC. `None`: not one of ours.
    pub fn from_text(text: &str) -> Option<(Self, [u8; MAC])> {
        let bytes: [u8; BODY + MAC] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        if bytes[0] != VERSION {
            return None;
        }
        let number = |at: usize| {
            let mut four = [0; 4];
            four.copy_from_slice(&bytes[at..at + 4]);
            i64::from(u32::from_be_bytes(four))
        };
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&bytes[13..BODY]);
        let mut mac = [0; MAC];
        mac.copy_from_slice(&bytes[BODY..]);
        let key =
            RecordKey { token_type: IdTypeId::from_wire(number(5))?, registrant: RegistrantId::from_wire(number(9))? };
        Some((Self { connector: ConnectorId::from_wire(number(1))?, key, nonce: Nonce(nonce) }, mac))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn comes_back_as_it_went(connector in 1_u32..=0x7fff_ffff, kind in 1_u32..=0x7fff_ffff,
                                 registrant in 1_u32..=0x7fff_ffff, nonce: [u8; 12], mac: [u8; 16]) {
            let sent = Correlation {
                connector: ConnectorId(connector),
                key: RecordKey { token_type: IdTypeId(kind), registrant: RegistrantId(registrant) },
                nonce: Nonce(nonce),
            };
            prop_assert_eq!(Correlation::from_text(&sent.to_text(mac)), Some((sent, mac)));
        }

        #[test]
        fn any_text_is_taken_apart_without_panic(text in ".{0,80}") {
            let _ = Correlation::from_text(&text);
        }
    }

    #[test]
    fn cut_or_foreign_texts_are_not_ours() {
        assert_eq!(Correlation::from_text(""), None);
        assert_eq!(Correlation::from_text(&"A".repeat(55)), None);
        assert_eq!(Correlation::from_text(&"A".repeat(56)), None);
    }
}
