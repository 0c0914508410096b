//! What is seen on the tokens, before the parser is let at them: how deep and how long an expression is, and writings that jaq
//! takes and jq 1.6 does not.

use std::collections::BTreeSet;

use jaq_core::load::lex::{StrPart, Tok, Token};

/// How deep brackets nest, strings with interpolation counted.
pub(super) fn depth(tokens: &[Token<&str>]) -> usize {
    tokens
        .iter()
        .map(|token| inner(token).map(|inner| 1 + depth(inner)).max().unwrap_or(0))
        .max()
        .unwrap_or(0)
}

/// How many operators and keywords there are: each may make the parser go one deeper.
pub(super) fn steps(tokens: &[Token<&str>]) -> usize {
    tokens
        .iter()
        .map(|token| {
            let own = match token.1 {
                Tok::Sym => usize::from(is_operator(token.0) || token.0 == ","),
                Tok::Word => usize::from(KEYWORDS.contains(&token.0)),
                _ => 0,
            };
            own + inner(token).map(steps).sum::<usize>()
        })
        .sum()
}

/// Writings that jq 1.6 does not know.
pub(super) fn unknown_to_mts(tokens: &[Token<&str>], into: &mut BTreeSet<String>) {
    for pair in tokens.windows(2) {
        let (before, after) = (pair[0].0, pair[1].0);
        if before == "?" && after.starts_with("//") && touches(before, after) {
            into.insert("`?//` (write a blank: `? //`)".to_owned());
        }
    }
    for three in tokens.windows(3) {
        let (before, dot, after) = (three[0].0, three[1].0, three[2].0);
        if dot == "." && after.starts_with('[') && touches(before, dot) && !is_operator(before) && before != "," {
            into.insert("a dot before a bracket (write `.a[\"b\"]`)".to_owned());
        }
    }
    for token in tokens {
        if let Tok::Block(entries) = &token.1
            && token.0.starts_with('{')
            && entries.split(|entry| entry.0 == ",").any(needs_parentheses)
        {
            into.insert(
                "an operator, `if` or `try` in an object without parentheses (write `{a: (.b // .c)}`)".to_owned(),
            );
        }
        for inner in inner(token) {
            unknown_to_mts(inner, into);
        }
    }
}

/// Whether the value of an object's entry is more than jq 1.6 takes there: a term, or terms joined with `|`.
fn needs_parentheses(entry: &[Token<&str>]) -> bool {
    let Some(colon) = entry.iter().position(|token| token.0 == ":") else {
        return false;
    };
    let value = &entry[colon + 1..];
    value.iter().enumerate().any(|(at, token)| match token.1 {
        Tok::Sym if token.0 == "|" => false,
        Tok::Sym if token.0 == "-" => at > 0 && !["|", "-"].contains(&value[at - 1].0),
        Tok::Sym => is_operator(token.0),
        Tok::Word => KEYWORDS.contains(&token.0),
        _ => false,
    })
}

const KEYWORDS: [&str; 16] = [
    "if", "then", "elif", "else", "end", "try", "catch", "as", "and", "or", "def", "reduce", "foreach", "label",
    "break", "import",
];

fn is_operator(symbol: &str) -> bool {
    symbol.starts_with(|c| "|=!<>+-*/%".contains(c))
}

/// Whether nothing lies between two tokens of the same text.
fn touches(before: &str, after: &str) -> bool {
    before.as_ptr() as usize + before.len() == after.as_ptr() as usize
}

/// The tokens within a token.
fn inner<'t, 's>(token: &'t Token<&'s str>) -> impl Iterator<Item = &'t [Token<&'s str>]> {
    let (block, parts) = match &token.1 {
        Tok::Block(tokens) => (Some(tokens.as_slice()), [].as_slice()),
        Tok::Str(parts) => (None, parts.as_slice()),
        _ => (None, [].as_slice()),
    };
    let interpolated = parts.iter().filter_map(|part| match part {
        StrPart::Term(token) => Some(std::slice::from_ref(token)),
        _ => None,
    });
    block.into_iter().chain(interpolated)
}
