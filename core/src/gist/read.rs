//! Reading without being fooled: one read, from the first request to a resolved snapshot.
//!
//! Every failure has an effect: a list whose head is not the content that was read, or that names a revision which is
//! gone, is dropped whole; a head that was already replaced is a stale read; an `ETag` is kept only with the snapshot
//! that it belongs to.

use std::sync::Arc;

use http::header::HeaderValue;
use http::{Response, StatusCode};

use super::desk::Desk;
use super::repository::Repository;
use super::snapshot::{Chain, Need, Snapshot};
use super::wire::{ListLength, NoAnswer, Outgoing, Wire};
use crate::lock::{Failure, Version};
use crate::record::{Record, Text, WriteMode};
use crate::time::Instant;

/// A read on its way.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    stage: Stage,
    conditional: bool,
    etag: Option<HeaderValue>,
    head_text: Option<Arc<Text>>,
    /// That of the list's head, in push mode.
    repository: Option<Arc<Repository>>,
    chain: Option<Chain>,
    /// The list was read at another moment than the content: its head must have that content.
    unproven_head: bool,
    /// Our own term is at stake: another holder is reported at first sight (R3).
    defending: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Gist,
    List(ListLength),
    Text(Version),
}

/// What to do after an answer.
#[derive(Debug)]
pub(super) enum ReadStep {
    Send(Outgoing),
    Done(Result<Seen, NoAnswer>),
}

/// What a read found.
#[derive(Debug)]
pub(super) enum Seen {
    /// 304: what the kept snapshot says.
    Unchanged,
    Resolved(Box<Snapshot>, Option<HeaderValue>),
}

impl Reading {
    /// Begins a read; `etag` makes it conditional.
    pub(super) fn begin(desk: &Desk, etag: Option<&HeaderValue>, defending: bool) -> (Self, Outgoing) {
        let reading = Self {
            stage: Stage::Gist,
            conditional: etag.is_some(),
            etag: None,
            head_text: None,
            repository: None,
            chain: None,
            unproven_head: false,
            defending,
        };
        (reading, desk.wire.get(etag))
    }

    /// Takes the answer to the last request.
    pub(super) fn answer(&mut self, now: Instant, desk: &mut Desk, response: &Response<Vec<u8>>) -> ReadStep {
        match self.take(now, desk, response) {
            Ok(Some(seen)) => ReadStep::Done(Ok(seen)),
            Ok(None) => ReadStep::Send(self.request(desk)),
            Err(none) => ReadStep::Done(Err(none)),
        }
    }

    fn request(&self, desk: &Desk) -> Outgoing {
        match &self.stage {
            Stage::Gist => desk.wire.get(None),
            Stage::List(length) => desk.wire.list(*length),
            Stage::Text(version) => desk.wire.get_revision(version),
        }
    }

    fn take(&mut self, now: Instant, desk: &mut Desk, response: &Response<Vec<u8>>) -> Result<Option<Seen>, NoAnswer> {
        match self.stage.clone() {
            Stage::Gist if response.status() == StatusCode::NOT_MODIFIED && self.conditional => {
                return Ok(Some(Seen::Unchanged));
            }
            Stage::Gist => {
                let answer = desk.wire.gist(response)?;
                self.etag = answer.etag;
                self.head_text = Some(Arc::clone(&answer.text));
                let Some(list) = answer.history else {
                    if self.defending && !desk.ledger.is_old_text(&answer.text) && held_by_other(&answer.text, desk) {
                        return Err(superseded());
                    }
                    self.unproven_head = true;
                    self.stage = Stage::List(ListLength::Short);
                    return Ok(None);
                };
                desk.see_list(now, &list)?;
                desk.ledger.note_text(&list[0], answer.text);
                self.repository = answer.repository;
                self.chain = Some(Chain { list, complete: false, longest: false });
            }
            Stage::List(length) => {
                let list = Wire::listed(response)?;
                desk.see_list(now, &list)?;
                if self.chain.as_ref().is_some_and(|chain| *chain.head() != list[0]) {
                    return Err(moved_on());
                }
                let complete = list.len() < length.get();
                self.chain = Some(Chain { list, complete, longest: complete || length == ListLength::Long });
            }
            Stage::Text(version) => {
                if response.status() == StatusCode::NOT_FOUND {
                    return Err(moved_on());
                }
                let answer = desk.wire.gist(response)?;
                desk.ledger.note_text(&version, answer.text);
                if self.chain.as_ref().is_some_and(|chain| *chain.head() == version) {
                    self.repository = answer.repository;
                }
            }
        }
        self.resolve(desk)
    }

    fn resolve(&mut self, desk: &Desk) -> Result<Option<Seen>, NoAnswer> {
        let Some(chain) = &self.chain else { return Err(moved_on()) };
        if self.unproven_head {
            let is_pushed = desk.settings().write == WriteMode::Push;
            match desk.ledger.text(chain.head()) {
                // The files have to be those of this head as well, not only the lock's text.
                text if text.is_none() || (is_pushed && self.repository.is_none()) => {
                    self.stage = Stage::Text(chain.head().clone());
                    return Ok(None);
                }
                text if text == self.head_text.as_ref() => self.unproven_head = false,
                _ => return Err(moved_on()),
            }
        }
        match Snapshot::resolve(chain, &desk.ledger, desk.settings().lease, desk.settings().write) {
            Ok(snapshot) => {
                let snapshot = Snapshot { repository: self.repository.take(), ..snapshot };
                Ok(Some(Seen::Resolved(Box::new(snapshot), self.etag.take())))
            }
            Err(need) => {
                let first_sight = self.defending
                    && self
                        .head_text
                        .as_ref()
                        .is_some_and(|text| held_by_other(text, desk) && chain.is_valid(0, text).unwrap_or(true));
                if first_sight {
                    return Err(superseded());
                }
                self.stage = match need {
                    Need::Text(version) => Stage::Text(version),
                    Need::LongList => Stage::List(ListLength::Long),
                };
                Ok(None)
            }
        }
    }
}

/// Whether a text names another holder.
pub(super) fn held_by_other(text: &Text, desk: &Desk) -> bool {
    text.record().is_some_and(|record: &Record| record.is_held() && !record.is_own(desk.me.instance()))
}

/// R3, before the rest of the history is known.
pub(super) const fn superseded() -> NoAnswer {
    NoAnswer { failure: Failure::Superseded, what: None }
}

fn moved_on() -> NoAnswer {
    NoAnswer { failure: Failure::Unknown, what: Some("the history changed while it was read".to_owned()) }
}
