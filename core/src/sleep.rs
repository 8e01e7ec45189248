//! R13 where the monotonic clock may stand still while the machine sleeps: the wall clock tells.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::{Instant, Now};

/// A wall clock that ran no further ahead than this was merely adjusted.
const TOLERANCE: Duration = Duration::from_secs(1);
/// Sendings that are remembered: a lease rests on one of the last few writes.
const MARKS: usize = 16;

/// Both clocks at the sending of the last writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct SleepWatch {
    marks: VecDeque<Now>,
}

impl SleepWatch {
    /// A write is sent now.
    pub(crate) fn mark(&mut self, now: Now) {
        // A wall clock that jumped back re-bases: measured from here it would hide as long a sleep.
        for mark in &mut self.marks {
            let behind = now.at.since(mark.at).as_millis();
            let latest = now.wall.0.saturating_sub(i64::try_from(behind).unwrap_or(i64::MAX));
            mark.wall.0 = mark.wall.0.min(latest);
        }
        if self.marks.len() == MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(now);
    }

    /// By how much the wall clock ran further than the monotonic clock since the write sent at `sent`, if by more
    /// than the tolerance.
    pub(crate) fn slept_since(&self, sent: Instant, now: Now) -> Option<Duration> {
        let mark = self.marks.iter().rev().find(|mark| mark.at <= sent)?;
        let wall = u64::try_from(now.wall.0.saturating_sub(mark.wall.0)).unwrap_or(0);
        let ahead = Duration::from_millis(wall).saturating_sub(now.at.since(mark.at));
        (ahead > TOLERANCE).then_some(ahead)
    }
}
