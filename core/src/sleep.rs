//! R13 where the monotonic clock may stand still while the machine sleeps: the wall clock tells.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::{Instant, Now};

/// A wall clock that ran no further ahead than this was merely adjusted.
const TOLERANCE: Duration = Duration::from_secs(1);
/// Leads that differ by less are one: clocks are read in milliseconds, and wall clocks are slewed.
const STEP_MS: i64 = 100;
/// Leads that are remembered. One that would outlast the tolerance ends the term, so there are ten in use.
const MARKS: usize = 16;

/// By how much the wall clock leads the monotonic one, since when it never led by less.
///
/// A wall clock that jumps back re-bases so, and neither the number of writes nor their pace matters.
#[derive(Clone, Debug, Default)]
pub(crate) struct SleepWatch {
    /// Moments and leads, both ascending.
    marks: VecDeque<(Instant, i64)>,
}

impl SleepWatch {
    /// Both clocks were read: at every input, so at the sending of each write as well.
    pub(crate) fn observe(&mut self, now: Now) {
        let lead = lead(now);
        let mut since = now.at;
        while let Some((at, _)) = self.marks.pop_back_if(|(_, before)| *before > lead) {
            // It leads by no more than this since then.
            since = at;
        }
        if self.marks.back().is_none_or(|(_, before)| before + STEP_MS <= lead) {
            if self.marks.len() == MARKS {
                // What is measured from the mark that goes is measured from the one before it: never too little.
                self.marks.remove(1);
            }
            self.marks.push_back((since, lead));
        }
    }

    /// By how much the wall clock ran further than the monotonic clock since the write sent at `sent`, if by more
    /// than the tolerance.
    pub(crate) fn slept_since(&self, sent: Instant, now: Now) -> Option<Duration> {
        let (_, before) = self.marks.iter().rev().find(|(at, _)| *at <= sent).or_else(|| self.marks.front())?;
        let ahead = Duration::from_millis(u64::try_from(lead(now).saturating_sub(*before)).unwrap_or(0));
        (ahead > TOLERANCE).then_some(ahead)
    }
}

fn lead(now: Now) -> i64 {
    now.wall.0.saturating_sub(i64::try_from(now.at.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallClock;

    /// `ahead`: what the monotonic clock stood still, or the wall clock was set forward, in all.
    fn now(ms: u64, ahead: i64) -> Now {
        Now { at: Instant::from_millis(ms), wall: WallClock(1_790_000_000_000 + i64::try_from(ms).unwrap() + ahead) }
    }

    fn watch(seen: impl IntoIterator<Item = (u64, i64)>) -> SleepWatch {
        let mut watch = SleepWatch::default();
        seen.into_iter().for_each(|(ms, ahead)| watch.observe(now(ms, ahead)));
        watch
    }

    /// Broken by remembering so many writes: what the lease rests on was forgotten.
    #[test]
    fn a_sleep_shows_however_many_writes_came_after_the_one_that_counts() {
        let watch = watch((0..100).map(|second| (second * 1000, 0)));
        let slept = watch.slept_since(Instant::ZERO, now(100_000, 60_000));
        assert_eq!(slept, Some(Duration::from_mins(1)));
        assert_eq!(watch.slept_since(Instant::ZERO, now(100_000, 900)), None);
    }

    /// Broken by looking at the wall clock when something is written only.
    #[test]
    fn a_wall_clock_that_was_set_back_hides_no_sleep_right_after_it() {
        let hour = -3_600_000;
        let watch = watch([(0, 0), (3_000, hour)]);
        assert_eq!(watch.slept_since(Instant::ZERO, now(4_000, hour)), None);
        assert_eq!(watch.slept_since(Instant::ZERO, now(5_000, hour + 60_000)), Some(Duration::from_mins(1)));
    }

    #[test]
    fn what_was_slept_before_the_write_is_not_counted() {
        let watch = watch([(0, 0), (10_000, 60_000)]);
        assert_eq!(watch.slept_since(Instant::from_millis(10_000), now(12_000, 60_000)), None);
        assert_eq!(watch.slept_since(Instant::ZERO, now(12_000, 60_000)), Some(Duration::from_mins(1)));
    }

    /// A monotonic clock that runs a little fast. Broken by beginning anew with each smaller lead.
    #[test]
    fn what_was_slept_before_the_write_is_not_counted_after_the_leads_have_shrunk() {
        let watch = watch((0..100).map(|second| (second * 1000, 60_000 - i64::try_from(second).unwrap())));
        let mut slept = watch.clone();
        slept.observe(now(100_000, 3_600_000));
        slept.observe(now(110_000, 3_599_990));
        assert_eq!(slept.slept_since(Instant::from_millis(105_000), now(120_000, 3_599_980)), None);
        assert!(slept.slept_since(Instant::from_millis(90_000), now(120_000, 3_599_980)).is_some());
    }

    #[test]
    fn a_wall_clock_that_creeps_ahead_is_followed_and_what_is_remembered_is_bounded() {
        let watch = watch((0..10_000).map(|ms| (ms, i64::try_from(ms).unwrap())));
        assert!(watch.marks.len() <= MARKS, "{}", watch.marks.len());
        assert_eq!(watch.slept_since(Instant::ZERO, now(10_000, 10_000)), Some(Duration::from_secs(10)));
        assert!(watch.slept_since(Instant::from_millis(9_900), now(10_000, 10_000)).is_none());
    }
}
