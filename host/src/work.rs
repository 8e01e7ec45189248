//! R6 where others do the work: the lock is released on their word `stopped` alone. By the deadline that `stopping` told
//! them they are gone, if they obey it; but where they did not say so, nothing is released, and the lease runs out.

use std::time::Duration;

use leader_elector_core::Instant;

/// Said where the word does not come.
pub const SILENT: &str = "the workload did not say that it has ended: nothing is released";
/// Said where a candidate ends without a release.
pub const NOT_RELEASED: &str = "not released: the lease expires by itself";

/// The work of one candidate.
#[derive(Debug)]
pub struct Work {
    lease: Duration,
    others_do_it: bool,
    /// The candidate is to end as well.
    is_last: bool,
    ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug)]
struct Ending {
    until: Instant,
    silent: bool,
}

/// What follows from a moment that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Wait,
    /// The work has stopped, or can do no more harm.
    Stopped,
    /// The candidate ends; nothing is released.
    End,
}

impl Work {
    /// `others_do_it`: somebody acts on the events; else the candidate itself is the work, which ends with its word.
    #[must_use]
    pub const fn new(lease: Duration, others_do_it: bool) -> Self {
        Self { lease, others_do_it, is_last: false, ending: None }
    }

    /// It has to be gone `by` then.
    pub fn has_to_stop(&mut self, by: Instant) {
        self.ending = Some(Ending { until: by, silent: false });
    }

    /// The candidate is to end.
    pub const fn is_last(&mut self) {
        self.is_last = true;
    }

    /// Nobody is left who could say anything: whoever does the work ends it before it goes.
    pub const fn is_left(&mut self) {
        self.others_do_it = false;
    }

    /// Somebody says that it has stopped. `false`: nobody had asked.
    pub const fn says_stopped(&mut self) -> bool {
        self.ending.take().is_some()
    }

    /// When to look again.
    #[must_use]
    pub fn moment(&self) -> Option<Instant> {
        let Ending { until, silent } = self.ending?;
        let at_once = !self.others_do_it || (silent && self.is_last);
        Some(if at_once { Instant::from_nanos(0) } else { until })
    }

    /// Looks.
    pub fn look(&mut self, now: Instant) -> Verdict {
        let Some(ending) = &mut self.ending else { return Verdict::Wait };
        if self.others_do_it && !ending.silent && now >= ending.until {
            tracing::warn!("{SILENT}");
            *ending = Ending { until: ending.until + self.lease, silent: true };
        }
        if self.others_do_it && ending.silent && self.is_last {
            tracing::warn!("{NOT_RELEASED}");
            return Verdict::End;
        }
        if !self.others_do_it || now >= ending.until {
            self.ending = None;
            return Verdict::Stopped;
        }
        Verdict::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    fn stopping(others_do_it: bool) -> Work {
        let mut work = Work::new(LEASE, others_do_it);
        work.has_to_stop(at(10));
        work
    }

    #[test]
    fn a_candidate_that_is_the_work_itself_has_stopped_at_once() {
        assert_eq!(stopping(false).look(at(5)), Verdict::Stopped);
    }

    #[test]
    fn the_word_of_those_who_do_it_counts_once() {
        let mut work = stopping(true);
        assert_eq!(work.look(at(9)), Verdict::Wait);
        assert!(work.says_stopped());
        assert!(!work.says_stopped());
        assert_eq!((work.look(at(99)), work.moment()), (Verdict::Wait, None));
    }

    #[test]
    fn without_the_word_a_lease_is_waited_out_or_the_candidate_ends() {
        let mut work = stopping(true);
        assert_eq!(work.look(at(10)), Verdict::Wait);
        assert_eq!(work.moment(), Some(at(40)));
        assert_eq!(work.look(at(40)), Verdict::Stopped);
        let mut work = stopping(true);
        work.is_last();
        assert_eq!((work.look(at(9)), work.look(at(10))), (Verdict::Wait, Verdict::End));
    }
}
