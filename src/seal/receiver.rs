//! The credentials that MTS shows at OMC's own receiver: made from the key, so that they are the same after a restart, and no
//! administrator's, since MTS keeps them in clear. Each is of a generation, which it names: they are renewed from time to time.

mod pass;

use super::{Personal, Purpose, Seal};

pub use pass::Pass;

/// The database that MTS is told to log in to.
pub const DATABASE: &str = "omc";

/// What MTS is given for a connector's callbacks, by the way it is to show itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// Sent with each callback, as it is.
    Bearer,
    /// Of the login as at Odoo.
    Password,
    /// Of the client that fetches an access token.
    ClientSecret,
}

impl Credential {
    fn purpose(self) -> Purpose {
        match self {
            Self::Bearer => Purpose::CallbackBearer,
            Self::Password => Purpose::CallbackPassword,
            Self::ClientSecret => Purpose::CallbackClientSecret,
        }
    }
}

/// The user name, and the OAuth client's id, for the callbacks of a connector.
pub fn username(connector: u32) -> String {
    format!("omc-{connector}")
}

/// The connector that a user name or client id is of.
pub fn of_username(name: &str) -> Option<u32> {
    let number = name.strip_prefix("omc-")?;
    number.parse().ok().filter(|connector| username(*connector) == name)
}

impl Seal {
    /// A credential for the callbacks of a connector: its generation, a dot and the secret. One of generation 0, from before
    /// there were generations, is the secret alone.
    pub fn credential(&self, kind: Credential, connector: u32, generation: u32) -> Personal<String> {
        let secret = self.derive(kind.purpose(), &name(connector, generation));
        if generation == 0 { secret } else { Personal::new(format!("{generation}.{}", secret.expose())) }
    }

    /// The generation of a credential, if it is of this kind and for this connector, by the current key or one of before that
    /// counts. Takes as long whatever is wrong with it.
    pub fn credential_generation(&self, kind: Credential, connector: u32, given: &str) -> Option<u32> {
        let (generation, secret) = match given.split_once('.') {
            Some((written, secret)) => (read_generation(written), secret),
            None => (Some(0), given),
        };
        let right = self.is_derived(kind.purpose(), &name(connector, generation.unwrap_or(0)), secret.as_bytes());
        generation.filter(|_| right)
    }
}

/// What a credential is derived for.
fn name(connector: u32, generation: u32) -> Vec<u8> {
    let connector = connector.to_be_bytes();
    if generation == 0 { connector.to_vec() } else { [connector, generation.to_be_bytes()].concat() }
}

/// A generation, written as [`Seal::credential`] writes it.
fn read_generation(written: &str) -> Option<u32> {
    written.parse().ok().filter(|generation: &u32| *generation > 0 && generation.to_string() == written)
}

#[cfg(test)]
mod tests {
    use super::super::{Key, Standing};
    use super::*;

    #[test]
    fn a_credential_is_for_one_way_one_connector_and_one_generation() {
        let seal = Seal::from_key([1; 32]);
        for generation in [0, 1, 7, u32::MAX] {
            let right = seal.credential(Credential::Bearer, 4, generation).into_exposed();
            let read = |kind, connector, given: &str| seal.credential_generation(kind, connector, given);
            assert_eq!(read(Credential::Bearer, 4, &right), Some(generation));
            assert_eq!(read(Credential::Bearer, 5, &right), None);
            assert_eq!(read(Credential::Password, 4, &right), None);
            assert_eq!(read(Credential::ClientSecret, 4, &right), None);
            let (_, secret) = right.split_once('.').unwrap_or(("", &right));
            for wrong in [&format!("8.{secret}"), &format!("0.{secret}"), &format!("+{right}"), &format!("0{right}")] {
                assert_eq!(read(Credential::Bearer, 4, wrong), None, "{wrong}");
            }
            assert_eq!(Seal::from_key([2; 32]).credential_generation(Credential::Bearer, 4, &right), None);
        }
        for wrong in ["", ".", "1.", "x.y", "99999999999.x"] {
            assert_eq!(seal.credential_generation(Credential::Bearer, 4, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_credential_of_a_retired_key_counts_and_one_of_a_discarded_key_does_not() {
        let old = Seal::from_key([8; 32]);
        for (standing, counts) in [(Standing::Retired(0), true), (Standing::Discarded, false)] {
            let seal = Seal::of(vec![Key::new([7; 32], Standing::Current), Key::new([8; 32], standing)]);
            for kind in [Credential::Bearer, Credential::Password, Credential::ClientSecret] {
                for generation in [0, 3] {
                    let given = old.credential(kind, 4, generation).into_exposed();
                    assert_eq!(seal.credential_generation(kind, 4, &given), counts.then_some(generation));
                    assert_ne!(seal.credential(kind, 4, generation).expose(), &given, "nothing new is made with it");
                }
            }
        }
    }

    #[test]
    fn user_names_are_read_as_they_are_written() {
        assert_eq!(of_username(&username(4)), Some(4));
        for wrong in ["admin", "omc-", "omc-04", "omc-+4", "omc-x"] {
            assert_eq!(of_username(wrong), None, "{wrong}");
        }
    }
}
