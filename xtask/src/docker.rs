//! `cargo xtask docker`: the elector among real containers. Finds or starts an engine, builds the images, and leaves
//! the rest to `deploy/docker-harness`, a package of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::test::Outcome;
use crate::{compose, debian, image};

const IMAGE: &str = "leader-elector:docker-harness";
const JOB_IMAGE: &str = "leader-elector-job:docker-harness";
/// Built only when asked for.
pub(crate) const HARNESS: &str = "leader-elector-docker-harness";
/// How long an engine may take to start, and to end.
const ENGINE: Duration = Duration::from_secs(40);

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask docker                               three minutes, 20 rounds with the guard: as in cargo xtask test
  cargo xtask docker --minutes 30 --rounds 200     the figures of docs/proof.md
  cargo xtask docker --seed 7                      the events of seed 7")]
pub(crate) struct Args {
    /// For how long random events are played
    #[arg(long, value_name = "N", default_value_t = 3)]
    minutes: u64,
    /// How often the guard is attacked
    #[arg(long, value_name = "N", default_value_t = 20)]
    rounds: u32,
    /// Draws the events [default: another one each time; it is printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Only deploy/compose.yaml: up, who leads, down
    #[arg(long)]
    compose: bool,
}

impl Args {
    /// What the test command plays.
    pub(crate) const fn short() -> Self {
        Self { minutes: 3, rounds: 20, seed: None, compose: false }
    }
}

/// Whether it can be played here, as far as that can be told without starting an engine.
pub(crate) fn may_run() -> bool {
    geteuid().is_root() || Engine(None).answers()
}

/// Plays it all.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    // Its judge can be judged without an engine.
    let mut judge = Command::new("cargo");
    judge.args(["test", "--quiet", "-p", HARNESS]).stdin(Stdio::null());
    if !args.compose && !judge.status().context("cargo test")?.success() {
        return Ok(Outcome::Failed);
    }
    let engine = match Engine::find()? {
        Ok(engine) => engine,
        Err(why) => {
            let mend = "as root: apt-get install docker.io; or start Docker and give this user the right to use it";
            return Ok(Outcome::NotRun(why, mend.to_owned()));
        }
    };
    // The image command is this very program: it builds for whichever engine DOCKER_HOST names.
    let mut build = Command::new(std::env::current_exe()?);
    build.args(["image", "--engine", "docker", "--tag", IMAGE]);
    if !engine.tell(&mut build).status()?.success() {
        return Ok(Outcome::Failed);
    }
    let three = compose::run(&engine, IMAGE)?;
    if matches!(three, Outcome::Failed) || args.compose {
        return Ok(three);
    }
    let job = image::static_for_here(&["-p", HARNESS, "--bin", "job"], "job")?;
    job_image(&engine, &job)?;
    let mut harness = Command::new("cargo");
    harness
        .args(["run", "--quiet", "-p", HARNESS, "--", "--image", IMAGE, "--job-image", JOB_IMAGE, "--job"])
        .arg(&job);
    harness.args(["--minutes", &args.minutes.to_string(), "--rounds", &args.rounds.to_string()]);
    if let Some(seed) = args.seed {
        harness.args(["--seed", &seed.to_string()]);
    }
    let good = engine.tell(&mut harness).status().context("the harness")?.success();
    Ok(if good { three } else { Outcome::Failed })
}

/// An image that holds the job and nothing else.
fn job_image(engine: &Engine, job: &Path) -> Result<()> {
    let context = image::target_directory().join("job-image");
    fs::create_dir_all(&context)?;
    fs::copy(job, context.join("job"))?;
    fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY job /job\n")?;
    let mut build = Command::new("docker");
    build.env("DOCKER_BUILDKIT", "0").args(["build", "--quiet", "--tag", JOB_IMAGE]).arg(&context);
    let output = engine.tell(&mut build).output()?;
    ensure!(output.status.success(), "the job's image: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// A Docker engine: one that was there, or one that was started for this, and ends with it.
pub(crate) struct Engine(Option<Own>);

struct Own {
    daemon: Child,
    folder: PathBuf,
}

impl Engine {
    /// `Err`: why there is none.
    fn find() -> Result<std::result::Result<Self, String>> {
        if Self(None).answers() {
            return Ok(Ok(Self(None)));
        }
        if !geteuid().is_root() {
            return Ok(Err("no Docker engine answers, and only root can start one".to_owned()));
        }
        for program in ["dockerd", "docker"] {
            if !debian::installed(program, &["docker.io", "iptables"]) {
                return Ok(Err(format!("{program} is not installed, and apt-get could not install it")));
            }
        }
        Self::start()
    }

    /// A daemon of our own, apart from any other: with its own socket, data and process id.
    fn start() -> Result<std::result::Result<Self, String>> {
        let folder = std::env::temp_dir().join(format!("le-engine-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let log = folder.join("log");
        println!("$ dockerd --host unix://{}    (ended afterwards)", folder.join("socket").display());
        let mut command = Command::new("dockerd");
        for (flag, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            command.arg(flag).arg(folder.join(name));
        }
        command.arg("--host").arg(format!("unix://{}", folder.join("socket").display()));
        let daemon = command
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log)?)
            .stderr(fs::File::options().append(true).open(&log)?);
        let engine = Self(Some(Own { daemon: daemon.spawn().context("dockerd")?, folder }));
        let end = Instant::now() + ENGINE;
        while !engine.answers() {
            if Instant::now() > end {
                let said = fs::read_to_string(&log).unwrap_or_default();
                let last: Vec<_> = said.lines().rev().take(3).collect();
                return Ok(Err(format!("dockerd does not start here: {}", last.join(" | "))));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(Ok(engine))
    }

    /// Makes a command use this engine.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some(own) = &self.0 {
            command.env("DOCKER_HOST", format!("unix://{}", own.folder.join("socket").display()));
        }
        command.stdin(Stdio::null())
    }

    fn answers(&self) -> bool {
        let mut info = Command::new("docker");
        self.tell(info.arg("info")).output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(Own { daemon, folder }) = &mut self.0 {
            let _ = kill_process(Pid::from_child(daemon), Signal::TERM);
            let end = Instant::now() + ENGINE;
            while matches!(daemon.try_wait(), Ok(None)) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(50));
            }
            let _ = daemon.kill();
            let _ = daemon.wait();
            let _ = fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HARNESS;

    #[test]
    fn the_harness_is_the_one_package_that_is_built_only_when_asked_for() {
        let manifest = include_str!("../../Cargo.toml");
        let list = |name: &str| -> Vec<&str> {
            let line = manifest.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = [")).expect(name);
            line.trim_end_matches(']').split(", ").map(|folder| folder.trim_matches('"')).collect()
        };
        let apart = HARNESS.replace("leader-elector-", "deploy/");
        let others: Vec<_> = list("members").into_iter().filter(|folder| *folder != apart).collect();
        assert_eq!(list("default-members"), others);
    }
}
