//! Random worlds: nine virtual minutes in which much goes wrong, then peace, for a minute at least, in which everything
//! must come right.

use std::time::Duration;

use super::checks::{Check, Violation};
use super::clock::Moment;
use super::coverage::Coverage;
use super::dice::Dice;
use super::faults::{Fault, Switches, Weather};
use super::process::Process;
use super::script::Builder;
use super::story::Story;
use super::world::{Occurrence, World};
use crate::emulator::Limits;
use crate::record::WriteMode;
use crate::time::Clock;
use crate::timing::Settings;

/// What the liveness bound allows beyond what is computed.
const SLACK: Duration = Duration::from_secs(5);
/// What the bound of a hand-over allows beyond a poll and settle.
const HAND_OVER_SLACK: Duration = Duration::from_millis(500);
/// How long peace lasts at least.
const PEACE: Duration = Duration::from_mins(1);
/// The time between two looks at how things stand.
const LOOK: Duration = Duration::from_millis(500);

/// Whose rules candidates play by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// The candidates of this crate.
    Ours,
    /// The Go original, as it was measured: it shows that these worlds can break a promise.
    Original,
}

/// What random worlds are like.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Candidates, at least and at most.
    pub candidates: (usize, usize),
    /// For how long things go wrong.
    pub trouble: Duration,
    /// What may go wrong.
    pub faults: Switches,
    /// Which timings are drawn from.
    pub timings: Vec<Settings>,
    /// Whether candidates of one world may have different timings, or different write modes.
    pub mixed: bool,
    /// Whose rules the candidates play by.
    pub rules: Rules,
    /// The write mode; `None`: either is drawn.
    pub write: Option<WriteMode>,
    /// Whether the hosts' monotonic clocks may stand still, so that wall clocks tell what was slept through (R13).
    pub clock: Clock,
}

impl Default for Profile {
    /// Everything goes wrong, at the default timings and at tight ones.
    fn default() -> Self {
        Self {
            candidates: (2, 4),
            trouble: Duration::from_mins(9),
            faults: Switches::ALL,
            timings: vec![Settings::default(), tight(5, 1500), tight(8, 500), unsettled()],
            mixed: true,
            rules: Rules::Ours,
            write: None,
            clock: Clock::Boot,
        }
    }
}

impl Profile {
    /// Only the default timings.
    #[must_use]
    pub fn at_default_timings(mut self) -> Self {
        self.timings = vec![Settings::default()];
        self
    }
}

/// Timings as short as the inequalities allow.
fn tight(lease: u64, grace_ms: u64) -> Settings {
    let lease = Duration::from_secs(lease);
    let margin = Duration::from_millis(500);
    Settings {
        lease,
        renew_deadline: lease.saturating_sub(margin),
        renew_interval: Duration::from_secs(1),
        poll: lease / 5,
        settle: Duration::from_secs(1),
        stop_grace: Duration::from_millis(grace_ms),
        request_timeout: Some(Duration::from_millis(1200)),
    }
}

/// For a store that never loses an update.
fn unsettled() -> Settings {
    Settings { settle: Duration::ZERO, ..tight(10, 3000) }
}

/// What came of one random world.
#[derive(Debug)]
pub struct Outcome {
    /// What it was drawn from.
    pub seed: u64,
    /// The broken promise, if one was.
    pub violation: Option<Violation>,
    /// What was counted.
    pub coverage: Coverage,
    /// Virtual time that passed.
    pub span: Duration,
    /// Candidates times that.
    pub candidate_time: Duration,
    /// What happened, if it was to be told.
    pub story: Story,
}

/// Plays the world of a seed. A broken promise comes with its story.
#[must_use]
pub fn explore(seed: u64, profile: &Profile) -> Outcome {
    let outcome = play(seed, profile, false);
    if outcome.violation.is_some() { play(seed, profile, true) } else { outcome }
}

/// Plays the world of a seed and tells its story, whatever comes of it.
#[must_use]
pub fn trace(seed: u64, profile: &Profile) -> Outcome {
    play(seed, profile, true)
}

fn play(seed: u64, profile: &Profile, is_told: bool) -> Outcome {
    let course = match Course::new(seed, profile, |builder| builder.told(is_told)) {
        Ok(mut course) => {
            course.run_until(Moment::END);
            course
        }
        Err(words) => {
            let violation = Violation { at: Moment::ZERO, check: Check::Lifecycle, words };
            return Outcome {
                seed,
                violation: Some(violation),
                coverage: Coverage::default(),
                span: Duration::ZERO,
                candidate_time: Duration::ZERO,
                story: Story::default(),
            };
        }
    };
    let world = course.world;
    let span = world.now().since(Moment::ZERO);
    Outcome {
        seed,
        candidate_time: span * u32::try_from(world.candidates()).unwrap_or(1),
        violation: world.violation,
        coverage: world.coverage,
        span,
        story: world.story,
    }
}

/// A random world on its course: trouble, then peace, in which a leader must appear, stay, and hand over.
#[derive(Clone, Debug)]
pub struct Course {
    world: World,
    stage: Stage,
    /// When the course of things is looked at next.
    looks: Moment,
    /// Until when peace lasts at least.
    ends: Moment,
}

/// How far a course has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Trouble,
    /// Peace since then: what is still under way lands, and waits that were told run out.
    Heals(Moment),
    /// Quiet since then: by that moment a leader must have appeared.
    Awaits {
        quiet: Moment,
        by: Moment,
    },
    /// This process leads with this token, and must until then.
    Stays {
        leader: (usize, u64),
        end: Moment,
    },
    /// Nobody was told to wait any longer.
    Quiet,
    /// The leader of this seat was stopped, and until then another must lead.
    HandsOver {
        seat: usize,
        asked: Moment,
        released: Option<Moment>,
    },
    /// Everything was seen that was to be seen, and peace goes on.
    Rests,
    Over,
}

impl Course {
    /// The world of a seed, at its beginning. `as_wanted` says how it is to be watched.
    ///
    /// # Errors
    /// Why its candidates cannot be built: timings of the profile that contradict each other.
    pub fn new(seed: u64, profile: &Profile, as_wanted: impl FnOnce(Builder) -> Builder) -> Result<Self, String> {
        let mut dice = Dice::new(seed);
        let (least, most) = profile.candidates;
        let count = least + dice.below(most.saturating_sub(least) + 1);
        let usual = drawn(&mut dice, &profile.timings);
        let counts = dice.below(4) == 0 && profile.faults.has(Fault::Limits);
        let mut builder = World::builder()
            .candidates(count)
            .timing(usual)
            .clock(profile.clock)
            .wrong_clocks()
            .seed(dice.seed())
            .starts_within(dice.between(Duration::ZERO, Duration::from_secs(4)))
            .limits(if counts { Limits::GitHub } else { Limits::Off });
        let mut faults = profile.faults;
        if profile.mixed && dice.below(4) == 0 {
            for seat in 0..count {
                builder = builder.timing_of(seat, drawn(&mut dice, &profile.timings));
            }
        }
        if profile.rules == Rules::Original {
            builder = builder.originals();
        }
        builder = builder.write(profile.write.unwrap_or_else(|| either(&mut dice)));
        let can_mix = profile.mixed && profile.write.is_none();
        if dice.below(10) == 0 && can_mix && profile.faults.has(Fault::MixedModes) {
            for seat in 0..count {
                builder = builder.write_of(seat, either(&mut dice));
            }
        }
        builder = match dice.below(3) {
            0 => builder.latency(Duration::ZERO, Duration::from_millis(3)),
            1 => builder.latency(Duration::from_millis(20), Duration::from_millis(150)),
            _ => builder.latency(Duration::from_millis(20), Duration::from_millis(500)),
        };
        let mut world = as_wanted(builder).build()?;
        if counts {
            // Candidates alone would never come to the end of their hour. Drawn apart: other worlds stay as they were.
            let mut dice = Dice::new(!seed);
            let left = u32::try_from(10 + dice.below(400)).unwrap_or(0);
            let until = dice.between(Duration::from_secs(30), profile.trouble);
            world.store.leave(left, Moment::ZERO + until);
        }
        if !profile.faults.has(Fault::WrongClock) {
            world.seats.iter_mut().for_each(|seat| seat.clock.mend());
        }
        if world.seats.iter().any(|seat| seat.timing.settle().is_zero()) {
            faults = faults.without(Fault::LostUpdate);
        }
        world.weather = Weather::swarm(&mut dice, faults);
        world.incident_every = dice.between(Duration::from_secs(3), Duration::from_mins(1));
        world.agenda.plan(Moment::ZERO + dice.between(Duration::ZERO, Duration::from_secs(20)), Occurrence::Incident);
        let peace = Moment::ZERO + profile.trouble;
        Ok(Self { world, stage: Stage::Trouble, looks: peace, ends: peace + PEACE })
    }

    /// The world.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// The world, to do more to it than its seed does.
    pub const fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Whether everything was seen that was to be seen, and the time is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over || self.world.is_over()
    }

    /// Lets time pass until `end`, or until the course is over.
    pub fn run_until(&mut self, end: Moment) {
        while !self.is_over() {
            self.world.run_until(end.min(self.looks));
            if self.world.now() < self.looks || self.world.is_over() {
                return;
            }
            match self.look() {
                Some(again) => self.looks = again,
                None if self.world.now() < self.ends => (self.stage, self.looks) = (Stage::Rests, self.ends),
                None => self.stage = Stage::Over,
            }
        }
    }

    /// Looks at how things stand. When to look again; `None`: never.
    fn look(&mut self) -> Option<Moment> {
        let Self { world, stage, .. } = self;
        match *stage {
            Stage::Trouble => {
                world.make_peace();
                *stage = Stage::Heals(world.now);
                Some(self.heal(self.world.now))
            }
            Stage::Heals(healed) => Some(self.heal(healed)),
            Stage::Awaits { quiet, by } => Some(self.await_leader(quiet, by)),
            Stage::Stays { leader, end } => {
                let still = world.terms.live(world.now).map(|term| (term.process, term.token));
                if still != Some(leader) {
                    let words = format!("{leader:?} led, now it is {still:?}, and nothing had gone wrong");
                    world.broken(Check::Stability, words);
                    return None;
                }
                world.start_all();
                Some(if world.now < end { world.now + LOOK } else { self.await_quiet() })
            }
            Stage::Quiet => self.stop_leader(),
            Stage::HandsOver { seat, asked, released } => {
                if world.leader().is_some_and(|leader| leader != seat) {
                    return None;
                }
                let by = released.map_or(asked + world.takeover(), |released| released + world.hands_over());
                if world.now >= by {
                    let words = format!(
                        "seat {seat} was stopped at {asked}, its lock was released at {released:?}, and at {by} nobody leads"
                    );
                    world.broken(Check::HandOver, words);
                    return None;
                }
                if released.is_none() && world.seats[seat].process.is_none() {
                    *stage = Stage::HandsOver { seat, asked, released: Some(world.now) };
                }
                Some(world.now + Duration::from_millis(1))
            }
            Stage::Rests | Stage::Over => None,
        }
    }

    /// Once all is quiet, what stands then runs its own time.
    fn heal(&mut self, healed: Moment) -> Moment {
        let world = &mut self.world;
        let quiet = world.quiet_from(healed);
        if world.now < quiet {
            world.start_all();
            return quiet.min(world.now + LOOK);
        }
        let by = world.now + world.stands() + world.takeover();
        let quiet = world.now;
        self.stage = Stage::Awaits { quiet, by };
        self.await_leader(quiet, by)
    }

    /// Within a poll, settle, a request and a little there is a leader.
    fn await_leader(&mut self, quiet: Moment, by: Moment) -> Moment {
        let world = &mut self.world;
        if world.now < by {
            world.start_all();
            return by.min(world.now + LOOK);
        }
        if world.leader().is_none() {
            let alive = world.processes.iter().filter(|process| process.is_alive);
            match alive.filter_map(Process::free_to_claim).min() {
                // Every other one is barred, and this one was told to stay away.
                Some(back) if quiet < back && world.now < back + world.takeover() => {
                    let by = back + world.takeover();
                    self.stage = Stage::Awaits { quiet, by };
                    return by.min(world.now + LOOK);
                }
                Some(_) => {
                    let words = format!("quiet from {quiet}, what stood then has run out, and nobody leads");
                    world.broken(Check::Liveness, words);
                }
                None => {}
            }
        }
        // In peace a leader stays for two leases and longer.
        match world.terms.live(world.now).map(|term| (term.process, term.token)) {
            Some(leader) => {
                let longest = world.seats.iter().map(|seat| seat.timing.lease()).max().unwrap_or_default();
                self.stage = Stage::Stays { leader, end: world.now + longest * 2 };
                world.now + LOOK
            }
            None => self.await_quiet(),
        }
    }

    /// Whoever is to follow may still have been told to wait.
    fn await_quiet(&mut self) -> Moment {
        self.stage = Stage::Quiet;
        self.world.quiet_from(self.world.now)
    }

    /// In peace a stop hands over within a poll, settle, and a few round trips.
    fn stop_leader(&mut self) -> Option<Moment> {
        let world = &mut self.world;
        let seat = world.leader().filter(|_| world.seats.len() > 1)?;
        let write = world.seats[seat].write;
        if world.seats.iter().enumerate().all(|(other, at)| other == seat || at.write != write) {
            // The mode rule forbids all others to follow.
            return None;
        }
        world.seats[seat].work_takes = Some(Duration::ZERO);
        world.stop(seat);
        let asked = world.now;
        self.stage = Stage::HandsOver { seat, asked, released: None };
        Some(asked)
    }
}

fn either(dice: &mut Dice) -> WriteMode {
    if dice.below(2) == 0 { WriteMode::Push } else { WriteMode::Patch }
}

fn drawn(dice: &mut Dice, timings: &[Settings]) -> Settings {
    dice.pick(timings).unwrap_or_default()
}

impl World {
    /// Nothing goes wrong from now on, what is broken is mended, whoever is down comes up.
    fn make_peace(&mut self) {
        self.weather = Weather::CALM;
        self.store.emulator.settings_mut().limits = Limits::Off;
        self.latency = (Duration::from_millis(10), Duration::from_millis(30));
        self.agenda.retain(|thing| {
            !matches!(
                thing,
                Occurrence::Incident
                    | Occurrence::Foreign(_)
                    | Occurrence::Start { .. }
                    | Occurrence::Heal { .. }
                    | Occurrence::Resume { .. }
            )
        });
        self.story.tell(self.now, "world", || "peace".to_owned());
        for seat in 0..self.seats.len() {
            self.heal(seat);
            self.resume(seat);
            if let Some(index) = self.seats[seat].process {
                self.host(index, Occurrence::Wake { process: index, timer: None });
            }
            self.start(seat);
        }
    }

    /// When the last write that was under way has landed, the last late answer is in (it may tell to wait: seed 265,782)
    /// and the last wait is over.
    fn quiet_from(&self, healed: Moment) -> Moment {
        let under_way = self.agenda.last(|thing| {
            matches!(
                thing,
                Occurrence::Arrive { .. }
                    | Occurrence::Answer { .. }
                    | Occurrence::Undo { .. }
                    | Occurrence::WorkStops { .. }
            )
        });
        let alive = self.processes.iter().filter(|process| process.is_alive);
        let waits = alive.map(|process| self.seats[process.seat].clock.moment_of(process.told_until()));
        // In peace there is always a request under way: only those from before count.
        let late = under_way.filter(|at| at.since(self.now) > Duration::from_millis(100));
        waits.chain(late).max().map_or(healed, |last| last.max(healed))
    }

    /// Whoever was still on his way out comes back.
    fn start_all(&mut self) {
        (0..self.seats.len()).for_each(|seat| self.start(seat));
    }

    /// For how long what stands now is respected by whoever respects it longest. A head that came back is taken for a stale
    /// read by whoever saw what vanished, until it has persisted for a whole lease, counted from when he sees it.
    fn stands(&self) -> Duration {
        let timings = self.seats.iter().map(|seat| seat.timing);
        let persists = timings.map(|timing| timing.lease() + timing.poll() + timing.request_timeout()).max();
        let persists = persists.filter(|_| self.store.head_came_back()).unwrap_or_default();
        let alive = self.processes.iter().filter(|process| process.is_alive);
        let stands = alive.filter_map(|process| {
            let lease = self.seats[process.seat].timing.lease();
            self.store.stands(self.store.head(), &process.instance, lease)
        });
        stands.map(|(_, stands_for)| stands_for).max().unwrap_or_default().max(persists)
    }

    /// What it takes to follow a release: where claims may meet, as in patch mode, they part.
    fn hands_over(&self) -> Duration {
        let alone = self.seats.len() == 2 || self.seats.iter().all(|seat| seat.write == WriteMode::Push);
        let timings = self.seats.iter().map(|seat| seat.timing);
        let longest = timings.map(|timing| timing.poll() + timing.settle()).max().unwrap_or_default();
        if alone { longest + HAND_OVER_SLACK } else { self.takeover() }
    }

    /// What it takes to take over what is free.
    fn takeover(&self) -> Duration {
        let timings = self.seats.iter().map(|seat| seat.timing);
        let longest = timings.map(|timing| timing.poll() + timing.settle() + timing.request_timeout());
        longest.max().unwrap_or_default() + SLACK
    }
}
