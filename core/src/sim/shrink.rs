//! From a seed that breaks a promise to the least that still breaks it: fewer faults, fewer candidates, less time.

use std::time::Duration;

use super::checks::Check;
use super::clock::Moment;
use super::explore::{Outcome, Profile, explore};
use super::faults::Fault;

/// A violation with as little around it as was found.
#[derive(Debug)]
pub struct Shrunk {
    /// What is left of the profile.
    pub profile: Profile,
    /// What it leads to, with its story.
    pub outcome: Outcome,
    /// The faults that it takes.
    pub faults: Vec<Fault>,
}

/// Shrinks the world of a seed, which breaks a promise with this profile. `None` if it does not.
#[must_use]
pub fn shrink(seed: u64, profile: &Profile) -> Option<Shrunk> {
    let outcome = explore(seed, profile);
    let check = outcome.violation.as_ref()?.check;
    let mut best = (profile.clone(), outcome);
    let attempt = |profile: Profile, best: &mut (Profile, Outcome)| {
        let outcome = explore(seed, &profile);
        if breaks(&outcome, check) {
            *best = (profile, outcome);
        }
    };
    // One switch after another, and once more: what was needed for its neighbour may not be needed without it.
    for _ in 0..2 {
        for fault in Fault::ALL {
            if best.0.faults.has(*fault) {
                let profile = Profile { faults: best.0.faults.without(*fault), ..best.0.clone() };
                attempt(profile, &mut best);
            }
        }
    }
    let (least, most) = best.0.candidates;
    for count in least..most {
        attempt(Profile { candidates: (count, count), ..best.0.clone() }, &mut best);
    }
    if let Some(violation) = &best.1.violation {
        let trouble = Duration::from_secs(violation.at.since(Moment::ZERO).as_secs() + 1);
        if trouble < best.0.trouble {
            attempt(Profile { trouble, ..best.0.clone() }, &mut best);
        }
    }
    let faults = Fault::ALL.iter().copied().filter(|fault| best.1.coverage.of_fault(*fault) > 0).collect();
    Some(Shrunk { profile: best.0, outcome: best.1, faults })
}

fn breaks(outcome: &Outcome, check: Check) -> bool {
    outcome.violation.as_ref().is_some_and(|violation| violation.check == check)
}

#[cfg(test)]
mod tests {
    use super::super::explore::Rules;
    use super::*;

    #[test]
    fn what_is_left_still_breaks_the_same_promise_and_takes_less() {
        let trouble = Duration::from_mins(2);
        let profile = Profile { rules: Rules::Original, trouble, ..Profile::default() }.at_default_timings();
        let seed =
            (1..50).find(|seed| explore(*seed, &profile).violation.is_some()).expect("the original's rules break");
        let check = explore(seed, &profile).violation.map(|violation| violation.check);
        let least = shrink(seed, &profile).expect("it breaks a promise");
        assert_eq!(least.outcome.violation.map(|violation| violation.check), check);
        assert_eq!(explore(seed, &least.profile).violation.map(|violation| violation.check), check);
        assert!(least.faults.len() < 6 && least.profile.trouble <= trouble, "{:?}", least.faults);
        assert!(shrink(seed, &Profile { faults: super::super::Switches::NONE, ..Profile::default() }).is_none());
    }
}
