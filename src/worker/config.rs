//! Sections `[submit]`, `[vid]`, `[reconcile]`, `[odk]` and `[retry]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::batch::Patience;
use crate::domain::retry::{Backoff, BackoffError};
use crate::domain::span::Span;
use crate::domain::vid_rules::{Treatment, VidRules};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubmitConfig {
    /// Records in one POST, where a connector does not say otherwise; 1 to 5000.
    pub batch_size: u32,
    /// POSTs to one MTS at once. MTS takes one batch in at a time per worker, and four at once were slower than one.
    pub concurrency: usize,
    /// Records of one connector under way at once; pulling stops there.
    pub max_in_flight: u64,
    /// What MTS will not do without (its `authtoken.mandatory_validation_auth_fields`).
    pub mandatory_fields: Vec<String>,
}

impl Default for SubmitConfig {
    fn default() -> Self {
        let mandatory = ["name", "gender", "dob", "fullAddress"];
        Self {
            batch_size: 500,
            concurrency: 1,
            max_in_flight: 10_000,
            mandatory_fields: mandatory.map(str::to_owned).to_vec(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VidConfig {
    /// Of VIDs whose expiry date in the registry has passed.
    pub expired: Treatment,
    /// Of VIDs that the registry marks invalid.
    pub invalid: Treatment,
    /// Digits of this country's VIDs (MOSIP's `mosip.kernel.vid.length`); 0 where they differ.
    pub length: u8,
    /// Of VIDs with another number of digits, other characters, or a first digit of 0 or 1.
    pub form: Treatment,
    /// Of VIDs whose last digit is not the check digit (Verhoeff) of those before it.
    pub check_digit: Treatment,
}

impl Default for VidConfig {
    fn default() -> Self {
        Self {
            expired: Treatment::Refuse,
            invalid: Treatment::Refuse,
            length: 16,
            form: Treatment::Warn,
            check_digit: Treatment::Warn,
        }
    }
}

impl VidConfig {
    pub fn rules(&self) -> VidRules {
        let Self { expired, invalid, length, form, check_digit } = *self;
        VidRules { expired, invalid, length, form, check_digit }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReconcileConfig {
    /// Between two looks at a batch that MTS holds.
    pub interval: Span,
    /// From MTS's `processed` to the last callback.
    pub callback_grace: Span,
    /// How long a batch that shows no progress is waited for, at most.
    pub stuck_after: Span,
}

impl Default for ReconcileConfig {
    fn default() -> Self {
        Self {
            interval: Span::from_secs(30),
            callback_grace: Span::from_secs(300),
            stuck_after: Span::from_secs(6 * 3600),
        }
    }
}

impl ReconcileConfig {
    pub fn patience(&self) -> Patience {
        Patience {
            interval: self.interval.as_duration(),
            callback_grace: self.callback_grace.as_duration(),
            stuck_after: self.stuck_after.as_duration(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OdkConfig {
    /// Where the results of ODK's submissions go, a file for each pull; must be there.
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// The first delay; each one after is twice as long.
    pub base: Span,
    /// The longest delay.
    pub max: Span,
    /// After so many failures of its own a record is given up.
    pub attempts: u16,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { base: Span::from_secs(5), max: Span::from_secs(600), attempts: 10 }
    }
}

impl RetryConfig {
    pub fn backoff(&self) -> Result<Backoff, BackoffError> {
        Backoff::new(self.base.as_duration(), self.max.as_duration(), self.attempts)
    }
}
