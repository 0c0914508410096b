//! Stands in for MOSIP's authentication.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha3::{Digest as _, Sha3_256};

use super::Tokens;
use super::auth_data::AuthData;
use crate::sim::psut;

/// A refusal: code and message, as IDA gives them.
pub type Refused = (&'static str, String);

/// VIDs that end in `0000` are unknown; those in `0001` belong to somebody else.
pub fn authenticate(data: &AuthData, partner: &str, tokens: Tokens) -> Result<String, Refused> {
    if data.vid.ends_with("0000") {
        return Err(("IDA-MLC-002", "Invalid UIN/VID".to_owned()));
    }
    if data.vid.ends_with("0001") {
        // Like texts seen in the field, this one quotes the person: nobody may log it.
        let AuthData { vid, name, dob, .. } = data;
        return Err(("IDA-DEA-001", format!("Demographic data name={name}, dob={dob} of {vid} did not match")));
    }
    Ok(match tokens {
        Tokens::Static => psut::token(&data.vid, partner),
        Tokens::Random => psut::token(&uuid::Uuid::new_v4().to_string(), partner),
        Tokens::OfMtsMock => token_of_mock(&data.vid, partner),
    })
}

/// base64url without padding of SHA3-256 over VID and partner.
fn token_of_mock(vid: &str, partner: &str) -> String {
    let mut digest = Sha3_256::new();
    digest.update(vid.as_bytes());
    digest.update(partner.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(vid: &str, tokens: Tokens) -> Result<String, Refused> {
        let data = AuthData { vid: vid.into(), name: "Asha Invented".into(), ..AuthData::default() };
        authenticate(&data, "mpartner-default-omc", tokens)
    }

    #[test]
    fn the_same_person_gets_the_same_token_unless_the_policy_is_random() {
        let token = |tokens| answer("7000000000000012", tokens).unwrap();
        for (tokens, length, is_static) in
            [(Tokens::Static, 36, true), (Tokens::Random, 36, false), (Tokens::OfMtsMock, 43, true)]
        {
            assert_eq!(token(tokens).len(), length);
            assert_eq!(token(tokens) == token(tokens), is_static, "{tokens:?}");
            assert_ne!(token(tokens), answer("7000000000000013", tokens).unwrap());
        }
    }

    #[test]
    fn refuses_two_endings() {
        assert_eq!(answer("7000000000000000", Tokens::Static).unwrap_err().0, "IDA-MLC-002");
        let (code, message) = answer("7000000000000001", Tokens::Static).unwrap_err();
        assert!(code == "IDA-DEA-001" && message.contains("Asha Invented"));
    }
}
