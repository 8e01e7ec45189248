//! The elector's side: starts a guard, tells it deadlines, hears of it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use leader_elector_core::Instant;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::GUARD;
use super::message::{Order, Report, send_descriptor};
use super::tree::{self, Sweep};

/// The pauses between two looks at what is still dying.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// A running guard. Dropping it has everything killed.
pub(crate) struct Guard {
    pid: Pid,
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
    /// Starts a guard that starts `command` and kills it at `kill_at`. `env` is added to the environment, `secret` is
    /// taken from it.
    pub(crate) fn start(
        command: &[OsString],
        env: &[(&str, String)],
        secret: &[&str],
        kill_at: Instant,
    ) -> io::Result<Self> {
        let children = signal(SignalKind::child())?;
        let (ours, theirs) = UnixStream::pair()?;
        let mut process = Command::new("/proc/self/exe");
        process.arg(GUARD).arg("--").args(command).stdin(Stdio::from(OwnedFd::from(theirs)));
        for name in secret {
            process.env_remove(name);
        }
        let child = process.envs(env.iter().map(|(name, value)| (name, value))).spawn()?;
        send_descriptor(&ours, io::stdin().as_fd())?;
        ours.set_nonblocking(true)?;
        let orders = ours.try_clone()?;
        let reports = BufReader::new(tokio::net::UnixStream::from_std(ours)?).lines();
        let guard = Self { pid: Pid::from_child(&child), orders, reports, children };
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
                    None => return Heard::Lost("the guard has died"),
                },
                _ = self.children.recv() => {
                    let mut changed = tree::reap().changed.into_iter();
                    if changed.any(|(pid, status)| pid == self.pid && status.stopped()) {
                        return Heard::Lost("the guard was stopped");
                    }
                    // One that has ended has closed its socket: what it still said is read first.
                }
            }
        }
    }

    /// It never waits: a guard that takes no order still holds the deadline that it has, and the elector does as well.
    fn order(&self, order: Order) {
        let _ = (&self.orders).write(format!("{order}\n").as_bytes());
    }
}

/// Kills every descendant of this process, the guard included, and returns when none is left.
pub(crate) async fn clear() {
    let mut sweep = Sweep::default();
    let (mut pause, longest) = PAUSES;
    while !tree::reap().alone {
        sweep.strike();
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}
