//! Elections in virtual time: real candidates, GitHub's API as a function, faults as they were measured on others.
//!
//! Every test ends with [`kept`]: the simulator checks all of its promises at every step of every scenario, above all
//! that there are never two leaders at once. A test says in addition what must happen.
//!
//! All of it is run twice: `scenarios` plays push mode, `scenarios_patch` the same in patch mode.

mod bounds;
mod explored;
mod measured_on_client_go;
mod measured_on_the_original;
mod weak_points;

use std::time::Duration;

use leader_elector_core::WriteMode;
use leader_elector_core::sim::{Builder, Moment, Profile, Term, World};
use leader_elector_core::timing::Settings;

/// How the candidates of this run write.
const WRITE: WriteMode = match env!("CARGO_CRATE_NAME").as_bytes() {
    b"scenarios_patch" => WriteMode::Patch,
    _ => WriteMode::Push,
};

fn worlds() -> Builder {
    World::builder().write(WRITE)
}

fn random() -> Profile {
    Profile { write: Some(WRITE), ..Profile::default() }
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What requests and answers cost at most in a bound, beyond its named parts.
const ROUND_TRIPS: Duration = ms(500);

/// client-go's three numbers: lease, renew deadline, renew interval; the rest as by default.
fn timing(lease: u64, renew_deadline: u64, renew_interval: u64) -> Settings {
    Settings {
        lease: s(lease),
        renew_deadline: s(renew_deadline),
        renew_interval: s(renew_interval),
        ..Settings::default()
    }
}

/// Three candidates at the default timings.
fn three(seed: u64) -> World {
    worlds().seed(seed).wrong_clocks().starts_within(s(2)).build().expect("the default timings are sound")
}

fn three_at(settings: Settings, seed: u64) -> World {
    let builder = worlds().timing(settings).seed(seed).wrong_clocks().starts_within(s(2));
    builder.build().expect("the timings are sound")
}

/// Runs until somebody has led for a while.
fn led(world: &mut World) -> usize {
    let leader = world.run_until_led(s(60));
    world.run_for(s(25));
    kept(world);
    assert_eq!(world.leader(), leader, "{world}");
    leader.expect("there is a leader")
}

/// No promise was broken.
fn kept(world: &World) {
    assert_eq!(world.violation(), None, "{}", world.story().end(120));
}

/// Runs until another seat than `old` leads, for `most` at most; when that was.
fn succeeded(world: &mut World, old: usize, most: Duration) -> Moment {
    let succeeded = world.run_until_holds(most, |world| world.leader().is_some_and(|leader| leader != old));
    kept(world);
    assert!(succeeded, "nobody but {old} leads within {most:?}\n{}", world.story().end(120));
    world.now()
}

/// The last term of a seat.
fn last_term(world: &World, seat: usize) -> Term {
    let term = world.terms().iter().rev().find(|term| term.seat == seat);
    term.unwrap_or_else(|| panic!("seat {seat} never led\n{world}")).clone()
}

/// The middle one, or the greater of the two in the middle.
fn median(mut spans: Vec<Duration>) -> Duration {
    spans.sort_unstable();
    // The mean of the middle two where their number is even.
    (spans[(spans.len() - 1) / 2] + spans[spans.len() / 2]) / 2
}
