//! Values whose meaning lies elsewhere: keyed digests, the unguessable part of a correlation, sealed bytes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A keyed digest: tells whether two values are the same, and nothing else of them. It begins with the mark of its key; of the
/// same value, digests by two keys differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 36]);

impl Digest {
    /// What names the key that it was made with.
    pub fn mark(&self) -> [u8; 4] {
        [self.0[0], self.0[1], self.0[2], self.0[3]]
    }

    /// Stores of before did not say whose a digest is: whoever knows says it.
    pub fn mark_as(&mut self, mark: [u8; 4]) {
        self.0[..4].copy_from_slice(&mark);
    }

    fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let mut digest = [0; 36];
        match bytes.len() {
            36 => digest.copy_from_slice(&bytes),
            32 => digest[4..].copy_from_slice(&bytes),
            _ => return None,
        }
        Some(Self(digest))
    }
}

/// The unguessable part of a correlation: one per attempt.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(pub [u8; 12]);

/// An encrypted value.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

macro_rules! as_base64 {
    ($name:ident, $from:expr) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).map_err(|_| de::Error::custom("not base64"))?;
                let from: fn(Vec<u8>) -> Option<Self> = $from;
                from(bytes).ok_or_else(|| de::Error::custom("wrong length"))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

as_base64!(Digest, Digest::from_bytes);
as_base64!(Nonce, |bytes| bytes.try_into().ok().map(Nonce));
as_base64!(Sealed, |bytes| Some(Sealed(bytes)));
