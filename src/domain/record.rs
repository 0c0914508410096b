//! A record: one registrant on the way from VID to token.
//!
//! ```text
//!                 +------------------ not taken, answer lost ------------------+
//!                 v                                                            |
//!   (met) --> Pending --- sent ---> Submitted --- token ---> TokenReceived --- written ---> TokenWritten
//!                |  ^                   |                      |   |    |                     |
//!   refused here |  | met again,        | refused by MTS       |   |    | VID changed         | VID removed
//!                v  | requeue           v                      |   |    +--> Pending          v
//!              Rejected <---------------+<--- other token -----+   |                        (done)
//!                   ^                                              | VID removed with it
//!              Abandoned <--- tried often enough                   +--------> (done)
//! ```
//!
//! Where nobody is interested any more (the registrant left the filter, the connector is deleted), Pending, Rejected and
//! Abandoned end as well. Done leaves no record. [`super::transition::apply`] is the only way a record changes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::identity::{BatchId, ConnectorId, IdTypeId, RegIdRow, RegistrantId, RunId};
use super::opaque::{Digest, Nonce, Sealed};

/// What a record goes by: connectors that overlap share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    pub token_type: IdTypeId,
    pub registrant: RegistrantId,
}

impl RecordKey {
    /// Where values that are sealed for this record belong.
    pub fn place(&self) -> [u8; 8] {
        let mut place = [0; 8];
        place[..4].copy_from_slice(&self.token_type.0.to_be_bytes());
        place[4..].copy_from_slice(&self.registrant.0.to_be_bytes());
        place
    }
}

/// The VID row that was read when the record was last prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldVid {
    pub row: RegIdRow,
    /// When the row was last written, exactly as Odoo told it.
    pub written: String,
    pub digest: Digest,
    /// Digests of the same VID by keys of before, as far as attempts go by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Digest>,
}

impl HeldVid {
    /// Whether a digest is of this VID.
    pub fn is(&self, digest: &Digest) -> bool {
        self.digest == *digest || self.also.contains(digest)
    }
}

/// A token that MTS gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldToken {
    pub token: Sealed,
    pub digest: Digest,
    pub values: Option<Sealed>,
}

/// One sending of the record to MTS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub nonce: Nonce,
    /// The VID that was sent.
    pub vid: Digest,
    pub batch: BatchId,
    /// Where in the batch, from 0: a download tells its results in this order. Meaningless for what was called in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub line: u32,
}

/// How far the record had come when it was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// MTS would not take it.
    Submit,
    /// MTS took it and no answer came.
    Answer,
    /// The answer was an error that OMC does not know.
    Authentication,
    /// Odoo would not take the token.
    Write,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Pending {
        /// Refused before with this code: not sent again unless VID or data changed.
        refused: Option<Code>,
        /// Go to MTS in a batch of at most so many: a larger one with this record failed.
        alone: Option<u32>,
    },
    Submitted {
        batch: BatchId,
    },
    TokenReceived {
        token: Sealed,
        digest: Digest,
        /// Registrant fields to write with the token.
        values: Option<Sealed>,
    },
    /// The token is in the registry; its VID is still to be removed.
    TokenWritten {
        token: Sealed,
        digest: Digest,
    },
    Rejected {
        code: Code,
    },
    Abandoned {
        stage: Stage,
        cause: Code,
        /// Given up while it was to be written: MTS need not be asked again, and a one-time VID could not be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<HeldToken>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub key: RecordKey,
    pub connector: ConnectorId,
    /// The run that found it; counts go there.
    pub run: RunId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vid: Option<HeldVid>,
    /// Of the auth data last sent or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Digest>,
    /// The last few, oldest first; results of all of them are still ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    pub state: State,
    /// Not to be touched before; whole milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub due: DateTime<Utc>,
    /// Failures in a row that count against this record.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failures: u16,
    /// Since when MTS has failed on this record, sent alone; whole milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "chrono::serde::ts_milliseconds_option")]
    pub failing_since: Option<DateTime<Utc>>,
    /// A run met the registrant while the record was under way: its data may have changed meanwhile.
    #[serde(default, skip_serializing_if = "is_default")]
    pub met_again: bool,
    /// An administrator was told that it is refused or given up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reported: bool,
    /// Went to MTS in its run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sent: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Record {
    /// How many attempts are remembered; MTS forgets a request in 6 to 12 hours, so that older ones cannot come back.
    pub const ATTEMPTS_KEPT: usize = 8;

    pub fn admitted(key: RecordKey, connector: ConnectorId, run: RunId, now: DateTime<Utc>) -> Self {
        Self {
            key,
            connector,
            run,
            vid: None,
            data: None,
            attempts: Vec::new(),
            state: State::Pending { refused: None, alone: None },
            due: now,
            failures: 0,
            failing_since: None,
            met_again: false,
            reported: false,
            sent: false,
        }
    }

    /// Whether anything of it was prepared or sent by way of a key, whose digests only that key can tell.
    pub fn goes_by(&self, is_of_key: impl Fn(&Digest) -> bool) -> GoesBy {
        let held = self.vid.iter().map(|vid| &vid.digest).chain(&self.data).any(&is_of_key);
        GoesBy { held, sent: self.attempts.iter().any(|attempt| is_of_key(&attempt.vid)) }
    }

    /// Every digest in it but that of its token.
    pub fn digests_mut(&mut self) -> impl Iterator<Item = &mut Digest> {
        let vid = self.vid.iter_mut().flat_map(|vid| std::iter::once(&mut vid.digest).chain(&mut vid.also));
        vid.chain(&mut self.data).chain(self.attempts.iter_mut().map(|attempt| &mut attempt.vid))
    }

    /// Its token, if it holds one, with the token's digest and the values to write with it.
    pub fn token_mut(&mut self) -> Option<(&mut Sealed, &mut Digest, Option<&mut Sealed>)> {
        match &mut self.state {
            State::TokenReceived { token, digest, values } => Some((token, digest, values.as_mut())),
            State::TokenWritten { token, digest } => Some((token, digest, None)),
            State::Abandoned { held: Some(HeldToken { token, digest, values }), .. } => {
                Some((token, digest, values.as_mut()))
            }
            _ => None,
        }
    }

    pub fn bucket(&self) -> Bucket {
        match self.state {
            State::Rejected { .. } => Bucket::Rejected,
            State::Abandoned { .. } => Bucket::Abandoned,
            _ => Bucket::Open,
        }
    }
}

/// What of a record goes by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoesBy {
    /// What it was last prepared with: whether its VID or data changed.
    pub held: bool,
    /// Something that MTS was sent, and may still answer.
    pub sent: bool,
}

/// Where a record counts in its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bucket {
    Open,
    Rejected,
    Abandoned,
    /// The token is in the registry.
    Tokenised,
    /// Nothing was to be done any more: left the filter, lost the VID, was deleted.
    Left,
}

impl State {
    /// The state's name, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Submitted { .. } => "submitted",
            Self::TokenReceived { .. } => "token received",
            Self::TokenWritten { .. } => "token written",
            Self::Rejected { .. } => "rejected",
            Self::Abandoned { .. } => "abandoned",
        }
    }
}
