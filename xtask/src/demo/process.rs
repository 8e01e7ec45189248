//! The processes of the demo: started here, ended here by their ids, whatever happens.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

pub(crate) const NAMES: [&str; 3] = ["napoleon", "stalin", "cleopatra"];

/// What a candidate said, and when the line came.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: Instant,
    pub(crate) who: usize,
    pub(crate) message: String,
    pub(crate) token: Option<u64>,
}

/// A time during which a process led, as its own log tells it.
#[derive(Clone, Debug)]
pub(crate) struct Reign {
    pub(crate) who: usize,
    pub(crate) token: u64,
    pub(crate) from: Instant,
    pub(crate) to: Option<Instant>,
    /// It was stopped by SIGSTOP meanwhile: it could neither act nor say anything.
    pub(crate) slept: bool,
}

/// A candidate, as it is called: by its name and what it needs to know, no more.
pub(crate) fn candidate(binary: &Path, url: &str, gist: &str, who: usize, flags: &[String]) -> Command {
    let name = NAMES[who];
    let mut command = Command::new(binary);
    command.args(["run", "--log", "json"]).args(flags).envs([
        ("GIST_ID", gist),
        ("GITHUB_API_URL", url),
        ("GITHUB_API_TOKEN", &format!("demo-token-{name}")),
        ("LEADER_NAME", name),
        ("NO_PROXY", "127.0.0.1"),
    ]);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The server, the candidates, and everything they said.
pub(crate) struct Stage {
    url: String,
    gist: String,
    binary: std::path::PathBuf,
    flags: Vec<String>,
    server: Guard,
    candidates: [Option<Guard>; 3],
    sender: Sender<Line>,
    lines: Receiver<Line>,
    reigns: Vec<Reign>,
    hailed: [Option<Instant>; 3],
}

/// Ends its process when dropped.
pub(crate) struct Guard(Option<Child>);

impl Guard {
    /// Starts a process.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        Ok(Self(Some(command.spawn().with_context(|| format!("{}", command.get_program().display()))?)))
    }

    fn pid(&self) -> Option<Pid> {
        self.0.as_ref().map(Pid::from_child)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Stage {
    /// A server with a free lock, on a free port.
    pub(crate) fn start(binary: &Path, limits: &str, flags: Vec<String>) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["gist-server", "--listen", "127.0.0.1:0", "--create", "--limits", limits]);
        for name in NAMES {
            command.args(["--token", &format!("{name}:demo-token-{name}")]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("gist-server")?;
        let stdout = child.stdout.take().context("piped")?;
        let server = Guard(Some(child));
        let mut lines = BufReader::new(stdout).lines();
        let mut line = |prefix: &str| -> Result<String> {
            let line = lines.next().context("gist-server ended")??;
            Ok(line.strip_prefix(prefix).with_context(|| format!("gist-server said `{line}`"))?.to_owned())
        };
        let (url, gist) = (line("listening on ")?, line("gist ")?);
        let (sender, lines) = channel();
        Ok(Self {
            url,
            gist,
            binary: binary.to_owned(),
            flags,
            server,
            candidates: [None, None, None],
            sender,
            lines,
            reigns: Vec::new(),
            hailed: [None; 3],
        })
    }

    /// Starts a candidate.
    pub(crate) fn candidate(&mut self, who: usize) -> Result<()> {
        let name = NAMES[who];
        let mut command = candidate(&self.binary, &self.url, &self.gist, who, &self.flags);
        let mut child = command.spawn().context(name)?;
        let stderr = BufReader::new(child.stderr.take().context("piped")?);
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            for text in stderr.lines().map_while(Result::ok) {
                let fields: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                let message = fields["message"].as_str().unwrap_or(&text).to_owned();
                let line = Line { at: Instant::now(), who, message, token: fields["token"].as_u64() };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        self.hailed[who] = None;
        self.candidates[who] = Some(Guard(Some(child)));
        Ok(())
    }

    /// The next line for which `found` holds; everything on the way is noted.
    pub(crate) fn wait_for(&mut self, within: Duration, what: &str, found: impl Fn(&Line) -> bool) -> Result<Line> {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { bail!("{what}: did not happen within {within:.1?}") };
            self.note(&line);
            if found(&line) {
                return Ok(line);
            }
        }
    }

    /// Takes in what is said during a while.
    pub(crate) fn listen(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.note(&line);
        }
    }

    fn note(&mut self, line: &Line) {
        if line.message == "started leading." {
            let token = line.token.unwrap_or_default();
            self.reigns.push(Reign { who: line.who, token, from: line.at, to: None, slept: false });
        } else if line.message == "I am no longer the leader" {
            self.end_reign(line.who, line.at);
        } else if line.message.starts_with("All hail ") {
            self.hailed[line.who] = Some(line.at);
        }
    }

    fn end_reign(&mut self, who: usize, at: Instant) {
        if let Some(reign) = self.reigns.iter_mut().rev().find(|reign| reign.who == who && reign.to.is_none()) {
            reign.to = Some(at);
        }
    }

    /// Who leads, by the last word of each.
    pub(crate) fn leader(&self) -> Result<Reign> {
        self.reigns.iter().rev().find(|reign| reign.to.is_none()).cloned().context("nobody leads")
    }

    /// Whether it has hailed another since it was started.
    pub(crate) const fn has_hailed(&self, who: usize) -> bool {
        self.hailed[who].is_some()
    }

    /// All reigns so far.
    pub(crate) fn reigns(&self) -> Vec<Reign> {
        self.reigns.clone()
    }

    /// The ids of the candidates that run.
    pub(crate) fn running(&self) -> Vec<Pid> {
        self.candidates.iter().flatten().filter_map(Guard::pid).collect()
    }

    /// Sends a signal; SIGKILL ends a reign at once.
    pub(crate) fn signal(&mut self, who: usize, signal: Signal) -> Result<Instant> {
        let pid = self.candidates[who].as_ref().and_then(Guard::pid).with_context(|| NAMES[who])?;
        let at = Instant::now();
        kill_process(pid, signal).with_context(|| NAMES[who])?;
        if signal == Signal::KILL {
            self.candidates[who] = None;
            self.end_reign(who, at);
        }
        if signal == Signal::STOP
            && let Some(reign) = self.reigns.iter_mut().rev().find(|reign| reign.who == who && reign.to.is_none())
        {
            reign.slept = true;
        }
        Ok(at)
    }

    /// Waits for the end of a process that was asked to end; its exit code.
    pub(crate) fn exit_code(&mut self, who: usize) -> Result<Option<i32>> {
        let mut guard = self.candidates[who].take().with_context(|| NAMES[who])?;
        let child = guard.0.as_mut().context("running")?;
        let code = child.wait().context("wait")?.code();
        guard.0 = None;
        Ok(code)
    }

    /// What the leader's requests meet from now on; `None`: nothing.
    pub(crate) fn fault(&self, who: usize, fault: Option<&str>) -> Result<()> {
        let rules = fault
            .map_or_else(|| "[]".to_owned(), |fault| format!(r#"[{{"token":"{}","fault":"{fault}"}}]"#, NAMES[who]));
        let address = self.url.strip_prefix("http://").context("http")?;
        let mut stream = TcpStream::connect(address).context("gist-server")?;
        let length = rules.len();
        write!(
            stream,
            "PUT /_control/faults HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{rules}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "gist-server refused the fault: {answer}");
        Ok(())
    }

    /// Leaves everything running, and says how to look at it.
    pub(crate) fn keep(mut self, binary: &Path) {
        println!("\nLeft running. To look at it:\n");
        println!("  export GIST_ID={} GITHUB_API_URL={}", self.gist, self.url);
        println!("  {0} status --observe\n  {0} history\n  curl -s {1}/_control/log", binary.display(), self.url);
        let guards = self.candidates.iter_mut().flatten().chain(std::iter::once(&mut self.server));
        let pids: Vec<String> = guards.filter_map(|guard| guard.0.take()).map(|child| child.id().to_string()).collect();
        println!("\nTo end it:\n\n  kill {}", pids.join(" "));
    }
}
