//! Ids as GitHub writes them: lower-case hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use crate::json::Writer;

/// The id of a gist: 32 hexadecimal digits.
pub type GistId = Id<16>;

/// The id of a revision: that of its git commit, 40 hexadecimal digits. As in git, the same files written on the same
/// parent by the same user in the same second are the same revision.
pub type RevisionId = ObjectId;

/// The id of any git object: the SHA-1 of its kind, length and bytes.
pub type ObjectId = Id<20>;

/// `BYTES` bytes (at most 32), read and written as twice as many lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<const BYTES: usize>([u8; BYTES]);

/// The text was not the right number of lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl<const BYTES: usize> Id<BYTES> {
    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        const { assert!(BYTES <= 32, "the buffer of `with_digits` holds 64 digits") };
        Self(bytes)
    }

    /// The bytes, as git trees hold them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    pub(super) fn write(&self, to: &mut Writer) {
        self.with_digits(|digits| {
            to.string(digits);
        });
    }

    /// One buffer and one call: a gist's JSON writes a hundred ids.
    fn with_digits<T>(&self, use_digits: impl FnOnce(&str) -> T) -> T {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        use_digits(std::str::from_utf8(&text[..2 * BYTES]).expect("hexadecimal digits are ASCII"))
    }
}

impl<const BYTES: usize> fmt::Display for Id<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_digits(|digits| f.write_str(digits))
    }
}

impl<const BYTES: usize> fmt::Debug for Id<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const BYTES: usize> FromStr for Id<BYTES> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let mut bytes = [0; BYTES];
        if text.len() != 2 * BYTES {
            return Err(NotAnId);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self::from_bytes(bytes))
    }
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the right number of lower-case hexadecimal digits")
    }
}

impl std::error::Error for NotAnId {}

fn nibble(digit: u8) -> Result<u8, NotAnId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(NotAnId),
    }
}

#[cfg(test)]
mod tests {
    use super::{GistId, NotAnId, ObjectId};

    #[test]
    fn digits_survive_the_round_trip_and_nothing_else_is_accepted() {
        let text = "0123456789abcdef0123456789abcdef";
        assert_eq!(text.parse::<GistId>().map(|id| id.to_string()), Ok(text.to_owned()));
        for wrong in ["", "0123", &text.to_uppercase(), &text.replace('0', "g"), &format!("{text}0"), "é"] {
            assert_eq!(wrong.parse::<GistId>(), Err(NotAnId), "{wrong}");
        }
        assert_eq!(text.parse::<ObjectId>(), Err(NotAnId));
    }
}
