//! Our own term in the gist: its writes, which of them are acknowledged, and which can no longer vanish (`solid`).

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ledger::Ledger;
use super::snapshot::Chain;
use crate::lock::{Intent, Term, Version, Written};
use crate::record::{Mark, Record, Token, Unknown, WriteMode, timestamp};
use crate::time::{Instant, WallClock};

/// Writes of one term that are remembered: the claim, and the newest ones.
const WRITES: usize = 8;
/// A released record asks for nothing; client-go writes 1.
const RELEASED_LEASE: Duration = Duration::from_secs(1);

/// One term of ours, from the sending of its claim.
#[derive(Clone, Debug)]
pub(super) struct OwnTerm {
    token: Token,
    acquired: Option<DateTime<Utc>>,
    /// Where pushes go, as it was looked up for the claim.
    branch: Option<String>,
    /// What a foreign record carried, and survives.
    carried: Carried,
    writes: VecDeque<OwnWrite>,
    /// The sending of the newest write that was ever seen to be beyond vanishing.
    solid: Option<Instant>,
    /// The claim was confirmed: from here on a read that shows a write acknowledges it.
    begun: bool,
    /// Its records are nobody's: a person resets the lock.
    is_reset: bool,
}

#[derive(Clone, Debug, Default)]
struct Carried {
    strategy: String,
    preferred_holder: String,
    unknown: Unknown,
}

/// One write of the term.
#[derive(Clone, Debug)]
struct OwnWrite {
    nonce: String,
    sent: Instant,
    /// When its acknowledgement was handled.
    known: Option<Instant>,
    version: Option<Version>,
    /// The revision that it was meant to stand on or to replace: below it in its own ancestry.
    old: Version,
    /// The id of the commit that was pushed.
    pushed: Option<Version>,
}

impl OwnTerm {
    /// A term that begins now, over `replaced`.
    pub(super) fn new(token: Token, wall: WallClock, replaced: Option<&Record>) -> Self {
        let carried = replaced.map_or_else(Carried::default, |record| Carried {
            strategy: record.strategy.clone(),
            preferred_holder: record.preferred_holder.clone(),
            unknown: record.unknown.clone(),
        });
        let acquired = timestamp(wall);
        Self {
            token,
            acquired,
            branch: None,
            carried,
            writes: VecDeque::new(),
            solid: None,
            begun: false,
            is_reset: false,
        }
    }

    /// No term, but the end of all: one released record without an author, as the original program writes it, so that
    /// candidates of either mode may follow.
    pub(super) fn reset(token: Token, wall: WallClock) -> Self {
        Self { is_reset: true, ..Self::new(token, wall, None) }
    }

    pub(super) fn branch(&self) -> Option<&str> {
        self.branch.as_deref()
    }

    pub(super) fn set_branch(&mut self, branch: &str) {
        self.branch = Some(branch.to_owned());
    }

    pub(super) const fn token(&self) -> Token {
        self.token
    }

    pub(super) const fn begin(&mut self) {
        self.begun = true;
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// The record of a write on `base`.
    pub(super) fn record(
        &self,
        (name, instance): (&str, &str),
        term: Term,
        (base, nonce): (&Version, String),
        mode: WriteMode,
        wall: WallClock,
    ) -> Record {
        let released = term.intent == Intent::Release;
        Record {
            holder: if released { String::new() } else { name.to_owned() },
            lease: if released { RELEASED_LEASE } else { Duration::from_secs(term.lease_seconds) },
            acquired: self.acquired,
            renewed: timestamp(wall),
            token: term.token,
            strategy: self.carried.strategy.clone(),
            preferred_holder: self.carried.preferred_holder.clone(),
            mark: (!self.is_reset).then(|| Mark {
                instance: instance.to_owned(),
                base: Some(base.as_str().to_owned()),
                nonce: Some(nonce),
                write: Some(mode),
                released_by: released.then(|| name.to_owned()),
            }),
            unknown: self.carried.unknown.clone(),
        }
    }

    /// A write on `old` is sent now.
    pub(super) fn sent(&mut self, nonce: String, now: Instant, old: Version) {
        if self.writes.len() == WRITES {
            // The claim stays: it is the last resort of `solid`.
            self.writes.remove(1);
        }
        self.writes.push_back(OwnWrite { nonce, sent: now, known: None, version: None, old, pushed: None });
    }

    /// The last write is a push of this commit.
    pub(super) fn pushed(&mut self, commit: Version) {
        if let Some(write) = self.writes.back_mut() {
            write.pushed = Some(commit);
        }
    }

    /// Whether this very commit was pushed by us in this term: it is more than our text.
    pub(super) fn has_pushed(&self, version: &Version) -> bool {
        self.writes.iter().any(|write| write.pushed.as_ref() == Some(version))
    }

    /// A write surely had no effect, and never will.
    pub(super) fn unsent(&mut self, nonce: &str) {
        self.writes.retain(|write| write.nonce != nonce);
    }

    /// The write with this nonce lies valid at `index`: acknowledged.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        nonce: &str,
        (chain, index): (&Chain, usize),
        settle: Duration,
    ) -> Option<Written> {
        let write = self.writes.iter_mut().find(|write| write.nonce == nonce)?;
        let sent = write.sent;
        write.known.get_or_insert(now);
        write.version = Some(chain.list[index].clone());
        let proven = self.writes.iter().rev().find(|write| {
            write.sent < sent
                && write.known.is_some_and(|known| known + settle <= sent)
                && self.lies_below(&write.nonce, (chain, index))
        });
        let oldest = self.writes.front().map_or(sent, |write| write.sent);
        let solid = if settle.is_zero() {
            sent
        } else {
            let proven = proven.map(|write| write.sent).max(self.solid);
            self.solid = proven;
            proven.unwrap_or(oldest)
        };
        Some(Written { head: chain.head().clone(), sent, solid, overlaid: index > 0 })
    }

    /// A read may acknowledge a renewal, a confirmation or a release of unknown outcome; never a claim.
    pub(super) fn acknowledged_by(
        &mut self,
        now: Instant,
        chain: &Chain,
        ledger: &Ledger,
        settle: Duration,
    ) -> Option<Written> {
        if !self.begun {
            return None;
        }
        let found = self
            .writes
            .iter()
            .rev()
            .find_map(|write| chain.find_valid(&write.nonce, ledger).map(|index| (write.nonce.clone(), index)));
        let (nonce, index) = found?;
        self.acknowledge(now, &nonce, (chain, index), settle)
    }

    /// Whether the write `lower` lies in the ancestry of what is valid at `index`: below it in the list, or replaced by
    /// a push of ours that was replaced in turn by what lies there. That a push stands proves that its old id stood.
    pub(super) fn lies_below(&self, lower: &str, (chain, index): (&Chain, usize)) -> bool {
        let Some(version) = self.version_of(lower) else { return false };
        let push = |commit: &Version| self.writes.iter().find(|write| write.pushed.as_ref() == Some(commit));
        chain.list[index + 1..].contains(version)
            || std::iter::successors(push(&chain.list[index]), |write| push(&write.old))
                .take(self.writes.len())
                .any(|write| write.old == *version)
    }

    /// Where the write with this nonce was seen.
    pub(super) fn version_of(&self, nonce: &str) -> Option<&Version> {
        self.writes.iter().find(|write| write.nonce == nonce)?.version.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two lost updates in a row: too rare for random worlds.
    #[test]
    fn a_write_that_vanished_proves_nothing_though_it_was_known_for_long() {
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        let chain = |list: &[&str]| Chain {
            list: list.iter().copied().map(Version::from).collect(),
            complete: true,
            longest: true,
        };
        let mut own = OwnTerm::new(Token::NONE, WallClock(0), None);
        let settle = Duration::from_secs(1);
        let mut solid = |nonce: &str, sent: u64, list: &[&str]| {
            own.sent(nonce.to_owned(), at(sent), Version::from(list[1]));
            own.acknowledge(at(sent), nonce, (&chain(list), 0), settle).map(|written| written.solid)
        };
        assert_eq!(solid("claim", 0, &["c", "start"]), Some(at(0)));
        assert_eq!(solid("vanishes", 10, &["v", "c", "start"]), Some(at(0)));
        assert_eq!(solid("next", 20, &["n", "other", "c", "start"]), Some(at(0)));
        assert_eq!(solid("last", 30, &["l", "n", "other", "c", "start"]), Some(at(20)));
    }
}
