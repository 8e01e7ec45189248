//! The record: client-go's `LeaderElectionRecord` as JSON, with the fields of ours that Go ignores.
//!
//! Reading is parsing: a [`Text`] is the only thing that the rules of the lock ever see of a file's content.
//! *Ours* is written by this software (it has `instance`), *foreign* is a record without one.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::json::{self, Kind, Reader, Writer, Wrong};
use crate::time::WallClock;

/// A holder's name longer than this is no record.
const LONGEST_HOLDER: usize = 1024;
/// A text longer than this is no record.
pub const LONGEST_TEXT: usize = 64 * 1024;

/// A fencing token: `leaderTransitions` in the record. It grows with every term (R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Token(u64);

impl Token {
    /// Before the first term: client-go's records may carry it, ours start at 1.
    pub const NONE: Self = Self(0);
    /// The greatest token: above it a reader that keeps numbers in doubles would lose count.
    pub const MAX: Self = Self((1 << 53) - 2);

    /// A token from its number; `None` above [`Token::MAX`].
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number <= Self::MAX.0 { Some(Self(number)) } else { None }
    }

    /// The token of the term after this one; `None` where that would leave the range.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        if self.0 < Self::MAX.0 { Some(Self(self.0 + 1)) } else { None }
    }

    /// The number, as databases and logs take it.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a record of ours was written. One gist, one mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WriteMode {
    /// A git push of one commit: git compares and swaps under the ref lock.
    #[default]
    Push,
    /// A REST PATCH: exclusion is made of the revision list.
    Patch,
}

impl WriteMode {
    /// As records and settings have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Patch => "patch",
        }
    }

    /// The mode of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Push, Self::Patch].into_iter().find(|mode| mode.name() == name)
    }
}

impl fmt::Display for WriteMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What only records of ours carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The process start that wrote it: a name is not an identity (R8).
    pub instance: String,
    /// The revision that the record is meant to stand on.
    pub base: Option<String>,
    /// Tells one write from every other.
    pub nonce: Option<String>,
    /// The mode it was written in.
    pub write: Option<WriteMode>,
    /// Whose term a release ended: in push mode the release takes the place of the term's other records.
    pub released_by: Option<String>,
}

/// A valid record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The holder's name; empty: released.
    pub holder: String,
    /// For how long it asks to be respected. Zero only where the holder is empty.
    pub lease: Duration,
    /// When the term began, by the writer's wall clock.
    pub acquired: Option<DateTime<Utc>>,
    /// When it was last renewed, by the writer's wall clock.
    pub renewed: Option<DateTime<Utc>>,
    /// The fencing token.
    pub token: Token,
    /// client-go's coordinated election; carried, never used.
    pub strategy: String,
    /// client-go's coordinated election; carried, never used.
    pub preferred_holder: String,
    /// Present in records of ours.
    pub mark: Option<Mark>,
    /// Fields that neither client-go nor we know; they survive a rewriting.
    pub unknown: Unknown,
}

/// Names with their values as JSON, in the order in which they stood.
pub type Unknown = Vec<(String, String)>;

impl Record {
    /// Whether this software wrote it.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        self.mark.is_some()
    }

    /// Whether this very process wrote it.
    #[must_use]
    pub fn is_own(&self, instance: &str) -> bool {
        self.mark.as_ref().is_some_and(|mark| mark.instance == instance)
    }

    /// Whether somebody holds the lock by it.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        !self.holder.is_empty()
    }

    /// Whose term it is or was: the holder's name, or that of who released.
    #[must_use]
    pub fn term_of(&self) -> &str {
        let released_by = self.mark.as_ref().and_then(|mark| mark.released_by.as_deref());
        if self.is_held() { &self.holder } else { released_by.unwrap_or_default() }
    }

    /// The nonce, if the record is ours and has one.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.mark.as_ref()?.nonce.as_deref()
    }

    /// The base, if the record is ours and has one.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        self.mark.as_ref()?.base.as_deref()
    }

    /// The mode, if the record is ours and says so.
    #[must_use]
    pub fn write_mode(&self) -> Option<WriteMode> {
        self.mark.as_ref()?.write
    }

    /// The text as it goes into the file: the seven fields of client-go, always, then ours, then the unknown ones.
    /// Unknown fields that would make the text longer than a record may be are left out.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = self.written(&self.unknown);
        if text.len() <= LONGEST_TEXT { text } else { self.written(&[]) }
    }

    fn written(&self, unknown: &[(String, String)]) -> String {
        let mut to = Writer::new();
        to.open('{').name("holderIdentity").string(&self.holder);
        to.name("leaseDurationSeconds").number(self.lease.as_secs());
        to.name("acquireTime").string_or_null(self.acquired.as_ref().map(rfc3339).as_deref());
        to.name("renewTime").string_or_null(self.renewed.as_ref().map(rfc3339).as_deref());
        to.name("leaderTransitions").number(self.token.get());
        to.name("strategy").string(&self.strategy).name("preferredHolder").string(&self.preferred_holder);
        if let Some(mark) = &self.mark {
            let write = mark.write.map(WriteMode::name);
            let ours = [
                ("instance", Some(mark.instance.as_str())),
                ("base", mark.base.as_deref()),
                ("nonce", mark.nonce.as_deref()),
                ("write", write),
                ("releasedBy", mark.released_by.as_deref()),
            ];
            for (name, value) in ours {
                if let Some(value) = value {
                    to.name(name).string(value);
                }
            }
        }
        for (name, value) in unknown {
            to.name(name).raw(value);
        }
        to.close('}').finish()
    }
}

/// What a file's content means, before anybody asks where in the history it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(target_pointer_width = "64", expect(clippy::large_enum_variant, reason = "it lives behind an Arc"))]
pub enum Text {
    /// There is nothing: no such file, an empty text, or `{}`. Free, unless something displaced lies below.
    Nothing,
    /// No record, and not nothing: somebody's words, a broken record, a text too long or cut off. Stands for a lease.
    Unclear(Unclear),
    /// A record, held or released.
    Record(Record),
}

/// Why a text is no record, in words for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear(pub String);

impl Text {
    /// Parses the content of the lock file.
    #[must_use]
    pub fn parse(content: &str) -> Self {
        if content.len() > LONGEST_TEXT {
            return Self::unclear(format_args!("{} bytes, a record has at most {LONGEST_TEXT}", content.len()));
        }
        let trimmed = content.trim();
        if trimmed.is_empty() {
            return Self::Nothing;
        }
        let record =
            fields(trimmed).and_then(|fields| Ok(if fields.is_empty() { None } else { Some(record(fields)?) }));
        match record {
            Ok(None) => Self::Nothing,
            Ok(Some(record)) => Self::Record(record),
            Err(why) => Self::Unclear(Unclear(why)),
        }
    }

    /// A text that is no record, with the reason.
    #[must_use]
    pub fn unclear(why: fmt::Arguments<'_>) -> Self {
        Self::Unclear(Unclear(why.to_string()))
    }

    /// The record, if it is one.
    #[must_use]
    pub const fn record(&self) -> Option<&Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Nothing | Self::Unclear(_) => None,
        }
    }
}

/// A time in a record: UTC.
pub type Timestamp = DateTime<Utc>;

/// A time as the record shows it: RFC 3339, whole seconds.
#[must_use]
pub fn rfc3339(time: &Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A lease as a span of record time; `None` beyond the range of times.
#[must_use]
pub fn span(lease: Duration) -> Option<TimeDelta> {
    TimeDelta::from_std(lease).ok()
}

/// A wall clock as a time in a record: whole seconds.
#[must_use]
pub fn timestamp(wall: WallClock) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(wall.0.div_euclid(1000), 0)
}

/// The names that a record's fields may have. Go matches names without regard to case and takes the last of several;
/// a text that two readers could understand differently is therefore no record.
const KNOWN: [&str; 12] = [
    "holderIdentity",
    "leaseDurationSeconds",
    "acquireTime",
    "renewTime",
    "leaderTransitions",
    "strategy",
    "preferredHolder",
    "instance",
    "base",
    "nonce",
    "write",
    "releasedBy",
];

/// The fields of a JSON object, with their values as they stand; refused if a name comes twice.
fn fields(text: &str) -> Result<Vec<(String, &str)>, String> {
    let mut fields: Vec<(String, &str)> = Vec::new();
    let mut twice = None;
    let read = json::read(text.as_bytes(), |reader| {
        reader.object(&mut |name, reader| {
            if fields.iter().any(|(of, _)| *of == name) {
                twice.get_or_insert_with(|| shown(&name));
            }
            fields.push((name.into_owned(), reader.raw()?));
            Ok(())
        })
    });
    match (read, twice) {
        (Err(Wrong::Shape(_)), _) => Err("it is JSON, but no object".to_owned()),
        (Err(wrong), _) => Err(wrong.to_string()),
        (Ok(()), Some(name)) => Err(format!("field `{name}` comes twice")),
        (Ok(()), None) => Ok(fields),
    }
}

/// Takes the known fields out of an object and checks each; what remains is unknown and survives.
fn record(mut fields: Vec<(String, &str)>) -> Result<Record, String> {
    if let Some(odd) = fields
        .iter()
        .map(|(name, _)| name)
        .find(|name| KNOWN.iter().any(|known| name != known && name.eq_ignore_ascii_case(known)))
    {
        return Err(format!("field `{}` is spelled unlike client-go's", shown(odd)));
    }
    let holder = text(&mut fields, "holderIdentity")?.ok_or("field `holderIdentity` is missing")?;
    if holder.len() > LONGEST_HOLDER {
        return Err(format!("holderIdentity has {} bytes, allowed are {LONGEST_HOLDER}", holder.len()));
    }
    let seconds = number(&mut fields, "leaseDurationSeconds")?;
    let range = if holder.is_empty() { 0..=3600 } else { 1..=3600 };
    if !range.contains(&seconds) {
        return Err(format!("leaseDurationSeconds is {seconds}, allowed is 1 to 3600"));
    }
    let transitions = number(&mut fields, "leaderTransitions")?;
    let token = Token::new(transitions)
        .ok_or_else(|| format!("leaderTransitions is {transitions}, allowed is 0 to {}", Token::MAX))?;
    let instance = text(&mut fields, "instance")?;
    let base = text(&mut fields, "base")?;
    let nonce = text(&mut fields, "nonce")?;
    let released_by = text(&mut fields, "releasedBy")?;
    let write = take(&mut fields, "write")
        .map(|value| {
            let mode = read(value, Reader::string).and_then(|name| WriteMode::named(&name));
            mode.ok_or("field `write` is neither push nor patch")
        })
        .transpose()?;
    Ok(Record {
        holder,
        lease: Duration::from_secs(seconds),
        acquired: time(&mut fields, "acquireTime")?,
        renewed: time(&mut fields, "renewTime")?,
        token,
        strategy: text(&mut fields, "strategy")?.unwrap_or_default(),
        preferred_holder: text(&mut fields, "preferredHolder")?.unwrap_or_default(),
        mark: instance.map(|instance| Mark { instance, base, nonce, write, released_by }),
        unknown: fields.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
    })
}

/// Takes a field out; `None`: it is absent or null.
fn take<'a>(fields: &mut Vec<(String, &'a str)>, name: &str) -> Option<&'a str> {
    let at = fields.iter().position(|(of, _)| of == name)?;
    Some(fields.remove(at).1).filter(|value| *value != "null")
}

fn read<'a, T>(value: &'a str, by: fn(&mut Reader<'a>) -> Result<T, Wrong>) -> Option<T> {
    json::read(value.as_bytes(), by).ok()
}

fn text(fields: &mut Vec<(String, &str)>, name: &str) -> Result<Option<String>, String> {
    let Some(value) = take(fields, name) else { return Ok(None) };
    let text = read(value, Reader::string);
    text.map(|text| Some(text.into_owned()))
        .ok_or_else(|| format!("field `{name}` is {}, allowed is a string", kind(value)))
}

/// A count of client-go's: absent or null is Go's zero.
fn number(fields: &mut Vec<(String, &str)>, name: &str) -> Result<u64, String> {
    let Some(value) = take(fields, name) else { return Ok(0) };
    read(value, Reader::number)
        .ok_or_else(|| format!("field `{name}` is {}, allowed is a whole number from 0", shown(value)))
}

fn time(fields: &mut Vec<(String, &str)>, name: &str) -> Result<Option<DateTime<Utc>>, String> {
    text(fields, name)?
        .map(|text| {
            DateTime::parse_from_rfc3339(&text)
                .map(|time| time.to_utc())
                .map_err(|_| format!("field `{name}` is `{}`, allowed is an RFC 3339 time", shown(&text)))
        })
        .transpose()
}

fn kind(value: &str) -> &'static str {
    match read(value, |reader| {
        let kind = reader.kind()?;
        reader.skip()?;
        Ok(kind)
    }) {
        Some(Kind::Boolean) => "a boolean",
        Some(Kind::Number) => "a number",
        Some(Kind::Array) => "an array",
        Some(Kind::Object) => "an object",
        _ => "something else",
    }
}

/// Somebody else's words, shortened for a message.
fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
