//! A network that leads nowhere, a gist-server on it, and the candidates.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::docker::{docker, remove};
use crate::sink::Sink;

pub(crate) const NAMES: [&str; 3] = ["napoleon", "stalin", "cleopatra"];

/// Short, so that three minutes see many terms; the proportions are the default's.
pub(crate) const LEASE: Duration = Duration::from_secs(8);
pub(crate) const RENEW_DEADLINE: Duration = Duration::from_secs(6);
const TIMINGS: [&str; 14] = [
    "--lease",
    "8s",
    "--renew-deadline",
    "6s",
    "--renew-interval",
    "1500ms",
    "--poll",
    "400ms",
    "--settle",
    "300ms",
    "--request-timeout",
    "1500ms",
    "--stop-grace",
    "1500ms",
];
/// What a container may use: enough for everything but `job hog` and more than 60 processes.
const LIMITS: [&str; 6] = ["--memory", "64m", "--memory-swap", "64m", "--pids-limit", "60"];
/// As the chart runs it.
const RESTRICTED: [&str; 5] = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

/// The containers of one election; removed when dropped.
pub(crate) struct Stage {
    prefix: String,
    image: String,
    job: PathBuf,
    folder: PathBuf,
    gist: String,
    made: Vec<String>,
    pub(crate) sink: Sink,
}

impl Stage {
    /// A network and a gist-server with a free lock; `prefix` keeps it apart from others.
    pub(crate) fn new(prefix: &str, image: &str, job: &Path) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("{prefix}-sink"));
        // Left over from a run that was killed.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let sink = Sink::serve(&folder.join("socket"))?;
        let mut stage = Self {
            prefix: prefix.to_owned(),
            image: image.to_owned(),
            job: job.to_owned(),
            folder,
            gist: String::new(),
            made: Vec::new(),
            sink,
        };
        docker(&["network", "create", "--internal", prefix])?;
        let server = stage.container("gist-server");
        let mut args = vec!["run", "--detach", "--name", &server, "--network", prefix];
        args.extend(["--network-alias", "gist-server"].iter().chain(&RESTRICTED));
        args.extend([
            image,
            "gist-server",
            "--listen",
            "0.0.0.0:8080",
            "--allow-remote",
            "--create",
            "--limits",
            "off",
        ]);
        let tokens = NAMES.map(|name| format!("{name}:token-of-{name}"));
        args.extend(tokens.iter().flat_map(|token| ["--token", token]));
        docker(&args)?;
        stage.made.push(server.clone());
        stage.gist = until(Duration::from_secs(20), "gist-server names its gist", || {
            let said = docker(&["logs", &server])?;
            Ok(said.lines().find_map(|line| line.strip_prefix("gist ")).map(str::to_owned))
        })?;
        Ok(stage)
    }

    /// A container's name.
    pub(crate) fn container(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    pub(crate) fn network(&self) -> &str {
        &self.prefix
    }

    /// Starts a candidate with a job of a kind; `options` are docker's.
    pub(crate) fn candidate(&mut self, name: &str, kind: &str, options: &[&str]) -> Result<()> {
        let container = self.container(name);
        let image = self.image.clone();
        let job = format!("{}:/job:ro", self.job.display());
        self.run(name, &container, &image, None, kind, &[&["--volume", &job][..], options].concat())
    }

    /// Starts a candidate in somebody else's image, with an elector that `install` put into a volume.
    pub(crate) fn installed(&mut self, name: &str, image: &str, volume: &str) -> Result<()> {
        let container = self.container(name);
        let mount = format!("{volume}:/leader-elector:ro");
        let program = Some("/leader-elector/leader-elector");
        self.run(name, &container, image, program, "append", &["--volume", &mount])
    }

    fn run(
        &mut self,
        name: &str,
        container: &str,
        image: &str,
        program: Option<&str>,
        kind: &str,
        options: &[&str],
    ) -> Result<()> {
        let sink = format!("{}:/sink", self.folder.display());
        let (gist, token) = (format!("GIST_ID={}", self.gist), format!("GITHUB_API_TOKEN=token-of-{name}"));
        let leader = format!("LEADER_NAME={name}");
        let mut args = vec!["run", "--detach", "--name", container, "--network", &self.prefix, "--volume", &sink];
        args.extend(LIMITS.iter().chain(&RESTRICTED).chain(options));
        for variable in
            [&gist, &token, &leader, "GITHUB_API_URL=http://gist-server:8080", "LEADER_ELECTION_ALLOW_HTTP=true"]
        {
            args.extend(["--env", variable]);
        }
        args.extend(["--env", "LEADER_ELECTION_GIT_URL=http://gist-server:8080"]);
        if program.is_some() {
            args.extend(["--user", "65532:65532", image]);
            args.extend(program);
        } else {
            args.push(image);
        }
        args.push("run");
        args.extend(TIMINGS);
        args.extend(["--log", "json", "--on-exit", "restart", "--", "/job", kind, "/sink/socket"]);
        docker(&args)?;
        self.made.push(container.to_owned());
        Ok(())
    }

    /// What `leader-elector status` says inside a container.
    pub(crate) fn status(&self, name: &str) -> Result<String> {
        docker(&["exec", &self.container(name), "leader-elector", "status", "--output", "json"])
    }

    /// Removes a candidate.
    pub(crate) fn remove(&self, name: &str) {
        remove(&["rm", "--force"], &self.container(name));
    }

    /// Prints the end of every log, for a person who wants to know why.
    pub(crate) fn print_logs(&self, lines: &str) {
        for container in &self.made {
            println!("--- {container}");
            let _ = std::process::Command::new("docker")
                .args(["logs", "--timestamps", "--tail", lines, container])
                .status();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for container in &self.made {
            // A paused container cannot be removed.
            let _ = docker(&["unpause", container]);
            remove(&["rm", "--force", "--volumes"], container);
        }
        remove(&["network", "rm"], &self.prefix);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Asks until there is an answer.
pub(crate) fn until<T>(within: Duration, what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + within;
    loop {
        if let Some(answer) = ask().with_context(|| what.to_owned())? {
            return Ok(answer);
        }
        if Instant::now() > end {
            bail!("{what}: not within {} s", within.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
