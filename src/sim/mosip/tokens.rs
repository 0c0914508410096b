//! Tokens: JWTs that only this process can make, void when they have expired or were revoked.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

#[derive(Debug)]
pub struct Tokens {
    key: [u8; 16],
    /// Tokens of earlier ones are void.
    generation: AtomicU64,
    given: AtomicU64,
}

impl Tokens {
    pub fn new() -> Self {
        Self { key: *uuid::Uuid::new_v4().as_bytes(), generation: AtomicU64::new(0), given: AtomicU64::new(0) }
    }

    /// All tokens given so far are void from now on.
    pub fn revoke(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// A token that nobody was given before. Times in seconds since 1970.
    pub fn give(&self, client: &str, now: i64, seconds: i64) -> String {
        let claims = json!({
            "exp": now.saturating_add(seconds), "iat": now, "jti": self.given.fetch_add(1, Ordering::SeqCst),
            "azp": client, "generation": self.generation.load(Ordering::SeqCst),
        });
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(json!({"alg": "HS256", "typ": "JWT"})), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// Whose token it is, if it is good.
    pub fn holder(&self, token: &str, now: i64) -> Option<String> {
        let (signed, signature) = token.rsplit_once('.')?;
        self.sign(signed).verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let payload = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims: Value = serde_json::from_slice(&payload).ok()?;
        let good =
            claims["exp"].as_i64()? > now && claims["generation"].as_u64()? == self.generation.load(Ordering::SeqCst);
        good.then(|| claims["azp"].as_str().map(str::to_owned))?
    }

    fn sign(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key will do");
        mac.update(text.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_until_it_expires_or_is_revoked() {
        let tokens = Tokens::new();
        let token = tokens.give("omc", 1000, 60);
        assert_ne!(token, tokens.give("omc", 1000, 60));
        assert_eq!(tokens.holder(&token, 1059).as_deref(), Some("omc"));
        assert_eq!(tokens.holder(&token, 1060), None);
        for wrong in ["", "a.b", "a.b.c", &token[..token.len() - 2], &format!("x{token}")] {
            assert_eq!(tokens.holder(wrong, 1000), None, "{wrong}");
        }
        assert_eq!(Tokens::new().holder(&token, 1000), None, "of another process");
        tokens.revoke();
        assert_eq!(tokens.holder(&token, 1000), None);
        assert!(tokens.holder(&tokens.give("omc", 1000, 60), 1000).is_some());
    }
}
