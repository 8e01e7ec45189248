//! What must hold for any bytes that a git server sends: see [`crate::fuzz`].

use super::pack::ObjectId;
use super::pkt::{self, Pkt};
use super::push::{Report, report};
use super::refs::Advertisement;

/// Pkt-lines, and the advertisement that is made of them. Lines come back as they went, reading ends, and a branch is
/// taken for HEAD's only if the bytes name it and an id for it.
///
/// # Panics
/// Where that is not so.
pub fn advertisement(bytes: &[u8]) {
    let mut rest = bytes;
    let mut again = Vec::new();
    loop {
        let before = rest;
        let Some(line) = pkt::next(&mut rest) else { break };
        assert!(rest.len() + 4 <= before.len(), "a pkt-line takes its length at least");
        match line {
            Pkt::Flush => pkt::push_flush(&mut again),
            Pkt::Line(line) => {
                again.clear();
                pkt::push_line(&mut again, line);
                assert_eq!(pkt::next(&mut &again[..]), Some(Pkt::Line(line.strip_suffix(b"\n").unwrap_or(line))));
            }
        }
    }
    for service in ["git-upload-pack", "git-receive-pack"] {
        if let Some((branch, id)) = Advertisement::parse(bytes, service).as_ref().and_then(Advertisement::head) {
            let names = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(names(service) && names(branch) && names(id.as_str()), "{branch} {id:?}");
            assert!(ObjectId::parse(id.as_str()).is_some(), "{id:?}");
        }
    }
}

/// The report that answers a push: it is taken only where the server said so of this very branch.
///
/// # Panics
/// Where that is not so.
pub fn push_report(bytes: &[u8]) {
    const BRANCH: &str = "refs/heads/main";
    let says = |line: &[u8]| bytes.windows(line.len()).any(|window| window == line);
    match report(bytes, BRANCH) {
        Report::Taken => assert!(says(b"unpack ok") && says(b"ok refs/heads/main")),
        Report::NotTaken(words) => assert!(!words.chars().any(char::is_control), "{words:?}"),
        Report::Garbage => {}
    }
}
