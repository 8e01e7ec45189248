//! What every exchange of one gist shares: who writes, what is known, what is told to wait, what is ours.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use sha1::{Digest, Sha1};

use super::ledger::Ledger;
use super::own::OwnTerm;
use super::repository::Repository;
use super::settings::Settings;
use super::snapshot::{Chain, Snapshot};
use super::throttle::Throttle;
use super::wire::{NoAnswer, Wire};
use crate::lock::{Bar, Failure, Identity, Standing, Version};
use crate::record::Record;
use crate::time::Instant;
use crate::warning::Warning;

#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) wire: Wire,
    pub(super) me: Identity,
    pub(super) ledger: Ledger,
    pub(super) throttle: Throttle,
    pub(super) own: Option<OwnTerm>,
    /// The last resolved snapshot; none while another head was seen and not resolved, or own writes came after it.
    pub(super) kept: Option<Kept>,
    /// What the next push stands on; none in patch mode.
    pub(super) ground: Option<Ground>,
    /// Pushes that were not taken, in a row.
    pub(super) refused_pushes: u32,
    refused_push: Option<RefusedPush>,
    /// The server does not take a push that replaces a commit: every write appends.
    pub(super) appends: bool,
    pub(super) last_write: Option<Instant>,
    pub(super) immediate_renewal_used: bool,
    pub(super) warnings: Vec<Warning>,
    silent: Option<Warning>,
    stale: Option<(Version, Instant)>,
    seed: u64,
    counter: u64,
}

/// An `ETag` is kept only together with the snapshot that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) etag: Option<HeaderValue>,
    pub(super) snapshot: Box<Snapshot>,
    /// The election knows it: a 304 is `Unchanged`.
    pub(super) told: bool,
}

/// A head, with what a push on it needs.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) chain: Chain,
    pub(super) repository: Arc<Repository>,
}

/// The last push that was answered with `ng`.
#[derive(Clone, Debug)]
struct RefusedPush {
    old: Version,
    replaces: bool,
    words: String,
}

impl Desk {
    pub(super) fn new(settings: Settings, me: Identity, seed: u64) -> Self {
        Self {
            wire: Wire::new(settings),
            me,
            ledger: Ledger::default(),
            throttle: Throttle::default(),
            own: None,
            kept: None,
            ground: None,
            refused_pushes: 0,
            refused_push: None,
            appends: false,
            last_write: None,
            immediate_renewal_used: false,
            warnings: Vec::new(),
            silent: None,
            stale: None,
            seed,
            counter: 0,
        }
    }

    pub(super) const fn settings(&self) -> &Settings {
        self.wire.settings()
    }

    /// A name for one write: a hash of instance, seed and counter, since there is no entropy inside.
    pub(super) fn nonce(&mut self) -> String {
        self.counter += 1;
        let mut hash = Sha1::new();
        hash.update(self.me.instance());
        hash.update(self.seed.to_be_bytes());
        hash.update(self.counter.to_be_bytes());
        hash.finalize().iter().take(16).fold(String::new(), |nonce, byte| nonce + &format!("{byte:02x}"))
    }

    /// Notes a list at once, and refuses one whose head was already replaced: a stale read.
    ///
    /// One that persists for a whole lease is no replica that lags, but history that somebody rewrote.
    pub(super) fn see_list(&mut self, now: Instant, list: &[Version]) -> Result<(), NoAnswer> {
        let head = &list[0];
        if self.ledger.is_older(head) {
            let since = self.stale.as_ref().filter(|(stale, _)| stale == head).map_or(now, |(_, since)| *since);
            if now.since(since) < self.settings().lease {
                if self.stale.as_ref().is_none_or(|(stale, _)| stale != head) {
                    self.warnings.push(Warning::StaleRead { head: head.to_string() });
                }
                self.stale = Some((head.clone(), since));
                return Err(NoAnswer { failure: Failure::Unknown, what: None });
            }
            self.ledger.forget_order();
        }
        self.stale = None;
        if self.kept.as_ref().is_some_and(|kept| kept.snapshot.chain.head() != head) {
            self.kept = None;
        }
        self.ledger.note_list(list);
        Ok(())
    }

    /// What the election is told of a snapshot.
    pub(super) fn standing(&mut self, now: Instant, snapshot: &Snapshot) -> Standing {
        let Self { own, ledger, me, .. } = self;
        let settle = self.wire.settings().settle;
        let acknowledges = own.as_mut().and_then(|own| own.acknowledged_by(now, &snapshot.chain, ledger, settle));
        let standing = Standing {
            head: snapshot.chain.head().clone(),
            state: snapshot.state.clone(),
            record: snapshot.record.clone(),
            stands_for: snapshot.stands_for,
            newest_token: ledger.newest_token(),
            acknowledges,
            bar: snapshot.bar,
        };
        if snapshot.is_held_by_other(me.instance()) {
            *own = None;
        }
        self.comment(snapshot);
        standing
    }

    /// Says once what a person should know of what stands.
    fn comment(&mut self, snapshot: &Snapshot) {
        let before = self.kept.as_ref().filter(|kept| kept.told && kept.snapshot.state == snapshot.state);
        if before.is_some() {
            return;
        }
        if let Some(why) = &snapshot.unclear {
            self.warnings.push(Warning::UnclearText { why: why.clone() });
        }
        if let Some(record) = snapshot.record.as_deref().filter(|record| !record.is_ours() && record.is_held()) {
            let holder = record.holder.clone();
            let warning = if holder == self.me.name() {
                Warning::ForeignNamesUs { holder }
            } else {
                Warning::ForeignHolder { holder }
            };
            self.warn_once(warning);
        }
        let configured = self.settings().write;
        match snapshot.bar {
            Some(Bar::OtherMode) => {
                if let Some(found) = snapshot.record.as_deref().and_then(Record::write_mode) {
                    self.warn_once(Warning::OtherMode { found, configured });
                }
            }
            Some(Bar::NoRecordInSight) => {
                self.warn_once(Warning::NoRecordInSight { looked_back: snapshot.looked_at });
            }
            None => {}
        }
    }

    /// A snapshot is resolved: the next push stands on it. Tells a push that lost a race, whose old id is no longer the
    /// head, from one that the server does not take.
    pub(super) fn stand_on(&mut self, snapshot: &Snapshot) {
        let chain = &snapshot.chain;
        self.ground = snapshot
            .repository
            .as_ref()
            .map(|repository| Ground { chain: chain.clone(), repository: Arc::clone(repository) });
        let Some(RefusedPush { replaces, words, .. }) =
            self.refused_push.take().filter(|refused| refused.old == *chain.head())
        else {
            return;
        };
        if replaces && !self.appends {
            self.appends = true;
            self.warnings.push(Warning::ReplacingRefused { words });
        } else {
            self.warn_once(Warning::PushRefused { words });
        }
    }

    /// A push onto `old` was answered with `ng`: it proves nothing. Read at once; if that goes on, after a pause.
    pub(super) fn push_refused(&mut self, old: Version, replaces: bool, words: String) -> NoAnswer {
        self.refused_push = Some(RefusedPush { old, replaces, words });
        self.refused_pushes += 1;
        let failure = if self.refused_pushes > 1 { Failure::Unknown } else { Failure::Conflict };
        NoAnswer { failure, what: None }
    }

    /// There is no answer: said when it begins, not at each try.
    pub(super) fn no_answer(&mut self, none: NoAnswer) -> Failure {
        if let Some(what) = none.what {
            self.warn_once(Warning::NoAnswer { what });
        }
        none.failure
    }

    /// There is an answer again.
    pub(super) fn answered(&mut self) {
        if matches!(self.silent, Some(Warning::NoAnswer { .. })) {
            self.silent = None;
        }
    }

    fn warn_once(&mut self, warning: Warning) {
        if self.silent.as_ref() != Some(&warning) {
            self.silent = Some(warning.clone());
            self.warnings.push(warning);
        }
    }

    /// How long a write must still wait: at least a second from sending to sending.
    pub(super) fn write_pause(&self, now: Instant) -> Option<Duration> {
        let wait = (self.last_write? + super::WRITE_INTERVAL).since(now);
        (!wait.is_zero()).then_some(wait)
    }
}
