//! The keys of a store: the one that everything new is made with, and retired ones that older digests, correlations and
//! credentials still go by.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Purpose;

/// How many keys a ring holds at most. Each is tried for what does not say which key it is of.
pub const KEYS: usize = 4;

/// Names a key in what was made with it, and tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub [u8; 4]);

/// What a key is still good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everything new is made with it.
    Current,
    /// What was made with it counts; nothing new is made. Since when, in seconds of Unix time.
    Retired(i64),
    /// Somebody else may have it: it only opens what is to be sealed anew, and vouches for nothing.
    Discarded,
}

/// One key of 32 bytes.
#[derive(Clone)]
pub(super) struct Key {
    secret: [u8; 32],
    pub cipher: XChaCha20Poly1305,
    pub mark: Mark,
    pub standing: Standing,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:?}, [redacted])", self.standing)
    }
}

impl Key {
    pub fn new(secret: [u8; 32], standing: Standing) -> Self {
        let cipher = XChaCha20Poly1305::new(&hmac(&secret, &[b"omc/1/seal"]).into());
        let named = hmac(&secret, &[b"omc/1/mark"]);
        // Zero stands for digests of a time when they did not say whose they are.
        let mark = Mark([named[0] | 1, named[1], named[2], named[3]]);
        Self { secret, cipher, mark, standing }
    }

    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    pub fn fingerprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(&hmac(&self.secret, &[b"omc/1/fingerprint"])[..12])
    }

    /// HMAC-SHA256 over the exact bytes, with the purpose's own key.
    pub fn hmac(&self, purpose: Purpose, value: &[u8]) -> [u8; 32] {
        hmac(&hmac(&self.secret, &[purpose.label()]), &[value])
    }

    pub fn is_trusted(&self) -> bool {
        self.standing != Standing::Discarded
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // Unwrap safety: HMAC takes keys of any length.
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("any key length will do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}
