//! Random worlds: ten virtual minutes in which much goes wrong, then peace, in which everything must come right.

use std::time::Duration;

use super::checks::{Check, Violation};
use super::clock::Moment;
use super::coverage::Coverage;
use super::dice::Dice;
use super::faults::{Fault, Switches, Weather};
use super::story::Story;
use super::world::{Occurrence, World};
use crate::emulator::Limits;
use crate::record::WriteMode;
use crate::timing::Settings;

/// What the liveness bound allows beyond what is computed.
const SLACK: Duration = Duration::from_secs(5);

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
    let mut dice = Dice::new(seed);
    let (least, most) = profile.candidates;
    let count = least + dice.below(most.saturating_sub(least) + 1);
    let usual = drawn(&mut dice, &profile.timings);
    let mut builder = World::builder()
        .candidates(count)
        .timing(usual)
        .wrong_clocks()
        .seed(dice.seed())
        .starts_within(dice.between(Duration::ZERO, Duration::from_secs(4)))
        .limits(if dice.below(4) == 0 { Limits::GitHub } else { Limits::Off })
        .told(is_told);
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
    if profile.mixed && profile.write.is_none() && dice.below(10) == 0 {
        for seat in 0..count {
            builder = builder.write_of(seat, either(&mut dice));
        }
    }
    builder = match dice.below(3) {
        0 => builder.latency(Duration::ZERO, Duration::from_millis(3)),
        1 => builder.latency(Duration::from_millis(20), Duration::from_millis(150)),
        _ => builder.latency(Duration::from_millis(20), Duration::from_millis(500)),
    };
    let mut world = match builder.build() {
        Ok(world) => world,
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
    if world.seats.iter().any(|seat| seat.timing.settle().is_zero()) {
        faults = faults.without(Fault::LostUpdate);
    }
    world.weather = Weather::swarm(&mut dice, faults);
    world.incident_every = dice.between(Duration::from_secs(3), Duration::from_mins(1));
    world.agenda.plan(Moment::ZERO + dice.between(Duration::ZERO, Duration::from_secs(20)), Occurrence::Incident);
    world.run_for(profile.trouble);
    if world.violation.is_none() {
        world.make_peace();
    }
    world.expect_a_leader();
    world.expect_it_to_stay();
    world.expect_a_hand_over();
    let span = world.now().since(Moment::ZERO);
    Outcome {
        seed,
        violation: world.violation,
        coverage: world.coverage,
        span,
        candidate_time: span * u32::try_from(count).unwrap_or(1),
        story: world.story,
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

    /// Once healed there is a leader within what may still stand, a poll, settle, a request and a little.
    fn expect_a_leader(&mut self) {
        let healed = self.now;
        loop {
            let quiet = self.quiet_from(healed);
            let deadline = quiet + self.remnants() + SLACK;
            if self.violation.is_some() {
                return;
            }
            if self.now >= deadline {
                break;
            }
            // Whoever was still on his way out comes back.
            (0..self.seats.len()).for_each(|seat| self.start(seat));
            self.run_for(Duration::from_millis(500));
        }
        if self.leader().is_some() {
            return;
        }
        let is_barred = self.processes.iter().any(|process| process.is_alive && process.is_barred);
        if !is_barred {
            let words = format!("healed at {healed}, quiet from {}, and nobody leads", self.quiet_from(healed));
            self.broken(Check::Liveness, words);
        }
    }

    /// When the last write that was under way has landed, the last late answer is in and the last wait is over.
    fn quiet_from(&self, healed: Moment) -> Moment {
        let under_way = self.agenda.last(|thing| {
            matches!(thing, Occurrence::Arrive { .. } | Occurrence::Undo { .. } | Occurrence::WorkStops { .. })
        });
        let alive = self.processes.iter().filter(|process| process.is_alive);
        let waits = alive.map(|process| self.seats[process.seat].clock.moment_of(process.told_until()));
        // In peace there is always a request under way: only those from before count.
        let late = under_way.filter(|at| at.since(self.now) > Duration::from_millis(100));
        waits.chain(late).max().map_or(healed, |last| last.max(healed))
    }

    /// The longest lease that may still stand, and what it takes to take over then.
    fn remnants(&self) -> Duration {
        let timings = self.seats.iter().map(|seat| seat.timing);
        let longest = timings.map(|timing| {
            let away = timing.lease();
            timing.lease().max(Duration::from_secs(30))
                + away
                + timing.poll()
                + timing.settle()
                + timing.request_timeout()
        });
        longest.max().unwrap_or_default()
    }

    /// In peace a leader stays for two leases and longer.
    fn expect_it_to_stay(&mut self) {
        let Some(leader) = self.terms.live(self.now).map(|term| (term.process, term.token)) else { return };
        let span = self.seats.iter().map(|seat| seat.timing.lease()).max().unwrap_or_default() * 2;
        let end = self.now + span;
        while self.now < end && self.violation.is_none() {
            self.run_for(Duration::from_millis(500));
            let still = self.terms.live(self.now).map(|term| (term.process, term.token));
            if still != Some(leader) && self.violation.is_none() {
                let words = format!("{leader:?} led, now it is {still:?}, and nothing had gone wrong");
                return self.broken(Check::Stability, words);
            }
        }
    }

    /// In peace a stop hands over within a poll, settle, and a few round trips.
    fn expect_a_hand_over(&mut self) {
        // Whoever is to follow may still have been told to wait.
        self.run_until(self.quiet_from(self.now));
        let Some(seat) = self.leader().filter(|_| self.violation.is_none() && self.seats.len() > 1) else { return };
        let write = self.seats[seat].write;
        if self.seats.iter().enumerate().all(|(other, at)| other == seat || at.write != write) {
            // The mode rule forbids all others to follow.
            return;
        }
        self.seats[seat].work_takes = Some(Duration::ZERO);
        self.stop(seat);
        let asked = self.now;
        let timing = self.seats.iter().map(|seat| seat.timing);
        let bound = timing.map(|timing| timing.poll() + timing.settle() + timing.request_timeout()).max();
        let bound = bound.unwrap_or_default() + SLACK;
        let handed_over = self.run_until_holds(bound, |world| world.leader().is_some_and(|leader| leader != seat));
        if !handed_over {
            let words = format!("seat {seat} was stopped at {asked}, and {bound:?} later nobody leads");
            self.broken(Check::HandOver, words);
        }
    }
}
