//! One seed draws everything.

use std::time::Duration;

use crate::spread::Spread;

/// A seeded sequence of draws.
#[derive(Clone, Debug)]
pub(super) struct Dice(Spread);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(Spread::new(seed))
    }

    /// A seed for something that draws by itself.
    pub(super) const fn seed(&mut self) -> u64 {
        self.0.number()
    }

    /// From 0 to one less than `end`; 0 where there is no room.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.0.number() % end).unwrap_or(0)
    }

    /// True `rate` times in ten thousand. It draws whatever the rate is, so that what is switched off leaves the rest of
    /// a world as it was.
    pub(super) const fn happens(&mut self, rate: u32) -> bool {
        self.0.number() % 10_000 < rate as u64
    }

    /// A span between two, both included.
    pub(super) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        least + self.0.up_to(most.saturating_sub(least))
    }

    /// One of several.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).copied()
    }
}
