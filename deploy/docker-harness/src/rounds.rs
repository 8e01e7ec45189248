//! The guard, attacked: one of the two processes above the job is killed, stopped or starved of memory, or the term
//! ends in order; nothing of the job's tree may survive `until`.
//!
//! `until` is not asked for: a renewal that was sent before the fault ends at most a renew deadline after it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Moment;
use crate::dice::Dice;
use crate::docker::{Process, Role, docker, inside, namespace};
use crate::stage::{RENEW_DEADLINE, Stage, until};

/// Docker's calls and our own looking take time, on a loaded machine as well: so much later the tree may be seen gone.
const SEEN_LATE: Duration = Duration::from_millis(500);
const KINDS: [&str; 5] = ["append", "ignore", "orphan", "session", "bomb"];
/// How many rounds go on beside each other, each with a lock of its own.
const LANES: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    ElectorKilled,
    ElectorStopped,
    ElectorStarved,
    GuardKilled,
    /// A stopped guard can do nothing: the elector must see it, and end the term itself.
    GuardStopped,
    GuardStarved,
    CutOff,
    Asked,
}

const FAULTS: [Fault; 8] = [
    Fault::ElectorKilled,
    Fault::ElectorStopped,
    Fault::ElectorStarved,
    Fault::GuardKilled,
    Fault::GuardStopped,
    Fault::GuardStarved,
    Fault::CutOff,
    Fault::Asked,
];

/// Plays `rounds` of them; gives back what survived.
pub(crate) fn play(rounds: u32, seed: u64, image: &str, job: &Path) -> Result<Vec<String>> {
    println!("\nguard: {rounds} rounds, {LANES} beside each other, seed {seed}");
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let (image, job) = (image.to_owned(), job.to_owned());
            std::thread::spawn(move || -> Result<Vec<String>> {
                let prefix = format!("le-guard-{}-{lane}", std::process::id());
                let mut stage = Stage::new(&prefix, &image, &job)?;
                let mut wrongs = Vec::new();
                for number in (lane..rounds).step_by(LANES as usize) {
                    let mut dice = Dice::new(seed ^ u64::from(number) << 32);
                    // Every fault meets every kind of tree, whatever the seed says of the rest.
                    let fault = FAULTS[number as usize % FAULTS.len()];
                    let kind = KINDS[(number as usize / FAULTS.len() + number as usize) % KINDS.len()];
                    let outcome = round(&mut stage, number, fault, kind, &mut dice);
                    stage.remove("napoleon");
                    match outcome {
                        Ok(took) => println!("  {number:>3}  {fault:?}, {kind}: gone after {took:.2?}"),
                        Err(why) => wrongs.push(format!("round {number}, {fault:?}, {kind}: {why:#}")),
                    }
                }
                Ok(wrongs)
            })
        })
        .collect();
    let mut wrongs = Vec::new();
    for lane in lanes {
        wrongs.extend(lane.join().map_err(|_| anyhow::anyhow!("a lane panicked"))??);
    }
    Ok(wrongs)
}

fn round(stage: &mut Stage, number: u32, fault: Fault, kind: &str, dice: &mut Dice) -> Result<Duration> {
    let start = Moment::now();
    // With docker's own init: the elector is not the first process, whose end would take everything with it.
    stage.candidate("napoleon", kind, &["--init"])?;
    let container = stage.container("napoleon");
    let namespace = namespace(&container)?;
    until(Duration::from_mins(1), "the job works", || Ok(stage.sink.newest_since(start)))?;
    // Anywhere in the renewal interval.
    std::thread::sleep(Duration::from_millis(dice.between(0, 1500)));
    let all = inside(&namespace);
    let of = |role| all.iter().find(|process| process.role == role).context("it runs, or the round proves nothing");
    let (elector, guard) = (of(Role::Elector)?, of(Role::Guard)?);
    let job = of(Role::Job)?;
    let token = job.token.context("the job's environment has the token")?;
    let at = Instant::now();
    match fault {
        Fault::ElectorKilled => signal(elector, Signal::KILL)?,
        Fault::ElectorStopped => signal(elector, Signal::STOP)?,
        Fault::GuardKilled => signal(guard, Signal::KILL)?,
        Fault::GuardStopped => signal(guard, Signal::STOP)?,
        Fault::ElectorStarved => starve(elector, &container)?,
        Fault::GuardStarved => starve(guard, &container)?,
        Fault::CutOff => _ = docker(&["network", "disconnect", "--force", stage.network(), &container])?,
        Fault::Asked => signal(elector, Signal::TERM)?,
    }
    let bound = RENEW_DEADLINE + SEEN_LATE;
    loop {
        let left = inside(&namespace).iter().filter(|process| fault.must_end(process, token)).count();
        if left == 0 {
            return Ok(at.elapsed());
        }
        if at.elapsed() > bound {
            bail!("round {number}: {left} processes survived {bound:.1?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Fault {
    /// Whether the fault must end this process; `token` is that of the term that it met. Whenever the process began: a job
    /// goes on forking while it is looked at.
    fn must_end(self, process: &Process, token: u64) -> bool {
        // An elector that lives may lead again: a job of a later term is another one.
        let leads_again = match self {
            Self::ElectorKilled | Self::ElectorStopped | Self::ElectorStarved | Self::Asked => false,
            Self::GuardKilled | Self::GuardStopped | Self::GuardStarved | Self::CutOff => true,
        };
        process.role == Role::Job && !(leads_again && process.token.is_some_and(|later| later > token))
    }
}

fn signal(process: &Process, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(process.pid).context("a process id")?;
    kill_process(pid, signal).context("it lives")
}

/// Lets the kernel choose this process when the container's memory is used up.
fn starve(process: &Process, container: &str) -> Result<()> {
    std::fs::write(format!("/proc/{}/oom_score_adj", process.pid), "1000")?;
    // It is killed itself, sooner or later.
    let _ = docker(&["exec", container, "/job", "hog"]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_whenever_it_was_forked_unless_it_is_of_a_later_term() {
        let process = |role, token| Process { pid: 1, role, token };
        for fault in FAULTS {
            let leads_again = format!("{fault:?}").starts_with("Guard") || fault == Fault::CutOff;
            assert!(fault.must_end(&process(Role::Job, Some(7)), 7), "{fault:?}");
            assert!(fault.must_end(&process(Role::Job, None), 7), "{fault:?}: who knows");
            assert_eq!(fault.must_end(&process(Role::Job, Some(8)), 7), !leads_again, "{fault:?}: a later term");
            for role in [Role::Elector, Role::Guard, Role::Other] {
                assert!(!fault.must_end(&process(role, None), 7), "{fault:?}");
            }
        }
    }
}
