//! What must hold between all candidates, in true time.

use std::fmt;
use std::time::Duration;

use super::clock::Moment;

/// A promise that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Never two leaderships at once. A process that is paused or dead counts until its lease ends.
    OneLeader,
    /// Guarded work never overlaps, the time that it takes to end included.
    OneWorker,
    /// Tokens strictly increase over terms.
    TokensIncrease,
    /// A term's token is that of a record of its process that was acknowledged: an answer showed it.
    TokenOfRecord,
    /// No release and no other write lands as valid while another's term is live.
    NothingDestroyed,
    /// R1, R9: what was received stands for its own duration before it is claimed over.
    LeaseRespected,
    /// One gist, one mode: nothing is claimed over a record of ours of the other mode.
    OneMode,
    /// R2: no lease outlasts the renew deadline, counted from the sending of the newest write.
    LeaseBound,
    /// R6: nothing is released while guarded work runs.
    ReleaseAfterWork,
    /// A term is told to stop `stop_grace` before its end: until then it is woken.
    StopsInTime,
    /// At least a second between two writes, beyond the exceptions.
    WriteInterval,
    /// At most one request in flight, and a wake at its give-up moment at the latest.
    OneInFlight,
    /// R10: a wait that was told is kept.
    WaitKept,
    /// Requests do not run away.
    RequestsBounded,
    /// Wakes do not run away.
    WakesBounded,
    /// Events come in their order, leases agree with them, nothing comes after the end.
    Lifecycle,
    /// Once healed there is a leader in time.
    Liveness,
    /// In peace a leader stays.
    Stability,
    /// In peace a release hands over in time.
    HandOver,
}

/// A promise that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When, in true time.
    pub at: Moment,
    /// Which promise.
    pub check: Check,
    /// By whom and how.
    pub words: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} broken at {}: {}", self.check, self.at, self.words)
    }
}

/// One leadership, in true time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The seat of its candidate.
    pub seat: usize,
    /// Its process.
    pub instance: String,
    /// Its fencing token.
    pub token: u64,
    /// When it began.
    pub from: Moment,
    /// Until when it leads: the end of its lease, or the moment at which it ended before that.
    pub until: Moment,
    /// Until when its guarded work runs.
    pub works_until: Moment,
    pub(super) process: usize,
}

/// All terms, and whether each was allowed.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    all: Vec<Term>,
    greatest: u64,
    /// A foreign program may have reset the token.
    pub(super) tokens_may_fall: bool,
}

/// What a lease did in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    Begun,
    Extended,
    Same,
}

impl Terms {
    pub(super) fn all(&self) -> &[Term] {
        &self.all
    }

    /// A process has a lease until `term.until`.
    pub(super) fn lead(&mut self, now: Moment, term: Term) -> Result<Lease, (Check, String)> {
        for other in self.all.iter().rev().take(32).filter(|other| other.process != term.process) {
            if other.until > now || other.works_until > now {
                let check = if other.until > now { Check::OneLeader } else { Check::OneWorker };
                let words = format!(
                    "{} leads with token {} until {}, and {} with token {} until {}, working until {}",
                    term.instance, term.token, term.until, other.instance, other.token, other.until, other.works_until
                );
                return Err((check, words));
            }
        }
        match self.running(term.process) {
            Some(running) if running.token == term.token => {
                let before = running.until;
                running.until = term.until;
                running.works_until = term.until;
                Ok(if term.until > before { Lease::Extended } else { Lease::Same })
            }
            _ => {
                let greatest = self.greatest;
                self.greatest = greatest.max(term.token);
                let token = term.token;
                let words = format!("{} leads with token {token}, there was {greatest} before", term.instance);
                let same_process = self.all.iter().rev().find(|other| other.process == term.process);
                let falls_for_itself = same_process.is_some_and(|other| other.token >= token);
                self.all.push(term);
                if falls_for_itself || (token <= greatest && !self.tokens_may_fall) {
                    return Err((Check::TokensIncrease, words));
                }
                Ok(Lease::Begun)
            }
        }
    }

    /// A process has no lease any more.
    pub(super) fn end(&mut self, now: Moment, process: usize) {
        if let Some(running) = self.running(process) {
            running.until = running.until.min(now);
        }
    }

    /// The guarded work of a process was told to end, and will within `takes`. It never outlasts the lease.
    pub(super) fn stop_work(&mut self, now: Moment, process: usize, takes: Duration) -> Moment {
        let Some(running) = self.running(process) else { return now };
        running.works_until = running.works_until.min(now + takes);
        running.works_until.max(now)
    }

    /// Keeps the newest so many.
    pub(super) fn forget(&mut self, keep: usize) {
        self.all.drain(..self.all.len().saturating_sub(keep));
    }

    /// The greatest token of any term.
    pub(super) const fn greatest(&self) -> u64 {
        self.greatest
    }

    /// The term that is live at `now`.
    pub(super) fn live(&self, now: Moment) -> Option<&Term> {
        self.all.iter().rev().take(32).find(|term| term.from <= now && now < term.until)
    }

    fn running(&mut self, process: usize) -> Option<&mut Term> {
        self.all.iter_mut().rev().find(|term| term.process == process)
    }
}
