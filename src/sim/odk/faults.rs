//! The faults that a test asks for with `POST /_sim/faults`.

use serde::{Deserialize, Serialize};

/// What goes wrong from now on. Rates are from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Faults {
    /// Connections are closed at once.
    pub refuse: bool,
    /// A request fails: 502 of a gateway, no JSON.
    pub error_rate: f64,
    /// An answer never comes.
    pub hang_rate: f64,
    /// Every answer comes this much later.
    pub latency_ms: u64,
    /// The user may not read the form any more.
    pub closed: bool,
    /// The password that is asked for from now on; empty: as at the start.
    pub password: String,
}

/// A change of faults: what is not named stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    refuse: Option<bool>,
    error_rate: Option<f64>,
    hang_rate: Option<f64>,
    latency_ms: Option<u64>,
    closed: Option<bool>,
    password: Option<String>,
}

impl Change {
    /// Reads a JSON object; a name that is not known is an error.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let change: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        for rate in [change.error_rate, change.hang_rate].into_iter().flatten() {
            if !(0.0..=1.0).contains(&rate) {
                return Err(format!("{rate} is no rate from 0 to 1"));
            }
        }
        Ok(change)
    }

    pub fn apply(self, faults: &mut Faults) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut faults.refuse, self.refuse);
        set(&mut faults.error_rate, self.error_rate);
        set(&mut faults.hang_rate, self.hang_rate);
        set(&mut faults.latency_ms, self.latency_ms);
        set(&mut faults.closed, self.closed);
        set(&mut faults.password, self.password);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_only_what_is_named_and_refuses_what_it_does_not_know() {
        let mut faults = Faults { latency_ms: 5, ..Faults::default() };
        Change::read(br#"{"hang_rate":1,"closed":true}"#).unwrap().apply(&mut faults);
        assert_eq!((faults.latency_ms, faults.hang_rate, faults.closed), (5, 1.0, true));
        for bad in [r#"{"nope":1}"#, r#"{"error_rate":2}"#, "7"] {
            assert!(Change::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
