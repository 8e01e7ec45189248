//! A slice of the random worlds: ten virtual minutes each, then peace. `--example simulate` plays as many as wanted.

use leader_elector_core::sim::{Coverage, Profile, explore};

fn slice(seeds: std::ops::Range<u64>, profile: &Profile) -> Coverage {
    let mut coverage = Coverage::default();
    for seed in seeds {
        let outcome = explore(seed, profile);
        if let Some(violation) = outcome.violation {
            panic!("seed {seed}: {violation}\n{}", outcome.story.end(100));
        }
        coverage += &outcome.coverage;
    }
    coverage
}

#[test]
fn random_worlds_at_the_default_timings() {
    slice(0..200, &Profile::default().at_default_timings());
}

#[test]
fn random_worlds_at_all_timings() {
    let coverage = slice(10_000..10_200, &Profile::default());
    assert!(coverage.zeros().len() <= 3, "{:?}\n{coverage}", coverage.zeros());
}

#[test]
fn a_seed_is_played_the_same_way_twice() {
    let [first, second] = [1, 1].map(|seed| explore(seed, &Profile::default()));
    assert_eq!((first.coverage, first.span), (second.coverage, second.span));
}
