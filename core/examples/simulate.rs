//! Plays random worlds: `cargo run --release -p leader-elector-core --features sim --example simulate -- --runs 1000`.
//!
//! `--runs N` worlds from `--seed N` on (default 1), `--defaults` for the default timings only, `--trace` tells the
//! story of the one world `--seed N`, `--lines N` of it; `--push`, `--patch` for one write mode only. Exit 1 where a promise was broken or something never happened.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an example measures how fast it is")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use leader_elector_core::WriteMode;
use leader_elector_core::sim::{Coverage, Profile, explore, trace};

/// So many stories are printed in full.
const STORIES: usize = 3;

struct Options {
    runs: u64,
    seed: u64,
    lines: usize,
    tells: bool,
    profile: Profile,
}

fn options() -> Result<Options, String> {
    let mut options = Options { runs: 200, seed: 1, lines: 80, tells: false, profile: Profile::default() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok()).ok_or(format!("{argument} N"));
        match argument.as_str() {
            "--runs" => options.runs = number()?,
            "--seed" => options.seed = number()?,
            "--lines" => options.lines = usize::try_from(number()?).map_err(|error| error.to_string())?,
            "--trace" => options.tells = true,
            "--push" => options.profile.write = Some(WriteMode::Push),
            "--patch" => options.profile.write = Some(WriteMode::Patch),
            "--defaults" => options.profile = options.profile.clone().at_default_timings(),
            other => {
                let allowed = "--runs N, --seed N, --lines N, --trace, --defaults, --push, --patch";
                return Err(format!("{other}: allowed are {allowed}"));
            }
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    if options.tells {
        let outcome = trace(options.seed, &options.profile);
        println!("{}", outcome.story.end(options.lines));
        println!("{:?}", outcome.violation);
        return if outcome.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let started = Instant::now();
    let mut coverage = Coverage::default();
    let mut candidate_time = Duration::ZERO;
    let mut broken: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for seed in options.seed..options.seed + options.runs {
        let outcome = explore(seed, &options.profile);
        coverage += &outcome.coverage;
        candidate_time += outcome.candidate_time;
        if let Some(violation) = outcome.violation {
            if broken.values().flatten().count() < STORIES {
                println!("seed {seed}: {violation}\n{}", outcome.story.end(options.lines));
            } else {
                println!("seed {seed}: {violation}");
            }
            broken.entry(violation.check).or_default().push(seed);
        }
    }
    let took = started.elapsed();
    println!("{coverage}");
    let hours = candidate_time.as_secs_f64() / 3600.0;
    println!(
        "{} worlds, {hours:.1} candidate-hours in {:.1} s: {:.1} candidate-hours a second",
        options.runs,
        took.as_secs_f64(),
        hours / took.as_secs_f64()
    );
    for (check, seeds) in &broken {
        println!("BROKEN {check:?}: {} worlds, seeds {:?}", seeds.len(), &seeds[..seeds.len().min(12)]);
    }
    let zeros = coverage.zeros();
    println!("never happened: {zeros:?}");
    if broken.is_empty() && zeros.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
