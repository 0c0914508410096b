//! Expressions of jq: read, checked, and compiled. They are not run: nothing bounds that but the end of a process.

use omc::domain::expression::{Expression, ExpressionError};
use omc::jq::Jq;
use omc::store::codec;

/// One of so many expressions is compiled: that takes a thousand times as long as reading it.
const COMPILED: usize = 256;

/// # Panics
/// Where reading or compiling does, an expression that passes the check is not known to OMC and it does not say so, it does not
/// come back as it was, or an error quotes a number of it.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => return super::keeps_numbers_to_itself(&error, text),
    };
    let stored = codec::encode(&expression).expect("an expression can be stored");
    assert_eq!(codec::decode::<Expression>(&stored).expect("and read back"), expression);
    // What is put around it may be too much where it is near a limit itself.
    match Expression::parse(&expression.wrapped()) {
        Ok(_) | Err(ExpressionError::TooLong | ExpressionError::TooDeep | ExpressionError::TooManySteps) => {}
        Err(error) => panic!("{text}: good alone, and wrapped {error}"),
    }
    let sum = data.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    if sum % COMPILED == 0 {
        compiles(&expression);
    }
}

/// # Panics
/// As [`run`], of compiling.
pub fn compiles(expression: &Expression) {
    let known = expression.unknown_to_omc().count() == 0;
    assert_eq!(Jq::compile(expression).is_ok(), known, "{}", expression.source());
}
