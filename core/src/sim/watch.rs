//! What happens in a world, for somebody who draws it: every message with its way, every candidate as it is.

use std::collections::VecDeque;

use super::checks::Violation;
use super::clock::Moment;
use super::network::Kind;
use super::process::Actor;
use super::world::World;
use crate::candidate::{Phase, RequestId};
use crate::emulator::RevisionId;
use crate::event::{Event, Next, Why};

/// Names a request of a world: its process, and the number that the process gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    /// Which process, counted over all seats.
    pub process: usize,
    /// Its number.
    pub id: RequestId,
}

/// Something that happened. The moment stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A candidate sent a request.
    Sent {
        /// Which.
        message: Message,
        /// From which seat.
        seat: usize,
        /// What for.
        kind: Kind,
        /// When it reaches the store; `None`: never.
        arrives: Option<Moment>,
        /// The record that it is to write.
        writes: Option<String>,
    },
    /// A request reached the store.
    Arrived {
        /// Which.
        message: Message,
        /// From which seat.
        seat: usize,
        /// What for.
        kind: Kind,
        /// The revision that it made.
        made: Option<RevisionId>,
        /// That revision stands on another than it was meant for: it counts for nobody.
        is_void: bool,
        /// A revision that vanished by it, this one or the one before.
        lost: Option<RevisionId>,
        /// The status of the answer; `None`: there is none.
        status: Option<u16>,
        /// The revision that the answer shows.
        shows: Option<RevisionId>,
        /// When the answer is back; `None`: never.
        back: Option<Moment>,
    },
    /// A candidate took in an answer.
    Heard {
        /// To which request.
        message: Message,
        /// On which seat.
        seat: usize,
        /// With which status.
        status: u16,
        /// The request had been given up.
        is_late: bool,
    },
    /// A candidate was told that no answer will come.
    Unanswered {
        /// To which request.
        message: Message,
        /// On which seat.
        seat: usize,
    },
    /// An acknowledged revision vanished, and another is the head again.
    Vanished {
        /// The one that vanished.
        revision: RevisionId,
        /// The head.
        head: RevisionId,
    },
    /// A candidate said something to its host.
    Said {
        /// On which seat.
        seat: usize,
        /// What.
        event: Event,
    },
    /// A candidate is no longer as it was.
    Became {
        /// On which seat.
        seat: usize,
        /// How it is now.
        status: Status,
    },
    /// A person, a machine or the network did something.
    Befell {
        /// To which seat; `None`: to the store.
        seat: Option<usize>,
        /// What, in a few words.
        what: String,
    },
    /// A promise was broken.
    Broken(Violation),
}

/// A candidate as it is, in true time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What its process is doing; `None`: no process runs.
    pub phase: Option<Phase>,
    /// The process stands still.
    pub is_paused: bool,
    /// Nothing passes from or to its machine.
    pub is_cut: bool,
    /// It leads with this token.
    pub token: Option<u64>,
    /// Until when, unless extended; `None` while leading: it knows no end.
    pub until: Option<Moment>,
    /// Who it believes holds the lock; `None`: not known; empty: free.
    pub leader: Option<String>,
    /// Until when it respects what stands in the lock.
    pub stands_until: Option<Moment>,
    /// When it comes back by itself.
    pub wakes: Option<Moment>,
    /// What it waits for.
    pub why: Option<Why>,
}

impl Status {
    /// Whether it acts as the leader at this moment: a process that stands still does not act.
    #[must_use]
    pub fn leads(&self, now: Moment) -> bool {
        self.token.is_some() && !self.is_paused && self.until.is_none_or(|until| now < until)
    }
}

/// What was seen and not yet taken away.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    is_on: bool,
    seen: VecDeque<(Moment, Happening)>,
    seats: Vec<Status>,
}

impl Watch {
    pub(super) fn new(is_on: bool, seats: usize) -> Self {
        Self { is_on, seen: VecDeque::new(), seats: vec![Status::default(); seats] }
    }

    pub(super) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Keeps what happened, which is made only if somebody watches.
    pub(super) fn note(&mut self, at: Moment, what: impl FnOnce() -> Happening) {
        if self.is_on {
            self.seen.push_back((at, what()));
        }
    }

    fn change(&mut self, at: Moment, seat: usize, change: impl FnOnce(&mut Status)) {
        let Some(status) = self.seats.get_mut(seat).filter(|_| self.is_on) else { return };
        let before = status.clone();
        change(status);
        if before != *status {
            self.seen.push_back((at, Happening::Became { seat, status: status.clone() }));
        }
    }
}

impl World {
    /// The next thing that was seen, in the order of time. Nothing is, unless the world is
    /// [`watched`](super::Builder::watched).
    pub fn take_seen(&mut self) -> Option<(Moment, Happening)> {
        self.watch.seen.pop_front()
    }

    /// Every seat as it is now, in a watched world.
    #[must_use]
    pub fn statuses(&self) -> &[Status] {
        &self.watch.seats
    }

    /// A process has handled something.
    pub(super) fn watch_process(&mut self, index: usize, next: Next, lease: Option<crate::event::Lease>) {
        if !self.watch.is_on {
            return;
        }
        let process = &self.processes[index];
        let seat = process.seat;
        let clock = &self.seats[seat].clock;
        let knows_an_end = matches!(process.actor, Actor::Candidate(_));
        let seen = process.actor.seen();
        let (wakes, why) = match next {
            Next::WakeAt(at, why) => (Some(clock.moment_of(at)), Some(why)),
            Next::OnInput(why) => (None, Some(why)),
            Next::Done => (None, None),
        };
        let status = Status {
            phase: (next != Next::Done).then_some(seen.phase),
            is_paused: false,
            is_cut: self.seats[seat].link.is_cut,
            token: lease.map(|lease| lease.token.get()),
            until: lease.filter(|_| knows_an_end).map(|lease| clock.moment_of(lease.until)),
            leader: seen.leader,
            stands_until: seen.stands_until.map(|until| clock.moment_of(until)),
            wakes,
            why,
        };
        self.watch.change(self.now, seat, |was| *was = status);
    }

    /// Something befell a seat from outside.
    pub(super) fn watch_seat(&mut self, seat: usize, what: &str, change: impl FnOnce(&mut Status)) {
        self.watch.note(self.now, || Happening::Befell { seat: Some(seat), what: what.to_owned() });
        self.watch.change(self.now, seat, change);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Happening, Moment};
    use crate::sim::{Builder, Course, Profile, World};

    fn seen(course: &mut Course) -> Vec<(Moment, Happening)> {
        std::iter::from_fn(|| course.world_mut().take_seen()).collect()
    }

    /// Looking changes nothing, in however small steps; nor does forgetting; and a clone goes the same way.
    #[test]
    fn a_world_goes_the_same_way_whoever_looks() {
        for seed in 0..12 {
            let profile = Profile { trouble: Duration::from_mins(4), ..Profile::default() };
            let mut unseen = Course::new(seed, &profile, |builder| builder).expect("a world");
            unseen.run_until(Moment::END);
            let mut whole = Course::new(seed, &profile, Builder::watched).expect("a world");
            let mut stepped = whole.clone();
            whole.run_until(Moment::END);
            let told = seen(&mut whole);
            let mut steps = Vec::new();
            while !stepped.is_over() {
                let end = stepped.world().now() + Duration::from_millis(777);
                stepped.run_until(end);
                steps.extend(seen(&mut stepped));
                stepped.world_mut().forget(Duration::from_mins(1));
                stepped = stepped.clone();
            }
            assert_eq!(told.len(), steps.len(), "seed {seed}");
            assert!(told == steps, "seed {seed}");
            assert_eq!(unseen.world().coverage(), stepped.world().coverage(), "seed {seed}");
            assert_eq!(unseen.world().now(), whole.world().now(), "seed {seed}");
        }
    }

    /// Facts: SIGSTOP past the lease, then SIGCONT, and the original leads beside another for 15 s after waking.
    #[test]
    fn the_original_leads_on_for_a_renew_deadline_after_it_woke() {
        let mut world = World::builder().candidates(2).originals().starts_within(Duration::from_secs(4)).watched();
        world = world.seed(3);
        let mut world = world.build().expect("a world");
        let first = world.run_until_led(Duration::from_mins(2)).expect("a leader");
        world.run_for(Duration::from_secs(2));
        world.pause(first);
        world.run_for(Duration::from_secs(90));
        let (other, woke) = (1 - first, world.now());
        assert!(world.statuses()[other].leads(woke));
        world.resume(first);
        let lead_both = |world: &World| world.statuses().iter().filter(|status| status.leads(world.now())).count() == 2;
        assert!(lead_both(&world));
        assert!(world.run_until_holds(Duration::from_mins(1), |world| !lead_both(world)));
        let both = world.now().since(woke).as_secs_f64();
        assert!((14.9..15.2).contains(&both), "{both}");
        assert!(world.violation().is_some());
    }
}
