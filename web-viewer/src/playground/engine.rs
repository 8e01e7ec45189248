//! Plays a link in virtual time, forward and back.
//!
//! Everything follows from the [`Play`]: the same link is the same run, event by event, in however large steps it is
//! played. To go back, the engine takes up the nearest earlier copy of the world and plays on from there.

use std::time::Duration;

use leader_elector_core::sim::{Course, Happening, Moment, Rules, Status, Violation, World};

use super::act::Act;
use super::link::{Calm, MOST, Play, Setup};
use super::trace::Trace;

/// The candidates of a calm world.
pub const NAMES: [&str; MOST] = ["napoleon", "josephine", "wellington", "nelson", "kutuzov", "bluecher", "murat"];
/// The time between two copies of the world that are kept to go back to.
const COPY_EVERY: Duration = Duration::from_secs(10);
/// Copies that are kept: dense where the present is, and sparser the older they are.
const MOST_COPIES: usize = 12;
/// Copies are kept for so long: further back, nobody steps event by event. The beginning is always kept.
const OLDEST_COPY: Duration = Duration::from_mins(20);
/// What a picture shows of the past at most.
const PAST: Duration = Duration::from_mins(4);
/// What the world need not remember.
const OLD: Duration = Duration::from_mins(10);
/// Revisions that the store remembers.
const REVISIONS: usize = 40;
/// Spans of two leaders that are remembered.
const MOST_DOUBLES: usize = 50;

/// A span in which two led at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Double {
    /// Since when.
    pub from: Moment,
    /// Until when, as far as it has come.
    pub until: Moment,
    /// The two.
    pub seats: (usize, usize),
}

/// A run: the world, and what is known about it besides.
#[derive(Clone, Debug)]
struct Run {
    stage: Stage,
    /// Acts that are done.
    done: usize,
    /// The number of the next entry of the trace.
    next: u64,
    /// The seat that led first.
    first: Option<usize>,
    doubles: Vec<Double>,
    is_double: bool,
    /// How each seat was drawn last.
    drawn: Vec<Status>,
}

#[derive(Clone, Debug)]
enum Stage {
    Calm(Box<World>),
    Simulated(Box<Course>),
}

/// Plays a link.
#[derive(Debug)]
pub struct Engine {
    play: Play,
    run: Run,
    trace: Trace,
    /// Copies of earlier runs, oldest first. The first is the beginning.
    copies: Vec<Run>,
}

impl Engine {
    /// A run, at its beginning.
    ///
    /// # Errors
    /// Why its world cannot be built.
    pub fn new(play: Play) -> Result<Self, String> {
        let stage = match &play.setup {
            Setup::Calm(calm) => Stage::Calm(Box::new(world(calm)?)),
            Setup::Simulated(made) => {
                let course = Course::new(made.seed, &made.profile(), leader_elector_core::sim::Builder::watched)?;
                Stage::Simulated(Box::new(course))
            }
        };
        let drawn = stage.world().statuses().to_vec();
        let run = Run { stage, done: 0, next: 0, first: None, doubles: Vec::new(), is_double: false, drawn };
        Ok(Self { play, copies: vec![run.clone()], run, trace: Trace::default() })
    }

    /// What it plays.
    #[must_use]
    pub const fn play(&self) -> &Play {
        &self.play
    }

    /// True time.
    #[must_use]
    pub const fn now(&self) -> Moment {
        self.run.stage.world().now()
    }

    /// The world as it is now.
    #[must_use]
    pub const fn world(&self) -> &World {
        self.run.stage.world()
    }

    /// What happened.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The broken promise, if one was broken.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        self.world().violation()
    }

    /// The spans in which two led at once, oldest first.
    #[must_use]
    pub fn doubles(&self) -> &[Double] {
        &self.run.doubles
    }

    /// The seat that led first in this run.
    #[must_use]
    pub const fn first(&self) -> Option<usize> {
        self.run.first
    }

    /// Acts that are done.
    #[must_use]
    pub fn done(&self) -> &[(u64, Act)] {
        &self.play.acts[..self.run.done]
    }

    /// Acts that lie ahead.
    #[must_use]
    pub fn ahead(&self) -> &[(u64, Act)] {
        &self.play.acts[self.run.done..]
    }

    /// Whether the run has come to its end: only worlds of the simulator have one.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match &self.run.stage {
            Stage::Calm(_) => false,
            Stage::Simulated(course) => course.is_over(),
        }
    }

    /// How many things are kept, of whatever kind: it must not grow for ever.
    #[must_use]
    pub fn weight(&self) -> usize {
        let copies: usize = self.copies.iter().map(|copy| copy.stage.world().weight() + copy.doubles.len()).sum();
        copies + self.world().weight() + self.trace.all().count()
    }

    /// Lets time pass until `end`.
    pub fn run_until(&mut self, end: Moment) {
        while self.now() < end && !self.is_over() {
            let copy = self.next_copy();
            let act = self.next_act().map_or(Moment::END, |(at, _)| at);
            self.advance(end.min(copy).min(act));
            self.act_now();
            if self.now() >= copy {
                self.keep_copy();
            }
        }
    }

    /// Does something now. What the link says of later is dropped: it belonged to another run.
    pub fn act(&mut self, act: Act) {
        let ms = u64::try_from(self.now().since(Moment::ZERO).as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.play.acts.truncate(self.run.done);
        self.play.acts.push((ms, act));
        self.advance(Moment::after(Duration::from_millis(ms)));
        self.act_now();
    }

    /// Goes on until something more has happened, for a minute at most. The number of the entry, if there is one.
    pub fn step(&mut self) -> Option<u64> {
        let (end, from) = (self.now() + Duration::from_mins(1), self.trace.next());
        while self.trace.next() == from && self.now() < end && !self.is_over() {
            let act = self.next_act().map(|(at, _)| at);
            let soonest = [self.world().next_at(), act].into_iter().flatten().min().unwrap_or(end);
            // Something that comes at once has no time of its own.
            let soonest = soonest.max(self.now() + Duration::from_nanos(1));
            self.run_until(soonest.min(end));
        }
        (self.trace.next() > from).then(|| self.trace.next() - 1)
    }

    /// Goes back to the moment of the entry before this one. The number of the entry, if there is one.
    pub fn step_back(&mut self) -> Option<u64> {
        let now = self.now();
        let before = |trace: &Trace| trace.all().rev().find(|entry| entry.at < now).map(|entry| entry.at);
        if before(&self.trace).is_none() {
            self.seek(now);
        }
        let at = before(&self.trace).unwrap_or(Moment::ZERO);
        self.seek(at);
        self.trace.next().checked_sub(1)
    }

    /// Goes to a moment, back or forward, so that the past of it is known as far as a picture shows it.
    pub fn seek(&mut self, to: Moment) {
        if to <= self.now() {
            let seen = self.trace.whole_since();
            let is_seen = |at: Moment| seen.is_none_or(|since| since <= at);
            let usable = |copy: &&Run| {
                let at = copy.stage.world().now();
                at <= to && (to.since(at) >= PAST || at == Moment::ZERO || is_seen(at))
            };
            let Some(copy) = self.copies.iter().rev().find(usable).cloned() else { return };
            self.copies.retain(|kept| kept.stage.world().now() <= copy.stage.world().now());
            self.trace.rewind(copy.next);
            self.run = copy;
        }
        self.run_until(to);
    }

    fn next_act(&self) -> Option<(Moment, Act)> {
        let (ms, act) = self.play.acts.get(self.run.done)?;
        Some((Moment::after(Duration::from_millis(*ms)), *act))
    }

    /// Does all that is due. After each act the world takes in what follows from it at once, in a run by hand as in its
    /// repetition.
    fn act_now(&mut self) {
        while let Some((at, act)) = self.next_act().filter(|(at, _)| *at <= self.now()) {
            let first = self.run.first;
            act.done(self.run.stage.world_mut(), first);
            self.run.done += 1;
            self.advance(at);
        }
    }

    fn advance(&mut self, end: Moment) {
        match &mut self.run.stage {
            Stage::Calm(world) => world.run_until(end),
            Stage::Simulated(course) => course.run_until(end),
        }
        while let Some((at, what)) = self.run.stage.world_mut().take_seen() {
            self.saw(at, what);
        }
        let now = self.now();
        if let Some(last) = self.run.doubles.last_mut().filter(|_| self.run.is_double) {
            last.until = now;
        }
    }

    fn saw(&mut self, at: Moment, what: Happening) {
        if let Happening::Became { seat, status } = &what {
            let Some(drawn) = self.run.drawn.get_mut(*seat) else { return };
            let is_same = looks_alike(drawn, status);
            *drawn = status.clone();
            self.judge(at);
            if is_same {
                return;
            }
        }
        self.trace.push(at, what);
        self.run.next = self.trace.next();
    }

    /// Whether two lead at once from here on.
    fn judge(&mut self, at: Moment) {
        let run = &mut self.run;
        let mut leading = run.drawn.iter().enumerate().filter(|(_, status)| status.leads(at)).map(|(seat, _)| seat);
        let both = leading.next().zip(leading.next());
        run.first =
            run.first.or_else(|| both.map_or_else(|| run.drawn.iter().position(|s| s.leads(at)), |(a, _)| Some(a)));
        if let Some(last) = run.doubles.last_mut().filter(|_| run.is_double) {
            last.until = at;
        }
        if let Some(seats) = both
            && !(run.is_double && run.doubles.last().is_some_and(|last| last.seats == seats))
        {
            if run.doubles.len() == MOST_DOUBLES {
                run.doubles.remove(0);
            }
            run.doubles.push(Double { from: at, until: at, seats });
        }
        run.is_double = both.is_some();
    }

    fn next_copy(&self) -> Moment {
        self.copies.last().map_or(Moment::ZERO, |copy| copy.stage.world().now()) + COPY_EVERY
    }

    fn keep_copy(&mut self) {
        self.run.stage.world_mut().forget(OLD);
        self.copies.push(self.run.clone());
        let now = self.now();
        let age = |copy: &Run| now.since(copy.stage.world().now()).as_secs_f64();
        if age(&self.copies[1]) > OLDEST_COPY.as_secs_f64() {
            self.copies.remove(1);
        }
        if self.copies.len() > MOST_COPIES {
            // The one that is missed least: its neighbours lie closest together for their age. The beginning stays.
            let gap = |index: usize| {
                let (before, after) = (age(&self.copies[index - 1]), age(&self.copies[index + 1]));
                (before - after) / (after + COPY_EVERY.as_secs_f64())
            };
            let least = (1..self.copies.len() - 1).min_by(|a, b| gap(*a).total_cmp(&gap(*b)));
            if let Some(least) = least {
                self.copies.remove(least);
            }
        }
    }
}

impl Stage {
    const fn world(&self) -> &World {
        match self {
            Self::Calm(world) => world,
            Self::Simulated(course) => course.world(),
        }
    }

    const fn world_mut(&mut self) -> &mut World {
        match self {
            Self::Calm(world) => world,
            Self::Simulated(course) => course.world_mut(),
        }
    }
}

fn world(calm: &Calm) -> Result<World, String> {
    let mut builder = World::builder()
        .names(&NAMES)
        .starts(calm.candidates)
        .starts_within(Duration::from_millis(1500))
        .latency(Duration::from_millis(80), Duration::from_millis(120))
        .wrong_clocks()
        .write(calm.write)
        .seed(calm.seed)
        .remembers(REVISIONS)
        .told(false)
        .watched();
    if calm.rules == Rules::Original {
        builder = builder.originals();
    }
    builder.build()
}

/// Whether a picture shows no difference: another wake is none.
fn looks_alike(before: &Status, after: &Status) -> bool {
    use leader_elector_core::Why;
    let settles = |status: &Status| status.why == Some(Why::Lock);
    before.phase == after.phase
        && (before.is_paused, before.is_cut, before.token) == (after.is_paused, after.is_cut, after.token)
        && (before.until, before.stands_until) == (after.until, after.stands_until)
        && before.leader == after.leader
        && settles(before) == settles(after)
}
