//! Explores the small world: `cargo xtask small-world` builds and starts this.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an example measures how fast it is")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use leader_elector_core::WriteMode::{Patch, Push};
use leader_elector_core::sim::{Bounds, Explored, explore_all};

const HELP: &str = "\
Plays every schedule of real candidates with up to so many deviations, and checks that never two lead at once.

Usage: cargo xtask small-world [--deviations N] [--candidates N] [--seconds N] [--jobs N]

Without options: two candidates with two deviations, three with one, in push mode, in patch mode, and mixed.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let number = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    let jobs = number("--jobs").and_then(|jobs| usize::try_from(jobs).ok());
    let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut rows = vec![(2, 2), (3, 1)];
    if let Some(deviations) = number("--deviations") {
        let candidates = number("--candidates").and_then(|count| usize::try_from(count).ok()).unwrap_or(2);
        rows = vec![(candidates, u8::try_from(deviations).unwrap_or(u8::MAX))];
    }
    let span = Duration::from_secs(number("--seconds").unwrap_or(9));
    let settle = Bounds::SETTLE;
    let mut sound = true;
    println!(
        "{:<12}{:>11}{:>12}{:>9}{:>12}{:>12}{:>12}{:>9}",
        "candidates", "deviations", "write", "apart", "states", "folded", "schedules", "seconds"
    );
    for (candidates, deviations) in rows {
        for writes in [vec![Push], vec![Patch], vec![Push, Patch]] {
            for apart in [0, 130] {
                let start_apart = Duration::from_millis(apart);
                let bounds = Bounds { candidates, writes: writes.clone(), start_apart, deviations, span, settle };
                let started = Instant::now();
                let found = explore(&bounds, jobs);
                let words: Vec<_> = writes.iter().map(ToString::to_string).collect();
                println!(
                    "{candidates:<12}{deviations:>11}{:>12}{:>7}ms{:>12}{:>12}{:>12}{:>9.1}",
                    words.join("+"),
                    apart,
                    found.states,
                    found.folded,
                    found.ends,
                    started.elapsed().as_secs_f64()
                );
                if let Some(broken) = &found.broken {
                    println!("BROKEN\n{broken}");
                    sound = false;
                }
                sound &= found.terms > 0;
            }
        }
    }
    println!("{}", if sound { "never two leaders at once" } else { "a promise was broken" });
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn explore(bounds: &Bounds, jobs: usize) -> Explored {
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..jobs).map(|job| scope.spawn(move || explore_all(bounds, (job, jobs)))).collect();
        parts.into_iter().map(|part| part.join().expect("a world does not panic")).fold(
            Explored::default(),
            |all, part| Explored {
                states: all.states + part.states,
                folded: all.folded + part.folded,
                ends: all.ends + part.ends,
                terms: all.terms + part.terms,
                broken: all.broken.or(part.broken),
            },
        )
    })
}
