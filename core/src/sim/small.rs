//! The small world, explored exhaustively: every placement of a few deviations among real candidates.
//!
//! A schedule without deviation is a fixed one: every request takes [`WAY`] there and back. A *deviation* is one thing
//! that goes wrong with one request: it is lost, its answer is lost, late or doubled, it takes effect late, it shows the
//! past; its sender is killed and comes back, stands still for longer than a lease, or is asked to stop, right after it
//! was sent; or, of two writes within `settle`, one vanishes. Explored is *every* way to place up to so many deviations in
//! a span of time, with the calls of the real [`Candidate`] as transitions. Worlds that are the same in every respect are
//! visited once: two worlds are taken for the same only if everything in them is, down to the last field of each
//! candidate.
//!
//! A general explorer of models wants states that are small and hashable; here a state is whole candidates and a store.
//! So the explorer is a depth-first search of forty lines, and the fingerprint is a hash of what `Debug` shows.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::time::Duration;

use http::{Request, Response};
use sha1::{Digest, Sha1};

use super::clock::Moment;
use super::store::{Lost, SECRET, Store};
use crate::candidate::{Candidate, Input, RequestId};
use crate::emulator::{Limits, RevisionId, Settings as EmulatorSettings};
use crate::event::{Event, Next};
use crate::gist::{DEFAULT_FILE, Gist, Settings as GistSettings, WRITE_INTERVAL};
use crate::lock::Identity;
use crate::record::WriteMode;
use crate::time::{Clock, Instant, Now, WallClock};
use crate::timing::{Settings, Timing};

/// A request's way there, and an answer's way back.
const WAY: Duration = Duration::from_millis(50);
/// How long a killed candidate stays away.
const RESTART: Duration = Duration::from_millis(300);

/// What is explored.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// How many candidates.
    pub candidates: usize,
    /// How all of them write, or how each does.
    pub writes: Vec<WriteMode>,
    /// How long after the first the others start, at most 32: they are alike but for that, so one order stands for all.
    pub start_apart: Duration,
    /// Deviations in one schedule, at most.
    pub deviations: u8,
    /// Virtual time explored.
    pub span: Duration,
    /// How long candidates let a claim settle. The store may lose one of two writes within [`Bounds::SETTLE`], whatever
    /// they do: with less, two lead.
    pub settle: Duration,
}

impl Bounds {
    /// Within this time the store may lose one of two writes.
    pub const SETTLE: Duration = Duration::from_millis(500);

    /// The timings: as short as they may be, so that a span holds several leases.
    ///
    /// # Panics
    /// Never, up to [`Bounds::SETTLE`]: they satisfy every inequality.
    #[must_use]
    pub fn timing(&self) -> Timing {
        let settings = Settings {
            lease: Duration::from_secs(5),
            renew_deadline: Duration::from_millis(4400),
            renew_interval: Duration::from_secs(1),
            poll: Duration::from_secs(1),
            settle: self.settle,
            stop_grace: Duration::ZERO,
            request_timeout: Some(Duration::from_secs(1)),
        };
        Timing::new(settings, WRITE_INTERVAL).expect("they satisfy every inequality")
    }
}

/// What was explored.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// Different worlds in which a choice was made.
    pub states: u64,
    /// Choices that led to a world already known.
    pub folded: u64,
    /// Schedules played to the end of the span.
    pub ends: u64,
    /// Terms begun, over all schedules.
    pub terms: u64,
    /// The schedule that breaks exclusion, if one does: its choices in order, and what happened.
    pub broken: Option<String>,
}

/// Explores everything within the bounds. `share` of `shares`: this call takes every so many-th branch at the root.
#[must_use]
pub fn explore_all(bounds: &Bounds, (share, shares): (usize, usize)) -> Explored {
    let mut explored = Explored::default();
    let mut known: BTreeSet<[u8; 16]> = BTreeSet::new();
    let mut stack = vec![World::new(bounds)];
    let mut branch = 0;
    while let Some(mut world) = stack.pop() {
        loop {
            if let Some(broken) = world.broken.take() {
                explored.broken = Some(format!("{broken}\n{}", world.choices.join("\n")));
                return explored;
            }
            let Some(pending) = world.undecided.take() else {
                if world.advance(bounds.span) {
                    continue;
                }
                explored.ends += 1;
                explored.terms += world.terms;
                break;
            };
            if !known.insert(world.fingerprint(&pending)) {
                explored.folded += 1;
                break;
            }
            explored.states += 1;
            let mut choices = world.choices_for(&pending);
            let last = choices.pop();
            for choice in choices {
                // The undisturbed schedule is everybody's; each first deviation belongs to one share.
                if world.left == bounds.deviations {
                    branch += 1;
                    if branch % shares != share {
                        continue;
                    }
                }
                let mut other = world.clone();
                other.decide(pending.clone(), choice);
                stack.push(other);
            }
            world.decide(pending, last.unwrap_or(Choice::Normal));
        }
    }
    explored
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// All but `Normal` cost a deviation.
    Lost,
    Back(Back),
    Late(Duration),
    Stale,
    Vanishes(Vanishes),
    Killed,
    Paused,
    Stopped,
    Normal,
}

/// How the answer comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    Never,
    Once,
    /// After the request was given up.
    GivenUp,
    /// After a lease.
    Outdated,
    Twice,
}

/// Which of two writes within settle goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vanishes {
    First,
    Second,
    SecondLater,
}

/// A request that was sent and whose fate is to be chosen.
#[derive(Clone, Debug)]
struct Pending {
    from: usize,
    id: RequestId,
    request: Box<Request<Vec<u8>>>,
}

impl Pending {
    fn is_write(&self) -> bool {
        *self.request.method() != http::Method::GET
    }
}

#[derive(Clone, Debug)]
enum Occurrence {
    Wake { process: usize, timer: u64 },
    Arrive { pending: Pending, lost: Option<Vanishes>, is_stale: bool, back: Back },
    Answer { to: usize, id: RequestId, response: Response<Vec<u8>> },
    WorkStops { process: usize },
    Undo { revision: RevisionId, to: RevisionId },
    Start { seat: usize },
}

#[derive(Clone, Debug)]
struct Process {
    seat: usize,
    candidate: Candidate<Gist>,
    timer: u64,
    until: Option<Moment>,
    token: u64,
    is_alive: bool,
    paused_until: Moment,
    is_stopping: bool,
}

#[derive(Clone, Debug)]
struct World {
    now: Moment,
    left: u8,
    store: Store,
    /// The head before the newest write: what a stale read shows.
    before: RevisionId,
    writes: Vec<WriteMode>,
    timing: Timing,
    processes: Vec<Process>,
    starts: u64,
    /// In the order of their moments; of two at one moment the one that was planned first comes first.
    agenda: Vec<(Moment, Occurrence)>,
    undecided: Option<Pending>,
    greatest: u64,
    terms: u64,
    choices: Vec<String>,
    broken: Option<String>,
}

impl World {
    fn new(bounds: &Bounds) -> Self {
        let settings = EmulatorSettings { limits: Limits::Off, ..EmulatorSettings::default() };
        let store = Store::new(settings, Bounds::SETTLE);
        let mut world = Self {
            now: Moment::ZERO,
            left: bounds.deviations,
            before: store.head(),
            store,
            writes: bounds.writes.clone(),
            timing: bounds.timing(),
            processes: Vec::new(),
            starts: 0,
            agenda: Vec::new(),
            undecided: None,
            greatest: 0,
            terms: 0,
            choices: Vec::new(),
            broken: None,
        };
        for seat in 0..bounds.candidates {
            let apart = bounds.start_apart * u32::try_from(seat).unwrap_or(0);
            world.plan(Moment::ZERO + apart, Occurrence::Start { seat });
        }
        world
    }

    fn plan(&mut self, at: Moment, occurrence: Occurrence) {
        let place = self.agenda.partition_point(|(planned, _)| *planned <= at);
        self.agenda.insert(place, (at, occurrence));
    }

    /// The next thing happens. False at the end of the span.
    fn advance(&mut self, span: Duration) -> bool {
        if self.agenda.is_empty() || self.agenda[0].0 > Moment::after(span) {
            return false;
        }
        let (at, occurrence) = self.agenda.remove(0);
        self.now = at;
        let process = match &occurrence {
            Occurrence::Wake { process, .. }
            | Occurrence::Answer { to: process, .. }
            | Occurrence::WorkStops { process } => Some(*process),
            _ => None,
        };
        if let Some(process) = process {
            let paused_until = self.processes[process].paused_until;
            if self.now < paused_until {
                self.plan(paused_until, occurrence);
                return true;
            }
        }
        match occurrence {
            Occurrence::Wake { process, timer } if self.processes[process].timer == timer => {
                self.step(process, Input::Wake);
            }
            Occurrence::Wake { .. } => {}
            Occurrence::Answer { to, id, response } => self.step(to, Input::Response(id, response)),
            Occurrence::WorkStops { process } => self.step(process, Input::WorkStopped),
            Occurrence::Arrive { pending, lost, is_stale, back } => self.arrive(&pending, lost, is_stale, back),
            Occurrence::Undo { revision, to } => {
                self.store.undo(self.now, revision, to);
            }
            Occurrence::Start { seat } => self.start(seat),
        }
        true
    }

    fn time(&self) -> Now {
        // All clocks run alike here: the margin for their rates is the simulator's business.
        let nanos = u64::try_from(self.now.since(Moment::ZERO).as_nanos()).unwrap_or(u64::MAX);
        Now { at: Instant::from_nanos(nanos), wall: WallClock(self.now.unix_ms()) }
    }

    fn start(&mut self, seat: usize) {
        self.starts += 1;
        let timing = self.timing;
        let settings = GistSettings {
            gist: self.store.gist.to_string(),
            file: DEFAULT_FILE.to_owned(),
            api: "http://api.test".to_owned(),
            git: None,
            token: Some(SECRET.to_owned()),
            write: self.writes.get(seat).or(self.writes.last()).copied().unwrap_or_default(),
            allow_http: true,
            lease: timing.lease(),
            settle: timing.settle(),
            request_timeout: timing.request_timeout(),
        };
        let me = Identity::new(format!("c{seat}"), format!("c{seat}#{}", self.starts)).expect("short and not empty");
        let lock = Gist::new(settings, me, self.starts).expect("settings that are checked elsewhere");
        let process = Process {
            seat,
            candidate: Candidate::new(lock, timing, Clock::Boot, self.starts, self.time()),
            timer: 0,
            until: None,
            token: 0,
            is_alive: true,
            paused_until: Moment::ZERO,
            is_stopping: false,
        };
        self.processes.push(process);
        self.step(self.processes.len() - 1, Input::Wake);
    }

    fn step(&mut self, index: usize, input: Input) {
        let now = self.time();
        let process = &mut self.processes[index];
        if !process.is_alive {
            return;
        }
        let output = process.candidate.handle(now, input);
        for event in &output.events {
            if let Event::StartedLeading { token } = event {
                self.terms += 1;
                let (token, greatest) = (token.get(), self.greatest);
                self.greatest = greatest.max(token);
                if token <= greatest {
                    self.broken = Some(format!("{:?}: a term with token {token} after {greatest}", self.now));
                }
            }
        }
        let process = &mut self.processes[index];
        process.until = output.lease.map(|lease| Moment::after(lease.until.since(Instant::ZERO)));
        process.token = output.lease.map_or(process.token, |lease| lease.token.get());
        let leads = process.until.is_some();
        if output.events.iter().any(|event| matches!(event, Event::Stopping { .. })) {
            self.plan(self.now, Occurrence::WorkStops { process: index });
        }
        if leads {
            self.check(index);
        }
        let process = &mut self.processes[index];
        process.timer += 1;
        let timer = process.timer;
        match output.next {
            Next::WakeAt(at, _) => {
                let at = Moment::after(at.since(Instant::ZERO)).max(self.now);
                self.plan(at, Occurrence::Wake { process: index, timer });
            }
            Next::OnInput(_) => {}
            Next::Done => process.is_alive = false,
        }
        if let Some(request) = output.request {
            self.undecided = Some(Pending { from: index, id: request.id, request: request.http });
        }
    }

    /// Never two at once. Who is paused or dead counts until its lease ends.
    fn check(&mut self, index: usize) {
        let others = self.processes.iter().enumerate().filter(|(other, _)| *other != index);
        let live =
            others.map(|(_, process)| process).find(|process| process.until.is_some_and(|until| until > self.now));
        if let Some(other) = live {
            let words = format!(
                "{:?}: seat {} leads with token {}, and seat {} with token {} until {:?}",
                self.now, self.processes[index].seat, self.processes[index].token, other.seat, other.token, other.until
            );
            self.broken = Some(words);
        }
    }

    fn choices_for(&self, pending: &Pending) -> Vec<Choice> {
        if self.left == 0 {
            return vec![Choice::Normal];
        }
        let timing = self.timing;
        let mut choices = vec![Choice::Lost, Choice::Killed, Choice::Paused];
        if !self.processes[pending.from].is_stopping {
            choices.push(Choice::Stopped);
        }
        if pending.is_write() {
            choices.extend([Back::Never, Back::GivenUp, Back::Outdated, Back::Twice].map(Choice::Back));
            // Within the timeout, just after it, when a lease has run out, and when a successor leads.
            let late = [
                timing.request_timeout() / 2,
                timing.request_timeout() + WAY,
                timing.lease().saturating_sub(WAY),
                timing.lease() + timing.poll() + timing.settle() + WAY,
            ];
            choices.extend(late.map(Choice::Late));
            choices.extend([Vanishes::First, Vanishes::Second, Vanishes::SecondLater].map(Choice::Vanishes));
        } else if self.before != self.store.head() {
            choices.push(Choice::Stale);
        }
        choices.push(Choice::Normal);
        choices
    }

    fn decide(&mut self, pending: Pending, choice: Choice) {
        let from = pending.from;
        let mut up = WAY;
        let (mut lost, mut is_stale, mut back) = (None, false, Back::Once);
        if choice != Choice::Normal {
            self.left -= 1;
            let what = format!("{} {}", pending.request.method(), pending.request.uri().path());
            self.choices.push(format!("{:?}: {what} of process {from}: {choice:?}", self.now));
        }
        match choice {
            Choice::Normal => {}
            Choice::Lost => return,
            Choice::Back(other) => back = other,
            Choice::Late(span) => up = span,
            Choice::Stale => is_stale = true,
            Choice::Vanishes(which) => lost = Some(which),
            Choice::Killed => {
                self.processes[from].is_alive = false;
                let seat = self.processes[from].seat;
                self.plan(self.now + RESTART, Occurrence::Start { seat });
            }
            Choice::Paused => {
                self.processes[from].paused_until = self.now + self.timing.lease() + self.timing.poll();
            }
            Choice::Stopped => {
                self.processes[from].is_stopping = true;
                self.plan(self.now + WAY, Occurrence::Arrive { pending, lost, is_stale, back });
                self.step(from, Input::Stop);
                return;
            }
        }
        self.plan(self.now + up, Occurrence::Arrive { pending, lost, is_stale, back });
    }

    fn arrive(&mut self, pending: &Pending, lost: Option<Vanishes>, is_stale: bool, back: Back) {
        let (now, request) = (self.now, &pending.request);
        let response = if pending.is_write() {
            let lost = lost.map(|which| match which {
                Vanishes::First => Lost::First,
                Vanishes::Second => Lost::Second,
                Vanishes::SecondLater => Lost::SecondAfter(Bounds::SETTLE / 2),
            });
            let before = self.store.head();
            let (response, landing) = self.store.write(now, "10.0.0.1", request, lost);
            if let Some(landing) = landing {
                self.before = before;
                if let Some(after) = landing.undo_after {
                    self.plan(now + after, Occurrence::Undo { revision: landing.revision, to: landing.met });
                }
            }
            response
        } else {
            let shown = is_stale.then_some(self.before);
            self.store.read_at(now, "10.0.0.1", request, shown)
        };
        let given_up = self.timing.request_timeout();
        let ways = match back {
            Back::Never => vec![],
            Back::Once => vec![WAY],
            Back::GivenUp => vec![given_up],
            Back::Outdated => vec![self.timing.lease()],
            Back::Twice => vec![WAY, given_up],
        };
        for way in ways {
            let response = response.clone();
            self.plan(now + way, Occurrence::Answer { to: pending.from, id: pending.id, response });
        }
    }

    /// A hash of everything that the future depends on.
    fn fingerprint(&self, pending: &Pending) -> [u8; 16] {
        struct Hash(Sha1);
        impl fmt::Write for Hash {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.update(text);
                Ok(())
            }
        }
        let Self { now, left, before, processes, starts, agenda, greatest, .. } = self;
        let mut hash = Hash(Sha1::new());
        let head = self.store.fingerprint();
        write!(hash, "{now:?} {left} {before} {starts} {greatest} {head} {pending:?} {agenda:?} {processes:?}")
            .expect("a hash takes everything");
        let digest: [u8; 20] = hash.0.finalize().into();
        *digest.first_chunk().expect("20 are more than 16")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It can fail: where claims settle for less time than the store needs, one lost update is enough for two leaders.
    #[test]
    fn what_settles_too_shortly_has_two_leaders() {
        let bounds = |settle| Bounds {
            candidates: 2,
            writes: vec![WriteMode::Patch],
            start_apart: Duration::ZERO,
            deviations: 1,
            span: Duration::from_secs(2),
            settle,
        };
        let broken = explore_all(&bounds(Duration::ZERO), (0, 1)).broken.unwrap_or_default();
        assert!(broken.contains("Vanishes"), "{broken}");
        assert_eq!(explore_all(&bounds(Bounds::SETTLE), (0, 1)).broken, None);
    }
}
