//! What really happened, counted: a check that never had anything to check proves nothing.

use std::fmt;
use std::ops::AddAssign;

use super::faults::Fault;

macro_rules! paths {
    ($($(#[$doc:meta])* $path:ident = $name:literal,)*) => {
        /// A path through the rules that is worth knowing to have been walked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Path { $($(#[$doc])* $path,)* }

        impl Path {
            /// Every path.
            pub const ALL: &[Self] = &[$(Self::$path,)*];

            /// Its name in tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$path => $name,)* }
            }
        }
    };
}

paths! {
    /// A term began.
    Term = "terms",
    /// A term of the same name as the one before, by another process.
    SameNameAgain = "terms of a name that came back",
    /// A term ended on request.
    EndedByStop = "terms ended by a stop",
    /// A term ended at its deadline.
    EndedByDeadline = "terms ended at their deadline",
    /// A term ended because another holder was seen.
    EndedByLoss = "terms ended by seeing another",
    /// A lease was extended.
    Extended = "leases extended",
    /// A claim was sent.
    Claim = "claims sent",
    /// A confirmation was sent.
    Confirmation = "confirmations sent",
    /// A renewal was sent.
    Renewal = "renewals sent",
    /// A renewal was sent within a second of the write before.
    ImmediateRenewal = "immediate renewals",
    /// A release was sent.
    Release = "releases sent",
    /// A release was acknowledged.
    Released = "releases acknowledged",
    /// A release landed on something else than its own record.
    ReleaseVoid = "releases that landed void",
    /// A write landed that had lost its race.
    Void = "writes that landed void",
    /// A write landed after its writer had died or given it up.
    LandedAbandoned = "writes that landed abandoned",
    /// A write landed on top of another's live term.
    OnLiveTerm = "writes that landed on another's live term",
    /// A stop came while a claim was under way.
    StopDuringClaim = "stops during a claim",
    /// A claim was made over something that is no record.
    OverUnclear = "claims over no record",
    /// A claim was made over a foreign record.
    OverForeign = "claims over a foreign record",
    /// A claim was made over an expired lease of ours.
    OverExpired = "claims over an expired lease",
    /// A claim was made over an own record.
    OverOwn = "claims over an own record",
    /// An acknowledgement came after it was given up.
    TooLate = "answers after give-up",
    /// A process resumed after the end of its lease.
    ResumedTooLate = "resumed after the lease",
    /// A candidate found that it may not claim.
    Barred = "claims barred",
    /// A wait outlasted the term.
    ThrottledBeyondLease = "throttled beyond the lease",
    /// A stale read was noticed.
    StaleNoticed = "stale reads noticed",
    /// A release was given up.
    NotReleased = "releases given up",
    /// Of two writes through the API one was lost.
    LostPatch = "updates lost between two PATCHes",
    /// Of a write through the API and a push one was lost.
    LostToPush = "updates lost between a PATCH and a push",
}

/// How often each fault and each path was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    faults: [u64; Fault::ALL.len()],
    paths: [u64; Path::ALL.len()],
    /// Calls of candidates.
    pub steps: u64,
    /// Requests sent.
    pub requests: u64,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { faults: [0; Fault::ALL.len()], paths: [0; Path::ALL.len()], steps: 0, requests: 0 }
    }
}

impl Coverage {
    pub(super) const fn fault(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    pub(super) const fn path(&mut self, path: Path) {
        self.paths[path as usize] += 1;
    }

    /// How often a fault happened.
    #[must_use]
    pub const fn of_fault(&self, fault: Fault) -> u64 {
        self.faults[fault as usize]
    }

    /// How often a path was walked.
    #[must_use]
    pub const fn of_path(&self, path: Path) -> u64 {
        self.paths[path as usize]
    }

    /// What never happened.
    #[must_use]
    pub fn zeros(&self) -> Vec<&'static str> {
        let faults = Fault::ALL.iter().filter(|fault| self.of_fault(**fault) == 0).map(|fault| fault.name());
        let paths = Path::ALL.iter().filter(|path| self.of_path(**path) == 0).map(|path| path.name());
        faults.chain(paths).collect()
    }
}

impl AddAssign<&Self> for Coverage {
    fn add_assign(&mut self, other: &Self) {
        self.faults.iter_mut().zip(other.faults).for_each(|(sum, count)| *sum += count);
        self.paths.iter_mut().zip(other.paths).for_each(|(sum, count)| *sum += count);
        self.steps += other.steps;
        self.requests += other.requests;
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>12}  steps\n{:>12}  requests", self.steps, self.requests)?;
        for fault in Fault::ALL {
            writeln!(f, "{:>12}  {fault}", self.of_fault(*fault))?;
        }
        for path in Path::ALL {
            writeln!(f, "{:>12}  {}", self.of_path(*path), path.name())?;
        }
        Ok(())
    }
}
