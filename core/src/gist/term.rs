//! Claim, settle, confirm: one write of the election, from its first request to its reply.
//!
//! The store may answer two concurrent writes with success and keep one, within `settle`. So a claim that was
//! acknowledged as valid is left to settle, the head is read, and a second, confirming record is written on top. Only
//! when that one is acknowledged as valid, and this very claim lies valid below it, has the term begun. Reading instead
//! of writing is not enough: a stale read still shows a claim that is gone. `settle = 0` switches this off.

use std::time::Duration;

use http::Response;

use super::desk::{Desk, Kept};
use super::own::OwnTerm;
use super::patch::{Landed, Patch, PatchStep};
use super::push::{Push, Revision};
use super::read::{ReadStep, Reading, Seen};
use super::refs::Advertisement;
use super::snapshot::Snapshot;
use super::wire::{self, NoAnswer, Outgoing};
use crate::lock::{Failure, Intent, Reason, Reply, Sent, Term, Version};
use crate::record::{Token, WriteMode};
use crate::time::{Instant, Now};

/// The service whose list of refs says what HEAD is.
const UPLOAD_PACK: &str = "git-upload-pack";
/// A void or unknown confirmation is repeated once.
const CONFIRMATIONS: usize = 2;
/// The pause before a read that failed is repeated.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// A write on its way.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    term: Term,
    /// The nonce of the claim, once it was acknowledged.
    claim: Option<String>,
    /// The nonces of the confirmations sent.
    confirmations: Vec<String>,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// At least a second between two writes.
    Pausing {
        until: Instant,
        base: Version,
    },
    /// Looking up the branch that a claim is pushed to.
    Branching(Version),
    Patching(Box<Patch>),
    Pushing(Push),
    Settling(Instant),
    Reading(Reading),
}

/// What to do next.
#[derive(Debug)]
pub(super) enum WriteStep {
    Send(Outgoing),
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

    /// Begins the write that ends everybody's terms: what a person does who changes the mode.
    pub(super) fn begin_reset(now: Now, desk: &mut Desk, token: Token, base: Version) -> (Self, WriteStep) {
        desk.kept = None;
        desk.own = Some(OwnTerm::reset(token, now.wall));
        let term = Term { intent: Intent::Release, token, lease_seconds: 1 };
        let stage = Stage::Pausing { until: now.at, base };
        let mut writing = Self { term, claim: None, confirmations: Vec::new(), stage };
        let step = writing.wake(now, desk);
        (writing, step)
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Now, desk: &mut Desk) -> WriteStep {
        match &self.stage {
            Stage::Pausing { until, .. } | Stage::Settling(until) if now.at < *until => WriteStep::Wait(*until),
            Stage::Pausing { base, .. } => {
                let base = base.clone();
                if desk.settings().write == WriteMode::Push
                    && desk.own.as_ref().is_some_and(|own| own.branch().is_none())
                {
                    return self.look_up_branch(desk, base);
                }
                self.write(now, desk, base)
            }
            Stage::Settling(_) => self.read(now.at, desk),
            Stage::Branching(_) | Stage::Patching(_) | Stage::Pushing(_) | Stage::Reading(_) => {
                WriteStep::Done(Reply::Failed(Failure::Unknown))
            }
        }
    }

    /// The answer to the last request.
    pub(super) fn receive(&mut self, now: Now, desk: &mut Desk, response: &Response<Vec<u8>>) -> WriteStep {
        match &mut self.stage {
            Stage::Patching(patch) => match patch.answer(now.at, desk, response) {
                PatchStep::Send(request) => WriteStep::Send(request),
                PatchStep::Done(landed) => {
                    let nonce = patch.nonce().to_owned();
                    self.answered(now, desk, &nonce, landed)
                }
            },
            Stage::Pushing(push) => {
                let landed = push.answer(desk, response);
                let nonce = push.nonce().to_owned();
                self.answered(now, desk, &nonce, landed)
            }
            Stage::Branching(base) => {
                let base = base.clone();
                match branch(desk, &base, response) {
                    Ok(()) => self.write(now, desk, base),
                    Err(none) => WriteStep::Done(Reply::Failed(desk.no_answer(none))),
                }
            }
            Stage::Reading(reading) => match reading.answer(now.at, desk, response) {
                ReadStep::Send(request) => WriteStep::Send(request),
                ReadStep::Done(Ok(Seen::Resolved(snapshot, etag))) => {
                    desk.answered();
                    desk.stand_on(&snapshot);
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
                    failure => self.refused(desk, failure),
                },
            },
            Stage::Pausing { .. } | Stage::Settling(_) => self.wake(now, desk),
        }
    }

    /// There is no answer to the last request.
    pub(super) fn failed(&mut self, now: Now, desk: &mut Desk, sent: Sent) -> WriteStep {
        match &self.stage {
            _ if self.writes().is_some() && sent == Sent::No => {
                self.not_applied(desk);
                if self.claim.is_some() {
                    return self.read_again(now.at);
                }
                WriteStep::Done(Reply::Failed(Failure::Unsent))
            }
            // Nothing was written yet.
            Stage::Branching(_) => WriteStep::Done(Reply::Failed(Failure::Unsent)),
            Stage::Patching(_) | Stage::Pushing(_) => {
                self.unanswered(now.at, desk, NoAnswer { failure: Failure::Unknown, what: None })
            }
            Stage::Reading(_) => self.read_again(now.at),
            Stage::Pausing { .. } | Stage::Settling(_) => self.wake(now, desk),
        }
    }

    /// The last request was throttled: if it was the write, it was not applied.
    pub(super) fn throttled(&mut self, desk: &mut Desk, wait: Duration) -> WriteStep {
        self.not_applied(desk);
        self.refused(desk, Failure::Throttled { wait })
    }

    /// The last request was not carried out, or not sent. That says nothing of a write before it: a claim that is being
    /// confirmed, or a write whose place is looked up. The wait is remembered, whatever the reply is.
    fn refused(&self, desk: &mut Desk, failure: Failure) -> WriteStep {
        let is_looked_up = matches!(&self.stage, Stage::Patching(patch) if !patch.is_writing());
        if self.claim.is_none() && !is_looked_up {
            return WriteStep::Done(Reply::Failed(failure));
        }
        desk.ledger.note_token(self.term.token);
        WriteStep::Done(Reply::Failed(Failure::Unknown))
    }

    /// Given up: what was sent may still land, with its token.
    pub(super) fn abandon(&self, desk: &mut Desk) {
        if matches!(self.stage, Stage::Patching(_) | Stage::Pushing(_)) {
            desk.ledger.note_token(self.term.token);
        }
    }

    fn write(&mut self, now: Now, desk: &mut Desk, base: Version) -> WriteStep {
        if let Some(wait) = desk.throttle.remaining(now.at) {
            return self.refused(desk, Failure::Throttled { wait });
        }
        let nonce = desk.nonce();
        let mode = desk.settings().write;
        let Desk { own: Some(own), me, .. } = desk else {
            // Another holder was seen meanwhile: the term is no longer ours.
            return WriteStep::Done(Reply::Failed(Failure::Conflict));
        };
        let sent = match mode {
            WriteMode::Patch => {
                let record = own.record((me.name(), me.instance()), self.term, (&base, nonce.clone()), mode, now.wall);
                own.sent(nonce.clone(), now.at, base.clone());
                let (patch, request) = Patch::begin(desk, record, nonce, base);
                self.stage = Stage::Patching(Box::new(patch));
                request
            }
            WriteMode::Push => match self.push(now, desk, nonce, &base) {
                Ok(request) => request,
                Err(why) => return WriteStep::Done(Reply::Failed(desk.no_answer(why))),
            },
        };
        desk.last_write = Some(now.at);
        desk.kept = None;
        WriteStep::Send(sent)
    }

    fn push(&mut self, now: Now, desk: &mut Desk, nonce: String, base: &Version) -> Result<Outgoing, NoAnswer> {
        let Desk { own: Some(own), me, wire, ground: Some(ground), appends, .. } = desk else { return Err(moved_on()) };
        let branch = own.branch().ok_or_else(moved_on)?.to_owned();
        if ground.chain.head() != base {
            return Err(moved_on());
        }
        // A term is one revision: what stands on our own commit replaces it.
        let replaces = own.has_pushed(base) && !*appends;
        let parent = ground.chain.list.get(usize::from(replaces)).ok_or_else(moved_on)?;
        let identity = (me.name(), me.instance());
        let record = own.record(identity, self.term, (parent, nonce.clone()), WriteMode::Push, now.wall);
        let revision = Revision {
            text: &record.to_text(),
            nonce: &nonce,
            message: &self.message(me.name()),
            branch: &branch,
            wall: now.wall,
            replaces,
        };
        let (push, request) = Push::begin(wire, ground, &revision)?;
        own.sent(nonce, now.at, base.clone());
        own.pushed(push.commit().clone());
        self.stage = Stage::Pushing(push);
        Ok(request)
    }

    /// What people read in the gist's log.
    fn message(&self, name: &str) -> String {
        /// Git's own advice for a first line.
        const LONGEST_NAME: usize = 40;
        let name: String = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
        let does = if self.term.intent == Intent::Release { "releases" } else { "leads" };
        format!("{name} {does}, term {}", self.term.token)
    }

    fn look_up_branch(&mut self, desk: &mut Desk, base: Version) -> WriteStep {
        let Some(ground) = desk.ground.as_ref().filter(|ground| *ground.chain.head() == base) else {
            return WriteStep::Done(Reply::Failed(Failure::Conflict));
        };
        match &ground.repository.url {
            Ok(url) => {
                self.stage = Stage::Branching(base);
                WriteStep::Send(desk.wire.refs(url, UPLOAD_PACK))
            }
            Err(why) => {
                let reason = Reason { status: 0, message: why.clone() };
                WriteStep::Done(Reply::Failed(Failure::Denied(reason)))
            }
        }
    }

    fn read(&mut self, now: Instant, desk: &mut Desk) -> WriteStep {
        if let Some(wait) = desk.throttle.remaining(now) {
            return self.refused(desk, Failure::Throttled { wait });
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

    fn answered(&mut self, now: Now, desk: &mut Desk, nonce: &str, landed: Result<Landed, NoAnswer>) -> WriteStep {
        match landed {
            Ok(landed) => {
                desk.answered();
                desk.ledger.note_token(self.term.token);
                self.landed(now, desk, nonce, landed)
            }
            Err(why) => self.unanswered(now.at, desk, why),
        }
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
        let confirmed = self.claim.as_ref().is_some_and(|claim| own.lies_below(claim, (&chain, index)));
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
        if matches!(failure, Failure::Denied(_)) {
            self.not_applied(desk);
            return self.refused(desk, failure);
        }
        desk.ledger.note_token(self.term.token);
        match failure {
            Failure::Unknown | Failure::Conflict if self.claim.is_some() => self.read(now, desk),
            Failure::Superseded if self.term.intent == Intent::Claim => {
                WriteStep::Done(Reply::Failed(Failure::Conflict))
            }
            failure => WriteStep::Done(Reply::Failed(failure)),
        }
    }

    fn not_applied(&self, desk: &mut Desk) {
        if let Some(nonce) = self.writes()
            && let Some(own) = &mut desk.own
        {
            own.unsent(nonce);
        }
    }

    /// The nonce of the write that is on its way.
    fn writes(&self) -> Option<&str> {
        match &self.stage {
            Stage::Patching(patch) if patch.is_writing() => Some(patch.nonce()),
            Stage::Pushing(push) => Some(push.nonce()),
            _ => None,
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
            let on_claim = own.lies_below(claim, (chain, index));
            (chain.list[index] == snapshot.state && on_claim).then_some((nonce, index))
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
        if let Some(nonce) = self.writes() {
            self.confirmations.push(nonce.to_owned());
        }
        step
    }
}

/// Remembers the branch that a claim goes to, if it stands where it was read.
fn branch(desk: &mut Desk, base: &Version, response: &Response<Vec<u8>>) -> Result<(), NoAnswer> {
    let unreadable = || wire::garbage("the git server's list of refs is not understood, or names no branch as HEAD");
    let refs = Advertisement::parse(wire::ok(response)?, UPLOAD_PACK).ok_or_else(unreadable)?;
    let (branch, id) = refs.head().ok_or_else(unreadable)?;
    if id != base {
        return Err(moved_on());
    }
    if let Some(own) = &mut desk.own {
        own.set_branch(branch);
    }
    Ok(())
}

/// The head is another than the one that was read: nothing was written, read again.
const fn moved_on() -> NoAnswer {
    NoAnswer { failure: Failure::Unsent, what: None }
}
