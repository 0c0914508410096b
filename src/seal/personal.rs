//! Values that must not be seen: personal data and secrets.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// Wraps a VID, token, person's data or password: neither `Debug` nor `Display` shows it, and it cannot be serialised by
/// accident. [`Personal::expose`] is the only way in, so that every use can be found by its name.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    pub fn expose(&self) -> &T {
        &self.0
    }

    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// Reading wraps at once. serde's errors can quote what they read: do not print them.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_value_is_printed() {
        let vid = Personal::new("2045678901234567".to_owned());
        assert_eq!(format!("{vid} {vid:?} {:?}", Some(&vid)), "[redacted] [redacted] Some([redacted])");
    }
}
