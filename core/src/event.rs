//! What happened in a step, and what is due next.

use std::fmt;

use crate::record::Token;
use crate::time::Instant;
use crate::warning::Warning;

/// Something a host acts on, logs or shows. The counterpart of client-go's callbacks and recorded events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Another name stands in the lock; empty: it is free.
    NewLeader {
        /// The holder's name.
        leader: String,
    },
    /// A term began: the guarded work may start.
    StartedLeading {
        /// The fencing token of the term.
        token: Token,
    },
    /// The guarded work must end. Answer with the input `WorkStopped` once it has.
    Stopping {
        /// What ends the term.
        why: StopReason,
        /// The moment by which the work must be gone.
        by: Instant,
    },
    /// The echo of `WorkStopped`.
    StoppedLeading,
    /// The release was acknowledged: the lock is free for others.
    Released,
    /// Something that a person should know.
    Warning(Warning),
}

/// What ends a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The host asked for an orderly end.
    Stop,
    /// No renewal was acknowledged in time.
    Deadline,
    /// Another holder was seen.
    Lost,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "stop",
            Self::Deadline => "deadline",
            Self::Lost => "lost",
        })
    }
}

/// What a candidate waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wake it then. Earlier, later and repeated wakes are harmless.
    WakeAt(Instant, Why),
    /// Only an input can move it.
    OnInput(Why),
    /// Nothing will be asked for any more.
    Done,
}

/// The name of a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The next read of a follower.
    Poll,
    /// The lease that stands runs out.
    LeaseExpiry,
    /// The next renewal.
    Renew,
    /// A repetition of what failed.
    Retry,
    /// The store asked to be left alone until then.
    Throttled,
    /// The term ends, less the grace for the work.
    RenewDeadline,
    /// The request in flight is given up.
    GiveUp,
    /// The lock settles, or keeps the least time between two writes.
    Lock,
    /// The release.
    Release,
    /// An answer.
    Answer,
    /// The guarded work has to end first.
    WorkStopped,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Poll => "poll",
            Self::LeaseExpiry => "lease_expiry",
            Self::Renew => "renew",
            Self::Retry => "retry",
            Self::Throttled => "throttled",
            Self::RenewDeadline => "renew_deadline",
            Self::GiveUp => "give_up",
            Self::Lock => "lock",
            Self::Release => "release",
            Self::Answer => "answer",
            Self::WorkStopped => "work_stopped",
        })
    }
}

/// Leadership that can be proven: the guarded work may run strictly before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The fencing token of the term.
    pub token: Token,
    /// The end, on the candidate's own monotonic clock. A later answer may move it either way.
    pub until: Instant,
}
