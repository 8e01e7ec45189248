//! One write in patch mode. PATCH is last-writer-wins, so exclusion is made of the revision list: a write counts only
//! where it lies directly on the revision that it names as its base, and the base has one child only.
//!
//! 200 is an acknowledgement only if the list in it shows that; 200 without it is at most a read. No answer, 409 and
//! 5xx: unknown. A throttled or refused write was not applied.

use std::sync::Arc;

use http::{Response, StatusCode};

use super::desk::Desk;
use super::read::{held_by_other, superseded};
use super::snapshot::Chain;
use super::wire::{ListLength, NoAnswer, Outgoing, Wire};
use crate::lock::{Failure, Version};
use crate::record::{Record, Text};
use crate::time::Instant;

/// A PATCH on its way, and the look at where it landed.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    nonce: String,
    record: Record,
    base: Version,
    stage: Stage,
    head_text: Option<Arc<Text>>,
    chain: Option<Chain>,
}

#[derive(Clone, Debug)]
enum Stage {
    Patch,
    List,
    Text(Version),
}

/// What to do after an answer.
#[derive(Debug)]
pub(super) enum PatchStep {
    Send(Outgoing),
    Done(Result<Landed, NoAnswer>),
}

/// Where a write that was answered landed.
#[derive(Debug)]
pub(super) enum Landed {
    /// Valid, at this place of the list.
    Valid(Chain, usize),
    /// Something else lies on the base: the write has lost, for ever.
    Void,
}

impl Patch {
    /// The PATCH of a record with this nonce and base.
    pub(super) fn begin(desk: &Desk, record: Record, nonce: String, base: Version) -> (Self, Outgoing) {
        let request = desk.wire.patch(&record.to_text());
        (Self { nonce, record, base, stage: Stage::Patch, head_text: None, chain: None }, request)
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Whether the PATCH itself is on its way, and not the look at it.
    pub(super) const fn is_writing(&self) -> bool {
        matches!(self.stage, Stage::Patch)
    }

    /// Takes the answer to the last request.
    pub(super) fn answer(&mut self, now: Instant, desk: &mut Desk, response: &Response<Vec<u8>>) -> PatchStep {
        match self.take(now, desk, response).and_then(|()| self.judge(desk)) {
            Ok(Some(landed)) => PatchStep::Done(Ok(landed)),
            Ok(None) => PatchStep::Send(match &self.stage {
                Stage::Text(version) => desk.wire.get_revision(version),
                Stage::List | Stage::Patch => desk.wire.list(ListLength::Short),
            }),
            Err(none) => PatchStep::Done(Err(none)),
        }
    }

    fn take(&mut self, now: Instant, desk: &mut Desk, response: &Response<Vec<u8>>) -> Result<(), NoAnswer> {
        match self.stage.clone() {
            Stage::Patch => {
                let answer = desk.wire.gist(response)?;
                match answer.history {
                    Some(list) => {
                        desk.see_list(now, &list)?;
                        desk.ledger.note_text(&list[0], Arc::clone(&answer.text));
                        self.chain = Some(Chain { list, complete: false, longest: false });
                    }
                    None => self.stage = Stage::List,
                }
                self.head_text = Some(answer.text);
            }
            Stage::List => {
                let list = Wire::listed(response)?;
                desk.see_list(now, &list)?;
                let complete = list.len() < ListLength::Short.get();
                self.chain = Some(Chain { list, complete, longest: complete });
            }
            Stage::Text(_) if response.status() == StatusCode::NOT_FOUND => return Err(not_shown()),
            Stage::Text(version) => {
                let answer = desk.wire.gist(response)?;
                desk.ledger.note_text(&version, answer.text);
            }
        }
        Ok(())
    }

    /// A nonce tells; a record that is nobody's has none, and has to be the same.
    fn is_sent(&self, text: &Text) -> bool {
        text.record().is_some_and(|record| {
            if self.record.is_ours() { record.nonce() == Some(&self.nonce) } else { *record == self.record }
        })
    }

    fn judge(&mut self, desk: &Desk) -> Result<Option<Landed>, NoAnswer> {
        // A text that was replaced is a stale one: no holder to give way to.
        let other = self.head_text.as_ref().filter(|text| held_by_other(text, desk) && !desk.ledger.is_old_text(text));
        let Some(chain) = &self.chain else {
            // The list comes separately; another holder's text is enough to know (R3).
            return if other.is_some() { Err(superseded()) } else { Ok(None) };
        };
        let holds = |index, text: &Text| chain.is_valid(index, text).unwrap_or(true);
        if other.is_some_and(|text| holds(0, text)) {
            return Err(superseded());
        }
        let Some(index) = chain.list.iter().position(|version| *version == self.base) else { return Err(not_shown()) };
        let Some(child) = index.checked_sub(1) else { return Err(not_shown()) };
        match desk.ledger.text(&chain.list[child]) {
            None => {
                self.stage = Stage::Text(chain.list[child].clone());
                Ok(None)
            }
            Some(text) if self.is_sent(text) => Ok(Some(Landed::Valid(chain.clone(), child))),
            Some(text) if held_by_other(text, desk) && holds(child, text) => Err(superseded()),
            Some(_) => Ok(Some(Landed::Void)),
        }
    }
}

/// The answer does not show the write: at most a read.
fn not_shown() -> NoAnswer {
    NoAnswer { failure: Failure::Unknown, what: Some("a write was answered, but not shown".to_owned()) }
}
