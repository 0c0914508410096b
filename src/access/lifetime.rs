//! How long a token may be used.

use std::time::Duration;

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::GeneralPurposeConfig;
use base64::{alphabet, engine::DecodePaddingMode};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Of a token that does not tell; one that ends sooner is found out by a 401.
const ASSUMED: Duration = Duration::from_secs(300);
/// So much sooner a token is replaced, at most: what is sent with it takes its time to arrive.
const MARGIN: Duration = Duration::from_secs(60);
/// However soon it ends: or each call would log in.
const LEAST: Duration = Duration::from_secs(1);
/// However late.
const MOST: Duration = Duration::from_secs(86_400);

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The claims that count. Nothing is verified: the token is not ours to judge, only to replace in time.
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    iat: Option<f64>,
}

/// How long to use a token that was got just now, by what the server says of it (`expires_in`) or by what it says itself.
pub(super) fn usable(token: &str, expires_in: Option<Duration>, now: DateTime<Utc>) -> Duration {
    let lifetime = expires_in.or_else(|| told(token, now)).unwrap_or(ASSUMED);
    (lifetime - MARGIN.min(lifetime / 4)).clamp(LEAST, MOST)
}

/// By the claims of a JWT (RFC 7519, section 4.1). Where the clocks differ, the time that it was made for counts; a server may
/// also give one again that it made before.
fn told(token: &str, now: DateTime<Utc>) -> Option<Duration> {
    let payload = token.split('.').nth(1)?;
    let Claims { exp, iat } = serde_json::from_slice(&BASE64.decode(payload).ok()?).ok()?;
    let exp = exp?;
    let left = Duration::try_from_secs_f64(exp - now.timestamp() as f64).ok().filter(|left| !left.is_zero());
    let whole = iat.and_then(|iat| Duration::try_from_secs_f64(exp - iat).ok());
    match (left, whole) {
        (Some(left), Some(whole)) => Some(left.min(whole)),
        (left, whole) => left.or(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.sig", BASE64.encode(claims))
    }

    fn seconds(token: &str, expires_in: Option<u64>) -> u64 {
        let now = DateTime::from_timestamp(1000, 0).unwrap();
        usable(token, expires_in.map(Duration::from_secs), now).as_secs()
    }

    #[test]
    fn it_is_replaced_before_it_ends() {
        assert_eq!(seconds(&token(r#"{"exp":37000,"iat":1000}"#), None), 35_940);
        assert_eq!(seconds(&token(r#"{"exp":1100,"iat":1000}"#), None), 75, "a quarter of a short life");
        assert_eq!(seconds("opaque", Some(300)), 240);
        assert_eq!(seconds(&token(r#"{"exp":37000}"#), Some(300)), 240, "what the server says counts");
        // Padding is no part of a JWT, and is seen.
        assert_eq!(seconds("e30.eyJleHAiOjExMDB9Cg==.x", None), 75);
    }

    #[test]
    fn clocks_that_differ_are_no_reason_to_log_in_at_every_call() {
        assert_eq!(seconds(&token(r#"{"exp":900,"iat":600}"#), None), 240, "over by this machine's clock");
        assert_eq!(seconds(&token(r#"{"exp":9000,"iat":8600}"#), None), 340, "made in the future");
        assert_eq!(seconds(&token(r#"{"exp":1100,"iat":100}"#), None), 75, "one that was made before");
    }

    #[test]
    fn what_tells_nothing_or_nonsense_is_assumed() {
        for odd in ["opaque", "a.b.c", "e30.e30.x", &token(r#"{"exp":"soon"}"#), &token(r#"{"exp":1}"#)] {
            assert_eq!(seconds(odd, None), 240, "{odd}");
        }
        assert_eq!(seconds(&token(r#"{"exp":1e300}"#), None), 240);
        assert_eq!(seconds("opaque", Some(0)), 1);
        assert_eq!(seconds("opaque", Some(u64::MAX)), 86_400);
    }
}
