//! What will happen, in the order of true time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::clock::Moment;

/// Things to come. Of two at one moment the one that was planned first comes first.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    order: BinaryHeap<Reverse<(Moment, u64)>>,
    things: BTreeMap<u64, T>,
    planned: u64,
}

impl<T> Agenda<T> {
    pub(super) const fn new() -> Self {
        Self { order: BinaryHeap::new(), things: BTreeMap::new(), planned: 0 }
    }

    pub(super) fn plan(&mut self, at: Moment, thing: T) {
        self.planned += 1;
        self.order.push(Reverse((at, self.planned)));
        self.things.insert(self.planned, thing);
    }

    /// The next thing, if it comes at `end` or before.
    pub(super) fn next_until(&mut self, end: Moment) -> Option<(Moment, T)> {
        let Reverse((at, number)) = *self.order.peek().filter(|Reverse((at, _))| *at <= end)?;
        self.order.pop();
        Some((at, self.things.remove(&number)?))
    }

    /// When the last of the things that `matter` comes.
    pub(super) fn last(&self, matter: impl Fn(&T) -> bool) -> Option<Moment> {
        let moments = self.order.iter().filter(|Reverse((_, number))| self.things.get(number).is_some_and(&matter));
        moments.map(|Reverse((at, _))| *at).max()
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.things.retain(|_, thing| keep(thing));
        let things = &self.things;
        self.order.retain(|Reverse((_, number))| things.contains_key(number));
    }
}
