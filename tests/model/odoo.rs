//! A scripted Odoo: a registry of a few people behind the addon's door (docs/door.md) and behind plain calls. Effects happen
//! exactly when the history says, and whatever the daemon does here against a law is written down.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::http::Reply;
use crate::operation::{Edit, OdooFault};
use crate::xml;

pub const VID_TYPE: u32 = 1;
pub const TOKEN_TYPE: u32 = 2;
/// The people of a history, by their ids in Odoo.
pub const PEOPLE: [u32; 6] = [11, 12, 13, 14, 15, 16];
const SECOND: i64 = 1_000_000;

/// The token that MOSIP gives for a VID.
pub fn token_of(vid: &str) -> String {
    format!("TOKEN-{vid}")
}

#[derive(Debug, Clone)]
pub struct Person {
    pub active: bool,
    pub region: &'static str,
    /// Unset: MTS will not have the person.
    pub name: &'static str,
    pub written: i64,
}

#[derive(Debug, Clone)]
pub struct IdRow {
    pub person: u32,
    pub kind: u32,
    pub value: String,
    pub created: i64,
    pub written: i64,
}

/// What a call is to meet: `after` so many others of the step.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    pub nth: u8,
    pub fault: Option<OdooFault>,
    pub edit: Option<(u8, Edit)>,
}

#[derive(Debug, Default)]
pub struct Odoo {
    /// True time in microseconds; grows with each transaction.
    pub now: i64,
    pub people: BTreeMap<u32, Person>,
    pub ids: BTreeMap<u32, IdRow>,
    /// Each connector's filter.
    pub filters: BTreeMap<u32, Vec<Value>>,
    pub plan: Option<Planned>,
    /// Whom Odoo fails on when they are read.
    pub unreadable: Option<u32>,
    /// Tokens that MTS gave for these people, under a genuine reference and with the right bearer.
    pub delivered: BTreeSet<(u32, String)>,
    /// Whose token was acknowledged to MTS: the VID row it was for, and when that was written.
    pub acknowledged: BTreeMap<u32, (u32, i64)>,
    /// Tokens and VIDs as the administrator left them.
    by_hand: BTreeSet<u32>,
    former_vids: BTreeMap<u32, String>,
    next_row: u32,
    fresh: u32,
    pub violations: Vec<String>,
    /// The daemon is to be killed when the next write has taken effect.
    pub kill_at_write: bool,
    pub killed: bool,
}

impl Odoo {
    /// Six people; the fourth lacks a name, and the fifth has a VID that MOSIP refuses.
    pub fn new(now: i64) -> Self {
        let mut odoo = Self { now, next_row: 100, ..Self::default() };
        for (index, id) in PEOPLE.into_iter().enumerate() {
            let region = if index % 2 == 0 { "north" } else { "south" };
            let name = if index == 3 { "" } else { "Ana" };
            odoo.people.insert(id, Person { active: true, region, name, written: now - 1000 * SECOND });
            let vid = odoo.fresh_vid(index == 4);
            odoo.insert(id, VID_TYPE, vid);
        }
        odoo
    }

    /// A VID that nobody had; MOSIP refuses those that end in a nought.
    fn fresh_vid(&mut self, refused: bool) -> String {
        self.fresh += 1;
        format!("{}{}", 700_000 + self.fresh, if refused { 0 } else { 1 })
    }

    fn insert(&mut self, person: u32, kind: u32, value: String) -> u32 {
        self.next_row += 1;
        let now = self.tick();
        self.ids.insert(self.next_row, IdRow { person, kind, value, created: now, written: now });
        self.next_row
    }

    fn tick(&mut self) -> i64 {
        self.now += 1;
        self.now
    }

    pub fn rows(&self, person: u32, kind: u32) -> Vec<(u32, &IdRow)> {
        let of = |(_, row): &(&u32, &IdRow)| row.person == person && row.kind == kind;
        self.ids.iter().filter(of).map(|(id, row)| (*id, row)).collect()
    }

    pub fn edit(&mut self, person: u32, edit: Edit) {
        if !self.people.contains_key(&person) {
            return;
        }
        self.acknowledged.remove(&person);
        let vid = self.rows(person, VID_TYPE).first().map(|(id, _)| *id);
        let value = |odoo: &Self| vid.map(|id| odoo.ids[&id].value.clone());
        match edit {
            Edit::NewVid => {
                let fresh = self.fresh_vid(false);
                self.set_vid(person, vid, fresh);
            }
            Edit::RefusedVid => {
                let fresh = self.fresh_vid(true);
                self.set_vid(person, vid, fresh);
            }
            Edit::MalformedVid => self.set_vid(person, vid, "7 000".to_owned()),
            Edit::FormerVid => {
                if let Some(former) = self.former_vids.get(&person).cloned() {
                    self.set_vid(person, vid, former);
                }
            }
            Edit::TouchVid => {
                if let Some(same) = value(self) {
                    self.set_vid(person, vid, same);
                }
            }
            Edit::SecondVid => {
                let fresh = self.fresh_vid(false);
                self.insert(person, VID_TYPE, fresh);
            }
            Edit::RemoveVid => self.ids.retain(|_, row| row.person != person || row.kind != VID_TYPE),
            Edit::RightToken => {
                if let Some(vid) = value(self).filter(|_| self.rows(person, TOKEN_TYPE).is_empty()) {
                    let row = self.insert(person, TOKEN_TYPE, token_of(&vid));
                    self.by_hand.insert(row);
                }
            }
            Edit::ForeignToken => {
                if self.rows(person, TOKEN_TYPE).is_empty() {
                    let row = self.insert(person, TOKEN_TYPE, "TOKEN-FOREIGN".to_owned());
                    self.by_hand.insert(row);
                }
            }
            Edit::RemoveToken => self.ids.retain(|_, row| row.person != person || row.kind != TOKEN_TYPE),
            Edit::Mend => self.write(person, |person| person.name = "Ana"),
            Edit::Spoil => self.write(person, |person| person.name = ""),
            Edit::Archive => self.write(person, |person| person.active = false),
            Edit::Restore => self.write(person, |person| person.active = true),
            Edit::Move => {
                self.write(person, |person| person.region = if person.region == "north" { "south" } else { "north" });
            }
            Edit::Delete => {
                self.people.remove(&person);
                self.ids.retain(|_, row| row.person != person);
            }
        }
    }

    fn write(&mut self, person: u32, change: impl FnOnce(&mut Person)) {
        let now = self.tick();
        let person = self.people.get_mut(&person).unwrap();
        person.written = now;
        change(person);
    }

    fn set_vid(&mut self, person: u32, row: Option<u32>, value: String) {
        let now = self.tick();
        match row.and_then(|row| self.ids.get_mut(&row)) {
            Some(row) => {
                if row.value != value {
                    self.former_vids.insert(person, std::mem::replace(&mut row.value, value));
                }
                row.written = now;
            }
            None => {
                self.insert(person, VID_TYPE, value);
            }
        }
    }

    /// Answers one call; `door`: the addon is installed.
    pub fn call(&mut self, document: &[u8], door: bool) -> Reply {
        let (method, params) = xml::read_call(document);
        if method == "authenticate" {
            return self.good(&json!(2));
        }
        let (model, name) = (params[3].as_str().unwrap(), params[4].as_str().unwrap());
        let fault = self.planned(name);
        let effect = match fault {
            Some(OdooFault::Before | OdooFault::Exception | OdooFault::GatewayBefore) => None,
            _ => Some(self.carry_out(model, name, &params[5], &params[6], door, fault)),
        };
        if self.kill_at_write && matches!(name, "omc_apply" | "create" | "unlink") {
            self.kill_at_write = false;
            self.killed = true;
            return Reply::Close;
        }
        match (fault, effect) {
            (Some(OdooFault::Exception), _) => {
                let text = "Traceback (most recent call last):\npsycopg2.errors.SerializationFailure: no\n";
                self.ok(xml::fault(1, text))
            }
            (Some(OdooFault::GatewayBefore | OdooFault::GatewayAfter), _) => Reply::Status(502),
            (Some(OdooFault::Before | OdooFault::After), _) => Reply::Close,
            (Some(OdooFault::CutAfter), Some(Ok(value))) => Reply::Cut(xml::answer(&value)),
            (_, Some(Ok(value))) => self.good(&value),
            (_, Some(Err((code, text)))) => self.ok(xml::fault(code, &text)),
            (_, None) => Reply::Close,
        }
    }

    fn planned(&mut self, method: &str) -> Option<OdooFault> {
        let plan = self.plan.as_mut()?;
        if let Some(left) = plan.nth.checked_sub(1) {
            plan.nth = left;
            return None;
        }
        if plan.edit.is_some() && matches!(method, "create" | "unlink") {
            // Without the addon an edit between the reading and the writing can be lost: that is documented.
            return None;
        }
        let Planned { fault, edit, .. } = self.plan.take()?;
        if let Some((person, edit)) = edit {
            self.edit(PEOPLE[usize::from(person) % PEOPLE.len()], edit);
        }
        fault
    }

    fn good(&self, value: &Value) -> Reply {
        self.ok(xml::answer(value))
    }

    fn ok(&self, body: String) -> Reply {
        let date = DateTime::from_timestamp_micros(self.now).unwrap();
        Reply::Answer { status: 200, kind: "text/xml", date: Some(date), body }
    }

    fn carry_out(
        &mut self,
        model: &str,
        method: &str,
        args: &Value,
        kwargs: &Value,
        door: bool,
        fault: Option<OdooFault>,
    ) -> Result<Value, (i64, String)> {
        self.tick();
        match (model, method) {
            ("omc.connector", _) if !door => Err((2, "Object omc.connector doesn't exist".to_owned())),
            ("omc.connector", "search") => Ok(self.filters.keys().copied().collect()),
            ("omc.connector", _) if args[0][0].as_u64().is_some_and(|id| !self.filters.contains_key(&(id as u32))) => {
                Err((2, "Record does not exist or has been deleted.\n(Record: omc.connector(1,), User: 2)".to_owned()))
            }
            ("omc.connector", "omc_pull") => self.pull(args),
            ("omc.connector", "omc_apply") => Ok(self.apply(&args[1], fault == Some(OdooFault::Busy))),
            ("omc.connector", "omc_report") => {
                let run = args[1].get("run").map_or(json!(false), |run| match run["id"].as_i64() {
                    Some(id) => json!(id),
                    None => json!(7),
                });
                Ok(json!({ "run_id": run }))
            }
            ("g2p.reg.id", "fields_get") => Ok(json!({"value": {"type": "char"}, "status": {"type": "selection"}})),
            ("g2p.reg.id", "search_read") => Ok(self.read_ids(&args[0])),
            ("g2p.reg.id", "create") => self.create(args[0].as_array().unwrap()),
            ("g2p.reg.id", "unlink") => self.unlink(args[0].as_array().unwrap()),
            ("res.partner", "search") => {
                let limit = kwargs["limit"].as_u64().unwrap_or(u64::MAX) as usize;
                let found = self.matching(args[0].as_array().unwrap());
                Ok(found.into_iter().take(limit).collect())
            }
            ("res.partner", "search_read") => {
                let found = self.matching(args[0].as_array().unwrap());
                self.readable(&found)?;
                Ok(found
                    .iter()
                    .map(|id| json!({"id": id, "given_name": text(self.people[id].name), "person": id.to_string()}))
                    .collect())
            }
            other => panic!("the daemon calls {other:?}"),
        }
    }

    fn readable(&self, ids: &[u32]) -> Result<(), (i64, String)> {
        match self.unreadable {
            Some(id) if ids.contains(&id) => {
                Err((1, "Traceback (most recent call last):\nKeyError: 'something'\n".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn matching(&self, domain: &[Value]) -> Vec<u32> {
        self.people.keys().copied().filter(|id| self.matches(*id, domain)).collect()
    }

    /// Whether a person is meant by a domain: terms in prefix notation, all of them at the top.
    pub fn matches(&self, id: u32, domain: &[Value]) -> bool {
        let mut rest = domain.iter();
        let mut all = true;
        while rest.len() > 0 {
            all &= self.term(id, &mut rest);
        }
        all
    }

    fn term(&self, id: u32, rest: &mut std::slice::Iter<'_, Value>) -> bool {
        match rest.next().expect("a whole domain") {
            Value::String(operator) if operator == "!" => !self.term(id, rest),
            Value::String(operator) => {
                let (one, other) = (self.term(id, rest), self.term(id, rest));
                if operator == "|" { one || other } else { one && other }
            }
            leaf => self.leaf(id, leaf[0].as_str().unwrap(), leaf[1].as_str().unwrap(), &leaf[2]),
        }
    }

    fn leaf(&self, id: u32, field: &str, operator: &str, value: &Value) -> bool {
        let person = &self.people[&id];
        let own = |row: &&IdRow| row.person == id;
        match (field, operator) {
            ("id", ">") => u64::from(id) > value.as_u64().unwrap(),
            ("id", "in") => value.as_array().unwrap().contains(&json!(id)),
            ("is_registrant", "=") => value == true,
            ("is_group", "=") => value == false,
            ("active", "=") => person.active == (value == true),
            ("region", "=") => value == person.region,
            ("reg_ids.id_type", "=") => self.ids.values().filter(own).any(|row| json!(row.kind) == *value),
            ("write_date", ">=") => person.written >= micros(value),
            ("reg_ids.write_date", ">=") => self.ids.values().filter(own).any(|row| row.written >= micros(value)),
            other => panic!("the daemon asks for {other:?}"),
        }
    }

    fn pull(&mut self, args: &Value) -> Result<Value, (i64, String)> {
        let connector = args[0][0].as_u64().unwrap() as u32;
        let (after, limit) = (args[1].as_u64().unwrap() as u32, args[2].as_u64().unwrap() as usize);
        let filter = self.filters[&connector].clone();
        let both = args[3] == "both";
        let now = json!(time_text(self.now));
        let horizon = json!(time_text(self.now - SECOND));
        let meant = |odoo: &Self, id: u32| {
            odoo.people.get(&id).is_some_and(|person| person.active) && (both || odoo.matches(id, &filter))
        };
        if let Some(ids) = args[4].as_array() {
            let wanted = ids.iter().map(|id| id.as_u64().unwrap() as u32);
            let found: Vec<u32> = wanted.filter(|id| meant(self, *id)).collect();
            self.readable(&found)?;
            let rows: Vec<Value> = found.iter().map(|id| self.person(*id)).collect();
            return Ok(json!({"rows": rows, "now": now, "horizon": horizon}));
        }
        let holds = |id: u32| {
            let (vids, tokens) = (self.rows(id, VID_TYPE), self.rows(id, TOKEN_TYPE));
            let written = vids.iter().map(|(_, row)| row.written).chain([self.people[&id].written]).max();
            let changed = both || args[3] == false || written >= Some(micros(&args[3]));
            !vids.is_empty() && tokens.is_empty() != both && changed
        };
        let mut found = self.people.keys().copied().filter(|id| *id > after && meant(self, *id) && holds(*id));
        let ids: Vec<u32> = found.by_ref().take(limit).collect();
        let complete = found.next().is_none();
        Ok(json!({"ids": ids, "complete": complete, "now": now, "horizon": horizon}))
    }

    fn person(&self, id: u32) -> Value {
        let mut rows = Vec::new();
        for (kind, name) in [(VID_TYPE, "vid"), (TOKEN_TYPE, "token")] {
            rows.extend(self.rows(id, kind).into_iter().map(|(row, held)| {
                json!({"id": row, "kind": name, "value": held.value, "status": false, "expiry_date": false,
                       "create_date": time_text(held.created), "write_date": time_text(held.written)})
            }));
        }
        let name = text(self.people[&id].name);
        json!({"id": id, "is_group": false, "values": {"given_name": name, "person": id.to_string()}, "ids": rows})
    }

    fn apply(&mut self, results: &Value, busy: bool) -> Value {
        let results = results.as_array().unwrap();
        let mut seen = BTreeSet::new();
        let outcomes = results.iter().map(|result| {
            let person = result["partner_id"].as_u64().unwrap() as u32;
            let (outcome, vid_removed) =
                if busy || !seen.insert(person) { ("busy", false) } else { self.apply_one(person, result) };
            json!({"partner_id": person, "outcome": outcome, "token_id": false, "vid_removed": vid_removed, "code": false})
        });
        outcomes.collect()
    }

    fn apply_one(&mut self, person: u32, result: &Value) -> (&'static str, bool) {
        if !self.people.contains_key(&person) {
            return ("superseded", false);
        }
        let vid = result["vid_id"].as_u64().unwrap() as u32;
        let tokens: Vec<IdRow> = self.rows(person, TOKEN_TYPE).into_iter().map(|(_, row)| row.clone()).collect();
        let since = result["vid_write_date"].as_str().map(|text| micros(&json!(text)));
        let held = self.ids.get(&vid).cloned();
        let unchanged = held.as_ref().is_some_and(|row| {
            row.person == person && row.kind == VID_TYPE && since.is_none_or(|since| since == row.written)
        });
        let remove = result["remove_vid"] == true;
        let Some(token) = result["token"].as_str() else {
            let stale = unchanged && tokens.iter().any(|token| token.created > self.ids[&vid].written);
            if stale {
                self.remove_vid(vid);
            }
            return (if stale { "already" } else { "superseded" }, stale);
        };
        if tokens.iter().any(|held| held.value != token) {
            return ("conflict", false);
        }
        if !tokens.is_empty() {
            if held.is_some() && !unchanged {
                return ("superseded", false);
            }
            if unchanged && remove {
                self.remove_vid(vid);
            }
            return ("already", unchanged && remove);
        }
        if !unchanged {
            return ("superseded", false);
        }
        self.write_token(person, token);
        if remove {
            self.remove_vid(vid);
        }
        ("written", remove)
    }

    /// The daemon writes a token.
    fn write_token(&mut self, person: u32, token: &str) {
        let vids: Vec<String> = self.rows(person, VID_TYPE).iter().map(|(_, row)| row.value.clone()).collect();
        if !vids.iter().any(|vid| token_of(vid) == token) {
            self.violations.push(format!("law 2: {token} was written for {person}, who holds the VIDs {vids:?}"));
        }
        if !self.delivered.contains(&(person, token.to_owned())) {
            self.violations.push(format!("law 2: MTS never gave {token} for {person}"));
        }
        self.insert(person, TOKEN_TYPE, token.to_owned());
        if self.rows(person, TOKEN_TYPE).len() > 1 {
            self.violations.push(format!("law 2: {person} holds two tokens"));
        }
    }

    /// The daemon removes a VID.
    fn remove_vid(&mut self, row: u32) {
        let person = self.ids[&row].person;
        if self.rows(person, TOKEN_TYPE).is_empty() {
            self.violations.push(format!("law 1: the VID of {person} was removed, who holds no token"));
        }
        self.ids.remove(&row);
    }

    fn read_ids(&self, domain: &Value) -> Value {
        let partners = domain[0][2].as_array().unwrap();
        let kinds = domain[1][2].as_array().unwrap();
        let meant = |row: &IdRow| partners.contains(&json!(row.person)) && kinds.contains(&json!(row.kind));
        let seconds = |at: i64| time_text(at)[..19].to_owned();
        let rows = self.ids.iter().filter(|(_, row)| meant(row)).map(|(id, row)| {
            json!({"id": id, "partner_id": row.person, "id_type": row.kind, "value": row.value, "status": false,
                   "expiry_date": false, "create_date": seconds(row.created), "write_date": seconds(row.written)})
        });
        rows.collect()
    }

    fn create(&mut self, rows: &[Value]) -> Result<Value, (i64, String)> {
        for row in rows {
            let person = row["partner_id"].as_u64().unwrap() as u32;
            if !self.people.contains_key(&person) {
                return Err((
                    2,
                    "Record does not exist or has been deleted.\n(Record: res.partner(1,), User: 2)".into(),
                ));
            }
            if !self.rows(person, TOKEN_TYPE).is_empty() {
                return Err((2, "ID Type must be unique.".to_owned()));
            }
        }
        let made = rows.iter().map(|row| {
            self.write_token(row["partner_id"].as_u64().unwrap() as u32, row["value"].as_str().unwrap());
            self.next_row
        });
        Ok(made.collect())
    }

    fn unlink(&mut self, ids: &[Value]) -> Result<Value, (i64, String)> {
        let ids: Vec<u32> = ids.iter().map(|id| id.as_u64().unwrap() as u32).collect();
        if ids.iter().any(|id| !self.ids.contains_key(id)) {
            return Err((2, "Record does not exist or has been deleted.\n(Record: g2p.reg.id(1,), User: 2)".into()));
        }
        for id in ids {
            if self.ids[&id].kind == VID_TYPE {
                self.remove_vid(id);
            } else {
                if self.by_hand.contains(&id) {
                    self.violations.push(format!("law 2: a token that somebody else wrote was removed ({id})"));
                }
                self.ids.remove(&id);
            }
        }
        Ok(json!(true))
    }
}

fn text(text: &str) -> Value {
    if text.is_empty() { json!(false) } else { json!(text) }
}

fn time_text(at: i64) -> String {
    DateTime::from_timestamp_micros(at).unwrap().format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

fn micros(text: &Value) -> i64 {
    let text = text.as_str().unwrap();
    chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap().and_utc().timestamp_micros()
}

/// As [`Odoo::now`] counts.
pub fn true_time(now: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(now).unwrap()
}
