//! `run -- command`: real processes of the worst kind, and an elector and a guard that die, stop and hang.
//!
//! A process belongs to a test if its command line has the test's mark.

mod moments;
mod place;
mod rounds;
#[path = "../processes/stage.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod stage;
mod terminal;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use stage::{Candidate, Server};

pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const STARTED: &str = "started leading.";
pub(crate) const RELEASED: &str = "released the lock";
/// Fits the stage's timings.
const GRACE: [&str; 2] = ["--stop-grace", "1s"];

/// A word that no other process has in its command line.
pub(crate) fn mark() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("mark-{}-{}-", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The processes with this mark, but for electors and guards.
pub(crate) fn marked(mark: &str) -> Vec<i32> {
    let commands = [" run ", " guard-command ", " exec-command "];
    let has_mark = |line: &str| line.contains(mark) && !commands.iter().any(|command| line.contains(command));
    command_lines().filter(|(_, line)| has_mark(line)).map(|(pid, _)| pid).collect()
}

/// The guard of the command with this mark.
fn guard_of(mark: &str) -> Pid {
    let mut guards = command_lines().filter(|(_, line)| line.contains(mark) && line.contains(" guard-command "));
    guards.next().and_then(|(pid, _)| Pid::from_raw(pid)).expect("it has a guard")
}

pub(crate) fn command_lines() -> impl Iterator<Item = (i32, String)> {
    std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        // What has ended has no command line.
        Some((pid, String::from_utf8_lossy(&line).replace('\0', " "))).filter(|(_, line)| !line.is_empty())
    })
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {SOON:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The same call, with these words before it.
fn behind(words: &[&str], call: &Command) -> Command {
    let mut process = Command::new(words[0]);
    process.args(&words[1..]).arg(call.get_program()).args(call.get_args());
    keep_environment(&mut process, call);
    process
}

fn keep_environment(process: &mut Command, call: &Command) {
    for (name, value) in call.get_envs() {
        match value {
            Some(value) => process.env(name, value),
            None => process.env_remove(name),
        };
    }
}

/// `run -- sh -c script`, whose output is the test's.
struct Guarded {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Guarded {
    fn start(server: &Server, flags: &[&str], command: &[&str]) -> Self {
        Self::with(server, flags, command, |_| {})
    }

    fn with(server: &Server, flags: &[&str], command: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut process = stage::candidate(&server.url, &server.gist, "napoleon");
        process.args(GRACE).args(flags).arg("--").args(command);
        change(&mut process);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process.spawn().expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        Self { child, stdout, stderr }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }

    /// Reads the log up to a line with this sentence.
    fn wait_for(&mut self, sentence: &str) -> String {
        let mut line = String::new();
        while !line.contains(sentence) {
            line.clear();
            assert!(self.stderr.read_line(&mut line).expect("text") > 0, "it ends before it says: {sentence}");
        }
        line
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it lives");
    }

    /// The exit code, and the log.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let mut log = String::new();
        self.stderr.read_to_string(&mut log).expect("text");
        (self.child.wait().expect("it ends").code(), log)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        stage::end(&mut self.child);
    }
}

#[test]
fn the_exit_code_is_the_commands_own() {
    let server = Server::start();
    let table: [(&[&str], i32); 5] = [
        (&["true"], 0),
        (&["sh", "-c", "exit 7"], 7),
        (&["sh", "-c", "kill -9 $$"], 137),
        (&["/etc/passwd"], 126),
        (&["/does/not/exist"], 127),
    ];
    for (command, code) in table {
        let (exit, log) = Guarded::start(&server, &[], command).end();
        assert_eq!(exit, Some(code), "{command:?}: {log}");
        assert!(log.contains(RELEASED), "{command:?}: {log}");
    }
}

#[test]
fn the_command_knows_its_term_and_not_the_token() {
    let server = Server::start();
    let mut guarded = Guarded::with(&server, &[], &["env"], |process| {
        process.env("LEADER_ELECTION_GITHUB_API_TOKEN", "secret-of-napoleon").env("KEPT", "as it was");
    });
    let mut env = String::new();
    guarded.stdout.read_to_string(&mut env).expect("text");
    let has = |line: &str| env.lines().any(|found| found == line);
    assert!(has("LEADER_FENCING_TOKEN=1") && has("LEADER_NAME=napoleon") && has("KEPT=as it was"), "{env}");
    assert!(env.lines().any(|line| line.strip_prefix("LEADER_INSTANCE=").is_some_and(|id| id.len() == 32)), "{env}");
    assert!(!env.contains("secret-of-"), "{env}");
    assert_eq!(guarded.end().0, Some(0));
}

#[test]
fn standard_input_is_the_commands() {
    let server = Server::start();
    let mut guarded = Guarded::start(&server, &[], &["sh", "-c", "read x; echo got $x; cat >/dev/null; echo end"]);
    writeln!(guarded.child.stdin.as_mut().expect("piped"), "something").expect("written");
    assert_eq!(guarded.line(), "got something");
    drop(guarded.child.stdin.take());
    assert_eq!(guarded.line(), "end");
    assert_eq!(guarded.end().0, Some(0));
}

#[test]
fn a_stop_asks_the_command_first_and_exits_0_whatever_it_answers() {
    let server = Server::start();
    let script = "trap 'echo asked; exit 9' USR1; echo ready; while :; do sleep 0.1; done";
    let mut guarded = Guarded::start(&server, &["--kill-signal", "SIGUSR1"], &["sh", "-c", script]);
    assert_eq!(guarded.line(), "ready");
    guarded.signal(Signal::TERM);
    assert_eq!(guarded.line(), "asked");
    let (code, log) = guarded.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(RELEASED), "{log}");
}

#[test]
fn what_ignores_the_signal_is_gone_before_the_release() {
    let server = Server::start();
    let mark = mark();
    let script = format!(
        "trap '' TERM INT HUP; (setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done # {mark}' &); while :; do sleep 1; done # {mark}"
    );
    let mut napoleon = Candidate::start(&server, "napoleon", &[&GRACE[..], &["--", "sh", "-c", &script]].concat());
    let started = napoleon.wait_for(STARTED, SOON).at;
    wait_until("both run", || marked(&mark).len() == 2);
    napoleon.signal(Signal::TERM);
    napoleon.wait_for(RELEASED, SOON);
    assert_eq!(marked(&mark), [0; 0], "released though it runs");
    assert!(started.elapsed() >= Duration::from_secs(2), "killed before the term's end came near");
    assert_eq!(napoleon.wait(), Some(0));
}

#[test]
fn a_second_signal_kills_at_once_and_releases_nothing() {
    let server = Server::start();
    let mark = mark();
    let script = format!("trap '' TERM INT; echo ready; while :; do sleep 1; done # {mark}");
    let mut guarded = Guarded::start(&server, &[], &["sh", "-c", &script]);
    assert_eq!(guarded.line(), "ready");
    guarded.signal(Signal::TERM);
    // Two that wait together are one. (Not SIGINT: whoever runs the tests in the background has it ignored.)
    guarded.wait_for("a second signal exits at once");
    guarded.signal(Signal::TERM);
    let (code, log) = guarded.end();
    assert_eq!(marked(&mark), [0; 0], "it survives");
    assert_eq!(code, Some(143), "{log}");
    assert!(!log.contains(RELEASED), "{log}");
}

/// Shell and kernel send one each when a terminal is closed.
#[test]
fn a_second_hang_up_is_no_second_signal() {
    let server = Server::start();
    let script = "trap 'sleep 1; exit' TERM; echo ready; while :; do sleep 0.1; done";
    // Where the tests are started with nohup.
    let words = ["env", "--default-signal=HUP"];
    let mut guarded = Guarded::with(&server, &[], &["sh", "-c", script], |process| *process = behind(&words, process));
    assert_eq!(guarded.line(), "ready");
    guarded.signal(Signal::HUP);
    guarded.wait_for("a second signal exits at once");
    guarded.signal(Signal::HUP);
    let (code, log) = guarded.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(RELEASED), "{log}");
}

#[test]
fn a_command_that_ends_is_started_again_in_the_same_term_if_so_told() {
    let server = Server::start();
    let command = ["sh", "-c", "echo $LEADER_FENCING_TOKEN; exit 3"];
    let mut guarded = Guarded::start(&server, &["--on-exit", "restart"], &command);
    let first = Instant::now();
    assert_eq!([guarded.line(), guarded.line(), guarded.line()], ["1", "1", "1"]);
    assert!(first.elapsed() >= Duration::from_secs(3), "1 s, then 2 s");
    guarded.signal(Signal::TERM);
    assert_eq!(guarded.end().0, Some(0));
}

#[test]
fn a_command_that_ends_gives_the_lock_to_another_if_so_told() {
    let server = Server::start();
    let flags = [&GRACE[..], &["--on-exit", "release", "--", "sleep", "1"]].concat();
    let mut napoleon = Candidate::start(&server, "napoleon", &flags);
    napoleon.wait_for(STARTED, SOON);
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    napoleon.wait_for(RELEASED, SOON);
    stalin.wait_for(STARTED, SOON);
    napoleon.wait_for("All hail stalin", SOON);
}

/// A command that always fails does not take the lock over and over: nobody else wants it, and still it is left alone
/// for a lease between two tries.
#[test]
fn a_command_that_ends_at_once_leaves_the_lock_alone_for_a_lease() {
    let server = Server::start();
    let flags = [&GRACE[..], &["--on-exit", "release", "--", "false"]].concat();
    let mut napoleon = Candidate::start(&server, "napoleon", &flags);
    for _ in 0..2 {
        let released = napoleon.wait_for(RELEASED, SOON).at;
        let again = napoleon.wait_for(STARTED, SOON).at;
        // The lease is counted from the step down, which comes before the release is acknowledged.
        let pause = again - released;
        assert!(pause + Duration::from_secs(1) > stage::LEASE, "again after {pause:?}");
    }
}

/// Rust programs ignore SIGPIPE; a command that does not know of it would write into closed pipes for ever.
#[test]
fn the_broken_pipe_ends_the_command_as_it_does_elsewhere() {
    let server = Server::start();
    let mut guarded = Guarded::start(&server, &[], &["grep", "SigIgn", "/proc/self/status"]);
    let line = guarded.line();
    let ignored = line.strip_prefix("SigIgn:").map(|mask| u64::from_str_radix(mask.trim(), 16).expect("a mask"));
    let pipe = 1 << (Signal::PIPE.as_raw() - 1);
    assert_eq!(ignored.expect("a mask") & pipe, 0, "{line}");
    assert_eq!(guarded.end().0, Some(0));
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let table = [
        (&["--stop-grace", "500ms"][..], "stop grace is 500ms: allowed with a command is more than 500ms"),
        (&["--stop-grace", "8s"], "a set that fits is: --lease "),
        (&["--kill-signal", "STOP"], "kill signal is `STOP`: allowed are TERM"),
        (&["--events", "json"], "events is `json`: allowed without a command only"),
    ];
    for (flags, words) in table {
        let output = stage::leader_elector(&[&["run"], flags, &["--", "true"]].concat(), &[("GIST_ID", "abc")]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
        assert!(said.contains(words), "{flags:?}: {said}");
    }
}
