//! What is seen on the tokens, before the parser is let at them: how deep and how long an expression is, and writings that jaq
//! takes and jq 1.5 does not.

use std::collections::BTreeSet;

use jaq_core::load::lex::{StrPart, Tok, Token};

/// How deep brackets nest, strings with interpolation counted.
pub(super) fn depth(tokens: &[Token<&str>]) -> usize {
    tokens.iter().map(|token| inner(token).map(|inner| 1 + depth(inner)).max().unwrap_or(0)).max().unwrap_or(0)
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

/// Writings that jq 1.5 does not know.
pub(super) fn unknown_to_mts(tokens: &[Token<&str>], into: &mut BTreeSet<String>) {
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let after = tokens.get(at + 1).map_or("", |after| after.0);
        let writing = match token.0 {
            "?" if after.starts_with("//") && touches(token.0, after) => "`?//` (write a blank: `? //`)",
            "?" if (is_name_path(after) || after.starts_with('[')) && !ends_path(&tokens[..at]) => {
                "a path after `?` (write a bracket around what comes before it)"
            }
            "." if after.starts_with('[') && before.is_some_and(ends_term) => {
                "a dot before a bracket (write `.a[\"b\"]`)"
            }
            block if block.starts_with('{') => {
                for entry in entries(token) {
                    if needs_parentheses(entry) {
                        into.insert(
                            "an operator, `if` or `try` in an object without parentheses (write `{a: (.b // .c)}`)"
                                .to_owned(),
                        );
                    }
                    if matches!(entry, [only] if KEYWORDS.contains(&only.0)) {
                        into.insert("a keyword as a key without a value (write `{if: .if}`)".to_owned());
                    }
                }
                continue;
            }
            _ => continue,
        };
        into.insert(writing.to_owned());
    }
    for inner in tokens.iter().flat_map(inner) {
        unknown_to_mts(inner, into);
    }
}

/// The entries between the braces of an object.
fn entries<'t, 's>(token: &'t Token<&'s str>) -> impl Iterator<Item = &'t [Token<&'s str>]> {
    let tokens = match &token.1 {
        Tok::Block(tokens) => tokens.as_slice(),
        _ => &[],
    };
    // The closing brace is the last token.
    let within = tokens.split_last().map_or([].as_slice(), |(_, within)| within);
    within.split(|entry| entry.0 == ",")
}

/// `.name`.
fn is_name_path(symbol: &str) -> bool {
    symbol.len() > 1 && symbol.starts_with('.') && symbol != ".."
}

/// Whether a term may end with this token.
fn ends_term(token: &Token<&str>) -> bool {
    match token.1 {
        Tok::Word => !KEYWORDS.contains(&token.0) || token.0 == "end",
        Tok::Sym => is_name_path(token.0) || matches!(token.0, "." | "?" | ".."),
        _ => true,
    }
}

/// Whether tokens end in a part of a path: `.a`, `."a"`, `.["a"]`, `f[0]`.
fn ends_path(tokens: &[Token<&str>]) -> bool {
    let before = tokens.len().checked_sub(2).map(|before| &tokens[before]);
    tokens.last().is_some_and(|last| match last.1 {
        Tok::Sym => is_name_path(last.0) || (last.0 == "?" && ends_path(&tokens[..tokens.len() - 1])),
        Tok::Str(_) => before.is_some_and(|before| before.0 == "."),
        Tok::Block(_) => last.0.starts_with('[') && before.is_some_and(ends_term),
        _ => false,
    })
}

/// Whether the value of an object's entry is more than jq 1.5 takes there: a term, or terms joined with `|`.
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

const KEYWORDS: [&str; 19] = [
    "if", "then", "elif", "else", "end", "try", "catch", "as", "and", "or", "def", "reduce", "foreach", "label",
    "break", "import", "include", "module", "__loc__",
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
