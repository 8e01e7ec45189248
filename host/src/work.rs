//! R6 where others do the work: the lock is released on their word `stopped` alone. By the deadline that `stopping` told
//! them they are gone, if they obey it; but where they did not say so, nothing is released, and the lease runs out.

use std::time::Duration;

use leader_elector_core::{Input, Instant};

use crate::hear::Word;

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

/// The candidate ends, and nothing is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

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

    /// What the candidate is told of a word; `None`: nothing.
    pub fn hears(&mut self, word: Word) -> Option<Input> {
        match word {
            Word::Stop => {}
            // Nobody is left who could say anything: whoever does the work ends it before it goes.
            Word::End => self.others_do_it = false,
            Word::Stopped => {
                let asked = self.ending.take();
                if asked.is_none() {
                    tracing::warn!("standard input says `stopped`, but nothing is stopping");
                }
                return asked.map(|_| Input::WorkStopped);
            }
        }
        self.is_last = true;
        Some(Input::Stop)
    }

    /// When to look again.
    #[must_use]
    pub fn moment(&self) -> Option<Instant> {
        let Ending { until, silent } = self.ending?;
        let at_once = !self.others_do_it || (silent && self.is_last);
        Some(if at_once { Instant::from_nanos(0) } else { until })
    }

    /// What the candidate is told when it wakes.
    ///
    /// # Errors
    /// It has waited long enough.
    pub fn wakes(&mut self, now: Instant) -> Result<Input, Ended> {
        let Some(ending) = &mut self.ending else { return Ok(Input::Wake) };
        if self.others_do_it && !ending.silent && now >= ending.until {
            tracing::warn!("{SILENT}");
            *ending = Ending { until: ending.until + self.lease, silent: true };
        }
        if self.others_do_it && ending.silent && self.is_last {
            tracing::warn!("{NOT_RELEASED}");
            return Err(Ended);
        }
        if !self.others_do_it || now >= ending.until {
            self.ending = None;
            return Ok(Input::WorkStopped);
        }
        Ok(Input::Wake)
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
        assert!(matches!(stopping(false).wakes(at(5)), Ok(Input::WorkStopped)));
    }

    #[test]
    fn the_word_of_those_who_do_it_counts_once() {
        let mut work = stopping(true);
        assert!(matches!(work.wakes(at(9)), Ok(Input::Wake)));
        assert!(matches!(work.hears(Word::Stopped), Some(Input::WorkStopped)));
        assert!(work.hears(Word::Stopped).is_none(), "nobody had asked");
        assert!(matches!(work.wakes(at(99)), Ok(Input::Wake)));
        assert_eq!(work.moment(), None);
    }

    #[test]
    fn the_end_of_the_input_is_the_word_and_asks_for_an_end() {
        let mut work = stopping(true);
        assert!(matches!(work.hears(Word::End), Some(Input::Stop)));
        assert!(matches!(work.wakes(at(5)), Ok(Input::WorkStopped)));
    }

    #[test]
    fn without_the_word_a_lease_is_waited_out_or_the_candidate_ends() {
        let mut work = stopping(true);
        assert!(matches!(work.wakes(at(10)), Ok(Input::Wake)));
        assert_eq!(work.moment(), Some(at(40)));
        assert!(matches!(work.wakes(at(40)), Ok(Input::WorkStopped)));
        let mut work = stopping(true);
        assert!(matches!(work.hears(Word::Stop), Some(Input::Stop)));
        assert!(matches!(work.wakes(at(9)), Ok(Input::Wake)));
        assert!(matches!(work.wakes(at(10)), Err(Ended)));
    }
}
