//! The corpus, and what becomes of it when a few things in it are changed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Longest input.
const LONGEST: usize = 16 * 1024;

/// What readers look for: more of it makes for deeper failures than single bytes do.
const WORDS: [&str; 48] = [
    "<value>",
    "</value>",
    "<struct>",
    "<member>",
    "<name>",
    "</name>",
    "<array><data>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "&amp;",
    "&#0;",
    "&#x10ffff;",
    "<?x?>",
    "\u{feff}",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "1e999",
    "-0",
    "9223372036854775808",
    "2045678901234567",
    "@ours",
    ":",
    ",",
    "'",
    "(",
    ")",
    "|",
    "//",
    ".",
    "..",
    "$x",
    "as",
    "if",
    "#",
    "\n",
    "\0",
    "\u{1f600}",
    "é",
];

/// The files of one target's corpus, by name.
pub fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|file| file.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Cut(Index, usize),
    Put(Index, &'static str),
    Repeat(Index, usize, usize),
    Splice(Index, Index, Index),
}

/// Files of a corpus with some changes each.
pub fn mutated(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let files: Vec<Vec<u8>> = corpus(target).into_iter().map(|(_, bytes)| bytes).collect();
    let change = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, with)| Change::Flip(at, with)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, count)| Change::Cut(at, count)),
        (any::<Index>(), select(&WORDS[..])).prop_map(|(at, word)| Change::Put(at, word)),
        (any::<Index>(), 1..40_usize, 1..60_usize).prop_map(|(at, count, times)| Change::Repeat(at, count, times)),
        any::<(Index, Index, Index)>().prop_map(|(at, file, from)| Change::Splice(at, file, from)),
    ];
    (any::<Index>(), vec(change, 1..6)).prop_map(move |(file, changes)| {
        let mut bytes = file.get(&files).clone();
        changes.iter().for_each(|change| apply(change, &mut bytes, &files));
        bytes.truncate(LONGEST);
        bytes
    })
}

fn apply(change: &Change, bytes: &mut Vec<u8>, files: &[Vec<u8>]) {
    let place = |at: &Index, bytes: &[u8]| at.index(bytes.len() + 1);
    match change {
        Change::Flip(at, with) => {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= with;
            }
        }
        Change::Cut(at, count) => {
            let at = place(at, bytes);
            bytes.drain(at..(at + count).min(bytes.len()));
        }
        Change::Put(at, word) => {
            let at = place(at, bytes);
            bytes.splice(at..at, word.bytes());
        }
        Change::Repeat(at, count, times) => {
            let at = place(at, bytes);
            let part = bytes[at..(at + count).min(bytes.len())].repeat(*times);
            bytes.splice(at..at, part);
        }
        Change::Splice(at, file, from) => {
            let (at, other) = (place(at, bytes), file.get(files));
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from.index(other.len() + 1)..]);
        }
    }
}
