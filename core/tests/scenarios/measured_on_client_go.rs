//! Every row of the table measured on client-go, at its timings, as a scenario in which two leaders do not appear.

use leader_elector_core::timing::Settings;

use super::{ROUND_TRIPS, kept, last_term, led, s, succeeded, three_at, timing};

fn its_timings() -> [Settings; 3] {
    [timing(15, 10, 2), timing(30, 15, 5), timing(30, 20, 10)]
}

#[test]
fn failover_after_a_kill() {
    for settings in its_timings() {
        for seed in 0..10 {
            let mut world = three_at(settings, seed);
            let leader = led(&mut world);
            world.run_for(s(seed) / 3);
            world.kill(leader);
            succeeded(&mut world, leader, settings.lease + settings.poll + settings.settle + ROUND_TRIPS);
        }
    }
}

#[test]
fn hand_over_after_a_clean_stop() {
    for settings in its_timings() {
        for seed in 0..10 {
            let mut world = three_at(settings, seed);
            let leader = led(&mut world);
            world.run_for(s(seed) / 3);
            world.stop(leader);
            succeeded(&mut world, leader, settings.poll + settings.settle + ROUND_TRIPS);
        }
    }
}

#[test]
fn answers_lost_while_writes_land() {
    for settings in its_timings() {
        for seed in 0..8 {
            let mut world = three_at(settings, seed);
            let leader = led(&mut world);
            world.run_for(s(seed) / 2);
            world.lose_answers(leader);
            let taken = succeeded(&mut world, leader, s(200));
            assert!(last_term(&world, leader).until < taken);
            world.run_for(s(60));
            kept(&world);
        }
    }
}

#[test]
fn no_answers_at_all_for_40_to_75_seconds() {
    for settings in its_timings() {
        for (seed, span) in (0..12).map(|seed| (seed, 40 + 3 * seed)) {
            let mut world = three_at(settings, seed);
            let leader = led(&mut world);
            world.run_for(s(seed) / 3);
            world.cut_off(leader);
            let cut = world.now();
            let taken = succeeded(&mut world, leader, settings.lease + settings.poll + settings.settle + ROUND_TRIPS);
            assert!(last_term(&world, leader).until < taken);
            world.run_for(s(span).saturating_sub(world.now().since(cut)));
            world.heal(leader);
            world.run_for(s(60));
            kept(&world);
            assert_eq!(world.terms().len(), 2, "{world}");
        }
    }
}

#[test]
fn stopped_past_the_lease_and_continued() {
    for settings in its_timings() {
        for seed in 0..6 {
            let mut world = three_at(settings, seed);
            let leader = led(&mut world);
            world.pause(leader);
            world.run_for(settings.lease * 2);
            world.resume(leader);
            world.run_for(s(60));
            kept(&world);
            let tokens: Vec<_> = world.terms().iter().map(|term| term.token).collect();
            assert!(tokens.is_sorted_by(|a, b| a < b) && tokens.len() == 2, "{tokens:?}");
        }
    }
}
