//! Every transition of the election.
//!
//! R1  Clocks are never compared. A foreign lease stands until its own duration has passed on *our* monotonic clock
//!     since we first *received* that version.
//! R2  Our own lease counts from the moment the winning write was *sent*. We lead until
//!     `min(sent + renew_deadline, solid + 0.98 lease)`; others may take over only after the lease. An acknowledgement
//!     after that moment revives nothing.
//! R3  Seeing another holder, or losing a compare-and-swap to one, ends our leadership in the same step.
//! R4  Every write names the version it replaces. A write whose precondition failed changed nothing and proves nothing:
//!     read again.
//! R5  "No answer" is not "no": after a lost reply the only way on is to read. An abandoned write may still land later.
//! R6  Release only what is our own: a compare-and-swap on our own version, sent only after the guarded work has ended.
//!     Stopped during an unconfirmed claim: await its outcome, never lead, release the claim.
//! R7  Each term has a fencing token, strictly increasing, also when the same name comes back.
//! R8  A name is not an identity: two processes with one name never share a lease.
//! R9  Free is free, unclear is held: the lock says for how long what stands must be respected.
//! R10 Throttled means wait as long as told; a leader that cannot renew before its deadline stops in time and says so.
//! R11 The record carries whole seconds, at least 1: [`Timing`] refuses anything finer.
//! R12 A follower wakes at the exact moment a lease runs out, plus a seeded spread (at most 150 ms); then one read, and
//!     a claim only if nothing changed. Whose claim met another's and won nothing waits again, a second to three, before
//!     the next: claims that meet make each other void.
//! R13 Time that a host slept through counts: [`Input::Slept`] ends the term.

use std::time::Duration;

use crate::candidate::Phase;
use crate::event::{Event, Lease, Next, StopReason, Why};
use crate::lock::{Failure, Identity, Intent, Op, Reply, Standing, Term, Version, Written};
use crate::record::Token;
use crate::spread::Spread;
use crate::time::Instant;
use crate::timing::{FIRST_RETRY, Timing};
use crate::warning::Warning;

/// R12: followers that watch the same lease do not all wake at once.
const EXPIRY_SPREAD: Duration = Duration::from_millis(150);
/// R12: claims that met would meet again, were all of them repeated at once. A claim takes about a second until it is
/// confirmed, so three candidates part within two.
const COLLISION_SPREAD: Duration = Duration::from_secs(2);
/// What lengthens the pause before a repetition.
const RETRY_SPREAD: Duration = Duration::from_millis(250);
/// After a refusal there is no hurry: somebody has to mend it.
const SLOW_RETRY: Duration = Duration::from_mins(1);
/// How often a stopped candidate looks for a claim whose outcome is not known.
const LOOKS_FOR_CLAIM: u8 = 3;

/// Names a request to the lock. A reply with any other ticket is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Ticket {
    /// The ticket of no request.
    pub const STALE: Self = Self(0);
}

/// What the elector is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed.
    Wake,
    /// What the lock answered to the request with this ticket.
    Reply(Ticket, Reply),
    /// An orderly end is asked for. Final.
    Stop,
    /// An orderly end of the term is asked for; afterwards it follows and claims nothing for one lease.
    StepDown,
    /// The guarded work has ended.
    WorkStopped,
    /// R13: the machine slept for so much longer than the monotonic clock says.
    Slept(Duration),
}

/// A request to the lock.
#[derive(Clone, Debug)]
pub struct Request {
    /// Comes back with the reply.
    pub ticket: Ticket,
    /// What is asked.
    pub op: Op,
    /// The moment from which a reply changes nothing any more.
    pub give_up_at: Instant,
}

/// What to do after an input.
#[must_use]
#[derive(Debug)]
pub struct Output {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// At most one request is in flight.
    pub request: Option<Request>,
    /// One deadline, with its reason.
    pub next: Next,
}

/// The election of one candidate over one lock.
#[derive(Clone, Debug)]
pub struct Elector {
    me: Identity,
    timing: Timing,
    spread: Spread,
    state: State,
    in_flight: Option<InFlight>,
    /// When the next operation begins, and why then.
    due: (Instant, Why),
    /// Failures in a row.
    attempt: u32,
    tickets: u64,
    stale_replies: u64,
    seen: Option<Seen>,
    newest_token: Token,
    /// Of the last own term, until a read tells what stands now.
    led: Option<Token>,
    leader: Option<String>,
    /// An own claim may stand, though it was never confirmed.
    owed: Option<Own>,
    exhausted_at: Option<Token>,
    /// The last claim met another, and what stands since was not read yet (R12).
    collided: bool,
    stop: Option<Stop>,
    away_until: Option<Instant>,
    events: Vec<Event>,
}

/// What was read last.
#[derive(Clone, Debug)]
struct Seen {
    standing: Standing,
    /// First receipt of `standing.state` (R1).
    received: Instant,
    /// R12, drawn once for each state.
    spread: Duration,
}

#[derive(Clone, Debug)]
enum State {
    /// Reads and waits. `ready`: what was just read may be claimed.
    Following {
        ready: bool,
    },
    Claiming {
        token: Token,
    },
    Leading {
        own: Own,
        until: Instant,
        /// The sending of the write that `until` rests on (R13).
        rests_on: Instant,
    },
    /// The guarded work is ending. `own` is `None` once another holder was seen.
    Stopping {
        own: Option<Own>,
    },
    /// Nothing of ours works any more.
    Releasing {
        own: Own,
        looks: u8,
    },
    Done,
}

/// What is ours in the lock.
#[derive(Clone, Debug)]
struct Own {
    token: Token,
    /// The revision that the next write replaces; `None`: a read has to tell (R4, R5).
    head: Option<Version>,
    /// The sending of the last acknowledged write.
    sent: Instant,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    ticket: Ticket,
    asked: Asked,
    sent: Instant,
    give_up_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Read,
    Write(Intent),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    ForGood,
    StepDown,
}

impl Elector {
    /// An elector that follows and reads at its first wake. `seed` spreads its wakes.
    #[must_use]
    pub fn new(me: Identity, timing: Timing, seed: u64, now: Instant) -> Self {
        Self {
            me,
            timing,
            spread: Spread::new(seed),
            state: State::Following { ready: false },
            in_flight: None,
            due: (now, Why::Poll),
            attempt: 0,
            tickets: 0,
            stale_replies: 0,
            seen: None,
            newest_token: Token::NONE,
            led: None,
            leader: None,
            owed: None,
            exhausted_at: None,
            collided: false,
            stop: None,
            away_until: None,
            events: Vec::new(),
        }
    }

    /// Takes in what happened. It never fails: a stale ticket is counted and ignored, but a throttling in it counts.
    pub fn handle(&mut self, now: Instant, input: Input) -> Output {
        self.pass_deadlines(now);
        match input {
            Input::Wake => {}
            Input::Reply(ticket, reply) => match self.in_flight.take_if(|flight| flight.ticket == ticket) {
                Some(flight) => self.reply(now, flight, reply),
                None => self.stale(now, &reply),
            },
            Input::Stop => self.stop(now, Stop::ForGood),
            Input::StepDown => self.stop(now, Stop::StepDown),
            Input::WorkStopped => self.work_stopped(now),
            Input::Slept(ahead) => self.slept(now, ahead),
        }
        self.pass_deadlines(now);
        let request = self.begin(now);
        Output { events: std::mem::take(&mut self.events), request, next: self.next() }
    }

    /// Leadership, only while it is provable.
    #[must_use]
    pub fn lease(&self, now: Instant) -> Option<Lease> {
        match &self.state {
            State::Leading { own, until, .. } if now < *until => Some(Lease { token: own.token, until: *until }),
            _ => None,
        }
    }

    /// The sending of the write that the lease rests on; `None` unless leading (R13).
    #[must_use]
    pub const fn rests_on(&self) -> Option<Instant> {
        match self.state {
            State::Leading { rests_on, .. } => Some(rests_on),
            _ => None,
        }
    }

    /// What it is doing.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self.state {
            State::Following { .. } => Phase::Following,
            State::Claiming { .. } => Phase::Claiming,
            State::Leading { .. } => Phase::Leading,
            State::Stopping { .. } => Phase::Stopping,
            State::Releasing { .. } => Phase::Releasing,
            State::Done => Phase::Done,
        }
    }

    /// The holder's name as last read; `None`: not known yet; empty: free.
    #[must_use]
    pub fn leader(&self) -> Option<&str> {
        self.leader.as_deref()
    }

    /// The token of the own term, also while its work is ending, else of the record that stands.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        match &self.state {
            State::Leading { own, .. } | State::Stopping { own: Some(own) } => Some(own.token),
            _ => self.led.or_else(|| Some(self.seen.as_ref()?.standing.record.as_ref()?.token)),
        }
    }

    /// Until when what stands is respected; `None`: nothing was read, or it is free.
    #[must_use]
    pub fn stands_until(&self) -> Option<Instant> {
        let seen = self.seen.as_ref()?;
        (!seen.standing.stands_for.is_zero()).then(|| seen.received + seen.standing.stands_for)
    }

    /// The request that the elector still waits for.
    #[must_use]
    pub fn awaited(&self) -> Option<Ticket> {
        self.in_flight.map(|flight| flight.ticket)
    }

    /// Replies that came for a request given up, or twice.
    #[must_use]
    pub const fn stale_replies(&self) -> u64 {
        self.stale_replies
    }

    /// Forgets the slow retry after a refusal: its cause was mended.
    pub fn retry_now(&mut self, now: Instant) {
        if self.due.1 == Why::Retry {
            self.due.0 = self.due.0.min(now);
        }
    }

    // ---- time ----

    fn pass_deadlines(&mut self, now: Instant) {
        if let State::Leading { until, .. } = self.state
            && now >= until.before(self.timing.stop_grace())
        {
            self.end_term(StopReason::Deadline, until);
        }
        if let Some(flight) = self.in_flight.take_if(|flight| now >= flight.give_up_at) {
            self.reply(now, flight, Reply::Failed(Failure::Unknown));
        }
        if let State::Releasing { own, .. } = &self.state
            && now >= own.sent + self.timing.lease()
        {
            self.give_up_release(now, "the lease ran out before a release was acknowledged");
        }
    }

    /// What it waits for.
    #[must_use]
    pub fn next(&self) -> Next {
        let flight = self.in_flight.map(|flight| (flight.give_up_at, Why::GiveUp));
        let operation = flight.unwrap_or(self.due);
        let earlier = |deadline: Instant, why: Why| if deadline < operation.0 { (deadline, why) } else { operation };
        let (at, why) = match &self.state {
            State::Done => return Next::Done,
            State::Stopping { .. } => match flight {
                None => return Next::OnInput(Why::WorkStopped),
                Some(give_up) => give_up,
            },
            State::Leading { until, .. } => earlier(until.before(self.timing.stop_grace()), Why::RenewDeadline),
            State::Releasing { own, .. } => earlier(own.sent + self.timing.lease(), Why::Release),
            State::Following { .. } | State::Claiming { .. } => operation,
        };
        Next::WakeAt(at, why)
    }

    /// Sends what is due, unless something is in flight.
    fn begin(&mut self, now: Instant) -> Option<Request> {
        if self.in_flight.is_some() || now < self.due.0 {
            return None;
        }
        let write = |intent, token, replaces: &Version, timing: &Timing| Op::Write {
            term: Term { intent, token, lease_seconds: timing.lease_seconds() },
            replaces: replaces.clone(),
        };
        // A read may need several requests, each bounded by its own timeout.
        let read = (Op::Read, Asked::Read, now + self.timing.lease());
        let (op, asked, give_up_at) = match &self.state {
            State::Following { ready: true } => {
                let token = self.newest_token.next()?;
                let head = &self.seen.as_ref()?.standing.head;
                let op = write(Intent::Claim, token, head, &self.timing);
                self.state = State::Claiming { token };
                // Confirmed later than this, it could not be led on (R2).
                (op, Asked::Write(Intent::Claim), now + self.timing.usable_lease())
            }
            State::Following { ready: false } => read,
            State::Leading { own: Own { head: None, .. }, until, .. } => (read.0, read.1, *until),
            State::Leading { own: Own { head: Some(head), token, .. }, until, .. } => {
                (write(Intent::Renew, *token, head, &self.timing), Asked::Write(Intent::Renew), *until)
            }
            State::Releasing { own, .. } => {
                let end = own.sent + self.timing.lease();
                match &own.head {
                    Some(head) => {
                        (write(Intent::Release, own.token, head, &self.timing), Asked::Write(Intent::Release), end)
                    }
                    None => (read.0, read.1, end),
                }
            }
            State::Claiming { .. } | State::Stopping { .. } | State::Done => return None,
        };
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.in_flight = Some(InFlight { ticket, asked, sent: now, give_up_at });
        Some(Request { ticket, op, give_up_at })
    }

    // ---- replies ----

    fn stale(&mut self, now: Instant, reply: &Reply) {
        self.stale_replies += 1;
        if let Reply::Failed(Failure::Throttled { wait }) = reply
            && now + *wait > self.due.0
        {
            self.throttled(now, *wait);
        }
    }

    fn reply(&mut self, now: Instant, flight: InFlight, reply: Reply) {
        if let Reply::Standing(standing) = &reply {
            self.observe(now, standing);
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::Following { .. } => self.reply_following(now, flight, &reply),
            State::Claiming { token } => self.reply_claiming(now, flight, token, reply),
            State::Leading { own, until, rests_on } => self.reply_leading(now, own, (until, rests_on), reply),
            State::Stopping { own } => {
                let own = own.and_then(|own| self.follow_own(own, &reply));
                self.state = State::Stopping { own };
            }
            State::Releasing { own, looks } => self.reply_releasing(now, flight, own, looks, reply),
            State::Done => {}
        }
    }

    fn reply_following(&mut self, now: Instant, flight: InFlight, reply: &Reply) {
        self.state = State::Following { ready: false };
        let poll = (flight.sent + self.timing.poll()).max(now);
        match reply {
            Reply::Standing(_) | Reply::Unchanged => {
                self.attempt = 0;
                self.owed = None;
                self.judge(now, flight.sent, poll);
            }
            Reply::Failed(Failure::Throttled { wait }) => self.throttled(now, *wait),
            Reply::Failed(Failure::Denied(_)) => self.due = (now + SLOW_RETRY, Why::Retry),
            Reply::Failed(Failure::Superseded) => self.due = (now, Why::Poll),
            Reply::Failed(Failure::Conflict | Failure::Unknown | Failure::Unsent) | Reply::Written(_) => {
                self.due = (poll, Why::Poll);
            }
        }
    }

    /// A read is in: claim now, or wait until what stands has run out (R1, R9, R12).
    fn judge(&mut self, now: Instant, read_sent: Instant, poll: Instant) {
        self.due = (poll, Why::Poll);
        let collided = std::mem::take(&mut self.collided);
        let Some(seen) = &self.seen else { return };
        if seen.standing.bar.is_some() || self.away_until.is_some_and(|until| now < until) {
            return;
        }
        if self.newest_token.next().is_none() {
            if self.exhausted_at.replace(self.newest_token) != Some(self.newest_token) {
                self.warn(Warning::TokensExhausted { token: self.newest_token });
            }
            return;
        }
        let is_own = seen.standing.record.as_ref().is_some_and(|record| record.is_own(self.me.instance()));
        let free = is_own || seen.standing.stands_for.is_zero();
        let free_at = seen.received + seen.standing.stands_for;
        if free || (now >= free_at && read_sent >= free_at) {
            if collided {
                self.due = (now + FIRST_RETRY + self.spread.up_to(COLLISION_SPREAD), Why::Retry);
                return;
            }
            self.state = State::Following { ready: true };
            self.due = (now, Why::Poll);
        } else if free_at + seen.spread <= poll {
            self.due = ((free_at + seen.spread).max(now), Why::LeaseExpiry);
        }
    }

    fn reply_claiming(&mut self, now: Instant, flight: InFlight, token: Token, reply: Reply) {
        self.state = State::Following { ready: false };
        let is_sent = !matches!(reply, Reply::Failed(Failure::Unsent | Failure::Throttled { .. } | Failure::Denied(_)));
        if is_sent {
            // R7: the claim may stand, or stand later, with this token. What was throttled or refused was not applied.
            self.newest_token = self.newest_token.max(token);
            self.owed = Some(Own { token, head: None, sent: flight.sent });
        }
        match reply {
            Reply::Written(written) => return self.claimed(now, token, &written),
            Reply::Failed(Failure::Throttled { wait }) => self.throttled(now, wait),
            Reply::Failed(Failure::Denied(_)) => self.due = (now + SLOW_RETRY, Why::Retry),
            Reply::Failed(Failure::Conflict | Failure::Superseded) => {
                self.collided = true;
                self.due = (now, Why::Poll);
            }
            Reply::Failed(Failure::Unknown | Failure::Unsent) | Reply::Standing(_) | Reply::Unchanged => {
                self.retry(now, now + FIRST_RETRY);
            }
        }
        if self.stop.is_some() {
            self.release_or_end(now);
        }
    }

    fn claimed(&mut self, now: Instant, token: Token, written: &Written) {
        let until = self.until(written);
        let own = Own { token, head: next_base(written), sent: written.sent };
        self.owed = Some(own.clone());
        self.attempt = 0;
        if self.stop.is_some() {
            return self.release_or_end(now);
        }
        if now >= until.before(self.timing.stop_grace()) {
            self.due = (now, Why::Poll);
            return;
        }
        self.owed = None;
        self.led = Some(token);
        self.set_leader(self.me.name().to_owned());
        self.events.push(Event::StartedLeading { token });
        self.schedule_renewal(now, written);
        self.state = State::Leading { own, until, rests_on: written.solid };
    }

    fn reply_leading(&mut self, now: Instant, own: Own, (until, rests_on): (Instant, Instant), reply: Reply) {
        let before = own.sent;
        match reply {
            Reply::Failed(Failure::Throttled { wait }) => {
                self.state = State::Leading { own, until, rests_on };
                self.throttled(now, wait);
            }
            Reply::Failed(Failure::Conflict) => {
                self.due = (now, Why::Retry);
                self.state = State::Leading { own: Own { head: None, ..own }, until, rests_on };
            }
            Reply::Failed(Failure::Unknown) => {
                self.retry(now, until);
                self.state = State::Leading { own: Own { head: None, ..own }, until, rests_on };
            }
            Reply::Failed(Failure::Unsent | Failure::Denied(_)) | Reply::Unchanged => {
                self.retry(now, until);
                self.state = State::Leading { own, until, rests_on };
            }
            reply => match self.follow_own(own, &reply) {
                None => {
                    self.events.push(Event::Stopping { why: StopReason::Lost, by: now });
                    self.state = State::Stopping { own: None };
                }
                Some(own) => {
                    let acknowledged = match reply {
                        Reply::Written(written) => Some(written),
                        Reply::Standing(standing) => standing.acknowledges.filter(|written| written.sent > before),
                        _ => None,
                    };
                    // What was not acknowledged by now is renewed at once, on what stands.
                    self.due = (now, Why::Renew);
                    let (mut until, mut rests_on) = (until, rests_on);
                    if let Some(written) = acknowledged {
                        (until, rests_on) = (until, rests_on).max((self.until(&written), written.solid));
                        self.attempt = 0;
                        self.schedule_renewal(now, &written);
                    }
                    self.state = State::Leading { own, until, rests_on };
                }
            },
        }
    }

    /// What remains ours after a reply; `None`: another holder was seen (R3).
    fn follow_own(&self, own: Own, reply: &Reply) -> Option<Own> {
        match reply {
            Reply::Written(written) => Some(Own { head: next_base(written), sent: own.sent.max(written.sent), ..own }),
            Reply::Standing(standing) => {
                let lost = standing.record.as_ref().is_some_and(|record| {
                    let is_own = record.is_own(self.me.instance()) && record.token == own.token;
                    !is_own && (record.is_held() || record.token > own.token)
                });
                let seen = standing.acknowledges.as_ref().map_or(own.sent, |written| written.sent);
                (!lost).then(|| Own { head: Some(standing.head.clone()), sent: own.sent.max(seen), ..own })
            }
            Reply::Failed(Failure::Superseded) => None,
            Reply::Failed(Failure::Conflict | Failure::Unknown) => Some(Own { head: None, ..own }),
            Reply::Failed(Failure::Unsent | Failure::Throttled { .. } | Failure::Denied(_)) | Reply::Unchanged => {
                Some(own)
            }
        }
    }

    fn reply_releasing(&mut self, now: Instant, flight: InFlight, own: Own, looks: u8, reply: Reply) {
        let end = own.sent + self.timing.lease();
        self.state = State::Releasing { own: own.clone(), looks };
        let reply = match (reply, &self.seen) {
            // What was read before still stands.
            (Reply::Unchanged, Some(seen)) => Reply::Standing(seen.standing.clone()),
            (reply, _) => reply,
        };
        match reply {
            Reply::Written(_) if flight.asked == Asked::Write(Intent::Release) => self.released(now),
            Reply::Failed(Failure::Throttled { wait }) => {
                self.throttled(now, wait);
                if now + wait >= end {
                    self.give_up_release(now, "throttled for longer than the lease");
                }
            }
            Reply::Failed(Failure::Denied(reason)) => self.give_up_release(now, &format!("refused: {reason}")),
            Reply::Failed(Failure::Superseded) => self.end(now),
            Reply::Failed(failure) => {
                let head = if failure == Failure::Unsent { own.head } else { None };
                if failure == Failure::Conflict {
                    self.due = (now, Why::Retry);
                } else {
                    self.retry(now, end);
                }
                self.state = State::Releasing { own: Own { head, ..own }, looks };
            }
            Reply::Standing(standing) => {
                let record = standing.record.as_deref().filter(|record| record.is_own(self.me.instance()));
                match record {
                    Some(record) if !record.is_held() && record.token >= own.token => self.released(now),
                    Some(record) if record.is_held() => {
                        let own = Own { head: Some(standing.head), token: record.token, ..own };
                        self.due = (now, Why::Release);
                        self.state = State::Releasing { own, looks };
                    }
                    // Text that is no record is not written over: a release of ours may lie below it, and a successor.
                    Some(_) | None => self.look_again(now, &own, looks),
                }
            }
            Reply::Written(written) => {
                // A renewal that was still on its way: that is what there is to release.
                let sent = own.sent.max(written.sent);
                self.due = (now, Why::Release);
                self.state = State::Releasing { own: Own { head: next_base(&written), sent, ..own }, looks };
            }
            Reply::Unchanged => self.look_again(now, &own, looks),
        }
    }

    /// Nothing of ours stands. A claim of unknown outcome may still land: look a few times, then leave it to expire.
    fn look_again(&mut self, now: Instant, own: &Own, looks: u8) {
        if looks <= 1 {
            let stands = self.seen.as_ref().map(|seen| &seen.standing);
            if stands.is_some_and(|standing| standing.record.is_none() && !standing.stands_for.is_zero()) {
                return self.give_up_release(now, "text that is no record lies on what was to be released");
            }
            return self.end(now);
        }
        self.retry(now, own.sent + self.timing.lease());
        self.state = State::Releasing { own: Own { head: None, ..own.clone() }, looks: looks - 1 };
    }

    // ---- terms ----

    /// R2.
    fn until(&self, written: &Written) -> Instant {
        (written.sent + self.timing.renew_deadline()).min(written.solid + self.timing.usable_lease())
    }

    /// A renewal proves the write before it only if that one had been known for `settle`.
    fn schedule_renewal(&mut self, now: Instant, written: &Written) {
        let at = if written.overlaid {
            now
        } else {
            (written.sent + self.timing.renew_interval()).max(now + self.timing.settle())
        };
        self.due = (at, Why::Renew);
    }

    /// The term ends, though the lock may still be ours.
    fn end_term(&mut self, why: StopReason, by: Instant) {
        if let State::Leading { own, .. } = std::mem::replace(&mut self.state, State::Done) {
            self.events.push(Event::Stopping { why, by });
            self.state = State::Stopping { own: Some(own) };
        }
    }

    fn slept(&mut self, now: Instant, ahead: Duration) {
        if matches!(self.state, State::Leading { .. }) {
            self.warn(Warning::Slept { ahead });
            self.end_term(StopReason::Deadline, now);
        }
    }

    fn stop(&mut self, now: Instant, stop: Stop) {
        match (&self.state, stop) {
            (State::Done, _) | (State::Following { .. }, Stop::StepDown) => return,
            _ => {}
        }
        if self.stop != Some(Stop::ForGood) {
            self.stop = Some(stop);
        }
        match self.state {
            State::Leading { until, .. } => self.end_term(StopReason::Stop, until),
            State::Following { .. } => {
                let standing = self.seen.as_ref().map(|seen| &seen.standing);
                if let Some(record) = standing.and_then(|standing| standing.record.as_deref())
                    && record.is_own(self.me.instance())
                    && record.is_held()
                {
                    // An own record that could not be led on, and was not claimed anew.
                    let sent = self.seen.as_ref().map_or(now, |seen| seen.received);
                    self.owed = Some(Own { token: record.token, head: None, sent });
                }
                self.release_or_end(now);
            }
            _ => {}
        }
    }

    fn work_stopped(&mut self, now: Instant) {
        let State::Stopping { own } = &mut self.state else { return };
        let own = own.take();
        self.events.push(Event::StoppedLeading);
        self.attempt = 0;
        match (self.stop, own) {
            (Some(_), Some(own)) => {
                self.due = (now, Why::Release);
                self.state = State::Releasing { own, looks: 1 };
            }
            (Some(_), None) => self.end(now),
            (None, _) => self.follow(now),
        }
    }

    /// Nothing works: release what may be ours, or end.
    fn release_or_end(&mut self, now: Instant) {
        match self.owed.take() {
            Some(own) => {
                let due = if self.due.1 == Why::Throttled { self.due.0 } else { now };
                self.due = (due, Why::Release);
                self.state = State::Releasing { own, looks: LOOKS_FOR_CLAIM };
            }
            None => self.end(now),
        }
    }

    fn released(&mut self, now: Instant) {
        self.events.push(Event::Released);
        self.set_leader(String::new());
        self.end(now);
    }

    fn give_up_release(&mut self, now: Instant, why: &str) {
        self.warn(Warning::NotReleased { why: why.to_owned() });
        self.end(now);
    }

    /// What was to be stopped has stopped.
    fn end(&mut self, now: Instant) {
        self.owed = None;
        self.in_flight = None;
        if self.stop == Some(Stop::StepDown) {
            self.stop = None;
            self.away_until = Some(now + self.timing.lease());
            self.follow(now);
        } else {
            self.state = State::Done;
        }
    }

    fn follow(&mut self, now: Instant) {
        self.attempt = 0;
        self.due = (now, Why::Poll);
        self.state = State::Following { ready: false };
    }

    // ---- what was seen ----

    fn observe(&mut self, now: Instant, standing: &Standing) {
        self.newest_token = self.newest_token.max(standing.newest_token);
        self.led = None;
        let known = self.seen.as_ref().filter(|seen| seen.standing.state == standing.state);
        let (received, spread) = match known {
            Some(seen) => (seen.received, seen.spread),
            None => (now, self.spread.up_to(EXPIRY_SPREAD)),
        };
        let leading = matches!(self.state, State::Leading { .. } | State::Releasing { .. });
        match &standing.record {
            Some(record) if record.is_held() || !leading => self.set_leader(record.holder.clone()),
            None if standing.stands_for.is_zero() && !leading => self.set_leader(String::new()),
            // Unclear text names nobody; what lies on our own term is renewed over at once; a release says so itself.
            _ => {}
        }
        self.seen = Some(Seen { standing: standing.clone(), received, spread });
    }

    fn set_leader(&mut self, leader: String) {
        if self.leader.as_ref() != Some(&leader) {
            self.events.push(Event::NewLeader { leader: leader.clone() });
            self.leader = Some(leader);
        }
    }

    /// R10.
    fn throttled(&mut self, now: Instant, wait: Duration) {
        let warning = match self.state {
            State::Leading { until, .. } if now + wait >= until.before(self.timing.stop_grace()) => {
                Warning::ThrottledBeyondLease { wait, left: until.since(now) }
            }
            _ => Warning::Throttled { wait },
        };
        self.warn(warning);
        self.due = (now + wait, Why::Throttled);
    }

    /// After 1 s, 2 s, 4 s; a spread only lengthens; never past `end`.
    fn retry(&mut self, now: Instant, end: Instant) {
        let pause = FIRST_RETRY * (1 << self.attempt.min(2)) + self.spread.up_to(RETRY_SPREAD);
        self.attempt += 1;
        self.due = ((now + pause).min(end.max(now)), Why::Retry);
    }

    fn warn(&mut self, warning: Warning) {
        self.events.push(Event::Warning(warning));
    }
}

/// What the next write replaces. What lies on top of ours has to be read first: it may be another holder's (R3).
fn next_base(written: &Written) -> Option<Version> {
    (!written.overlaid).then(|| written.head.clone())
}
