//! A row of the matrix, and the table that makes a test of each.

use std::fmt;

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Odoo,
    Mts,
    Callbacks,
}

/// What stands in the document, and what the test of the row holds it to. Cells hold no `|`.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Of its test.
    pub name: &'static str,
    pub peer: Peer,
    /// Where it strikes, and how.
    pub fault: &'static str,
    /// What OMC does meanwhile.
    pub does: &'static str,
    /// What the administrator sees: clauses, parted by `<br>`, each of a place (see [`Place`]), a colon, and what is seen there. What
    /// stands in backticks must have been seen there, word for word.
    pub sees: &'static str,
    /// How it ends. What stands in backticks, keys of the configuration apart, must have been said in the log, at `info` or above.
    pub recovers: &'static str,
}

/// Where an administrator looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The log, at one level.
    Error,
    Warn,
    Info,
    /// What `omc status` prints.
    Status,
    /// What `omc check` prints.
    Check,
    /// The connector, its runs and its refusals in Odoo.
    Odoo,
    /// What `omc failed` prints.
    Failed,
    /// The answer of `/ready`: status and body.
    Ready,
    Metrics,
}

const PLACES: [(Place, &str); 9] = [
    (Place::Error, "log (error)"),
    (Place::Warn, "log (warn)"),
    (Place::Info, "log (info)"),
    (Place::Status, "status"),
    (Place::Check, "check"),
    (Place::Odoo, "Odoo"),
    (Place::Failed, "failed"),
    (Place::Ready, "ready"),
    (Place::Metrics, "metrics"),
];

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = PLACES.iter().find(|(place, _)| place == self).unwrap();
        f.write_str(name)
    }
}

impl Row {
    /// The quoted fragments, each with the place where it is to be seen.
    pub fn fragments(&self) -> Vec<(Place, &'static str)> {
        self.sees.split("<br>").flat_map(|clause| clause_fragments(clause, self)).collect()
    }

    /// What the log says when it is over.
    pub fn farewells(&self) -> Vec<&'static str> {
        let is_key = |text: &str| text.contains('.') && !text.contains(' ');
        quoted(self.recovers).into_iter().filter(|text| !is_key(text)).collect()
    }
}

fn clause_fragments(clause: &'static str, row: &Row) -> Vec<(Place, &'static str)> {
    let found = PLACES.iter().find_map(|(place, name)| Some((*place, clause.strip_prefix(name)?.strip_prefix(": ")?)));
    let (place, text) = found.unwrap_or_else(|| panic!("{:?}, {}: no place in {clause:?}", row.peer, row.name));
    quoted(text).into_iter().map(|fragment| (place, fragment)).collect()
}

fn quoted(text: &'static str) -> Vec<&'static str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows of a peer: each becomes a line of the document and a test of its name. What follows the braces plays the row up to where
/// the fault has gone; how it must end is the same for all ([`crate::scene::Scene::is_over`]).
macro_rules! rows {
    ($peer:ident; $($name:ident {
        fault: $fault:literal, does: $does:literal, sees: $sees:literal, recovers: $recovers:literal $(,)?
    } $plays:expr;)*) => {
        pub const ROWS: &[$crate::row::Row] = &[$($crate::row::Row {
            name: stringify!($name),
            peer: $crate::row::Peer::$peer,
            fault: $fault,
            does: $does,
            sees: $sees,
            recovers: $recovers,
        }),*];
        $(
            #[tokio::test]
            async fn $name() {
                let row = ROWS.iter().find(|row| row.name == stringify!($name)).unwrap();
                $crate::scene::play(row, $plays).await;
            }
        )*
    };
}
pub(crate) use rows;

#[test]
fn fragments_have_their_places() {
    let sees = "log (warn): `a; b`, and `c`<br>status: `d`";
    let row = Row { name: "n", peer: Peer::Odoo, fault: "f", does: "d", sees, recovers: "`e`, and `odoo.url`" };
    assert_eq!(row.fragments(), [(Place::Warn, "a; b"), (Place::Warn, "c"), (Place::Status, "d")]);
    assert_eq!(row.farewells(), ["e"]);
}
