//! Plays random worlds: `cargo xtask simulate --runs 1000` builds and starts this.
//!
//! Exit 1 where a promise was broken or something never happened that should have.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an example measures how fast it is")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use leader_elector_core::{Clock, WriteMode};
use signal_hook::consts::{SIGINT, SIGTERM};

use leader_elector_core::sim::{Check, Coverage, Fault, Profile, Rules, Switches, Violation, explore, shrink, trace};

const HELP: &str = "\
Plays random worlds of candidates, faults and people, each drawn from one seed, and checks every promise at every step.

Usage: cargo xtask simulate [OPTIONS]

  --runs N       how many worlds (default 200)
  --seed N       the first seed (default 1)
  --jobs N       threads (default: one for each processor)
  --defaults     the default timings only; else tight ones as well
  --push         push mode only; else both, and mixtures
  --patch        patch mode only
  --may-stop     monotonic clocks that may stand still, as a browser's and a component's: wall clocks are looked at
  --only LIST    only these faults, by their names in the table, separated by commas; `none` for none
  --without LIST all faults but these
  --candidates N exactly so many (default: 2 to 4)
  --trouble N    for how many seconds things go wrong (default 540)
  --original     the rules of the Go original instead of ours: shows that these worlds can break a promise
  --first        end at the first broken promise
  --trace        tell the story of the world --seed
  --lines N      how much of a story, from its end (default 80 lines)
  --every N      say how far it is after every N worlds (default 20000; 0: never)

Ctrl-C ends a run early: what was played is reported all the same, with the seed to go on from.

Examples:
  cargo xtask simulate --runs 10000
  cargo xtask simulate --runs 1000000
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
    every: u64,
    profile: Profile,
}

/// Candidate-hours a second of one processor at the default timings: what is to be reached.
const GOAL: f64 = 25.0;
/// Worlds that are played to measure it.
const MEASURED: u64 = 60;

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let profile = Profile::default();
    let mut options =
        Options { runs: 200, seed: 1, jobs, lines: 80, tells: false, first: false, every: 20_000, profile };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let given = arguments.next().unwrap_or_default();
            given.parse().map_err(|_| format!("{argument} is `{given}`: allowed is a number"))
        };
        match argument.as_str() {
            "--runs" => options.runs = number()?,
            "--seed" => options.seed = number()?,
            "--jobs" => options.jobs = count(number()?),
            "--lines" => options.lines = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--candidates" => {
                let count = count(number()?);
                options.profile.candidates = (count, count);
            }
            "--trouble" => options.profile.trouble = Duration::from_secs(number()?),
            "--only" => options.profile.faults = faults(&arguments.next().unwrap_or_default())?,
            "--without" => {
                let without = faults(&arguments.next().unwrap_or_default())?;
                let all = Fault::ALL.iter().copied().filter(|fault| !without.has(*fault));
                options.profile.faults = all.fold(Switches::NONE, Switches::with);
            }
            "--every" => options.every = number()?,
            "--trace" => options.tells = true,
            "--first" => options.first = true,
            "--push" => options.profile.write = Some(WriteMode::Push),
            "--patch" => options.profile.write = Some(WriteMode::Patch),
            "--may-stop" => options.profile.clock = Clock::MayStop,
            "--original" => options.profile.rules = Rules::Original,
            "--defaults" => options.profile = options.profile.clone().at_default_timings(),
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("`{other}` is not known; try --help")),
        }
    }
    Ok(Some(options))
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(1).max(1)
}

/// The faults of a list of names.
fn faults(list: &str) -> Result<Switches, String> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "none");
    names.into_iter().try_fold(Switches::NONE, |faults, name| {
        let known = Fault::ALL.iter().find(|fault| fault.name() == name);
        let fault = known.ok_or_else(|| {
            let names: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
            format!("`{name}` is no fault; allowed are: {}", names.join(", "))
        })?;
        Ok(faults.with(*fault))
    })
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
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
        let words = outcome.violation.as_ref().map_or_else(|| "every promise held".to_owned(), ToString::to_string);
        // Whoever reads only its beginning has read enough.
        let _ = writeln!(std::io::stdout(), "{}\n{words}", outcome.story.end(options.lines));
        return if outcome.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Twice ends it at once.
        let registered = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&ended))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&ended)));
        if let Err(wrong) = registered {
            eprintln!("warning: Ctrl-C will end this without a report: {wrong}");
        }
    }
    let started = Instant::now();
    let found = play(&options, started, &ended);
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

impl Found {
    fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.coverage += &other.coverage;
        self.candidate_time += other.candidate_time;
        self.broken.extend(other.broken);
    }
}

/// Deals the seeds to threads. What comes of a seed does not depend on who plays it, and every seed that was dealt is
/// played to its end: an early end leaves no gap.
fn play(options: &Options, started: Instant, ended: &AtomicBool) -> Found {
    let (next, is_over) = (AtomicU64::new(options.seed), AtomicBool::new(false));
    let end = options.seed.saturating_add(options.runs);
    let all = Mutex::new(Found::default());
    let one = || {
        while !is_over.load(Ordering::Relaxed) && !ended.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let outcome = explore(seed, &options.profile);
            let is_broken = outcome.violation.is_some();
            is_over.fetch_or(options.first && is_broken, Ordering::Relaxed);
            let mut all = all.lock().expect("no thread panics while it adds");
            all.add(Found {
                worlds: 1,
                coverage: outcome.coverage,
                candidate_time: outcome.candidate_time,
                broken: outcome.violation.into_iter().map(|violation| (seed, violation)).collect(),
            });
            if is_broken || options.every > 0 && all.worlds % options.every == 0 {
                let (worlds, broken, took) = (all.worlds, all.broken.len(), started.elapsed().as_secs());
                eprintln!("{worlds} of {} worlds after {took} s, {broken} promises broken", options.runs);
            }
        }
    };
    std::thread::scope(|scope| (0..options.jobs).for_each(|_| drop(scope.spawn(one))));
    all.into_inner().expect("no thread panics while it adds")
}

/// Candidate-hours a second of processor time at the default timings, measured by playing some worlds on this thread.
fn speed() -> f64 {
    let profile = Profile::default().at_default_timings();
    let start = processor_time();
    let played: Duration = (0..MEASURED).map(|seed| explore(seed, &profile).candidate_time).sum();
    played.as_secs_f64() / 3600.0 / processor_time().saturating_sub(start).as_secs_f64()
}

/// What this thread has used of a processor: other programs do not change it.
#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Elsewhere: time, whoever used the processor.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

fn report(options: &Options, found: &Found, took: Duration) -> ExitCode {
    println!("{}", found.coverage);
    if let Some((seed, violation)) = found.broken.first_key_value() {
        println!("seed {seed}: {violation}");
        if let Some(least) = shrink(*seed, &options.profile) {
            let faults: Vec<_> = least.faults.iter().map(|fault| fault.name()).collect();
            println!("it takes no more than: {}\n{}", faults.join(", "), least.outcome.story.end(options.lines));
            let (fewest, most) = least.profile.candidates;
            let candidates = if fewest == most { format!(" --candidates {most}") } else { String::new() };
            let only: Vec<_> = Fault::ALL.iter().filter(|fault| least.profile.faults.has(**fault)).collect();
            let only: Vec<_> = only.into_iter().map(|fault| fault.name()).collect();
            println!(
                "all of it: cargo xtask simulate --seed {seed} --trace --lines 100000{candidates} --trouble {} --only '{}'{}",
                least.profile.trouble.as_secs_f64().ceil(),
                if only.is_empty() { "none".to_owned() } else { only.join(",") },
                as_called(options)
            );
        }
    }
    let (hours, seconds) = (found.candidate_time.as_secs_f64() / 3600.0, took.as_secs_f64());
    let jobs = u32::try_from(options.jobs).map_or(1.0, f64::from);
    println!(
        "{} worlds, {hours:.1} candidate-hours in {seconds:.1} s: {:.1} candidate-hours a second and thread",
        found.worlds,
        hours / seconds / jobs
    );
    if found.worlds < options.runs && !options.first {
        let (left, seed) = (options.runs - found.worlds, options.seed + found.worlds);
        println!("ended early; the rest: cargo xtask simulate --seed {seed} --runs {left}");
    }
    let speed = speed();
    let met = if speed >= GOAL { "met" } else { "missed" };
    println!("GOAL {GOAL:.0} candidate-hours a second and processor at the default timings: {speed:.1}, {met}");
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

/// The options that say which worlds these are, as they are given.
fn as_called(options: &Options) -> String {
    let write = match options.profile.write {
        Some(WriteMode::Push) => " --push",
        Some(WriteMode::Patch) => " --patch",
        None => "",
    };
    let rules = if options.profile.rules == Rules::Original { " --original" } else { "" };
    let timings = if options.profile.timings.len() == 1 { " --defaults" } else { "" };
    let clock = if options.profile.clock == Clock::MayStop { " --may-stop" } else { "" };
    [write, rules, timings, clock].concat()
}

/// What these worlds cannot show: a push is refused where a PATCH would land void, and one mode is no mixture.
fn cannot(profile: &Profile, path: &str) -> bool {
    let absent: &[&str] = match profile.write {
        // Nor can worlds without some of the faults: what follows from which is not written down anywhere.
        _ if profile.rules == Rules::Original || profile.faults != Switches::ALL => return true,
        None => &[],
        Some(WriteMode::Push) => &["mixed modes", "landed void", "landed on another", "between two PATCHes"],
        Some(WriteMode::Patch) => &["mixed modes"],
    };
    absent.iter().any(|no| path.contains(no))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(line: &str) -> Options {
        let arguments = line.split_whitespace().map(|word| word.replace('_', " "));
        options(arguments).expect("the line is right").expect("the line asks for no help")
    }

    fn found(options: &Options) -> Found {
        play(options, Instant::now(), &AtomicBool::new(false))
    }

    fn happened(coverage: &Coverage) -> Vec<&'static str> {
        Fault::ALL.iter().filter(|fault| coverage.of_fault(**fault) > 0).map(|fault| fault.name()).collect()
    }

    #[test]
    fn only_these_faults_happen() {
        let found = found(&called("--only answer_lost,5xx --runs 40 --trouble 60"));
        assert_eq!(happened(&found.coverage), ["answer lost", "5xx"]);
        assert!(happened(&self::found(&called("--only none --runs 2 --trouble 60")).coverage).is_empty());
    }

    #[test]
    fn without_a_fault_it_never_happens() {
        let without = found(&called("--without answer_lost --runs 4 --trouble 60"));
        assert_eq!(without.coverage.of_fault(Fault::AnswerLost), 0);
        assert!(happened(&without.coverage).len() > 5, "{}", without.coverage);
    }

    #[test]
    fn an_unknown_fault_is_named_with_those_that_are_allowed() {
        let words = options(["--only", "rain"].map(str::to_owned).into_iter()).err().unwrap_or_default();
        assert!(words.contains("`rain`") && words.contains("answer lost"), "{words}");
    }

    #[test]
    fn candidates_and_trouble_are_as_many_and_as_long_as_asked_for() {
        let short = found(&called("--candidates 3 --trouble 30 --runs 1"));
        let long = found(&called("--candidates 3 --trouble 300 --runs 1"));
        assert!(long.candidate_time > short.candidate_time + 3 * Duration::from_secs(200));
        let outcome = explore(1, &called("--candidates 3 --trouble 30").profile);
        assert_eq!(outcome.candidate_time, outcome.span * 3);
    }

    #[test]
    fn the_first_broken_promise_ends_it() {
        let first = found(&called("--original --first --runs 40 --jobs 1 --trouble 300"));
        assert!(first.worlds < 40 && first.broken.len() == 1, "{} worlds, {:?}", first.worlds, first.broken);
    }
}
