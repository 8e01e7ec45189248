//! Plays random worlds: `cargo xtask simulate --runs 1000` builds and starts this.
//!
//! Exit 1 where a promise was broken or something never happened that should have.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an example measures how fast it is")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use leader_elector_core::WriteMode;
use leader_elector_core::sim::{Check, Coverage, Profile, Rules, Violation, explore, shrink, trace};

const HELP: &str = "\
Plays random worlds of candidates, faults and people, each drawn from one seed, and checks every promise at every step.

Usage: cargo xtask simulate [OPTIONS]

  --runs N       how many worlds (default 200)
  --seed N       the first seed (default 1)
  --jobs N       threads (default: one for each processor)
  --defaults     the default timings only; else tight ones as well
  --push         push mode only; else both, and mixtures
  --patch        patch mode only
  --original     the rules of the Go original instead of ours: shows that these worlds can break a promise
  --first        end at the first broken promise
  --trace        tell the story of the world --seed
  --lines N      how much of a story (default 80 lines)

Examples:
  cargo xtask simulate --runs 10000
  cargo xtask simulate --seed 4711 --trace
  cargo xtask simulate --original --first --runs 100

Exit codes: 0 every promise held and everything happened, 1 otherwise, 2 a mistake in the call";

struct Options {
    runs: u64,
    seed: u64,
    jobs: usize,
    lines: usize,
    tells: bool,
    first: bool,
    profile: Profile,
}

fn options() -> Result<Option<Options>, String> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let profile = Profile::default();
    let mut options = Options { runs: 200, seed: 1, jobs, lines: 80, tells: false, first: false, profile };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let given = arguments.next().unwrap_or_default();
            given.parse().map_err(|_| format!("{argument} is `{given}`: allowed is a number"))
        };
        match argument.as_str() {
            "--runs" => options.runs = number()?,
            "--seed" => options.seed = number()?,
            "--jobs" => options.jobs = usize::try_from(number()?).unwrap_or(1).max(1),
            "--lines" => options.lines = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--trace" => options.tells = true,
            "--first" => options.first = true,
            "--push" => options.profile.write = Some(WriteMode::Push),
            "--patch" => options.profile.write = Some(WriteMode::Patch),
            "--original" => options.profile.rules = Rules::Original,
            "--defaults" => options.profile = options.profile.clone().at_default_timings(),
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("`{other}` is not known; try --help")),
        }
    }
    Ok(Some(options))
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("error: {wrong}");
            return ExitCode::from(2);
        }
    };
    if options.tells {
        let outcome = trace(options.seed, &options.profile);
        println!("{}", outcome.story.end(options.lines));
        match &outcome.violation {
            Some(violation) => println!("{violation}"),
            None => println!("every promise held"),
        }
        return if outcome.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let started = Instant::now();
    let found = play(&options);
    report(&options, &found, started.elapsed())
}

/// What all worlds came to.
#[derive(Default)]
struct Found {
    worlds: u64,
    coverage: Coverage,
    candidate_time: Duration,
    broken: BTreeMap<u64, Violation>,
}

/// Deals the seeds to threads. What comes of a seed does not depend on who plays it.
fn play(options: &Options) -> Found {
    let (next, is_over) = (AtomicU64::new(options.seed), AtomicBool::new(false));
    let end = options.seed.saturating_add(options.runs);
    let one = || {
        let mut found = Found::default();
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let outcome = explore(seed, &options.profile);
            found.worlds += 1;
            found.coverage += &outcome.coverage;
            found.candidate_time += outcome.candidate_time;
            if let Some(violation) = outcome.violation {
                found.broken.insert(seed, violation);
                is_over.fetch_or(options.first, Ordering::Relaxed);
            }
        }
        found
    };
    std::thread::scope(|scope| {
        let playing: Vec<_> = (0..options.jobs).map(|_| scope.spawn(one)).collect();
        playing.into_iter().map(|playing| playing.join().expect("a world does not panic")).fold(
            Found::default(),
            |mut all, found| {
                all.worlds += found.worlds;
                all.coverage += &found.coverage;
                all.candidate_time += found.candidate_time;
                all.broken.extend(found.broken);
                all
            },
        )
    })
}

fn report(options: &Options, found: &Found, took: Duration) -> ExitCode {
    println!("{}", found.coverage);
    if let Some((seed, violation)) = found.broken.first_key_value() {
        println!("seed {seed}: {violation}");
        if let Some(least) = shrink(*seed, &options.profile) {
            let faults: Vec<_> = least.faults.iter().map(|fault| fault.name()).collect();
            println!("it takes no more than: {}\n{}", faults.join(", "), least.outcome.story.end(options.lines));
        }
    }
    let (hours, seconds) = (found.candidate_time.as_secs_f64() / 3600.0, took.as_secs_f64());
    let jobs = u32::try_from(options.jobs).map_or(1.0, f64::from);
    println!(
        "{} worlds, {hours:.1} candidate-hours in {seconds:.1} s: {:.1} candidate-hours a second and thread",
        found.worlds,
        hours / seconds / jobs
    );
    let mut by_check: BTreeMap<Check, Vec<u64>> = BTreeMap::new();
    for (seed, violation) in &found.broken {
        by_check.entry(violation.check).or_default().push(*seed);
    }
    for (check, seeds) in &by_check {
        println!("BROKEN {check:?}: {} worlds, seeds {:?}", seeds.len(), &seeds[..seeds.len().min(12)]);
    }
    let zeros: Vec<_> = found.coverage.zeros().into_iter().filter(|zero| !cannot(&options.profile, zero)).collect();
    println!("{} promises broken; never happened: {zeros:?}", found.broken.len());
    if found.broken.is_empty() && zeros.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What these worlds cannot show: a push is refused where a PATCH would land void.
fn cannot(profile: &Profile, path: &str) -> bool {
    profile.rules == Rules::Original
        || profile.write == Some(WriteMode::Push)
            && ["landed void", "landed on another"].iter().any(|no| path.contains(no))
}
