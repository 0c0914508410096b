//! What a callback says: the results in OMC's own output format, one or many.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::domain::code::Code;
use crate::domain::correlation::Correlation;
use crate::domain::identity::ConnectorId;
use crate::seal::{Personal, Purpose, Seal};

/// One result, as far as it can be believed.
#[derive(Debug)]
pub enum Answer {
    Token { token: Personal<String>, values: Option<Personal<Map<String, Value>>> },
    Error(Code),
}

impl Answer {
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

    pub(super) fn is_token(&self) -> bool {
        matches!(self, Self::Token { .. })
    }
}

/// Why an entry of a callback is no result of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Foreign {
    /// `null` or nothing: MTS's output format failed on the record, or the callback has no body.
    Empty,
    /// Not of the form that OMC asks MTS for.
    Shapeless,
    /// The correlation is missing, forged, or of another connector.
    Stranger,
}

#[derive(Deserialize)]
struct Entry {
    omc_ref: Option<String>,
    status: Option<String>,
    token: Option<Personal<String>>,
    code: Option<String>,
    data: Option<Value>,
}

/// Results in one callback at most. A batch has 5000 records at most (`submit.batch_size`), and comes in one callback.
pub const MAX_ENTRIES: usize = 20_000;
/// Values in all of one callback at most, about: some fifty for each result of the largest batch. A value takes up to 640 bytes of
/// memory, however few it takes in the body.
const MAX_VALUES: usize = 250_000;
/// Characters of a token at most. Odoo takes 100: what is longer than that is stored nowhere, and what is longer than this not
/// even here.
const LONGEST_TOKEN: usize = 1000;
/// Bytes of the registrant fields that come with one result at most, as JSON.
const LARGEST_VALUES: usize = 16 * 1024;

/// Why nothing of a body can be used.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not JSON, or neither results nor one.
    Garbage,
    /// More than [`MAX_ENTRIES`] results, or more values in them than so many results have.
    TooMany,
    /// Too many others were being read.
    NoRoom,
}

/// The entries of a body.
#[derive(Default, PartialEq)]
pub struct Entries {
    /// Objects and nulls.
    pub kept: Vec<Value>,
    /// How many were neither.
    pub shapeless: u64,
}

/// Without the entries: tokens are in them.
impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({} kept, {} shapeless)", self.kept.len(), self.shapeless)
    }
}

/// Takes a body apart into its entries. An empty body is one empty entry: MTS sends so when the output format fails.
pub fn entries(body: &[u8]) -> Result<Entries, Unread> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Entries::one(Value::Null));
    }
    // Before each value but the first of all stands one of these; in texts they count too much, which the limit allows for.
    let values = body.iter().filter(|byte| matches!(byte, b'[' | b'{' | b',')).count();
    if values > MAX_VALUES {
        return Err(Unread::TooMany);
    }
    let mut too_many = false;
    let mut json = serde_json::Deserializer::from_slice(body);
    let read =
        Whole { too_many: &mut too_many }.deserialize(&mut json).and_then(|entries| json.end().map(|()| entries));
    read.map_err(|_| if too_many { Unread::TooMany } else { Unread::Garbage })
}

impl Entries {
    fn one(entry: Value) -> Self {
        Self { kept: vec![entry], shapeless: 0 }
    }
}

/// Reads a body as a whole, and stops where there are too many entries.
struct Whole<'a> {
    too_many: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Entries;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entries, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("results, or one")
    }

    fn visit_unit<E>(self) -> Result<Entries, E> {
        Ok(Entries::one(Value::Null))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entries, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(Entries::one)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Entries, A::Error> {
        let mut entries = Entries::default();
        for room in (0..=MAX_ENTRIES).rev() {
            match sequence.next_element::<Slot>()? {
                None => return Ok(entries),
                Some(_) if room == 0 => break,
                Some(Slot(Some(entry))) => entries.kept.push(entry),
                Some(Slot(None)) => entries.shapeless += 1,
            }
        }
        *self.too_many = true;
        Err(A::Error::custom("too many results"))
    }
}

/// One entry, if it is an object or null; anything else is passed over.
struct Slot(Option<Value>);

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self(None))
    }
}

impl<'de> Visitor<'de> for Slot {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a result")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self(Some(Value::Null)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(|entry| Self(Some(entry)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

/// What a body says of registrants of this connector.
pub(super) struct Read {
    pub ours: Vec<(Correlation, Answer)>,
    pub foreign: BTreeMap<Foreign, u64>,
}

/// Takes a body apart and reads all of it.
pub(super) fn results(body: &[u8], connector: ConnectorId, seal: &Seal) -> Result<Read, Unread> {
    let Entries { kept, shapeless } = entries(body)?;
    let (ours, mut foreign) = read_all(kept, connector, seal);
    if shapeless > 0 {
        *foreign.entry(Foreign::Shapeless).or_default() += shapeless;
    }
    Ok(Read { ours, foreign })
}

/// Reads all entries: those that are ours, and how many are not, by reason.
fn read_all(
    entries: Vec<Value>,
    connector: ConnectorId,
    seal: &Seal,
) -> (Vec<(Correlation, Answer)>, BTreeMap<Foreign, u64>) {
    let (mut ours, mut foreign) = (Vec::new(), BTreeMap::new());
    for entry in entries {
        match read(entry, connector, seal) {
            Ok(result) => ours.push(result),
            Err(reason) => *foreign.entry(reason).or_default() += 1,
        }
    }
    (ours, foreign)
}

/// Reads one entry, and believes it only under a correlation that this OMC made for this connector.
pub fn read(entry: Value, connector: ConnectorId, seal: &Seal) -> Result<(Correlation, Answer), Foreign> {
    if entry.is_null() {
        return Err(Foreign::Empty);
    }
    let entry: Entry = serde_json::from_value(entry).map_err(|_| Foreign::Shapeless)?;
    let (correlation, mac) = entry.omc_ref.as_deref().and_then(Correlation::from_text).ok_or(Foreign::Stranger)?;
    if correlation.connector != connector || !seal.mac_holds(Purpose::Correlation, &correlation.signed(), &mac) {
        return Err(Foreign::Stranger);
    }
    let answer = match (entry.status.as_deref(), entry.code.filter(|code| !code.is_empty()), entry.token) {
        // Old IDA releases give a token with a failed authentication: a code beside it makes it worthless.
        (_, Some(code), _) => Answer::Error(Code::from_wire(&code)),
        (Some("processed"), None, Some(token)) if !token.expose().is_empty() => {
            Answer::Token { token, values: values(entry.data) }
        }
        _ => Answer::Error(Code::UNREADABLE),
    };
    Ok((correlation, answer.bounded()))
}

/// Bytes of an object as JSON.
fn size(values: &Map<String, Value>) -> usize {
    // Unwrap safety: an object of JSON values is JSON.
    serde_json::to_vec(values).expect("JSON").len()
}

/// The registrant fields that the connector's output format wants set.
fn values(data: Option<Value>) -> Option<Personal<Map<String, Value>>> {
    match data?.get_mut("values")?.take() {
        Value::Object(values) if !values.is_empty() => Some(Personal::new(values)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "result_test.rs"]
mod tests;
