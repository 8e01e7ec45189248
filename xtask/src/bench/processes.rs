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

/// A first election, a failover and a hand-over, each in every run; then the memory of who still runs.
pub(super) fn elections(binary: &Path, write: &str) -> Result<Vec<Row>> {
    println!("Elections of real processes, {RUNS} times: short leases (3 s), a server without GitHub's limits …");
    let mut measured = Measured::default();
    for run in 0..RUNS {
        election(binary, write, run, &mut measured).with_context(|| format!("run {run}"))?;
    }
    let [lease, poll, settle] = [SHORT.lease, SHORT.poll, SHORT.settle].map(|span| span.as_secs_f64());
    let row = |what: &str, most: f64, runs: Vec<f64>| Row {
        what: format!("{what} (processes, lease 3 s)"),
        bound: Bound::Most(most),
        unit: Unit::Seconds,
        measured: Ok(runs),
        original: "",
    };
    Ok(vec![
        row("first leader on a free lock", settle + SLACK, measured.first),
        row("failover after SIGKILL, from the kill", lease + poll + settle + SLACK, measured.failover),
        row("hand-over after SIGTERM, from the release", poll + settle + SLACK, measured.hand_over),
        Row {
            what: "memory of a candidate (RSS; plain http)".to_owned(),
            bound: Bound::Most(8.0),
            unit: Unit::Megabytes,
            measured: measured.memory.into_iter().collect(),
            original: "28 MB",
        },
    ])
}

fn election(binary: &Path, write: &str, run: usize, measured: &mut Measured) -> Result<()> {
    let mut stage =
        Stage::start(binary, "off", [SHORT.flags(), vec!["--write".to_owned(), write.to_owned()]].concat())?;
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
fn resident(pid: Pid) -> Result<f64, String> {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    Ok(kibibytes.ok_or_else(|| format!("{path} names no VmRSS"))? * 1024.0 / 1e6)
}

/// The binary, and how soon it is at work.
pub(super) fn resources(binary: &Path) -> Result<Vec<Row>> {
    let bytes = u32::try_from(std::fs::metadata(binary)?.len()).context("a binary of over 4 GB")?;
    println!("Starts, {RUNS} times …");
    let starts = (0..RUNS).map(|_| first_request(binary)).collect::<Result<_>>()?;
    Ok(vec![
        Row {
            what: "stripped binary".to_owned(),
            bound: Bound::Most(5.5),
            unit: Unit::Megabytes,
            measured: Ok(vec![f64::from(bytes) / 1e6]),
            original: "32 MB",
        },
        Row {
            what: "start to first request".to_owned(),
            bound: Bound::Most(20.0),
            unit: Unit::Millis,
            measured: Ok(starts),
            original: "27 ms",
        },
    ])
}

/// Milliseconds from before a candidate is started until its first request has arrived.
fn first_request(binary: &Path) -> Result<f64> {
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
    let mut command = candidate(binary, &url, "0123456789abcdef", 0, &SHORT.flags());
    let start = Instant::now();
    let _candidate = Guard::spawn(&mut command)?;
    let (arrived, _connection) = arrivals.recv_timeout(PATIENCE).context("no request came")?;
    Ok((arrived - start).as_secs_f64() * 1e3)
}
