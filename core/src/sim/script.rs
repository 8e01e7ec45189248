//! What a scenario does to a world, and what it may ask.

use std::fmt;
use std::time::Duration;

use super::agenda::Agenda;
use super::checks::{Term, Terms, Violation};
use super::clock::{MachineClock, Moment};
use super::coverage::{Coverage, Path};
use super::dice::Dice;
use super::faults::{Fault, Weather};
use super::network::{Kind, Link};
use super::process::{Process, Seat, timing};
use super::store::Store;
use super::story::Story;
use super::watch::{Status, Watch};
use super::world::{Occurrence, SentRequest, World};
use crate::candidate::{Input, View};
use crate::emulator::{Limits, Settings as EmulatorSettings};
use crate::event::Event;
use crate::ordered::OrderedSet;
use crate::record::WriteMode;
use crate::time::Clock;
use crate::timing::Settings;

/// Terms, tokens and revisions that are remembered by number rather than by age: more than anything looks back.
const MANY: usize = 64;

/// What a world is made of. Everything not said is as in peace: exact clocks, 10 to 30 ms each way, no limits.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a switch each, and none excludes another")]
pub struct Builder {
    seats: Vec<(String, Settings, Clock)>,
    write: WriteMode,
    writes: Vec<(usize, WriteMode)>,
    originals: bool,
    seed: u64,
    latency: (Duration, Duration),
    limits: Limits,
    rates_differ: bool,
    is_told: bool,
    starts_within: Duration,
    starts: usize,
    remember: Option<usize>,
    is_watched: bool,
}

impl World {
    /// Three candidates with the default timings, unless something else is said.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            seats: Vec::new(),
            write: WriteMode::Push,
            writes: Vec::new(),
            originals: false,
            seed: 1,
            latency: (Duration::from_millis(10), Duration::from_millis(30)),
            limits: Limits::Off,
            rates_differ: false,
            is_told: true,
            starts_within: Duration::ZERO,
            starts: usize::MAX,
            remember: None,
            is_watched: false,
        }
        .candidates(3)
    }
}

impl Builder {
    /// So many candidates, named `c0`, `c1` and so on.
    #[must_use]
    pub fn candidates(mut self, count: usize) -> Self {
        self.seats = (0..count).map(|seat| (format!("c{seat}"), Settings::default(), Clock::Boot)).collect();
        self
    }

    /// Candidates with these names.
    #[must_use]
    pub fn names(mut self, names: &[&str]) -> Self {
        self.seats = names.iter().map(|name| ((*name).to_owned(), Settings::default(), Clock::Boot)).collect();
        self
    }

    /// The timings of all candidates.
    #[must_use]
    pub fn timing(mut self, settings: Settings) -> Self {
        self.seats.iter_mut().for_each(|seat| seat.1 = settings);
        self
    }

    /// The timings of one.
    #[must_use]
    pub fn timing_of(mut self, seat: usize, settings: Settings) -> Self {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.1 = settings;
        }
        self
    }

    /// What the monotonic clocks do while a machine sleeps.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.seats.iter_mut().for_each(|seat| seat.2 = clock);
        self
    }

    /// How all candidates write.
    #[must_use]
    pub const fn write(mut self, mode: WriteMode) -> Self {
        self.write = mode;
        self
    }

    /// How one writes.
    #[must_use]
    pub fn write_of(mut self, seat: usize, mode: WriteMode) -> Self {
        self.writes.push((seat, mode));
        self
    }

    /// All candidates play by the rules of the Go original, at its timings; only exclusion is judged.
    #[must_use]
    pub const fn originals(mut self) -> Self {
        self.originals = true;
        self
    }

    /// What everything that is drawn is drawn from.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How long a request, or its answer, is on its way.
    #[must_use]
    pub const fn latency(mut self, least: Duration, most: Duration) -> Self {
        self.latency = (least, most);
        self
    }

    /// Whether the store's limits hold.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Clocks run up to a thousandth too fast or too slow, and wall clocks are up to a day off.
    #[must_use]
    pub const fn wrong_clocks(mut self) -> Self {
        self.rates_differ = true;
        self
    }

    /// Candidates start one by one within this time rather than at once.
    #[must_use]
    pub const fn starts_within(mut self, span: Duration) -> Self {
        self.starts_within = span;
        self
    }

    /// Only the first so many candidates start by themselves.
    #[must_use]
    pub const fn starts(mut self, count: usize) -> Self {
        self.starts = count;
        self
    }

    /// The gist remembers no more than about so many revisions: for worlds that last.
    #[must_use]
    pub const fn remembers(mut self, revisions: usize) -> Self {
        self.remember = Some(revisions);
        self
    }

    /// What happens is kept for [`World::take_seen`], and time goes on after a broken promise.
    #[must_use]
    pub const fn watched(mut self) -> Self {
        self.is_watched = true;
        self
    }

    /// Whether a story is kept to be read.
    #[must_use]
    pub const fn told(mut self, is_told: bool) -> Self {
        self.is_told = is_told;
        self
    }

    /// The world, at its beginning.
    ///
    /// # Errors
    /// Why a candidate cannot be built: timings that contradict each other.
    pub fn build(self) -> Result<World, String> {
        let mut dice = Dice::new(self.seed);
        let mut seats = Vec::new();
        for (seat, (name, settings, clock_kind)) in self.seats.into_iter().enumerate() {
            let own = self.writes.iter().rev().find(|(of, _)| *of == seat);
            let write = own.map_or(self.write, |(_, mode)| *mode);
            let origin = dice.between(Duration::from_hours(24), Duration::from_hours(240));
            let (ppm, wall_ms) = if self.rates_differ {
                (within(&mut dice, 1000), i64::from(within(&mut dice, 86_400)) * 1000)
            } else {
                (0, 0)
            };
            seats.push(Seat {
                name,
                write,
                is_original: self.originals,
                timing: timing(settings)?,
                clock: MachineClock::new(origin, ppm, wall_ms),
                clock_kind,
                link: Link::default(),
                process: None,
                starts: 0,
                work_takes: None,
                word_takes: Duration::ZERO,
            });
        }
        let settle = seats.iter().map(|seat| seat.timing.settle()).min().unwrap_or_default();
        let mut emulator = EmulatorSettings { limits: self.limits, ..EmulatorSettings::default() };
        emulator.remember = self.remember.unwrap_or(emulator.remember);
        let watch = Watch::new(self.is_watched, seats.len());
        let mut world = World {
            now: Moment::ZERO,
            dice,
            agenda: Agenda::new(),
            store: Store::new(emulator, settle),
            seats,
            processes: Vec::new(),
            terms: Terms::default(),
            weather: Weather::CALM,
            coverage: Coverage::default(),
            story: Story::told(self.is_told),
            watch,
            violation: None,
            only_exclusion: self.originals,
            latency: self.latency,
            incident_every: Duration::ZERO,
            sent: Vec::new(),
            events: Vec::new(),
            landings: Vec::new(),
        };
        for seat in 0..world.seats.len().min(self.starts) {
            let at = Moment::ZERO + world.dice.between(Duration::ZERO, self.starts_within);
            world.agenda.plan(at, Occurrence::Start { seat });
        }
        Ok(world)
    }
}

/// From `-most` to `most`.
fn within(dice: &mut Dice, most: i32) -> i32 {
    let span = usize::try_from(2 * most + 1).unwrap_or(1);
    i32::try_from(dice.below(span)).unwrap_or(most) - most
}

/// What a scenario does.
impl World {
    /// Lets time pass.
    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// Lets time pass until `holds`, looking every millisecond, for `most` at most. True if it held.
    pub fn run_until_holds(&mut self, most: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + most;
        while !holds(self) {
            if self.now >= end || self.is_over() {
                return false;
            }
            self.run_for(Duration::from_millis(1));
        }
        true
    }

    /// Lets time pass until somebody leads, for `most` at most. The seat of the leader.
    pub fn run_until_led(&mut self, most: Duration) -> Option<usize> {
        self.run_until_holds(most, |world| world.leader().is_some());
        self.leader()
    }

    /// Starts a process on this seat, under the name of the one before. Nothing happens where one runs.
    pub fn start(&mut self, seat: usize) {
        if self.seats[seat].process.is_some() {
            return;
        }
        self.seats[seat].starts += 1;
        self.watch_seat(seat, "starts", |_| ());
        let now = self.seats[seat].clock.now(self.now);
        let gist = self.store.gist.to_string();
        match Process::new(&self.seats[seat], seat, &gist, self.dice.seed(), now) {
            Ok(process) => {
                let index = self.processes.len();
                self.processes.push(process);
                self.seats[seat].process = Some(index);
                self.step(index, Input::Wake, None);
            }
            Err(words) => self.broken(super::checks::Check::Lifecycle, words),
        }
    }

    /// As [`start`](Self::start): the machine's next process.
    pub fn restart(&mut self, seat: usize) {
        self.start(seat);
    }

    /// The process ends without a word. What it sent may still land.
    pub fn kill(&mut self, seat: usize) {
        if let Some(process) = self.seats[seat].process.take() {
            self.processes[process].is_alive = false;
            if self.seats[seat].is_original {
                // It knows no end of its lease.
                self.terms.end(self.now, process);
            }
            self.story.tell(self.now, &self.processes[process].instance, || "is killed".to_owned());
            self.watch_seat(seat, "is killed", |status| {
                *status = Status { is_cut: status.is_cut, ..Status::default() };
            });
        }
    }

    /// The process stands still. What comes for it waits.
    pub fn pause(&mut self, seat: usize) {
        if let Some(process) = self.seats[seat].process {
            self.processes[process].is_paused = true;
            self.story.tell(self.now, &self.processes[process].instance, || "is paused".to_owned());
            self.watch_seat(seat, "is paused (SIGSTOP)", |status| status.is_paused = true);
        }
    }

    /// The process goes on: first with what came meanwhile, or first with its timer.
    pub fn resume(&mut self, seat: usize) {
        let Some(index) = self.seats[seat].process else { return };
        if !self.processes[index].is_paused {
            return;
        }
        self.processes[index].is_paused = false;
        self.story.tell(self.now, &self.processes[index].instance, || "goes on".to_owned());
        self.watch_seat(seat, "goes on (SIGCONT)", |status| status.is_paused = false);
        if self.terms.all().last().is_some_and(|term| term.process == index && term.until < self.now) {
            self.coverage.path(Path::ResumedTooLate);
        }
        let mut backlog = std::mem::take(&mut self.processes[index].backlog);
        if self.dice.below(2) == 0 {
            backlog.reverse();
        }
        for occurrence in backlog {
            self.host(index, occurrence);
        }
    }

    /// The machine sleeps for `span`, and its monotonic clock stands still meanwhile; its wall clock does not.
    pub fn suspend(&mut self, seat: usize, span: Duration) {
        let from = self.now;
        self.pause(seat);
        self.run_for(span);
        self.seats[seat].clock.stood_still(from, self.now);
        self.resume(seat);
        if let Some(index) = self.seats[seat].process {
            self.host(index, Occurrence::Wake { process: index, timer: None });
        }
    }

    /// An orderly stop is asked for.
    pub fn stop(&mut self, seat: usize) {
        self.watch_seat(seat, "is asked to stop", |_| ());
        self.tell(seat, Input::Stop);
    }

    /// The candidate is asked to step down and stay away for a lease.
    pub fn step_down(&mut self, seat: usize) {
        self.watch_seat(seat, "is asked to step down", |_| ());
        self.tell(seat, Input::StepDown);
    }

    fn tell(&mut self, seat: usize, input: Input) {
        // A signal to a process that stands still is delivered when it goes on.
        if let Some(process) = self.seats[seat].process {
            self.host(process, Occurrence::Told { process, input });
        }
    }

    /// All packets of this machine are dropped, those on their way back too.
    pub fn cut_off(&mut self, seat: usize) {
        self.seats[seat].link.is_cut = true;
        self.story.tell(self.now, "network", || format!("seat {seat} is cut off"));
        self.watch_seat(seat, "is cut off", |status| status.is_cut = true);
    }

    /// Requests of this machine take effect, their answers are lost.
    pub fn lose_answers(&mut self, seat: usize) {
        self.seats[seat].link.loses_answers = true;
        self.story.tell(self.now, "network", || format!("seat {seat} gets no answers"));
        self.watch_seat(seat, "gets no answers any more", |_| ());
    }

    /// Every request of this machine hangs so long before it takes effect.
    pub fn hang(&mut self, seat: usize, span: Duration) {
        self.seats[seat].link.holds_reads = span;
        self.slow_writes(seat, span);
    }

    /// Every write of this machine takes effect so late.
    pub fn slow_writes(&mut self, seat: usize, span: Duration) {
        self.seats[seat].link.holds_writes = span;
        self.story.tell(self.now, "network", || format!("requests of seat {seat} hang for {span:?}"));
        if self.watch.is_on() {
            self.watch_seat(seat, &format!("has requests that hang for {span:?}"), |_| ());
        }
    }

    /// Every answer for this machine is held so long.
    pub fn slow_answers(&mut self, seat: usize, span: Duration) {
        self.seats[seat].link.holds_answers = span;
    }

    /// So many of ten thousand reads of this machine are refused with 403 and `retry-after: 1`.
    pub fn refuse_reads(&mut self, seat: usize, rate: u32) {
        self.seats[seat].link.refuses_reads = rate;
    }

    /// Everything that this machine asks is answered so, and not carried out.
    pub fn answer_only(&mut self, seat: usize, status: http::StatusCode) {
        self.seats[seat].link.answers_only = Some(status);
    }

    /// This machine's connection is as it should be.
    pub fn heal(&mut self, seat: usize) {
        // Throttling is the store's doing.
        self.seats[seat].link = Link { told_to_wait: self.seats[seat].link.told_to_wait, ..Link::default() };
        self.story.tell(self.now, "network", || format!("seat {seat} is connected"));
        self.watch_seat(seat, "is connected", |status| status.is_cut = false);
    }

    /// This machine reads from a replica that lags so far behind.
    pub fn lag(&mut self, seat: usize, behind: Duration) {
        self.seats[seat].link.lags = behind;
        self.story.tell(self.now, "network", || format!("seat {seat} reads {behind:?} late"));
    }

    /// The guarded work of this seat takes so long to end, and its host says so so much later.
    pub fn slow_work(&mut self, seat: usize, takes: Duration, word_takes: Duration) {
        self.seats[seat].work_takes = Some(takes);
        self.seats[seat].word_takes = word_takes;
    }

    /// This machine's wall clock is set forward or back.
    pub fn jump_wall_clock(&mut self, seat: usize, by_ms: i64) {
        self.seats[seat].clock.jump(by_ms);
        self.watch_seat(seat, if by_ms < 0 { "has its clock set back" } else { "has its clock set forward" }, |_| ());
    }

    /// Everything that this machine asks is answered 429, with so many seconds to wait; `None`: no more.
    pub fn throttle(&mut self, seat: usize, seconds: Option<i64>) {
        self.seats[seat].link.told_to_wait = seconds;
    }

    /// How long a request, or its answer, is on its way from now on.
    pub fn set_latency(&mut self, least: Duration, most: Duration) {
        self.latency = (least, most);
    }

    /// How many things are remembered, of whatever kind.
    #[must_use]
    pub fn weight(&self) -> usize {
        let lists = self.sent.len() + self.events.len() + self.landings.len();
        let processes: usize = self.processes.iter().map(|process| process.contract.weight()).sum();
        lists + processes + self.terms.all().len() + self.store.weight() + self.agenda.len()
    }

    /// Forgets what is older than `age` and decides nothing any more, for worlds that last for days.
    pub fn forget(&mut self, age: Duration) {
        let from = self.now.before(age);
        self.sent.retain(|sent| sent.at >= from);
        self.events.retain(|(at, ..)| *at >= from);
        self.landings.retain(|(at, _)| *at >= from);
        self.terms.forget(MANY);
        let landed: OrderedSet<_> = self.landings.iter().map(|(_, revision)| *revision).collect();
        self.store.forget(MANY, |revision| landed.contains(&revision));
        let store = &self.store;
        for process in &mut self.processes {
            process.contract.forget(|revision| store.note(revision).is_some());
        }
    }

    /// A fault happens so many times in ten thousand, from now on.
    pub fn let_happen(&mut self, fault: Fault, rate: u32) {
        self.weather.set(fault, rate);
    }
}

/// What a scenario may ask.
impl World {
    /// The seat that leads now.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        Some(self.terms.live(self.now)?.seat)
    }

    /// All terms so far.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        self.terms.all()
    }

    /// The broken promise, if one was broken. Time stands still from there.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// What happened, to read.
    #[must_use]
    pub const fn story(&self) -> &Story {
        &self.story
    }

    /// What was counted.
    #[must_use]
    pub const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// All requests so far.
    #[must_use]
    pub fn sent(&self) -> &[SentRequest] {
        &self.sent
    }

    /// How many requests of a kind one seat sent in a span.
    #[must_use]
    pub fn count(&self, seat: usize, kind: Kind, from: Moment, until: Moment) -> usize {
        let found = self.sent.iter().filter(|sent| sent.seat == seat && sent.kind == kind);
        found.filter(|sent| from <= sent.at && sent.at < until).count()
    }

    /// All events so far, with their seats.
    #[must_use]
    pub fn events(&self) -> &[(Moment, usize, Event)] {
        &self.events
    }

    /// What there is to see of the candidate on a seat.
    #[must_use]
    pub fn view(&self, seat: usize) -> Option<View> {
        self.processes[self.seats[seat].process?].actor.view()
    }

    /// Whether a process runs on a seat.
    #[must_use]
    pub fn is_running(&self, seat: usize) -> bool {
        self.seats[seat].process.is_some()
    }

    /// How many candidates there are.
    #[must_use]
    pub fn candidates(&self) -> usize {
        self.seats.len()
    }

    /// The name of a seat.
    #[must_use]
    pub fn name(&self, seat: usize) -> &str {
        &self.seats[seat].name
    }

    /// How a seat writes.
    #[must_use]
    pub fn write_mode(&self, seat: usize) -> WriteMode {
        self.seats[seat].write
    }

    /// The lock file as it is now.
    #[must_use]
    pub fn lock_file(&self) -> Option<String> {
        self.store.lock_file(self.store.head()).map(|text| String::from_utf8_lossy(&text).into_owned())
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.story)
    }
}
