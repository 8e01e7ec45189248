//! Pkt-lines, the framing of git's protocol (`gitprotocol-common`): four hex digits that count the line with
//! themselves, then its bytes; `0000` is a flush.

const LENGTH: usize = 4;
/// The longest line that git sends or takes, with its length.
const LONGEST: usize = 65_520;

/// One pkt-line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pkt<'a> {
    /// Without the newline that may end it.
    Line(&'a [u8]),
    Flush,
}

/// Appends a line. `line` is ours and short.
pub(super) fn push_line(out: &mut Vec<u8>, line: &[u8]) {
    debug_assert!(line.len() + LENGTH <= LONGEST, "a line of ours is short");
    out.extend_from_slice(format!("{:04x}", line.len() + LENGTH).as_bytes());
    out.extend_from_slice(line);
}

/// Appends a flush.
pub(super) fn push_flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

/// Takes the first pkt-line off `bytes`; `None` at the end and where the bytes are none.
pub(super) fn next<'a>(bytes: &mut &'a [u8]) -> Option<Pkt<'a>> {
    let digits = std::str::from_utf8(bytes.get(..LENGTH)?).ok()?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let length = usize::from_str_radix(digits, 16).ok()?;
    if length == 0 {
        *bytes = &bytes[LENGTH..];
        return Some(Pkt::Flush);
    }
    if !(LENGTH..=LONGEST).contains(&length) {
        return None;
    }
    let line = bytes.get(LENGTH..length)?;
    *bytes = &bytes[length..];
    Some(Pkt::Line(line.strip_suffix(b"\n").unwrap_or(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_went() {
        let mut bytes = Vec::new();
        push_line(&mut bytes, b"unpack ok\n");
        push_flush(&mut bytes);
        push_line(&mut bytes, b"");
        assert_eq!(bytes, b"000eunpack ok\n00000004");
        let mut rest = &bytes[..];
        assert_eq!(next(&mut rest), Some(Pkt::Line(b"unpack ok")));
        assert_eq!(next(&mut rest), Some(Pkt::Flush));
        assert_eq!(next(&mut rest), Some(Pkt::Line(b"")));
        assert_eq!(next(&mut rest), None);
    }

    #[test]
    fn what_is_no_pkt_line_is_none() {
        for bytes in [&b"000"[..], b"zzzz", b"+00a123456", b"0003", b"000aab", b"ffff", b"\xff\xff\xff\xff"] {
            assert_eq!(next(&mut &*bytes), None, "{bytes:?}");
        }
    }
}
