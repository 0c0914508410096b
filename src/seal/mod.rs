//! Keys, keyed digests, MACs, encryption at rest, and the types that keep secrets and personal data from being printed.

mod file;
mod key;
mod mode;
mod personal;
pub mod receiver;
mod ring;

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use subtle::ConstantTimeEq;

pub use file::{remove_drafts, replace as replace_file};
pub use key::{KeyError, load, load_or_make, must_be_ours};
pub use mode::Exposure;
pub use personal::Personal;
use ring::Key;
pub use ring::{KEYS, Mark, Standing};

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
    /// The secret of the OAuth client that MTS is at OMC's receiver.
    CallbackClientSecret,
    /// MAC of a session cookie given to MTS.
    Session,
    /// Signature of an access token given to MTS.
    AccessToken,
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
            Self::CallbackClientSecret => b"omc/1/derive/callback-client-secret",
            Self::Session => b"omc/1/mac/session",
            Self::AccessToken => b"omc/1/mac/access-token",
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

/// A keyed digest as it is stored: the mark of its key, then HMAC-SHA256.
pub const DIGEST: usize = 4 + 32;

/// Everything that needs the keys. Cheap to keep one of, behind an `Arc`.
pub struct Seal {
    /// The current key first; never empty.
    ring: RwLock<Arc<[Key]>>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal([redacted])")
    }
}

impl Seal {
    #[cfg(test)]
    pub(crate) fn from_key(key: [u8; 32]) -> Self {
        Self::of(vec![Key::new(key, Standing::Current)])
    }

    /// `ring` begins with the current key.
    fn of(ring: Vec<Key>) -> Self {
        Self { ring: RwLock::new(ring.into()) }
    }

    /// A key of this moment, kept nowhere.
    pub fn fleeting() -> Result<Self, EntropyError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self::of(vec![Key::new(key, Standing::Current)]))
    }

    fn ring(&self) -> Arc<[Key]> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn current<T>(&self, use_it: impl FnOnce(&Key) -> T) -> T {
        use_it(&self.ring()[0])
    }

    fn any_trusted(&self, holds: impl Fn(&Key) -> bool) -> bool {
        self.ring().iter().filter(|key| key.is_trusted()).any(holds)
    }

    /// Names the current key without telling anything of it; stored beside the data to notice that another key is used.
    pub fn fingerprint(&self) -> String {
        self.current(Key::fingerprint)
    }

    /// Those of all keys, the current one's first.
    pub fn fingerprints(&self) -> Vec<String> {
        self.ring().iter().map(Key::fingerprint).collect()
    }

    /// Every key by its mark, the current one first.
    pub fn keys(&self) -> Vec<(Mark, Standing)> {
        self.ring().iter().map(|key| (key.mark, key.standing)).collect()
    }

    /// The mark of the key with this fingerprint.
    pub fn mark_of(&self, fingerprint: &str) -> Option<Mark> {
        self.ring().iter().find(|key| key.fingerprint() == fingerprint).map(|key| key.mark)
    }

    /// A digest of the exact bytes, by the current key.
    pub fn digest(&self, purpose: Purpose, value: &[u8]) -> [u8; DIGEST] {
        self.current(|key| digest(key, purpose, value))
    }

    /// Digests of the same bytes by the keys that were current before, and still count.
    pub fn earlier_digests(&self, purpose: Purpose, value: &[u8]) -> Vec<[u8; DIGEST]> {
        self.ring()[1..].iter().filter(|key| key.is_trusted()).map(|key| digest(key, purpose, value)).collect()
    }

    /// Whether a stored digest is of these bytes, whichever key made it; one without a mark may be any key's.
    pub fn is_digest(&self, purpose: Purpose, value: &[u8], stored: &[u8; DIGEST]) -> bool {
        let (mark, made) = stored.split_at(4);
        let may_be_of = |key: &Key| mark == key.mark.0 || mark == [0; 4];
        self.any_trusted(|key| may_be_of(key) && key.hmac(purpose, value).ct_eq(made).into())
    }

    /// The first 16 bytes of an HMAC by the current key: enough for what is checked online.
    pub fn mac(&self, purpose: Purpose, value: &[u8]) -> [u8; 16] {
        self.current(|key| mac(key, purpose, value))
    }

    /// Checks a MAC of any key that counts, in constant time.
    pub fn mac_holds(&self, purpose: Purpose, value: &[u8], given: &[u8]) -> bool {
        self.any_trusted(|key| mac(key, purpose, value).ct_eq(given).into())
    }

    /// A secret text derived from the current key for this purpose and name: the same at every start.
    pub fn derive(&self, purpose: Purpose, name: &[u8]) -> Personal<String> {
        self.current(|key| derived(key, purpose, name))
    }

    /// Whether this is what [`Seal::derive`] gives, or gave before a change of the key; in constant time.
    pub fn is_derived(&self, purpose: Purpose, name: &[u8], given: &[u8]) -> bool {
        self.any_trusted(|key| same_secret(derived(key, purpose, name).expose().as_bytes(), given))
    }

    /// Encrypts. `place` says where the value belongs; it opens nowhere else.
    pub fn seal(&self, place: &[u8], value: &[u8]) -> Result<Vec<u8>, EntropyError> {
        let mut sealed = vec![0; NONCE];
        getrandom::fill(&mut sealed)?;
        let payload = Payload { msg: value, aad: place };
        let body = self.current(|key| key.cipher.encrypt(XNonce::from_slice(&sealed), payload));
        // Unwrap safety: encryption fails only for messages of 256 GiB and more.
        sealed.extend_from_slice(&body.expect("a short message encrypts"));
        Ok(sealed)
    }

    /// Opens what [`Seal::seal`] made for the same place, with whichever key.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Personal<Vec<u8>>, OpenError> {
        let (nonce, body) = sealed.split_at_checked(NONCE).ok_or(OpenError)?;
        let open = |key: &Key| key.cipher.decrypt(XNonce::from_slice(nonce), Payload { msg: body, aad: place }).ok();
        self.ring().iter().find_map(open).map(Personal::new).ok_or(OpenError)
    }

    /// Unguessable bytes.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }
}

fn digest(key: &Key, purpose: Purpose, value: &[u8]) -> [u8; DIGEST] {
    let mut digest = [0; DIGEST];
    digest[..4].copy_from_slice(&key.mark.0);
    digest[4..].copy_from_slice(&key.hmac(purpose, value));
    digest
}

fn mac(key: &Key, purpose: Purpose, value: &[u8]) -> [u8; 16] {
    let mut mac = [0; 16];
    mac.copy_from_slice(&key.hmac(purpose, value)[..16]);
    mac
}

fn derived(key: &Key, purpose: Purpose, name: &[u8]) -> Personal<String> {
    Personal::new(URL_SAFE_NO_PAD.encode(key.hmac(purpose, name)))
}

/// Compares two secrets in a time that tells nothing of where they differ.
pub fn same_secret(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
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
    fn what_a_retired_key_made_counts_and_what_a_discarded_one_made_only_opens() {
        let (old, value) = (Seal::from_key([8; 32]), b"value");
        let (digest, mac) = (old.digest(Purpose::Vid, value), old.mac(Purpose::Session, value));
        let (secret, sealed) = (old.derive(Purpose::CallbackBearer, value), old.seal(b"x", value).unwrap());
        for (standing, counts) in [(Standing::Retired(0), true), (Standing::Discarded, false)] {
            let seal = Seal::of(vec![Key::new([7; 32], Standing::Current), Key::new([8; 32], standing)]);
            assert_eq!(seal.is_digest(Purpose::Vid, value, &digest), counts);
            assert!(
                !seal.is_digest(Purpose::Vid, b"other", &digest) && !seal.is_digest(Purpose::Token, value, &digest)
            );
            let mut unmarked = digest;
            unmarked[..4].fill(0);
            assert_eq!(seal.is_digest(Purpose::Vid, value, &unmarked), counts, "of before marks were made");
            unmarked[0] = 2;
            assert!(!seal.is_digest(Purpose::Vid, value, &unmarked), "another key's");
            assert_eq!(seal.mac_holds(Purpose::Session, value, &mac), counts);
            assert_eq!(seal.is_derived(Purpose::CallbackBearer, value, secret.expose().as_bytes()), counts);
            assert_eq!(seal.earlier_digests(Purpose::Vid, value).contains(&digest), counts);
            assert_eq!(seal.open(b"x", &sealed).unwrap().expose(), value);
            // Nothing new is made with it.
            assert_eq!(seal.digest(Purpose::Vid, value), super::tests::seal().digest(Purpose::Vid, value));
            assert_eq!(old.open(b"x", &seal.seal(b"x", value).unwrap()), Err(OpenError));
            assert_eq!(seal.fingerprint(), super::tests::seal().fingerprint());
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", seal()), "Seal([redacted])");
        assert_eq!(format!("{:?}", seal().ring()), "[Key(Current, [redacted])]");
    }
}
