//! A length of time as people write it: `90s`, `10m`, `1h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time in whole milliseconds, written as a whole number and a unit: `ms`, `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

/// Why a text is no length of time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SpanError {
    #[error("not a length of time; write a whole number and a unit (ms, s, m, h, d), for example \"90s\" or \"10m\"")]
    NotSpan,
    #[error("this length of time is too long; the longest is 100 years")]
    TooLong,
}

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const LONGEST_MS: u64 = 100 * 365 * 86_400_000;

impl Span {
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub const fn as_duration(self) -> Duration {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(SpanError::NotSpan)?;
        let (number, unit) = text.split_at(unit_at);
        let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit.trim_start()).ok_or(SpanError::NotSpan)?;
        if number.is_empty() {
            return Err(SpanError::NotSpan);
        }
        // Only digits are left, so the one way to fail is to be too long.
        let number: u64 = number.parse().map_err(|_| SpanError::TooLong)?;
        match number.checked_mul(*unit_ms) {
            Some(ms) if ms <= LONGEST_MS => Ok(Self(Duration::from_millis(ms))),
            _ => Err(SpanError::TooLong),
        }
    }
}

impl fmt::Display for Span {
    /// The largest unit that gives a whole number, so that what is shown can be written back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let whole = UNITS.iter().rev().find(|(_, unit_ms)| ms != 0 && ms.is_multiple_of(u128::from(*unit_ms)));
        match whole {
            Some((unit, unit_ms)) => write!(f, "{}{unit}", ms / u128::from(*unit_ms)),
            None => f.write_str("0s"),
        }
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_unit_is_read() {
        let spans = ["250ms", "90s", "10m", "1h", "2d", " 5 s "];
        let ms = spans.map(|text| text.parse::<Span>().unwrap().as_duration().as_millis());
        assert_eq!(ms, [250, 90_000, 600_000, 3_600_000, 172_800_000, 5_000]);
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "10", "s", "-5s", "1.5h", "10 minutes", "1h30m", "5M"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::NotSpan), "{text:?}");
        }
        for text in ["36501d", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::TooLong), "{text:?}");
        }
    }

    #[test]
    fn zero_is_a_span() {
        assert!("0s".parse::<Span>().unwrap().is_zero());
        assert_eq!("0d".parse::<Span>().unwrap().to_string(), "0s");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(ms in 0..=LONGEST_MS) {
            let span = Span(Duration::from_millis(ms));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
