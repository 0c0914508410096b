//! Taking in what MTS says of records, however it came: called in by MTS, or fetched as a file. Whoever brings results has made
//! sure that MTS says them, and of which attempt each speaks; here, and only here, they are judged, sealed and stored.

use std::collections::BTreeSet;
use std::sync::Arc;

use metrics::counter;
use serde_json::{Map, Value};

use crate::clock::Steady;
use crate::domain::batch::Patience;
use crate::domain::code::Code;
use crate::domain::correlation::Correlation;
use crate::domain::identity::RegistrantId;
use crate::domain::opaque::{Digest, Sealed};
use crate::domain::retry::Backoff;
use crate::domain::transition::{Event, Ignored, Occasion};
use crate::seal::{Personal, Purpose, Seal};
use crate::store::{Change, Store, StoreError};

/// Results that go into one change of the store, so that others get their turn.
const CHUNK: usize = 1000;

/// Characters of a token at most. Odoo takes 100: what is longer than that is stored nowhere, and what is longer than this not
/// even here.
pub const LONGEST_TOKEN: usize = 1000;
/// Bytes of the registrant fields that come with one result at most, as JSON.
pub const LARGEST_VALUES: usize = 16 * 1024;

/// What MTS says of a record of which MOSIP told more than one error; of a request the same code means something else (MTS:
/// `authtoken` error codes).
const SEVERAL_ERRORS: &str = "ATS-REQ-103";

/// One result, as far as it can be believed.
#[derive(Debug)]
pub enum Answer {
    Token { token: Personal<String>, values: Option<Personal<Map<String, Value>>> },
    Error(Code),
}

impl Answer {
    /// Judges what MTS says of one record. `data` is what the connector's output format made of it.
    pub fn of(status: Option<&str>, code: Option<&str>, token: Option<Personal<String>>, data: Option<Value>) -> Self {
        let answer = match (status, code.filter(|code| !code.is_empty()), token) {
            // Old IDA releases give a token with a failed authentication: a code beside it makes it worthless.
            (_, Some(SEVERAL_ERRORS), _) => Self::Error(Code::SEVERAL_ERRORS),
            (_, Some(code), _) => Self::Error(Code::from_wire(code)),
            (Some("processed"), None, Some(token)) if !token.expose().is_empty() => {
                Self::Token { token, values: values(data) }
            }
            _ => Self::Error(Code::UNREADABLE),
        };
        answer.bounded()
    }

    /// What the store is to keep for one person has a bound, whatever MTS or its output format makes of it.
    fn bounded(self) -> Self {
        match self {
            Self::Token { token, .. } if token.expose().chars().nth(LONGEST_TOKEN).is_some() => {
                Self::Error(Code::TOKEN_NOT_STORABLE)
            }
            Self::Token { values: Some(values), .. } if size(values.expose()) > LARGEST_VALUES => {
                Self::Error(Code::VALUES_REFUSED)
            }
            within => within,
        }
    }
}

/// Bytes of an object as JSON.
fn size(values: &Map<String, Value>) -> usize {
    // Unwrap safety: an object of JSON values is JSON.
    serde_json::to_vec(values).expect("JSON").len()
}

impl Answer {
    fn is_token(&self) -> bool {
        matches!(self, Self::Token { .. })
    }
}

/// The registrant fields that the connector's output format wants set.
fn values(data: Option<Value>) -> Option<Personal<Map<String, Value>>> {
    match data?.get_mut("values")?.take() {
        Value::Object(values) if !values.is_empty() => Some(Personal::new(values)),
        _ => None,
    }
}

/// The way by which results came; each has a counter of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Callback,
    Download,
    /// Seen in the registry, where somebody else wrote it.
    Registry,
}

impl Way {
    /// Counts a result by what became of it.
    fn count(self, outcome: &'static str) {
        match self {
            Self::Callback => counter!("omc_callback_results_total", "outcome" => outcome).increment(1),
            Self::Download => counter!("omc_download_results_total", "outcome" => outcome).increment(1),
            Self::Registry => counter!("omc_elsewhere_results_total", "outcome" => outcome).increment(1),
        }
    }
}

/// What results say of those who made them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Said {
    /// Tokens come.
    pub tokens: bool,
    /// An error that is everybody's.
    pub trouble: Option<Code>,
    /// Results with another token than the one taken before, and whose the latest of them is.
    pub disputed: u64,
    pub latest: Option<RegistrantId>,
}

/// Takes results in.
#[derive(Debug, Clone)]
pub struct Intake {
    pub store: Store,
    pub seal: Arc<Seal>,
    pub steady: Steady,
    pub backoff: Backoff,
    pub patience: Patience,
}

impl Intake {
    /// Stores results and comes back when they are on disk.
    pub async fn take(&self, mut results: Vec<(Correlation, Answer)>, way: Way) -> Result<Said, Arc<StoreError>> {
        let mut said = Said::default();
        if results.is_empty() {
            return Ok(said);
        }
        while !results.is_empty() {
            let chunk = results.split_off(results.len().saturating_sub(CHUNK));
            let inner = self.clone();
            let taken = self.store.change(move |change| inner.take_chunk(chunk, way, change)).await;
            let found = taken.map_err(Arc::new)?;
            said.tokens |= found.tokens;
            said.trouble = said.trouble.or(found.trouble);
            said.disputed += found.disputed;
            said.latest = found.latest.or(said.latest);
        }
        self.store.sync().await?;
        Ok(said)
    }

    fn take_chunk(
        &self,
        results: Vec<(Correlation, Answer)>,
        way: Way,
        change: &mut Change<'_>,
    ) -> Result<Said, StoreError> {
        let (now, wall) = (self.steady.now(), self.steady.wall());
        let occasion = Occasion { now, wall, backoff: &self.backoff, jitter: 0.0 };
        let others_pass = results.iter().any(|(_, answer)| answer.is_token());
        let mut said = Said::default();
        let mut alive = BTreeSet::new();
        for (correlation, answer) in results {
            let key = correlation.key;
            let record = change.record(key)?;
            let attempt =
                record.and_then(|record| record.attempts.into_iter().find(|kept| kept.nonce == correlation.nonce));
            let is_token = answer.is_token();
            let (name, event) = self.event(correlation, answer, others_pass)?;
            let outcome = match change.apply(key, event, &occasion)? {
                // Known as ours; the record is done or gone.
                None => "late",
                Some(effects) => {
                    said.trouble = said.trouble.or(effects.trouble);
                    // What was taken before is no sign of life, of MTS or of MOSIP: it may be sent again and again, by whoever
                    // has seen it.
                    if effects.ignored.is_none() {
                        said.tokens |= is_token;
                        alive.extend(attempt.map(|attempt| attempt.batch));
                    }
                    if effects.ignored == Some(Ignored::Disputed) {
                        said.disputed += 1;
                        said.latest = Some(key.registrant);
                    }
                    effects.ignored.map_or(name, ignored_name)
                }
            };
            way.count(outcome);
        }
        for id in alive {
            let Some(mut batch) = change.batch(id) else { continue };
            batch.progressed(&self.patience, occasion.now);
            let mts_url = batch.mts_url.clone();
            change.put_batch(batch);
            // MTS works one after the other: what comes after this has its turn now.
            for mut next in change.batches_at(&mts_url).into_iter().filter(|next| next.id > id) {
                next.wait_anew(&self.patience, occasion.now);
                change.put_batch(next);
            }
        }
        Ok(said)
    }

    fn event(
        &self,
        correlation: Correlation,
        answer: Answer,
        others_pass: bool,
    ) -> Result<(&'static str, Event), StoreError> {
        let nonce = correlation.nonce;
        let (token, values) = match answer {
            Answer::Token { token, values } => (token, values),
            Answer::Error(code) => return Ok(("error", Event::Error { nonce, code, others_pass })),
        };
        let place = correlation.key.place();
        let sealed = |value: &[u8]| {
            self.seal.seal(&place, value).map(Sealed).map_err(|error| StoreError::Unsealable(error.to_string()))
        };
        let digest = Digest(self.seal.digest(Purpose::Token, token.expose().as_bytes()));
        let values = match values {
            Some(values) => Some(sealed(&serde_json::to_vec(values.expose()).unwrap_or_default())?),
            None => None,
        };
        Ok(("token", Event::Token { nonce, token: sealed(token.expose().as_bytes())?, digest, values }))
    }
}

fn ignored_name(ignored: Ignored) -> &'static str {
    match ignored {
        Ignored::Repeat => "repeat",
        Ignored::Stale => "stale",
        Ignored::Disputed => "disputed",
    }
}
