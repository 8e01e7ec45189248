//! The weak points of client-go, numbered as in the facts page: where we mean to be better, one scenario each.

use std::time::Duration;

use http::StatusCode;
use leader_elector_core::WriteMode;
use leader_elector_core::sim::{Deed, Kind, Path, foreign_record};
use leader_elector_core::timing::{Settings, TimingError};
use leader_elector_core::{Clock, Event, Phase, StopReason, Timing};

use super::{ROUND_TRIPS, WRITE, kept, last_term, led, ms, s, succeeded, three, three_at, timing, worlds};

/// R2: the lease counts from the sending.
#[test]
fn weak_point_1_a_late_acknowledgement_then_an_outage() {
    for seed in 0..12 {
        let mut world = three_at(timing(15, 10, 2), seed);
        let leader = led(&mut world);
        world.slow_answers(leader, ms(3200));
        world.run_for(s(9) + ms(250 * seed));
        world.cut_off(leader);
        let taken = succeeded(&mut world, leader, s(20));
        assert!(last_term(&world, leader).until < taken);
    }
}

/// R3: seeing another holder ends the term in the same step.
#[test]
fn weak_point_2_a_leader_that_sees_another_holder_ends_at_once() {
    let mut world = three(2);
    let leader = led(&mut world);
    let before = last_term(&world, leader).until;
    assert!(world.person(&Deed::Write(foreign_record("somebody", 15, 7))));
    assert!(world.run_until_holds(s(11), |world| world.leader().is_none()), "{world}");
    kept(&world);
    assert!(world.now() < before, "and not at its deadline");
    let lost = |event: &Event| matches!(event, Event::Stopping { why: StopReason::Lost, .. });
    assert!(world.events().iter().any(|(_, seat, event)| *seat == leader && lost(event)), "{world}");
    assert!(world.run_until_led(s(40)).is_some(), "a foreign lease ends as any other");
    assert!(world.terms().last().is_some_and(|term| term.token > 7), "with the next token");
    kept(&world);
}

/// R6: a release that lands late is void, or refused where it is a push, and the successor leads on.
#[test]
fn weak_point_3_a_late_release_does_not_erase_the_successor() {
    let mut world = three(3);
    let leader = led(&mut world);
    world.slow_writes(leader, s(70));
    world.stop(leader);
    succeeded(&mut world, leader, s(40));
    let successor = world.leader();
    world.run_for(s(90));
    kept(&world);
    assert!(world.coverage().of_path(Path::Release) > 0, "{world}");
    assert_eq!(world.coverage().of_path(Path::ReleaseVoid) > 0, WRITE == WriteMode::Patch, "{world}");
    assert_eq!((world.leader(), world.terms().len()), (successor, 2), "{world}");
}

/// R11: nothing is ever rounded to a lease of zero.
#[test]
fn weak_point_4_a_lease_of_half_a_second_is_refused() {
    for lease in [ms(500), ms(1500), Duration::ZERO] {
        let wrong = Timing::new(Settings { lease, ..Settings::default() }, s(1)).expect_err("refused");
        let about_lease = |error: &TimingError| {
            matches!(error, TimingError::LeaseNotWhole { .. } | TimingError::LeaseOutOfRange { .. })
        };
        assert!(wrong.iter().any(about_lease), "{wrong:?}");
    }
}

/// R8: a name is not an identity.
#[test]
fn weak_point_5_the_same_name_twice() {
    for seed in 0..10 {
        let mut world = worlds().names(&["twin", "twin"]).seed(seed).build().expect("sound");
        let leader = led(&mut world);
        world.run_for(s(120));
        assert_eq!(world.terms().len(), 1, "{world}");
        world.kill(leader);
        succeeded(&mut world, leader, s(34));
        world.restart(leader);
        world.run_for(s(60));
        kept(&world);
        assert_eq!(world.terms().len(), 2, "{world}");
    }
}

/// R7: the same name coming back is a new term with a new token, after the old lease.
#[test]
fn weak_point_6_a_restart_under_the_same_name_is_a_new_term() {
    for seed in 0..10 {
        let mut world = worlds().candidates(1).seed(seed).build().expect("sound");
        led(&mut world);
        let old = last_term(&world, 0);
        world.kill(0);
        world.run_for(ms(100));
        world.restart(0);
        assert!(world.run_until_holds(s(40), |world| world.terms().len() == 2), "{world}");
        kept(&world);
        let new = last_term(&world, 0);
        assert!(new.token > old.token && new.from >= old.until && new.instance != old.instance);
    }
}

/// R12: a follower does not poll past the end of a lease.
#[test]
fn weak_point_7_a_follower_wakes_when_the_lease_runs_out() {
    for seed in 0..10 {
        // A poll of 14 s: on a poll it would be found out up to 14 s late.
        let settings = Settings { poll: s(14), ..Settings::default() };
        let mut world = three_at(settings, seed);
        let leader = led(&mut world);
        world.kill(leader);
        succeeded(&mut world, leader, s(30) + s(14) + s(1) + ROUND_TRIPS);
        let successor = world.leader().expect("just seen");
        let sent = |kind| world.sent().iter().filter(move |sent| sent.seat == successor && sent.kind == kind);
        let claimed = sent(Kind::Write).next().expect("it claimed").at;
        let received = sent(Kind::Read).filter(|sent| sent.status == Some(200) && claimed.since(sent.at) > s(20));
        let late = received.map(|sent| claimed.since(sent.at)).min().expect("it had received the lease");
        assert!(late <= s(30) + ms(250) + ms(100) + ms(30), "{late:?} after the receipt\n{world}");
    }
}

/// R13: time that a machine slept through counts, even where its clock stood still.
#[test]
fn weak_point_8_a_machine_that_slept_does_not_believe_it_leads() {
    for seed in 0..10 {
        let builder = worlds().clock(Clock::MayStop).seed(seed);
        let mut world = builder.build().expect("sound");
        let leader = led(&mut world);
        world.suspend(leader, s(60));
        kept(&world);
        assert_ne!(world.leader(), Some(leader), "{world}");
        world.run_for(s(60));
        kept(&world);
        assert!(last_term(&world, leader).token < world.terms().last().map_or(0, |term| term.token));
    }
}

/// R6: nothing is released while guarded work runs.
#[test]
fn weak_point_9_the_release_waits_for_the_work() {
    let mut world = three_at(Settings { stop_grace: s(4), ..Settings::default() }, 9);
    let leader = led(&mut world);
    world.slow_work(leader, s(3), Duration::ZERO);
    world.stop(leader);
    world.run_for(ms(2900));
    assert_eq!((world.coverage().of_path(Path::Release), world.leader()), (0, None), "{world}");
    let stopped = world.now();
    succeeded(&mut world, leader, s(4));
    assert!(world.now().since(stopped) > ms(100));
    assert_eq!(world.coverage().of_path(Path::Released), 1);
}

/// Without the word that the work has ended nothing is released: the lease expires.
#[test]
fn weak_point_9_work_that_never_ends_is_never_released() {
    let mut world = three(10);
    let leader = led(&mut world);
    world.slow_work(leader, Duration::ZERO, s(3600));
    world.stop(leader);
    succeeded(&mut world, leader, s(34));
    world.run_for(s(120));
    kept(&world);
    assert_eq!(world.coverage().of_path(Path::Release), 0);
}

/// Losing the store is not the end of a process.
#[test]
fn weak_point_10_an_outage_makes_a_follower_not_an_exit() {
    let mut world = worlds().candidates(1).seed(11).build().expect("sound");
    led(&mut world);
    world.answer_only(0, StatusCode::INTERNAL_SERVER_ERROR);
    world.run_for(s(120));
    assert_eq!(world.view(0).map(|view| view.phase), Some(Phase::Following), "{world}");
    world.heal(0);
    assert_eq!(world.run_until_led(s(10)), Some(0), "{world}");
    kept(&world);
}

#[test]
fn weak_point_11_every_term_has_a_fencing_token() {
    let mut world = three(12);
    for _ in 0..6 {
        let leader = led(&mut world);
        world.stop(leader);
        world.run_for(s(10));
        world.restart(leader);
    }
    kept(&world);
    let tokens: Vec<_> = world.terms().iter().map(|term| term.token).collect();
    assert_eq!(tokens[0], 1, "the first term is not mistaken for none");
    assert!(tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
}

#[test]
fn weak_point_11_leadership_can_be_given_away() {
    let mut world = three(13);
    let leader = led(&mut world);
    world.step_down(leader);
    succeeded(&mut world, leader, s(4));
    let successor = world.leader();
    world.run_for(s(60));
    kept(&world);
    assert_eq!((world.leader(), world.is_running(leader)), (successor, true));
}

/// With nobody else to take it, it stays free for a lease.
#[test]
fn weak_point_11_who_gives_it_away_stays_away_for_a_lease() {
    let mut world = worlds().candidates(1).seed(14).build().expect("sound");
    led(&mut world);
    world.step_down(0);
    world.run_for(s(29));
    assert_eq!(world.terms().len(), 1, "{world}");
    assert_eq!(world.run_until_led(s(6)), Some(0), "{world}");
    kept(&world);
}

#[test]
fn weak_point_11_everybody_knows_who_leads() {
    let mut world = three(15);
    let leader = led(&mut world);
    let name = format!("c{leader}");
    for seat in 0..3 {
        let view = world.view(seat).expect("it runs");
        assert_eq!(view.leader.as_deref(), Some(&*name));
        assert_eq!(view.token.map(leader_elector_core::Token::get), Some(1));
        assert_eq!(view.until.is_some(), seat == leader);
    }
    let told = world.events().iter().filter(|(_, _, event)| *event == Event::NewLeader { leader: name.clone() });
    assert_eq!(told.count(), 3, "each says it once");
}

#[test]
fn weak_point_11_transitions_can_be_counted() {
    let mut world = three(16);
    for _ in 0..3 {
        let leader = led(&mut world);
        world.kill(leader);
        world.run_for(s(60));
        world.restart(leader);
    }
    world.run_for(s(10));
    kept(&world);
    let token = world.terms().last().map(|term| term.token);
    assert!(
        (0..3).all(|seat| world.view(seat).and_then(|view| view.token).map(leader_elector_core::Token::get) == token),
        "{world}"
    );
}

/// The work is told first; nothing is freed while it may still run.
#[test]
fn weak_point_12_a_missed_deadline_ends_the_work_before_anything_is_released() {
    for seed in 0..10 {
        let mut world = three_at(Settings { stop_grace: s(2), ..Settings::default() }, seed);
        let leader = led(&mut world);
        world.lose_answers(leader);
        assert!(world.run_until_holds(s(30), |world| world.leader().is_none()), "{world}");
        let deadline = |event: &Event| matches!(event, Event::Stopping { why: StopReason::Deadline, .. });
        assert!(world.events().iter().any(|(_, seat, event)| *seat == leader && deadline(event)), "{world}");
        succeeded(&mut world, leader, s(200));
        kept(&world);
        assert_eq!(world.coverage().of_path(Path::Release), 0, "{world}");
    }
}
