//! Starts processes and ends them by their ids, whatever happens to the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

#[path = "process.rs"]
mod process;

#[allow(unused_imports, reason = "one of the tests that share this file needs it")]
pub(crate) use self::process::LEASE;
pub(crate) use self::process::end;
use self::process::{TIMINGS, ended};

const BINARY: &str = env!("CARGO_BIN_EXE_leader-elector");
/// That of `TIMINGS`.
#[allow(dead_code, reason = "one of the tests that share this file needs it")]
pub(crate) const RENEW_DEADLINE: Duration = Duration::from_millis(3500);
const NAMES: [&str; 11] = ["napoleon", "stalin", "cleopatra", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

/// Runs the binary to its end, with these variables and no others of its own.
pub(crate) fn leader_elector(args: &[&str], env: &[(&str, &str)]) -> Output {
    spawn(args, env).wait_with_output().expect("the binary runs")
}

/// Starts the binary, with these variables and no others of its own.
pub(crate) fn spawn(args: &[&str], env: &[(&str, &str)]) -> Child {
    let mut command = command(args);
    command.envs(env.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

/// The binary, with no variables of its own.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).stdin(Stdio::null());
    for name in ["GIST_ID", "GITHUB_API_TOKEN", "LEADER_ELECTION_GITHUB_API_TOKEN", "GITHUB_API_URL", "LEADER_NAME"] {
        command.env_remove(name);
    }
    command.env("NO_PROXY", "127.0.0.1");
    command
}

/// The call of a candidate; what it does with its log is the caller's.
pub(crate) fn candidate(url: &str, gist: &str, name: &str) -> Command {
    let mut command = command(&["run", "--log", "json"]);
    command
        .args(TIMINGS)
        .env("GIST_ID", gist)
        .env("GITHUB_API_URL", url)
        .env("GITHUB_API_TOKEN", format!("secret-of-{name}"))
        .env("LEADER_NAME", name);
    command
}

/// A `gist-server` with a free lock.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) gist: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with_limits("off")
    }

    pub(crate) fn with_limits(limits: &str) -> Self {
        let mut command = command(&["gist-server", "--listen", "127.0.0.1:0", "--limits", limits, "--create"]);
        for name in NAMES {
            command.args(["--token", &format!("{name}:secret-of-{name}")]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut line = |prefix: &str| {
            let line = lines.next().expect("a line").expect("text");
            line.strip_prefix(prefix).unwrap_or_else(|| panic!("`{line}` does not begin with `{prefix}`")).to_owned()
        };
        let (url, gist) = (line("listening on "), line("gist "));
        Self { child, url, gist }
    }

    /// Sets the faults, a JSON list.
    pub(crate) fn faults(&self, rules: &str) {
        http("PUT", &format!("{}/_control/faults", self.url), rules);
    }

    /// Writes into the lock file, as a person or another program does.
    #[allow(dead_code, reason = "one of the tests that share this file needs it")]
    pub(crate) fn write(&self, text: &str) {
        let files = serde_json::json!({ leader_elector_core::gist::DEFAULT_FILE: { "content": text } });
        let body = serde_json::json!({ "files": files }).to_string();
        send("PATCH", &format!("{}/gists/{}", self.url, self.gist), "secret-of-c0", &body);
    }

    /// Changes what kind of store it is.
    #[allow(dead_code, reason = "one of the tests that share this file needs it")]
    pub(crate) fn store(&self, change: &str) {
        http("PUT", &format!("{}/_control/store", self.url), change);
    }
}

/// What a GET is answered with.
#[allow(dead_code, reason = "one of the tests that share this file needs it")]
pub(crate) fn get(url: &str) -> String {
    http("GET", url, "")
}

fn http(method: &str, url: &str, body: &str) -> String {
    let answer = send(method, url, "", body);
    let (head, body) = answer.split_once("\r\n\r\n").expect("headers end");
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.to_owned()
}

/// Somebody's text in a file of the gist.
pub(crate) fn edit(server: &Server, file: &str, text: &str) {
    let body = serde_json::json!({ "files": { file: { "content": text } } }).to_string();
    send("PATCH", &format!("{}/gists/{}", server.url, server.gist), "secret-of-stalin", &body);
}

/// One request, with a token if one is given, and the whole answer as it came.
pub(crate) fn send(method: &str, url: &str, token: &str, body: &str) -> String {
    let (address, path) = url.strip_prefix("http://").expect("http").split_once('/').expect("a path");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    let length = body.len();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: test\r\n{authorization}connection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A record of a program that is not this one, and has the same name.
#[allow(dead_code, reason = "one of the tests that share this file needs it")]
pub(crate) const NAMESAKE: &str = r#"{"holderIdentity":"napoleon","leaseDurationSeconds":5,"leaderTransitions":3}"#;

/// A line of a candidate's log, and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) at: Instant,
    pub(crate) token: Option<u64>,
}

/// A `leader-elector run`.
pub(crate) struct Candidate {
    child: Child,
    lines: Receiver<(Instant, String)>,
    said: Vec<String>,
}

impl Candidate {
    pub(crate) fn start(server: &Server, name: &str, args: &[&str]) -> Self {
        Self::start_at(&server.url, &server.gist, name, args)
    }

    pub(crate) fn start_at(url: &str, gist: &str, name: &str, args: &[&str]) -> Self {
        Self::start_with(url, gist, name, args, &[])
    }

    /// With these variables beside.
    pub(crate) fn start_with(url: &str, gist: &str, name: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = candidate(url, gist, name);
        command.args(args).envs(env.iter().copied()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the candidate starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, said: Vec::new() }
    }

    /// The next line whose message begins with `words`.
    pub(crate) fn wait_for(&mut self, words: &str, within: Duration) -> Said {
        let end = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok((at, line)) => {
                    let fields: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                    let message = fields["message"].as_str().unwrap_or_default();
                    let found = message.starts_with(words);
                    self.said.push(line);
                    if found {
                        return Said { at, token: fields["token"].as_u64() };
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("`{words}` did not come; it said {:#?}", self.said)
                }
            }
        }
    }

    /// Whether a message began with `words` so far.
    pub(crate) fn has_said(&mut self, words: &str) -> bool {
        self.said.extend(self.lines.try_iter().map(|(_, line)| line));
        self.messages().any(|message| message.starts_with(words))
    }

    fn messages(&self) -> impl Iterator<Item = String> {
        let fields = self.said.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        fields.filter_map(|fields| Some(fields["message"].as_str()?.to_owned()))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(&self.child), signal).expect("it lives");
    }

    /// Its exit code, once it has ended.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let status = ended(&mut self.child);
        self.said.extend(self.lines.iter().map(|(_, line)| line));
        status.unwrap_or_else(|| panic!("it does not end; it said {:#?}", self.said)).code()
    }

    /// All lines so far.
    pub(crate) fn said(&self) -> &[String] {
        &self.said
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}
