//! One revision of a gist: a commit, and the files of its tree.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::id::{ObjectId, RevisionId};
use super::object::{self, Blob, Files};

/// One revision of a gist. It never changes; what moves is the gist's head.
#[derive(Clone)]
pub struct Revision {
    id: RevisionId,
    commit: Vec<u8>,
    parent: Option<RevisionId>,
    below: u64,
    author: Arc<str>,
    unix_seconds: i64,
    files: Files,
    change: Change,
    /// Its entry in lists of revisions, and the address of the gist that this names. Thirty of them are in every
    /// answer, and none ever changes.
    entry: OnceLock<(String, String)>,
}

impl Revision {
    /// The id, that of the git commit.
    #[must_use]
    pub const fn id(&self) -> RevisionId {
        self.id
    }

    /// The revision that this one was written on; `None` for the first.
    #[must_use]
    pub const fn parent(&self) -> Option<RevisionId> {
        self.parent
    }

    /// The login that wrote it.
    #[must_use]
    pub fn author(&self) -> &str {
        &self.author
    }

    /// When it was written, in seconds since the Unix epoch.
    #[must_use]
    pub const fn unix_seconds(&self) -> i64 {
        self.unix_seconds
    }

    /// The git commit object, without its header.
    #[must_use]
    pub fn commit(&self) -> &[u8] {
        &self.commit
    }

    /// The content of one file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|blob| blob.bytes())
    }

    /// Names and contents of all files, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, blob)| (&**name, blob.bytes()))
    }

    /// A revision as a write through the API makes it.
    pub(super) fn written(parent: Option<&Self>, author: &Arc<str>, unix_ms: i64, files: Files) -> Self {
        let unix_seconds = unix_ms.div_euclid(1000);
        let tree = object::object_id("tree", &object::tree(&files));
        let commit = object::commit(tree, parent.map(Self::id), author, unix_seconds);
        Self {
            id: object::object_id("commit", &commit),
            commit,
            parent: parent.map(Self::id),
            below: parent.map_or(0, |parent| parent.below + 1),
            author: Arc::clone(author),
            unix_seconds,
            change: Change::between(parent.map(|parent| &parent.files), &files),
            files,
            entry: OnceLock::new(),
        }
    }

    /// A revision as it was pushed: the commit stays as it is, byte for byte.
    pub(super) fn pushed(
        parent: Option<&Self>,
        author: &Arc<str>,
        unix_seconds: i64,
        commit: Vec<u8>,
        files: Files,
    ) -> Self {
        Self {
            id: object::object_id("commit", &commit),
            commit,
            parent: parent.map(Self::id),
            below: parent.map_or(0, |parent| parent.below + 1),
            author: Arc::clone(author),
            unix_seconds,
            change: Change::between(parent.map(|parent| &parent.files), &files),
            files,
            entry: OnceLock::new(),
        }
    }

    /// The tree object and its id.
    pub(super) fn tree_object(&self) -> (ObjectId, Vec<u8>) {
        let tree = object::tree(&self.files);
        (object::object_id("tree", &tree), tree)
    }

    /// Its entry in lists of revisions: written once, unless its gist has moved to another address since.
    pub(super) fn entry(&self, gist: &str, write: impl Fn() -> String) -> Cow<'_, str> {
        let (written_for, entry) = self.entry.get_or_init(|| (gist.to_owned(), write()));
        if written_for == gist { Cow::Borrowed(entry) } else { Cow::Owned(write()) }
    }

    /// How many revisions lie below this one.
    pub(super) const fn below(&self) -> u64 {
        self.below
    }

    pub(super) const fn tree(&self) -> &Files {
        &self.files
    }

    pub(super) const fn change(&self) -> Change {
        self.change
    }
}

impl fmt::Debug for Revision {
    /// Without the commit's bytes: what the other fields do not tell is an assertion's noise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revision")
            .field("id", &self.id)
            .field("parent", &self.parent)
            .field("author", &self.author)
            .field("unix_seconds", &self.unix_seconds)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// How many lines a revision added and deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Change {
    pub(super) additions: usize,
    pub(super) deletions: usize,
}

impl Change {
    fn between(old: Option<&Files>, new: &Files) -> Self {
        let mut sum = Self::default();
        let mut add = |change: Self| {
            sum.additions += change.additions;
            sum.deletions += change.deletions;
        };
        for (name, blob) in new {
            add(Self::of_file(old.and_then(|old| old.get(name)).map(|blob| &**blob), Some(blob)));
        }
        for (_, blob) in old.into_iter().flatten().filter(|(name, _)| !new.contains_key(*name)) {
            add(Self::of_file(Some(blob), None));
        }
        sum
    }

    /// Equal lines at the start and at the end are kept, all between counts as rewritten: never less than git says,
    /// and the same for a file of one line.
    fn of_file(old: Option<&Blob>, new: Option<&Blob>) -> Self {
        if old == new {
            return Self::default();
        }
        let (old, new) = (lines(old), lines(new));
        let kept = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        let (old, new) = (&old[kept..], &new[kept..]);
        let kept = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        Self { additions: new.len() - kept, deletions: old.len() - kept }
    }
}

fn lines(blob: Option<&Blob>) -> Vec<&[u8]> {
    let bytes = blob.map_or(&[][..], Blob::bytes);
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

#[cfg(test)]
mod tests {
    use super::{Blob, Change};

    #[test]
    fn changed_lines_are_counted() {
        let check = |old: Option<&str>, new: Option<&str>, additions, deletions| {
            let blob = |text: Option<&str>| text.map(|text| Blob::new(text.into()));
            let change = Change::of_file(blob(old).as_ref(), blob(new).as_ref());
            assert_eq!(change, Change { additions, deletions }, "{old:?} -> {new:?}");
        };
        check(None, Some("a\nb\n"), 2, 0);
        check(Some("a\nb\n"), None, 0, 2);
        check(Some("a\nb\n"), Some("a\nb\n"), 0, 0);
        check(Some("{1}"), Some("{2}"), 1, 1);
        check(Some("a\nb\nc\n"), Some("a\nx\ny\nc\n"), 2, 1);
        check(Some("a\na\n"), Some("a\n"), 0, 1);
    }
}
