//! What MTS gets for a login: a session, or an access token. Both say for whom they are and until when, and carry a MAC, so that
//! nothing of them is kept and they outlive a restart.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{of_username, username};
use crate::seal::{Purpose, Seal};

/// What a session or an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    pub connector: u32,
    /// Of the credential that it was given for.
    pub generation: u32,
    /// When it ends, in whole seconds of steady time (see [`crate::clock`]).
    pub until: i64,
}

/// Length of a pass in a session, without its MAC.
const SAID: usize = 16;
/// Of an access token: JWT's (RFC 7519) with HMAC-SHA256, and no other.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// The claims of an access token (RFC 7519, section 4.1): `exp` is for MTS and by the wall clock, `until` for OMC.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    #[serde(rename = "gen")]
    generation: u32,
    until: i64,
    exp: i64,
}

impl Pass {
    fn to_bytes(self) -> [u8; SAID] {
        let mut bytes = [0; SAID];
        bytes[..8].copy_from_slice(&self.until.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.connector.to_be_bytes());
        bytes[12..].copy_from_slice(&self.generation.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (until, rest) = bytes.split_first_chunk()?;
        let (connector, generation) = rest.split_first_chunk()?;
        Some(Self {
            until: i64::from_be_bytes(*until),
            connector: u32::from_be_bytes(*connector),
            generation: u32::from_be_bytes(generation.try_into().ok()?),
        })
    }
}

impl Seal {
    /// A session id.
    pub fn session(&self, pass: &Pass) -> String {
        let said = pass.to_bytes();
        URL_SAFE_NO_PAD.encode([said, self.mac(Purpose::Session, &said)].concat())
    }

    /// What a session id says, if it is one of ours; that its time has passed is for the caller to see.
    pub fn read_session(&self, session: &str) -> Option<Pass> {
        let bytes = URL_SAFE_NO_PAD.decode(session).ok()?;
        let (said, mac) = bytes.split_at_checked(SAID)?;
        if self.mac_holds(Purpose::Session, said, mac) { Pass::from_bytes(said) } else { None }
    }

    /// An access token: a JWT that MTS can read, and that says it is good until `expires`, by the wall clock. MTS decodes its payload without adding the padding that JWTs leave out, so the
    /// payload is made to need none.
    pub fn access_token(&self, pass: &Pass, expires: i64) -> String {
        let Pass { connector, generation, until } = *pass;
        let claims = Claims { sub: username(connector), generation, until, exp: expires };
        // Unwrap safety: a text and three numbers are JSON.
        let mut payload = serde_json::to_string(&claims).expect("claims are JSON");
        // Blanks after an object are JSON too.
        while !payload.len().is_multiple_of(3) {
            payload.push(' ');
        }
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.current(|key| key.hmac(Purpose::AccessToken, signed.as_bytes()));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What an access token says, if it is one of ours; that its time has passed is for the caller to see.
    pub fn read_access_token(&self, token: &str) -> Option<Pass> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let given = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !self.any_trusted(|key| key.hmac(Purpose::AccessToken, signed.as_bytes()).ct_eq(&given).into()) {
            return None;
        }
        if URL_SAFE_NO_PAD.decode(header).ok()? != HEADER.as_bytes() {
            return None;
        }
        let Claims { sub, generation, until, .. } =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        Some(Pass { connector: of_username(&sub)?, generation, until })
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;
    use crate::seal::{Key, Standing};

    const PASS: Pass = Pass { connector: 4, generation: 7, until: 1_800_000_000 };
    const EXPIRES: i64 = 1_900_000_000;

    fn seal() -> Seal {
        Seal::from_key([1; 32])
    }

    #[test]
    fn what_is_given_out_is_read_again() {
        assert_eq!(seal().read_session(&seal().session(&PASS)), Some(PASS));
        assert_eq!(seal().read_access_token(&seal().access_token(&PASS, EXPIRES)), Some(PASS));
        let other = Seal::from_key([2; 32]);
        assert_eq!(other.read_session(&seal().session(&PASS)), None);
        assert_eq!(other.read_access_token(&seal().access_token(&PASS, EXPIRES)), None);
    }

    #[test]
    fn one_of_a_retired_key_counts_and_one_of_a_discarded_key_does_not() {
        let old = Seal::from_key([8; 32]);
        for (standing, counts) in [(Standing::Retired(0), true), (Standing::Discarded, false)] {
            let seal = Seal::of(vec![Key::new([7; 32], Standing::Current), Key::new([8; 32], standing)]);
            assert_eq!(seal.read_session(&old.session(&PASS)), counts.then_some(PASS));
            assert_eq!(seal.read_access_token(&old.access_token(&PASS, EXPIRES)), counts.then_some(PASS));
            assert_eq!(old.read_session(&seal.session(&PASS)), None);
            assert_eq!(old.read_access_token(&seal.access_token(&PASS, EXPIRES)), None);
        }
    }

    /// RFC 7515, section 5.1 and RFC 7518, section 3.2.
    #[test]
    fn an_access_token_is_signed_with_32_bytes() {
        let token = seal().access_token(&PASS, EXPIRES);
        let signature = token.rsplit_once('.').unwrap().1;
        assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap().len(), 32);
    }

    #[test]
    fn a_changed_one_is_none_of_ours() {
        for given in [seal().session(&PASS), seal().access_token(&PASS, EXPIRES)] {
            for at in 0..given.len() {
                let mut changed = given.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(seal().read_session(&changed), None, "{changed}");
                assert_eq!(seal().read_access_token(&changed), None, "{changed}");
            }
        }
        let none = format!("{}.e30.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        for nonsense in ["", ".", "..", "a.b.c", &none, "%", &"A".repeat(100_000)] {
            assert_eq!(seal().read_session(nonsense), None);
            assert_eq!(seal().read_access_token(nonsense), None);
        }
    }

    proptest! {
        /// MTS reads the middle part with Python's `urlsafe_b64decode`, which wants the padding that is not there. Another
        /// alphabet would read the same.
        #[test]
        fn mts_can_read_when_an_access_token_ends(connector: u32, generation: u32, until: i64, expires in 0..i64::MAX) {
            let token = seal().access_token(&Pass { connector, generation, until }, expires);
            let parts: Vec<&str> = token.split('.').collect();
            prop_assert_eq!(parts.len(), 3);
            let payload = URL_SAFE.decode(parts[1]).unwrap();
            prop_assert_eq!(&STANDARD.decode(parts[1]).unwrap(), &payload);
            let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            prop_assert_eq!(claims["exp"].as_i64(), Some(expires));
        }
    }
}
