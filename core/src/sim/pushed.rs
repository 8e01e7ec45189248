//! What a push carries, read a second time and by other code than the emulator's and the lock's.

use http::Request;

use crate::emulator::RevisionId;
use crate::emulator::zlib;

/// The old id and the blob of a push of one commit, one tree and one blob.
pub(super) fn pushed(request: &Request<Vec<u8>>) -> Option<(RevisionId, Vec<u8>)> {
    let body = request.body();
    let old = std::str::from_utf8(body.get(4..44)?).ok()?.parse().ok()?;
    let pack = body.windows(8).position(|window| window == b"0000PACK")? + 4;
    let mut rest = body.get(pack + 12..)?;
    while rest.len() > 20 {
        let (kind, size) = header(&mut rest)?;
        let (content, taken) = zlib::inflate(rest, size)?;
        if kind == BLOB {
            return Some((old, content));
        }
        rest = rest.get(taken..)?;
    }
    None
}

const BLOB: u8 = 3;

fn header(rest: &mut &[u8]) -> Option<(u8, usize)> {
    let (first, mut left) = rest.split_first()?;
    let (kind, mut size, mut shift) = (first >> 4 & 7, usize::from(first & 15), 4);
    let mut byte = *first;
    while byte & 0x80 != 0 {
        let (next, after) = left.split_first()?;
        size |= usize::from(next & 0x7f).checked_shl(shift)?;
        (byte, left, shift) = (*next, after, shift + 7);
    }
    *rest = left;
    Some((kind, size))
}
