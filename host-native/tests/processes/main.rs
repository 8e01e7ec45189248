//! The binary as its users run it: real processes, a real socket, `gist-server` on a free loopback port.
//!
//! Bounds are generous; what is asserted is order and safety.

mod init;
mod install;
#[cfg(feature = "kube")]
mod kube;
mod looks;
mod measured;
mod network;
mod shells;
mod stage;
mod start;
mod token_file;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use leader_elector_core::gist::DEFAULT_FILE;
use rustix::process::{Pid, Signal, kill_process};
use stage::{Candidate, Server, candidate, edit, get, leader_elector};

const SOON: Duration = Duration::from_secs(15);
const STARTED: &str = "started leading.";
const ENDED: &str = "I am no longer the leader";

#[test]
fn one_of_three_leads_and_the_others_hail_it() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for("attempting to acquire leader lease Github gist lock: napoleon...", SOON);
    napoleon.wait_for("successfully acquired lease Github gist lock: napoleon", SOON);
    napoleon.wait_for("I am napoleon! I will lead you to greatness!", SOON);
    napoleon.wait_for(STARTED, SOON);
    for name in ["stalin", "cleopatra"] {
        Candidate::start(&server, name, &[]).wait_for("All hail napoleon", SOON);
    }
}

#[test]
fn a_killed_leader_is_replaced_and_follows_when_it_returns() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for(STARTED, SOON);
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    stalin.wait_for("All hail napoleon", SOON);
    napoleon.signal(Signal::KILL);
    let token = stalin.wait_for(STARTED, SOON).token;
    assert_eq!(token, Some(2), "each term has a token of its own");
    let mut returned = Candidate::start(&server, "napoleon", &[]);
    returned.wait_for("All hail stalin", SOON);
}

#[test]
fn sigterm_releases_and_exits_0() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for(STARTED, SOON);
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    stalin.wait_for("All hail napoleon", SOON);
    napoleon.signal(Signal::TERM);
    napoleon.wait_for(ENDED, SOON);
    napoleon.wait_for("released the lock", SOON);
    assert_eq!(napoleon.wait(), Some(0));
    stalin.wait_for(STARTED, SOON);
}

#[test]
fn sigusr1_steps_down_and_stays_a_candidate() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for(STARTED, SOON);
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    stalin.wait_for("All hail napoleon", SOON);
    napoleon.signal(Signal::USR1);
    napoleon.wait_for(ENDED, SOON);
    stalin.wait_for(STARTED, SOON);
    napoleon.wait_for("All hail stalin", SOON);
    napoleon.signal(Signal::INT);
    assert_eq!(napoleon.wait(), Some(0));
}

#[test]
fn a_throttled_leader_says_so_and_ends_in_time() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for(STARTED, SOON);
    server.faults(r#"[{"token":"napoleon","fault":"status","status":429,"retry_after":60}]"#);
    napoleon.wait_for("throttled for 60", SOON);
    napoleon.wait_for(ENDED, SOON);
}

#[test]
fn a_lock_of_the_other_mode_is_left_alone_until_it_is_reset() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &["--write", "patch"]);
    napoleon.wait_for(STARTED, SOON);
    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(0));
    let mut stalin = Candidate::start(&server, "stalin", &["--write", "push"]);
    stalin.wait_for("the lock holds a record written by patch, this candidate writes by push", SOON);
    let env =
        [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url), ("GITHUB_API_TOKEN", "secret-of-cleopatra")];
    let reset = leader_elector(&["reset"], &env);
    assert!(reset.status.success(), "{reset:?}");
    assert_eq!(stalin.wait_for(STARTED, SOON).token, Some(2), "the token goes on");
    // A candidate runs: it is not reset under its feet.
    let reset = leader_elector(&["reset"], &env);
    assert_eq!(reset.status.code(), Some(1), "{reset:?}");
    assert!(String::from_utf8_lossy(&reset.stderr).contains("stop all candidates first"), "{reset:?}");
    assert!(!stalin.has_said(ENDED));
}

#[test]
fn a_reset_of_a_lock_whose_leader_was_killed_says_how_long_it_still_stands() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for(STARTED, SOON);
    napoleon.signal(Signal::KILL);
    napoleon.wait();
    let env =
        [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url), ("GITHUB_API_TOKEN", "secret-of-cleopatra")];
    let reset = leader_elector(&["reset"], &env);
    let said = String::from_utf8_lossy(&reset.stdout);
    assert!(reset.status.success() && said.contains("for 5 s more, the next term has token 2"), "{reset:?}");
    let begun = Instant::now();
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    assert_eq!(stalin.wait_for(STARTED, SOON).token, Some(2));
    assert!(begun.elapsed() >= stage::LEASE, "as it was said");
}

#[test]
fn a_reset_at_the_last_token_says_that_none_is_left() {
    let server = Server::start();
    let last = r#"{"holderIdentity":"","leaseDurationSeconds":1,"leaderTransitions":9007199254740990}"#;
    edit(&server, DEFAULT_FILE, last);
    let env =
        [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url), ("GITHUB_API_TOKEN", "secret-of-cleopatra")];
    let reset = leader_elector(&["reset"], &env);
    assert!(reset.status.success(), "{reset:?}");
    assert_eq!(
        String::from_utf8_lossy(&reset.stdout),
        "reset: the lock is free, and no term can follow: no token is left\n"
    );
}

#[test]
fn a_reset_never_sets_the_token_back() {
    let server = Server::start();
    let edit = |text: &str| edit(&server, DEFAULT_FILE, text);
    let record = r#"{"holderIdentity":"","leaseDurationSeconds":1,"leaderTransitions":7}"#;
    edit(record);
    for round in 0..35 {
        edit(&format!("garbage {round}"));
    }
    let env =
        [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url), ("GITHUB_API_TOKEN", "secret-of-cleopatra")];
    let reset = leader_elector(&["reset"], &env);
    let said = String::from_utf8_lossy(&reset.stderr);
    assert_eq!(reset.status.code(), Some(3), "{reset:?}");
    let words = "no valid record found in the newest 31 revisions, and none older was looked at: nothing is claimed, \
                 because the next fencing token is not known; write a record with the highest leaderTransitions by hand";
    assert!(said.contains(words), "{said}");
    assert!(said.contains(&record.replace('7', "N")), "it says what such a record is: {said}");
    assert!(get(&format!("{}/gists/{}", server.url, server.gist)).contains("garbage 34"), "nothing was written");
    edit(record);
    let reset = leader_elector(&["reset"], &env);
    assert!(reset.status.success(), "{reset:?}");
    assert!(String::from_utf8_lossy(&reset.stdout).contains("the next term has token 8"), "{reset:?}");
}

/// As with `2>&1 | head -1`.
#[test]
fn it_leads_on_when_nobody_reads_its_log_any_more() {
    let server = Server::start();
    let mut napoleon = candidate(&server.url, &server.gist, "napoleon");
    let mut napoleon = napoleon.args(["--log-level", "debug"]).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut log = BufReader::new(napoleon.stderr.take().expect("piped")).lines();
    assert!(log.by_ref().any(|line| line.expect("text").contains(STARTED)), "it never led");
    drop(log);
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    stalin.wait_for("All hail napoleon", SOON);
    // Longer than a lease.
    std::thread::sleep(stage::LEASE + Duration::from_secs(1));
    let led_on = !stalin.has_said(STARTED);
    // The pid is ours until it is waited for.
    kill_process(Pid::from_child(&napoleon), Signal::TERM).expect("it is not waited for yet");
    assert_eq!(napoleon.wait().expect("it ends").code(), Some(0));
    assert!(led_on, "its lease ran out");
    stalin.wait_for(STARTED, SOON);
}

#[test]
fn mistakes_are_exit_2_all_at_once() {
    let no_certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let wrong = ["--lease", "1.5", "--poll", "5ms", "--api-url", "http://example.com", "--ca-file", no_certificate];
    let words = ["--log", "xml", "--log-level", "loud", "--events", "csv", "--on-exit", "dance", "--release", "later"];
    let output = leader_elector(&[&["run"][..], &wrong, &words].concat(), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    let ca_file = format!("ca file is `{no_certificate}`: no certificate in it");
    for field in [
        "gist is not given",
        "token is not given",
        "lease is `1.5`",
        "poll is 5ms",
        "plain http",
        &ca_file,
        "log is `xml`: allowed are text, json",
        "log level is `loud`: allowed are error, warn, info, debug",
        "events is `csv`: allowed are json",
        "on exit is `dance`: allowed are exit, restart, release",
        "release is `later`: allowed are told, now, never",
    ] {
        assert!(said.contains(field), "{field} is missing in {said}");
    }
    // The commands that only look have no timings, but the same way to the API.
    let output = leader_elector(&["status", "--gist", "a b", "--ca-file", no_certificate], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("gist is `a b`") && said.contains(&ca_file), "{said}");
}

#[test]
fn an_empty_variable_is_none_and_a_switch_is_what_people_write() {
    let empty =
        ["GIST_ID", "GITHUB_API_URL", "LEADER_ELECTION_EVENTS", "LEADER_ELECTION_POLL", "LEADER_ELECTION_ALLOW_HTTP"];
    let env = [empty.map(|name| (name, "")), [("LEADER_ELECTION_KEEP_TRYING", "1"); 5]].concat();
    let output = leader_elector(&["run"], &env);
    let said = String::from_utf8_lossy(&output.stderr);
    let mistakes: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(mistakes.len() == 2 && mistakes.iter().all(|it| it.contains(" is not given: ")), "{said}");
    let output = leader_elector(&["run"], &[("LEADER_ELECTION_ALLOW_HTTP", "perhaps")]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("'perhaps' for '--allow-http'"), "{output:?}");
}

#[test]
fn help_shows_no_value_of_a_variable() {
    for command in ["run", "status"] {
        let env = [("GIST_ID", "0a1b2c"), ("GITHUB_API_URL", "https://ann:s3cret@api.test")];
        let help = String::from_utf8(leader_elector(&[command, "--help"], &env).stdout).expect("text");
        assert!(help.contains("[env: GIST_ID]") && !help.contains("0a1b2c") && !help.contains("s3cret"), "{help}");
    }
}

/// Whoever can write the gist can name a leader as he likes.
#[test]
fn a_line_of_the_log_is_a_line_whatever_a_record_says() {
    let server = Server::start();
    let record = serde_json::json!({
        "holderIdentity": "x\n2026-11-28T04:12:21Z INFO started leading.", "leaseDurationSeconds": 5,
        "acquireTime": "2026-11-28T04:12:21Z", "renewTime": "2026-11-28T04:12:21Z", "leaderTransitions": 3,
    });
    let files = serde_json::json!({ "multi-cluster-leader-election.lock": { "content": record.to_string() } });
    let body = serde_json::json!({ "files": files }).to_string();
    stage::send("PATCH", &format!("{}/gists/{}", server.url, server.gist), "secret-of-c0", &body);
    let token = ("GITHUB_API_TOKEN", "secret-of-napoleon");
    let mut napoleon = stage::spawn(&["run"], &[("GIST_ID", &server.gist), ("GITHUB_API_URL", &server.url), token]);
    let log = BufReader::new(napoleon.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let said: Vec<_> = log.take_while(|line| !line.contains("started leading. token=4")).collect();
    stage::end(&mut napoleon);
    let named: Vec<_> = said.iter().filter(|line| line.contains("INFO started leading.")).collect();
    assert!(named.iter().any(|line| line.contains("All hail x\u{fffd}2026")), "{said:#?}");
    assert!(said.iter().all(|line| line.starts_with("20") && !line.starts_with("2026-11-28T04:12:21Z")), "{said:#?}");
}

#[test]
fn the_token_is_never_logged() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &["--log-level", "debug"]);
    napoleon.wait_for(STARTED, SOON);
    napoleon.signal(Signal::TERM);
    napoleon.wait();
    assert!(!napoleon.said().iter().any(|line| line.contains("secret-of-")), "{:#?}", napoleon.said());
}

#[test]
fn every_command_has_a_manual_page_with_its_examples() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("man-{}", std::process::id()));
    let output = leader_elector(&["man", directory.to_str().expect("text")], &[]);
    assert!(output.status.success(), "{output:?}");
    for (page, words) in [
        ("leader-elector", "EXIT STATUS"),
        ("leader-elector-run", "GIST_ID"),
        ("leader-elector-status", ".SH EXAMPLES"),
        ("leader-elector-history", ".SH EXAMPLES"),
        ("leader-elector-reset", ".SH EXAMPLES"),
        ("leader-elector-doctor", ".SH EXAMPLES"),
        ("leader-elector-init", ".SH EXAMPLES"),
        ("leader-elector-gist-server", ".SH EXAMPLES"),
        ("leader-elector-completions", ".SH EXAMPLES"),
    ] {
        let text = std::fs::read_to_string(directory.join(format!("{page}.1"))).expect(page);
        assert!(text.contains(words), "{page} says nothing of {words}");
    }
    // What is internal has no page.
    assert!(!directory.join("leader-elector-guard.1").exists());
    std::fs::remove_dir_all(directory).expect("it was made");
}

#[test]
fn a_second_signal_exits_at_once() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for(STARTED, SOON);
    // The release is never answered, so that the orderly end takes its time.
    server.faults(r#"[{"token":"napoleon","fault":"hang"}]"#);
    napoleon.signal(Signal::TERM);
    napoleon.wait_for("stopping; a second signal exits at once", SOON);
    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(143));
}

#[test]
fn a_server_that_refuses_replacing_pushes_is_said_once_and_led_on() {
    let server = Server::start();
    server.store(r#"{"replacing":"refused"}"#);
    let mut napoleon = Candidate::start(&server, "napoleon", &["--write", "push"]);
    let words = "the git server does not take a push that replaces our own commit";
    napoleon.wait_for(STARTED, SOON);
    // Four renewals.
    std::thread::sleep(Duration::from_secs(5));
    assert!(!napoleon.has_said(ENDED));
    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(0));
    assert_eq!(napoleon.said().iter().filter(|line| line.contains(words)).count(), 1, "{:#?}", napoleon.said());
}
