//! Stands in for MOSIP's authentication: the token is a digest of VID and partner, as MTS's own mock makes it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha3::{Digest as _, Sha3_256};

use super::auth_data::AuthData;

/// A refusal: code and message, as IDA gives them.
pub type Refused = (&'static str, String);

/// VIDs that end in `0000` are unknown; those in `0001` belong to somebody else.
pub fn authenticate(data: &AuthData, partner: &str) -> Result<String, Refused> {
    if data.vid.ends_with("0000") {
        return Err(("IDA-MLC-002", "Invalid UIN/VID".to_owned()));
    }
    if data.vid.ends_with("0001") {
        // Like texts seen in the field, this one quotes the person: nobody may log it.
        let AuthData { vid, name, dob, .. } = data;
        return Err(("IDA-DEA-001", format!("Demographic data name={name}, dob={dob} of {vid} did not match")));
    }
    Ok(token(&data.vid, partner))
}

/// base64url without padding of SHA3-256 over VID and partner.
pub fn token(vid: &str, partner: &str) -> String {
    let mut digest = Sha3_256::new();
    digest.update(vid.as_bytes());
    digest.update(partner.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(vid: &str) -> Result<String, Refused> {
        authenticate(
            &AuthData { vid: vid.into(), name: "Asha Invented".into(), ..AuthData::default() },
            "mpartner-default-omc",
        )
    }

    #[test]
    fn a_token_is_forty_three_characters_of_base64url() {
        let token = answer("7000000000000012").unwrap();
        assert_eq!(token.len(), 43);
        assert_ne!(token, answer("7000000000000013").unwrap());
        assert_ne!(token, super::token("7000000000000012", "another-partner"));
    }

    #[test]
    fn refuses_two_endings() {
        assert_eq!(answer("7000000000000000").unwrap_err().0, "IDA-MLC-002");
        let (code, message) = answer("7000000000000001").unwrap_err();
        assert!(code == "IDA-DEA-001" && message.contains("Asha Invented"));
    }
}
