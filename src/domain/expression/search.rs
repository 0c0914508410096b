//! Searches that jq 1.5 does not survive.
//!
//! In jq 1.5 a search for all matches never ends, or stops the process, when the pattern can match nothing at all (`""`, `"^"`,
//! `"x*"`), and so does the search for the places of an empty text; the worker of MTS is lost with it. In an output format
//! such a search must therefore have its pattern written out, and of a kind that always takes a character.

use jaq_core::load::parse::Term;

use super::constant;

/// What is wrong with a call for MTS, if it is such a search.
pub(super) fn trouble(name: &str, arguments: &[Term<&str>]) -> Option<&'static str> {
    let pattern = match (name, arguments) {
        ("index" | "rindex" | "indices", [sought]) => {
            let empty = constant::text(sought).is_none_or(|text| text.is_empty());
            return empty.then_some(
                "index, rindex or indices of something that is not plainly written out, or empty: it may never end in MTS",
            );
        }
        ("gsub" | "scan" | "splits", [pattern, ..]) | ("split", [pattern, _]) => pattern,
        ("test" | "match" | "capture", [pattern, flags]) if may_be_global(flags) => pattern,
        ("sub", [pattern, _, flags]) if may_be_global(flags) => pattern,
        // An array here may hold a flag `g` of its own.
        ("test" | "match" | "capture", [pattern]) if constant::text(pattern).is_none() => pattern,
        ("sub", [pattern, _]) if constant::text(pattern).is_none() => pattern,
        _ => return None,
    };
    let takes_a_character = constant::text(pattern).is_some_and(|text| always_takes_a_character(&text));
    (!takes_a_character).then_some(
        "a search for all matches (gsub, scan, splits, split with flags, or the flag `g`) whose pattern is not plainly written out, or can match nothing: it may never end in MTS",
    )
}

fn may_be_global(flags: &Term<&str>) -> bool {
    constant::text(flags).is_none_or(|flags| flags.contains('g'))
}

/// Whether each match of a pattern surely has a character. Careful: patterns with anchors, groups, alternatives or quantifiers
/// that allow none are not looked into.
fn always_takes_a_character(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    let mut takes = false;
    while let Some(c) = chars.next() {
        match c {
            '^' | '$' | '*' | '?' | '|' | '(' | ')' | '{' | '}' => return false,
            '\\' => match chars.next() {
                Some('d' | 's' | 'w' | 'D' | 'S' | 'W') => takes = true,
                Some(c) if c.is_ascii_punctuation() => takes = true,
                _ => return false,
            },
            '[' => {
                if !skip_class(&mut chars) {
                    return false;
                }
                takes = true;
            }
            _ => takes = true,
        }
    }
    takes
}

/// Skips the rest of a character class; `false` if it has no end.
fn skip_class(chars: &mut std::str::Chars<'_>) -> bool {
    while let Some(c) = chars.next() {
        match c {
            ']' => return true,
            '[' => return false,
            '\\' if chars.next().is_none() => return false,
            _ => {}
        }
    }
    false
}
