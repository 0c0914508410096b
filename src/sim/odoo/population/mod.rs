//! The invented registry: who is in it, and what is wrong with some of them. The same options give the same registry.

mod person;
mod setup;
mod trouble;

use super::Options;
use super::cell::Cell;
use super::database::Database;
use super::random::Random;
use super::row::Row;
use person::Person;
pub use trouble::Trouble;

/// The row of the ID type "MOSIP VID".
pub const VID_TYPE: i32 = 1;
/// The row of the ID type "MOSIP UIN TOKEN".
pub const TOKEN_TYPE: i32 = 2;
/// The row of the ID type "National ID", which has a pattern.
pub const NATIONAL_TYPE: i32 = 3;

const DAY: i64 = 86_400_000_000;

/// The token MTS gives for a VID.
pub use crate::sim::psut::token;

/// What was made, for the control pages.
#[derive(Debug, Default)]
pub struct Census {
    /// How many registrants have each trouble, in [`Trouble::ALL`]'s order, and how many are twins and refused by MTS.
    pub troubles: Vec<(&'static str, u32)>,
}

/// Fills the database. `now` in microseconds since 1970.
pub fn populate(db: &mut Database, options: &Options, now: i64) -> Census {
    setup::install(db, options, now);
    let mut maker = Maker { db, options, now, random: Random::new(options.seed), last_vid: String::new() };
    let mut counts = vec![0; Trouble::ALL.len()];
    let (mut twins, mut refused, mut mismatched) = (0, 0, 0);
    let (mut troubled, mut healthy) = (0u32, 0u32);
    for index in 0..options.registrants {
        let share = u64::from(options.invalid_percent.min(100));
        let due = (u64::from(index) + 1) * share / 100 > u64::from(index) * share / 100;
        if due {
            let which = troubled as usize % Trouble::ALL.len();
            counts[which] += 1;
            troubled += 1;
            maker.troubled(index, Trouble::ALL[which]);
        } else {
            let vid = match healthy % 100 {
                37 if !maker.last_vid.is_empty() => {
                    twins += 1;
                    maker.last_vid.clone()
                }
                58 => {
                    refused += 1;
                    vid(options.seed, index, Some("0000"))
                }
                79 => {
                    mismatched += 1;
                    vid(options.seed, index, Some("0001"))
                }
                _ => {
                    let vid = vid(options.seed, index, None);
                    maker.last_vid.clone_from(&vid);
                    vid
                }
            };
            healthy += 1;
            maker.healthy(index, &vid);
        }
        maker.bystanders(index);
    }
    db.commit();
    let mut troubles: Vec<(&'static str, u32)> =
        Trouble::ALL.iter().zip(counts).map(|(trouble, count)| (trouble.name(), count)).collect();
    troubles.extend([("twin", twins), ("refused_by_authenticator", refused), ("demographics_differ", mismatched)]);
    Census { troubles }
}

/// The VID of a registrant: 16 digits, all different, the first from 2 to 7, with MOSIP's check digit; or with an end of 000x where
/// that is asked for.
fn vid(seed: u64, index: u32, end: Option<&str>) -> String {
    let spread = u64::from(index).wrapping_mul(0x5_DEEC_E66D).wrapping_add(seed.wrapping_mul(0x9E37_79B9)) % (1 << 39);
    let head = 200_000_000_000 + spread;
    match end {
        Some(end) => format!("{head}{end}"),
        None => {
            let digits = format!("{head}{:03}", 1 + (spread / 7) % 999);
            let check = (0..10).find(|digit| verhoeff(&format!("{digits}{digit}")) == 0);
            // Unwrap safety: the last digit is not permuted, and one of the ten makes the product 0.
            format!("{digits}{}", check.expect("a check digit"))
        }
    }
}

/// What the digits come to by the method of Verhoeff, which MOSIP ends VIDs by: 0 if the last one is right.
fn verhoeff(digits: &str) -> usize {
    let permute = |digit: usize| [1, 5, 7, 6, 2, 8, 3, 0, 9, 4][digit];
    digits.bytes().rev().enumerate().fold(0, |sum, (place, byte)| {
        let digit = (0..place % 8).fold(usize::from(byte - b'0'), |digit, _| permute(digit));
        match (sum / 5, digit / 5) {
            (0, flipped) => flipped * 5 + (sum + digit) % 5,
            (_, flipped) => (1 - flipped) * 5 + (sum + 5 - digit % 5) % 5,
        }
    })
}

struct Maker<'a> {
    db: &'a mut Database,
    options: &'a Options,
    now: i64,
    random: Random,
    last_vid: String,
}

impl Maker<'_> {
    fn healthy(&mut self, index: u32, vid: &str) {
        let person = Person::invent(&mut self.random, index);
        let partner = self.partner(index, &person);
        self.vid(partner, vid, VidRow::fresh(index, self.born(index)));
        if index.is_multiple_of(5) {
            let number = format!("{:010}", 1_000_000_000 + u64::from(index));
            self.reg_id(partner, NATIONAL_TYPE, &number, VidRow::fresh(index, self.born(index)));
        }
    }

    fn troubled(&mut self, index: u32, trouble: Trouble) {
        let mut person = Person::invent(&mut self.random, index);
        trouble.spoil(&mut person, self.random.next());
        let partner = self.partner(index, &person);
        let vid = vid(self.options.seed, index, None);
        let made = self.born(index);
        let row = VidRow::fresh(index, made);
        match trouble {
            Trouble::NoVid => {}
            Trouble::ExpiredVid => {
                let yesterday = day(self.now) - 1 - i32::try_from(index % 300).unwrap_or(0);
                self.vid(partner, &vid, VidRow { expiry: Some(yesterday), ..row });
            }
            Trouble::InvalidStatus => self.vid(partner, &vid, VidRow { status: Some("invalid"), ..row }),
            Trouble::TwoVids => {
                self.vid(partner, &vid, VidRow { expiry: None, ..row });
                let other = vid.replacen(|first: char| first.is_ascii_digit(), "8", 1);
                self.vid(partner, &other, VidRow { expiry: None, made: made + 1_000, ..row });
            }
            Trouble::TokenNoVid => {
                self.db.remember_vid(partner, &vid);
                self.token(partner, &vid, self.now - 10 * DAY);
            }
            Trouble::TokenOlderVid => {
                self.vid(partner, &vid, row);
                self.token(partner, &vid, self.now - 10 * DAY + i64::from(index));
            }
            Trouble::TokenNewerVid => {
                self.token(partner, &vid, self.now - 10 * DAY + i64::from(index));
                self.vid(partner, &vid, VidRow { made: self.now - 5 * DAY + i64::from(index), ..row });
            }
            _ => self.vid(partner, &vid, row),
        }
    }

    /// Groups, archived people and people who are no registrants: none of OMC's business.
    fn bystanders(&mut self, index: u32) {
        let kinds = [(index % 50 == 3, "group"), (index % 70 == 5, "contact"), (index % 90 == 7, "archived")];
        for (_, kind) in kinds.into_iter().filter(|(due, _)| *due) {
            let mut person = Person::invent(&mut self.random, index);
            person.registrant = kind != "contact";
            person.group = kind == "group";
            person.active = kind != "archived";
            let partner = self.partner(index, &person);
            let vid = vid(self.options.seed, index, None).replacen(|first: char| first.is_ascii_digit(), "9", 1);
            if index % 2 == 1 || kind == "archived" {
                self.vid(partner, &vid, VidRow::fresh(index, self.born(index)));
            }
        }
    }

    /// When this registrant came in: over thirty days, long ago.
    fn born(&self, index: u32) -> i64 {
        let total = i64::from(self.options.registrants.max(1));
        self.now - 40 * DAY + (30 * DAY / total) * i64::from(index) + i64::from(index % 997)
    }

    fn partner(&mut self, index: u32, person: &Person) -> i32 {
        let made = self.born(index);
        let model = self.db.names.partner;
        let id = self.db.take_id(model);
        let cells = person.cells(day(made));
        self.db.insert(model, Row { id, create_uid: 2, write_uid: 2, created: made, written: made, cells });
        id
    }

    fn vid(&mut self, partner: i32, vid: &str, row: VidRow) {
        self.db.remember_vid(partner, vid);
        self.reg_id(partner, VID_TYPE, vid, row);
    }

    fn token(&mut self, partner: i32, vid: &str, made: i64) {
        let token = token(vid, &self.options.partner_id);
        self.reg_id(partner, TOKEN_TYPE, &token, VidRow { status: Some("valid"), expiry: None, made });
    }

    fn reg_id(&mut self, partner: i32, kind: i32, value: &str, row: VidRow) {
        let model = self.db.names.reg_id;
        let id = self.db.take_id(model);
        let columns = self.db.columns;
        let mut made =
            Row { id, create_uid: 2, write_uid: 2, created: row.made, written: row.made, cells: Vec::with_capacity(6) };
        made.set(columns.partner, Cell::Ref(partner));
        made.set(columns.id_type, Cell::Ref(kind));
        made.set(columns.value, Cell::text(value));
        made.set(columns.expiry, row.expiry.map_or(Cell::Null, Cell::Date));
        made.set(columns.status, row.status.map_or(Cell::Null, Cell::text));
        self.db.insert(model, made);
    }
}

/// How an ID row is made.
#[derive(Debug, Clone, Copy)]
struct VidRow {
    status: Option<&'static str>,
    /// Days since the common era.
    expiry: Option<i32>,
    made: i64,
}

impl VidRow {
    /// A good one: its status set or not, its expiry far off or not set.
    fn fresh(index: u32, made: i64) -> Self {
        let status = (!index.is_multiple_of(3)).then_some("valid");
        let expiry = (index % 4 == 1).then(|| day(made) + 3_650);
        Self { status, expiry, made }
    }
}

fn day(micros: i64) -> i32 {
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or(0, |time| chrono::Datelike::num_days_from_ce(&time.date_naive()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn vids_are_sixteen_digits_all_different_and_end_as_they_must() {
        let vids: HashSet<String> = (0..50_000).map(|index| vid(7, index, None)).collect();
        assert_eq!(vids.len(), 50_000);
        for vid in &vids {
            assert_eq!(vid.len(), 16);
            assert!(!vid.starts_with(['0', '1', '8', '9']));
            assert!(!vid[12..].starts_with("000"));
            assert_eq!(verhoeff(vid), 0);
        }
    }
}
