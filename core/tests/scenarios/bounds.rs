//! The bounds that are promised, where they can be measured in virtual time. Counted from the moment named to the first
//! moment of the new term.

use std::time::Duration;

use leader_elector_core::Event;
use leader_elector_core::emulator::Limits;
use leader_elector_core::sim::{Kind, Moment, World};
use leader_elector_core::timing::Settings;

use super::{ROUND_TRIPS, kept, led, median, s, succeeded, three, worlds};

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn first_leader_on_a_free_lock_within_settle() {
    let bound = Settings::default().settle + ROUND_TRIPS;
    for candidates in [1, 3] {
        for seed in 0..20 {
            let mut world = worlds().candidates(candidates).seed(seed).wrong_clocks().build().expect("sound");
            world.run_until_led(s(30));
            let first = &world.terms()[0];
            assert!(first.from.since(Moment::ZERO) <= bound, "seed {seed}: {:?}\n{world}", first.from);
            world.run_for(s(30));
            kept(&world);
        }
    }
}

/// Kills are spread evenly over the renewal interval.
#[test]
fn failover_after_a_kill_within_lease_and_poll_and_settle() {
    let Settings { lease, poll, settle, renew_interval, .. } = Settings::default();
    let runs = 20;
    let mut spans = Vec::new();
    for run in 0..runs {
        let mut world = three(u64::from(run));
        let leader = led(&mut world);
        // From a renewal on: the first write after now, and its share of the interval.
        let writes = |world: &World| world.sent().iter().filter(|sent| sent.kind == Kind::Write).count();
        let before = writes(&world);
        assert!(world.run_until_holds(renew_interval * 2, |world| writes(world) > before));
        world.run_for(renew_interval * run / runs);
        let killed = world.now();
        world.kill(leader);
        let bound = lease + poll + settle + ROUND_TRIPS;
        spans.push(succeeded(&mut world, leader, bound).since(killed));
    }
    let median = median(spans.clone());
    assert!(median <= s(28), "{median:?} of {spans:?}");
}

#[test]
fn hand_over_after_a_release_within_poll_and_settle() {
    let Settings { poll, settle, .. } = Settings::default();
    for seed in 0..20 {
        let mut world = three(seed);
        let leader = led(&mut world);
        world.run_for(Duration::from_millis(533 * seed));
        world.stop(leader);
        let released = |world: &World| {
            let of_leader = world.events().iter().filter(|(_, seat, _)| *seat == leader);
            of_leader.into_iter().any(|(_, _, event)| *event == Event::Released)
        };
        assert!(world.run_until_holds(s(1), released), "{world}");
        succeeded(&mut world, leader, poll + settle + ROUND_TRIPS);
        assert!(!world.is_running(leader), "an orderly stop ends");
    }
}

#[test]
fn a_leader_in_peace_sends_one_patch_a_renewal_and_reads_nothing() {
    let mut world = three(5);
    let leader = led(&mut world);
    let from = world.now();
    world.run_for(HOUR);
    kept(&world);
    let count = |kind| world.count(leader, kind, from, world.now());
    assert!((355..=361).contains(&count(Kind::Write)), "{}", count(Kind::Write));
    assert_eq!((count(Kind::Read), count(Kind::List), count(Kind::Revision)), (0, 0, 0));
}

#[test]
fn a_follower_in_peace_sends_one_conditional_get_a_poll() {
    let mut world = three(6);
    let leader = led(&mut world);
    let from = world.now();
    world.run_for(HOUR);
    kept(&world);
    let renewals = world.count(leader, Kind::Write, from, world.now());
    for follower in (0..3).filter(|seat| *seat != leader) {
        let count = |kind| world.count(follower, kind, from, world.now());
        assert!(count(Kind::Read) <= 1803, "{}", count(Kind::Read));
        assert_eq!((count(Kind::Write), count(Kind::List), count(Kind::Revision)), (0, 0, 0));
        let mine = world.sent().iter().filter(|sent| sent.seat == follower && sent.at >= from);
        let whole = mine.filter(|sent| sent.status == Some(200)).count();
        assert!(whole <= renewals + 1, "{whole} whole answers for {renewals} renewals");
    }
}

#[test]
fn content_writes_of_three_candidates_stay_under_the_limit_in_any_hour_of_a_term() {
    let mut world = worlds().seed(7).limits(Limits::GitHub).build().expect("sound");
    let leader = led(&mut world);
    world.run_for(HOUR * 3);
    kept(&world);
    assert_eq!(world.leader(), Some(leader), "the limit of 500 writes an hour is never met");
    assert_eq!(world.terms().len(), 1);
    let writes: Vec<_> = world.sent().iter().filter(|sent| sent.kind == Kind::Write).map(|sent| sent.at).collect();
    let since_claim = &writes[writes.iter().position(|at| *at >= world.terms()[0].from).unwrap_or(0)..];
    let most =
        since_claim.iter().map(|from| since_claim.iter().filter(|at| *from <= **at && at.since(*from) < HOUR).count());
    assert!(most.clone().max() <= Some(361), "{:?}", most.max());
}
