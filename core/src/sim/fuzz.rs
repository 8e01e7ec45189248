//! Any sequence of inputs to candidates: see [`crate::fuzz`].

use std::time::Duration;

use http::{Response, StatusCode};

use super::faults::Fault;
use super::people::Deed;
use super::world::World;
use crate::candidate::{Input, RequestId};
use crate::lock::Sent;
use crate::record::WriteMode;

/// Worlds longer than this teach nothing more.
const MOST_STEPS: usize = 400;

/// Bytes that are taken one after another; zero once there are no more.
struct Draws<'a>(&'a [u8]);

impl Draws<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.next()) % end
    }
}

/// Two candidates of which each byte may ask anything: wakes that nobody asked for, answers to requests that never were,
/// broken answers to those that are, stops and words of the work at any moment, faults that come and go. Every promise
/// of the simulator is checked at every step.
///
/// # Panics
/// Where that is not so.
pub fn inputs(bytes: &[u8]) {
    let mut draws = Draws(bytes);
    let write = if draws.next() & 1 == 0 { WriteMode::Push } else { WriteMode::Patch };
    let built = World::builder().candidates(2).write(write).seed(u64::from(draws.next())).told(false).build();
    let mut world = built.expect("the default timings hold");
    for _ in 0..MOST_STEPS {
        if draws.0.is_empty() || world.violation.is_some() {
            break;
        }
        let seat = draws.below(2);
        act(&mut world, seat, &mut draws);
    }
    if world.violation.is_none() {
        world.run_for(Duration::from_secs(40));
    }
    assert_eq!(world.violation, None);
}

fn act(world: &mut World, seat: usize, draws: &mut Draws<'_>) {
    let live = world.seats[seat].process.filter(|index| !world.processes[*index].is_paused);
    let awaited = live.and_then(|index| world.processes[index].awaits);
    let give = |world: &mut World, input| {
        if let Some(index) = live {
            world.step(index, input, None);
        }
    };
    match draws.below(18) {
        0..=3 => world.run_for(Duration::from_millis(20) * u32::from(draws.next())),
        4 => world.run_for(Duration::from_millis(200) * u32::from(draws.next())),
        5 => give(world, Input::Wake),
        6 => give(world, Input::Stop),
        7 => give(world, Input::StepDown),
        8 => give(world, Input::Failed(RequestId(u64::from(draws.next())), Sent::Unknown)),
        9 => {
            if let Some(id) = awaited {
                give(world, Input::Failed(id, Sent::Unknown));
            }
        }
        // An answer that proves nothing, to the request in flight or to one that may never have been.
        10 => {
            let statuses = [200, 202, 301, 408, 409, 500, 502, 503];
            let status = statuses[draws.below(statuses.len())];
            let mut answer = Response::new(vec![draws.next(); draws.below(40)]);
            *answer.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
            let id = awaited.filter(|_| draws.next() & 1 == 0).unwrap_or(RequestId(u64::from(draws.next())));
            give(world, Input::Response(id, answer));
        }
        11 => {
            world.kill(seat);
            world.start(seat);
        }
        12 => world.cut_off(seat),
        13 => world.heal(seat),
        14 => world.pause(seat),
        15 => world.resume(seat),
        16 => {
            let deeds = [
                Deed::Delete,
                Deed::Write("{}".to_owned()),
                Deed::Write("no record".to_owned()),
                Deed::Restore(2),
                Deed::EditOther("note".to_owned()),
            ];
            let at = draws.below(deeds.len());
            world.person(&deeds[at]);
        }
        _ => {
            let fault = Fault::ALL[draws.below(Fault::ALL.len())];
            world.let_happen(fault, u32::from(draws.next()) * 20);
        }
    }
}
