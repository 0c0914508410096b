//! Turns quick-xml's event stream into the four things a call is made of: tags that open and close, text, and the end.

use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};

/// One step of a document.
#[derive(Debug, PartialEq)]
pub enum Step {
    Open(String),
    Close,
    Text(String),
    End,
}

/// Reads a document step by step, with errors in the words of Python's expat.
pub struct Cursor<'a> {
    reader: Reader<&'a [u8]>,
    body: &'a str,
    pending_close: bool,
    depth: usize,
    seen_root: bool,
}

/// The text of a Python exception: its class and message.
pub type Error = String;

impl<'a> Cursor<'a> {
    pub fn new(body: &'a str) -> Self {
        let mut reader = Reader::from_str(body);
        reader.config_mut().check_end_names = true;
        Self { reader, body, pending_close: false, depth: 0, seen_root: false }
    }

    /// The next step; text in pieces is joined by the caller.
    pub fn step(&mut self) -> Result<Step, Error> {
        if std::mem::take(&mut self.pending_close) {
            self.depth -= 1;
            return Ok(Step::Close);
        }
        loop {
            let before = self.position();
            let event =
                self.reader.read_event().map_err(|_| self.malformed("not well-formed (invalid token)", before))?;
            match event {
                Event::Start(tag) => return Ok(self.opened(tag.name().as_ref().to_owned(), false)),
                Event::Empty(tag) => return Ok(self.opened(tag.name().as_ref().to_owned(), true)),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Step::Close);
                }
                Event::Text(text) => {
                    let text = text.xml_content(XmlVersion::Implicit1_0);
                    if text.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r')) {
                        return Err(self.malformed("not well-formed (invalid token)", before));
                    }
                    if self.depth == 0 {
                        if text.trim().is_empty() {
                            continue;
                        }
                        let what = if self.seen_root { "junk after document element" } else { "syntax error" };
                        return Err(self.malformed(what, before));
                    }
                    return Ok(Step::Text(text.into_owned()));
                }
                Event::CData(data) => return Ok(Step::Text(data.xml_content(XmlVersion::Implicit1_0).into_owned())),
                Event::GeneralRef(entity) => {
                    let entity = entity.xml_content(XmlVersion::Implicit1_0).into_owned();
                    return self.entity(&entity, before).map(Step::Text);
                }
                Event::Decl(_) if before > 0 => {
                    return Err(self.malformed("XML or text declaration not at start of entity", before));
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
                Event::Eof if self.depth > 0 || !self.seen_root => {
                    return Err(self.malformed("no element found", self.body.len()));
                }
                Event::Eof => return Ok(Step::End),
            }
        }
    }

    fn opened(&mut self, name: String, empty: bool) -> Step {
        self.depth += 1;
        self.seen_root = true;
        self.pending_close = empty;
        Step::Open(name)
    }

    fn entity(&self, name: &str, at: usize) -> Result<String, Error> {
        let code = match name {
            "amp" => return Ok("&".into()),
            "lt" => return Ok("<".into()),
            "gt" => return Ok(">".into()),
            "quot" => return Ok("\"".into()),
            "apos" => return Ok("'".into()),
            _ => match name.strip_prefix("#x").or_else(|| name.strip_prefix("#X")) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => name.strip_prefix('#').and_then(|digits| digits.parse().ok()),
            },
        };
        let allowed = |c: &char| *c >= ' ' || matches!(c, '\t' | '\n' | '\r');
        match (name.starts_with('#'), code.and_then(char::from_u32).filter(allowed)) {
            (_, Some(letter)) => Ok(letter.into()),
            (true, None) => Err(self.malformed("reference to invalid character number", at)),
            (false, None) => Err(self.malformed("undefined entity", at)),
        }
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX).min(self.body.len())
    }

    fn malformed(&self, what: &str, at: usize) -> Error {
        let read = &self.body.as_bytes()[..at.min(self.body.len())];
        let line = 1 + read.iter().filter(|byte| **byte == b'\n').count();
        let column = read.iter().rev().take_while(|byte| **byte != b'\n').count();
        format!("xml.parsers.expat.ExpatError: {what}: line {line}, column {column}")
    }
}
