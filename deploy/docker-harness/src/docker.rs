//! Docker's command, with every call bounded in time, and the processes of a container as the kernel tells them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// No call of docker may take longer.
const AT_MOST: Duration = Duration::from_secs(40);

/// Runs `docker` and gives back what it printed.
pub(crate) fn docker(args: &[&str]) -> Result<String> {
    let mut command = Command::new("docker");
    let mut child = command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let end = Instant::now() + AT_MOST;
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            bail!("docker {} took longer than {} s", args.join(" "), AT_MOST.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("docker {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Removes what there is of it.
pub(crate) fn remove(kind: &[&str], name: &str) {
    // It may not be there.
    let _ = docker(&[kind, &[name]].concat());
}

/// A process of a container, by the host's process ids.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// The program's name and its first argument tell what it is.
    pub(crate) role: Role,
    /// The fencing token that a job was started with.
    pub(crate) token: Option<u64>,
}

/// What a process of a candidate's container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Elector,
    Guard,
    /// The guarded job, or a descendant of it.
    Job,
    Other,
}

/// The pid namespace of a running container.
pub(crate) fn namespace(container: &str) -> Result<PathBuf> {
    let first = docker(&["inspect", "--format", "{{.State.Pid}}", container])?;
    let link = Path::new("/proc").join(first).join("ns/pid");
    std::fs::read_link(link).with_context(|| format!("{container} does not run"))
}

/// All processes in a pid namespace that are not yet dead.
pub(crate) fn inside(namespace: &Path) -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let all = entries.filter_map(Result::ok).filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        if std::fs::read_link(entry.path().join("ns/pid")).ok()? != namespace {
            return None;
        }
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let state = stat.rsplit_once(')')?.1.split_whitespace().next()?;
        let program = std::fs::read_link(entry.path().join("exe")).ok()?;
        let args = std::fs::read(entry.path().join("cmdline")).ok()?;
        let first = args.split(|byte| *byte == 0).nth(1).unwrap_or_default();
        let role = match (program.file_name()?.to_str()?, first) {
            // Not guarded: the harness itself put it there.
            ("job", b"hog") => Role::Other,
            ("job", _) => Role::Job,
            ("leader-elector", b"run") => Role::Elector,
            ("leader-elector", b"guard-command") => Role::Guard,
            _ => Role::Other,
        };
        let token = if role == Role::Job { token(&entry.path()) } else { None };
        (!matches!(state, "Z" | "X")).then_some(Process { pid, role, token })
    });
    all.collect()
}

/// As its environment has it, which its descendants inherit.
fn token(process: &Path) -> Option<u64> {
    let environment = std::fs::read(process.join("environ")).ok()?;
    let value = environment.split(|byte| *byte == 0).find_map(|it| it.strip_prefix(b"LEADER_FENCING_TOKEN="))?;
    std::str::from_utf8(value).ok()?.parse().ok()
}
