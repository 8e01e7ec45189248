//! Pkt-lines as a server writes and reads them (`gitprotocol-common`).

/// One line, without its newline; `None` for a flush.
pub(super) type Line<'a> = Option<&'a [u8]>;

/// Appends a line.
pub(super) fn line(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(format!("{:04x}{text}", text.len() + 4).as_bytes());
}

/// Appends a flush.
pub(super) fn flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

/// Takes the next line off `rest`; `None` at the end, or where it is none.
pub(super) fn take<'a>(rest: &mut &'a [u8]) -> Option<Line<'a>> {
    let length = usize::from_str_radix(std::str::from_utf8(rest.get(..4)?).ok()?, 16).ok()?;
    if length == 0 {
        *rest = &rest[4..];
        return Some(None);
    }
    let line = rest.get(4..length)?;
    *rest = &rest[length..];
    Some(Some(line.strip_suffix(b"\n").unwrap_or(line)))
}
