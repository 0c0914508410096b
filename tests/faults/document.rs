//! The document holds the tables as they are tested. `OMC_WRITE_DOCS=1` writes them.

use std::fmt::Write;
use std::path::Path;

use super::row::Row;
use super::{callbacks, mts, odoo};

const FILE: &str = "docs/faults.md";
/// Each table, and the word that its comments are marked with.
const TABLES: [(&str, &[Row]); 3] = [("odoo", odoo::ROWS), ("mts", mts::ROWS), ("callbacks", callbacks::ROWS)];

fn table(rows: &[Row]) -> String {
    let mut text =
        "| fault | what OMC does | what the administrator sees | how it ends |\n|---|---|---|---|\n".to_owned();
    for Row { fault, does, sees, recovers, .. } in rows {
        writeln!(text, "| {fault} | {does} | {sees} | {recovers} |").unwrap();
    }
    text
}

/// The document, with what stands between the comments made anew.
fn rewritten(document: &str) -> String {
    TABLES.iter().fold(document.to_owned(), |document, (name, rows)| {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("{FILE}: no {begin}"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{FILE}: no {end}"));
        format!("{before}{begin}{}{end}{after}", table(rows))
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
    for row in TABLES.iter().flat_map(|(_, rows)| *rows) {
        let cells = [row.fault, row.does, row.sees, row.recovers];
        assert!(cells.iter().all(|cell| !cell.is_empty() && !cell.contains(['|', '\n'])), "{}", row.name);
        assert!(!row.fragments().is_empty(), "{}: nobody sees anything", row.name);
    }
}
