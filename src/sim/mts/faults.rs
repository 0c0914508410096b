//! The faults that a test asks for with `POST /_sim/faults`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

/// What goes wrong from now on. Rates are from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Faults {
    /// Every answer comes this much later.
    pub latency_ms: u64,
    /// A POST, status or file request fails: 500, 502, a false 404, or a socket closed before or after the work.
    pub error_rate: f64,
    /// A POST fails with MTS's own 500, and nothing of it is taken.
    pub broken_rate: f64,
    /// A POST with this VID among its records fails with MTS's own 500, for a reason that no client foresees.
    pub poison: String,
    /// A gateway in front refuses longer bodies with 413; 0: it takes any.
    pub max_body: usize,
    /// A callback is never sent.
    pub drop_callbacks: f64,
    /// A callback is sent twice.
    pub repeat_callbacks: f64,
    /// Each callback is sent this much later.
    pub delay_callbacks_ms: u64,
    /// A callback is overtaken by later ones.
    pub reorder_callbacks: f64,
    /// Connections are closed at once.
    pub refuse: bool,
    /// An answer ends in the middle.
    pub truncate_rate: f64,
    /// An answer is nonsense.
    pub garbage_rate: f64,
    /// An answer never comes.
    pub hang_rate: f64,
    /// Callbacks are sent before the POST is answered.
    pub early_callbacks: bool,
    /// What becomes of files that are fetched.
    pub files: Files,
}

/// What a file that is fetched looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Files {
    #[default]
    Whole,
    Empty,
    /// The first half of it.
    Cut,
    /// Not on the disk any more.
    Gone,
    /// Whole, in another order than the records were sent in; JSON only. No release of MTS does this.
    Shuffled,
}

impl Faults {
    pub fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms)
    }

    pub fn callback_delay(&self) -> Duration {
        Duration::from_millis(self.delay_callbacks_ms)
    }
}

/// A change of faults: what is not named stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    latency_ms: Option<u64>,
    #[serde(deserialize_with = "rate")]
    error_rate: Option<f64>,
    #[serde(deserialize_with = "rate")]
    broken_rate: Option<f64>,
    poison: Option<String>,
    max_body: Option<usize>,
    #[serde(deserialize_with = "rate")]
    drop_callbacks: Option<f64>,
    #[serde(deserialize_with = "rate")]
    repeat_callbacks: Option<f64>,
    delay_callbacks_ms: Option<u64>,
    #[serde(deserialize_with = "rate")]
    reorder_callbacks: Option<f64>,
    refuse: Option<bool>,
    #[serde(deserialize_with = "rate")]
    truncate_rate: Option<f64>,
    #[serde(deserialize_with = "rate")]
    garbage_rate: Option<f64>,
    #[serde(deserialize_with = "rate")]
    hang_rate: Option<f64>,
    early_callbacks: Option<bool>,
    files: Option<Files>,
    /// Not a state but a deed: the processes start anew and forget their queues.
    pub restart: bool,
}

/// A number from 0 to 1, or a flag.
fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Rate {
        Number(f64),
        Flag(bool),
    }
    match Rate::deserialize(from)? {
        Rate::Number(n) if (0.0..=1.0).contains(&n) => Ok(Some(n)),
        Rate::Number(n) => Err(serde::de::Error::custom(format!("{n} is no rate from 0 to 1"))),
        Rate::Flag(flag) => Ok(Some(f64::from(u8::from(flag)))),
    }
}

impl Change {
    /// Reads a JSON object; a name that is not known is an error.
    pub fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        let object: serde_json::Map<_, _> = serde_json::from_slice(body)?;
        serde_json::from_value(object.into())
    }

    pub fn apply(self, faults: &mut Faults) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut faults.latency_ms, self.latency_ms);
        set(&mut faults.error_rate, self.error_rate);
        set(&mut faults.broken_rate, self.broken_rate);
        set(&mut faults.poison, self.poison);
        set(&mut faults.max_body, self.max_body);
        set(&mut faults.drop_callbacks, self.drop_callbacks);
        set(&mut faults.repeat_callbacks, self.repeat_callbacks);
        set(&mut faults.delay_callbacks_ms, self.delay_callbacks_ms);
        set(&mut faults.reorder_callbacks, self.reorder_callbacks);
        set(&mut faults.refuse, self.refuse);
        set(&mut faults.truncate_rate, self.truncate_rate);
        set(&mut faults.garbage_rate, self.garbage_rate);
        set(&mut faults.hang_rate, self.hang_rate);
        set(&mut faults.early_callbacks, self.early_callbacks);
        set(&mut faults.files, self.files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_only_what_is_named() {
        let mut faults = Faults { latency_ms: 5, ..Faults::default() };
        Change::read(br#"{"error_rate":0.2,"reorder_callbacks":true}"#).unwrap().apply(&mut faults);
        assert_eq!((faults.latency_ms, faults.error_rate, faults.reorder_callbacks), (5, 0.2, 1.0));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for bad in [r#"{"nope":1}"#, r#"{"error_rate":2}"#, r#"{"latency_ms":"x"}"#, "[1]"] {
            assert!(Change::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
