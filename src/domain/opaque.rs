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

/// A secret that somebody gave to be passed on. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_of_before_they_said_whose_they_are_is_read_without_a_mark() {
        let old = URL_SAFE_NO_PAD.encode([9; 32]);
        let mut digest: Digest = serde_json::from_value(old.into()).unwrap();
        assert_eq!(digest.mark(), [0; 4]);
        digest.mark_as([1, 2, 3, 4]);
        let again: Digest = serde_json::from_value(serde_json::to_value(digest).unwrap()).unwrap();
        assert_eq!((again, again.mark(), &again.0[4..]), (digest, [1, 2, 3, 4], &[9; 32][..]));
        for length in [0, 31, 33, 35, 37] {
            let wrong = URL_SAFE_NO_PAD.encode(vec![9; length]);
            assert!(serde_json::from_value::<Digest>(wrong.into()).is_err(), "{length}");
        }
    }

    #[test]
    fn nothing_of_them_is_printed() {
        let all = (Digest([9; 36]), Nonce([9; 12]), Sealed(vec![9; 40]));
        assert_eq!(format!("{all:?}"), "(Digest(..), Nonce(..), Sealed(..))");
    }
}
