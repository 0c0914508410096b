//! A value written as JSON, or as a Python literal: what Odoo's domain editor saves.
//!
//! Python's own rules hold (The Python Language Reference, "Lexical analysis"), for the few kinds of value that a domain has.

use serde_json::{Number, Value};

/// How deep lists may nest.
const DEEPEST: usize = 12;
/// Above this a JSON number without a fraction is not kept exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a text is neither JSON nor a Python literal. Counts characters from 1; shows no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LiteralError {
    #[error("ends too early")]
    End,
    #[error("there is more after the end of the list, at character {0}")]
    Rest(usize),
    #[error("lists nest deeper than {DEEPEST}")]
    TooDeep,
    #[error(
        "expressions such as uid or context_today() cannot be used (character {0}); write the value itself, as text in quotes, a number, True, False or None"
    )]
    Expression(usize),
    #[error("a comma or the end of the list is wanted at character {0}")]
    Separator(usize),
    #[error("a value is wanted at character {0}")]
    Value(usize),
    #[error("the text that starts at character {0} has no end on its line")]
    OpenText(usize),
    #[error("an escape that cannot be read, at character {0}")]
    Escape(usize),
    #[error("a number that cannot be read or is too large, at character {0}")]
    Number(usize),
    #[error("a number is too large")]
    LargeNumber,
}

/// Reads one value; tuples are lists.
pub(super) fn parse(text: &str) -> Result<Value, LiteralError> {
    if let Ok(value) = serde_json::from_str(text) {
        return plain(&value, 0).map(|()| value);
    }
    let mut reader = Reader { chars: text.chars().collect(), at: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at < reader.chars.len() {
        return Err(reader.here(LiteralError::Rest));
    }
    Ok(value)
}

/// Holds JSON to the same limits.
fn plain(value: &Value, depth: usize) -> Result<(), LiteralError> {
    match value {
        Value::Number(number) if number.is_u64() && !number.is_i64() => Err(LiteralError::LargeNumber),
        Value::Number(number) if number.as_i64().is_none() => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() > EXACT => Err(LiteralError::LargeNumber),
            _ => Ok(()),
        },
        Value::Array(_) if depth >= DEEPEST => Err(LiteralError::TooDeep),
        Value::Array(items) => items.iter().try_for_each(|item| plain(item, depth + 1)),
        _ => Ok(()),
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn here(&self, error: fn(usize) -> LiteralError) -> LiteralError {
        error(self.at + 1)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, LiteralError> {
        self.blanks();
        match self.peek().ok_or(LiteralError::End)? {
            '[' => self.list(']', depth),
            '(' => self.list(')', depth),
            quote @ ('"' | '\'') => self.text(quote).map(Value::String),
            c if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => self.number(),
            c if c.is_alphabetic() || c == '_' => self.word(),
            _ => Err(self.here(LiteralError::Value)),
        }
    }

    /// A list or a tuple. `(x)` is a bracket around a value in Python, `(x,)` a tuple.
    fn list(&mut self, close: char, depth: usize) -> Result<Value, LiteralError> {
        if depth >= DEEPEST {
            return Err(LiteralError::TooDeep);
        }
        self.at += 1;
        let mut items = Vec::new();
        let mut commas = 0;
        loop {
            self.blanks();
            if self.peek() == Some(close) {
                self.at += 1;
                break;
            }
            if items.len() != commas {
                return match self.peek() {
                    None => Err(LiteralError::End),
                    Some('(' | '.') => Err(self.here(LiteralError::Expression)),
                    Some(_) => Err(self.here(LiteralError::Separator)),
                };
            }
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.peek() == Some(',') {
                self.at += 1;
                commas += 1;
            }
        }
        if close == ')' && items.len() == 1 && commas == 0 {
            return Ok(items.swap_remove(0));
        }
        Ok(Value::Array(items))
    }

    fn word(&mut self) -> Result<Value, LiteralError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.at += 1;
        }
        let word: String = self.chars[start..self.at].iter().collect();
        match word.as_str() {
            "True" | "true" => Ok(Value::Bool(true)),
            "False" | "false" => Ok(Value::Bool(false)),
            "None" | "null" => Ok(Value::Null),
            "u" => match self.peek() {
                Some(quote @ ('"' | '\'')) => self.text(quote).map(Value::String),
                _ => Err(LiteralError::Expression(start + 1)),
            },
            _ => Err(LiteralError::Expression(start + 1)),
        }
    }

    fn number(&mut self) -> Result<Value, LiteralError> {
        let start = self.at;
        while self.peek().is_some_and(|c| matches!(c, '-' | '+')) {
            self.at += 1;
            self.blanks();
        }
        let minus = self.chars[start..self.at].iter().filter(|c| **c == '-').count() % 2 == 1;
        let digits = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')) {
            let exponent = matches!(self.next(), Some('e' | 'E'));
            if exponent && matches!(self.peek(), Some('-' | '+')) {
                self.at += 1;
            }
        }
        let text: String = self.chars[digits..self.at].iter().collect();
        let starts_like_a_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if starts_like_a_name {
            return Err(LiteralError::Expression(digits + 1));
        }
        let sign = if minus { "-" } else { "" };
        signed_number(&text, sign).ok_or(LiteralError::Number(start + 1))
    }

    fn text(&mut self, quote: char) -> Result<String, LiteralError> {
        let start = self.at + 1;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.next() {
                None | Some('\n' | '\r') => return Err(LiteralError::OpenText(start)),
                Some(c) if c == quote => return Ok(text),
                Some('\\') => self.escape(&mut text)?,
                Some(c) => text.push(c),
            }
        }
    }

    /// What follows a backslash. An escape that Python does not know stands for itself, backslash included.
    fn escape(&mut self, text: &mut String) -> Result<(), LiteralError> {
        let wrong = LiteralError::Escape(self.at);
        let c = match self.next().ok_or(LiteralError::End)? {
            '\n' => return Ok(()),
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            c @ ('\\' | '\'' | '"') => c,
            'x' => self.hex(2).ok_or(wrong)?,
            'u' => self.hex(4).ok_or(wrong)?,
            'U' => self.hex(8).ok_or(wrong)?,
            'N' => return Err(wrong),
            c @ '0'..='7' => self.octal(c).ok_or(wrong)?,
            c => {
                text.push('\\');
                c
            }
        };
        text.push(c);
        Ok(())
    }

    fn hex(&mut self, digits: usize) -> Option<char> {
        let mut code = 0;
        for _ in 0..digits {
            code = code * 16 + self.next()?.to_digit(16)?;
        }
        char::from_u32(code)
    }

    fn octal(&mut self, first: char) -> Option<char> {
        let mut code = first.to_digit(8)?;
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else {
                break;
            };
            self.at += 1;
            code = code * 8 + digit;
        }
        char::from_u32(code)
    }
}

/// A decimal number; no leading zeros, as in Python.
fn signed_number(text: &str, sign: &str) -> Option<Value> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let leading_zero = text.len() > 1 && text.starts_with('0');
        let whole: i64 = format!("{sign}{text}").parse().ok()?;
        return (!leading_zero).then_some(Value::Number(whole.into()));
    }
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+');
    if !text.chars().all(plain) {
        return None;
    }
    let float: f64 = format!("{sign}{text}").parse().ok()?;
    Number::from_f64(float).map(Value::Number)
}
