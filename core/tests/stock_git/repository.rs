//! A gist made of stock git: a bare repository, pushed to through `git http-backend` (as CGI, without a socket), and
//! the few answers of the REST API that a lock reads, told from the same repository.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use http::{Method, Request, Response};
use serde_json::{Value, json};

pub(crate) const GIST: &str = "abc";
const AUTHOR: &[&str] = &["-c", "user.name=ann", "-c", "user.email=ann@localhost"];

/// The repository of one gist.
pub(crate) struct Repository {
    root: PathBuf,
}

impl Drop for Repository {
    fn drop(&mut self) {
        // Left behind, it is a few megabytes in a directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl Repository {
    /// With one revision that holds these files.
    pub(crate) fn new(name: &str, files: &[(&str, &[u8])]) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).unwrap();
        let repository = Self { root };
        repository.run(&["init", "--quiet", "--bare", "--initial-branch=main", "."], &[]);
        repository.run(&["config", "http.receivepack", "true"], &[]);
        repository.run(&["config", "receive.fsckObjects", "true"], &[]);
        repository.run(&["config", "gc.auto", "0"], &[]);
        let mut tree = Vec::new();
        for (name, content) in files {
            let blob = repository.run(&["hash-object", "-w", "--stdin"], content);
            tree.extend_from_slice(format!("100644 blob {}\t{name}\n", blob.trim()).as_bytes());
        }
        let tree = repository.run(&["mktree"], &tree);
        let commit = repository.run(&[AUTHOR, &["commit-tree", tree.trim(), "-m", "made"]].concat(), &[]);
        repository.run(&["update-ref", "refs/heads/main", commit.trim()], &[]);
        repository
    }

    /// Runs git in it. Panics with git's words where it fails.
    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> String {
        let output = self.try_run(args, input);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn try_run(&self, args: &[&str], input: &[u8]) -> Output {
        let mut git = self.git();
        git.args(args);
        feed(&mut git, input)
    }

    fn git(&self) -> Command {
        let mut git = Command::new("git");
        let nowhere = self.root.join("none");
        git.current_dir(&self.root).env("GIT_CONFIG_GLOBAL", &nowhere).env("GIT_CONFIG_NOSYSTEM", "1");
        git
    }

    /// Answers a request as the API and the git server of a gist.
    pub(crate) fn carry(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let path = request.uri().path();
        if let Some((_, path)) = path.split_once(&format!("{GIST}.git")) {
            return self.http_backend(request, path);
        }
        assert_eq!(*request.method(), Method::GET, "a lock that pushes writes nothing by REST");
        let body = match path.strip_prefix(&format!("/gists/{GIST}")).unwrap() {
            "" => self.gist("HEAD"),
            "/commits" => self.history(100),
            revision => self.gist(&revision[1..]),
        };
        Response::builder().body(body.to_string().into_bytes()).unwrap()
    }

    fn gist(&self, revision: &str) -> Value {
        let mut files = serde_json::Map::new();
        for line in self.run(&["ls-tree", revision], &[]).lines() {
            let (about, name) = line.split_once('\t').unwrap();
            let blob = about.rsplit_once(' ').unwrap().1;
            let content = self.try_run(&["cat-file", "blob", blob], &[]).stdout;
            let raw_url = format!("http://raw.test/ann/{GIST}/raw/{blob}/{name}");
            let content = String::from_utf8_lossy(&content).into_owned();
            files.insert(name.to_owned(), json!({ "raw_url": raw_url, "content": content, "truncated": false }));
        }
        let push_url = format!("http://gist.test/{GIST}.git");
        json!({ "git_push_url": push_url, "truncated": false, "files": files, "history": self.history(30) })
    }

    fn history(&self, most: usize) -> Value {
        let most = format!("--max-count={most}");
        let list = self.run(&["rev-list", &most, "HEAD"], &[]);
        list.lines().map(|version| json!({ "version": version })).collect()
    }

    /// `git-http-backend(1)`: the program that serves smart HTTP, called as a web server would call it.
    fn http_backend(&self, request: &Request<Vec<u8>>, path: &str) -> Response<Vec<u8>> {
        let mut git = self.git();
        git.arg("http-backend")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REMOTE_USER", "ann")
            .env("REQUEST_METHOD", request.method().as_str())
            .env("PATH_INFO", path)
            .env("QUERY_STRING", request.uri().query().unwrap_or_default())
            .env("CONTENT_LENGTH", request.body().len().to_string());
        if let Some(kind) = request.headers().get("content-type") {
            git.env("CONTENT_TYPE", kind.to_str().unwrap());
        }
        let answer = feed(&mut git, request.body()).stdout;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("headers end");
        let headers = std::str::from_utf8(&answer[..end]).unwrap();
        let status = headers.lines().find_map(|line| line.strip_prefix("Status: ")?.get(..3)?.parse().ok());
        Response::builder().status(status.unwrap_or(200)).body(answer[end + 4..].to_vec()).unwrap()
    }
}

fn feed(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git runs: this test compares with stock git, install it with `apt install git`");
    // One that ended without reading says why on standard error.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}
