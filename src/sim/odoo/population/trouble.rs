//! What can be wrong with a registrant, or unusual enough that a client gets it wrong.

use super::person::Person;

/// One trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    NoVid,
    ExpiredVid,
    InvalidStatus,
    /// What a race between two clerks leaves.
    TwoVids,
    MissingGender,
    MissingBirthdate,
    MissingAddress,
    MissingNames,
    /// What OpenG2P's encryption addon leaves in place of the text.
    Encrypted,
    /// Text of blanks only.
    BlankText,
    /// A name of 150 characters.
    LongName,
    TokenNoVid,
    /// To be swept: the token is younger than the VID.
    TokenOlderVid,
    /// A correction that gives the same token.
    TokenNewerVid,
}

impl Trouble {
    pub const ALL: [Self; 14] = [
        Self::NoVid,
        Self::ExpiredVid,
        Self::InvalidStatus,
        Self::TwoVids,
        Self::MissingGender,
        Self::MissingBirthdate,
        Self::MissingAddress,
        Self::MissingNames,
        Self::Encrypted,
        Self::BlankText,
        Self::LongName,
        Self::TokenNoVid,
        Self::TokenOlderVid,
        Self::TokenNewerVid,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::NoVid => "no_vid",
            Self::ExpiredVid => "expired_vid",
            Self::InvalidStatus => "invalid_status",
            Self::TwoVids => "two_vids",
            Self::MissingGender => "missing_gender",
            Self::MissingBirthdate => "missing_birthdate",
            Self::MissingAddress => "missing_address",
            Self::MissingNames => "missing_names",
            Self::Encrypted => "encrypted",
            Self::BlankText => "blank_text",
            Self::LongName => "long_name",
            Self::TokenNoVid => "token_no_vid",
            Self::TokenOlderVid => "token_older_vid",
            Self::TokenNewerVid => "token_newer_vid",
        }
    }

    /// Spoils the demographics, where that is what the trouble is.
    pub fn spoil(self, person: &mut Person, dice: u64) {
        match self {
            Self::MissingGender => person.gender = None,
            Self::MissingBirthdate => person.birthdate = None,
            Self::MissingAddress => person.address = None,
            Self::MissingNames => (person.given, person.family) = (None, None),
            Self::Encrypted => {
                let field = match dice % 3 {
                    0 => &mut person.given,
                    1 => &mut person.family,
                    _ => &mut person.address,
                };
                *field = Some("encrypted".into());
            }
            Self::BlankText => {
                person.given = Some("   ".into());
                person.family = Some(" ".into());
                person.address = Some(if dice.is_multiple_of(2) { " " } else { "Block \u{a0} " }.into());
            }
            Self::LongName => person.given = Some("Ana-".repeat(38)[..150].to_owned()),
            _ => {}
        }
    }
}
