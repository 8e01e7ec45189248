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
