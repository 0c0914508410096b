//! One invented person.

use super::super::cell::Cell;
use super::super::random::Random;

const GIVEN: &[&str] = &[
    "Amina", "Bola", "Carlos", "Dina", "Emeka", "Fatou", "Grace", "Hana", "Ibrahim", "Joy", "Kofi", "Lina", "Mateo",
    "Nadia", "Omar", "Paula", "Rosa", "Samuel", "Tala", "Wanjiru", "Yusuf", "Zara",
];
/// Names that break what was not made for them.
const RARE_GIVEN: &[&str] = &[
    "Zo\u{eb}",
    "Fran\u{e7}ois",
    "\u{141}ukasz",
    "Ng\u{1ecd}c \u{c1}nh",
    "Jose\u{301} Mari\u{301}a",
    "D'Arcy",
    "\"Bobby\"",
    "<Ana & Co>",
    "Ana \u{1f600}",
    "\u{645}\u{62d}\u{645}\u{62f}",
    "\u{5d3}\u{5d5}\u{5d3}",
    "\u{938}\u{940}\u{924}\u{93e}",
    "\u{5c0f}\u{660e}",
    "\u{1112}\u{1161}\u{11ab}",
    "Back\\slash",
    "Tab\tbed",
    "\u{130}brahim",
    "Stra\u{df}er",
];
const FAMILY: &[&str] = &[
    "Abara", "Banda", "Cruz", "Diallo", "Eze", "Flores", "Garcia", "Haile", "Igwe", "Juma", "Kamau", "Lopez", "Mensah",
    "Ndiaye", "Okoro", "Perera", "Reyes", "Santos", "Traore", "Umar", "Vargas", "Wekesa",
];
const RARE_FAMILY: &[&str] = &[
    "O'Doe",
    "M\u{fc}ller-L\u{fc}denscheidt",
    "N\u{303}un\u{303}ez",
    "\u{439}ванов",
    "&amp;",
    "]]>",
    "de la Cruz y \u{c1}vila",
    "\u{62d}\u{633}\u{646}",
    "van 't Hoff",
    "100%",
];
const STREETS: &[&str] = &["Market Road", "Hill Street", "River Lane", "School Avenue", "Rue des Lilas", "Calle Mayor"];
const TOWNS: &[&str] = &["Northtown", "Eastbridge", "Lakeside", "Old Harbour", "San Andr\u{e9}s", "Ville-Haute"];
const GENDERS: &[&str] = &["Male", "Female", "Other"];

/// What the registry knows of somebody. Unset is `None`.
#[derive(Debug, Clone)]
pub struct Person {
    pub given: Option<String>,
    pub family: Option<String>,
    pub gender: Option<&'static str>,
    /// Days since the common era.
    pub birthdate: Option<i32>,
    pub address: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub registrant: bool,
    pub group: bool,
    pub active: bool,
}

impl Person {
    pub fn invent(random: &mut Random, index: u32) -> Self {
        let rare = random.below(12) == 0;
        let given = (*random.pick(if rare { RARE_GIVEN } else { GIVEN })).to_owned();
        let rare = random.below(20) == 0;
        let family = (*random.pick(if rare { RARE_FAMILY } else { FAMILY })).to_owned();
        let gender = match random.below(40) {
            0 => GENDERS[2],
            odd if odd % 2 == 1 => GENDERS[0],
            _ => GENDERS[1],
        };
        // Born between 1940 and 2007.
        let birthdate = 708_267 + i32::try_from(random.below(24_800)).unwrap_or(0);
        let separator = if random.below(9) == 0 { "\n" } else { ", " };
        let house = 1 + random.below(400);
        let address = format!("{house} {}{separator}{}", random.pick(STREETS), random.pick(TOWNS));
        let phone = (random.below(5) > 0).then(|| format!("+63 9{:09}", random.below(1_000_000_000)));
        let email = (random.below(3) > 0).then(|| format!("person{index}@example.org"));
        Self {
            given: Some(given),
            family: Some(family),
            gender: Some(gender),
            birthdate: Some(birthdate),
            address: Some(address),
            phone,
            email,
            registrant: true,
            group: false,
            active: true,
        }
    }

    /// The display name Odoo's form makes.
    fn name(&self) -> String {
        let name = match (&self.family, &self.given) {
            (Some(family), Some(given)) => format!("{family}, {given} ").to_uppercase(),
            (Some(one), None) | (None, Some(one)) => format!("{one} ").to_uppercase(),
            (None, None) => "UNNAMED".to_owned(),
        };
        name.chars().take(200).collect()
    }

    /// The row's cells, in the order of the first columns of `res.partner`.
    pub fn cells(&self, registered: i32) -> Vec<Cell> {
        let text = |text: &Option<String>| text.as_deref().map_or(Cell::Null, Cell::text);
        vec![
            Cell::text(&self.name()),
            Cell::Bool(self.active),
            Cell::Bool(self.registrant),
            Cell::Bool(self.group),
            Cell::Ref(1),
            Cell::text("en_US"),
            Cell::text("contact"),
            Cell::Date(registered),
            text(&self.given),
            text(&self.family),
            self.gender.map_or(Cell::Null, Cell::text),
            self.birthdate.map_or(Cell::Null, Cell::Date),
            text(&self.address),
            text(&self.phone),
            text(&self.email),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::schema::Schema;
    use super::*;

    #[test]
    fn cells_are_in_the_order_of_the_columns() {
        let schema = Schema::new(false);
        let model = &schema.models[schema.model("res.partner").unwrap()];
        let person = Person::invent(&mut Random::new(1), 1);
        let cells = person.cells(730_000);
        let cell = |name: &str| &cells[model.column(name).unwrap()];
        assert!(cell("is_registrant").is_true());
        assert_eq!(cell("given_name").as_text(), person.given.as_deref());
        assert_eq!(cell("family_name").as_text(), person.family.as_deref());
        assert_eq!(cell("gender").as_text(), person.gender);
        assert_eq!(cell("address").as_text(), person.address.as_deref());
        assert_eq!(cell("email").as_text(), person.email.as_deref());
        assert_eq!(cell("registration_date"), &Cell::Date(730_000));
    }
}
