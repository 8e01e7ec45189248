//! Git objects by hand: the blob, the tree and the commit of one revision, and the pack that carries them
//! (`gitformat-pack`). Three objects without deltas are all that a lock ever sends.

use std::fmt;

use miniz_oxide::{MZ_ADLER32_INIT, mz_adler32_oxide};
use sha1::{Digest, Sha1};

use crate::lock::Version;
use crate::ordered::OrderedMap;

/// A regular file, the only kind that a gist shows.
const MODE: &str = "100644";

/// The id of a git object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ObjectId([u8; 20]);

impl ObjectId {
    /// The id that 40 hex digits spell.
    pub(super) fn parse(hex: &str) -> Option<Self> {
        if hex.len() != 40 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut id = [0; 20];
        for (byte, digits) in id.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(id))
    }

    fn of(kind: Kind, content: &[u8]) -> Self {
        let mut hash = Sha1::new();
        hash.update(format!("{} {}\0", kind.name(), content.len()));
        hash.update(content);
        Self(hash.finalize().into())
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The files of a revision: name and blob.
pub(super) type Files = OrderedMap<String, ObjectId>;

/// One revision to push.
#[derive(Debug)]
pub(super) struct Commit<'a> {
    /// The lock file.
    pub(super) file: &'a str,
    /// Its new text.
    pub(super) text: &'a str,
    /// All files of the revision that is carried over.
    pub(super) files: &'a Files,
    pub(super) parent: &'a Version,
    /// Seconds since the Unix epoch.
    pub(super) unix_seconds: i64,
    /// One line.
    pub(super) message: &'a str,
}

/// A commit ready to be sent.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) id: ObjectId,
    /// The files of the new revision.
    pub(super) files: Files,
    pub(super) pack: Vec<u8>,
}

impl Commit<'_> {
    /// Makes the objects. Every file but the lock keeps its blob, byte for byte, because only ids are written.
    pub(super) fn pack(&self) -> Packed {
        let blob = self.text.as_bytes();
        let mut files = self.files.clone();
        files.insert(self.file.to_owned(), ObjectId::of(Kind::Blob, blob));
        let tree = tree(&files);
        let commit = self.commit(ObjectId::of(Kind::Tree, &tree));
        let pack = pack(&[(Kind::Commit, &commit), (Kind::Tree, &tree), (Kind::Blob, blob)]);
        Packed { id: ObjectId::of(Kind::Commit, &commit), files, pack }
    }

    fn commit(&self, tree: ObjectId) -> Vec<u8> {
        /// The last second that four digits of a year can write; git refuses what it cannot show.
        const YEAR_9999: i64 = 253_402_300_799;
        let Self { parent, message, .. } = self;
        let by = format!("leader-elector <leader-elector@localhost> {} +0000", self.unix_seconds.clamp(0, YEAR_9999));
        format!("tree {tree}\nparent {parent}\nauthor {by}\ncommitter {by}\n\n{message}\n").into_bytes()
    }
}

/// Git sorts a tree by the bytes of its names, as an `OrderedMap` of strings does; a gist has no directories.
fn tree(files: &Files) -> Vec<u8> {
    let mut tree = Vec::new();
    for (name, blob) in files {
        tree.extend_from_slice(format!("{MODE} {name}\0").as_bytes());
        tree.extend_from_slice(&blob.0);
    }
    tree
}

#[derive(Clone, Copy)]
enum Kind {
    Commit = 1,
    Tree = 2,
    Blob = 3,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }
}

/// A pack for a push that sends nothing new.
pub(super) fn empty() -> Vec<u8> {
    pack(&[])
}

fn pack(objects: &[(Kind, &[u8])]) -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&u32::try_from(objects.len()).expect("three at most").to_be_bytes());
    for (kind, content) in objects {
        push_header(&mut pack, *kind, content.len());
        push_stored(&mut pack, content);
    }
    let checksum = Sha1::digest(&pack);
    pack.extend_from_slice(&checksum);
    pack
}

/// A zlib stream of stored blocks (RFC 1950, RFC 1951 3.2.4). A record is a few hundred bytes, less than the headers
/// around it, and a compressor would clear 300 KB of tables for each object.
fn push_stored(pack: &mut Vec<u8>, content: &[u8]) {
    pack.extend_from_slice(&[0x78, 0x01]);
    let mut rest = content;
    loop {
        let (block, after) = rest.split_at(rest.len().min(usize::from(u16::MAX)));
        rest = after;
        let length = u16::try_from(block.len()).expect("cut to what 16 bits can say");
        pack.push(u8::from(rest.is_empty()));
        pack.extend_from_slice(&length.to_le_bytes());
        pack.extend_from_slice(&(!length).to_le_bytes());
        pack.extend_from_slice(block);
        if rest.is_empty() {
            break;
        }
    }
    pack.extend_from_slice(&mz_adler32_oxide(MZ_ADLER32_INIT, content).to_be_bytes());
}

/// Three bits of kind and four of size, then seven bits of size a byte, the lowest first.
fn push_header(pack: &mut Vec<u8>, kind: Kind, size: usize) {
    let low = u8::try_from(size & 0x0f).expect("four bits");
    let mut byte = (kind as u8) << 4 | low;
    let mut rest = size >> 4;
    while rest > 0 {
        pack.push(byte | 0x80);
        byte = u8::try_from(rest & 0x7f).expect("seven bits");
        rest >>= 7;
    }
    pack.push(byte);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_gits_own() {
        // `printf 'hello\n' | git hash-object --stdin`, and the empty tree that every git knows.
        assert_eq!(ObjectId::of(Kind::Blob, b"hello\n").to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(ObjectId::of(Kind::Tree, b"").to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn what_is_stored_inflates_to_what_it_was() {
        for length in [0, 1, 300, 65_534, 65_535, 65_536, 200_000] {
            let content = b"0123456789".repeat(length / 10 + 1)[..length].to_vec();
            let mut stored = Vec::new();
            push_stored(&mut stored, &content);
            let inflated = miniz_oxide::inflate::decompress_to_vec_zlib(&stored).expect("a zlib stream");
            assert!(inflated == content, "{length}");
        }
    }

    #[test]
    fn an_id_is_forty_hex_digits() {
        let hex = "ce013625030ba8dba906f756967f9e9ca394464a";
        assert_eq!(ObjectId::parse(hex).map(|id| id.to_string()).as_deref(), Some(hex));
        for wrong in ["", "ce01", &hex[1..], &hex.replace('c', "g"), &format!("+{}", &hex[1..])] {
            assert_eq!(ObjectId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_commit_carries_every_other_file_over() {
        let readme = ObjectId::parse("ce013625030ba8dba906f756967f9e9ca394464a").expect("hex");
        let files = Files::from([("README".to_owned(), readme)]);
        let parent = Version::from("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        let commit =
            Commit { file: "lock", text: "{}", files: &files, parent: &parent, unix_seconds: -5, message: "m" };
        let packed = commit.pack();
        assert_eq!(packed.files.get("README"), Some(&readme));
        assert_eq!(packed.files.len(), 2);
        assert!(packed.pack.len() < 500, "{} bytes", packed.pack.len());
        let text = String::from_utf8(commit.commit(readme)).expect("text");
        assert!(text.contains("committer leader-elector <leader-elector@localhost> 0 +0000\n\nm\n"), "{text}");
    }
}
