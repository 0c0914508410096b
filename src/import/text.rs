//! The text of a file, whatever it is encoded in, as UTF-8 for the CSV reader.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use encoding_rs::{Decoder, DecoderResult, Encoding};

/// Bytes that are read at once.
const AT_ONCE: usize = 64 * 1024;
/// Bytes of one row at most. A quote that is never closed would take the rest of the file for one cell.
pub(super) const LONGEST_ROW: usize = 1024 * 1024;

/// Why a text cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    #[error("bytes that are no {0}; name the file's encoding, for example --encoding windows-1252")]
    Encoding(&'static str),
    #[error("a NUL character; a file of UTF-16 without a byte order mark wants --encoding utf-16le (or utf-16be)")]
    Nul,
    #[error("a row of more than 1 MiB; is a quote opened and never closed?")]
    LongRow,
    #[error("a quote is opened here and never closed")]
    OpenQuote,
    #[error(
        "text behind a closing quote; is a quote opened above and never closed, or is one within a cell not doubled?"
    )]
    BehindQuote,
}

/// What is left of the current row's allowance; shared with whoever knows where rows end.
#[derive(Debug, Clone)]
pub(super) struct Allowance(Rc<Cell<usize>>);

impl Allowance {
    fn new() -> Self {
        Self(Rc::new(Cell::new(LONGEST_ROW)))
    }

    /// A row has ended.
    pub(super) fn renew(&self) {
        self.0.set(LONGEST_ROW);
    }

    fn take(&self, bytes: usize) -> bool {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// Where in a row the text has come to, as far as quotes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    /// Where a cell begins: only here a quote opens one.
    Begin,
    Bare,
    Quoted,
    /// Behind a quote within quotes: the end of them, or the first of two.
    Closed,
    /// Behind the end of them, and blanks.
    Behind,
}

/// Follows the quotes of a text. The CSV reader takes whatever comes: to it, a quote that is not closed where its cell ends makes
/// one row of many people.
#[derive(Debug)]
pub(super) struct Quotes {
    delimiter: u8,
    spot: Spot,
    /// Line breaks before the quote that was opened last.
    opened: u64,
}

impl Quotes {
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter, spot: Spot::Begin, opened: 0 }
    }

    /// Follows a piece of text with so many line breaks before it; at a fault, gives how many are before that.
    fn follow(&mut self, text: &str, mut breaks: u64) -> Result<(), u64> {
        for byte in text.bytes() {
            let ends = byte == self.delimiter || byte == b'\n';
            self.spot = match (self.spot, byte) {
                (Spot::Quoted, b'"') => Spot::Closed,
                (Spot::Closed, b'"') | (Spot::Quoted, _) => Spot::Quoted,
                (_, _) if ends => Spot::Begin,
                (Spot::Begin, b'"') => {
                    self.opened = breaks;
                    Spot::Quoted
                }
                (Spot::Begin | Spot::Bare, _) => Spot::Bare,
                (Spot::Closed | Spot::Behind, b' ' | b'\t') => Spot::Behind,
                (Spot::Closed | Spot::Behind, _) => return Err(breaks),
            };
            breaks += u64::from(byte == b'\n');
        }
        Ok(())
    }
}

/// Decodes while it is read. A byte order mark goes before the encoding that it was told, and is left out. Every line ends with
/// one line feed, the last one too, so that whoever counts them counts lines.
pub(super) struct Text<R> {
    from: R,
    decoder: Decoder,
    raw: Box<[u8]>,
    /// What of `raw` is not decoded yet.
    waiting: std::ops::Range<usize>,
    decoded: String,
    given: usize,
    /// Nothing follows what is in `raw`.
    last: bool,
    over: bool,
    /// Line breaks in what was decoded.
    lines: u64,
    /// The last character before what is decoded next.
    before: Option<char>,
    failed: Option<Garbled>,
    allowance: Allowance,
    /// `None`: quotes are not looked at.
    quotes: Option<Quotes>,
}

impl<R: Read> Text<R> {
    pub(super) fn new(from: R, encoding: &'static Encoding, quotes: Option<Quotes>) -> (Self, Allowance) {
        let allowance = Allowance::new();
        let text = Self {
            from,
            decoder: encoding.new_decoder(),
            raw: vec![0; AT_ONCE].into(),
            waiting: 0..0,
            decoded: String::with_capacity(AT_ONCE),
            given: 0,
            last: false,
            over: false,
            lines: 0,
            before: None,
            failed: None,
            allowance: allowance.clone(),
            quotes,
        };
        (text, allowance)
    }

    /// Line breaks before the place that reading has come to, or could not pass.
    pub(super) fn breaks(&self) -> u64 {
        self.lines
    }

    /// Why it could not be read on.
    pub(super) fn failed(&self) -> Option<Garbled> {
        self.failed
    }

    fn fail(&mut self, garbled: Garbled) -> io::Error {
        self.failed = Some(garbled);
        io::Error::new(io::ErrorKind::InvalidData, garbled)
    }

    fn decode(&mut self) -> io::Result<()> {
        self.decoded.clear();
        self.given = 0;
        while self.decoded.is_empty() && !self.over {
            if self.waiting.is_empty() && !self.last {
                let read = self.from.read(&mut self.raw)?;
                self.waiting = 0..read;
                self.last = read == 0;
            }
            let (result, read) = self.decoder.decode_to_string_without_replacement(
                &self.raw[self.waiting.clone()],
                &mut self.decoded,
                self.last,
            );
            self.waiting.start += read;
            match result {
                DecoderResult::Malformed(..) => {
                    self.lines += newlines(&self.decoded);
                    return Err(self.fail(Garbled::Encoding(self.decoder.encoding().name())));
                }
                DecoderResult::InputEmpty if self.last => self.over = true,
                // There is room for what is decoded: the text is emptied each time.
                DecoderResult::InputEmpty | DecoderResult::OutputFull => {}
            }
        }
        if let Some(at) = self.decoded.find('\0') {
            self.lines += newlines(&self.decoded[..at]);
            return Err(self.fail(Garbled::Nul));
        }
        self.even_out();
        if let Some(quotes) = &mut self.quotes {
            if let Err(breaks) = quotes.follow(&self.decoded, self.lines) {
                self.lines = breaks;
                return Err(self.fail(Garbled::BehindQuote));
            }
            if self.over && quotes.spot == Spot::Quoted {
                self.lines = quotes.opened;
                return Err(self.fail(Garbled::OpenQuote));
            }
        }
        self.lines += newlines(&self.decoded);
        Ok(())
    }

    /// Takes CR LF and CR for LF, over the borders of what is decoded at once.
    fn even_out(&mut self) {
        if self.before == Some('\r') || self.decoded.contains('\r') {
            let mut even = String::with_capacity(self.decoded.len());
            for letter in self.decoded.chars() {
                match (self.before.replace(letter), letter) {
                    (Some('\r'), '\n') => {}
                    (_, '\r') => even.push('\n'),
                    (_, letter) => even.push(letter),
                }
            }
            self.decoded = even;
        } else {
            self.before = self.decoded.chars().next_back().or(self.before);
        }
        if self.over && self.before.is_some_and(|last| !matches!(last, '\r' | '\n')) {
            self.decoded.push('\n');
            self.before = Some('\n');
        }
    }
}

fn newlines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}

impl<R: Read> BufRead for Text<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // What was decoded may have been no more than the second half of a line's end.
        while self.given == self.decoded.len() && !self.over {
            self.decode()?;
        }
        Ok(&self.decoded.as_bytes()[self.given..])
    }

    fn consume(&mut self, bytes: usize) {
        self.given += bytes;
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let count = there.len().min(into.len());
        into[..count].copy_from_slice(&there[..count]);
        self.consume(count);
        if self.allowance.take(count) { Ok(count) } else { Err(self.fail(Garbled::LongRow)) }
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{UTF_8, WINDOWS_1252};

    use super::*;

    fn read(bytes: &[u8], encoding: &'static Encoding) -> Result<String, (Garbled, u64)> {
        let (mut text, _) = Text::new(bytes, encoding, None);
        let mut whole = String::new();
        match text.read_to_string(&mut whole) {
            Ok(_) => Ok(whole),
            Err(_) => Err((text.failed().unwrap(), text.breaks())),
        }
    }

    #[test]
    fn a_mark_tells_the_encoding_and_is_left_out() {
        let utf16 = |swap: bool| -> Vec<u8> {
            let units = "\u{feff}vid\nZoë".encode_utf16();
            units.flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        for bytes in [utf16(true), utf16(false), b"\xef\xbb\xbfvid\nZo\xc3\xab".to_vec(), b"vid\nZo\xc3\xab".to_vec()] {
            assert_eq!(read(&bytes, UTF_8).unwrap(), "vid\nZoë\n");
        }
        assert_eq!(read(b"vid\nZo\xeb", WINDOWS_1252).unwrap(), "vid\nZoë\n");
        assert_eq!(read(b"\xef\xbb\xbfZo\xc3\xab", WINDOWS_1252).unwrap(), "Zoë\n", "the mark knows better");
        assert_eq!(read(b"", UTF_8).unwrap(), "");
    }

    #[test]
    fn what_is_garbled_is_told_with_its_place() {
        assert_eq!(read(b"vid\n1\nZo\xeb\n", UTF_8), Err((Garbled::Encoding("UTF-8"), 2)));
        assert_eq!(read(b"vid\nZo\xc3", UTF_8), Err((Garbled::Encoding("UTF-8"), 1)), "cut within a letter");
        let unmarked: Vec<u8> = "vid\n1".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(matches!(read(&unmarked, UTF_8), Err((Garbled::Nul, _))));
    }

    #[test]
    fn every_line_ends_alike() {
        assert_eq!(read(b"a\r\n\r\nb\rc\n\nd", UTF_8).unwrap(), "a\n\nb\nc\n\nd\n");
        for at in 0..3 {
            let mut long = vec![b'x'; AT_ONCE - at];
            long.extend(b"\r\ny\r\n");
            let text = read(&long, UTF_8).unwrap();
            assert_eq!(text[AT_ONCE - at..], *"\ny\n", "{at}");
        }
    }

    #[test]
    fn quotes_are_followed_over_the_borders_of_what_is_decoded_at_once() {
        let followed = |bytes: &[u8]| {
            let (mut text, _) = Text::new(bytes, UTF_8, Some(Quotes::new(b';')));
            let read = io::copy(&mut text, &mut io::sink());
            read.map(|_| ()).map_err(|_| (text.failed().unwrap(), text.breaks()))
        };
        for at in 0..4 {
            let mut long = vec![b'x'; AT_ONCE - at];
            long.extend(b";\"a\"\"b\r\nc\" ;\"\"\r\n");
            assert_eq!(followed(&long), Ok(()), "{at}");
            long.extend(b"5 \" tall;\"a\r\nb\r\n");
            assert_eq!(followed(&long), Err((Garbled::OpenQuote, 2)), "{at}");
        }
        assert_eq!(followed(b"x\n\"a\nb\"c\n"), Err((Garbled::BehindQuote, 2)));
        assert_eq!(followed(b"x\n\"a\" \"b\"\n"), Err((Garbled::BehindQuote, 1)));
        assert_eq!(followed(b"\"a"), Err((Garbled::OpenQuote, 0)));
    }

    #[test]
    fn a_row_has_a_longest() {
        let long = vec![b'x'; LONGEST_ROW + 1];
        assert!(matches!(read(&long, UTF_8), Err((Garbled::LongRow, _))));
        let (mut text, allowance) = Text::new(&*long, UTF_8, None);
        let mut half = vec![0; LONGEST_ROW / 2];
        text.read_exact(&mut half).unwrap();
        allowance.renew();
        text.read_to_end(&mut half).unwrap();
    }
}
