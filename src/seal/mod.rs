//! Keys, keyed digests, MACs, encryption at rest, and the types that keep secrets and personal data from being printed.

mod key;
mod personal;
pub mod receiver;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

pub use key::{KeyError, load, load_or_make};
pub use personal::Personal;

const NONCE: usize = 24;

/// What is sealed or digested. Each purpose has a key of its own, so that a value made for one is worth nothing to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Digest of a VID.
    Vid,
    /// Digest of the auth data that was, or would be, sent.
    AuthData,
    /// Digest of a token, to tell a repeat from a contradiction.
    Token,
    /// Digest of a definition, to tell a change.
    Definition,
    /// MAC of a correlation.
    Correlation,
    /// The bearer that MTS presents to OMC's receiver.
    CallbackBearer,
    /// The password that MTS logs in with at OMC's receiver.
    CallbackPassword,
    /// MAC of a session cookie given to MTS.
    Session,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Vid => b"omc/1/digest/vid",
            Self::AuthData => b"omc/1/digest/auth-data",
            Self::Token => b"omc/1/digest/token",
            Self::Definition => b"omc/1/digest/definition",
            Self::Correlation => b"omc/1/mac/correlation",
            Self::CallbackBearer => b"omc/1/derive/callback-bearer",
            Self::CallbackPassword => b"omc/1/derive/callback-password",
            Self::Session => b"omc/1/mac/session",
        }
    }
}

/// A sealed value could not be opened: another key, another place, or damage.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a sealed value in the store does not open with this key")]
pub struct OpenError;

/// The machine's random source failed.
#[derive(Debug, thiserror::Error)]
#[error("the machine gives no random numbers: {0}")]
pub struct EntropyError(#[from] getrandom::Error);

/// Everything that needs the key. Cheap to keep one of, behind an `Arc`.
#[derive(Clone)]
pub struct Seal {
    key: [u8; 32],
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal([redacted])")
    }
}

impl Seal {
    pub(crate) fn from_key(key: [u8; 32]) -> Self {
        let cipher = XChaCha20Poly1305::new(&hmac(&key, &[b"omc/1/seal"]).into());
        Self { key, cipher }
    }

    /// A key of this moment, kept nowhere.
    pub fn fleeting() -> Result<Self, EntropyError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self::from_key(key))
    }

    /// Names the key without telling anything of it; stored beside the data to notice that another key is used.
    pub fn fingerprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(&hmac(&self.key, &[b"omc/1/fingerprint"])[..12])
    }

    /// HMAC-SHA256 over the exact bytes, with the purpose's own key.
    pub fn digest(&self, purpose: Purpose, value: &[u8]) -> [u8; 32] {
        hmac(&hmac(&self.key, &[purpose.label()]), &[value])
    }

    /// The first 16 bytes of the digest: enough for what is checked online.
    pub fn mac(&self, purpose: Purpose, value: &[u8]) -> [u8; 16] {
        let mut mac = [0; 16];
        mac.copy_from_slice(&self.digest(purpose, value)[..16]);
        mac
    }

    /// Checks a MAC in constant time.
    pub fn mac_holds(&self, purpose: Purpose, value: &[u8], mac: &[u8]) -> bool {
        self.mac(purpose, value).ct_eq(mac).into()
    }

    /// A secret text derived from the key for this purpose and name: the same at every start.
    pub fn derive(&self, purpose: Purpose, name: &[u8]) -> Personal<String> {
        Personal::new(URL_SAFE_NO_PAD.encode(self.digest(purpose, name)))
    }

    /// Encrypts. `place` says where the value belongs; it opens nowhere else.
    pub fn seal(&self, place: &[u8], value: &[u8]) -> Result<Vec<u8>, EntropyError> {
        let mut sealed = vec![0; NONCE];
        getrandom::fill(&mut sealed)?;
        let payload = Payload { msg: value, aad: place };
        // Unwrap safety: encryption fails only for messages of 256 GiB and more.
        let body = self.cipher.encrypt(XNonce::from_slice(&sealed), payload).expect("a short message encrypts");
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what [`Seal::seal`] made for the same place.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Personal<Vec<u8>>, OpenError> {
        let (nonce, body) = sealed.split_at_checked(NONCE).ok_or(OpenError)?;
        let payload = Payload { msg: body, aad: place };
        self.cipher.decrypt(XNonce::from_slice(nonce), payload).map(Personal::new).map_err(|_| OpenError)
    }

    /// Unguessable bytes.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// Compares two secrets in a time that tells nothing of where they differ.
pub fn same_secret(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // Unwrap safety: HMAC takes keys of any length.
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("any key length will do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::from_key([7; 32])
    }

    #[test]
    fn what_is_sealed_opens_only_in_its_place_and_undamaged() {
        let sealed = seal().seal(b"record 4", b"token").unwrap();
        assert_eq!(seal().open(b"record 4", &sealed).unwrap().expose(), b"token");
        assert_eq!(seal().open(b"record 5", &sealed), Err(OpenError));
        assert_eq!(Seal::from_key([8; 32]).open(b"record 4", &sealed), Err(OpenError));
        let mut damaged = sealed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(seal().open(b"record 4", &damaged), Err(OpenError));
        assert_eq!(seal().open(b"record 4", &sealed[..10]), Err(OpenError));
    }

    #[test]
    fn sealing_twice_shows_no_sameness() {
        assert_ne!(seal().seal(b"x", b"token").unwrap(), seal().seal(b"x", b"token").unwrap());
    }

    #[test]
    fn purposes_and_keys_do_not_mix() {
        assert_ne!(seal().digest(Purpose::Vid, b"1"), seal().digest(Purpose::Token, b"1"));
        assert_ne!(seal().digest(Purpose::Vid, b"1"), Seal::from_key([8; 32]).digest(Purpose::Vid, b"1"));
        let mac = seal().mac(Purpose::Session, b"s");
        assert!(seal().mac_holds(Purpose::Session, b"s", &mac));
        assert!(!seal().mac_holds(Purpose::Correlation, b"s", &mac));
        assert!(!seal().mac_holds(Purpose::Session, b"s", &mac[..15]));
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", seal()), "Seal([redacted])");
    }
}
