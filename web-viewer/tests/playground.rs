//! The playground without a browser: stories end as told, links replay exactly, and time goes both ways.

use std::time::Duration;

use leader_elector_core::WriteMode;
use leader_elector_core::sim::{Coverage, Moment, Profile, Rules, explore};
use leader_elector_viewer::playground::act::{Act, Whom};
use leader_elector_viewer::playground::engine::Engine;
use leader_elector_viewer::playground::link::{Calm, Link, Play, Setup, Simulated};
use leader_elector_viewer::playground::picture::{Picture, Room};
use leader_elector_viewer::playground::story::Story;
use leader_elector_viewer::playground::trace::Entry;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn at(seconds: u64) -> Moment {
    Moment::after(Duration::from_secs(seconds))
}

fn played(play: Play, until: Moment) -> Engine {
    let mut engine = Engine::new(play).expect("a world");
    engine.run_until(until);
    engine
}

fn entries(engine: &Engine) -> Vec<Entry> {
    engine.trace().all().cloned().collect()
}

#[test]
fn every_story_ends_as_its_captions_say() {
    for story in Story::ALL {
        for write in [WriteMode::Push, WriteMode::Patch] {
            for rules in [Rules::Ours, Rules::Original] {
                let engine = played(story.play(write, rules), Moment::after(story.end(rules)));
                let ends = story.ends_as_told(rules, &engine);
                assert_eq!(ends, Ok(()), "{} by {write}, {rules:?}", story.name());
                let last = story.captions(rules).last().expect("captions").0;
                assert!(Duration::from_millis(last) < story.end(rules), "{}", story.name());
                assert!(story.captions(rules).is_sorted_by_key(|(ms, _)| *ms), "{}", story.name());
            }
        }
    }
}

/// Whatever is done to it: the stories' acts, and harsher ones.
#[test]
fn ours_never_has_two_leaders_and_the_original_does() {
    let mut doubles = 0;
    for seed in 0..6 {
        for write in [WriteMode::Push, WriteMode::Patch] {
            for rules in [Rules::Ours, Rules::Original] {
                let calm = Calm { seed, write, rules, candidates: 7 };
                let acts = vec![
                    (20_000, Act::LoseUpdates(100)),
                    (40_000, Act::Hang(Whom::First, 90)),
                    (60_000, Act::Wipe),
                    (90_000, Act::Cut(Whom::Seat(1))),
                    (100_000, Act::Pause(Whom::Seat(2))),
                    (150_000, Act::Throttle(20)),
                    (200_000, Act::Throttle(0)),
                    (210_000, Act::Jump(Whom::All, -3600)),
                    (230_000, Act::Resume(Whom::Seat(2))),
                    (230_000, Act::Reconnect(Whom::All)),
                ];
                let engine = played(Play { setup: Setup::Calm(calm), acts }, at(400));
                if rules == Rules::Ours {
                    assert_eq!(engine.violation(), None, "seed {seed} {write}");
                    assert!(engine.doubles().is_empty(), "seed {seed} {write}");
                } else {
                    doubles += engine.doubles().len();
                }
            }
        }
    }
    assert!(doubles > 0);
}

#[test]
fn a_link_says_everything_and_replays_exactly() {
    let mut engine = Engine::new(Play { setup: Setup::Calm(Calm::default()), acts: Vec::new() }).expect("a world");
    // By hand, in uneven steps, with two acts at one moment and one between two milliseconds.
    let acts = [
        (7_001, Act::Latency(250)),
        (15_333, Act::Kill(Whom::Seat(0))),
        (15_333, Act::Start(Whom::Seat(0))),
        (30_007, Act::Pause(Whom::First)),
        (66_123, Act::LoseUpdates(100)),
        (66_123, Act::Start(Whom::Seat(5))),
        (90_900, Act::Resume(Whom::First)),
        (95_000, Act::Jump(Whom::Seat(1), -40)),
    ];
    for (ms, act) in acts {
        let until = Moment::after(Duration::from_micros(ms * 1000 - 300));
        while engine.now() < until {
            engine.run_until(until.min(engine.now() + Duration::from_micros(16_667)));
        }
        engine.act(act);
    }
    engine.run_until(at(200));
    let link = engine.play().fragment();
    let Ok(Link::Play(again)) = Link::parse(&link) else { panic!("{link}") };
    assert_eq!(&again, engine.play());
    let again = played(again, at(200));
    assert!(entries(&engine) == entries(&again), "{link}");
    assert!(entries(&engine).len() > 500);
}

#[test]
fn a_seed_played_by_the_original_and_back_is_the_same_world() {
    let Ok(Link::Play(seed)) = Link::parse("seed=844") else { panic!("a seed") };
    let there = seed.played_by(None, Rules::Original);
    assert_ne!(there, seed);
    assert_eq!(there.played_by(None, Rules::Ours), seed);
}

#[test]
fn a_link_that_was_encoded_on_its_way_is_the_same() {
    assert_eq!(Link::parse("play=7%2Cpatch%2cours,2%3B5,wipe"), Link::parse("play=7,patch,ours,2;5,wipe"));
}

#[test]
fn a_stop_that_reaches_a_paused_candidate_is_heard_when_it_goes_on() {
    let acts = vec![
        (30_000, Act::Pause(Whom::Seat(0))),
        (31_000, Act::Stop(Whom::Seat(0))),
        (40_000, Act::Resume(Whom::Seat(0))),
    ];
    let play = Play { setup: Setup::Calm(Calm { candidates: 1, ..Calm::default() }), acts };
    let phase = |seconds| played(play.clone(), at(seconds)).world().statuses()[0].phase;
    assert!(phase(39).is_some());
    assert_eq!(phase(80), None, "it has stopped");
}

#[test]
fn links_that_are_wrong_say_what_is_allowed() {
    for (link, says) in [
        ("play=x", "seed is `x`: allowed is a whole number"),
        ("play=1,pull", "write is `pull`: allowed are push and patch"),
        ("play=1,push,mine", "rules is `mine`: allowed are ours and original"),
        ("play=1,push,ours,8", "candidates is 8: allowed is 1 to 7"),
        ("play=1;5,eat,1", "`5,eat,1` is no act"),
        ("play=1;5,kill,9", "`5,kill,9` is no act"),
        ("play=1;5,hang,1,99999", "`5,hang,1,99999` is no act"),
        ("play=1;5,wipe;4,wipe", "act `4,wipe` comes after a later one"),
        ("story=x", "story is `x`: allowed are elect, kill, hang, lost, pause, race"),
        ("seed=", "seed is ``"),
        ("gist=1", "allowed are play, seed and story"),
    ] {
        let wrong = Link::parse(link).expect_err(link);
        assert!(wrong.contains(says), "{link}: {wrong}");
    }
}

#[test]
fn every_setup_survives_its_link() {
    let simulated = |write, rules, at_default_timings| {
        Setup::Simulated(Simulated { seed: u64::MAX, write, rules, at_default_timings })
    };
    let acts = vec![(1, Act::Wipe), (1, Act::Hang(Whom::All, 9)), (2, Act::SlowWrites(Whom::First, 3600))];
    for setup in [
        Setup::Calm(Calm { seed: 5, write: WriteMode::Patch, rules: Rules::Original, candidates: 7 }),
        simulated(None, Rules::Ours, false),
        simulated(Some(WriteMode::Push), Rules::Original, true),
    ] {
        let play = Play { setup, acts: acts.clone() };
        assert_eq!(Link::parse(&play.fragment()), Ok(Link::Play(play)));
    }
    assert!(matches!(Link::parse("story=hang,patch,original"), Ok(Link::Story(..))));
}

#[test]
fn a_seed_of_the_simulator_is_the_same_world_here() {
    for seed in [3, 844] {
        let made = Simulated { seed, write: None, rules: Rules::Ours, at_default_timings: false };
        let mut engine = Engine::new(Play { setup: Setup::Simulated(made), acts: Vec::new() }).expect("a world");
        let mut end = Moment::ZERO;
        while !engine.is_over() {
            end = end + Duration::from_millis(1234);
            engine.run_until(end);
        }
        let there = explore(seed, &Profile::default());
        let here: &Coverage = engine.world().coverage();
        assert_eq!(here, &there.coverage, "seed {seed}");
        assert_eq!(engine.now().since(Moment::ZERO), there.span, "seed {seed}");
    }
}

#[test]
fn steps_go_forward_and_back_through_the_same_entries() {
    let mut engine = played(Story::Kill.play(WriteMode::Patch, Rules::Ours), at(43));
    let mut forward = Vec::new();
    for _ in 0..60 {
        let number = engine.step().expect("something happens");
        forward.push((engine.now(), number, engine.world().statuses().to_vec()));
    }
    for (now, number, statuses) in forward.iter().rev() {
        assert_eq!((engine.now(), engine.trace().next() - 1), (*now, *number));
        assert_eq!(engine.world().statuses(), statuses);
        engine.step_back().expect("something happened");
    }
    let mut again = Vec::new();
    engine.seek(at(43));
    for _ in 0..60 {
        let number = engine.step().expect("something happens");
        again.push((engine.now(), number, engine.world().statuses().to_vec()));
    }
    assert_eq!(again, forward);
}

#[test]
fn an_act_after_going_back_is_another_run() {
    let mut engine = played(Story::Kill.play(WriteMode::Push, Rules::Ours), at(60));
    engine.seek(at(10));
    assert_eq!(engine.ahead().len(), 1);
    engine.act(Act::Stop(Whom::First));
    assert!(engine.ahead().is_empty());
    engine.run_until(at(60));
    let again = played(engine.play().clone(), at(60));
    assert!(entries(&engine) == entries(&again));
    assert_eq!(engine.play().acts, [(10_000, Act::Stop(Whom::First))]);
}

/// Hours with the most candidates: nothing grows for ever, and any moment can be gone back to.
#[test]
fn three_hours_take_no_more_room_than_one() {
    let calm = Calm { candidates: 7, write: WriteMode::Patch, ..Calm::default() };
    let mut engine = Engine::new(Play { setup: Setup::Calm(calm), acts: Vec::new() }).expect("a world");
    let hour = 3600;
    engine.run_until(at(hour));
    let early = engine.weight();
    engine.run_until(at(3 * hour));
    let late = engine.weight();
    assert!(late <= early + early / 4, "{early} things were kept after an hour, {late} after three");
    engine.seek(at(3 * hour - 200));
    assert_eq!(engine.now(), at(3 * hour - 200));
    engine.seek(Moment::ZERO);
    assert_eq!(engine.trace().next(), 0);
}

#[test]
fn a_picture_drawn_as_it_happens_is_the_one_drawn_at_the_end() {
    for (story, rules) in [(Story::Pause, Rules::Original), (Story::Hang, Rules::Ours), (Story::Lost, Rules::Ours)] {
        let mut engine = Engine::new(story.play(WriteMode::Push, rules)).expect("a story");
        let room = Room { width: 800.0, lane: 60.0, span: 45.0, lanes: 3 };
        let mut picture = Picture::new(room);
        let mut kept = 0;
        while engine.now() < Moment::after(story.end(rules)) {
            engine.run_until(engine.now() + Duration::from_millis(170));
            let frame = picture.draw(&engine, None);
            kept += usize::from(frame.anew > 0);
        }
        let mut fresh = Picture::new(room);
        fresh.draw(&engine, None);
        let seen = picture.slices().front().expect("a slice").number;
        let fresh: Vec<_> = fresh.slices().iter().filter(|slice| slice.number >= seen).collect();
        assert_eq!(picture.slices().iter().collect::<Vec<_>>(), fresh, "{story:?}");
        assert!(picture.slices().len() < 40, "{}", picture.slices().len());
        assert!(kept > 100, "slices are drawn once, and moved from then on");
    }
}
