//! Reads XML-RPC answers. The only file that knows `quick-xml`.
//!
//! A pull decoder straight into JSON values, with limits on size, depth and number of values. Its errors say what is wrong
//! with the document's form and never quote it: an answer is full of people's data.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};
use serde_json::{Map, Number, Value};

/// How deep values may nest; Odoo's own answers stay below 10.
const MAX_DEPTH: usize = 64;
/// A value as Odoo writes it takes 20 bytes and more; documents that pack far more values than that are made to hurt.
const BYTES_PER_VALUE: usize = 16;
/// Small documents get this many values whatever their size.
const VALUES_FREE: usize = 64;

/// What a call was answered with.
#[derive(Clone, PartialEq)]
pub enum Answer {
    Value(Value),
    Fault(Fault),
}

/// A fault as it came. Its text may quote a person's data: it is for classification only.
#[derive(Clone, PartialEq)]
pub struct Fault {
    pub code: FaultCode,
    pub text: String,
}

/// `/xmlrpc/2` gives numbers; its predecessor, and some proxies, give text.
#[derive(Clone, PartialEq, Eq)]
pub enum FaultCode {
    Number(i64),
    Text(String),
}

/// Why a document is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is not well-formed XML")]
    NotXml,
    #[error("it ends too early")]
    Incomplete,
    #[error("it has a document type, which XML-RPC does not use")]
    DocumentType,
    #[error("it is XML, but no XML-RPC answer")]
    NotAnswer,
    #[error("it has an unknown entity")]
    UnknownEntity,
    #[error("a value of type {0} is malformed")]
    BadValue(&'static str),
    #[error("its values nest too deep")]
    TooDeep,
    #[error("it has too many values for its size")]
    TooManyValues,
    #[error("something follows its end")]
    Trailing,
}

/// Decodes one whole answer. The caller has limited its size.
pub fn answer(document: &[u8]) -> Result<Answer, DecodeError> {
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let text = std::str::from_utf8(document).map_err(|_| DecodeError::NotUtf8)?;
    let mut decoder =
        Decoder { reader: Reader::from_str(text), values_left: VALUES_FREE + text.len() / BYTES_PER_VALUE };
    let answer = decoder.document()?;
    decoder.end()?;
    Ok(answer)
}

/// What the decoder looks at: comments and processing instructions are skipped, entities are resolved.
enum Piece<'a> {
    Open(Tag),
    /// `<x/>`: opened and closed.
    Empty(Tag),
    Close,
    Text(Cow<'a, str>),
    End,
}

macro_rules! tags {
    ($($tag:ident = $name:literal),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Tag {
            $($tag,)+
            Other,
        }

        impl Tag {
            fn of(name: &str) -> Self {
                match name {
                    $($name => Self::$tag,)+
                    _ => Self::Other,
                }
            }
        }
    };
}

tags! {
    MethodResponse = "methodResponse",
    Params = "params",
    Param = "param",
    Fault = "fault",
    Value = "value",
    Array = "array",
    Data = "data",
    Struct = "struct",
    Member = "member",
    Name = "name",
    Int = "int",
    I4 = "i4",
    I8 = "i8",
    Boolean = "boolean",
    Double = "double",
    String = "string",
    Nil = "nil",
    DateTime = "dateTime.iso8601",
    Base64 = "base64",
}

struct Decoder<'a> {
    reader: Reader<&'a [u8]>,
    values_left: usize,
}

impl<'a> Decoder<'a> {
    /// The next piece. Closing tags match their opening ones: the reader sees to it.
    fn next(&mut self) -> Result<Piece<'a>, DecodeError> {
        loop {
            return Ok(match self.reader.read_event().map_err(|_| DecodeError::NotXml)? {
                Event::Start(tag) => Piece::Open(Tag::of(tag.name().as_ref())),
                Event::Empty(tag) => Piece::Empty(Tag::of(tag.name().as_ref())),
                Event::End(_) => Piece::Close,
                Event::Text(text) => Piece::Text(text.xml10_content()),
                Event::CData(text) => Piece::Text(text.xml10_content()),
                Event::GeneralRef(entity) => Piece::Text(resolve(&entity)?),
                Event::DocType(_) => return Err(DecodeError::DocumentType),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => continue,
                Event::Eof => Piece::End,
            });
        }
    }

    /// The next tag, past white space.
    fn next_tag(&mut self) -> Result<Piece<'a>, DecodeError> {
        loop {
            match self.next()? {
                Piece::Text(text) if is_blank(&text) => {}
                Piece::Text(_) => return Err(DecodeError::NotAnswer),
                piece => return Ok(piece),
            }
        }
    }

    fn open(&mut self, expected: Tag) -> Result<(), DecodeError> {
        match self.next_tag()? {
            Piece::Open(tag) if tag == expected => Ok(()),
            piece => Err(unexpected(&piece)),
        }
    }

    fn close(&mut self) -> Result<(), DecodeError> {
        match self.next_tag()? {
            Piece::Close => Ok(()),
            piece => Err(unexpected(&piece)),
        }
    }

    fn document(&mut self) -> Result<Answer, DecodeError> {
        self.open(Tag::MethodResponse)?;
        let answer = match self.next_tag()? {
            Piece::Open(Tag::Params) => {
                self.open(Tag::Param)?;
                let value = self.whole_value()?;
                self.close()?;
                Answer::Value(value)
            }
            Piece::Open(Tag::Fault) => Answer::Fault(fault(self.whole_value()?)?),
            piece => return Err(unexpected(&piece)),
        };
        self.close()?;
        self.close()?;
        Ok(answer)
    }

    fn end(&mut self) -> Result<(), DecodeError> {
        match self.next_tag() {
            Ok(Piece::End) => Ok(()),
            _ => Err(DecodeError::Trailing),
        }
    }

    fn whole_value(&mut self) -> Result<Value, DecodeError> {
        match self.next_tag()? {
            Piece::Open(Tag::Value) => self.value(0),
            Piece::Empty(Tag::Value) => Ok(Value::String(String::new())),
            piece => Err(unexpected(&piece)),
        }
    }

    /// A value whose `<value>` is open; takes its closing tag too.
    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        self.values_left = self.values_left.checked_sub(1).ok_or(DecodeError::TooManyValues)?;
        let mut untyped = Text::default();
        loop {
            let piece = self.next()?;
            let typed = match piece {
                Piece::Text(text) => {
                    untyped.push(text);
                    continue;
                }
                Piece::Close => return Ok(Value::String(untyped.into_string())),
                Piece::End => return Err(DecodeError::Incomplete),
                Piece::Open(_) | Piece::Empty(_) if !is_blank(untyped.as_str()) => return Err(DecodeError::NotAnswer),
                Piece::Open(tag) => self.typed(tag, depth)?,
                Piece::Empty(tag) => empty(tag)?,
            };
            self.close()?;
            return Ok(typed);
        }
    }

    fn typed(&mut self, tag: Tag, depth: usize) -> Result<Value, DecodeError> {
        match tag {
            Tag::Array | Tag::Struct if depth >= MAX_DEPTH => Err(DecodeError::TooDeep),
            Tag::Array => self.array(depth + 1),
            Tag::Struct => self.structure(depth + 1),
            _ => scalar(tag, self.text()?),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let mut items = Vec::new();
        match self.next_tag()? {
            Piece::Open(Tag::Data) => loop {
                match self.next_tag()? {
                    Piece::Open(Tag::Value) => items.push(self.value(depth)?),
                    Piece::Empty(Tag::Value) => items.push(self.empty_value()?),
                    Piece::Close => break,
                    piece => return Err(unexpected(&piece)),
                }
            },
            Piece::Empty(Tag::Data) => {}
            piece => return Err(unexpected(&piece)),
        }
        self.close()?;
        Ok(Value::Array(items))
    }

    fn structure(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let mut members = Map::new();
        loop {
            match self.next_tag()? {
                Piece::Open(Tag::Member) => {}
                Piece::Close => return Ok(Value::Object(members)),
                piece => return Err(unexpected(&piece)),
            }
            let name = match self.next_tag()? {
                Piece::Open(Tag::Name) => self.text()?.into_string(),
                Piece::Empty(Tag::Name) => String::new(),
                piece => return Err(unexpected(&piece)),
            };
            let value = match self.next_tag()? {
                Piece::Open(Tag::Value) => self.value(depth)?,
                Piece::Empty(Tag::Value) => self.empty_value()?,
                piece => return Err(unexpected(&piece)),
            };
            self.close()?;
            members.insert(name, value);
        }
    }

    fn empty_value(&mut self) -> Result<Value, DecodeError> {
        self.values_left = self.values_left.checked_sub(1).ok_or(DecodeError::TooManyValues)?;
        Ok(Value::String(String::new()))
    }

    /// The text up to the closing tag, which is taken too.
    fn text(&mut self) -> Result<Text<'a>, DecodeError> {
        let mut whole = Text::default();
        loop {
            match self.next()? {
                Piece::Text(text) => whole.push(text),
                Piece::Close => return Ok(whole),
                piece => return Err(unexpected(&piece)),
            }
        }
    }
}

/// Text in pieces: most are one, which then costs no copy but the last.
#[derive(Default)]
struct Text<'a>(Option<Cow<'a, str>>);

impl<'a> Text<'a> {
    fn push(&mut self, piece: Cow<'a, str>) {
        match &mut self.0 {
            None => self.0 = Some(piece),
            Some(whole) => whole.to_mut().push_str(&piece),
        }
    }

    fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    fn into_string(self) -> String {
        self.0.map(Cow::into_owned).unwrap_or_default()
    }
}

fn resolve<'a>(entity: &BytesRef<'a>) -> Result<Cow<'a, str>, DecodeError> {
    if let Some(character) = entity.resolve_char_ref().map_err(|_| DecodeError::UnknownEntity)? {
        return Ok(Cow::Owned(character.to_string()));
    }
    resolve_predefined_entity(entity.as_ref()).map(Cow::Borrowed).ok_or(DecodeError::UnknownEntity)
}

fn scalar(tag: Tag, text: Text<'_>) -> Result<Value, DecodeError> {
    match tag {
        Tag::Int | Tag::I4 | Tag::I8 => {
            text.as_str().trim().parse::<i64>().map(Value::from).map_err(|_| DecodeError::BadValue("int"))
        }
        Tag::Boolean => match text.as_str().trim() {
            "0" => Ok(Value::Bool(false)),
            "1" => Ok(Value::Bool(true)),
            _ => Err(DecodeError::BadValue("boolean")),
        },
        // JSON has no NaN and no infinity: null, so that one odd float does not spoil a page.
        Tag::Double => match text.as_str().trim().parse::<f64>() {
            Ok(float) => Ok(Number::from_f64(float).map_or(Value::Null, Value::Number)),
            Err(_) => Err(DecodeError::BadValue("double")),
        },
        Tag::String | Tag::DateTime | Tag::Base64 => Ok(Value::String(text.into_string())),
        Tag::Nil if is_blank(text.as_str()) => Ok(Value::Null),
        _ => Err(DecodeError::NotAnswer),
    }
}

/// A type's tag with nothing in it.
fn empty(tag: Tag) -> Result<Value, DecodeError> {
    match tag {
        Tag::Struct => Ok(Value::Object(Map::new())),
        _ => scalar(tag, Text::default()),
    }
}

fn fault(value: Value) -> Result<Fault, DecodeError> {
    let Value::Object(mut members) = value else {
        return Err(DecodeError::NotAnswer);
    };
    let code = match members.remove("faultCode") {
        Some(Value::Number(code)) => FaultCode::Number(code.as_i64().ok_or(DecodeError::NotAnswer)?),
        Some(Value::String(code)) => FaultCode::Text(code),
        _ => return Err(DecodeError::NotAnswer),
    };
    match members.remove("faultString") {
        Some(Value::String(text)) => Ok(Fault { code, text }),
        _ => Err(DecodeError::NotAnswer),
    }
}

fn unexpected(piece: &Piece<'_>) -> DecodeError {
    match piece {
        Piece::End => DecodeError::Incomplete,
        _ => DecodeError::NotAnswer,
    }
}

/// XML's white space, and nothing else that Unicode counts as such.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

#[cfg(test)]
#[path = "read_test.rs"]
mod tests;
