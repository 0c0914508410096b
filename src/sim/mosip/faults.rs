//! The faults that a test asks for with `POST /_sim/faults`.

use serde::{Deserialize, Serialize};

/// What goes wrong from now on. Rates are from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Faults {
    /// Connections are closed at once.
    pub refuse: bool,
    /// A request fails: a service's own 500 in an envelope, or 502 of a gateway.
    pub error_rate: f64,
    /// An answer never comes.
    pub hang_rate: f64,
    /// Every answer comes this much later.
    pub latency_ms: u64,
    /// How long tokens are good that are given from now on; 0: as at the start.
    pub token_seconds: i64,
    /// The secret that is asked for from now on; empty: as at the start.
    pub secret_key: String,
    /// The audit manager refuses events whose `eventId` or `id` is this; empty: none.
    pub refuse_audits: String,
    /// There is nothing under paths that begin so; empty: all is there.
    pub missing: String,
    /// The notifier refuses this number; empty: none.
    pub refuse_number: String,
}

/// A change of faults: what is not named stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    refuse: Option<bool>,
    error_rate: Option<f64>,
    hang_rate: Option<f64>,
    latency_ms: Option<u64>,
    token_seconds: Option<i64>,
    secret_key: Option<String>,
    refuse_audits: Option<String>,
    missing: Option<String>,
    refuse_number: Option<String>,
    /// Not a state but a deed: all tokens given so far are void.
    pub revoke: bool,
}

impl Change {
    /// Reads a JSON object; a name that is not known is an error.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let object: serde_json::Map<_, _> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let change: Self = serde_json::from_value(object.into()).map_err(|error| error.to_string())?;
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
        set(&mut faults.token_seconds, self.token_seconds);
        set(&mut faults.secret_key, self.secret_key);
        set(&mut faults.refuse_audits, self.refuse_audits);
        set(&mut faults.missing, self.missing);
        set(&mut faults.refuse_number, self.refuse_number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_only_what_is_named_and_refuses_what_it_does_not_know() {
        let mut faults = Faults { latency_ms: 5, ..Faults::default() };
        Change::read(br#"{"hang_rate":1,"token_seconds":2}"#).unwrap().apply(&mut faults);
        assert_eq!((faults.latency_ms, faults.hang_rate, faults.token_seconds), (5, 1.0, 2));
        for bad in [r#"{"nope":1}"#, r#"{"error_rate":2}"#, "[1]"] {
            assert!(Change::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
