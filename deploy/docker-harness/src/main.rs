//! Leader election among real containers: random faults, and a guarded job that tells when it works.
//!
//! `cargo xtask docker` builds what this needs, finds or starts an engine, and calls it. Every wait is bounded, all
//! traffic stays on a network that leads nowhere, and everything it makes is removed at the end.

mod clock;
mod dice;
mod docker;
mod events;
mod judge;
mod rounds;
mod sink;
mod stage;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;

use self::clock::Moment;
use self::dice::Dice;
use self::docker::docker;
use self::events::{EVENTS, Event};
use self::stage::{NAMES, Stage, until};

/// After the last fault somebody leads again within a lease, a claim and what a loaded machine adds.
const RECOVERS_WITHIN: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Args {
    /// The elector's image
    #[arg(long)]
    image: String,
    /// An image that holds the job and nothing else
    #[arg(long)]
    job_image: String,
    /// The job's static binary
    #[arg(long)]
    job: PathBuf,
    /// For how long random events are played
    #[arg(long)]
    minutes: u64,
    /// How often the guard is attacked
    #[arg(long)]
    rounds: u32,
    /// Draws everything [default: the time]
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| u64::try_from(Moment::now().0 / 1000 % 1_000_000).unwrap_or(1));
    println!("seed {seed}: --seed {seed} draws the same events");
    let outcome = (|| -> Result<Vec<String>> {
        let mut wrongs = installed(&args)?;
        wrongs.extend(rounds::play(args.rounds, seed, &args.image, &args.job)?);
        wrongs.extend(random(&args, seed)?);
        Ok(wrongs)
    })();
    match outcome {
        Ok(wrongs) if wrongs.is_empty() => ExitCode::SUCCESS,
        Ok(wrongs) => {
            for wrong in wrongs {
                println!("WRONG: {wrong}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `install` puts the elector into a volume, as the chart's initContainer does; a scratch image starts it there. That image
/// has no certificates: without those from beside the copy it would not start.
fn installed(args: &Args) -> Result<Vec<String>> {
    let prefix = format!("le-install-{}", std::process::id());
    let mut stage = Stage::new(&prefix, &args.image, &args.job)?;
    docker(&["volume", "create", &prefix])?;
    let done = (|| {
        // A new volume is root's, as an emptyDir is not.
        let mount = format!("{prefix}:/leader-elector");
        docker(&["run", "--rm", "--user", "0", "--volume", &mount, &args.image, "install", "/leader-elector"])?;
        let start = Moment::now();
        stage.installed("napoleon", &args.job_image, &prefix)?;
        until(RECOVERS_WITHIN, "the job of a scratch image works", || Ok(stage.sink.newest_since(start)))
    })();
    if done.is_err() {
        stage.print_logs("20");
    }
    drop(stage);
    docker::remove(&["volume", "rm", "--force"], &prefix);
    println!("install: a scratch image with a static job, guarded by an elector from a volume: token {}", done?.token);
    Ok(Vec::new())
}

/// Three candidates, and what befalls them.
fn random(args: &Args, seed: u64) -> Result<Vec<String>> {
    println!("\nrandom events for {} minutes, seed {seed}", args.minutes);
    let prefix = format!("le-random-{}", std::process::id());
    let mut stage = Stage::new(&prefix, &args.image, &args.job)?;
    for name in NAMES {
        stage.candidate(name, "append", &[])?;
    }
    let start = Instant::now();
    let mut dice = Dice::new(seed);
    let mut pauses = Vec::new();
    let mut counts: BTreeMap<Event, u32> = BTreeMap::new();
    let mut wrongs = Vec::new();
    let mut since = Moment::now();
    recovers(&stage, since, &mut wrongs);
    while start.elapsed() < Duration::from_mins(args.minutes) && wrongs.is_empty() {
        let event = dice.one_of(&EVENTS);
        let name = events::target(&stage, since, &mut dice);
        println!("  {:>6.1} s  {event:?} befalls {name}", start.elapsed().as_secs_f64());
        pauses.extend(event.play(&stage, name, &mut dice)?);
        *counts.entry(event).or_default() += 1;
        since = Moment::now();
        recovers(&stage, since, &mut wrongs);
        std::thread::sleep(Duration::from_millis(dice.between(0, 2500)));
    }
    let verdict = judge::judge(&stage.sink.appends(), &pauses);
    println!("\n{} events: {counts:?}", counts.values().sum::<u32>());
    println!(
        "{} terms, {} appends accepted; {} late writes refused after {} pauses longer than the lease",
        verdict.terms.len(),
        verdict.accepted,
        verdict.refused_after_pause,
        pauses.len()
    );
    let gaps = verdict.terms.iter().zip(verdict.terms.iter().skip(1)).map(|(a, b)| b.first.since(a.last));
    println!("shortest time between two terms' jobs: {:.2?}", gaps.min().unwrap_or_default());
    println!(
        "a frozen job was gone at most {:.2?} after its unpause",
        verdict.slowest_end_after_pause.unwrap_or_default()
    );
    wrongs.extend(verdict.wrongs);
    if args.minutes >= 30 && verdict.refused_after_pause == 0 {
        wrongs.push("no late write was refused in all that time: the sink was not put to the test".to_owned());
    }
    if !wrongs.is_empty() {
        stage.print_logs("60");
    }
    Ok(wrongs)
}

/// Notes it as wrong if nobody works again.
fn recovers(stage: &Stage, since: Moment, wrongs: &mut Vec<String>) {
    let works = until(RECOVERS_WITHIN, "somebody leads", || Ok(stage.sink.newest_since(since)));
    match works {
        Ok(append) => {
            // Asked inside, because the network publishes nothing; it may have changed since.
            let said = stage.status(&append.name).unwrap_or_else(|error| error.to_string());
            println!("            {} works with token {}; {}", append.name, append.token, leader_of(&said));
        }
        Err(error) => wrongs.push(format!("{error:#}")),
    }
}

fn leader_of(status: &str) -> &str {
    status
        .split(',')
        .find(|field| field.contains("\"leader\""))
        .unwrap_or("status: unknown")
        .trim_matches(['{', '}', ' ', '\n'])
}
