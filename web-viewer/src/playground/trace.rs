//! What happened, newest last, as far back as a picture needs it.

use std::collections::VecDeque;

use leader_elector_core::sim::{Happening, Moment};

/// Entries that are kept. An hour at sixty times makes a hundred times as many.
const MOST: usize = 8000;

/// Something that happened, with its number: two runs of one link have the same numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the run, from 0.
    pub number: u64,
    /// When, in true time.
    pub at: Moment,
    /// What.
    pub what: Happening,
}

/// The newest entries of a run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    entries: VecDeque<Entry>,
    /// The number of the next entry.
    next: u64,
}

impl Trace {
    pub(super) fn push(&mut self, at: Moment, what: Happening) {
        if self.entries.len() == MOST {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { number: self.next, at, what });
        self.next += 1;
    }

    /// Goes on from where `next` was the next number: forgets what came later.
    pub(super) fn rewind(&mut self, next: u64) {
        while self.entries.back().is_some_and(|entry| entry.number >= next) {
            self.entries.pop_back();
        }
        // A gap would be a lie.
        if self.next_kept() != Some(next) {
            self.entries.clear();
        }
        self.next = next;
    }

    fn next_kept(&self) -> Option<u64> {
        self.entries.back().map(|entry| entry.number + 1)
    }

    /// The number of the next entry.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The entry with a number, if it is kept.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&Entry> {
        let first = self.entries.front()?.number;
        self.entries.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// The entries from a moment on, oldest first.
    #[must_use]
    pub fn since(&self, from: Moment) -> impl DoubleEndedIterator<Item = &Entry> {
        let start = self.entries.partition_point(|entry| entry.at < from);
        self.entries.range(start..)
    }

    /// All that are kept, oldest first.
    #[must_use]
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The moment from which everything is kept; `None`: from the beginning.
    #[must_use]
    pub fn whole_since(&self) -> Option<Moment> {
        self.entries.front().filter(|entry| entry.number > 0).map(|entry| entry.at)
    }
}
