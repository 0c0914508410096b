//! A JSON parser with the limits, the leniency and the error texts of Python's.

use jaq_json::{Num, Val};

/// Deeper documents are refused, as Python's recursion limit does.
const MAX_DEPTH: usize = 900;

/// Integers beyond this lose digits: the jq inside MTS has doubles only.
const EXACT: i64 = 1 << 53;

/// Why a text is no JSON.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// A syntax error, in Python's words.
    Syntax(String),
    /// Nested too deeply, or not UTF-8.
    Unreadable,
}

/// Parses a whole document.
pub fn parse(bytes: &[u8]) -> Result<Val, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::Unreadable)?;
    let mut reader = Reader { text, at: 0 };
    reader.blanks();
    let value = reader.value(0)?;
    reader.blanks();
    match reader.at == text.len() {
        true => Ok(value),
        false => Err(reader.fault("Extra data", reader.at)),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    /// Python names line, column and offset in characters.
    fn fault(&self, what: &str, at: usize) -> Fault {
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Fault::Syntax(format!("{what}: line {line} column {column} (char {})", before.chars().count()))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Val, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::Unreadable);
        }
        match self.peek() {
            Some(b'"') => self.string().map(Val::utf8_str),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Val, Fault> {
        let words = [
            ("null", Val::Null),
            ("true", Val::Bool(true)),
            ("false", Val::Bool(false)),
            ("NaN", Val::from(f64::NAN)),
            ("Infinity", Val::from(f64::INFINITY)),
            ("-Infinity", Val::from(f64::NEG_INFINITY)),
        ];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.fault("Expecting value", self.at))
    }

    fn digits(&mut self) -> bool {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > from
    }

    fn number(&mut self) -> Result<Val, Fault> {
        let from = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => {
                self.digits();
            }
            _ => {
                self.at = from;
                return self.word();
            }
        }
        let (whole, mut fraction) = (self.at, false);
        for mark in [&b"."[..], b"eE"] {
            let back = self.at;
            if self.peek().is_some_and(|b| mark.contains(&b)) {
                self.at += 1;
                if mark.len() == 2 && matches!(self.peek(), Some(b'+' | b'-')) {
                    self.at += 1;
                }
                match self.digits() {
                    true => fraction = true,
                    false => self.at = back,
                }
            }
        }
        if !fraction
            && let Ok(int) = self.text[from..whole].parse::<i64>()
            && int.abs() <= EXACT
        {
            return Ok(Val::Num(Num::from_integral(int)));
        }
        Ok(Val::from(self.text[from..self.at].parse::<f64>().unwrap_or(f64::NAN)))
    }

    fn array(&mut self, depth: usize) -> Result<Val, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Val::Arr(items.into()));
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.fault("Expecting ',' delimiter", self.at)),
            }
        }
        self.at += 1;
        Ok(Val::Arr(items.into()))
    }

    fn object(&mut self, depth: usize) -> Result<Val, Fault> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        self.at += 1;
        let mut map = jaq_json::Map::default();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Val::obj(map));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.fault(NAME, self.at));
            }
            let key = self.string()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(self.fault("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.blanks();
            let value = self.value(depth + 1)?;
            map.insert(Val::utf8_str(key), value);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.fault("Expecting ',' delimiter", self.at)),
            }
        }
        self.at += 1;
        Ok(Val::obj(map))
    }

    fn string(&mut self) -> Result<String, Fault> {
        let begin = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let from = self.at;
            while self.peek().is_some_and(|b| b != b'"' && b != b'\\' && b >= b' ') {
                self.at += 1;
            }
            out.push_str(&self.text[from..self.at]);
            match self.peek() {
                None => return Err(self.fault("Unterminated string starting at", begin)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape(begin)?),
                Some(_) => return Err(self.fault("Invalid control character at", self.at)),
            }
        }
    }

    fn escape(&mut self, begin: usize) -> Result<char, Fault> {
        let at = self.at;
        self.at += 2;
        Ok(match self.text.as_bytes().get(at + 1) {
            None => return Err(self.fault("Unterminated string starting at", begin)),
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(*b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.unit()?;
                let pair = (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with("\\u");
                if pair {
                    let back = self.at;
                    self.at += 2;
                    let low = self.unit()?;
                    if (0xdc00..0xe000).contains(&low) {
                        let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = back;
                }
                char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(_) => return Err(self.fault("Invalid \\escape", at)),
        })
    }

    fn unit(&mut self) -> Result<u32, Fault> {
        let hex = self.text.as_bytes().get(self.at..self.at + 4).filter(|h| h.iter().all(u8::is_ascii_hexdigit));
        let unit = hex.and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u32::from_str_radix(h, 16).ok());
        let unit = unit.ok_or_else(|| self.fault("Invalid \\uXXXX escape", self.at))?;
        self.at += 4;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_fault_as_python_does() {
        let fault = |text: &str| match parse(text.as_bytes()) {
            Err(Fault::Syntax(message)) => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(fault("{\"id\":"), "Expecting value: line 1 column 7 (char 6)");
        assert_eq!(
            fault("{\"é\":1,\n x"),
            "Expecting property name enclosed in double quotes: line 2 column 2 (char 9)"
        );
        assert_eq!(fault("[1 2]"), "Expecting ',' delimiter: line 1 column 4 (char 3)");
        assert_eq!(fault("{\"a\" 1}"), "Expecting ':' delimiter: line 1 column 6 (char 5)");
        assert_eq!(fault("1 2"), "Extra data: line 1 column 3 (char 2)");
        assert_eq!(fault("\"ab"), "Unterminated string starting at: line 1 column 1 (char 0)");
        assert_eq!(fault("\"a\u{1}b\""), "Invalid control character at: line 1 column 3 (char 2)");
        assert_eq!(parse(&[b'[', 0xff]), Err(Fault::Unreadable));
        assert_eq!(parse("[".repeat(5000).as_bytes()), Err(Fault::Unreadable));
    }
}
