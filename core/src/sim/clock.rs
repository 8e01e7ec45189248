//! True time, and the clocks of candidates, which all differ from it.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

use crate::time::{Instant, Now, WallClock};

/// When every world begins: 2023-11-14T22:13:20Z.
const BEGINNING_MS: i64 = 1_700_000_000_000;
const MILLION: u128 = 1_000_000;

/// A moment of true time: nanoseconds since the world began. No candidate ever sees one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// The beginning of the world.
    pub const ZERO: Self = Self(0);
    /// Later than anything happens.
    pub const END: Self = Self(u64::MAX);

    /// The moment that lies `span` after the beginning.
    #[must_use]
    pub fn after(span: Duration) -> Self {
        Self::ZERO + span
    }

    /// How long after `earlier` this is; zero if it lies before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The store's wall clock, which is right: milliseconds since the Unix epoch.
    pub(super) fn unix_ms(self) -> i64 {
        BEGINNING_MS + i64::try_from(self.0 / 1_000_000).unwrap_or(i64::MAX - BEGINNING_MS)
    }

    /// The moment that lies `span` before this one, or the beginning.
    pub(super) fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 / 1_000_000;
        write!(f, "{}.{:03}s", millis / 1000, millis % 1000)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The two clocks of one machine: a monotonic one with an origin and a rate of its own, and a wall clock that is wrong.
#[derive(Clone, Debug)]
pub(super) struct MachineClock {
    /// The monotonic clock at the beginning of the world. It goes back by what the machine sleeps through.
    origin: u64,
    /// How much faster it runs than true time, in millionths.
    ahead_ppm: i32,
    wall_ahead_ms: i64,
}

impl MachineClock {
    pub(super) const fn new(origin: Duration, ahead_ppm: i32, wall_ahead_ms: i64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "an origin of days, in a range of centuries")]
        let origin = origin.as_nanos() as u64;
        Self { origin, ahead_ppm, wall_ahead_ms }
    }

    pub(super) fn now(&self, moment: Moment) -> Now {
        Now { at: self.at(moment), wall: WallClock(moment.unix_ms().saturating_add(self.wall_ahead_ms)) }
    }

    pub(super) fn at(&self, moment: Moment) -> Instant {
        Instant::from_nanos(self.origin.saturating_add(narrow(u128::from(moment.0) * self.rate() / MILLION)))
    }

    /// The first true moment at which this clock shows `at` or more.
    pub(super) fn moment_of(&self, at: Instant) -> Moment {
        let passed = u128::from(at.as_nanos().saturating_sub(self.origin));
        Moment(narrow((passed * MILLION).div_ceil(self.rate())))
    }

    /// It runs like true time, and its wall clock is right.
    pub(super) const fn mend(&mut self) {
        (self.ahead_ppm, self.wall_ahead_ms) = (0, 0);
    }

    /// Whether it runs too fast or too slow.
    pub(super) const fn is_wrong(&self) -> bool {
        self.ahead_ppm != 0
    }

    /// The wall clock is set forward or back.
    pub(super) const fn jump(&mut self, by_ms: i64) {
        self.wall_ahead_ms = self.wall_ahead_ms.saturating_add(by_ms);
    }

    /// The monotonic clock stood still in between: the machine was suspended.
    pub(super) fn stood_still(&mut self, from: Moment, to: Moment) {
        let slept = self.at(to).since(self.at(from));
        self.origin = self.origin.saturating_sub(u64::try_from(slept.as_nanos()).unwrap_or(0));
    }

    fn rate(&self) -> u128 {
        MILLION.saturating_add_signed(i128::from(self.ahead_ppm)).max(1)
    }
}

fn narrow(nanos: u128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MachineClock, Moment};

    #[test]
    fn a_moment_of_a_clock_is_the_first_at_which_it_shows_it() {
        for ppm in [-1000, -1, 0, 1, 1000] {
            let clock = MachineClock::new(Duration::from_hours(5), ppm, 0);
            for nanos in [0, 1, 999, 1_000_000_007, 3_600_000_000_001] {
                let at = clock.at(Moment(nanos));
                let back = clock.moment_of(at);
                assert!(back <= Moment(nanos));
                assert_eq!(clock.at(back), at, "{ppm} {nanos}");
                assert!(back == Moment::ZERO || clock.at(Moment(back.0 - 1)) < at, "{ppm} {nanos}");
            }
        }
    }

    #[test]
    fn a_suspended_clock_goes_on_where_it_stood() {
        let mut clock = MachineClock::new(Duration::from_hours(5), 700, 0);
        let (from, to) = (Moment::after(Duration::from_secs(10)), Moment::after(Duration::from_secs(70)));
        let stood = clock.at(from);
        clock.stood_still(from, to);
        assert_eq!(clock.at(to), stood);
    }
}
