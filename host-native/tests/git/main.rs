//! Stock git against `gist-server`: a gist is a repository, for people as for candidates.

#[path = "../processes/stage.rs"]
#[expect(dead_code, reason = "candidates are started elsewhere")]
mod stage;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stage::{Server, leader_elector};

/// A directory with a clone in it, removed in the end.
struct Clone {
    directory: PathBuf,
}

impl Drop for Clone {
    fn drop(&mut self) {
        // Left behind, it is a few kilobytes in a directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Clone {
    fn of(server: &Server, name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("a directory");
        let clone = Self { directory };
        let url = server.url.replace("http://", "http://me:secret-of-napoleon@");
        clone.git(&["clone", "--quiet", &format!("{url}/{}.git", server.gist), "."]);
        clone
    }

    /// Runs git, which has to succeed.
    fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn try_git(&self, args: &[&str]) -> Output {
        let mut git = Command::new("git");
        git.current_dir(&self.directory).args(["-c", "user.name=ann", "-c", "user.email=ann@localhost"]).args(args);
        git.env("GIT_CONFIG_GLOBAL", self.directory.join("none")).env("GIT_CONFIG_NOSYSTEM", "1");
        git.env("GIT_TERMINAL_PROMPT", "0").env("NO_PROXY", "127.0.0.1");
        git.output().expect("git runs: this test is about stock git, install it with `apt install git`")
    }

    /// Writes a file and commits it.
    fn commit(&self, file: &str, text: &str, args: &[&str]) {
        let path = self.directory.join(file);
        std::fs::create_dir_all(path.parent().expect("below the clone")).expect("a directory");
        std::fs::write(path, text).expect("written");
        self.git(&["add", "."]);
        self.git(&[&["commit", "--quiet", "--message", text], args].concat());
    }

    fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }
}

/// The gist's newest revisions, as the API tells them.
fn revisions(server: &Server) -> Vec<String> {
    let status = leader_elector(&["status", "-o", "json"], &env(server));
    let said: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert!(said["revisions"].is_number(), "{said}");
    let list = stage::get(&format!("{}/gists/{}/commits", server.url, server.gist));
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).expect("a list");
    list.iter().map(|revision| revision["version"].as_str().expect("an id").to_owned()).collect()
}

fn env(server: &Server) -> Vec<(&str, &str)> {
    vec![("GIST_ID", &server.gist), ("GITHUB_API_URL", &server.url), ("GITHUB_API_TOKEN", "secret-of-napoleon")]
}

#[test]
fn a_gist_is_cloned_pushed_to_and_fetched_from() {
    let server = Server::start();
    let (ours, theirs) = (Clone::of(&server, "ours"), Clone::of(&server, "theirs"));
    let first = ours.head();
    assert_eq!(revisions(&server), std::slice::from_ref(&first));
    // Many commits in one push, with deltas between the texts.
    let long = "a line that is the same\n".repeat(500);
    for number in 0..5 {
        ours.commit("notes.md", &format!("{long}{number}\n"), &[]);
    }
    ours.git(&["push", "--quiet"]);
    let shown = revisions(&server);
    assert_eq!((shown.len(), &shown[0], shown.last()), (6, &ours.head(), Some(&first)));
    theirs.git(&["pull", "--quiet"]);
    assert_eq!(theirs.head(), ours.head());
    assert_eq!(theirs.git(&["fsck", "--strict"]), "");
}

#[test]
fn a_stale_push_is_refused_and_a_forced_one_replaces() {
    let server = Server::start();
    let (ours, theirs) = (Clone::of(&server, "fast"), Clone::of(&server, "slow"));
    ours.commit("a.txt", "ours", &[]);
    ours.git(&["push", "--quiet"]);
    theirs.commit("b.txt", "theirs", &[]);
    assert!(!theirs.try_git(&["push"]).status.success(), "the client sees that it is behind");
    // The client is told that the branch still stands where it does not: the server has to see it.
    let stale = theirs.git(&["rev-parse", "HEAD^"]);
    let lease = format!("--force-with-lease=main:{stale}");
    assert!(!theirs.try_git(&["push", &lease]).status.success());
    assert_eq!(revisions(&server)[0], ours.head());
    theirs.git(&["push", "--quiet", "--force"]);
    let shown = revisions(&server);
    assert_eq!(shown, [theirs.head(), stale], "the replaced revision is no longer shown");
    theirs.commit("b.txt", "amended", &["--amend"]);
    theirs.git(&["push", "--quiet", "--force"]);
    assert_eq!(revisions(&server)[0], theirs.head());
}

#[test]
fn what_a_gist_cannot_hold_is_refused() {
    let server = Server::start();
    let ours = Clone::of(&server, "refused");
    let before = ours.head();
    ours.commit("directory/file.txt", "deep", &[]);
    let refused = ours.try_git(&["push"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no directories"), "{refused:?}");
    assert!(!ours.try_git(&["push", "origin", ":main"]).status.success(), "the branch cannot be deleted");
    assert_eq!(revisions(&server), [before]);
    let stranger = server.url.replace("http://", "http://me:wrong@");
    let url = format!("{stranger}/{}.git", server.gist);
    assert!(!ours.try_git(&["push", &url, "HEAD:main"]).status.success());
}

#[test]
fn a_second_branch_leaves_the_gist_alone() {
    let server = Server::start();
    let ours = Clone::of(&server, "branch");
    let before = ours.head();
    ours.commit("a.txt", "elsewhere", &[]);
    ours.git(&["push", "--quiet", "origin", "HEAD:refs/heads/other"]);
    assert_eq!(revisions(&server), [before]);
    let refs = ours.git(&["ls-remote"]);
    assert!(refs.contains("refs/heads/other") && refs.contains("refs/heads/main"), "{refs}");
}
