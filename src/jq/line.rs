//! Lines of JSON between parent and child.

use serde::Serialize;

/// Longest line. Results are bounded by the evaluator, to less than this as JSON text; records by what Odoo answers.
pub(super) const LONGEST: usize = 16 << 20;

/// Appends a value as one line; JSON text has no line breaks of its own.
pub(super) fn put(value: &impl Serialize, into: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *into, value)?;
    into.push(b'\n');
    Ok(())
}
