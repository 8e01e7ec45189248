//! Claim, settle, confirm: one write of the election, from its first request to its reply.
//!
//! The store may answer two concurrent writes with success and keep one, within `settle`. So a claim that was
//! acknowledged as valid is left to settle, the head is read, and a second, confirming record is written on top. Only
//! when that one is acknowledged as valid, and this very claim lies valid below it, has the term begun. Reading instead
//! of writing is not enough: a stale read still shows a claim that is gone. `settle = 0` switches this off.

use std::time::Duration;

use http::{Request, Response};

use super::desk::{Desk, Kept};
use super::own::OwnTerm;
use super::patch::{Landed, Patch, PatchStep};
use super::read::{ReadStep, Reading, Seen};
use super::snapshot::{Chain, Snapshot};
use super::wire::NoAnswer;
use crate::lock::{Failure, Intent, Reply, Sent, Term, Version};
use crate::time::{Instant, Now};

/// A void or unknown confirmation is repeated once.
const CONFIRMATIONS: usize = 2;
/// The pause before a read that failed is repeated.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// A write on its way.
#[derive(Debug)]
pub(super) struct Writing {
    term: Term,
    /// The nonce of the claim, once it was acknowledged.
    claim: Option<String>,
    /// The nonces of the confirmations sent.
    confirmations: Vec<String>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// At least a second between two writes.
    Pausing {
        until: Instant,
        base: Version,
    },
    Patching(Patch),
    Settling(Instant),
    Reading(Reading),
}

/// What to do next.
#[derive(Debug)]
pub(super) enum WriteStep {
    Send(Box<Request<Vec<u8>>>),
    Wait(Instant),
    Done(Reply),
}

impl Writing {
    /// Begins a write of `term` on `base`.
    pub(super) fn begin(now: Now, desk: &mut Desk, term: Term, base: Version) -> (Self, WriteStep) {
        let replaced = desk.kept.take().and_then(|kept| kept.snapshot.record);
        if term.intent == Intent::Claim || desk.own.as_ref().is_none_or(|own| own.token() != term.token) {
            desk.own = Some(OwnTerm::new(term.token, now.wall, replaced.as_deref()));
        }
        let pause = desk.write_pause(now.at);
        let exempt = match term.intent {
            Intent::Claim => false,
            Intent::Renew => pause.is_some() && !std::mem::replace(&mut desk.immediate_renewal_used, true),
            Intent::Release => true,
        };
        let pause = pause.filter(|_| !exempt);
        if term.intent == Intent::Renew && !exempt {
            desk.immediate_renewal_used = false;
        }
        let until = now.at + pause.unwrap_or_default();
        let mut writing = Self { term, claim: None, confirmations: Vec::new(), stage: Stage::Pausing { until, base } };
        let step = writing.wake(now, desk);
        (writing, step)
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Now, desk: &mut Desk) -> WriteStep {
        match &self.stage {
            Stage::Pausing { until, .. } | Stage::Settling(until) if now.at < *until => WriteStep::Wait(*until),
            Stage::Pausing { base, .. } => {
                let base = base.clone();
                self.write(now, desk, base)
            }
            Stage::Settling(_) => self.read(now.at, desk),
            Stage::Patching(_) | Stage::Reading(_) => WriteStep::Done(Reply::Failed(Failure::Unknown)),
        }
    }

    /// The answer to the last request.
    pub(super) fn receive(&mut self, now: Now, desk: &mut Desk, response: &Response<Vec<u8>>) -> WriteStep {
        match &mut self.stage {
            Stage::Patching(patch) => match patch.answer(now.at, desk, response) {
                PatchStep::Send(request) => WriteStep::Send(request),
                PatchStep::Done(Ok(landed)) => {
                    let nonce = patch.nonce().to_owned();
                    desk.answered();
                    desk.ledger.note_token(self.term.token);
                    self.landed(now, desk, &nonce, landed)
                }
                PatchStep::Done(Err(none)) => self.unanswered(now.at, desk, none),
            },
            Stage::Reading(reading) => match reading.answer(now.at, desk, response) {
                ReadStep::Send(request) => WriteStep::Send(request),
                ReadStep::Done(Ok(Seen::Resolved(snapshot, etag))) => {
                    desk.answered();
                    let step = self.look(now, desk, &snapshot);
                    if matches!(step, WriteStep::Done(Reply::Failed(_))) {
                        // The election will read next: it is known already, but not told.
                        desk.kept = Some(Kept { etag, snapshot, told: false });
                    }
                    step
                }
                ReadStep::Done(Ok(Seen::Unchanged)) => self.read_again(now.at),
                ReadStep::Done(Err(none)) => match desk.no_answer(none) {
                    Failure::Unknown => self.read_again(now.at),
                    Failure::Superseded => WriteStep::Done(Reply::Failed(Failure::Conflict)),
                    failure => WriteStep::Done(Reply::Failed(failure)),
                },
            },
            Stage::Pausing { .. } | Stage::Settling(_) => self.wake(now, desk),
        }
    }

    /// There is no answer to the last request.
    pub(super) fn failed(&mut self, now: Now, desk: &mut Desk, sent: Sent) -> WriteStep {
        match &self.stage {
            Stage::Patching(patch) if patch.is_writing() && sent == Sent::No => {
                self.not_applied(desk);
                if self.claim.is_some() {
                    return self.read_again(now.at);
                }
                WriteStep::Done(Reply::Failed(Failure::Unsent))
            }
            Stage::Patching(_) => self.unanswered(now.at, desk, NoAnswer { failure: Failure::Unknown, what: None }),
            Stage::Reading(_) => self.read_again(now.at),
            Stage::Pausing { .. } | Stage::Settling(_) => self.wake(now, desk),
        }
    }

    /// The last request was throttled: if it was the write, it was not applied.
    pub(super) fn throttled(&mut self, desk: &mut Desk, wait: Duration) -> WriteStep {
        self.not_applied(desk);
        WriteStep::Done(Reply::Failed(Failure::Throttled { wait }))
    }

    /// Given up: what was sent may still land, with its token.
    pub(super) fn abandon(&self, desk: &mut Desk) {
        if matches!(self.stage, Stage::Patching(_)) {
            desk.ledger.note_token(self.term.token);
        }
    }

    fn write(&mut self, now: Now, desk: &mut Desk, base: Version) -> WriteStep {
        if let Some(wait) = desk.throttle.remaining(now.at) {
            return WriteStep::Done(Reply::Failed(Failure::Throttled { wait }));
        }
        let nonce = desk.nonce();
        let mode = desk.settings().write;
        let Desk { own: Some(own), me, .. } = desk else {
            // Another holder was seen meanwhile: the term is no longer ours.
            return WriteStep::Done(Reply::Failed(Failure::Conflict));
        };
        let record = own.record((me.name(), me.instance()), self.term, (&base, nonce.clone()), mode, now.wall);
        own.sent(nonce.clone(), now.at);
        desk.last_write = Some(now.at);
        desk.kept = None;
        let (patch, request) = Patch::begin(desk, &record.to_text(), nonce, base);
        self.stage = Stage::Patching(patch);
        WriteStep::Send(request)
    }

    fn read(&mut self, now: Instant, desk: &Desk) -> WriteStep {
        if let Some(wait) = desk.throttle.remaining(now) {
            return WriteStep::Done(Reply::Failed(Failure::Throttled { wait }));
        }
        let (reading, request) = Reading::begin(desk, None, false);
        self.stage = Stage::Reading(reading);
        WriteStep::Send(request)
    }

    fn read_again(&mut self, now: Instant) -> WriteStep {
        let at = now + READ_AGAIN;
        self.stage = Stage::Settling(at);
        WriteStep::Wait(at)
    }

    fn landed(&mut self, now: Now, desk: &mut Desk, nonce: &str, landed: Landed) -> WriteStep {
        let settle = desk.settings().settle;
        let Some(own) = &mut desk.own else { return WriteStep::Done(Reply::Failed(Failure::Conflict)) };
        let Landed::Valid(chain, index) = landed else {
            own.unsent(nonce);
            return if self.claim.is_some() && self.confirmations.len() < CONFIRMATIONS {
                self.read(now.at, desk)
            } else {
                WriteStep::Done(Reply::Failed(Failure::Conflict))
            };
        };
        let Some(written) = own.acknowledge(now.at, nonce, (&chain, index), settle) else {
            return WriteStep::Done(Reply::Failed(Failure::Unknown));
        };
        let confirmed = self.claim.as_ref().is_some_and(|claim| lies_below(own, claim, &chain, index));
        if self.term.intent != Intent::Claim || confirmed || settle.is_zero() {
            own.begin();
            return WriteStep::Done(Reply::Written(written));
        }
        // The claim, or a confirmation whose claim has vanished: that one is the new claim.
        self.claim = Some(nonce.to_owned());
        self.confirmations.clear();
        let until = now.at + settle;
        self.stage = Stage::Settling(until);
        WriteStep::Wait(until)
    }

    /// The write was refused, or its outcome is unknown.
    fn unanswered(&mut self, now: Instant, desk: &mut Desk, none: NoAnswer) -> WriteStep {
        let failure = desk.no_answer(none);
        match failure {
            Failure::Denied(_) => self.not_applied(desk),
            _ => desk.ledger.note_token(self.term.token),
        }
        match failure {
            Failure::Unknown if self.claim.is_some() => self.read(now, desk),
            Failure::Superseded if self.term.intent == Intent::Claim => {
                WriteStep::Done(Reply::Failed(Failure::Conflict))
            }
            failure => WriteStep::Done(Reply::Failed(failure)),
        }
    }

    fn not_applied(&self, desk: &mut Desk) {
        if let Stage::Patching(patch) = &self.stage
            && patch.is_writing()
            && let Some(own) = &mut desk.own
        {
            own.unsent(patch.nonce());
        }
    }

    /// The claim has settled, or a confirmation has no answer: what stands now?
    fn look(&mut self, now: Now, desk: &mut Desk, snapshot: &Snapshot) -> WriteStep {
        let settle = desk.settings().settle;
        let conflict = WriteStep::Done(Reply::Failed(Failure::Conflict));
        let (Some(own), Some(claim)) = (&mut desk.own, &self.claim) else { return conflict };
        let chain = &snapshot.chain;
        let shown = self.confirmations.iter().rev().find_map(|nonce| {
            let index = chain.find_valid(nonce, &desk.ledger)?;
            (chain.list[index] == snapshot.state && lies_below(own, claim, chain, index)).then_some((nonce, index))
        });
        if let Some((nonce, index)) = shown {
            // A confirmation of unknown outcome, followed back to its claim.
            return match own.acknowledge(now.at, nonce, (chain, index), settle) {
                Some(written) => {
                    own.begin();
                    WriteStep::Done(Reply::Written(written))
                }
                None => conflict,
            };
        }
        if own.version_of(claim) != Some(&snapshot.state) {
            return conflict;
        }
        if self.confirmations.len() >= CONFIRMATIONS {
            return WriteStep::Done(Reply::Failed(Failure::Unknown));
        }
        let step = self.write(now, desk, chain.head().clone());
        if let Stage::Patching(patch) = &self.stage {
            self.confirmations.push(patch.nonce().to_owned());
        }
        step
    }
}

/// Whether the write with this nonce lies below `index`.
fn lies_below(own: &OwnTerm, nonce: &str, chain: &Chain, index: usize) -> bool {
    own.version_of(nonce).is_some_and(|version| chain.list[index + 1..].contains(version))
}
