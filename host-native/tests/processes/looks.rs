//! `status` and `history`: what they say of a lock, in both write modes, and how they end.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::stage::{Candidate, Server, command, end, leader_elector, spawn};
use super::{SOON, STARTED};

/// Runs a command that reads, without a token; its exit code, and what it printed as JSON.
fn look(server: &Server, args: &[&str]) -> (Option<i32>, Value) {
    let args = [args, &["-o", "json"]].concat();
    let output = leader_elector(&args, &[("GIST_ID", &server.gist), ("GITHUB_API_URL", &server.url)]);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

fn tell_who_led(write: &str) {
    let server = Server::start();
    let (code, status) = look(&server, &["status"]);
    assert_eq!((code, &status["state"]), (Some(1), &"free".into()), "{write}: {status}");
    let mut napoleon = Candidate::start(&server, "napoleon", &["--write", write]);
    napoleon.wait_for(STARTED, SOON);
    let (code, status) = look(&server, &["status", "--observe"]);
    assert_eq!((code, &status["state"], &status["observed"]), (Some(0), &"led".into(), &true.into()), "{status}");
    assert_eq!((&status["leader"], &status["token"]), (&"napoleon".into(), &1.into()), "{status}");
    assert_eq!((&status["write"], &status["lease_seconds"]), (&write.into(), &5.into()), "{status}");
    for time in ["since", "renewed", "until_at_most"] {
        assert!(status[time].as_str().is_some_and(|time| time.len() == 20 && time.ends_with('Z')), "{time}: {status}");
    }
    // The gist's own first revision, and the term: one revision if pushed, else claim, confirmation and renewals.
    let revisions = status["revisions"].as_u64().expect("a number");
    assert!(if write == "push" { revisions == 2 } else { revisions >= 3 }, "{write}: {status}");
    // By PATCH, each revision is a content write.
    let writes = if write == "push" { Value::Null } else { revisions.into() };
    assert_eq!(status["writes_seen"], writes, "{write}: {status}");
    if write == "patch" {
        let seconds = status["writes_seen_seconds"].as_u64().expect("a number");
        assert!(seconds <= 3600 && status["writes_an_hour"] == 500, "{status}");
    }
    // Without a token, GitHub allows 60 requests an hour.
    assert_eq!((&status["requests_left"], &status["requests_an_hour"]), (&60.into(), &60.into()), "{status}");

    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(0));
    let (code, status) = look(&server, &["status"]);
    assert_eq!((code, &status["state"], &status["leader"]), (Some(1), &"free".into(), &Value::Null), "{status}");
    assert_eq!(status["token"], 1, "the token stays in sight: {status}");
    let mut stalin = Candidate::start(&server, "stalin", &["--write", write]);
    stalin.wait_for(STARTED, SOON);
    let (code, history) = look(&server, &["history"]);
    assert_eq!((code, &history["complete"]), (Some(0), &true.into()), "{history}");
    let terms: Vec<_> = (0..2).map(|at| (&history["terms"][at]["holder"], &history["terms"][at]["token"])).collect();
    assert_eq!(terms, [(&"stalin".into(), &2.into()), (&"napoleon".into(), &1.into())], "{history}");
    assert_eq!(history["terms"][1]["released"], true, "{history}");
    let spent = history["requests"].as_u64().expect("a number");
    assert!((2..=60).contains(&spent) && history["max_requests"] == 60, "{history}");

    // It says that it saw less, and spends no more than it may.
    let (code, history) = look(&server, &["history", "--max-requests", "2"]);
    assert_eq!((code, &history["complete"], &history["requests"]), (Some(0), &false.into(), &2.into()), "{history}");
}

#[test]
fn status_and_history_tell_who_led_by_push() {
    tell_who_led("push");
}

#[test]
fn status_and_history_tell_who_led_by_patch() {
    tell_who_led("patch");
}

/// A `status --watch -o json` that is told to end by the test.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(server: &Server) -> Self {
        let env = [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url), ("GITHUB_API_TOKEN", "secret-of-c0")];
        let mut child = spawn(&["status", "--watch", "-o", "json"], &env);
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, lines }
    }

    /// The next line that tells this state; each line is one object.
    fn wait_for(&mut self, state: &str) -> Value {
        loop {
            let line = self.lines.next().expect("it watches on").expect("text");
            let status: Value = serde_json::from_str(&line).expect("one object a line");
            if status["state"] == state {
                return status;
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

#[test]
fn watching_tells_each_change_and_that_nothing_changes_any_more_until_ctrl_c() {
    let server = Server::start();
    let mut watching = Watching::start(&server);
    watching.wait_for("free");
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for(STARTED, SOON);
    assert_eq!(watching.wait_for("led")["leader"], "napoleon");
    // A read that fails ends nothing.
    server.faults(r#"[{"token":"c0","fault":"status","status":502,"times":1}]"#);
    napoleon.signal(Signal::KILL);
    let abandoned = watching.wait_for("abandoned");
    assert_eq!((&abandoned["token"], &abandoned["observed"]), (&1.into(), &true.into()));
    // The store is gone: what was read grows old.
    server.faults(r#"[{"fault":"status","status":502}]"#);
    watching.wait_for("unknown");
    kill_process(Pid::from_child(&watching.child), Signal::INT).expect("it lives");
    assert_eq!(watching.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn who_stops_reading_ends_the_command_well() {
    let server = Server::start();
    let token = ("GITHUB_API_TOKEN", "secret-of-c0");
    let env = [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url), token];
    for call in [&["status"][..], &["history"], &["init"], &["completions", "bash"], &["reset"], &["--help"]] {
        let mut child = spawn(call, &env);
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{call:?}: {output:?}");
    }
}

#[test]
fn what_cannot_be_written_is_an_error_and_what_cannot_be_said_is_none() {
    let server = Server::start();
    let env = [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url), ("GITHUB_API_TOKEN", "secret-of-c0")];
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    for call in [&["status"][..], &["history"], &["init"], &["completions", "bash"], &["reset"]] {
        let mut command = command(call);
        let output = command.envs(env).stdout(full()).output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{call:?}: {output:?}");
        assert!(said.starts_with("error: No space left"), "{call:?}: {said}");
    }
    for (call, code) in [(&["run", "--lease", "x"][..], 2), (&["status", "--gist", "nope"], 3), (&["nonsense"], 2)] {
        let status = command(call).envs(env).stderr(full()).status().expect("it ends");
        assert_eq!(status.code(), Some(code), "{call:?}");
    }
}

#[test]
fn the_server_serves_also_where_nobody_reads_its_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let mut child = spawn(&["gist-server", "--listen", &address, "--create"], &[]);
    drop(child.stdout.take());
    let begun = std::time::Instant::now();
    while std::net::TcpStream::connect(&address).is_err() {
        assert!(begun.elapsed() < SOON && matches!(child.try_wait(), Ok(None)), "it does not listen");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(super::stage::get(&format!("http://{address}/_control/log")), "[]");
    end(&mut child);
}

#[test]
fn a_lock_that_cannot_be_understood_or_asked_is_exit_3() {
    let server = Server::start();
    let refused = leader_elector(&["status"], &[("GIST_ID", "abc"), ("GITHUB_API_URL", &server.url)]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let unreachable = leader_elector(&["status"], &[("GIST_ID", "abc"), ("GITHUB_API_URL", "http://127.0.0.1:9")]);
    assert_eq!(unreachable.status.code(), Some(3), "{unreachable:?}");
    let call = leader_elector(&["status"], &[]);
    assert_eq!(call.status.code(), Some(2), "{call:?}");
}

#[test]
fn history_says_what_the_store_said_and_advises_where_that_helps() {
    let server = Server::start();
    let env = [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url)];
    for (fault, words, helps) in [
        (r#""status":401"#, "error: refused: 401", true),
        (r#""status":404"#, "error: refused: 404", true),
        (r#""status":422"#, "error: refused: 422", false),
        (r#""status":429,"retry_after":7"#, "error: throttled: the store asks to be left alone for 7s", false),
        (r#""status":403"#, "error: throttled: the store asks to be left alone for 60s", false),
        (r#""status":502"#, "error: unknown: 502", false),
    ] {
        server.faults(&format!(r#"[{{"fault":"status",{fault}}}]"#));
        let output = leader_elector(&["history"], &env);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.starts_with(words) && said.contains("look at GIST_ID and the token") == helps, "{said}");
    }
}
