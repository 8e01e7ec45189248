//! Every row of the table measured on the Go original, as a scenario in which two leaders do not appear.

use leader_elector_core::WriteMode;
use leader_elector_core::emulator::Limits;
use leader_elector_core::sim::{Deed, Path};
use leader_elector_core::timing::Settings;
use leader_elector_core::{Event, StopReason};

use super::{ROUND_TRIPS, WRITE, kept, last_term, led, s, succeeded, three, worlds};

#[test]
fn simultaneous_start_of_eight_gives_one_leader() {
    for seed in 0..20 {
        let mut world = worlds().candidates(8).seed(seed).wrong_clocks().build().expect("sound");
        world.run_until_led(s(30));
        world.run_for(s(90));
        kept(&world);
        assert_eq!(world.terms().len(), 1, "seed {seed}\n{world}");
    }
}

/// The leader stops by itself before anybody else starts, and follows when its requests come through again.
#[test]
fn requests_that_hang_for_100_to_150_seconds() {
    for (seed, span) in (0..10).map(|seed| (seed, 100 + 5 * seed)) {
        let mut world = three(seed);
        let leader = led(&mut world);
        world.hang(leader, s(span));
        let now = world.now();
        let taken = succeeded(&mut world, leader, s(60));
        assert!(last_term(&world, leader).until < taken);
        world.run_for(s(span).saturating_sub(world.now().since(now)));
        world.heal(leader);
        world.run_for(s(200));
        kept(&world);
        assert!(world.is_running(leader));
        assert_eq!(world.terms().len(), 2, "{world}");
    }
}

#[test]
fn all_packets_dropped_for_a_thousand_seconds() {
    for seed in 0..3 {
        let mut world = three(seed);
        let leader = led(&mut world);
        world.cut_off(leader);
        let cut = world.now();
        let taken = succeeded(&mut world, leader, s(34));
        assert!(last_term(&world, leader).until.since(cut) <= Settings::default().renew_deadline);
        assert!(last_term(&world, leader).until < taken);
        world.run_for(s(1000));
        world.heal(leader);
        world.run_for(s(60));
        kept(&world);
        assert_eq!(world.terms().len(), 2, "{world}");
    }
}

#[test]
fn five_hundred_content_writes_an_hour_enforced() {
    let mut world = worlds().seed(3).limits(Limits::GitHub).build().expect("sound");
    let leader = led(&mut world);
    world.run_for(s(3 * 3600));
    kept(&world);
    assert_eq!(world.leader(), Some(leader));
    world.stop(leader);
    succeeded(&mut world, leader, s(5));
}

/// Twice as many writes as the limit allows: when they run out the leader says so and stops in time. Pushes are not
/// known to draw on that limit.
#[test]
fn writes_that_run_out_end_the_term_in_time() {
    let settings = Settings { renew_interval: s(4), ..Settings::default() };
    let mut world = worlds().timing(settings).limits(Limits::GitHub).seed(4).build().expect("sound");
    let leader = led(&mut world);
    world.run_for(s(3600));
    kept(&world);
    if WRITE == WriteMode::Push {
        assert_eq!((world.terms().len(), world.leader()), (1, Some(leader)), "{world}");
        return;
    }
    assert!(world.coverage().of_path(Path::ThrottledBeyondLease) > 0);
    assert!(world.terms()[0].until.since(world.terms()[0].from) < s(3600));
    // The hour ends, and somebody leads again.
    assert!(world.run_until_led(s(3700)).is_some());
    kept(&world);
}

#[test]
fn writes_land_and_answers_are_lost() {
    for seed in 0..6 {
        let mut world = three(seed);
        let leader = led(&mut world);
        world.lose_answers(leader);
        let taken = succeeded(&mut world, leader, s(200));
        let old = last_term(&world, leader);
        assert!(old.until < taken);
        world.run_for(s(60));
        kept(&world);
        assert_eq!(world.coverage().of_path(Path::Release), 0, "nothing is released in the dark");
    }
}

#[test]
fn writes_that_take_30_to_100_seconds() {
    for (seed, span) in (0..12).map(|seed| (seed, 30 + 6 * seed)) {
        let mut world = three(seed);
        let leader = led(&mut world);
        world.slow_writes(leader, s(span));
        world.run_for(s(12));
        world.heal(leader);
        world.run_for(s(span + 120));
        kept(&world);
        assert!(world.leader().is_some());
    }
}

#[test]
fn stopped_past_the_lease_and_continued_the_token_tells() {
    for seed in 0..12 {
        let mut world = three(seed);
        let leader = led(&mut world);
        world.pause(leader);
        succeeded(&mut world, leader, s(34));
        world.run_for(s(15));
        let resumed = world.now();
        world.resume(leader);
        world.run_for(s(30));
        kept(&world);
        let (old, new) = (last_term(&world, leader), world.terms().last().cloned().expect("a term"));
        assert!(new.token > old.token && old.until < new.from);
        let told = world.events().iter().find(|(at, seat, event)| {
            *at >= resumed && *seat == leader && matches!(event, Event::Stopping { why: StopReason::Deadline, .. })
        });
        let (at, ..) = told.expect("the work of the old one is told to stop");
        assert!(at.since(resumed) < s(1), "{world}");
    }
}

#[test]
fn half_of_the_reads_refused_with_403() {
    for seed in 0..6 {
        let mut world = three(seed);
        let leader = led(&mut world);
        (0..3).for_each(|seat| world.refuse_reads(seat, 5000));
        world.run_for(s(300));
        kept(&world);
        assert_eq!(world.leader(), Some(leader), "a leader in peace reads nothing");
        assert!((0..3).all(|seat| world.is_running(seat)), "nobody crashes");
        world.kill(leader);
        succeeded(&mut world, leader, s(60));
    }
}

/// It is respected for a lease, then replaced; the old text stays in the history.
#[test]
fn content_that_is_not_json() {
    let mut world = worlds().seed(2).starts_within(s(2)).build().expect("sound");
    assert!(world.person(&Deed::Write("gone fishing".into())));
    let Settings { lease, poll, settle, .. } = Settings::default();
    assert!(world.run_until_led(s(2) + lease + poll + settle + ROUND_TRIPS).is_some(), "{world}");
    assert!(world.terms()[0].from.since(leader_elector_core::sim::Moment::ZERO) >= lease, "and not before");
    world.run_for(s(30));
    kept(&world);
}

/// While one leads it is no more than a revision to write over.
#[test]
fn content_that_is_not_json_on_top_of_a_term() {
    let mut world = three(3);
    let leader = led(&mut world);
    for _ in 0..5 {
        assert!(world.person(&Deed::Write(format!("gone fishing at {}", world.now()))));
        world.run_for(s(20));
    }
    kept(&world);
    assert_eq!((world.leader(), world.terms().len()), (Some(leader), 1), "{world}");
}

#[test]
fn a_clock_forty_seconds_off_changes_nothing() {
    let Settings { lease, poll, settle, .. } = Settings::default();
    for seed in 0..10 {
        let mut world = three(seed);
        let leader = led(&mut world);
        for (seat, by) in [(0, 40_000), (1, -40_000), (2, 86_400_000)] {
            world.jump_wall_clock(seat, by);
        }
        world.run_for(s(60));
        assert_eq!(world.leader(), Some(leader));
        world.kill(leader);
        succeeded(&mut world, leader, lease + poll + settle + ROUND_TRIPS);
    }
}

#[test]
fn a_clean_stop_hands_over_and_is_no_crash() {
    let Settings { poll, settle, .. } = Settings::default();
    for seed in 0..10 {
        let mut world = three(seed);
        let leader = led(&mut world);
        world.stop(leader);
        // One round trip for the release, then the bound counts.
        succeeded(&mut world, leader, poll + settle + ROUND_TRIPS);
        world.restart(leader);
        world.run_for(s(30));
        kept(&world);
        assert_eq!(world.terms().len(), 2);
    }
}
