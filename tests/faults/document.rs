//! The document holds the tables as they are tested. `OMC_WRITE_DOCS=1` writes them.

use std::fmt::Write;
use std::path::Path;

use super::row::{Peer, Row};
use super::{callbacks, mts, odoo};

const FILE: &str = "docs/faults.md";
const TABLES: [(Peer, &[Row]); 3] =
    [(Peer::Odoo, odoo::ROWS), (Peer::Mts, mts::ROWS), (Peer::Callbacks, callbacks::ROWS)];

/// What the comments around a table are marked with.
fn mark(peer: Peer) -> String {
    format!("{peer:?}").to_lowercase()
}

fn table(rows: &[Row]) -> String {
    let mut text =
        "| fault | what OMC does | what the administrator sees | how it ends |\n|---|---|---|---|\n".to_owned();
    for Row { fault, does, sees, recovers, .. } in rows {
        writeln!(text, "| {fault} | {does} | {sees} | {recovers} |").unwrap();
    }
    text
}

/// What the list of faults has, and MTS has not.
fn not_applicable() -> String {
    let rows = mts::NOT_APPLICABLE.iter().map(|(fault, why)| format!("| {fault} | {why} |\n"));
    format!("| does not apply | why |\n|---|---|\n{}", rows.collect::<String>())
}

/// The document, with what stands between the comments made anew.
fn rewritten(document: &str) -> String {
    let tables = TABLES.iter().map(|(peer, rows)| (mark(*peer), table(rows)));
    tables.chain([("not of mts".to_owned(), not_applicable())]).fold(document.to_owned(), |document, (name, table)| {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("{FILE}: no {begin}"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{FILE}: no {end}"));
        format!("{before}{begin}{table}{end}{after}")
    })
}

#[test]
fn the_document_holds_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let document = std::fs::read_to_string(&path).unwrap();
    let rewritten = rewritten(&document);
    if std::env::var("OMC_WRITE_DOCS").is_ok() {
        std::fs::write(&path, rewritten).unwrap();
        return;
    }
    assert!(
        document == rewritten,
        "{FILE} is not as tested; write it with OMC_WRITE_DOCS=1 cargo test --test faults document"
    );
}

#[test]
fn cells_fit_into_a_table() {
    for (peer, row) in TABLES.iter().flat_map(|(peer, rows)| rows.iter().map(move |row| (*peer, row))) {
        assert_eq!(row.peer, peer, "{}", row.name);
        let cells = [row.fault, row.does, row.sees, row.recovers];
        assert!(cells.iter().all(|cell| !cell.is_empty() && !cell.contains(['|', '\n'])), "{}", row.name);
        assert!(!row.fragments().is_empty(), "{}: nobody sees anything", row.name);
    }
}
