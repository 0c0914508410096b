//! Preparing: what is to be done with a due record, given what Odoo says of its registrant now.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};

use super::clean_up::token_came;
use crate::domain::code::Code;
use crate::domain::connector::Connector;
use crate::domain::opaque::Digest;
use crate::domain::preflight;
use crate::domain::record::{HeldVid, Record, State};
use crate::domain::shape::{AuthData, Demographics};
use crate::jq::{Compiled, Jq};
use crate::odoo::registry::{IdRow, Registrant};
use crate::seal::{Personal, Purpose, Seal};

/// What is to be done.
#[derive(Debug)]
pub enum Decision {
    /// Nothing, any more: out of the filter, no VID, or a token already.
    Leave,
    Refuse {
        code: Code,
        vid: Option<HeldVid>,
        data: Option<Digest>,
    },
    /// Refused before, and neither VID nor data changed.
    Unchanged {
        vid: HeldVid,
        data: Digest,
    },
    Send {
        vid: HeldVid,
        data: Digest,
        auth_data: Personal<Map<String, Value>>,
    },
}

impl Decision {
    /// Refuses whom Odoo fails on. The VID stays: what MTS may still answer under an earlier attempt goes by it.
    pub fn unreadable(record: &Record) -> Self {
        Self::Refuse { code: Code::READ_FAILS, vid: record.vid.clone(), data: None }
    }
}

/// Prepares the records of one batch.
pub struct Preparation<'a> {
    connector: &'a Connector,
    seal: &'a Seal,
    today: NaiveDate,
    /// What else but the values decides what is sent, and whether it is taken.
    mapping: String,
    /// An input format that does not compile refuses everybody.
    input_format: Option<Option<Compiled>>,
}

impl<'a> Preparation<'a> {
    pub fn new(connector: &'a Connector, seal: &'a Seal, now: DateTime<Utc>) -> Self {
        let input_format = connector.input_format.as_ref().map(|format| Jq::compile(format).ok());
        Self { connector, seal, today: now.date_naive(), mapping: mapping(connector), input_format }
    }

    /// Decides about one record; `found` is its registrant, if Odoo still has it and the filter takes it.
    pub fn decide(&self, record: &Record, found: Option<Registrant>) -> Decision {
        let Some(registrant) = found else { return Decision::Leave };
        // A VID that is older than the token stayed behind, and is for the clean-up; a newer one is a correction.
        let token_came = token_came(&registrant);
        let fresh = |vid: &&IdRow| token_came.is_none_or(|came| vid.written >= came);
        let vids: Vec<&IdRow> = registrant.vids.iter().filter(fresh).collect();
        let Some(first) = vids.first() else { return Decision::Leave };
        let usable: Vec<&IdRow> = vids.iter().copied().filter(|vid| self.objection(vid).is_none()).collect();
        let (row, digested, objection) = match usable.as_slice() {
            [vid] => (*vid, vid.value.expose().trim().to_owned(), None),
            [] => (*first, self.all_of(&vids), self.objection(first)),
            _ => (*first, self.all_of(&vids), Some(Code::SEVERAL_VIDS)),
        };
        let vid = self.held(record, row, digested.as_bytes());
        let made = self.auth_data(registrant.values.expose(), vid_value(usable.first()));
        let data = self.data_digested(registrant.values.expose(), &made);
        let before = match &record.state {
            // What was in the way is gone.
            State::Pending { refused: Some(code), .. } if *code == Code::OTHER_TOKEN => !registrant.tokens.is_empty(),
            State::Pending { refused, .. } => refused.is_some(),
            _ => false,
        };
        let is_of = |purpose, value: &[u8], known: &Digest| self.seal.is_digest(purpose, value, &known.0);
        let same_vid = record.vid.as_ref().is_some_and(|held| is_of(Purpose::Vid, digested.as_bytes(), &held.digest));
        let same_data = record.data.is_some_and(|known| is_of(Purpose::AuthData, &data, &known));
        let data = Digest(self.seal.digest(Purpose::AuthData, &data));
        if before && same_vid && same_data {
            return Decision::Unchanged { vid, data };
        }
        let refuse = |code| Decision::Refuse { code, vid: Some(vid.clone()), data: Some(data) };
        match (objection, usable.first()) {
            (Some(code), _) => refuse(code),
            (None, None) => refuse(Code::VID_MALFORMED),
            (None, Some(_)) => match made.and_then(|auth_data| self.checked(auth_data)) {
                Ok(auth_data) => Decision::Send { vid, data, auth_data: Personal::new(auth_data) },
                Err(code) => refuse(code),
            },
        }
    }

    fn auth_data(&self, values: &Map<String, Value>, vid: &str) -> Result<AuthData, Code> {
        let demographics = Demographics::from_odoo(values, &self.connector.fields);
        let demographics = match &self.input_format {
            None => demographics,
            Some(format) => {
                let format = format.as_ref().ok_or(Code::INPUT_FORMAT_USELESS)?;
                let shaped = format.first(&demographics.to_value()).map_err(|_| Code::INPUT_FORMAT_USELESS)?;
                Demographics::from_input_format(shaped)?
            }
        };
        demographics.into_auth_data(vid, self.connector)
    }

    fn checked(&self, auth_data: AuthData) -> Result<Map<String, Value>, Code> {
        preflight::check(&auth_data, &self.connector.mapping, &self.connector.mandatory)?;
        Ok(auth_data.into_map())
    }

    /// Why a VID cannot be used.
    fn objection(&self, vid: &IdRow) -> Option<Code> {
        if vid.status.as_deref() == Some("invalid") {
            Some(Code::VID_INVALID)
        } else if vid.expiry_date.is_some_and(|until| until < self.today) {
            Some(Code::VID_EXPIRED)
        } else if preflight::has_form_of_vid(vid.value.expose().trim()) {
            None
        } else {
            Some(Code::VID_MALFORMED)
        }
    }

    /// The VID, by the current key, and by those of before that attempts of the record went by.
    fn held(&self, record: &Record, vid: &IdRow, digested: &[u8]) -> HeldVid {
        let digest = Digest(self.seal.digest(Purpose::Vid, digested));
        let earlier = self.seal.earlier_digests(Purpose::Vid, digested).into_iter().map(Digest);
        let also = earlier.filter(|digest| record.attempts.iter().any(|attempt| attempt.vid == *digest)).collect();
        HeldVid { row: vid.row, written: vid.written_text.clone(), digest, also }
    }

    /// Everything about the VIDs of somebody who has not exactly one that can be used: any change of it is a change.
    fn all_of(&self, vids: &[&IdRow]) -> String {
        let lines = vids.iter().map(|vid| {
            format!(
                "{}|{}|{:?}|{:?}|{:?}\n",
                vid.row,
                vid.value.expose(),
                vid.status,
                vid.expiry_date,
                self.objection(vid)
            )
        });
        lines.collect()
    }

    /// Of what would be sent, and of what else decides whether it is taken. Who takes the person, and why, does not count:
    /// connectors that overlap must see the same refusal.
    fn data_digested(&self, values: &Map<String, Value>, made: &Result<AuthData, Code>) -> Vec<u8> {
        let data = made.as_ref().map_or(values, AuthData::as_map);
        let mut bytes = serde_json::to_vec(data).unwrap_or_default();
        bytes.extend_from_slice(self.mapping.as_bytes());
        bytes
    }
}

fn mapping(connector: &Connector) -> String {
    let input_format = connector.input_format.as_ref().map(|format| format.source());
    let country = &connector.phone_country_code;
    let (mapping, mandatory, language) = (connector.mapping.to_json(), connector.mandatory, &connector.language);
    serde_json::json!([mapping, mandatory, input_format, country, language]).to_string()
}

fn vid_value<'a>(vid: Option<&&'a IdRow>) -> &'a str {
    vid.map_or("", |vid| vid.value.expose().trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::{ConnectorId, IdTypeId, RegIdRow, RegistrantId, RunId};
    use crate::domain::record::RecordKey;

    #[test]
    fn what_would_be_sent_is_not_printed() {
        let vid = HeldVid { row: RegIdRow(5), written: String::new(), digest: Digest([2; 36]), also: Vec::new() };
        let auth_data = Personal::new(Map::from_iter([("vid".to_owned(), Value::from("2045678901234567"))]));
        let printed = format!("{:?}", Decision::Send { vid, data: Digest([3; 36]), auth_data });
        assert!(printed.starts_with("Send") && !printed.contains("2045"), "{printed}");
    }

    #[test]
    fn whom_odoo_fails_on_keeps_the_vid_that_an_answer_may_still_come_for() {
        let key = RecordKey { token_type: IdTypeId(3), registrant: RegistrantId(17) };
        let mut record = Record::admitted(key, ConnectorId(1), RunId(1), DateTime::UNIX_EPOCH);
        let held = HeldVid {
            row: RegIdRow(5),
            written: "2026-01-01 00:00:00.000001".to_owned(),
            digest: Digest([2; 36]),
            also: Vec::new(),
        };
        record.vid = Some(held.clone());
        let Decision::Refuse { vid, .. } = Decision::unreadable(&record) else { panic!("not refused") };
        assert_eq!(vid, Some(held));
    }
}
