//! What a person should know although the election goes on.

use std::time::Duration;

use thiserror::Error;

use crate::lock::Reason;
use crate::record::{Token, WriteMode};
use crate::timing::TimingWarning;

/// A warning: each says what was seen and, where somebody can do something, what.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages name what the fields hold")]
pub enum Warning {
    /// R10: more writes than the store allows.
    #[error(
        "budget: a leader writes {configured} times an hour with these timings, the store allows {allowed}; raise the renew interval"
    )]
    WritesBeyondBudget { configured: u32, allowed: u32 },
    /// R10: more requests than the store allows.
    #[error(
        "budget: {configured} requests an hour with these timings, the store allows {allowed}; raise the poll interval"
    )]
    RequestsBeyondBudget { configured: u32, allowed: u32 },
    /// Timings with little room.
    #[error(transparent)]
    Timing(TimingWarning),
    /// R10: told to wait for longer than the term lasts.
    #[error("throttled for {wait:.1?}, the lease ends in {left:.1?}: this term ends unless the store relents")]
    ThrottledBeyondLease { wait: Duration, left: Duration },
    /// Told to wait.
    #[error("throttled: the store asks to be left alone for {wait:.1?}")]
    Throttled { wait: Duration },
    /// The store refuses.
    #[error("refused: {reason}")]
    Denied { reason: Reason },
    /// No answer, or none that can be understood.
    #[error("no answer: {what}")]
    NoAnswer { what: String },
    /// A live foreign candidate: exclusion depends on a program that may write blindly.
    #[error(
        "another program ({holder}) holds the lock: never-two-leaders now depends on that program as well; stop it before moving over"
    )]
    ForeignHolder { holder: String },
    /// A foreign record that names us: the Go program would take our record for its own and lead at once.
    #[error(
        "a foreign record names our own LEADER_NAME ({holder}): another program uses the same name on this lock; its lease is waited for, stop it or choose another name"
    )]
    ForeignNamesUs { holder: String },
    /// One gist, one mode.
    #[error(
        "the lock holds a record written by {found}, this candidate writes by {configured}: nothing is claimed; stop all candidates and run `leader-elector reset`, or use --write {found}"
    )]
    OtherMode { found: WriteMode, configured: WriteMode },
    /// One gist, one mode: the term is written, but not as one revision.
    #[error(
        "the git server does not take a push that replaces our own commit ({words}): every renewal appends a revision from now on"
    )]
    ReplacingRefused { words: String },
    /// The server does not take our pushes.
    #[error(
        "the git server does not take pushes ({words}): see whether the branch is protected and the token may write; or use --write patch with all candidates"
    )]
    PushRefused { words: String },
    /// The newest token cannot be known.
    #[error(
        "no valid record found in the newest {looked_back} revisions, and none older was looked at: nothing is claimed, because the next fencing token is not known; write a record with the highest leaderTransitions by hand"
    )]
    NoRecordInSight { looked_back: usize },
    /// The next token would leave the range.
    #[error("leaderTransitions is {token}: the next one would be above {}, so nothing is claimed", Token::MAX)]
    TokensExhausted { token: Token },
    /// The lock file is no record.
    #[error(
        "the lock file is no record ({why}): it is respected for a lease, then replaced; the old text stays in the history"
    )]
    UnclearText { why: String },
    /// A read that showed the past.
    #[error("a stale read: the store showed revision {head}, which was already replaced")]
    StaleRead { head: String },
    /// The lock was not released.
    #[error("not released ({why}): the lease expires by itself")]
    NotReleased { why: String },
    /// R13: the machine slept.
    #[error("the machine slept: the wall clock ran {}ms further than the monotonic clock; the term ends", ahead.as_millis())]
    Slept { ahead: Duration },
}
