//! The form that MOSIP gives the VIDs it makes: digits, as many as its configuration says, the first neither 0 nor 1, the last a
//! check digit (kernel-vidgenerator-service and kernel-idvalidator-vid, README). Since 1.2.0 MOSIP itself goes by length and check
//! digit only, and a country may have set another length, so by default OMC only tells of what looks otherwise.

use serde::{Deserialize, Serialize};

use super::code::Code;

/// What becomes of a VID that looks wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// It is sent.
    Off,
    /// It is sent, and told.
    #[default]
    Warn,
    /// It is not sent; the registrant is shown as refused.
    Refuse,
}

/// How VIDs are looked at before they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VidRules {
    /// Of one whose row in the registry has an expiry date before today.
    pub expired: Treatment,
    /// Of one that the registry marks invalid, as is done with VIDs that were revoked.
    pub invalid: Treatment,
    /// Digits; 0 for any number of them.
    pub length: u8,
    /// Of one that is not so many digits, or begins with 0 or 1.
    pub form: Treatment,
    /// Of one whose last digit is not the check digit of those before it.
    pub check_digit: Treatment,
}

/// What is wrong with a VID by these rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    Invalid,
    Expired,
    Form,
    CheckDigit,
}

impl Doubt {
    /// For labels of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::Form => "form",
            Self::CheckDigit => "check_digit",
        }
    }

    /// The refusal that comes of it, where it is one.
    pub fn code(self) -> Code {
        match self {
            Self::Invalid => Code::VID_INVALID,
            Self::Expired => Code::VID_EXPIRED,
            Self::Form => Code::VID_UNUSUAL,
            Self::CheckDigit => Code::VID_CHECK_DIGIT,
        }
    }
}

/// Of a VID's row in the registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub invalid: bool,
    pub expired: bool,
}

impl VidRules {
    /// The first thing that is wrong and is not to be passed over in silence, a refusal before what is only told.
    pub fn doubt(&self, vid: &str, standing: Standing) -> Option<(Doubt, Treatment)> {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'));
        let digits: Option<Vec<u8>> = vid.bytes().map(digit).collect();
        let many = |digits: &Vec<u8>| self.length == 0 || digits.len() == usize::from(self.length);
        let usual = |digits: &Vec<u8>| many(digits) && digits.first().is_some_and(|first| *first > 1);
        let doubts = [
            (Doubt::Invalid, self.invalid, standing.invalid),
            (Doubt::Expired, self.expired, standing.expired),
            (Doubt::Form, self.form, !digits.as_ref().is_some_and(usual)),
            // Letters have none.
            (Doubt::CheckDigit, self.check_digit, digits.is_some_and(|digits| !ends_with_check_digit(&digits))),
        ];
        let found = |treatment: Treatment| move |doubt: &&(Doubt, Treatment, bool)| doubt.2 && doubt.1 == treatment;
        let first = |treatment| doubts.iter().find(found(treatment)).map(|(doubt, treatment, _)| (*doubt, *treatment));
        first(Treatment::Refuse).or_else(|| first(Treatment::Warn))
    }
}

/// Verhoeff's check digit: the digits, each moved on by a permutation as often as it stands from the end, multiply to one in the
/// dihedral group of the pentagon.
fn ends_with_check_digit(digits: &[u8]) -> bool {
    const MOVED: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let moved = |digit: u8, times: usize| (0..times % 8).fold(digit, |digit, _| MOVED[usize::from(digit)]);
    let product =
        digits.iter().rev().enumerate().fold(0, |product, (place, digit)| multiplied(product, moved(*digit, place)));
    product == 0
}

/// Of the group's elements, 0 to 4 are the turns of the pentagon, 5 to 9 the same after it was turned over.
fn multiplied(left: u8, right: u8) -> u8 {
    let turned = if left < 5 { (left + right) % 5 } else { (left + 10 - right) % 5 };
    if (left < 5) == (right < 5) { turned } else { turned + 5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: VidRules = VidRules {
        expired: Treatment::Refuse,
        invalid: Treatment::Refuse,
        length: 16,
        form: Treatment::Warn,
        check_digit: Treatment::Warn,
    };

    fn told(rules: VidRules, vid: &str) -> Option<Doubt> {
        rules.doubt(vid, Standing::default()).map(|(doubt, _)| doubt)
    }

    #[test]
    fn the_check_digit_is_verhoeffs() {
        // 2363 is the usual example of the method.
        for digits in ["2363", "123451", "0"] {
            let digits: Vec<u8> = digits.bytes().map(|byte| byte - b'0').collect();
            assert!(ends_with_check_digit(&digits), "{digits:?}");
            for (place, change) in (0..digits.len()).flat_map(|place| (1..10).map(move |change| (place, change))) {
                let mut other = digits.clone();
                other[place] = (other[place] + change) % 10;
                assert!(!ends_with_check_digit(&other), "one digit mistyped: {other:?}");
            }
            for place in 1..digits.len() {
                let mut other = digits.clone();
                other.swap(place - 1, place);
                assert!(other == digits || !ends_with_check_digit(&other), "two digits swapped: {other:?}");
            }
        }
    }

    #[test]
    fn what_looks_wrong_is_told() {
        let good: Vec<String> =
            (0..10).map(|last| format!("204718305926471{last}")).filter(|vid| told(RULES, vid).is_none()).collect();
        let [good] = good.as_slice() else { panic!("one check digit, not {good:?}") };
        assert_eq!(told(RULES, &good.replacen('2', "3", 1)), Some(Doubt::CheckDigit));
        for unusual in ["204718305926", "2047-1830-5926-47", "ABCDEFGHIJKLMNOP", "0000000000000000", ""] {
            assert_eq!(told(RULES, unusual), Some(Doubt::Form), "{unusual}");
        }
        let any_length = VidRules { length: 0, check_digit: Treatment::Off, ..RULES };
        assert_eq!(told(any_length, "234"), None);
    }

    #[test]
    fn a_refusal_comes_before_a_warning_and_off_says_nothing() {
        let strict = VidRules { check_digit: Treatment::Refuse, ..RULES };
        let fine = Standing::default();
        assert_eq!(strict.doubt("20000", fine), Some((Doubt::CheckDigit, Treatment::Refuse)));
        let gone = Standing { invalid: true, expired: true };
        assert_eq!(RULES.doubt("20000", gone), Some((Doubt::Invalid, Treatment::Refuse)));
        let open = VidRules { invalid: Treatment::Off, expired: Treatment::Warn, ..RULES };
        assert_eq!(open.doubt("20000", gone), Some((Doubt::Expired, Treatment::Warn)));
        let off = VidRules { form: Treatment::Off, check_digit: Treatment::Off, ..RULES };
        assert_eq!(off.doubt("x", fine), None);
    }
}
