//! Real processes: the demo's candidates on the demo's server, over and over.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal};

use super::RUNS;
use super::figures::SLACK;
use super::row::{Bound, Row, Unit};
use crate::demo::Timings;
use crate::demo::host::{COMPONENT_SLACK, Host};
use crate::demo::process::{Guard, NAMES, Stage, candidate};
use crate::demo::report::overlaps;

/// As short as a gist's candidates may be timed: at the default ones this would take half an hour.
const SHORT: Timings = Timings {
    lease: Duration::from_secs(3),
    renew_deadline: Duration::from_secs(2),
    renew_interval: Duration::from_secs(1),
    poll: Duration::from_millis(200),
    settle: Duration::from_millis(200),
    request_timeout: Duration::from_millis(500),
};
/// Waited for this long, it does not happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the runs give.
#[derive(Default)]
struct Measured {
    first: Vec<f64>,
    failover: Vec<f64>,
    hand_over: Vec<f64>,
    memory: Vec<Result<f64, String>>,
}

/// All of it, for the binary or for the component; the server is the binary's either way.
pub(super) fn rows(binary: &Path, host: &Host, write: &str) -> Result<Vec<Row>> {
    Ok([elections(binary, host, write)?, resources(binary, host)?].concat())
}

/// In the place of the component's rows, where it could not be built.
pub(super) fn no_component(why: &anyhow::Error) -> Row {
    let measured = Err(format!("{why:#}"));
    Row { what: "component".to_owned(), bound: Bound::Nothing, unit: Unit::Count, measured, original: "" }
}

/// How a row is called, and what the component is granted beyond the binary's bounds, in seconds.
fn named(host: &Host, what: &str) -> (String, f64) {
    if host.is_component() {
        (format!("component: {what}"), COMPONENT_SLACK.as_secs_f64())
    } else {
        (what.to_owned(), 0.0)
    }
}

/// A first election, a failover and a hand-over, each in every run; then the memory of who still runs.
fn elections(binary: &Path, host: &Host, write: &str) -> Result<Vec<Row>> {
    let processes = if host.is_component() { "components in their runners" } else { "real processes" };
    println!("Elections of {processes}, {RUNS} times: short leases (3 s), a server without GitHub's limits …");
    let mut measured = Measured::default();
    for run in 0..RUNS {
        election(binary, host, write, run, &mut measured).with_context(|| format!("run {run}"))?;
    }
    let [lease, poll, settle] = [SHORT.lease, SHORT.poll, SHORT.settle].map(|span| span.as_secs_f64());
    let row = |what: &str, most: f64, runs: Vec<f64>| {
        let (what, more) = named(host, &format!("{what} (processes, lease 3 s)"));
        Row { what, bound: Bound::Most(most + more), unit: Unit::Seconds, measured: Ok(runs), original: "" }
    };
    let (what, most, original) = if host.is_component() {
        ("memory of its runner (RSS; plain http)", 32.0, "")
    } else {
        ("memory of a candidate (RSS; plain http)", 8.0, "28 MB")
    };
    Ok(vec![
        row("first leader on a free lock", settle + SLACK, measured.first),
        row("failover after SIGKILL, from the kill", lease + poll + settle + SLACK, measured.failover),
        row("hand-over after SIGTERM, from the release", poll + settle + SLACK, measured.hand_over),
        Row {
            what: named(host, what).0,
            bound: Bound::Most(most),
            unit: Unit::Megabytes,
            measured: measured.memory.into_iter().collect(),
            original,
        },
    ])
}

fn election(binary: &Path, host: &Host, write: &str, run: usize, measured: &mut Measured) -> Result<()> {
    let mut stage =
        Stage::start(binary, "off", [SHORT.flags(), vec!["--write".to_owned(), write.to_owned()]].concat())?;
    (0..NAMES.len()).for_each(|who| stage.hold(who, host.clone()));
    let start = Instant::now();
    (0..NAMES.len()).try_for_each(|who| stage.candidate(who))?;
    measured.first.push(led(&mut stage)?.since(start));

    // A renewal on, the kills are spread evenly over the interval.
    let share = u32::try_from(run)? * SHORT.renew_interval / u32::try_from(RUNS)?;
    stage.listen(SHORT.renew_interval + share);
    let leader = stage.leader()?.who;
    let killed = stage.signal(leader, Signal::KILL)?;
    measured.failover.push(led(&mut stage)?.since(killed));

    stage.candidate(leader)?;
    stage.wait_for(PATIENCE, "it follows", |line| line.who == leader && line.message.starts_with("All hail "))?;
    stage.listen(SHORT.poll + share);
    let leader = stage.leader()?.who;
    stage.signal(leader, Signal::TERM)?;
    let released =
        stage.wait_for(PATIENCE, "the release", |line| line.who == leader && line.message == "released the lock")?;
    measured.hand_over.push(led(&mut stage)?.since(released.at));
    ensure!(stage.exit_code(leader)? == Some(0), "{} did not end in order", NAMES[leader]);

    measured.memory.extend(stage.running().into_iter().map(resident));
    let two = overlaps(&stage.reigns(), Instant::now());
    ensure!(two.is_empty(), "two led at once: {two:?}");
    Ok(())
}

/// When the next leader said so.
struct Led(Instant);

impl Led {
    fn since(&self, earlier: Instant) -> f64 {
        self.0.saturating_duration_since(earlier).as_secs_f64()
    }
}

fn led(stage: &mut Stage) -> Result<Led> {
    Ok(Led(stage.wait_for(PATIENCE, "a leader", |line| line.message == "started leading.")?.at))
}

/// The resident memory of a process in megabytes, or why it cannot be known here.
pub(super) fn resident(pid: Pid) -> Result<f64, String> {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    Ok(kibibytes.ok_or_else(|| format!("{path} names no VmRSS"))? * 1024.0 / 1e6)
}

/// What is shipped, how soon it is at work, and what it takes while it follows.
fn resources(binary: &Path, host: &Host) -> Result<Vec<Row>> {
    let (what, file, most, size_of_original, start_of_original) = match host {
        Host::Native(binary) => ("stripped binary", binary, 5.5, "32 MB", "27 ms"),
        Host::Component { component, .. } => ("size", component, 1.0, "", ""),
    };
    let bytes = u32::try_from(std::fs::metadata(file)?.len()).context("a file of over 4 GB")?;
    println!("Starts, {RUNS} times …");
    let starts = (0..RUNS).map(|_| first_request(host)).collect::<Result<_>>()?;
    println!("Following, {RUNS} polls …");
    let (start, more) = named(host, "start to first request");
    Ok(vec![
        Row {
            what: named(host, what).0,
            bound: Bound::Most(most),
            unit: Unit::Megabytes,
            measured: Ok(vec![f64::from(bytes) / 1e6]),
            original: size_of_original,
        },
        Row {
            what: start,
            bound: Bound::Most(20.0 + more * 1e3),
            unit: Unit::Millis,
            measured: Ok(starts),
            original: start_of_original,
        },
        Row {
            what: named(host, "share of a core while following (default timings)").0,
            bound: Bound::Most(0.5),
            unit: Unit::Percent,
            measured: following(binary, host)?,
            original: "",
        },
    ])
}

/// The share of a core that a follower takes, in per cent, poll by poll; or why it cannot be known here.
fn following(binary: &Path, host: &Host) -> Result<Result<Vec<f64>, String>> {
    let poll = Timings::DEFAULT.poll;
    let mut stage = Stage::start(binary, "off", Timings::DEFAULT.flags())?;
    (0..NAMES.len()).for_each(|who| stage.hold(who, host.clone()));
    stage.candidate(0)?;
    led(&mut stage)?;
    stage.candidate(1)?;
    stage.wait_for(PATIENCE, "it follows", |line| line.who == 1 && line.message.starts_with("All hail "))?;
    let pid = stage.pid(1).context("it runs")?;
    stage.listen(poll);
    let mut share = || {
        let (begun, before) = (Instant::now(), worked(pid)?);
        stage.listen(poll);
        Ok(worked(pid)?.saturating_sub(before).as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0)
    };
    Ok((0..RUNS).map(|_| share()).collect())
}

/// What a process has worked so far, all of its threads; or why it cannot be known here.
fn worked(pid: Pid) -> Result<Duration, String> {
    let path = format!("/proc/{}/task", pid.as_raw_nonzero());
    let threads = std::fs::read_dir(&path).map_err(|error| format!("{path}: {error}"))?;
    let times = threads.map(|thread| {
        let path = thread.map_err(|error| format!("{path}: {error}"))?.path().join("schedstat");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
        nanoseconds.map(Duration::from_nanos).ok_or_else(|| format!("{} says `{text}`", path.display()))
    });
    times.sum()
}

/// Milliseconds from before a candidate is started until its first request has arrived.
fn first_request(host: &Host) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").context("a port")?;
    let url = format!("http://{}", listener.local_addr()?);
    let (sender, arrivals) = channel();
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        if stream.read(&mut [0; 16]).is_ok_and(|bytes| bytes > 0) {
            // Nobody listens where it came too late.
            let _ = sender.send((Instant::now(), stream));
        }
    });
    let mut command = candidate(host, &url, "0123456789abcdef", 0, &SHORT.flags());
    let start = Instant::now();
    let _candidate = Guard::spawn(&mut command)?;
    let (arrived, _connection) = arrivals.recv_timeout(PATIENCE).context("no request came")?;
    Ok((arrived - start).as_secs_f64() * 1e3)
}
