//! Preparing: what is to be done with a due record, given what Odoo says of its registrant now.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};

use super::apart::Read;
use super::clean_up::token_came;
use super::input_format::{self, Shaped};
use super::{Remote, Worker};
use crate::domain::code::Code;
use crate::domain::connector::Connector;
use crate::domain::delivery::Delivery;
use crate::domain::identity::RegistrantId;
use crate::domain::opaque::Digest;
use crate::domain::portable;
use crate::domain::preflight;
use crate::domain::record::{HeldVid, Record, RecordKey, State};
use crate::domain::shape::{AuthData, Demographics};
use crate::domain::vid_rules::{Doubt, Standing, Treatment, VidRules};
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
        /// What looks wrong with the VID, though it is sent.
        doubt: Option<Doubt>,
    },
}

impl Decision {
    /// Refuses whom Odoo fails on. The VID stays: what MTS may still answer under an earlier attempt goes by it.
    pub fn unreadable(record: &Record) -> Self {
        Self::Refuse { code: Code::READ_FAILS, vid: record.vid.clone(), data: None }
    }
}

/// Decides about due records. Those that cannot be judged now are left out, and stay due.
pub(super) async fn records(
    worker: &Worker,
    connector: &Connector,
    due: Vec<Record>,
    read: Read,
) -> Vec<(RecordKey, Decision)> {
    let mut found: HashMap<RegistrantId, Registrant> =
        read.found.into_iter().map(|registrant| (registrant.id, registrant)).collect();
    let (failing, mut untouched): (HashSet<_>, HashSet<_>) =
        (read.failing.into_iter().collect(), read.untouched.into_iter().collect());
    let preparation = Preparation::new(connector, &worker.seal, worker.settings.vid, worker.clock.now());
    let pairs = due.iter().filter_map(|record| Some((record, found.get(&record.key.registrant)?)));
    let mut shaping = input_format::run(&worker.jail, &preparation, pairs.collect()).await;
    untouched.extend(shaping.untouched());
    if let Some(remote) = Remote::input_format(connector) {
        match shaping.stopped {
            Some(stop) => {
                worker.breakers.failed(&remote, &stop.to_string(), worker.jitter(), worker.steady.now());
            }
            None if shaping.ran_clean => worker.breakers.succeeded(&remote),
            None => {}
        }
    }
    due.into_iter()
        .filter(|record| !untouched.contains(&record.key.registrant))
        .map(|record| {
            let registrant = record.key.registrant;
            if failing.contains(&registrant) {
                return (record.key, Decision::unreadable(&record));
            }
            let decision = preparation.decide(&record, found.remove(&registrant), shaping.take(registrant));
            (record.key, decision)
        })
        .collect()
}

/// Prepares the records of one batch.
pub struct Preparation<'a> {
    connector: &'a Connector,
    seal: &'a Seal,
    rules: VidRules,
    today: NaiveDate,
    /// What else but the values decides what is sent, and whether it is taken.
    mapping: String,
}

impl<'a> Preparation<'a> {
    pub fn new(connector: &'a Connector, seal: &'a Seal, rules: VidRules, now: DateTime<Utc>) -> Self {
        Self { connector, seal, rules, today: now.date_naive(), mapping: mapping(connector) }
    }

    pub fn connector(&self) -> &'a Connector {
        self.connector
    }

    /// The values of a registrant as the connector's input format takes them.
    pub fn input(&self, registrant: &Registrant) -> Value {
        Demographics::from_odoo(registrant.values.expose(), &self.connector.fields).to_value()
    }

    /// Whether the input format is known to run away on these values: it was refused for that, and they are the same.
    pub fn runs_away(&self, record: &Record, registrant: &Registrant) -> bool {
        let State::Pending { refused: Some(code), .. } = &record.state else { return false };
        let as_before = || self.data_digested(registrant.values.expose(), &Err(Code::INPUT_FORMAT_RUNS_AWAY));
        let same = |known: Digest| self.seal.is_digest(Purpose::AuthData, &as_before(), &known.0);
        *code == Code::INPUT_FORMAT_RUNS_AWAY && record.data.is_some_and(same)
    }

    /// Decides about one record; `found` is its registrant, if Odoo still has it and the filter takes it, and `shaped` what the
    /// input format made of it, if the connector has one.
    pub fn decide(&self, record: &Record, found: Option<Registrant>, shaped: Option<Shaped>) -> Decision {
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
        let made = self.auth_data(registrant.values.expose(), shaped, vid_value(usable.first()));
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
            (None, Some(row)) => match made.and_then(|auth_data| self.checked(auth_data)) {
                Ok(auth_data) => {
                    let doubt = self.doubt(row).map(|(doubt, _)| doubt);
                    Decision::Send { vid, data, auth_data: Personal::new(auth_data), doubt }
                }
                Err(code) => refuse(code),
            },
        }
    }

    fn auth_data(&self, values: &Map<String, Value>, shaped: Option<Shaped>, vid: &str) -> Result<AuthData, Code> {
        let demographics = match shaped {
            None => Demographics::from_odoo(values, &self.connector.fields),
            Some(shaped) => Demographics::from_input_format(shaped?)?,
        };
        demographics.into_auth_data(vid, self.connector)
    }

    fn checked(&self, auth_data: AuthData) -> Result<Map<String, Value>, Code> {
        preflight::check(&auth_data, &self.connector.mapping, &self.connector.mandatory)?;
        Ok(match self.connector.delivery {
            Delivery::Callback | Delivery::Elsewhere => auth_data.into_map(),
            Delivery::Download(_) => portable::record(&auth_data, &self.connector.mapping),
        })
    }

    /// The record of a registrant as an output format sees it, with the VID that was sent; `None`: it cannot be made any more.
    pub fn as_sent(&self, registrant: &Registrant, shaped: Option<Shaped>, vid: &str) -> Option<Value> {
        let made = self.auth_data(registrant.values.expose(), shaped, vid);
        made.ok().map(|auth_data| Value::Object(auth_data.into_map()))
    }

    /// What the rules say of a VID.
    fn doubt(&self, vid: &IdRow) -> Option<(Doubt, Treatment)> {
        let standing = Standing {
            invalid: vid.status.as_deref() == Some("invalid"),
            expired: vid.expiry_date.is_some_and(|until| until < self.today),
        };
        self.rules.doubt(vid.value.expose().trim(), standing)
    }

    /// Why a VID cannot be used.
    fn objection(&self, vid: &IdRow) -> Option<Code> {
        match self.doubt(vid) {
            Some((doubt, Treatment::Refuse)) => Some(doubt.code()),
            _ => (!preflight::has_form_of_vid(vid.value.expose().trim())).then_some(Code::VID_MALFORMED),
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
    use crate::domain::expression::Expression;
    use crate::domain::identity::{ConnectorId, IdTypeId, RegIdRow, RegistrantId, RunId};
    use crate::domain::record::RecordKey;
    use crate::domain::shape::tests::connector;
    use crate::seal::Personal;
    use crate::worker::VidConfig;

    fn rules() -> VidRules {
        VidConfig::default().rules()
    }

    #[test]
    fn on_whom_the_input_format_ran_away_it_is_run_again_when_something_changed() {
        let mapping = r#"{"name": ["given_name"], "dob": "birthdate", "fullAddress": ["address"]}"#;
        let mut connector = connector(mapping, None, None);
        let format = |text| Some(Expression::parse(text).unwrap());
        connector.input_format = format(".|.");
        let written = DateTime::UNIX_EPOCH;
        let vid = IdRow {
            row: RegIdRow(5),
            value: Personal::new("2045678901234567".to_owned()),
            status: None,
            expiry_date: None,
            created: written,
            written,
            written_text: "1970-01-01 00:00:00".to_owned(),
        };
        let registrant = |name: &str| Registrant {
            id: RegistrantId(17),
            is_group: false,
            values: Personal::new(Map::from_iter([("given_name".to_owned(), Value::from(name))])),
            vids: vec![vid.clone()],
            tokens: Vec::new(),
        };
        let seal = Seal::from_key([7; 32]);
        let key = RecordKey { token_type: IdTypeId(2), registrant: RegistrantId(17) };
        let mut record = Record::admitted(key, ConnectorId(1), RunId(1), DateTime::UNIX_EPOCH);
        let ran_away = || Some(Err(Code::INPUT_FORMAT_RUNS_AWAY));
        let preparation = Preparation::new(&connector, &seal, rules(), DateTime::UNIX_EPOCH);
        assert!(!preparation.runs_away(&record, &registrant("Abebe")));
        let Decision::Refuse { code, vid, data } = preparation.decide(&record, Some(registrant("Abebe")), ran_away())
        else {
            panic!("not refused")
        };
        assert_eq!(code, Code::INPUT_FORMAT_RUNS_AWAY);
        (record.vid, record.data) = (vid, data);
        record.state = State::Pending { refused: Some(code), alone: None };
        assert!(preparation.runs_away(&record, &registrant("Abebe")));
        let again = preparation.decide(&record, Some(registrant("Abebe")), ran_away());
        assert!(matches!(again, Decision::Unchanged { .. }), "{again:?}");
        assert!(!preparation.runs_away(&record, &registrant("Derartu")), "other data");
        let mut corrected = connector.clone();
        corrected.input_format = format(".");
        let preparation = Preparation::new(&corrected, &seal, rules(), DateTime::UNIX_EPOCH);
        assert!(!preparation.runs_away(&record, &registrant("Abebe")), "another input format");
        record.state = State::Pending { refused: None, alone: None };
        assert!(!preparation.runs_away(&record, &registrant("Abebe")), "an administrator wants it tried");
    }

    #[test]
    fn what_would_be_sent_is_not_printed() {
        let vid = HeldVid { row: RegIdRow(5), written: String::new(), digest: Digest([2; 36]), also: Vec::new() };
        let auth_data = Personal::new(Map::from_iter([("vid".to_owned(), Value::from("2045678901234567"))]));
        let printed = format!("{:?}", Decision::Send { vid, data: Digest([3; 36]), auth_data, doubt: None });
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
