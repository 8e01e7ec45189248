//! Git objects: the bytes that git hashes, and their ids.
//!
//! A revision's id is that of a real commit over a real tree, so that the chain can be served by git as it stands.

use std::fmt;
use std::sync::Arc;

use sha1::{Digest, Sha1};

use super::id::ObjectId;
use crate::ordered::OrderedMap;

/// The files of one revision by name. An `OrderedMap` of names without directories is in the order of a git tree.
pub(super) type Files = OrderedMap<Arc<str>, Arc<Blob>>;

/// The content of a file, hashed once and shared by all revisions that hold it.
pub(super) struct Blob {
    id: ObjectId,
    bytes: Vec<u8>,
}

impl Blob {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { id: object_id("blob", &bytes), bytes }
    }

    pub(super) const fn id(&self) -> ObjectId {
        self.id
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes))
    }
}

/// The tree object that lists `files`, each as an ordinary file.
pub(super) fn tree(files: &Files) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(files.len() * 64);
    for (name, blob) in files {
        bytes.extend_from_slice(b"100644 ");
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(blob.id.as_bytes());
    }
    bytes
}

/// The commit object that GitHub would make for a write through the API: no message, one moment in UTC.
pub(super) fn commit(tree: ObjectId, parent: Option<ObjectId>, author: &str, unix_seconds: i64) -> Vec<u8> {
    let parent = parent.map_or_else(String::new, |id| format!("parent {id}\n"));
    let who = format!("{author} <{author}@users.noreply.github.com> {unix_seconds} +0000");
    format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n\n").into_bytes()
}

/// The id that git gives to an object of this kind with these bytes.
pub(super) fn object_id(kind: &str, bytes: &[u8]) -> ObjectId {
    hash(|sha| {
        sha.update(kind);
        sha.update(b" ");
        sha.update(bytes.len().to_string());
        sha.update(b"\0");
        sha.update(bytes);
    })
}

/// The SHA-1 of whatever `fill` feeds it.
pub(super) fn hash(fill: impl FnOnce(&mut Sha1)) -> ObjectId {
    let mut sha = Sha1::new();
    fill(&mut sha);
    ObjectId::from_bytes(sha.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::{Arc, Blob, Files, commit, object_id, tree};

    /// The expected ids are those that stock git gives to the same objects.
    #[test]
    fn ids_are_those_of_git() {
        let blob = Blob::new(b"{}\n".to_vec());
        assert_eq!(blob.id().to_string(), "0967ef424bce6791893e9a57bb952f80fd536e93");
        let files =
            Files::from([(Arc::from("lock"), Arc::new(blob)), (Arc::from("a.md"), Arc::new(Blob::new(b"x".to_vec())))]);
        let tree = object_id("tree", &tree(&files));
        assert_eq!(tree.to_string(), "1029ad24133850c7945fbde5c7552c3524c02bad");
        let first = object_id("commit", &commit(tree, None, "ann", 1_700_000_000));
        assert_eq!(first.to_string(), "85799d68e3a4f957773df0a5db455170eeb87137");
        let second = object_id("commit", &commit(tree, Some(first), "ann", 1_700_000_001));
        assert_eq!(second.to_string(), "4d9cfd7fad943ddd97587c76260e10379c257dd8");
    }
}
