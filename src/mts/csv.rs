//! CSV as MTS writes it (Python's `csv` with its usual dialect): commas, double quotes around what needs them, a quote within
//! doubled, rows that end with a line break.

/// Why a text is no CSV, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// Cells that a row may have: MTS writes five.
const CELLS: usize = 50;

/// The rows of a text that is whole: the last one ends with a line break too. Blank rows are passed over.
///
/// # Errors
/// The text breaks off, something follows a closing quote, or there are more than `most` rows, or more cells in one than MTS
/// ever writes.
pub(super) fn rows(text: &str, most: usize) -> Result<Vec<Vec<String>>, Broken> {
    let mut rows = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut row = Vec::new();
        loop {
            let (cell, after) = cell(rest)?;
            row.push(cell);
            if row.len() > CELLS {
                return Err(Broken);
            }
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')).ok_or(Broken)?;
                    break;
                }
            }
        }
        if row.len() > 1 || row.iter().any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
        if rows.len() > most {
            return Err(Broken);
        }
    }
    Ok(rows)
}

/// One cell, and what follows it.
fn cell(text: &str) -> Result<(String, &str), Broken> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\r', '\n']).ok_or(Broken)?;
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut cell = String::new();
    loop {
        let end = rest.find('"').ok_or(Broken)?;
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => return Ok((cell, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(rows: &[Vec<String>]) -> String {
        let cell = |cell: &String| match cell.contains(['"', ',', '\r', '\n']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        };
        rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n").collect()
    }

    #[test]
    fn a_text_that_breaks_off_is_not_read() {
        let whole = "vid,note\r\n1,\"a,\"\"b\"\"\r\nc\"\r\n2,\r\n";
        let cells = |row: [&str; 2]| row.map(str::to_owned).to_vec();
        let expected = [cells(["vid", "note"]), cells(["1", "a,\"b\"\r\nc"]), cells(["2", ""])];
        assert_eq!(rows(whole, 3).unwrap(), expected);
        assert_eq!(rows(whole, 2), Err(Broken), "more than are wanted");
        // Where a row ends, only its number tells.
        let ends = [0, 10, whole.len() - 4];
        for cut in (0..whole.len()).filter(|cut| !ends.contains(cut)) {
            assert_eq!(rows(&whole[..cut], 9), Err(Broken), "{:?}", &whole[..cut]);
        }
        assert_eq!(rows("\"a\"b\n", 9), Err(Broken));
        assert_eq!(rows(&(",".repeat(CELLS) + "\n"), 9), Err(Broken), "more cells than MTS writes");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(rows in prop::collection::vec(prop::collection::vec("[a-z\",\r\n ]{0,6}", 2..4), 0..5)) {
            prop_assert_eq!(super::rows(&written(&rows), 9), Ok(rows));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            _ = rows(&text, 9);
        }
    }
}
