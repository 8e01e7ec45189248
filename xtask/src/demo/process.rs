//! The processes of the demo: started here, ended here by their ids, whatever happens.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::host::Host;

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
pub(crate) fn candidate(host: &Host, url: &str, gist: &str, who: usize, flags: &[String]) -> Command {
    let name = NAMES[who];
    let mut command = host.command();
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

/// Between two looks at who leads.
const TICK: Duration = Duration::from_millis(200);
/// Begins the line of a terminal anew.
const ERASE: &str = "\r\x1b[K";

/// Who leads and for how long, or since when nobody does, by the last word of each.
fn who_leads(reigns: &[Reign], now: Instant) -> String {
    let seconds = |from: Instant| now.saturating_duration_since(from).as_secs();
    if let Some(reign) = reigns.iter().rev().find(|reign| reign.to.is_none()) {
        let verb = if reign.slept { "sleeps, and led" } else { "leads" };
        return format!("{} {verb} with token {}: {} s", NAMES[reign.who], reign.token, seconds(reign.from));
    }
    let last = reigns.iter().filter_map(|reign| Some((reign.to?, reign.who))).max();
    last.map_or_else(
        || "nobody leads yet".to_owned(),
        |(to, who)| format!("nobody leads, for {} s since {}", seconds(to), NAMES[who]),
    )
}

/// The server, the candidates, and everything they said.
pub(crate) struct Stage {
    url: String,
    gist: String,
    binary: PathBuf,
    hosts: [Host; 3],
    flags: Vec<String>,
    server: Guard,
    candidates: [Option<Guard>; 3],
    sender: Sender<Line>,
    lines: Receiver<Line>,
    reigns: Vec<Reign>,
    hailed: [Option<Instant>; 3],
}

/// The processes that run. Held while one is started or ended, so that a signal finds them all.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a signal that ends this process ends those that it started as well.
pub(crate) fn end_all_on_a_signal() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals")?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // To the end: nothing is started any more.
            let running = running();
            for pid in running.iter() {
                // It may have ended by itself.
                let _ = kill_process(*pid, Signal::KILL);
            }
            eprintln!("\nended by a signal; nothing is left running");
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// Ends its process when dropped.
pub(crate) struct Guard(Option<Child>);

impl Guard {
    /// Starts a process.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let mut running = running();
        let child = command.spawn().with_context(|| format!("{}", command.get_program().display()))?;
        running.push(Pid::from_child(&child));
        Ok(Self(Some(child)))
    }

    /// What it prints, if that is piped.
    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.0.as_mut()?.stdout.take()
    }

    /// What it logs, if that is piped.
    pub(crate) fn stderr(&mut self) -> Option<ChildStderr> {
        self.0.as_mut()?.stderr.take()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self) -> Result<()> {
        if let Some(child) = &mut self.0 {
            child.wait()?;
        }
        Ok(())
    }

    /// Lets it run on; its id.
    fn leave(mut self) -> Option<Pid> {
        let pid = self.pid()?;
        running().retain(|running| *running != pid);
        self.0 = None;
        Some(pid)
    }

    /// Its id, unless it was given away.
    pub(crate) fn pid(&self) -> Option<Pid> {
        self.0.as_ref().map(Pid::from_child)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let mut running = running();
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            let pid = Pid::from_child(child);
            running.retain(|running| *running != pid);
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
        let mut server = Guard::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let stdout = server.stdout().context("piped")?;
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
            hosts: [(); 3].map(|()| Host::Native(binary.to_owned())),
            flags,
            server,
            candidates: [None, None, None],
            sender,
            lines,
            reigns: Vec::new(),
            hailed: [None; 3],
        })
    }

    /// Has a candidate held by something else than the binary, from its next start on.
    pub(crate) fn hold(&mut self, who: usize, host: Host) {
        self.hosts[who] = host;
    }

    /// What holds a candidate.
    pub(crate) const fn host(&self, who: usize) -> &Host {
        &self.hosts[who]
    }

    /// Where the server answers.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The gist with the lock.
    pub(crate) fn gist(&self) -> &str {
        &self.gist
    }

    /// Serves the page, and says where it shows this stage.
    pub(crate) fn page(&self) -> Result<Guard> {
        let mut command = Command::new(&self.binary);
        command.args(["viewer", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut guard = Guard::spawn(&mut command)?;
        let stdout = guard.stdout().context("piped")?;
        let line = BufReader::new(stdout).lines().next().context("viewer ended")??;
        let url = line.strip_prefix("listening on ").with_context(|| format!("viewer said `{line}`"))?;
        println!("Watch it in a browser, with the token demo-token-{}:", NAMES[0]);
        println!("  {url}#gist={}&api={}", self.gist, self.url);
        Ok(guard)
    }

    /// Starts a candidate.
    pub(crate) fn candidate(&mut self, who: usize) -> Result<()> {
        let mut guard = Guard::spawn(&mut candidate(&self.hosts[who], &self.url, &self.gist, who, &self.flags))?;
        let stderr = BufReader::new(guard.stderr().context("piped")?);
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
        self.candidates[who] = Some(guard);
        Ok(())
    }

    /// The next line for which `found` holds; everything on the way is noted.
    pub(crate) fn wait_for(&mut self, within: Duration, what: &str, found: impl Fn(&Line) -> bool) -> Result<Line> {
        let end = Instant::now() + within;
        loop {
            let Some(line) = self.next(end) else { bail!("{what}: did not happen within {within:.1?}") };
            if found(&line) {
                return Ok(line);
            }
        }
    }

    /// Takes in what is said during a while.
    pub(crate) fn listen(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while self.next(end).is_some() {}
    }

    /// The next line, noted; `None` where none comes until `end`. Whoever waits at a terminal is told who leads.
    fn next(&mut self, end: Instant) -> Option<Line> {
        let terminal = std::io::stdout().is_terminal();
        let line = loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left.min(TICK)) {
                Ok(line) => break Some(line),
                Err(_) if left.is_zero() => break None,
                Err(_) if terminal => print!("{ERASE}   {}", who_leads(&self.reigns, Instant::now())),
                Err(_) => {}
            }
            // It is there for the eye alone.
            let _ = std::io::stdout().flush();
        };
        if terminal {
            print!("{ERASE}");
        }
        self.note(line.as_ref()?);
        line
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

    /// The id of a candidate that runs.
    pub(crate) fn pid(&self, who: usize) -> Option<Pid> {
        self.candidates[who].as_ref().and_then(Guard::pid)
    }

    /// The ids of the candidates that run.
    pub(crate) fn running(&self) -> Vec<Pid> {
        self.candidates.iter().flatten().filter_map(Guard::pid).collect()
    }

    /// Sends a signal; SIGKILL ends a reign at once.
    pub(crate) fn signal(&mut self, who: usize, signal: Signal) -> Result<Instant> {
        let pid = self.pid(who).with_context(|| NAMES[who])?;
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
        guard.leave();
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
    pub(crate) fn keep(self, binary: &Path) {
        println!("\nLeft running. To look at it:\n");
        println!("  export GIST_ID={} GITHUB_API_URL={}", self.gist, self.url);
        println!("  {0} status --observe\n  {0} history\n  curl -s {1}/_control/log", binary.display(), self.url);
        let guards = self.candidates.into_iter().flatten().chain(std::iter::once(self.server));
        let pids: Vec<String> = guards.filter_map(Guard::leave).map(|pid| pid.to_string()).collect();
        println!("\nTo end it:\n\n  kill {}", pids.join(" "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set where the test below is the process that a signal ends.
    const PLAYS: &str = "XTASK_TEST_PLAYS_THE_DEMO";

    #[test]
    fn the_live_line_tells_who_leads_and_for_how_long() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut reigns = Vec::new();
        assert_eq!(who_leads(&reigns, at(0)), "nobody leads yet");
        reigns.push(Reign { who: 0, token: 1, from: at(1), to: None, slept: false });
        assert_eq!(who_leads(&reigns, at(8)), "napoleon leads with token 1: 7 s");
        reigns[0].to = Some(at(9));
        assert_eq!(who_leads(&reigns, at(29)), "nobody leads, for 20 s since napoleon");
        reigns.push(Reign { who: 2, token: 2, from: at(30), to: None, slept: true });
        assert_eq!(who_leads(&reigns, at(30)), "cleopatra sleeps, and led with token 2: 0 s");
    }

    /// All of them hold the write end of one pipe, so its end is the end of them all.
    #[test]
    fn a_signal_ends_what_was_started() {
        if std::env::var_os(PLAYS).is_some() {
            end_all_on_a_signal().unwrap();
            let _guards = [(); 3].map(|()| Guard::spawn(Command::new("sleep").arg("60")).unwrap());
            println!("plays");
            std::thread::sleep(Duration::from_mins(1));
            return;
        }
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
            let mut plays = Command::new(std::env::current_exe().unwrap());
            plays.args(["--exact", "demo::process::tests::a_signal_ends_what_was_started", "--nocapture"]);
            let mut plays = plays.env(PLAYS, "1").stdout(Stdio::piped()).spawn().unwrap();
            let mut output = BufReader::new(plays.stdout.take().unwrap()).lines();
            assert!(output.by_ref().any(|line| line.unwrap().ends_with("plays")), "it never came to play");
            let asked = Instant::now();
            kill_process(Pid::from_child(&plays), signal).unwrap();
            output.for_each(drop);
            assert!(asked.elapsed() < Duration::from_secs(30), "{signal:?}: something was left running");
            assert_eq!(plays.wait().unwrap().code(), Some(code), "{signal:?}");
        }
    }
}
