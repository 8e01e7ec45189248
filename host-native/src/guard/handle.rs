//! The elector's side: starts a guard, tells it deadlines, hears of it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use leader_elector_core::Instant;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::GUARD;
use super::message::{Order, Report, send_descriptor};
use super::tree::{self, Sweep};

/// Why a guard is of no use that does not see the elector.
const BLIND: &str =
    "/proc hides processes from the guard (mount it without hidepid; in a unit file, without ProtectProc)";
/// The pauses between two looks at what is still dying.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// What never reaches the command.
const SECRET: [&str; 3] = ["GITHUB_API_TOKEN", "LEADER_ELECTION_GITHUB_API_TOKEN", "LEADER_ELECTION_TOKEN_FILE"];

/// A running guard. Dropping it kills it: the command dies with it, and [`clear`] takes the rest.
pub(crate) struct Guard {
    pid: Pid,
    /// Its number may be another's by now.
    reaped: bool,
    orders: UnixStream,
    reports: Lines<BufReader<tokio::net::UnixStream>>,
    children: Stream,
}

/// What is heard of a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The command has ended, with this exit code.
    Ended(u8),
    /// Nothing is left.
    Gone,
    /// The guard is dead or stopped: nobody holds the deadline but this process.
    Lost(&'static str),
}

impl Guard {
    /// Starts a guard that starts `command` and kills it at `kill_at`. `env` is added to the environment.
    pub(crate) fn start(command: &[OsString], env: &[(&str, String)], kill_at: Instant) -> io::Result<Self> {
        let children = signal(SignalKind::child())?;
        let (ours, theirs) = UnixStream::pair()?;
        let mut process = Command::new("/proc/self/exe");
        process.arg(GUARD).arg("--").args(command).stdin(Stdio::from(OwnedFd::from(theirs)));
        for name in SECRET {
            process.env_remove(name);
        }
        let child = process.envs(env.iter().map(|(name, value)| (name, value))).spawn()?;
        send_descriptor(&ours, io::stdin().as_fd())?;
        ours.set_nonblocking(true)?;
        let orders = ours.try_clone()?;
        let reports = BufReader::new(tokio::net::UnixStream::from_std(ours)?).lines();
        let guard = Self { pid: Pid::from_child(&child), reaped: false, orders, reports, children };
        guard.hold_until(kill_at);
        Ok(guard)
    }

    /// Tells the moment at which everything is to be killed.
    pub(crate) fn hold_until(&self, kill_at: Instant) {
        self.order(Order::HoldUntil(kill_at));
    }

    /// Has a signal sent to the command.
    pub(crate) fn signal(&self, signal: Signal) {
        self.order(Order::Signal(signal.as_raw()));
    }

    /// Has everything killed now.
    pub(crate) fn kill(&self) {
        self.order(Order::Kill);
    }

    /// The next thing that is heard of it. Nothing comes after [`Heard::Gone`] and [`Heard::Lost`].
    pub(crate) async fn heard(&mut self) -> Heard {
        loop {
            tokio::select! {
                biased;
                line = self.reports.next_line() => match line.ok().flatten().and_then(|line| line.parse().ok()) {
                    Some(Report::Ended(code)) => return Heard::Ended(code),
                    Some(Report::Gone) => return Heard::Gone,
                    Some(Report::Blind) => return Heard::Lost(BLIND),
                    None => return Heard::Lost("the guard has died"),
                },
                _ = self.children.recv() => {
                    let changed = tree::reap().changed.into_iter().filter(|(pid, _)| *pid == self.pid);
                    let (stopped, ended): (Vec<_>, Vec<_>) = changed.partition(|(_, status)| status.stopped());
                    self.reaped |= !ended.is_empty();
                    // One that has ended has closed its socket: what it still said is read first.
                    if !stopped.is_empty() && !self.reaped {
                        return Heard::Lost("the guard was stopped");
                    }
                }
            }
        }
    }

    /// It never waits: a guard that takes no order still holds the deadline that it has, and the elector does as well.
    fn order(&self, order: Order) {
        let _ = (&self.orders).write(format!("{order}\n").as_bytes());
    }
}

impl Drop for Guard {
    /// A stopped guard does not notice that its stream ends. It is known by its number, whatever `/proc` shows.
    fn drop(&mut self) {
        if !self.reaped {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

/// Kills every descendant of this process, and returns when none is left.
pub(crate) async fn clear() {
    let mut sweep = Sweep::default();
    let (mut pause, longest) = PAUSES;
    while !tree::reap().alone {
        sweep.strike();
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}
