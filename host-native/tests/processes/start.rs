//! The start: what is waited for, what is refused, and what never waits for ever.

use rustix::process::Signal;
use serde_json::Value;

use super::stage::{Candidate, NAMESAKE, Server, leader_elector, spawn};
use super::{SOON, STARTED};

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
fn a_store_that_fails_at_the_start_is_warned_about_and_tried_again() {
    let server = Server::start();
    server.faults(r#"[{"fault":"status","status":503}]"#);
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for("no answer: 503", SOON);
    server.faults(r#"[{"fault":"hang"}]"#);
    napoleon.wait_for("no answer: the store did not answer", SOON);
    server.faults("[]");
    napoleon.wait_for(STARTED, SOON);
}

/// How long until it is tried again is the core's, in virtual time: `a_refusal_is_tried_again_slowly`.
#[test]
fn who_keeps_trying_outlives_a_refusal_at_the_start() {
    let server = Server::start();
    let mut napoleon = Candidate::start_at(&server.url, "abcdef", "napoleon", &["--keep-trying"]);
    napoleon.wait_for("refused", SOON);
    std::thread::sleep(std::time::Duration::from_secs(2));
    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(0), "it was still there, and ended in order");
}

#[test]
fn after_the_first_read_a_refusal_ends_nothing() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for(STARTED, SOON);
    server.faults(r#"[{"token":"napoleon","fault":"status","status":401}]"#);
    napoleon.wait_for("refused", SOON);
    napoleon.wait_for(super::ENDED, SOON);
    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(0));
}

/// 15 s, the longest of these bounds.
#[test]
fn no_command_waits_for_ever() {
    let server = Server::start();
    server.faults(r#"[{"fault":"hang"}]"#);
    let token = ("GITHUB_API_TOKEN", "secret-of-napoleon");
    let env = [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url), token];
    let calls = [&["init"][..], &["doctor", "--scratch"], &["history"], &["status"]];
    let children: Vec<_> = calls.map(|call| (call, spawn(call, &env))).into();
    for (call, child) in children {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{call:?}: {said}");
        assert!(said.contains("no answer within "), "{call:?}: {said}");
        // Whether the gist was made is not known.
        let may_be_there = said.contains("a gist described as");
        assert_eq!(may_be_there, call[0] == "init" || call[0] == "doctor", "{call:?}: {said}");
    }
}

#[test]
fn the_log_has_fields_for_scripts() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    let line = |candidate: &mut Candidate, words| -> Value {
        candidate.wait_for(words, SOON);
        serde_json::from_str(candidate.said().last().expect("it said so")).expect("JSON")
    };
    let started = line(&mut napoleon, STARTED);
    assert_eq!((&started["token"], &started["term"]), (&1.into(), &1.into()), "{started}");
    assert_eq!(started["holder"], "napoleon", "{started}");
    // RFC 3339 in UTC has one length: text can be compared as time.
    let (until, now) = (started["until"].as_str().expect("text"), started["timestamp"].as_str().expect("text"));
    assert!(until.len() == "2026-11-24T15:26:23.479Z".len() && until.ends_with('Z'), "{started}");
    assert!(until > now, "{started}");
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    let hailed = line(&mut stalin, "All hail napoleon");
    assert_eq!((&hailed["token"], &hailed["term"], &hailed["holder"]), (&1.into(), &1.into(), &"napoleon".into()));
    napoleon.signal(Signal::TERM);
    let ended = line(&mut napoleon, super::ENDED);
    assert_eq!((&ended["holder"], &ended["why"]), (&"napoleon".into(), &"asked to stop".into()), "{ended}");
}

#[test]
fn another_program_of_our_name_is_an_error() {
    let server = Server::start();
    server.write(NAMESAKE);
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for("a foreign record names our own LEADER_NAME", SOON);
    let line: Value = serde_json::from_str(napoleon.said().last().expect("it said so")).expect("JSON");
    assert_eq!(line["level"], "ERROR", "{line}");
}
