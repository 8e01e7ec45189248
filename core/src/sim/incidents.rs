//! What happens to a random world now and then, rather than to one request.

use std::time::Duration;

use super::faults::Fault;
use super::world::{Occurrence, World};
use crate::candidate::Input;

const INCIDENTS: [Fault; 17] = [
    Fault::Pause,
    Fault::Crash,
    Fault::Partition,
    Fault::Lag,
    Fault::Stop,
    Fault::StepDown,
    Fault::WallJump,
    Fault::Deleted,
    Fault::Garbled,
    Fault::Emptied,
    Fault::Braces,
    Fault::Restored,
    Fault::OtherFile,
    Fault::ByHand,
    Fault::Branch,
    Fault::Commit,
    Fault::Foreign,
];

impl World {
    /// The next thing happens, and one more is planned.
    pub(super) fn incident(&mut self) {
        let total: u32 = INCIDENTS.iter().map(|fault| self.weather.rate(*fault)).sum();
        let mut left = self.dice.below(usize::try_from(total).unwrap_or(0));
        let drawn = INCIDENTS.iter().find(|fault| {
            let weight = usize::try_from(self.weather.rate(**fault)).unwrap_or(0);
            let is_it = left < weight;
            left = left.saturating_sub(weight);
            is_it
        });
        if let Some(fault) = drawn {
            self.befall(*fault);
            let pause = self.dice.between(Duration::from_millis(10), self.incident_every * 2);
            self.agenda.plan(self.now + pause, Occurrence::Incident);
        }
    }

    fn befall(&mut self, fault: Fault) {
        // More often the leader than anybody else: that is where it hurts.
        let anybody = self.dice.below(self.seats.len());
        let leader = self.terms.all().last().map(|term| term.seat);
        let seat = leader.filter(|_| self.dice.below(2) == 0).unwrap_or(anybody);
        let lease = self.seats[seat].timing.lease();
        let while_ = match self.dice.below(3) {
            0 => self.dice.between(Duration::ZERO, lease / 4),
            1 => self.dice.between(Duration::ZERO, lease),
            _ => self.dice.between(lease, lease * 3),
        };
        let then = self.now + while_;
        match fault {
            Fault::Pause => {
                let Some(index) = self.seats[seat].process.filter(|index| !self.processes[*index].is_paused) else {
                    return;
                };
                self.coverage.fault(fault);
                self.pause(seat);
                // An early wake waits for it as well.
                self.agenda.plan(then, Occurrence::Wake { process: index, timer: None });
                self.agenda.plan(then, Occurrence::Resume { seat });
            }
            Fault::Crash if self.seats[seat].process.is_some() => {
                self.coverage.fault(fault);
                self.kill(seat);
                self.agenda.plan(then, Occurrence::Start { seat });
            }
            Fault::Partition => {
                self.coverage.fault(fault);
                self.cut_off(seat);
                self.agenda.plan(then, Occurrence::Heal { seat });
            }
            Fault::Lag => {
                self.coverage.fault(fault);
                let most = if self.dice.below(2) == 0 { while_ / 2 } else { Duration::from_millis(1500) };
                let behind = self.dice.between(Duration::from_millis(1), most);
                self.lag(seat, behind);
                self.agenda.plan(then, Occurrence::Heal { seat });
            }
            Fault::Stop | Fault::StepDown => {
                let Some(index) = self.seats[seat].process.filter(|index| !self.processes[*index].is_paused) else {
                    return;
                };
                self.coverage.fault(fault);
                if fault == Fault::Stop {
                    self.step(index, Input::Stop, None);
                    self.agenda.plan(then + lease, Occurrence::Start { seat });
                } else {
                    self.step(index, Input::StepDown, None);
                }
            }
            Fault::WallJump => {
                self.coverage.fault(fault);
                let hours = i64::try_from(self.dice.below(48)).unwrap_or(0) - 24;
                self.jump_wall_clock(seat, hours * 3_600_000 + 123);
            }
            Fault::Crash => {}
            other => {
                self.coverage.fault(other);
                self.strange(other);
            }
        }
    }
}
