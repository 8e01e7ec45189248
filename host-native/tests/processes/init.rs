//! `init`: the gist that it makes, what it prints, and what it says where it is not known whether there is one.

use std::process::Command;

use serde_json::Value;

use super::stage::{Candidate, Server, get, leader_elector};
use super::{SOON, STARTED};

#[test]
fn init_makes_a_gist_that_can_be_led_on() {
    let server = Server::start();
    let output = leader_elector(
        &["init", "-o", "json"],
        &[("GITHUB_API_TOKEN", "secret-of-napoleon"), ("GITHUB_API_URL", &server.url)],
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let gist = made["gist"].as_str().expect("id");
    Candidate::start_at(&server.url, gist, "napoleon", &[]).wait_for(STARTED, SOON);
}

/// A shell takes the lines as they are, whatever the names.
#[test]
fn what_init_prints_is_what_a_candidate_has_to_be_told() {
    let server = Server::start();
    let file = "it's $HOME.lock";
    let call = ["init", "--file", file, "--api-url", &server.url];
    let output = leader_elector(&call, &[("GITHUB_API_TOKEN", "secret-of-napoleon")]);
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(said.starts_with("made the secret gist ") && said.contains("leader-elector run"), "{said}");
    let exports: Vec<_> = said.lines().filter(|line| line.trim_start().starts_with("export ")).collect();
    let names = ["GIST_ID", "LEADER_ELECTION_FILE", "GITHUB_API_URL"];
    let script = format!("{}\nprintenv {}", exports.join("\n"), names.join(" "));
    let told = Command::new("sh").args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").output().expect("sh");
    let told = String::from_utf8(told.stdout).expect("text");
    let told: Vec<_> = told.lines().collect();
    let [gist, ref rest @ ..] = told[..] else { panic!("nothing in {said}") };
    assert_eq!((rest, exports.len()), (&[file, &*server.url][..], 3), "{said}");

    let mut napoleon = Candidate::start_with(&server.url, gist, "napoleon", &[], &[("LEADER_ELECTION_FILE", file)]);
    napoleon.wait_for(STARTED, SOON);
    let made: Value = serde_json::from_str(&get(&format!("{}/gists/{gist}", server.url))).expect("JSON");
    let files = made["files"].as_object().expect("files");
    assert!(files.len() == 1 && files[file]["content"].as_str().is_some_and(|it| it.contains("napoleon")), "{made}");
}

#[test]
fn a_gist_that_is_not_made_is_exit_3_with_what_the_api_says_and_what_to_do() {
    let server = Server::start();
    let init = |token| leader_elector(&["init"], &[("GITHUB_API_TOKEN", token), ("GITHUB_API_URL", &server.url)]);
    let refused = |token, words: [&str; 2]| {
        let output = init(token);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(words.iter().all(|words| said.contains(words)), "{said}");
    };
    refused("wrong", ["401 Bad credentials", "the token is wrong or expired"]);
    server.store(r#"{"grant":"no_gist"}"#);
    refused("secret-of-napoleon", ["the gist was not made: 40", "the token needs the scope `gist`"]);
}

#[test]
fn what_is_not_known_is_not_said_to_be_not_made() {
    let server = Server::start();
    let said = |fault: &str| {
        server.faults(&format!(r#"[{{"method":"POST","fault":"status",{fault}}}]"#));
        let env = [("GITHUB_API_TOKEN", "secret-of-napoleon"), ("GITHUB_API_URL", &*server.url)];
        let output = leader_elector(&["init"], &env);
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(!said.contains("scope"), "{fault}: {said}");
        said
    };
    for status in [408, 409, 500, 502, 504] {
        let said = said(&format!(r#""status":{status},"applied":true"#));
        let unknown = said.starts_with(&format!("error: unknown: {status} ")) && said.contains("may have been made");
        assert!(unknown && !said.contains("not made"), "{said}");
    }
    for (fault, words) in [
        (r#""status":422"#, "422"),
        (r#""status":429,"retry_after":7"#, "the store asks to be left alone for 7s"),
        (r#""status":403,"retry_after":7"#, "the store asks to be left alone for 7s"),
    ] {
        assert!(said(fault).starts_with(&format!("error: the gist was not made: {words}")), "{fault}");
    }
}
