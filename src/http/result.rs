//! What a callback says: the results in OMC's own output format, one or many.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::domain::correlation::Correlation;
use crate::domain::identity::ConnectorId;
use crate::intake::Answer;
use crate::seal::{Personal, Purpose, Seal};

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
    Ok((correlation, Answer::of(entry.status.as_deref(), entry.code.as_deref(), entry.token, entry.data)))
}

#[cfg(test)]
#[path = "result_test.rs"]
mod tests;
