//! The binary as its users run it: real processes, a real socket, `gist-server` on a free loopback port.
//!
//! Bounds are generous; what is asserted is order and safety.

mod measured;
mod stage;

use std::time::Duration;

use rustix::process::Signal;
use stage::{Candidate, Server, leader_elector};

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
    napoleon.wait_for("throttled for 60s", SOON);
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
fn an_unreachable_api_is_waited_for() {
    let mut napoleon = Candidate::start_at("http://127.0.0.1:9", "abc", "napoleon", &[]);
    napoleon.wait_for("no answer: the store cannot be reached", SOON);
    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(0));
}

#[test]
fn a_refusal_at_the_start_is_exit_3_with_what_to_do() {
    let server = Server::start();
    for (token, gist, words) in
        [("wrong", server.gist.as_str(), "the token is wrong"), ("secret-of-napoleon", "abcdef", "no such gist")]
    {
        let output = leader_elector(
            &["run"],
            &[("GIST_ID", gist), ("GITHUB_API_TOKEN", token), ("GITHUB_API_URL", &server.url)],
        );
        assert_eq!(output.status.code(), Some(3));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn mistakes_are_exit_2_all_at_once() {
    let output = leader_elector(&["run", "--lease", "1.5", "--api-url", "http://example.com"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    for field in ["gist is not given", "token is not given", "lease is `1.5`", "plain http"] {
        assert!(said.contains(field), "{field} is missing in {said}");
    }
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
fn status_and_history_tell_who_led() {
    let server = Server::start();
    let env =
        |name: &'static str| [("GIST_ID", server.gist.as_str()), ("GITHUB_API_URL", server.url.as_str()), ("X", name)];
    assert_eq!(leader_elector(&["status"], &env("free")).status.code(), Some(1));
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for(STARTED, SOON);
    let output = leader_elector(&["status", "--observe", "-o", "json"], &env("led"));
    assert_eq!(output.status.code(), Some(0));
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(status["leader"], "napoleon");
    assert_eq!(status["state"], "led");
    napoleon.signal(Signal::TERM);
    napoleon.wait();
    let output = leader_elector(&["history", "-o", "json"], &env("history"));
    let history: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(history["terms"][0]["holder"], "napoleon");
    assert_eq!(history["terms"][0]["token"], 1);
}

#[test]
fn status_is_unknown_where_nobody_answers() {
    let output = leader_elector(&["status"], &[("GIST_ID", "abc"), ("GITHUB_API_URL", "http://127.0.0.1:9")]);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn init_makes_a_gist_that_can_be_led_on() {
    let server = Server::start();
    let output = leader_elector(
        &["init", "-o", "json"],
        &[("GITHUB_API_TOKEN", "secret-of-napoleon"), ("GITHUB_API_URL", &server.url)],
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let gist = made["gist"].as_str().expect("id");
    Candidate::start_at(&server.url, gist, "napoleon", &[]).wait_for(STARTED, SOON);
}
