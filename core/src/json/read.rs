//! Reading: a cursor over the text, which tells whoever asks what stands there.

use std::borrow::Cow;
use std::fmt;

/// Objects and lists within one another, at most: one more is no JSON, so that no text can use up the stack.
const DEEPEST: u32 = 127;

/// A number has so many places before its point, at most: no double holds a greater one, and readers that keep numbers
/// in doubles take it for no JSON.
const MOST_PLACES: usize = 308;

/// Why a text was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is no JSON, from this byte on.
    Syntax(usize),
    /// It is JSON, but not what was looked for, at this byte.
    Shape(usize),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(at) => write!(f, "no JSON from byte {at} on"),
            Self::Shape(at) => write!(f, "something else was expected at byte {at}"),
        }
    }
}

impl std::error::Error for Wrong {}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// Any number.
    Number,
    /// A string.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

/// Reads a whole text with `read`.
///
/// # Errors
/// It is no JSON, or `read` found something else than it looked for.
pub fn read<'a, T>(text: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, Wrong>) -> Result<T, Wrong> {
    let mut reader = Reader::new(text)?;
    let found = read(&mut reader)?;
    reader.space();
    if reader.at == text.len() { Ok(found) } else { Err(Wrong::Syntax(reader.at)) }
}

/// What is done with one field of an object; not generic, so that the code of an object stands once in a page.
type EachField<'c, 'a> = dyn FnMut(Cow<'a, str>, &mut Reader<'a>) -> Result<(), Wrong> + 'c;

/// Stands before a value, and goes on behind it.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8]) -> Result<Self, Wrong> {
        let text = std::str::from_utf8(text).map_err(|error| Wrong::Syntax(error.valid_up_to()))?;
        Ok(Self { text, at: 0, depth: 0 })
    }

    /// What the value is, by its first character; a reader of it may still find that it is none.
    ///
    /// # Errors
    /// No value begins here.
    pub fn kind(&mut self) -> Result<Kind, Wrong> {
        self.space();
        match self.next() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'n') => Ok(Kind::Null),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            _ => Err(Wrong::Syntax(self.at)),
        }
    }

    /// Calls for each field, which `each` has to read or to skip.
    ///
    /// # Errors
    /// It is no object, or `each` says so.
    pub fn object(&mut self, each: &mut EachField<'_, 'a>) -> Result<(), Wrong> {
        self.want(Kind::Object)?;
        self.members(b'}', &mut |reader| {
            reader.space();
            if reader.next() != Some(b'"') {
                return Err(Wrong::Syntax(reader.at));
            }
            let name = reader.string()?;
            reader.space();
            reader.eat(b':')?;
            each(name, reader)
        })
    }

    /// Calls for each element, which `each` has to read or to skip.
    ///
    /// # Errors
    /// It is no list, or `each` says so.
    pub fn array(&mut self, each: &mut dyn FnMut(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        self.want(Kind::Array)?;
        self.members(b']', each)
    }

    fn members(&mut self, end: u8, each: &mut dyn FnMut(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        if self.depth == DEEPEST {
            return Err(Wrong::Syntax(self.at));
        }
        self.depth += 1;
        self.at += 1;
        self.space();
        if self.next() != Some(end) {
            loop {
                each(self)?;
                self.space();
                if self.next() != Some(b',') {
                    break;
                }
                self.at += 1;
            }
        }
        self.depth -= 1;
        self.eat(end)
    }

    /// A string, borrowed where it stands as it is meant.
    ///
    /// # Errors
    /// It is none.
    pub fn string(&mut self) -> Result<Cow<'a, str>, Wrong> {
        self.want(Kind::String)?;
        self.at += 1;
        let start = self.at;
        let mut changed: Option<String> = None;
        let mut copied = start;
        loop {
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let text = changed.get_or_insert_default();
                    text.push_str(self.slice(copied));
                    self.at += 1;
                    let meant = self.escape()?;
                    text.push(meant);
                    copied = self.at;
                }
                None | Some(..=0x1f) => return Err(Wrong::Syntax(self.at)),
                Some(_) => self.at += 1,
            }
        }
        let rest = self.slice(copied);
        self.at += 1;
        Ok(match changed {
            None => Cow::Borrowed(rest),
            Some(text) => Cow::Owned(text + rest),
        })
    }

    /// What stands after a backslash.
    fn escape(&mut self) -> Result<char, Wrong> {
        let meant = match self.next() {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let first = self.four_digits()?;
                let mut code = first;
                // Beyond what four digits can name there are pairs.
                if (0xd800..0xdc00).contains(&first) && self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                    self.at += 2;
                    let second = self.four_digits()?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(Wrong::Syntax(self.at));
                    }
                    code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                }
                return char::from_u32(code).ok_or(Wrong::Syntax(self.at));
            }
            _ => return Err(Wrong::Syntax(self.at)),
        };
        self.at += 1;
        Ok(meant)
    }

    fn four_digits(&mut self) -> Result<u32, Wrong> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|digit| char::from(digit).to_digit(16));
            code = code * 16 + digit.ok_or(Wrong::Syntax(self.at))?;
            self.at += 1;
        }
        Ok(code)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// It is neither.
    pub fn boolean(&mut self) -> Result<bool, Wrong> {
        self.want(Kind::Boolean)?;
        let is_true = self.next() == Some(b't');
        self.word(if is_true { "true" } else { "false" })?;
        Ok(is_true)
    }

    /// A whole number from 0, without a point or an exponent.
    ///
    /// # Errors
    /// It is none, or beyond 64 bits.
    pub fn number(&mut self) -> Result<u64, Wrong> {
        self.want(Kind::Number)?;
        let start = self.at;
        self.any_number()?;
        self.slice(start).parse().map_err(|_| Wrong::Shape(start))
    }

    /// Whether the value is `null`, which is then read.
    ///
    /// # Errors
    /// No value begins here.
    pub fn is_null(&mut self) -> Result<bool, Wrong> {
        let is_null = self.kind()? == Kind::Null;
        if is_null {
            self.word("null")?;
        }
        Ok(is_null)
    }

    /// A string, or `None` for `null`.
    ///
    /// # Errors
    /// It is neither.
    pub fn string_or_null(&mut self) -> Result<Option<Cow<'a, str>>, Wrong> {
        if self.is_null()? { Ok(None) } else { self.string().map(Some) }
    }

    /// Any value, as it is written.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn raw(&mut self) -> Result<&'a str, Wrong> {
        self.space();
        let start = self.at;
        self.skip()?;
        Ok(self.slice(start))
    }

    /// Goes on behind the value.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn skip(&mut self) -> Result<(), Wrong> {
        match self.kind()? {
            Kind::Null => self.word("null"),
            Kind::Boolean => self.boolean().map(drop),
            Kind::Number => self.any_number(),
            Kind::String => self.string().map(drop),
            Kind::Array => self.array(&mut Self::skip),
            Kind::Object => self.object(&mut |_, reader| reader.skip()),
        }
    }

    fn any_number(&mut self) -> Result<(), Wrong> {
        if self.next() == Some(b'-') {
            self.at += 1;
        }
        let mut places = 0;
        if self.next() == Some(b'0') {
            self.at += 1;
        } else {
            places = self.digits()?.len();
        }
        if self.next() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.next(), Some(b'e' | b'E')) {
            self.at += 1;
            let sign = self.next().filter(|sign| matches!(sign, b'+' | b'-'));
            self.at += usize::from(sign.is_some());
            let power = self.digits()?.parse().unwrap_or(usize::MAX);
            let moved = if sign == Some(b'-') { usize::saturating_sub } else { usize::saturating_add };
            places = moved(places, power);
        }
        // Of a number that begins with 0 that is all.
        let is_over = !matches!(self.next(), Some(b'0'..=b'9'));
        if is_over && places <= MOST_PLACES { Ok(()) } else { Err(Wrong::Syntax(self.at)) }
    }

    fn digits(&mut self) -> Result<&'a str, Wrong> {
        let start = self.at;
        while matches!(self.next(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(Wrong::Syntax(start)) } else { Ok(self.slice(start)) }
    }

    fn word(&mut self, word: &str) -> Result<(), Wrong> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Wrong::Syntax(self.at));
        }
        self.at += word.len();
        Ok(())
    }

    fn want(&mut self, kind: Kind) -> Result<(), Wrong> {
        if self.kind()? == kind {
            return Ok(());
        }
        let at = self.at;
        self.skip()?;
        Err(Wrong::Shape(at))
    }

    fn eat(&mut self, byte: u8) -> Result<(), Wrong> {
        if self.next() != Some(byte) {
            return Err(Wrong::Syntax(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// From `start` to where it stands, which both lie beside ASCII.
    fn slice(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }
}
