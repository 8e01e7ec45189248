//! Elector and lock as one machine: the thing that hosts drive.
//!
//! The order of calls: [`Candidate::new`], then [`Candidate::handle`] with [`Input::Wake`] at once, and from then on
//! with whatever happens. After every call the host sends `request` if there is one, sets its timer to `next`, takes
//! the guarded work's permission from `lease`, and handles the `events` in their order. Wakes may come early, late,
//! twice or never asked for; an answer may come after its request was given up, twice, or never.

use crate::budget::Budget;

use crate::elector::{self, Elector, Ticket};
use crate::event::{Event, Lease, Next, Why};
use crate::lock::{Failure, Lock, Reason, Reply, Sent, Step};
use crate::sleep::SleepWatch;
use crate::time::{Clock, Instant, Now};
use crate::timing::Timing;
use crate::warning::Warning;

/// The number of a request: it increases, and an answer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed.
    Wake,
    /// A whole answer to a request.
    Response(RequestId, http::Response<Vec<u8>>),
    /// A request has no answer.
    Failed(RequestId, Sent),
    /// The host asks for an orderly end: step down, and once the work has stopped, release. Final.
    Stop,
    /// As `Stop`, but afterwards the candidate follows again and claims nothing for one lease.
    StepDown,
    /// The guarded work has ended.
    WorkStopped,
}

/// A request to send now.
#[derive(Clone, Debug)]
pub struct Request {
    /// Names it in [`Input::Response`] and [`Input::Failed`].
    pub id: RequestId,
    /// With all its headers; contains the token, so never log it.
    pub http: Box<http::Request<Vec<u8>>>,
    /// The moment from which its answer no longer matters. Drop the request then.
    pub give_up_at: Instant,
}

/// What a host does after an input.
#[must_use]
#[derive(Debug)]
pub struct Output {
    /// What happened in this step, in order. Usually none or one.
    pub events: Vec<Event>,
    /// At most one request is in flight.
    pub request: Option<Request>,
    /// When to come back.
    pub next: Next,
    /// Leadership as of this moment. `None` from the step on that says `Stopping`.
    pub lease: Option<Lease>,
}

/// A complete candidate over the lock `L`.
#[derive(Clone, Debug)]
pub struct Candidate<L> {
    elector: Elector,
    lock: L,
    exchange: Option<Exchange>,
    requests: u64,
    sleep: Option<SleepWatch>,
    budget: Budget,
    refusal: Option<Reason>,
    has_read: bool,
    void_writes: u64,
    at: Instant,
    /// What the step that is being handled gives out.
    events: Vec<Event>,
    request: Option<Request>,
}

/// An operation that the lock is busy with.
#[derive(Clone, Debug)]
struct Exchange {
    ticket: Ticket,
    waits: Waits,
}

#[derive(Clone, Debug)]
enum Waits {
    Answer { id: RequestId, give_up_at: Instant },
    Until(Instant),
}

impl<L: Lock> Candidate<L> {
    /// A candidate that follows. `seed` spreads its wakes: draw it afresh at every process start.
    #[must_use]
    pub fn new(lock: L, timing: Timing, clock: Clock, seed: u64, now: Now) -> Self {
        let budget = Budget::new(&timing, lock.limits());
        let warnings = timing.warnings().into_iter().map(Warning::Timing).chain(budget.warnings());
        Self {
            events: warnings.map(Event::Warning).collect(),
            elector: Elector::new(lock.identity().clone(), timing, seed, now.at),
            lock,
            exchange: None,
            requests: 0,
            sleep: (clock == Clock::MayStop).then(SleepWatch::default),
            budget,
            refusal: None,
            has_read: false,
            void_writes: 0,
            at: now.at,
            request: None,
        }
    }

    /// Takes in what happened and says what to do.
    pub fn handle(&mut self, now: Now, input: Input) -> Output {
        self.at = now.at;
        if let Some(sleep) = &mut self.sleep {
            sleep.observe(now);
        }
        match input {
            Input::Response(id, response) => {
                if self.answered(now, id) {
                    let step = self.lock.receive(now, &response);
                    self.step(now, step);
                } else {
                    self.overhear(now, &response);
                }
            }
            Input::Failed(id, sent) => {
                if self.answered(now, id) {
                    let step = self.lock.failed(now, sent);
                    self.step(now, step);
                }
            }
            Input::Wake => {}
            Input::Stop => self.tell(now, elector::Input::Stop),
            Input::StepDown => self.tell(now, elector::Input::StepDown),
            Input::WorkStopped => self.tell(now, elector::Input::WorkStopped),
        }
        self.pass_deadlines(now);
        self.tell(now, elector::Input::Wake);
        if let Some(ahead) = self.slept(now) {
            self.tell(now, elector::Input::Slept(ahead));
        }
        let next = self.next();
        Output {
            events: std::mem::take(&mut self.events),
            request: self.request.take(),
            next,
            lease: self.elector.lease(now.at),
        }
    }

    /// Leadership at this very moment.
    #[must_use]
    pub fn lease(&self, now: Now) -> Option<Lease> {
        self.elector.lease(now.at).filter(|_| self.slept(now).is_none())
    }

    /// What there is to see, for logs, probes and pages.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            phase: self.elector.phase(),
            leader: self.elector.leader().map(str::to_owned),
            token: self.elector.token(),
            until: self.elector.lease(self.at).map(|lease| lease.until),
            stands_until: self.elector.stands_until(),
            has_read: self.has_read,
            void_writes: self.void_writes,
            refusal: self.refusal.clone(),
            budget: self.budget.clone(),
        }
    }

    /// The lock.
    pub const fn lock(&self) -> &L {
        &self.lock
    }

    /// The lock, to hand it new credentials. Follow it with [`Candidate::retry_now`] and a wake.
    pub const fn lock_mut(&mut self) -> &mut L {
        &mut self.lock
    }

    /// Forgets the slow retry after a refusal: the cause was mended.
    pub fn retry_now(&mut self) {
        self.elector.retry_now(self.at);
    }

    /// Whether `id` is awaited and in time. One that is late counts as unanswered.
    fn answered(&mut self, now: Now, id: RequestId) -> bool {
        let awaited = self.exchange.as_ref().is_some_and(|exchange| {
            matches!(exchange.waits, Waits::Answer { id: of, give_up_at } if of == id && now.at < give_up_at)
        });
        if awaited {
            // The term may have ended since the last call: an acknowledgement revives nothing (R2).
            self.tell(now, elector::Input::Wake);
        }
        awaited && self.exchange.is_some()
    }

    fn overhear(&mut self, now: Now, response: &http::Response<Vec<u8>>) {
        if let Some(wait) = self.lock.overheard(now, response) {
            let failure = Reply::Failed(Failure::Throttled { wait });
            self.tell(now, elector::Input::Reply(Ticket::STALE, failure));
        }
    }

    fn pass_deadlines(&mut self, now: Now) {
        match self.exchange.as_ref().map(|exchange| &exchange.waits) {
            Some(Waits::Answer { give_up_at, .. }) if now.at >= *give_up_at => {
                let step = self.lock.failed(now, Sent::Unknown);
                self.step(now, step);
            }
            Some(Waits::Until(at)) if now.at >= *at => {
                let step = self.lock.wake(now);
                self.step(now, step);
            }
            _ => {}
        }
    }

    /// Hands an input to the elector, and its request to the lock.
    fn tell(&mut self, now: Now, input: elector::Input) {
        let output = self.elector.handle(now.at, input);
        self.events.extend(output.events);
        if let Some(exchange) = &self.exchange
            && self.elector.awaited() != Some(exchange.ticket)
        {
            self.lock.abandon(now);
            self.exchange = None;
            self.request = None;
        }
        if let Some(request) = output.request {
            // Nothing to wait for yet: the first step replaces it.
            self.exchange = Some(Exchange { ticket: request.ticket, waits: Waits::Until(now.at) });
            let step = self.lock.start(now, &request.op, request.give_up_at);
            self.step(now, step);
        }
    }

    fn step(&mut self, now: Now, mut step: Step) {
        self.events.extend(self.lock.take_warnings().into_iter().map(Event::Warning));
        loop {
            let Some(exchange) = &mut self.exchange else { return };
            match step {
                Step::Send { request, give_up_at } => {
                    self.requests += 1;
                    let id = RequestId(self.requests);
                    exchange.waits = Waits::Answer { id, give_up_at };
                    let is_write = request.method() != http::Method::GET;
                    self.budget.spend(now.at, is_write);
                    self.request = Some(Request { id, http: request, give_up_at });
                    return;
                }
                Step::WaitUntil(at) if at > now.at => {
                    exchange.waits = Waits::Until(at);
                    return;
                }
                Step::WaitUntil(_) => {
                    step = self.lock.wake(now);
                    self.events.extend(self.lock.take_warnings().into_iter().map(Event::Warning));
                }
                Step::Done(reply) => {
                    let ticket = exchange.ticket;
                    self.exchange = None;
                    self.note(&reply);
                    return self.tell(now, elector::Input::Reply(ticket, reply));
                }
            }
        }
    }

    fn note(&mut self, reply: &Reply) {
        match reply {
            Reply::Standing(_) | Reply::Unchanged | Reply::Written(_) => {
                self.has_read = true;
                self.refusal = None;
            }
            Reply::Failed(Failure::Denied(reason)) => {
                if self.refusal.as_ref() != Some(reason) {
                    self.events.push(Event::Warning(Warning::Denied { reason: reason.clone() }));
                }
                self.refusal = Some(reason.clone());
            }
            Reply::Failed(Failure::Conflict) => self.void_writes += 1,
            Reply::Failed(_) => {}
        }
    }

    fn slept(&self, now: Now) -> Option<std::time::Duration> {
        self.sleep.as_ref()?.slept_since(self.elector.rests_on()?, now)
    }

    fn next(&self) -> Next {
        let next = self.elector.next();
        let Some(exchange) = &self.exchange else { return next };
        let (at, why) = match exchange.waits {
            Waits::Answer { give_up_at, .. } => (give_up_at, Why::GiveUp),
            Waits::Until(at) => (at, Why::Lock),
        };
        match next {
            Next::WakeAt(sooner, why) if sooner <= at => Next::WakeAt(sooner, why),
            Next::Done => Next::Done,
            Next::WakeAt(..) | Next::OnInput(_) => Next::WakeAt(at, why),
        }
    }
}

/// What a candidate is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reads, waits for the lease of another to run out.
    Following,
    /// Claims, settles, confirms.
    Claiming,
    /// Leads.
    Leading,
    /// Waits until the guarded work has ended.
    Stopping,
    /// Gives the lock back.
    Releasing,
    /// Has ended.
    Done,
}

/// What there is to see of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// What it is doing.
    pub phase: Phase,
    /// The holder's name as last read; `None`: not known yet; empty: free.
    pub leader: Option<String>,
    /// The token of the record that stands, or of the own term.
    pub token: Option<crate::record::Token>,
    /// The end of the own term; `None` unless leading.
    pub until: Option<Instant>,
    /// Until when the record that stands is respected, as counted here; `None`: own, free or unknown.
    pub stands_until: Option<Instant>,
    /// Whether a read ever succeeded.
    pub has_read: bool,
    /// Own writes that counted for nothing, because another one came before them.
    pub void_writes: u64,
    /// The refusal that the last request met, if it met one.
    pub refusal: Option<Reason>,
    /// Requests and writes, as configured and as spent.
    pub budget: Budget,
}
