//! `GET /_sim/state`: what the registry holds now, seen from outside.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value as Json, json};

use super::super::Options;
use super::super::cell::Cell;
use super::super::database::Database;
use super::super::population::{Census, TOKEN_TYPE, VID_TYPE, token};
use super::super::row::Row;

/// Counts over all individuals who are registrants and not archived.
pub fn state(db: &Database, options: &Options, census: &Census, calls: &BTreeMap<String, u64>, today: i32) -> Json {
    let mut counts = Counts::default();
    for partner in db.table(db.names.partner).rows() {
        let shown = partner.cell(db.columns.active).is_true();
        if partner.cell(db.columns.is_registrant).is_true() && !partner.cell(db.columns.is_group).is_true() {
            counts.add(db, options, partner, shown, today);
        }
    }
    let troubles: BTreeMap<&str, u32> = census.troubles.iter().copied().collect();
    json!({
        "registrants": counts.registrants,
        "with_vid": counts.with_vid,
        "with_token": counts.with_token,
        "with_both": counts.with_both,
        "with_neither": counts.with_neither,
        "missing_tokens": counts.missing_tokens,
        "duplicate_token_rows": counts.duplicate_token_rows,
        "wrong_tokens": counts.wrong_tokens,
        "vids_cleared_without_token": counts.vids_cleared_without_token,
        "duplicates": counts.sharers(),
        "troubles": troubles,
        "calls": calls,
        "untouched": format!("{:016x}", untouched(db)),
    })
}

#[derive(Default)]
struct Counts {
    registrants: u32,
    with_vid: u32,
    with_token: u32,
    with_both: u32,
    with_neither: u32,
    missing_tokens: u32,
    duplicate_token_rows: u32,
    wrong_tokens: u32,
    vids_cleared_without_token: u32,
    /// How many registrants hold each token.
    holders: HashMap<String, u32>,
}

impl Counts {
    /// Registrants who share a token with another.
    fn sharers(&self) -> u32 {
        self.holders.values().filter(|holders| **holders > 1).sum()
    }

    fn add(&mut self, db: &Database, options: &Options, partner: &Row, shown: bool, today: i32) {
        let rows: Vec<&Row> = db.reg_ids(partner.id).iter().filter_map(|id| db.row(db.names.reg_id, *id)).collect();
        let of = |kind: i32| rows.iter().copied().filter(move |row| *row.cell(db.columns.id_type) == Cell::Ref(kind));
        let tokens: Vec<&str> = of(TOKEN_TYPE).filter_map(|row| row.cell(db.columns.value).as_text()).collect();
        let (vid, token_held) = (of(VID_TYPE).next().is_some(), of(TOKEN_TYPE).next().is_some());
        self.duplicate_token_rows += u32::from(of(TOKEN_TYPE).count() > 1);
        let known = db.vids_of(partner.id);
        if !tokens.is_empty() {
            let right: Vec<String> = known.iter().map(|vid| token(vid, &options.partner_id)).collect();
            self.wrong_tokens += u32::from(tokens.iter().any(|held| !right.iter().any(|one| one == held)));
        }
        self.vids_cleared_without_token += u32::from(!known.is_empty() && !vid && !token_held);
        if !shown {
            return;
        }
        for token in BTreeSet::from_iter(&tokens) {
            *self.holders.entry((*token).to_owned()).or_default() += 1;
        }
        self.registrants += 1;
        self.with_vid += u32::from(vid);
        self.with_token += u32::from(token_held);
        self.with_both += u32::from(vid && token_held);
        self.with_neither += u32::from(!vid && !token_held);
        let usable: Vec<&str> = of(VID_TYPE).filter_map(|row| usable_vid(db, row, today)).collect();
        if let ([vid], false) = (usable.as_slice(), token_held)
            && accepted_vid(vid)
            && accepted_person(db, partner)
        {
            self.missing_tokens += 1;
        }
    }
}

fn usable_vid<'a>(db: &Database, row: &'a Row, today: i32) -> Option<&'a str> {
    let expired = matches!(row.cell(db.columns.expiry), Cell::Date(day) if *day < today);
    let invalid = row.cell(db.columns.status).as_text() == Some("invalid");
    row.cell(db.columns.value).as_text().filter(|value| !value.is_empty() && !expired && !invalid)
}

/// What MTS's authenticator takes.
fn accepted_vid(vid: &str) -> bool {
    !vid.ends_with("0000") && !vid.ends_with("0001") && vid != "encrypted"
}

/// What MTS takes with its default mandatory fields, and what is not encrypted.
fn accepted_person(db: &Database, partner: &Row) -> bool {
    let model = &db.schema.models[db.names.partner];
    let cell = |name: &str| model.column(name).map_or(&Cell::Null, |column| partner.cell(column));
    // Text of blanks says nothing, though MTS would take it.
    let text = |name: &str| cell(name).as_text().filter(|text| !text.trim().is_empty());
    let fields = ["given_name", "family_name", "gender", "address", "phone", "email"];
    let encrypted = fields.iter().any(|name| text(name) == Some("encrypted"));
    let named = text("given_name").is_some() || text("family_name").is_some();
    named && text("gender").is_some() && text("address").is_some() && !cell("birthdate").is_null() && !encrypted
}

/// A digest of everything a connector has no business with: all of every partner, and IDs of other types.
fn untouched(db: &Database) -> u64 {
    let mut total = 0u64;
    let mut add = |row: &Row| {
        let mut hasher = DefaultHasher::new();
        row.id.hash(&mut hasher);
        for cell in &row.cells {
            match cell {
                Cell::Null => 0u8.hash(&mut hasher),
                Cell::Text(text) => text.hash(&mut hasher),
                Cell::Float(number) => number.to_bits().hash(&mut hasher),
                Cell::Refs(ids) => ids.hash(&mut hasher),
                other => other.as_number().hash(&mut hasher),
            }
        }
        total = total.wrapping_add(hasher.finish());
    };
    db.table(db.names.partner).rows().for_each(&mut add);
    let other =
        |row: &&Row| !matches!(row.cell(db.columns.id_type), Cell::Ref(kind) if [VID_TYPE, TOKEN_TYPE].contains(kind));
    db.table(db.names.reg_id).rows().filter(other).for_each(&mut add);
    total
}
