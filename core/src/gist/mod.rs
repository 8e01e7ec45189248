//! The lock in a GitHub Gist.
//!
//! | room | rule |
//! |---|---|
//! | `settings` | what the lock is told |
//! | `wire` | requests and answers of the REST API |
//! | `throttle` | waiting as told |
//! | `ledger` | what is known of revisions |
//! | `snapshot` | valid and void; free, held, unclear |
//! | `repository` | what a push needs beside the lock: where it goes, which files it carries over |
//! | `read` | reading without being fooled |
//! | `patch` | one write in patch mode, and where it landed |
//! | `push` | one write in push mode, over `refs`, `pkt` and `pack`: git's protocol and objects |
//! | `term` | claim, settle, confirm |
//! | `own` | the writes of our term, and `solid` |
//! | `history` | who led, term by term, for a few revisions read |
//! | `rest` | requests that are not the election's: to make and delete a gist, and to look back |
//! | `desk` | what all of them share |
//! | `probe` | trying out what a store promises, apart from the election |

mod desk;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
pub mod history;
mod ledger;
mod own;
mod pack;
mod patch;
mod pkt;
pub mod probe;
mod push;
mod read;
mod refs;
mod repository;
mod rest;
mod settings;
mod snapshot;
mod term;
mod throttle;
mod wire;

use std::time::Duration;

use http::Response;

use self::desk::{Desk, Kept};
use self::own::OwnTerm;
use self::read::{ReadStep, Reading, Seen};
pub use self::repository::accepts_push;
pub use self::rest::Rest;
pub use self::settings::{Address, DEFAULT_API, DEFAULT_FILE, Settings, SettingsError, harmless, is_token};
use self::term::{WriteStep, Writing};
use self::wire::{NoAnswer, Outgoing};
use crate::lock::{Failure, Identity, Limits, Lock, Op, Reply, Sent, Step, Version};
use crate::record::Token;
use crate::time::{Instant, Now};
use crate::warning::Warning;

/// GitHub's REST guidelines: at least a second between two writes.
pub const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// GitHub's primary limit for a user, all tokens together.
const REQUESTS_AN_HOUR: u32 = 5_000;
/// GitHub's secondary limit on content-generating requests.
const WRITES_AN_HOUR: u32 = 500;

/// The lock in a gist, for one candidate.
#[derive(Clone, Debug)]
pub struct Gist {
    desk: Desk,
    busy: Busy,
    give_up_at: Instant,
    /// Redirects followed in a row.
    redirects: u8,
    /// What the last request asked for, if it was a read.
    asked: Option<http::Uri>,
}

/// More redirects than this are a circle.
const MOST_REDIRECTS: u8 = 3;

#[derive(Clone, Debug)]
enum Busy {
    Idle,
    Reading(Reading),
    Writing(Box<Writing>),
}

impl Gist {
    /// A lock for `me`. `seed` makes the nonces of its writes: draw it afresh at every process start.
    ///
    /// # Errors
    /// Every setting that cannot be used; never an empty list.
    pub fn new(settings: Settings, me: Identity, seed: u64) -> Result<Self, Vec<SettingsError>> {
        settings.check()?;
        Ok(Self {
            desk: Desk::new(settings, me, seed),
            busy: Busy::Idle,
            give_up_at: Instant::ZERO,
            redirects: 0,
            asked: None,
        })
    }

    /// Replaces the token, as when it was rotated. One that cannot stand in a header counts as none.
    pub fn set_token(&mut self, token: Option<&str>) {
        self.desk.wire.set_token(token);
    }

    /// Begins a reset: writes, on the revision `replaces` that was read, a released record that is nobody's and keeps the
    /// token. Whoever asks has stopped all candidates and waited for as long as what stands asks to be respected.
    ///
    /// It is driven like an operation of [`Lock`]; [`Reply::Written`] ends it well.
    pub fn start_reset(&mut self, now: Now, token: Token, replaces: Version, give_up_at: Instant) -> Step {
        self.give_up_at = give_up_at;
        let (writing, step) = Writing::begin_reset(now, &mut self.desk, token, replaces);
        self.written(now, Box::new(writing), step)
    }

    /// How many revisions the last snapshot showed, and whether those are all.
    #[must_use]
    pub fn revisions(&self) -> Option<(usize, bool)> {
        self.desk.kept.as_ref().map(|kept| (kept.snapshot.chain.list.len(), kept.snapshot.chain.complete))
    }

    fn send(&mut self, now: Now, request: Outgoing) -> Step {
        // A late answer to an earlier request may have said so meanwhile (R10).
        if let Some(wait) = self.desk.throttle.remaining(now.at) {
            self.busy = Busy::Idle;
            return Step::Done(Reply::Failed(Failure::Throttled { wait }));
        }
        self.asked = (request.method() == http::Method::GET).then(|| request.uri().clone());
        let timeout = self.desk.settings().request_timeout;
        Step::Send { request, give_up_at: (now.at + timeout).min(self.give_up_at) }
    }

    fn written(&mut self, now: Now, writing: Box<Writing>, step: WriteStep) -> Step {
        match step {
            WriteStep::Send(request) => {
                self.busy = Busy::Writing(writing);
                self.send(now, request)
            }
            WriteStep::Wait(until) => {
                self.busy = Busy::Writing(writing);
                Step::WaitUntil(until)
            }
            WriteStep::Done(reply) => Step::Done(reply),
        }
    }

    fn read(&mut self, now: Now, reading: Reading, step: ReadStep) -> Step {
        let reply = match step {
            ReadStep::Send(request) => {
                self.busy = Busy::Reading(reading);
                return self.send(now, request);
            }
            ReadStep::Done(Ok(seen)) => {
                self.desk.answered();
                self.seen(now.at, seen)
            }
            ReadStep::Done(Err(none)) => {
                let failure = self.desk.no_answer(none);
                if failure == Failure::Superseded {
                    self.desk.own = None;
                }
                Reply::Failed(failure)
            }
        };
        Step::Done(reply)
    }

    fn seen(&mut self, now: Instant, seen: Seen) -> Reply {
        let (snapshot, etag) = match seen {
            Seen::Unchanged => match self.desk.kept.take() {
                Some(kept) if kept.told => {
                    self.desk.kept = Some(kept);
                    return Reply::Unchanged;
                }
                Some(kept) => (kept.snapshot, kept.etag),
                None => return Reply::Failed(Failure::Unknown),
            },
            Seen::Resolved(snapshot, etag) => (snapshot, etag),
        };
        self.desk.stand_on(&snapshot);
        let standing = self.desk.standing(now, &snapshot);
        self.desk.kept = Some(Kept { etag, snapshot, told: true });
        Reply::Standing(standing)
    }
}

impl Lock for Gist {
    fn start(&mut self, now: Now, op: &Op, give_up_at: Instant) -> Step {
        self.give_up_at = give_up_at;
        if let Some(wait) = self.desk.throttle.remaining(now.at) {
            return Step::Done(Reply::Failed(Failure::Throttled { wait }));
        }
        match op {
            Op::Read => {
                let etag = self.desk.kept.as_ref().and_then(|kept| kept.etag.clone());
                let defending = self.desk.own.as_ref().is_some_and(OwnTerm::has_begun);
                let (reading, request) = Reading::begin(&self.desk, etag.as_ref(), defending);
                self.read(now, reading, ReadStep::Send(request))
            }
            Op::Write { term, replaces } => {
                let (writing, step) = Writing::begin(now, &mut self.desk, *term, replaces.clone());
                self.written(now, Box::new(writing), step)
            }
        }
    }

    fn receive(&mut self, now: Now, response: &Response<Vec<u8>>) -> Step {
        let redirected = self.asked.as_ref().and_then(|asked| self.desk.wire.redirected(asked, response));
        if let Some(request) = redirected.filter(|_| self.redirects < MOST_REDIRECTS) {
            self.redirects += 1;
            return self.send(now, request);
        }
        self.redirects = 0;
        let throttled = self.desk.throttle.observe(now.at, self.asked.is_some(), response);
        match (std::mem::replace(&mut self.busy, Busy::Idle), throttled) {
            (Busy::Idle, _) => Step::Done(Reply::Failed(Failure::Unknown)),
            (Busy::Reading(_), Some(wait)) => Step::Done(Reply::Failed(Failure::Throttled { wait })),
            (Busy::Reading(mut reading), None) => {
                let step = reading.answer(now.at, &mut self.desk, response);
                self.read(now, reading, step)
            }
            (Busy::Writing(mut writing), Some(wait)) => {
                let step = writing.throttled(&mut self.desk, wait);
                self.written(now, writing, step)
            }
            (Busy::Writing(mut writing), None) => {
                let step = writing.receive(now, &mut self.desk, response);
                self.written(now, writing, step)
            }
        }
    }

    fn failed(&mut self, now: Now, sent: Sent) -> Step {
        let what = match sent {
            Sent::No => "the store cannot be reached",
            Sent::Unknown => "the store did not answer in time, or the connection broke",
        };
        self.desk.no_answer(NoAnswer { failure: Failure::Unknown, what: Some(what.to_owned()) });
        match std::mem::replace(&mut self.busy, Busy::Idle) {
            Busy::Writing(mut writing) => {
                let step = writing.failed(now, &mut self.desk, sent);
                self.written(now, writing, step)
            }
            Busy::Reading(_) if sent == Sent::No => Step::Done(Reply::Failed(Failure::Unsent)),
            Busy::Reading(_) | Busy::Idle => Step::Done(Reply::Failed(Failure::Unknown)),
        }
    }

    fn wake(&mut self, now: Now) -> Step {
        match std::mem::replace(&mut self.busy, Busy::Idle) {
            Busy::Writing(mut writing) => {
                let step = writing.wake(now, &mut self.desk);
                self.written(now, writing, step)
            }
            Busy::Reading(_) | Busy::Idle => Step::Done(Reply::Failed(Failure::Unknown)),
        }
    }

    fn abandon(&mut self, _now: Now) {
        if let Busy::Writing(writing) = std::mem::replace(&mut self.busy, Busy::Idle) {
            writing.abandon(&mut self.desk);
        }
    }

    fn overheard(&mut self, now: Now, response: &Response<Vec<u8>>) -> Option<Duration> {
        self.desk.throttle.overhear(now.at, response)
    }

    fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.desk.warnings)
    }

    fn identity(&self) -> &Identity {
        &self.desk.me
    }

    fn describe(&self) -> String {
        format!("Github gist lock: {}", self.desk.me.name())
    }

    fn limits(&self) -> Limits {
        Limits {
            write_interval: WRITE_INTERVAL,
            requests_an_hour: Some(REQUESTS_AN_HOUR),
            writes_an_hour: Some(WRITES_AN_HOUR),
        }
    }
}
