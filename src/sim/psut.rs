//! MOSIP's static token (PSUT): the same for the same person and partner, and of no use with another partner (kernel,
//! "kernel-tokenidgenerator-service": `SHA256(SHA256(UIN + SALT) + PartnerID + SALT)`, 36 digits).
//!
//! In the simulators a VID stands for the person: nobody has two.

use sha2::{Digest as _, Sha256};

const UIN_SALT: &str = "simulated-uin-salt";
const PARTNER_SALT: &str = "simulated-partner-salt";
const DIGITS: usize = 36;

pub fn token(person: &str, partner: &str) -> String {
    let inner = hex(&Sha256::digest(format!("{person}{UIN_SALT}")));
    decimal(&Sha256::digest(format!("{inner}{partner}{PARTNER_SALT}")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The first digits of the number that these bytes are.
fn decimal(bytes: &[u8]) -> String {
    // Lowest first.
    let mut digits: Vec<u8> = Vec::new();
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) * 256;
            *digit = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    let highest_first = digits.iter().rev().map(|digit| char::from(b'0' + digit));
    highest_first.chain(std::iter::repeat('0')).take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_six_digits_that_hold_for_one_person_and_partner() {
        let own = token("7000000000000012", "partner");
        assert!(own.len() == 36 && own.bytes().all(|byte| byte.is_ascii_digit()), "{own}");
        assert_eq!(own, token("7000000000000012", "partner"));
        assert_ne!(own, token("7000000000000013", "partner"));
        assert_ne!(own, token("7000000000000012", "another"));
    }

    #[test]
    fn the_first_digits_of_a_number() {
        assert_eq!(decimal(&[1, 0]), format!("256{}", "0".repeat(33)));
        assert_eq!(decimal(&u128::MAX.to_be_bytes()), "340282366920938463463374607431768211");
    }
}
