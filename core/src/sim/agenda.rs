//! What will happen, in the order of true time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clock::Moment;

/// Things to come. Of two at one moment the one that was planned first comes first.
#[derive(Clone, Debug)]
pub(super) struct Agenda<T> {
    /// When, the how manieth that was planned, and its place among the things.
    order: BinaryHeap<Reverse<(Moment, u64, usize)>>,
    things: Vec<Option<T>>,
    free: Vec<usize>,
    planned: u64,
}

impl<T> Agenda<T> {
    pub(super) const fn new() -> Self {
        Self { order: BinaryHeap::new(), things: Vec::new(), free: Vec::new(), planned: 0 }
    }

    pub(super) fn plan(&mut self, at: Moment, thing: T) {
        self.planned += 1;
        let place = self.free.pop().unwrap_or(self.things.len());
        if place == self.things.len() {
            self.things.push(Some(thing));
        } else {
            self.things[place] = Some(thing);
        }
        self.order.push(Reverse((at, self.planned, place)));
    }

    /// How many things are to come.
    pub(super) fn len(&self) -> usize {
        self.things.len()
    }

    /// When the next thing comes.
    pub(super) fn next_at(&self) -> Option<Moment> {
        self.order.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next thing, if it comes at `end` or before.
    pub(super) fn next_until(&mut self, end: Moment) -> Option<(Moment, T)> {
        let Reverse((at, _, place)) = *self.order.peek().filter(|Reverse((at, ..))| *at <= end)?;
        self.order.pop();
        self.free.push(place);
        Some((at, self.things[place].take()?))
    }

    /// When the last of the things that `matter` comes.
    pub(super) fn last(&self, matter: impl Fn(&T) -> bool) -> Option<Moment> {
        let moments =
            self.order.iter().filter(|Reverse((.., place))| self.things[*place].as_ref().is_some_and(&matter));
        moments.map(|Reverse((at, ..))| *at).max()
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        let Self { order, things, free, .. } = self;
        order.retain(|Reverse((.., place))| {
            let stays = things[*place].as_ref().is_some_and(&keep);
            if !stays {
                things[*place] = None;
                free.push(*place);
            }
            stays
        });
    }
}
