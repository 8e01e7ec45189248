//! The smallest other lock: a record in this process, with a real compare-and-swap. It answers at once and keeps
//! what it acknowledged, so `solid == sent`. For tests, and to show what a lock owes an election.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Response;

use crate::lock::{Failure, Identity, Intent, Limits, Lock, Op, Reply, Sent, Standing, Step, Term, Version, Written};
use crate::record::{Mark, Record, Token, timestamp};
use crate::time::{Instant, Now};
use crate::warning::Warning;

/// A place for one record, shared by the candidates of one process.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    /// Writes so far: the version.
    writes: u64,
    record: Option<Arc<Record>>,
    newest_token: Token,
}

impl Store {
    /// Puts a record there, as another program would.
    pub fn put(&self, record: Record) {
        self.content().write(record);
    }

    /// What stands there.
    #[must_use]
    pub fn record(&self) -> Option<Arc<Record>> {
        self.content().record.clone()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // No call leaves the content half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn version(&self) -> Version {
        Version::from(self.writes.to_string().as_str())
    }

    fn write(&mut self, record: Record) {
        self.writes += 1;
        self.newest_token = self.newest_token.max(record.token);
        self.record = Some(Arc::new(record));
    }
}

/// The lock in a [`Store`], for one candidate.
#[derive(Debug)]
pub struct Memory {
    store: Store,
    me: Identity,
    told: Option<Version>,
    /// The last own write: a read that shows it acknowledges it.
    written: Option<(Version, Instant)>,
}

impl Memory {
    /// A lock in `store` for `me`.
    #[must_use]
    pub const fn new(store: Store, me: Identity) -> Self {
        Self { store, me, told: None, written: None }
    }

    fn read(&mut self) -> Reply {
        let content = self.store.content();
        let version = content.version();
        if self.told.as_ref() == Some(&version) {
            return Reply::Unchanged;
        }
        let held = content.record.as_ref().filter(|record| record.is_held());
        let standing = Standing {
            head: version.clone(),
            state: version.clone(),
            stands_for: held.map_or(Duration::ZERO, |record| record.lease),
            record: content.record.clone(),
            newest_token: content.newest_token,
            acknowledges: self
                .written
                .as_ref()
                .filter(|(own, _)| *own == version)
                .map(|(own, sent)| written(own.clone(), *sent)),
            bar: None,
        };
        drop(content);
        self.told = Some(version);
        Reply::Standing(standing)
    }

    fn write(&mut self, now: Now, term: Term, replaces: &Version) -> Reply {
        let mut content = self.store.content();
        self.told = None;
        if content.version() != *replaces {
            return Reply::Failed(Failure::Conflict);
        }
        let before = content.record.clone();
        let released = term.intent == Intent::Release;
        let kept = before.as_deref().filter(|_| term.intent != Intent::Claim);
        content.write(Record {
            holder: if released { String::new() } else { self.me.name().to_owned() },
            lease: Duration::from_secs(if released { 1 } else { term.lease_seconds }),
            acquired: kept.map_or_else(|| timestamp(now.wall), |record| record.acquired),
            renewed: timestamp(now.wall),
            token: term.token,
            strategy: before.as_deref().map(|record| record.strategy.clone()).unwrap_or_default(),
            preferred_holder: before.as_deref().map(|record| record.preferred_holder.clone()).unwrap_or_default(),
            mark: Some(Mark {
                instance: self.me.instance().to_owned(),
                base: None,
                nonce: None,
                write: None,
                released_by: None,
            }),
            unknown: before.as_deref().map(|record| record.unknown.clone()).unwrap_or_default(),
        });
        let version = content.version();
        drop(content);
        self.written = Some((version.clone(), now.at));
        Reply::Written(written(version, now.at))
    }
}

const fn written(head: Version, sent: Instant) -> Written {
    Written { head, sent, solid: sent, overlaid: false }
}

impl Lock for Memory {
    fn start(&mut self, now: Now, op: &Op, _give_up_at: Instant) -> Step {
        Step::Done(match op {
            Op::Read => self.read(),
            Op::Write { term, replaces } => self.write(now, *term, replaces),
        })
    }

    fn receive(&mut self, _now: Now, _response: &Response<Vec<u8>>) -> Step {
        Step::Done(Reply::Failed(Failure::Unknown))
    }

    fn failed(&mut self, _now: Now, _sent: Sent) -> Step {
        Step::Done(Reply::Failed(Failure::Unknown))
    }

    fn wake(&mut self, _now: Now) -> Step {
        Step::Done(Reply::Failed(Failure::Unknown))
    }

    fn abandon(&mut self, _now: Now) {}

    fn overheard(&mut self, _now: Now, _response: &Response<Vec<u8>>) -> Option<Duration> {
        None
    }

    fn take_warnings(&mut self) -> Vec<Warning> {
        Vec::new()
    }

    fn identity(&self) -> &Identity {
        &self.me
    }

    fn describe(&self) -> String {
        format!("in-memory lock: {}", self.me.name())
    }

    fn limits(&self) -> Limits {
        Limits { write_interval: Duration::ZERO, requests_an_hour: None, writes_an_hour: None }
    }
}
