//! The world: several candidates, one store, a network in between, and true time.
//!
//! It drives each candidate exactly as the stdio contract says: it sends what is asked for, wakes it when it asks to
//! be woken, says `WorkStopped` once the guarded work has ended, drops a request at its give-up moment, whose write
//! may still land later.

use std::time::Duration;

use http::{Request, Response};

use super::agenda::Agenda;
use super::checks::{Check, Lease, Term, Terms, Violation};
use super::clock::Moment;
use super::contract::{written, written_text};
use super::coverage::{Coverage, Path};
use super::dice::Dice;
use super::faults::{Fault, Weather};
use super::network::{Effect, Fate, Kind, Network};
use super::people::{Foreign, foreign_write};
use super::process::{Actor, Process, Seat};
use super::store::{Landing, Store};
use super::story::Story;
use super::watch::{Happening, Message, Watch};
use crate::candidate::{Input, Output, Phase, RequestId};
use crate::emulator::RevisionId;
use crate::event::{Event, Next, StopReason};
use crate::lock::Sent;
use crate::warning::Warning;

/// Something to come.
#[derive(Clone, Debug)]
pub(super) enum Occurrence {
    Wake {
        process: usize,
        /// The timer that rings; `None`: nobody asked for it.
        timer: Option<u64>,
    },
    Arrive {
        from: usize,
        id: RequestId,
        request: Box<Request<Vec<u8>>>,
        fate: Fate,
    },
    Answer {
        to: usize,
        id: RequestId,
        response: Response<Vec<u8>>,
        shows: Option<RevisionId>,
    },
    NoAnswer {
        to: usize,
        id: RequestId,
        sent: Sent,
    },
    WorkStops {
        process: usize,
    },
    /// A host is asked something.
    Told {
        process: usize,
        input: Input,
    },
    Undo {
        revision: RevisionId,
        to: RevisionId,
    },
    Resume {
        seat: usize,
    },
    Heal {
        seat: usize,
    },
    Start {
        seat: usize,
    },
    Foreign(Foreign),
    Incident,
    /// This process is asked to end, and its machine starts another later.
    Stop {
        process: usize,
    },
}

/// A request that a candidate sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentRequest {
    /// When.
    pub at: Moment,
    /// By the candidate of which seat.
    pub seat: usize,
    /// What for.
    pub kind: Kind,
    /// The status of the answer, once it is in.
    pub status: Option<u16>,
}

/// A world. Everything in it follows from its seed. A clone goes its own way from there.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) now: Moment,
    pub(super) dice: Dice,
    pub(super) agenda: Agenda<Occurrence>,
    pub(super) store: Store,
    pub(super) seats: Vec<Seat>,
    pub(super) processes: Vec<Process>,
    pub(super) terms: Terms,
    pub(super) weather: Weather,
    pub(super) coverage: Coverage,
    pub(super) story: Story,
    pub(super) watch: Watch,
    pub(super) violation: Option<Violation>,
    /// Only exclusion is judged: others keep none of the other promises.
    pub(super) only_exclusion: bool,
    pub(super) latency: (Duration, Duration),
    /// Mean time between two incidents.
    pub(super) incident_every: Duration,
    pub(super) sent: Vec<SentRequest>,
    pub(super) events: Vec<(Moment, usize, Event)>,
    pub(super) landings: Vec<(Moment, RevisionId)>,
}

impl World {
    /// True time.
    #[must_use]
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// Lets time pass until `end`, or until a promise is broken.
    pub fn run_until(&mut self, end: Moment) {
        while !self.is_over()
            && let Some((at, occurrence)) = self.agenda.next_until(end)
        {
            self.now = at;
            self.occur(occurrence);
        }
        if !self.is_over() {
            self.now = self.now.max(end);
        }
    }

    /// Whether time stands still, because a promise was broken.
    pub(super) const fn is_over(&self) -> bool {
        self.violation.is_some() && !self.watch.is_on()
    }

    /// When the next thing happens.
    #[must_use]
    pub fn next_at(&self) -> Option<Moment> {
        self.agenda.next_at()
    }

    fn occur(&mut self, occurrence: Occurrence) {
        match occurrence {
            Occurrence::Arrive { from, id, request, fate } => self.arrive(from, id, &request, &fate),
            Occurrence::Undo { revision, to } => {
                if self.store.undo(self.now, revision, to) {
                    self.coverage.fault(Fault::LostUpdate);
                    self.watch.note(self.now, || Happening::Vanished { revision, head: to });
                    self.story.tell(self.now, "store", || format!("{revision} vanishes, {to} is the head again"));
                }
            }
            Occurrence::Resume { seat } => self.resume(seat),
            Occurrence::Heal { seat } => self.heal(seat),
            Occurrence::Start { seat } => self.start(seat),
            Occurrence::Foreign(foreign) => self.foreign_writes(foreign),
            Occurrence::Incident => self.incident(),
            Occurrence::Stop { process } => self.stop_process(process),
            Occurrence::Wake { process, .. }
            | Occurrence::Answer { to: process, .. }
            | Occurrence::NoAnswer { to: process, .. }
            | Occurrence::Told { process, .. }
            | Occurrence::WorkStops { process } => self.host(process, occurrence),
        }
    }

    /// What a host gets to handle, if it lives; later, if it is paused.
    pub(super) fn host(&mut self, index: usize, occurrence: Occurrence) {
        let process = &mut self.processes[index];
        if !process.is_alive {
            return;
        }
        if process.is_paused {
            process.backlog.push(occurrence);
            return;
        }
        match occurrence {
            Occurrence::Wake { timer: Some(timer), .. } if timer != process.timer => {}
            Occurrence::Wake { .. } => self.step(index, Input::Wake, None),
            Occurrence::Answer { id, response, shows, .. } if !self.seats[process.seat].link.is_cut => {
                self.watch.note(self.now, || Happening::Heard {
                    message: Message { process: index, id },
                    seat: process.seat,
                    status: response.status().as_u16(),
                    is_late: process.awaits != Some(id),
                });
                self.step(index, Input::Response(id, response), shows);
            }
            Occurrence::NoAnswer { id, sent, .. } => {
                let message = Message { process: index, id };
                self.watch.note(self.now, || Happening::Unanswered { message, seat: process.seat });
                self.step(index, Input::Failed(id, sent), None);
            }
            Occurrence::WorkStops { .. } => self.step(index, Input::WorkStopped, None),
            Occurrence::Told { input, .. } => self.step(index, input, None),
            _ => {}
        }
    }

    /// One call of a candidate.
    pub(super) fn step(&mut self, index: usize, input: Input, shows: Option<RevisionId>) {
        let Self { processes, seats, store, coverage, story, now: moment, .. } = self;
        let process = &mut processes[index];
        let now = seats[process.seat].clock.now(*moment);
        let heard = shows.map(|head| (head, &*store));
        process.contract.hear(now.at, &input, heard, coverage);
        story.tell(*moment, &process.instance, || format!("[{:?}] <- {}", now.at, told(&input, shows)));
        if let Input::Response(id, _) | Input::Failed(id, _) = &input
            && process.awaits == Some(*id)
        {
            process.awaits = None;
        }
        let claims = || process.actor.view().is_some_and(|view| view.phase == Phase::Claiming);
        if matches!(input, Input::Stop) && claims() {
            coverage.path(Path::StopDuringClaim);
        }
        let steps_down = matches!(input, Input::StepDown) && process.actor.seen().phase != Phase::Following;
        let output = process.actor.handle(now, input);
        process.note_away(*moment, steps_down, seats[process.seat].timing.lease());
        coverage.steps += 1;
        story.tell(*moment, &process.instance, || format!("            -> {}", said(&output)));
        let is_ours = matches!(process.actor, Actor::Candidate(_));
        if is_ours && let Err((check, words)) = process.contract.check(now.at, &output, store, coverage) {
            return self.broken(check, words);
        }
        self.take(index, output);
    }

    fn take(&mut self, index: usize, output: Output) {
        self.lease(index, &output);
        let seat = self.processes[index].seat;
        self.watch_process(index, output.next, output.lease);
        for event in output.events {
            self.event(index, &event);
            self.watch.note(self.now, || Happening::Said { seat, event: event.clone() });
            self.events.push((self.now, seat, event));
        }
        if let Some(request) = output.request {
            self.processes[index].awaits = Some(request.id);
            self.send(index, request.id, request.http);
        }
        match output.next {
            Next::WakeAt(at, _) => self.set_timer(index, at),
            Next::OnInput(_) => self.processes[index].timer += 1,
            Next::Done => {
                self.processes[index].is_alive = false;
                self.seats[seat].process = None;
            }
        }
    }

    fn lease(&mut self, index: usize, output: &Output) {
        let process = &self.processes[index];
        let Some(lease) = output.lease else { return self.terms.end(self.now, index) };
        let until = self.seats[process.seat].clock.moment_of(lease.until);
        let term = Term {
            seat: process.seat,
            instance: process.instance.clone(),
            token: lease.token.get(),
            from: self.now,
            until,
            works_until: until,
            process: index,
        };
        let before = self.terms.all().last().map(|term| (term.seat, term.process));
        match self.terms.lead(self.now, term) {
            Ok(Lease::Begun) => {
                self.coverage.path(Path::Term);
                if self.seats[process.seat].clock.is_wrong() {
                    self.coverage.fault(Fault::WrongClock);
                }
                if before.is_some_and(|(seat, last)| seat == process.seat && last != index) {
                    self.coverage.path(Path::SameNameAgain);
                }
                let is_ours = matches!(process.actor, Actor::Candidate(_));
                if is_ours && process.contract.acknowledged() != Some(lease.token.get()) {
                    let words = format!(
                        "{} leads with token {}, and no answer showed it a record of its own with that",
                        process.instance, lease.token
                    );
                    self.broken(Check::TokenOfRecord, words);
                }
            }
            Ok(Lease::Extended) => self.coverage.path(Path::Extended),
            Ok(Lease::Same) => {}
            Err((check, words)) => self.broken(check, words),
        }
    }

    fn event(&mut self, index: usize, event: &Event) {
        match event {
            Event::Stopping { why, .. } => {
                self.coverage.path(match why {
                    StopReason::Stop => Path::EndedByStop,
                    StopReason::Deadline => Path::EndedByDeadline,
                    StopReason::Lost => Path::EndedByLoss,
                });
                let seat = &self.seats[self.processes[index].seat];
                let (grace, word) = (seat.timing.stop_grace(), seat.word_takes);
                let takes = seat.work_takes.unwrap_or_else(|| self.dice.between(Duration::ZERO, grace));
                let ends = self.terms.stop_work(self.now, index, takes);
                let word = if self.happens(Fault::SlowWork) {
                    self.dice.between(Duration::ZERO, Duration::from_secs(40))
                } else {
                    word
                };
                self.agenda.plan(ends + word, Occurrence::WorkStops { process: index });
            }
            Event::Released => self.coverage.path(Path::Released),
            Event::Warning(warning) => match warning {
                Warning::NoRecordInSight { .. } | Warning::TokensExhausted { .. } | Warning::OtherMode { .. } => {
                    self.processes[index].is_barred = true;
                    self.coverage.path(Path::Barred);
                    if matches!(warning, Warning::OtherMode { .. }) {
                        self.coverage.fault(Fault::MixedModes);
                    }
                }
                Warning::ThrottledBeyondLease { .. } => self.coverage.path(Path::ThrottledBeyondLease),
                Warning::StaleRead { .. } => self.coverage.path(Path::StaleNoticed),
                Warning::NotReleased { .. } => self.coverage.path(Path::NotReleased),
                _ => {}
            },
            Event::StartedLeading { .. } => self.processes[index].is_barred = false,
            Event::NewLeader { .. } | Event::StoppedLeading => {}
        }
    }

    fn send(&mut self, index: usize, id: RequestId, request: Box<Request<Vec<u8>>>) {
        let seat = self.processes[index].seat;
        let kind = Kind::of(&request);
        self.sent.push(SentRequest { at: self.now, seat, kind, status: None });
        self.coverage.requests += 1;
        let latest = self.seats.iter().map(|seat| seat.timing.lease()).max().unwrap_or_default();
        let fate = Network {
            dice: &mut self.dice,
            weather: &self.weather,
            coverage: &mut self.coverage,
            link: self.seats[seat].link,
            latency: self.latency,
            latest,
        }
        .fate(kind);
        self.story.tell(self.now, "network", || format!("{id:?} {kind:?} of {seat}: {fate:?}"));
        self.watch.note(self.now, || Happening::Sent {
            message: Message { process: index, id },
            seat,
            kind,
            arrives: fate.up.map(|up| self.now + up),
            writes: (kind == Kind::Write).then(|| written_text(&request)).flatten(),
        });
        if let Some((after, sent)) = fate.failure {
            self.agenda.plan(self.now + after, Occurrence::NoAnswer { to: index, id, sent });
        }
        let claims = || self.processes[index].actor.view().is_some_and(|view| view.phase == Phase::Claiming);
        if kind == Kind::Write && claims() && self.happens(Fault::StopDuringClaim) {
            let after = self.dice.between(Duration::ZERO, Duration::from_millis(1500));
            self.agenda.plan(self.now + after, Occurrence::Stop { process: index });
        }
        let Some(up) = fate.up else { return };
        if let Some(later) = fate.repeated {
            let effect = Effect {
                is_carried_out: true,
                says_instead: None,
                stale_by: None,
                lost: fate.effect.lost,
                hides_history: false,
                is_cut_short: false,
            };
            let again = Fate { up: None, effect, down: None, twice: None, failure: None, repeated: None };
            let request = request.clone();
            self.agenda.plan(self.now + up + later, Occurrence::Arrive { from: index, id, request, fate: again });
        }
        self.agenda.plan(self.now + up, Occurrence::Arrive { from: index, id, request, fate });
    }

    fn arrive(&mut self, from: usize, id: RequestId, request: &Request<Vec<u8>>, fate: &Fate) {
        let unix_ms = self.now.unix_ms();
        let kind = Kind::of(request);
        let client = format!("10.0.0.{}", self.processes[from].seat);
        let mut shows = None;
        let mut response = None;
        let mut made = None;
        let seat = self.processes[from].seat;
        if fate.effect.is_carried_out {
            self.store.show_history(!fate.effect.hides_history);
            response = Some(if kind == Kind::Write {
                let (response, landing) = self.store.write(self.now, &client, request, fate.effect.lost);
                // The report of a push that was refused shows nothing.
                let is_push = *request.method() == http::Method::POST;
                let met = (!is_push).then(|| self.store.head());
                shows = landing.as_ref().map(|landing| landing.revision).or(met);
                if let Some(landing) = landing {
                    made = Some((landing.revision, self.store.is_void(landing.revision), landing.lost));
                    self.landed(from, id, request, &landing);
                }
                response
            } else {
                let (response, revision) = self.store.read(self.now, &client, request, fate.effect.stale_by);
                // A list of refs shows no text.
                shows = (kind != Kind::Refs).then_some(revision);
                response
            });
        }
        let refused = [http::StatusCode::FORBIDDEN, http::StatusCode::TOO_MANY_REQUESTS];
        if response.as_ref().is_some_and(|response| refused.contains(&response.status())) {
            shows = None;
            self.coverage.fault(Fault::Limits);
        }
        if let Some(no) = fate.effect.says_instead {
            response = Some(no.response(unix_ms));
            shows = None;
        }
        self.watch.note(self.now, || Happening::Arrived {
            message: Message { process: from, id },
            seat,
            kind,
            made: made.map(|(revision, ..)| revision),
            is_void: made.is_some_and(|(_, is_void, _)| is_void),
            lost: made.and_then(|(.., lost)| lost),
            status: response.as_ref().map(|response| response.status().as_u16()),
            shows,
            back: response.as_ref().and(fate.down).map(|down| self.now + down),
        });
        let (Some(mut response), Some(down)) = (response, fate.down) else { return };
        if fate.effect.is_cut_short && response.status().is_success() {
            let body = response.body_mut();
            body.truncate(body.len() / 2);
            shows = None;
        }
        let status = response.status().as_u16();
        if let Some(sent) = self.sent.iter_mut().rev().take(64).find(|sent| sent.seat == seat && sent.status.is_none())
        {
            sent.status = Some(status);
        }
        if let Some(later) = fate.twice {
            let again = Occurrence::Answer { to: from, id, response: response.clone(), shows };
            self.agenda.plan(self.now + down + later, again);
        }
        self.agenda.plan(self.now + down, Occurrence::Answer { to: from, id, response, shows });
    }

    /// A write of a candidate took effect.
    fn landed(&mut self, from: usize, id: RequestId, request: &Request<Vec<u8>>, landing: &Landing) {
        let process = &self.processes[from];
        let is_void = self.store.is_void(landing.revision);
        let says = written(request);
        self.story.tell(self.now, "store", || {
            let record = says.record();
            format!(
                "{} writes {} with token {:?} on {}{}{}",
                process.instance,
                landing.revision,
                record.map(|says| (says.is_held(), says.leader_transitions)),
                landing.met,
                if is_void { ", void" } else { "" },
                landing.lost.map_or_else(String::new, |lost| format!(", and {lost} vanishes")),
            )
        });
        self.landings.push((self.now, landing.revision));
        if is_void {
            self.coverage.path(Path::Void);
        }
        if process.awaits != Some(id) || !process.is_alive {
            self.coverage.path(Path::LandedAbandoned);
        }
        if landing.lost.is_some() {
            self.coverage.fault(Fault::LostUpdate);
        }
        if landing.lost.is_some() || landing.undo_after.is_some() {
            self.coverage.path(if landing.with_push { Path::LostToPush } else { Path::LostPatch });
        }
        if let Some(after) = landing.undo_after {
            let undo = Occurrence::Undo { revision: landing.revision, to: landing.met };
            self.agenda.plan(self.now + after, undo);
        }
        let others = self.terms.live(self.now).filter(|term| term.process != from).map(|term| term.instance.clone());
        if let Some(live) = others {
            self.coverage.path(Path::OnLiveTerm);
            if !is_void && let Some(says) = says.record() {
                let what = if says.is_held() { "writes" } else { "releases" };
                let words = format!("{} {what} while {live} leads, and it is valid", self.processes[from].instance);
                self.broken(Check::NothingDestroyed, words);
            }
        }
        if is_void && says.record().is_some_and(|says| !says.is_held()) {
            self.coverage.path(Path::ReleaseVoid);
        }
    }

    pub(super) fn foreign_writes(&mut self, mut foreign: Foreign) {
        let request = foreign_write(&self.store, self.now, &foreign);
        let (_, landing) = self.store.write(self.now, "10.0.1.1", &request, None);
        self.story.tell(self.now, "foreign", || format!("{foreign:?} writes: {landing:?}"));
        self.watch.note(self.now, || {
            let what = format!("another program writes: held by {:?}, token {}", foreign.holder, foreign.token);
            Happening::Befell { seat: None, what }
        });
        if foreign.left > 0 {
            foreign.left -= 1;
            let pause = self.dice.between(Duration::from_secs(1), Duration::from_secs(6));
            self.agenda.plan(self.now + pause, Occurrence::Foreign(foreign));
        }
    }

    /// A process is asked to end, wherever it stands, and its machine starts another a lease later.
    fn stop_process(&mut self, index: usize) {
        let process = &self.processes[index];
        if process.is_alive && !process.is_paused {
            let seat = process.seat;
            self.agenda.plan(self.now + self.seats[seat].timing.lease(), Occurrence::Start { seat });
            self.step(index, Input::Stop, None);
        }
    }

    fn set_timer(&mut self, index: usize, at: crate::time::Instant) {
        self.processes[index].timer += 1;
        let timer = Some(self.processes[index].timer);
        let mut at = self.seats[self.processes[index].seat].clock.moment_of(at).max(self.now);
        if self.happens(Fault::WakeLate) {
            at = at + self.dice.between(Duration::ZERO, Duration::from_secs(8));
        }
        if self.happens(Fault::WakeEarly) {
            let early = self.now + self.dice.between(Duration::ZERO, at.since(self.now));
            self.agenda.plan(early, Occurrence::Wake { process: index, timer: None });
        }
        if self.happens(Fault::WakeTwice) {
            self.agenda.plan(at, Occurrence::Wake { process: index, timer: None });
        }
        self.agenda.plan(at, Occurrence::Wake { process: index, timer });
    }

    pub(super) fn happens(&mut self, fault: Fault) -> bool {
        let happens = self.dice.happens(self.weather.rate(fault));
        if happens {
            self.coverage.fault(fault);
        }
        happens
    }

    pub(super) fn broken(&mut self, check: Check, words: String) {
        let counts = !self.only_exclusion || check == Check::OneLeader;
        if self.violation.is_none() && counts {
            let violation = Violation { at: self.now, check, words };
            self.story.tell(self.now, "!!!", || violation.to_string());
            self.story.tell(self.now, "store", || format!("newest revisions:{}", self.store.described(40)));
            self.watch.note(self.now, || Happening::Broken(violation.clone()));
            self.violation = Some(violation);
        }
    }
}

/// An input in a line.
fn told(input: &Input, shows: Option<RevisionId>) -> String {
    match input {
        Input::Response(RequestId(id), response) => {
            format!("answer {id}: {}, shows {shows:?}", response.status().as_u16())
        }
        other => format!("{other:?}"),
    }
}

/// An output in a line.
fn said(output: &Output) -> String {
    let request = output.request.as_ref().map(|request| {
        let body = String::from_utf8_lossy(request.http.body());
        format!("{} {} {body} until {:?} ", request.http.method(), request.http.uri(), request.give_up_at)
    });
    let lease = output.lease.map(|lease| format!("leads({} until {:?}) ", lease.token, lease.until));
    format!("{:?} {}{}{:?}", output.events, request.unwrap_or_default(), lease.unwrap_or_default(), output.next)
}
