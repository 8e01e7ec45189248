//! One gist: its revisions, the head among them, and where the head was before.

use std::collections::VecDeque;
use std::iter::successors;
use std::sync::Arc;

use super::id::{GistId, ObjectId, RevisionId};
use super::object::{Blob, Files};
use super::revision::Revision;
use crate::ordered::{OrderedMap, OrderedSet};

/// The revisions of a gist, as git keeps them: by id, each naming its parent. The chain is what the head reaches.
#[derive(Clone, Debug)]
pub(super) struct Gist {
    pub(super) id: GistId,
    pub(super) owner: Arc<str>,
    pub(super) public: bool,
    pub(super) created_ms: i64,
    revisions: OrderedMap<RevisionId, Arc<Revision>>,
    /// Branches beside the one that HEAD is: the API does not show them.
    branches: OrderedMap<String, RevisionId>,
    /// Every head there was, oldest first: what git calls the reflog. Never empty.
    moments: VecDeque<Moment>,
}

/// The gist between two changes.
#[derive(Clone, Debug)]
struct Moment {
    since_ms: i64,
    head: RevisionId,
    description: Option<Arc<str>>,
}

impl Gist {
    pub(super) fn new(
        unix_ms: i64,
        id: GistId,
        owner: Arc<str>,
        public: bool,
        description: Option<Arc<str>>,
        files: Files,
    ) -> Self {
        let first = Revision::written(None, &owner, unix_ms, files);
        Self {
            id,
            owner,
            public,
            created_ms: unix_ms,
            branches: OrderedMap::new(),
            moments: VecDeque::from([Moment { since_ms: unix_ms, head: first.id(), description }]),
            revisions: OrderedMap::from([(first.id(), Arc::new(first))]),
        }
    }

    /// The gist as it is now.
    pub(super) fn now(&self) -> Snapshot<'_> {
        self.at(self.newest())
    }

    /// The gist as it was when `head` was last its newest revision, if that is remembered.
    pub(super) fn as_of(&self, head: RevisionId) -> Option<Snapshot<'_>> {
        self.moments.iter().rev().find(|moment| moment.head == head).map(|moment| self.at(moment))
    }

    /// The gist as it was at a time, if that is remembered.
    pub(super) fn at_time(&self, unix_ms: i64) -> Option<Snapshot<'_>> {
        self.moments.iter().rev().find(|moment| moment.since_ms <= unix_ms).map(|moment| self.at(moment))
    }

    /// Any remembered revision, whether or not the head still reaches it.
    pub(super) fn revision(&self, id: RevisionId) -> Option<&Revision> {
        self.revisions.get(&id).map(|revision| &**revision)
    }

    /// Every remembered revision, those that the head reaches first.
    pub(super) fn remembered(&self) -> impl Iterator<Item = &Revision> {
        self.now().chain().chain(self.revisions.values().map(|revision| &**revision))
    }

    /// Makes `revision` the head, whatever its parent is, and forgets what is too old to be remembered.
    pub(super) fn advance(&mut self, unix_ms: i64, revision: Revision, description: Option<Arc<str>>, remember: usize) {
        self.moments.push_back(Moment { since_ms: unix_ms, head: revision.id(), description });
        self.revisions.insert(revision.id(), Arc::new(revision));
        self.forget(remember.max(1));
    }

    /// Keeps a revision that no branch has yet.
    pub(super) fn remember(&mut self, revision: Arc<Revision>) {
        self.revisions.insert(revision.id(), revision);
    }

    /// The branches, the one that HEAD is (`head`) among them.
    pub(super) fn branches<'a>(&'a self, head: &'a str) -> impl Iterator<Item = (String, RevisionId)> + use<'a> {
        let others = self.branches.iter().map(|(name, id)| (name.clone(), *id));
        std::iter::once((format!("refs/heads/{head}"), self.now().head().id())).chain(others)
    }

    /// Moves a branch to a revision that is remembered: the head, if it is HEAD's.
    pub(super) fn push(&mut self, unix_ms: i64, name: &str, is_head: bool, to: RevisionId, remember: usize) {
        if is_head {
            self.reset(unix_ms, to, remember);
        } else {
            self.branches.insert(name.to_owned(), to);
        }
    }

    /// A content that some remembered revision has.
    pub(super) fn blob(&self, id: ObjectId) -> Option<Arc<Blob>> {
        self.remembered().find_map(|revision| revision.tree().values().find(|blob| blob.id() == id).cloned())
    }

    /// Moves the head to a revision that is remembered; false if it is not.
    pub(super) fn reset(&mut self, unix_ms: i64, to: RevisionId, remember: usize) -> bool {
        let known = self.revisions.contains_key(&to);
        if known {
            let description = self.newest().description.clone();
            self.moments.push_back(Moment { since_ms: unix_ms, head: to, description });
            self.forget(remember.max(1));
        }
        known
    }

    /// A new description alone makes no revision.
    pub(super) fn describe(&mut self, unix_ms: i64, description: Option<Arc<str>>, remember: usize) {
        let head = self.newest().head;
        self.moments.push_back(Moment { since_ms: unix_ms, head, description });
        self.forget(remember.max(1));
    }

    fn newest(&self) -> &Moment {
        self.moments.back().expect("a gist begins with a moment, and the newest is never forgotten")
    }

    fn at<'a>(&'a self, moment: &'a Moment) -> Snapshot<'a> {
        Snapshot { gist: self, moment }
    }

    /// Sweeps only once the excess is as large as what stays, so that a write costs the same on average.
    fn forget(&mut self, remember: usize) {
        while self.moments.len() > remember {
            self.moments.pop_front();
        }
        if self.revisions.len() > remember.saturating_mul(4) {
            let chain = self.now().chain().map(Revision::id).take(remember);
            let heads = self.moments.iter().map(|moment| moment.head).chain(self.branches.values().copied());
            let kept: OrderedSet<_> = chain.chain(heads).collect();
            self.revisions.retain(|id, _| kept.contains(id));
        }
    }
}

/// A gist as one reader sees it: now, or at an earlier moment.
#[derive(Clone, Copy)]
pub(super) struct Snapshot<'a> {
    pub(super) gist: &'a Gist,
    moment: &'a Moment,
}

impl<'a> Snapshot<'a> {
    pub(super) fn head(&self) -> &'a Revision {
        self.gist.revision(self.moment.head).expect("the heads of remembered moments are kept")
    }

    pub(super) const fn description(&self) -> Option<&'a Arc<str>> {
        self.moment.description.as_ref()
    }

    pub(super) const fn updated_ms(&self) -> i64 {
        self.moment.since_ms
    }

    /// The revisions that the head reaches, newest first.
    pub(super) fn chain(&self) -> impl Iterator<Item = &'a Revision> + use<'a> {
        self.gist.chain(self.head())
    }

    /// Whether the head reaches a revision. Looks no deeper than it lies.
    pub(super) fn reaches(&self, revision: &Revision) -> bool {
        self.chain().take_while(|above| above.below() >= revision.below()).any(|above| above.id() == revision.id())
    }
}

impl Gist {
    /// `top` and the revisions below it, newest first, as far down as they are remembered.
    pub(super) fn chain<'a>(&'a self, top: &'a Revision) -> impl Iterator<Item = &'a Revision> + use<'a> {
        successors(Some(top), |above| self.revision(above.parent()?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Blob;
    use super::{Arc, Files, Gist, GistId, Revision, RevisionId};

    fn files(text: String) -> Files {
        Files::from([(Arc::from("lock"), Arc::new(Blob::new(text.into_bytes())))])
    }

    fn gist() -> Gist {
        Gist::new(0, GistId::from_bytes([7; 16]), Arc::from("ann"), false, None, files("start".into()))
    }

    fn write(gist: &mut Gist, on: RevisionId, ms: i64, remember: usize) -> RevisionId {
        let owner = Arc::clone(&gist.owner);
        let revision = Revision::written(gist.revision(on), &owner, ms, files(format!("at {ms}")));
        let id = revision.id();
        gist.advance(ms, revision, None, remember);
        id
    }

    #[test]
    fn memory_stays_bounded_and_the_newest_stays_whole() {
        let mut gist = gist();
        for ms in 1..1000 {
            let head = gist.now().head().id();
            write(&mut gist, head, ms, 10);
        }
        assert!(gist.revisions.len() <= 40, "{}", gist.revisions.len());
        assert_eq!(gist.moments.len(), 10);
        assert!(gist.now().chain().count() >= 10);
        assert_eq!(gist.now().head().file("lock"), Some(&b"at 999"[..]));
    }

    /// A push that renews replaces the head again and again: that must not push the terms below it out.
    #[test]
    fn replaced_revisions_are_forgotten_before_the_chain() {
        let mut gist = gist();
        let first = gist.now().head().id();
        for ms in 1..1000 {
            write(&mut gist, first, ms, 10);
        }
        assert!(gist.revisions.len() <= 40, "{}", gist.revisions.len());
        assert_eq!(gist.now().chain().map(Revision::id).last(), Some(first));
    }

    #[test]
    fn a_replaced_revision_is_not_reached() {
        let mut gist = gist();
        let first = gist.now().head().id();
        let lost = write(&mut gist, first, 1, 10);
        let kept = write(&mut gist, first, 2, 10);
        let reached = |id| gist.now().reaches(gist.revision(id).expect("remembered"));
        assert_eq!([first, lost, kept].map(reached), [true, false, true]);
    }
}
