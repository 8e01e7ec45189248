//! The token in a file: when it is read again.

use std::path::PathBuf;

use super::stage::{Candidate, RENEW_DEADLINE, Server};
use super::{ENDED, SOON, STARTED};

#[test]
fn a_token_file_that_changes_is_read_again() {
    let server = Server::start();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("token-{}", std::process::id()));
    std::fs::write(&path, "wrong\n").expect("written");
    let file = path.to_str().expect("text");
    let mut napoleon = Candidate::start(&server, "napoleon", &["--token-file", file, "--keep-trying"]);
    napoleon.wait_for("refused", SOON);
    std::fs::write(&path, "secret-of-napoleon\n").expect("written");
    napoleon.wait_for("the token file has changed: using the new token", SOON);
    napoleon.wait_for(STARTED, SOON * 5);
    std::fs::remove_file(&path).expect("it was made");
}

/// Sooner than it is looked at anyway: the term would not outlast that.
#[test]
fn a_token_file_is_read_again_as_soon_as_its_token_is_refused() {
    let server = Server::start();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("refused-token-{}", std::process::id()));
    std::fs::write(&path, "secret-of-c0").expect("written");
    let file = path.to_str().expect("text");
    let mut napoleon = Candidate::start(&server, "napoleon", &["--token-file", file]);
    napoleon.wait_for(STARTED, SOON);
    std::fs::write(&path, "secret-of-c1").expect("written");
    server.faults(r#"[{"token":"c0","fault":"status","status":401}]"#);
    napoleon.wait_for("the token file has changed: using the new token", SOON);
    std::thread::sleep(RENEW_DEADLINE);
    assert!(!napoleon.has_said(ENDED), "{:#?}", napoleon.said());
    std::fs::remove_file(&path).expect("it was made");
}
