//! Candidates as processes, native and in the runner, on one server; each ended by its id, whatever happens.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::process::{LEASE, TIMINGS, end, ended};
use crate::reigns::{Reign, Told, reigns};

/// Poll and settle of `TIMINGS`, together.
pub(crate) const POLL_AND_SETTLE: Duration = Duration::from_millis(400);

/// What holds a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Native,
    Component,
}

impl Host {
    /// A call, with these variables and no others of its own.
    pub(crate) fn command(self, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = match self {
            Self::Native => Command::new(native()),
            Self::Component => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_leader-elector-wasi-runner"));
                command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/leader-elector.wasm"));
                command
            }
        };
        for (name, _) in std::env::vars() {
            if name.starts_with("LEADER_") || name.starts_with("GITHUB_") || name == "GIST_ID" {
                command.env_remove(name);
            }
        }
        command.args(args).env("NO_PROXY", "127.0.0.1,localhost").envs(env.iter().copied());
        command
    }

    /// Runs a call to its end.
    pub(crate) fn call(self, args: &[&str], env: &[(&str, &str)]) -> Output {
        let mut command = self.command(args, env);
        command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }
}

fn native() -> PathBuf {
    std::env::var("LEADER_ELECTOR").map_or_else(
        |_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/debug/leader-elector").into(),
        PathBuf::from,
    )
}

/// A `gist-server` with a free lock.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// The same server under another name: another origin.
    pub(crate) git: String,
    pub(crate) gist: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let args = ["gist-server", "--listen", "127.0.0.1:0", "--limits", "off", "--create"];
        let mut command = Host::Native.command(&args, &[]);
        for name in ["napoleon", "stalin", "cleopatra"] {
            command.args(["--token", &format!("{name}:secret-of-{name}")]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap_or_else(|error| {
            panic!("{}: {error}; `cargo build -p leader-elector` builds it", native().display())
        });
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut line = |prefix: &str| {
            let line = lines.next().expect("a line").expect("text");
            line.strip_prefix(prefix).unwrap_or_else(|| panic!("`{line}`")).to_owned()
        };
        let (url, gist) = (line("listening on "), line("gist "));
        Self { child, git: url.replace("127.0.0.1", "localhost"), url, gist }
    }

    /// Sets the faults, a JSON list.
    pub(crate) fn faults(&self, rules: &str) {
        let address = self.url.strip_prefix("http://").expect("http");
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let length = rules.len();
        write!(
            stream,
            "PUT /_control/faults HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{rules}"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A `run` that tells its events; its readers' work ends as soon as they are told to.
pub(crate) struct Candidate {
    name: String,
    child: Child,
    log: Receiver<String>,
    said: Vec<String>,
    events: Receiver<(u64, Value)>,
    told: Vec<(u64, Value)>,
}

impl Candidate {
    pub(crate) fn start(host: Host, server: &Server, name: &str, args: &[&str]) -> Self {
        let token = format!("secret-of-{name}");
        let env = [
            ("GIST_ID", server.gist.as_str()),
            ("GITHUB_API_URL", &server.url),
            ("LEADER_ELECTION_GIT_URL", &server.git),
            ("GITHUB_API_TOKEN", &token),
            ("LEADER_NAME", name),
        ];
        let timings = if args.contains(&"--lease") { &[][..] } else { &TIMINGS };
        let args = [&["run", "--log", "json", "--events", "json"], timings, args].concat();
        let mut command = host.command(&args, &env);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{host:?}: {error}"));
        let mut stdin = child.stdin.take().expect("piped");
        let (sender, events) = channel();
        read(child.stdout.take().expect("piped"), move |line| {
            let at = boot_ms();
            let event: Value = serde_json::from_str(&line).expect("an object a line");
            if event["event"] == "stopping" {
                // It may be gone by now.
                _ = stdin.write_all(b"stopped\n").and_then(|()| stdin.flush());
            }
            _ = sender.send((at, event));
        });
        let (sender, log): (Sender<String>, _) = channel();
        read(child.stderr.take().expect("piped"), move |line| _ = sender.send(line));
        Self { name: name.to_owned(), child, log, said: Vec::new(), events, told: Vec::new() }
    }

    /// The next message that begins with `words`.
    pub(crate) fn wait_for(&mut self, words: &str, within: Duration) {
        let end = Instant::now() + within;
        loop {
            match self.log.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let fields: Value = serde_json::from_str(&line).unwrap_or_default();
                    let found = fields["message"].as_str().is_some_and(|message| message.starts_with(words));
                    self.said.push(line);
                    if found {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{}: `{words}` did not come; it said {:#?}", self.name, self.said)
                }
            }
        }
    }

    /// Everything that it told so far, with the boot clock's milliseconds at which each line was read.
    pub(crate) fn events(&mut self) -> &[(u64, Value)] {
        self.told.extend(self.events.try_iter());
        &self.told
    }

    /// When it led, on the boot clock of this machine.
    pub(crate) fn reigns(&mut self) -> Vec<Reign> {
        let name = self.name.clone();
        reigns(
            &name,
            self.events().iter().map(|(at, event)| {
                let token = event["token"].as_u64().unwrap_or_default();
                Told { at: *at, token, deadline: deadline(&event["deadline"], *at) }
            }),
        )
    }

    /// Its first term, which its log has told already.
    pub(crate) fn first_reign(&mut self) -> Reign {
        let end = Instant::now() + LEASE;
        loop {
            if let Some(reign) = self.reigns().into_iter().next() {
                return reign;
            }
            assert!(Instant::now() < end, "{}: no events", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it lives");
    }

    /// Its exit code, once it has ended.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let status = ended(&mut self.child).unwrap_or_else(|| panic!("{} does not end", self.name));
        self.told.extend(self.events.iter());
        status.code()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The end of a term on the boot clock, in milliseconds, as a reader takes it that reads at `now`.
fn deadline(told: &Value, now: u64) -> Option<u64> {
    match (told["boot_ns"].as_u64(), told["remaining_ms"].as_u64()) {
        (Some(boot), _) => Some(boot / 1_000_000),
        (None, Some(remaining)) => {
            let left = told["unix_ms"].as_i64().expect("both").saturating_sub(unix_ms());
            // The earlier of the two; a line that is read late may be over already.
            Some(u64::try_from(left).unwrap_or(0).min(remaining) + now)
        }
        (None, None) => None,
    }
}

/// Milliseconds of the clock that all processes of this machine share.
pub(crate) fn boot_ms() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    u64::try_from(time.tv_sec).expect("a clock") * 1000 + u64::try_from(time.tv_nsec).expect("a clock") / 1_000_000
}

pub(crate) fn unix_ms() -> i64 {
    let time = clock_gettime(ClockId::Realtime);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

fn read(from: impl Read + Send + 'static, mut each: impl FnMut(String) + Send + 'static) {
    std::thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).for_each(&mut each));
}
