//! `leader-elector doctor` as a process, against `gist-server` with each bad property switched on; and how it ends.

#[path = "../processes/stage.rs"]
#[expect(dead_code, reason = "candidates and their faults are seen elsewhere")]
mod stage;

mod bad_properties;
mod ends;

use std::io::{BufRead, BufReader};
use std::process::Output;

use serde_json::Value;
use stage::{Server, edit, get, leader_elector, spawn};

/// The token that the doctor uses, by its name and its secret.
const DOCTOR: &str = "cleopatra";
const SECRET: &str = "secret-of-cleopatra";
/// The file that it writes.
const FILE: &str = "leader-elector-doctor.json";
const LOCK: &str = "multi-cluster-leader-election.lock";
/// All but what it reads with.
const WRITES: [&str; 3] = ["PATCH", "POST", "DELETE"];
/// What it says that it spends at most.
const MOST_REQUESTS: usize = 400;
const MOST_WRITES: usize = 90;

/// What a run of the doctor said.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    report: Value,
    errors: String,
}

impl Run {
    fn of(output: &Output) -> Self {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code(), report: serde_json::from_slice(&output.stdout).unwrap_or_default(), errors }
    }

    fn finding(&self, check: &str) -> &Value {
        let findings = self.report["findings"].as_array().into_iter().flatten();
        let mut found = findings.filter(|finding| finding["check"] == check);
        found.next().unwrap_or_else(|| panic!("no finding `{check}` in {self:#?}"))
    }

    fn command(&self) -> &str {
        self.report["command"].as_str().unwrap_or_else(|| panic!("no command in {self:#?}"))
    }

    fn left(&self) -> &str {
        self.report["left"].as_str().unwrap_or_else(|| panic!("nothing said in {self:#?}"))
    }

    fn requests(&self) -> usize {
        self.number("requests")
    }

    fn writes(&self) -> usize {
        self.number("writes")
    }

    fn number(&self, name: &str) -> usize {
        let number = self.report[name].as_u64().and_then(|number| usize::try_from(number).ok());
        number.unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }
}

fn env(server: &Server) -> [(&str, &str); 3] {
    [("GIST_ID", &server.gist), ("GITHUB_API_URL", &server.url), ("GITHUB_API_TOKEN", SECRET)]
}

/// Runs the doctor to its end.
fn examine(server: &Server, args: &[&str]) -> Run {
    let args = [&["doctor", "-o", "json", "--pause", "30ms"], args].concat();
    Run::of(&leader_elector(&args, &env(server)))
}

/// The requests with a method that a token has sent so far.
fn sent(server: &Server, token: &str, methods: &[&str]) -> usize {
    let log: Value = serde_json::from_str(&get(&format!("{}/_control/log", server.url))).expect("JSON");
    let is_meant =
        |entry: &&Value| entry["token"] == token && methods.contains(&entry["method"].as_str().unwrap_or_default());
    log.as_array().into_iter().flatten().filter(is_meant).count()
}

/// A record of client-go's that nobody renews.
fn foreign_record(seconds: u64) -> String {
    format!(r#"{{"holderIdentity":"go","leaseDurationSeconds":{seconds},"leaderTransitions":3}}"#)
}

/// The gist as anybody sees it.
fn gist(server: &Server) -> Value {
    serde_json::from_str(&get(&format!("{}/gists/{}", server.url, server.gist))).expect("JSON")
}

/// `run` takes the suggested command line and becomes a candidate.
fn assert_is_accepted(server: &Server, command: &str) {
    server.faults("[]");
    let words: Vec<_> = command.split(' ').collect();
    assert_eq!(words[..2], ["leader-elector", "run"], "{command}");
    let mut candidate = spawn(&words[1..], &[("GITHUB_API_TOKEN", SECRET), ("LEADER_NAME", "napoleon")]);
    let first = BufReader::new(candidate.stderr.take().expect("piped")).lines().next().expect("a line").expect("text");
    candidate.kill().expect("it runs");
    candidate.wait().expect("it ends");
    assert!(first.contains("attempting to acquire leader lease"), "{command}: {first}");
}

#[test]
fn a_store_as_expected_is_all_well_and_as_it_was() {
    let server = Server::start();
    let before = gist(&server);
    let run = examine(&server, &[]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert_eq!(run.report["verdict"], "well");
    for check in [
        "token",
        "clock",
        "latency",
        "limits",
        "conditional reads",
        "history",
        "read after push",
        "read after patch",
        "push with a stale id",
        "replacing push",
        "pushes at once",
        "patch against patch",
        "patch against push",
    ] {
        let finding = run.finding(check);
        assert_eq!(finding["verdict"], "well", "{finding}");
        assert!(!finding["follows"].as_str().expect("text").is_empty(), "{finding}");
    }
    let text = run.report.to_string();
    assert!(text.contains("no lost update observed in 10 tries"), "{text}");
    assert!(!text.contains("cannot happen") && !text.contains("never"), "{text}");
    let default = format!("leader-elector run --gist {} --api-url {}", server.gist, server.url);
    assert_eq!(run.command(), default);
    assert_is_accepted(&server, &default);
    assert_eq!(run.left(), "the gist is as it was");
    assert!(run.errors.contains("at most 400 requests, 90 of them writes"), "{run:#?}");
    // The lock's candidate has written since; what was there before the doctor still is.
    let after = gist(&server);
    assert_eq!(after["files"].get(FILE), None);
    let oldest = |gist: &Value| gist["history"].as_array().expect("a list").last().expect("one")["version"].clone();
    assert_eq!(oldest(&before), oldest(&after));
}

/// The report tells every request that the server saw, and none is beyond the budget.
fn assert_counts_right(server: &Server, run: &Run) {
    let (reads, writes) = (sent(server, DOCTOR, &["GET"]), sent(server, DOCTOR, &WRITES));
    assert!(reads + writes <= MOST_REQUESTS && writes <= MOST_WRITES, "{reads} reads, {writes} writes");
    assert_eq!((run.requests(), run.writes()), (reads + writes, writes), "{run:#?}");
}

#[test]
fn the_stated_budget_is_kept_and_the_report_counts_right() {
    let server = Server::start();
    assert_counts_right(&server, &examine(&server, &[]));

    // A dead record is watched, and the requests for that are no less.
    let server = Server::start();
    edit(&server, LOCK, &foreign_record(5));
    let run = examine(&server, &[]);
    assert!(run.errors.contains("the lock names go as its leader: watching for 5 s"), "{run:#?}");
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert_counts_right(&server, &run);

    // A gist of its own is made and deleted.
    let server = Server::start();
    assert_counts_right(&server, &examine(&server, &["--scratch"]));
}

#[test]
fn text_is_one_line_a_check_and_ends_with_the_command() {
    let server = Server::start();
    let output = leader_elector(&["doctor", "--pause", "30ms"], &env(&server));
    let text = String::from_utf8_lossy(&output.stdout);
    let findings = text.lines().take_while(|line| !line.is_empty());
    for line in findings {
        assert!(line.starts_with("well ") && line.contains(" -> "), "{line}");
    }
    let last = text.lines().last().expect("a line");
    assert!(last.starts_with("  leader-elector run --gist "), "{text}");
    assert!(!text.contains(SECRET) && !String::from_utf8_lossy(&output.stderr).contains(SECRET));
}
