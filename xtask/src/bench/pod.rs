//! What a pod costs: the static binary that the image holds, with everything switched on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::RUNS;
use super::processes::resident;
use super::row::{Bound, Row, Unit};
use crate::demo::host::Host;
use crate::demo::process::{Guard, Stage, candidate};
use crate::image;

/// What a tree is made of, beside the shell that starts it.
const PROCESSES: usize = 100;
/// Between two questions: 1,000 a second.
const PACE: Duration = Duration::from_millis(1);
/// Questions in one run; the run's figure is the 99th percentile of their answers.
const QUESTIONS: usize = 500;
/// An API server that nobody runs: hints are best effort, and the candidate tries.
const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
    contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n\
    clusters: [{name: c, cluster: {server: \"http://127.0.0.1:9\"}}]\n";

/// All of it.
pub(super) fn rows() -> Result<Vec<Row>> {
    let binary = match image::static_elector() {
        Ok(binary) => binary,
        Err(why) => return Ok(vec![image_row(Err(format!("{why:#}")))]),
    };
    println!("A pod: {RUNS} trees of {PROCESSES} processes, {} questions, memory, image …", RUNS * QUESTIONS);
    let kills = (0..RUNS).map(|_| kill(&binary)).collect::<Result<_>>()?;
    let pod = Pod::start(&binary, &[])?;
    let answers = (0..RUNS).map(|_| questions(&pod.http)).collect::<Result<_>>()?;
    let memory = resident(pod.candidate.pid().context("it runs")?).map(|megabytes| vec![megabytes]);
    Ok(vec![
        Row {
            what: format!("kill of a tree of {PROCESSES} processes, the guard's end included"),
            bound: Bound::Most(50.0),
            unit: Unit::Millis,
            measured: Ok(kills),
            original: "",
        },
        Row {
            what: "`/leader/me` at 1,000 requests a second, 99th percentile".to_owned(),
            bound: Bound::MedianUnder(1.0),
            unit: Unit::Millis,
            measured: Ok(answers),
            original: "",
        },
        Row {
            what: "memory with http and kube (RSS; image's binary; plain http, no API server)".to_owned(),
            bound: Bound::Most(12.0),
            unit: Unit::Megabytes,
            measured: memory,
            original: "",
        },
        image_row(image::weight(&binary).map(|megabytes| vec![megabytes]).map_err(|why| format!("{why:#}"))),
    ])
}

fn image_row(measured: Result<Vec<f64>, String>) -> Row {
    Row {
        what: "image: static binary with kube, and certificates".to_owned(),
        bound: Bound::Most(9.0),
        unit: Unit::Megabytes,
        measured,
        original: "",
    }
}

/// A leader as in a pod, at the default timings, with a server of its own.
struct Pod {
    candidate: Guard,
    stdout: ChildStdout,
    /// Where it answers.
    http: String,
    _stage: Stage,
}

impl Pod {
    fn start(binary: &Path, command: &[String]) -> Result<Self> {
        let stage = Stage::start(binary, "off", Vec::new())?;
        let config = image::target_directory().join("bench-kubeconfig.yaml");
        std::fs::write(&config, KUBECONFIG)?;
        let mut run = candidate(&Host::Native(binary.to_owned()), stage.url(), stage.gist(), 0, &[]);
        run.args(["--http", "127.0.0.1:0", "--probe-addr", "127.0.0.1:0", "--kube"]);
        run.envs([("POD_NAME", "pod"), ("POD_NAMESPACE", "ns")]).env("KUBECONFIG", &config);
        if !command.is_empty() {
            run.arg("--").args(command);
        }
        let mut candidate = Guard::spawn(run.stdout(Stdio::piped()))?;
        let (stdout, stderr) = (candidate.stdout().context("piped")?, candidate.stderr().context("piped")?);
        let mut log = BufReader::new(stderr).lines();
        let mut http = None;
        let mut last = String::new();
        for line in log.by_ref().map_while(Result::ok) {
            let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            let message = said["message"].as_str().unwrap_or_default();
            if let Some(address) = message.strip_prefix("http listens on ") {
                http = Some(address.to_owned());
            }
            message.clone_into(&mut last);
            if last == "started leading." {
                break;
            }
        }
        ensure!(last == "started leading.", "it does not lead: {last}");
        // What it says from now on is read, so that it does not wait for a reader.
        std::thread::spawn(move || log.for_each(drop));
        Ok(Self { candidate, stdout, http: http.context("it does not say where it listens")?, _stage: stage })
    }
}

/// Milliseconds from the elector's SIGKILL until its guard and all of the tree are gone: each of them holds the write
/// end of one pipe.
fn kill(binary: &Path) -> Result<f64> {
    let tree = format!("for i in $(seq {PROCESSES}); do sleep 1000 & done; echo ready; wait");
    let Pod { candidate, stdout, _stage, .. } = Pod::start(binary, &["sh".to_owned(), "-c".to_owned(), tree])?;
    let mut output = BufReader::new(stdout);
    let mut line = String::new();
    output.read_line(&mut line)?;
    ensure!(line == "ready\n", "the tree said `{line}`");
    let start = Instant::now();
    drop(candidate);
    output.read_to_string(&mut line)?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// The 99th percentile, in milliseconds, of the answers to questions on one connection. An answer's time counts from
/// the moment at which its question was due, so that a slow one delays nothing that is not counted.
fn questions(address: &str) -> Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let question = format!("GET /leader/me HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let mut took = Vec::with_capacity(QUESTIONS);
    let mut buffer = [0; 4096];
    let mut due = Instant::now();
    for _ in 0..QUESTIONS {
        due += PACE;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(question.as_bytes())?;
        let length = stream.read(&mut buffer)?;
        took.push(due.elapsed().as_secs_f64() * 1e3);
        ensure!(buffer[..length].starts_with(b"HTTP/1.1 200 "), "it does not lead");
    }
    took.sort_by(f64::total_cmp);
    Ok(took[QUESTIONS * 99 / 100])
}
