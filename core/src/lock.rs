//! What an election needs of a store, and what a store needs of an election: this project's counterpart of
//! client-go's `resourcelock.Interface`.
//!
//! | client-go | here |
//! |---|---|
//! | `Get` | [`Op::Read`], answered with [`Reply::Standing`] or [`Reply::Unchanged`] |
//! | `Create`, `Update` | [`Op::Write`]: every write names the version it replaces, an empty lock has one too (R4) |
//! | `RecordEvent` | the [`Event`](crate::Event)s of the candidate, which the host takes where it likes |
//! | `Identity` | [`Lock::identity`] |
//! | `Describe` | [`Lock::describe`] |
//!
//! A lock is an exchange without IO: it answers each call with the next [`Step`], and whoever drives it moves the
//! bytes. The order of calls: one [`start`](Lock::start), then for each [`Step::Send`] exactly one of
//! [`receive`](Lock::receive) or [`failed`](Lock::failed), for each [`Step::WaitUntil`] a [`wake`](Lock::wake) (early
//! ones are harmless), until [`Step::Done`]; or [`abandon`](Lock::abandon) at any moment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::record::{Record, Token};
use crate::time::{Instant, Now};
use crate::warning::Warning;

/// The id of one revision of the lock, as its store names it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(Arc<str>);

impl Version {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Version {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who a candidate is. The name is the user's; the instance is drawn afresh at every process start (R8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    name: String,
    instance: String,
}

impl Identity {
    /// An identity, if both parts can stand in a record: not empty, at most 1 KB each.
    #[must_use]
    pub fn new(name: impl Into<String>, instance: impl Into<String>) -> Option<Self> {
        let (name, instance) = (name.into(), instance.into());
        let fits = |part: &str| (1..=1024).contains(&part.len());
        (fits(&name) && fits(&instance)).then_some(Self { name, instance })
    }

    /// The name in logs and in `holderIdentity`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells this process from every other of its name.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }
}

/// What the election asks of the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Tell what stands.
    Read,
    /// Write `term` if `replaces` is still the newest revision.
    Write {
        /// What to write.
        term: Term,
        /// The revision it is meant to stand on (R4).
        replaces: Version,
    },
}

/// A write, as the election knows it: no timestamps, the election has no wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// What the write is for.
    pub intent: Intent,
    /// The fencing token of the term.
    pub token: Token,
    /// Whole seconds for which others must respect it (R11).
    pub lease_seconds: u64,
}

/// What a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Begin a term. A lock that needs to settle and confirm does so within this one operation.
    Claim,
    /// Keep a term.
    Renew,
    /// End a term: an empty holder, free at once.
    Release,
}

/// What a lock answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A read that found something else than the one before.
    Standing(Standing),
    /// A read that found what the last [`Reply::Standing`] said.
    Unchanged,
    /// An acknowledged write.
    Written(Written),
    /// No answer to build on.
    Failed(Failure),
}

/// What stands in the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The newest revision: what the next write replaces.
    pub head: Version,
    /// The newest valid revision, whose record is the answer. R1's clock runs from the first receipt of this id.
    pub state: Version,
    /// The record of `state`; `None` where its text is none. Shared, because a record may be long.
    pub record: Option<Arc<Record>>,
    /// For how long it must be respected, from the first receipt of `state`; zero: free now.
    pub stands_for: Duration,
    /// The highest token seen in any record and in any own write of unknown outcome (R7).
    pub newest_token: Token,
    /// The newest own write of the running term that is visible as valid: a read that shows it acknowledges it.
    pub acknowledges: Option<Written>,
    /// Why nothing may be claimed here, whatever stands.
    pub bar: Option<Bar>,
}

/// Why a lock forbids every claim. The lock warns about it as well, with what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Records of the other write mode stand in it.
    OtherMode,
    /// No record was found as far as one may look back, and older ones may exist: the newest token is not known.
    NoRecordInSight,
}

/// An acknowledged write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The newest revision after it: what the next write replaces.
    pub head: Version,
    /// When it was sent: the lease counts from here (R2).
    pub sent: Instant,
    /// When the newest write was sent that can no longer vanish; `sent` on a store with a real compare-and-swap.
    pub solid: Instant,
    /// Something of another's lies on top of it: renew at once.
    pub overlaid: bool,
}

/// Why there is no answer to build on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The precondition of a write failed: it changed nothing and proves nothing (R4). Read again.
    Conflict,
    /// Another holder was seen in the newest content, though not all of the history is known yet (R3).
    Superseded,
    /// The outcome is not known: a write may have been applied, or may be later (R5). Read.
    Unknown,
    /// The request surely never left this machine.
    Unsent,
    /// The store wants to be left alone for `wait`. Nothing was applied.
    Throttled {
        /// From now on.
        wait: Duration,
    },
    /// The store refuses. Nothing was applied.
    Denied(Reason),
}

/// Why a store refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The status that it answered with; 0 where the refusal is the lock's own.
    pub status: u16,
    /// What it said, shortened.
    pub message: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            0 => f.write_str(&self.message),
            status => write!(f, "{status} {}", self.message),
        }
    }
}

/// What a lock wants next.
#[derive(Debug)]
pub enum Step {
    /// Send this and report what came of it; give up at the moment named.
    Send {
        /// The request, with all headers.
        request: Box<http::Request<Vec<u8>>>,
        /// The moment from which its answer no longer matters.
        give_up_at: Instant,
    },
    /// Nothing until then.
    WaitUntil(Instant),
    /// The operation has ended.
    Done(Reply),
}

/// Whether a request that failed may have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It surely never left.
    No,
    /// It may have been applied, or may be later.
    Unknown,
}

/// What a store can bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The least time from the sending of one write to the sending of the next.
    pub write_interval: Duration,
    /// Requests an hour for one user; `None`: no limit.
    pub requests_an_hour: Option<u32>,
    /// Content writes an hour for one user; `None`: no limit.
    pub writes_an_hour: Option<u32>,
}

/// A store that can hold one small record. Errors are [`Failure`]s within the steps: no call fails.
pub trait Lock {
    /// Begins an operation; the one before has ended or was abandoned. `give_up_at` bounds the whole of it.
    fn start(&mut self, now: Now, op: &Op, give_up_at: Instant) -> Step;
    /// The answer to the request of the last [`Step::Send`], handled before its give-up moment.
    fn receive(&mut self, now: Now, response: &http::Response<Vec<u8>>) -> Step;
    /// There is no answer to the request of the last [`Step::Send`], or it came too late.
    fn failed(&mut self, now: Now, sent: Sent) -> Step;
    /// Time has passed.
    fn wake(&mut self, now: Now) -> Step;
    /// The operation is given up. What was sent may still take effect.
    fn abandon(&mut self, now: Now);
    /// An answer to a request that was given up: only a throttling in it counts. Returns the wait it asks for.
    fn overheard(&mut self, now: Now, response: &http::Response<Vec<u8>>) -> Option<Duration>;
    /// Warnings since the last call.
    fn take_warnings(&mut self) -> Vec<Warning>;
    /// Who writes here.
    fn identity(&self) -> &Identity;
    /// What and where the lock is, for logs.
    fn describe(&self) -> String;
    /// What the store can bear.
    fn limits(&self) -> Limits;
}
