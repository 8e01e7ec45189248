//! Packs (`gitformat-pack`): read as stock git sends them, deltas included, and written without any.

use sha1::{Digest, Sha1};

use crate::emulator::id::ObjectId;
use crate::emulator::object;
use crate::emulator::zlib;
use crate::ordered::OrderedMap;

/// A gist is small; what claims to be larger is not believed.
const LARGEST_OBJECT: usize = 16 << 20;
const MOST_OBJECTS: u32 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commit = 1,
    Tree = 2,
    Blob = 3,
    Tag = 4,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

pub(super) type Object = (Kind, Vec<u8>);
pub(super) type Objects = OrderedMap<ObjectId, Object>;

/// Reads a pack. `known` finds what a thin pack builds on.
pub(super) fn read(pack: &[u8], known: impl Fn(ObjectId) -> Option<Object>) -> Result<Objects, &'static str> {
    let (body, checksum) = pack.split_at_checked(pack.len().saturating_sub(20)).ok_or("early EOF")?;
    if body.get(..8) != Some(b"PACK\0\0\0\x02") || Sha1::digest(body)[..] != *checksum {
        return Err("bad pack header or checksum");
    }
    let count = u32::from_be_bytes(body.get(8..12).and_then(|bytes| bytes.try_into().ok()).ok_or("early EOF")?);
    if count > MOST_OBJECTS {
        return Err("too many objects");
    }
    let mut at = 12;
    let mut objects = Objects::new();
    let mut by_offset: OrderedMap<usize, Object> = OrderedMap::new();
    for _ in 0..count {
        let offset = at;
        let (kind, size) = header(body, &mut at).ok_or("bad object header")?;
        let base = match kind {
            6 => {
                let back = distance(body, &mut at).ok_or("bad delta offset")?;
                let base = offset.checked_sub(back).and_then(|base| by_offset.get(&base));
                Some(base.cloned().ok_or("unresolved delta")?)
            }
            7 => {
                let id = body.get(at..at + 20).and_then(|bytes| bytes.try_into().ok()).ok_or("early EOF")?;
                at += 20;
                let id = ObjectId::from_bytes(id);
                Some(objects.get(&id).cloned().or_else(|| known(id)).ok_or("unresolved delta")?)
            }
            _ => None,
        };
        let (content, taken) =
            body.get(at..).and_then(|rest| zlib::inflate(rest, size)).ok_or("inflate returned an error")?;
        at += taken;
        let object = if let Some((kind, base)) = base {
            (kind, apply(&base, &content).ok_or("bad delta")?)
        } else {
            let kinds = [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag];
            (kinds.into_iter().find(|known| *known as u8 == kind).ok_or("bad object type")?, content)
        };
        objects.insert(object::object_id(object.0.name(), &object.1), object.clone());
        by_offset.insert(offset, object);
    }
    Ok(objects)
}

/// Writes a pack.
#[cfg(any(test, feature = "git-fetch"))]
pub(super) fn write<'a>(objects: impl ExactSizeIterator<Item = (Kind, &'a [u8])>) -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&u32::try_from(objects.len()).unwrap_or(0).to_be_bytes());
    for (kind, content) in objects {
        // Four bits of the size beside the kind, then seven a byte.
        let low = |size: usize| size.to_le_bytes()[0];
        let mut rest = content.len() >> 4;
        let mut byte = (kind as u8) << 4 | low(content.len()) & 0x0f;
        while rest > 0 {
            pack.push(byte | 0x80);
            byte = low(rest) & 0x7f;
            rest >>= 7;
        }
        pack.push(byte);
        pack.extend_from_slice(&miniz_oxide::deflate::compress_to_vec_zlib(content, 1));
    }
    let checksum = Sha1::digest(&pack);
    pack.extend_from_slice(&checksum);
    pack
}

fn header(pack: &[u8], at: &mut usize) -> Option<(u8, usize)> {
    let mut byte = next(pack, at)?;
    let (kind, mut size, mut shift) = (byte >> 4 & 7, usize::from(byte & 15), 4);
    while byte & 0x80 != 0 {
        byte = next(pack, at)?;
        size |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
    }
    (size <= LARGEST_OBJECT).then_some((kind, size))
}

/// How far back the base of a delta lies.
fn distance(pack: &[u8], at: &mut usize) -> Option<usize> {
    let mut byte = next(pack, at)?;
    let mut back = usize::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = next(pack, at)?;
        back = (back + 1).checked_mul(128)? | usize::from(byte & 0x7f);
    }
    Some(back)
}

/// What a delta makes of its base.
fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0;
    let (from, to) = (length(delta, &mut at)?, length(delta, &mut at)?);
    if from != base.len() || to > LARGEST_OBJECT {
        return None;
    }
    let mut made = Vec::with_capacity(to);
    while at < delta.len() {
        let code = next(delta, &mut at)?;
        if code & 0x80 == 0 {
            let end = at + usize::from(code);
            made.extend_from_slice(delta.get(at..end).filter(|bytes| !bytes.is_empty())?);
            at = end;
            continue;
        }
        let mut part = |bits: std::ops::Range<u8>| -> Option<usize> {
            let first = bits.start;
            bits.filter(|bit| code & 1 << bit != 0)
                .try_fold(0, |sum, bit| Some(sum | usize::from(next(delta, &mut at)?) << (8 * (bit - first))))
        };
        let (offset, size) = (part(0..4)?, part(4..7)?);
        let size = if size == 0 { 0x10000 } else { size };
        made.extend_from_slice(base.get(offset..offset.checked_add(size)?)?);
    }
    (made.len() == to).then_some(made)
}

fn length(delta: &[u8], at: &mut usize) -> Option<usize> {
    let (mut sum, mut shift) = (0, 0);
    loop {
        let byte = next(delta, at)?;
        sum |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(sum);
        }
    }
}

fn next(bytes: &[u8], at: &mut usize) -> Option<u8> {
    let byte = *bytes.get(*at)?;
    *at += 1;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::{Kind, ObjectId, apply, object, read, write};

    #[test]
    fn what_is_written_is_read() {
        let long = vec![b'x'; 5000];
        let objects: [(Kind, &[u8]); 3] = [(Kind::Blob, b"{}"), (Kind::Blob, &long), (Kind::Tree, b"")];
        let pack = write(objects.into_iter());
        let found = read(&pack, |_| None).expect("a pack");
        assert_eq!(found.len(), 3);
        assert_eq!(found[&object::object_id("blob", &long)], (Kind::Blob, long));
        for end in 0..pack.len() {
            assert!(read(&pack[..end], |_| None).is_err(), "{end}");
        }
    }

    #[test]
    fn a_delta_copies_and_inserts() {
        let base = b"hello, world";
        // Sizes 12 and 9; copy 7 from 0; insert "go".
        let delta = [12, 9, 0b1001_0000, 7, 2, b'g', b'o'];
        assert_eq!(apply(base, &delta).as_deref(), Some(&b"hello, go"[..]));
        assert_eq!(apply(b"hello", &delta), None, "another base");
        assert_eq!(apply(base, &[12, 9, 0]), None, "a reserved code");
        assert_eq!(apply(base, &[12, 200, 1, 0b1001_0001, 200, 7]), None, "beyond the base");
    }

    #[test]
    fn a_thin_pack_needs_what_it_builds_on() {
        let id = object::object_id("blob", b"hello, world");
        let delta = [12, 9, 0b1001_0000, 7, 2, b'g', b'o'];
        let mut pack = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
        pack.push(7 << 4 | 7);
        pack.extend_from_slice(id.as_bytes());
        pack.extend_from_slice(&miniz_oxide::deflate::compress_to_vec_zlib(&delta, 1));
        let checksum = <sha1::Sha1 as sha1::Digest>::digest(&pack);
        pack.extend_from_slice(&checksum);
        assert_eq!(read(&pack, |_| None), Err("unresolved delta"));
        let known = |asked: ObjectId| (asked == id).then(|| (Kind::Blob, b"hello, world".to_vec()));
        let found = read(&pack, known).expect("a pack");
        assert!(found.contains_key(&object::object_id("blob", b"hello, go")));
    }
}
