//! What a list of revisions means: valid and void, free, held and unclear (R9).
//!
//! *Valid*: a revision whose `base` is its actual parent, or that has no `base`, or that is the oldest one visible
//! (never the head, unless the list is known to be complete). Anything else is *void*: a lost race, or an old text put
//! back by a person. The state is the newest valid revision. Nobody repairs.

use std::sync::Arc;
use std::time::Duration;

use super::ledger::Ledger;
use super::repository::Repository;
use crate::lock::{Bar, Version};
use crate::record::{Record, Text, WriteMode};

/// How many revisions below an unclear one are looked at.
pub(super) const LOOK_BACK: usize = 30;

/// Revisions, newest first, never empty.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) list: Vec<Version>,
    /// Nothing lies below the last one.
    pub(super) complete: bool,
    /// A longer list is not to be had.
    pub(super) longest: bool,
}

/// What stands in the gist.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) chain: Chain,
    pub(super) state: Version,
    pub(super) record: Option<Arc<Record>>,
    pub(super) stands_for: Duration,
    pub(super) bar: Option<Bar>,
    /// How many of the newest revisions were looked at where no record is in sight.
    pub(super) looked_at: usize,
    /// Why the state's text is no record.
    pub(super) unclear: Option<String>,
    /// What a push on the head needs; none in patch mode.
    pub(super) repository: Option<Arc<Repository>>,
}

/// What a snapshot still needs.
#[derive(Debug)]
pub(super) enum Need {
    Text(Version),
    LongList,
}

impl Chain {
    pub(super) fn head(&self) -> &Version {
        &self.list[0]
    }

    /// Whether the revision at `index` with this text is valid.
    pub(super) fn is_valid(&self, index: usize, text: &Text) -> Result<bool, Need> {
        let Some(base) = text.record().and_then(Record::base) else { return Ok(true) };
        match self.list.get(index + 1) {
            Some(parent) => Ok(parent.as_str() == base),
            None if self.complete => Ok(true),
            // The oldest one visible counts as valid, but only where no longer list could tell.
            None if self.longest => Ok(index > 0),
            None => Err(Need::LongList),
        }
    }

    /// Where the write with this nonce lies as valid, among the revisions whose text is known.
    pub(super) fn find_valid(&self, nonce: &str, ledger: &Ledger) -> Option<usize> {
        self.list.iter().enumerate().position(|(index, version)| {
            ledger.text(version).is_some_and(|text| {
                text.record().and_then(Record::nonce) == Some(nonce) && self.is_valid(index, text).unwrap_or(false)
            })
        })
    }
}

impl Snapshot {
    /// Resolves a chain to its end, or says what is missing. `lease` is ours.
    pub(super) fn resolve(chain: &Chain, ledger: &Ledger, lease: Duration, mode: WriteMode) -> Result<Self, Need> {
        let index = state(chain, ledger)?;
        let Some(index) = index else {
            // Every visible revision is void, and older ones exist: nothing is known, so nothing is free.
            return Ok(Self {
                chain: chain.clone(),
                state: chain.head().clone(),
                record: None,
                stands_for: lease,
                bar: Some(Bar::NoRecordInSight),
                looked_at: chain.list.len(),
                unclear: Some("every visible revision is void".to_owned()),
                repository: None,
            });
        };
        let text = text(chain, index, ledger)?;
        let mut snapshot = Self {
            chain: chain.clone(),
            state: chain.list[index].clone(),
            record: text.record().cloned().map(Arc::new),
            stands_for: Duration::ZERO,
            bar: None,
            looked_at: 0,
            unclear: None,
            repository: None,
        };
        let own_claim = match &**text {
            Text::Record(record) if record.is_ours() => {
                if record.is_held() {
                    snapshot.stands_for = record.lease;
                }
                if record.write_mode().is_some_and(|write| write != mode) {
                    snapshot.bar = Some(Bar::OtherMode);
                }
                return Ok(snapshot);
            }
            Text::Record(record) if record.is_held() => record.lease,
            Text::Record(_) | Text::Nothing => Duration::ZERO,
            Text::Unclear(why) => {
                snapshot.unclear = Some(why.0.clone());
                lease
            }
        };
        let below = look_below(chain, index, ledger)?;
        snapshot.stands_for = own_claim.max(below.displaced);
        if text.record().is_none() && below.token_unknown {
            snapshot.bar = Some(Bar::NoRecordInSight);
            snapshot.looked_at = chain.list.len().min(index + 1 + LOOK_BACK);
        }
        Ok(snapshot)
    }

    /// Whether somebody else than `instance` holds the lock by it.
    pub(super) fn is_held_by_other(&self, instance: &str) -> bool {
        self.record.as_ref().is_some_and(|record| record.is_held() && !record.is_own(instance))
    }
}

/// The index of the newest valid revision; `None` if none is visible.
fn state(chain: &Chain, ledger: &Ledger) -> Result<Option<usize>, Need> {
    for index in 0..chain.list.len() {
        if chain.is_valid(index, text(chain, index, ledger)?)? {
            return Ok(Some(index));
        }
    }
    if chain.complete || chain.longest { Ok(None) } else { Err(Need::LongList) }
}

struct Below {
    /// For how long an unreleased record of ours down there must be respected.
    displaced: Duration,
    /// No record was found, and the list may go on.
    token_unknown: bool,
}

/// What lies below an unclear, free or foreign revision: down to the newest valid record of ours.
fn look_below(chain: &Chain, above: usize, ledger: &Ledger) -> Result<Below, Need> {
    let mut found = false;
    let range = above + 1..(above + 1 + LOOK_BACK);
    for index in range {
        if index >= chain.list.len() {
            if chain.complete {
                return Ok(Below { displaced: Duration::ZERO, token_unknown: false });
            }
            if !chain.longest {
                return Err(Need::LongList);
            }
            break;
        }
        let text = text(chain, index, ledger)?;
        let Some(record) = text.record() else { continue };
        if !chain.is_valid(index, text)? {
            continue;
        }
        found = true;
        if record.is_ours() {
            let displaced = if record.is_held() { record.lease } else { Duration::ZERO };
            return Ok(Below { displaced, token_unknown: false });
        }
    }
    Ok(Below { displaced: Duration::ZERO, token_unknown: !found })
}

fn text<'a>(chain: &Chain, index: usize, ledger: &'a Ledger) -> Result<&'a Arc<Text>, Need> {
    let version = &chain.list[index];
    ledger.text(version).ok_or_else(|| Need::Text(version.clone()))
}
