//! Reads a `methodCall` as leniently, and as strictly, as Python's `xmlrpc.client.loads`.

use std::borrow::Cow;

use super::cursor::{Cursor, Error, Step};
use super::value::{Key, Value};

/// Values nested deeper than this are refused; Python's own limit is of this order.
const MAX_DEPTH: usize = 64;

/// A method's name and its parameters.
#[derive(Debug, PartialEq)]
pub struct Call {
    pub method: String,
    pub params: Vec<Value>,
}

/// Reads a body; the error is the last line of the traceback Odoo answers with.
pub fn parse_call(body: &[u8]) -> Result<Call, Error> {
    let utf16 = decode_utf16(body);
    let text = match &utf16 {
        Some(text) => text.as_str(),
        None => std::str::from_utf8(body).map_err(|error| not_text(body, error.valid_up_to()))?,
    };
    let mut reader = CallReader { cursor: Cursor::new(text) };
    let mut call = None;
    while let Some(tag) = reader.open()? {
        call = Some(if tag == "methodCall" { reader.call()? } else { reader.skip_then_fail()? });
    }
    call.ok_or_else(response_error)
}

/// Bytes that are no UTF-8: refused where they stand, or at once where not even the start is XML.
fn not_text(body: &[u8], at: usize) -> Error {
    let at = if body.first().is_some_and(|first| *first == b'<' || first.is_ascii_whitespace()) { at } else { 0 };
    let line = 1 + body[..at].iter().filter(|byte| **byte == b'\n').count();
    let column = body[..at].iter().rev().take_while(|byte| **byte != b'\n').count();
    format!("xml.parsers.expat.ExpatError: not well-formed (invalid token): line {line}, column {column}")
}

fn response_error() -> Error {
    "xmlrpc.client.ResponseError: ResponseError()".to_owned()
}

fn decode_utf16(body: &[u8]) -> Option<String> {
    let (big, rest) = match body {
        [0xFF, 0xFE, rest @ ..] => (false, rest),
        [0xFE, 0xFF, rest @ ..] => (true, rest),
        _ => return None,
    };
    let units: Vec<u16> = rest
        .chunks_exact(2)
        .map(|pair| if big { u16::from_be_bytes([pair[0], pair[1]]) } else { u16::from_le_bytes([pair[0], pair[1]]) })
        .collect();
    String::from_utf16(&units).ok()
}

struct CallReader<'a> {
    cursor: Cursor<'a>,
}

impl CallReader<'_> {
    /// The next child's name, or `None` where the parent (or the document) ends; text between tags is passed over.
    fn open(&mut self) -> Result<Option<String>, Error> {
        loop {
            match self.cursor.step()? {
                Step::Open(name) => return Ok(Some(name)),
                Step::Close | Step::End => return Ok(None),
                Step::Text(_) => {}
            }
        }
    }

    /// The text of a leaf, up to its end tag.
    fn leaf(&mut self) -> Result<String, Error> {
        let mut text = String::new();
        loop {
            match self.cursor.step()? {
                Step::Text(piece) => text.push_str(&piece),
                Step::Close | Step::End => return Ok(text),
                Step::Open(_) => self.skip()?,
            }
        }
    }

    fn skip(&mut self) -> Result<(), Error> {
        let mut depth = 1;
        while depth > 0 {
            match self.cursor.step()? {
                Step::Open(_) => depth += 1,
                Step::Close => depth -= 1,
                Step::Text(_) => {}
                Step::End => return Ok(()),
            }
        }
        Ok(())
    }

    /// The rest must still be well-formed before the missing `methodCall` is what is wrong.
    fn skip_then_fail(&mut self) -> Result<Call, Error> {
        self.skip()?;
        Err(response_error())
    }

    fn call(&mut self) -> Result<Call, Error> {
        let (mut method, mut params) = (String::new(), Vec::new());
        while let Some(tag) = self.open()? {
            match tag.as_str() {
                "methodName" => method = self.leaf()?,
                "params" => {
                    while let Some(param) = self.open()? {
                        if param == "param" {
                            while self.open()?.is_some() {
                                params.push(self.value(0)?);
                            }
                        } else {
                            self.skip()?;
                        }
                    }
                }
                _ => self.skip()?,
            }
        }
        Ok(Call { method, params })
    }

    /// A `<value>` whose start tag was read.
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err("RecursionError: maximum recursion depth exceeded".to_owned());
        }
        let mut text = String::new();
        let mut typed = None;
        loop {
            match self.cursor.step()? {
                Step::Text(piece) => text.push_str(&piece),
                Step::Open(tag) => typed = Some(self.typed(&tag, depth)?),
                Step::Close | Step::End => return Ok(typed.unwrap_or(Value::Text(text))),
            }
        }
    }

    fn typed(&mut self, tag: &str, depth: usize) -> Result<Value, Error> {
        match tag {
            "array" => self.array(depth),
            "struct" => self.members(depth),
            "nil" => self.leaf().map(|_| Value::Nil),
            _ => scalar(tag, self.leaf()?),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Error> {
        let mut items = Vec::new();
        while let Some(tag) = self.open()? {
            if tag == "data" {
                while self.open()?.is_some() {
                    items.push(self.value(depth + 1)?);
                }
            } else {
                self.skip()?;
            }
        }
        Ok(Value::Array(items))
    }

    fn members(&mut self, depth: usize) -> Result<Value, Error> {
        let mut members: Vec<(Key, Value)> = Vec::new();
        while self.open()?.is_some() {
            let (mut name, mut value) = (String::new(), Value::Nil);
            while let Some(part) = self.open()? {
                if part == "name" {
                    name = self.leaf()?;
                } else {
                    value = self.value(depth + 1)?;
                }
            }
            members.retain(|(known, _)| *known != name);
            members.push((Cow::Owned(name), value));
        }
        Ok(Value::Struct(members))
    }
}

fn scalar(tag: &str, text: String) -> Result<Value, Error> {
    match tag {
        "string" => Ok(Value::Text(text)),
        "int" | "i1" | "i2" | "i4" | "i8" => {
            text.trim().parse().map(Value::Int).map_err(|_| {
                format!("ValueError: invalid literal for int() with base 10: {}", Value::Text(text).repr())
            })
        }
        "boolean" => match text.as_str() {
            "0" => Ok(Value::Bool(false)),
            "1" => Ok(Value::Bool(true)),
            _ => Err("TypeError: bad boolean value".to_owned()),
        },
        "double" | "float" => text
            .trim()
            .parse()
            .map(Value::Double)
            .map_err(|_| format!("ValueError: could not convert string to float: {}", Value::Text(text).repr())),
        "dateTime.iso8601" => Ok(Value::DateTime(text.trim().to_owned())),
        "base64" => Ok(Value::Base64(text)),
        // Unknown types end as the text alone.
        _ => Ok(Value::Text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: &str) -> Value {
        let body = format!(
            "<?xml version='1.0'?><methodCall><methodName>m</methodName><params><param>{value}</param></params></methodCall>"
        );
        parse_call(body.as_bytes()).unwrap().params.remove(0)
    }

    #[test]
    fn values_of_every_type_are_read() {
        assert_eq!(one("<value>bare &amp; text</value>"), Value::text("bare & text"));
        assert_eq!(one("<value></value>"), Value::text(""));
        assert_eq!(one("<value/>"), Value::text(""));
        assert_eq!(one("<value><i8>1120299416054286</i8></value>"), Value::Int(1_120_299_416_054_286));
        assert_eq!(one("<value><nil/></value>"), Value::Nil);
        assert_eq!(one("<value>\n<boolean>1</boolean>\n</value>"), Value::Bool(true));
        assert_eq!(one("<value><string>a&#13;&#10;b&#128512;</string></value>"), Value::text("a\r\nb\u{1F600}"));
        assert_eq!(one("<value><string>a\r\nb</string></value>"), Value::text("a\nb"));
        let nested = one(
            "<value><struct><member><name>a</name><value><array><data><value><i4>1</i4></value></data></array></value></member></struct></value>",
        );
        assert_eq!(nested, Value::from([("a", Value::Array(vec![Value::Int(1)]))]));
    }

    #[test]
    fn what_is_wrong_is_said_as_expat_says_it() {
        let cases: [(&[u8], &str); 6] = [
            (b"", "no element found: line 1, column 0"),
            (b"hello", "syntax error: line 1, column 0"),
            (b"\x1f\x8b\x08 zip", "not well-formed (invalid token): line 1, column 0"),
            (
                b"\n<?xml version='1.0'?><methodCall></methodCall>",
                "XML or text declaration not at start of entity: line 2, column 0",
            ),
            (b"<methodCall><a>&#1;</a></methodCall>", "reference to invalid character number: line 1, column 15"),
            (b"<a/>", "xmlrpc.client.ResponseError: ResponseError()"),
        ];
        for (body, text) in cases {
            let error = parse_call(body).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}
