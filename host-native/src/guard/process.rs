//! The guard process itself, and the last step before the command.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use leader_elector::clock;
use leader_elector_core::Instant;
use leader_elector_host::say::complain;
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitStatus, getpid, getppid, kill_process, set_child_subreaper,
    set_dumpable_behavior, set_parent_process_death_signal,
};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::message::{Order, Report, receive_descriptor};
use super::tree::{self, Sweep};
use super::{EXEC, ignored_signals};

/// As `env`: found, but it cannot be run.
const CANNOT_RUN: u8 = 126;
/// As `env`: no such command.
const NOT_FOUND: u8 = 127;
/// The pauses between two looks at what is still dying.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// What a terminal or a person may send to the whole process group. The guard lives on: the elector decides.
const CAUGHT: [Signal; 15] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::TERM,
    Signal::TSTP,
    Signal::TTIN,
    Signal::TTOU,
    Signal::XCPU,
    Signal::XFSZ,
    Signal::VTALARM,
    Signal::PROF,
    Signal::IO,
];

/// Runs `command` until it ends, the deadline passes, or the elector says so or says nothing any more; then kills what
/// is left and returns when nothing is.
pub(crate) async fn guard(command: &[OsString]) -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // An elector that dies while the guard is stopped sets it going: then it finds the end of the stream.
    set_parent_process_death_signal(Some(Signal::CONT))?;
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let stdin = receive_descriptor(&control)?;
    // Neither is dumpable: where the one is hidden from the other, so may be what it has to kill.
    if !getppid().is_some_and(tree::is_visible) {
        return writeln!(&control, "{}", Report::Blind);
    }
    // Caught, not ignored: what is ignored would stay ignored in the command.
    let ignored = ignored_signals();
    let mut caught = Vec::new();
    for kind in CAUGHT.iter().map(|signal| signal.as_raw()).filter(|number| !ignored.contains(number)) {
        caught.push(signal(SignalKind::from_raw(kind))?);
    }
    control.set_nonblocking(true)?;
    let mut reports = control.try_clone()?;
    let mut report = |report: Report| {
        // A full or closed socket means that nobody listens; the killing does not wait for it.
        let _ = reports.write(format!("{report}\n").as_bytes());
    };
    let orders = BufReader::new(tokio::net::UnixStream::from_std(control)?).lines();
    let code = watch(command, stdin, orders).await?;
    if let Some(code) = code {
        report(Report::Ended(code));
    }
    kill_all();
    report(Report::Gone);
    Ok(())
}

type Orders = tokio::io::Lines<BufReader<tokio::net::UnixStream>>;

/// Returns when everything must go: with the exit code of the command if that has ended.
async fn watch(command: &[OsString], stdin: OwnedFd, mut orders: Orders) -> io::Result<Option<u8>> {
    let mut children = signal(SignalKind::child())?;
    let mut timer = BootTimer::new()?;
    let mut deadline = None;
    let mut stdin = Some(stdin);
    let mut running = None;
    loop {
        tokio::select! {
            biased;
            // Before the timer: a guard that was late has orders waiting that may have moved the deadline.
            line = orders.next_line() => match line.ok().flatten().and_then(|line| line.parse().ok()) {
                Some(Order::HoldUntil(at)) => {
                    timer.set(at)?;
                    deadline = Some(at);
                    if let Some(stdin) = stdin.take_if(|_| clock::now().at < at) {
                        running = Some(start(command, stdin)?);
                    }
                }
                Some(Order::Signal(number)) => {
                    if let (Some(pid), Some(signal)) = (running, Signal::from_named_raw(number)) {
                        // One that was stopped has to go on to hear it.
                        let _ = kill_process(pid, signal).and_then(|()| kill_process(pid, Signal::CONT));
                    }
                }
                Some(Order::Kill) | None => return Ok(None),
            },
            () = timer.reached(deadline) => return Ok(None),
            _ = children.recv() => {
                let ended = tree::reap().changed.into_iter().find(|(pid, _)| Some(*pid) == running);
                if let Some(code) = ended.and_then(|(_, status)| exit_code(status)) {
                    return Ok(Some(code));
                }
            }
        }
    }
}

/// Starts the last step before the command, which becomes the command.
fn start(command: &[OsString], stdin: OwnedFd) -> io::Result<Pid> {
    let child = Command::new("/proc/self/exe")
        .args([EXEC, "--parent", &getpid().as_raw_nonzero().to_string(), "--"])
        .args(command)
        .stdin(Stdio::from(stdin))
        .spawn()?;
    Ok(Pid::from_child(&child))
}

/// Becomes the command; returns the exit code if that cannot be. The command dies with the guard `parent`.
pub(crate) fn exec(parent: i32, command: &[OsString]) -> u8 {
    let bound = set_parent_process_death_signal(Some(Signal::KILL));
    let (Ok(()), Some((program, args))) = (bound, command.split_first()) else { return CANNOT_RUN };
    // The guard may have died before the line above.
    if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
        return CANNOT_RUN;
    }
    let error = Command::new(program).args(args).exec();
    complain(format_args!("leader-elector: {}: {error}", program.to_string_lossy()));
    if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN }
}

fn kill_all() {
    let mut sweep = Sweep::default();
    let (mut pause, longest) = PAUSES;
    while !tree::reap().alone {
        sweep.strike();
        std::thread::sleep(pause);
        pause = (pause * 2).min(longest);
    }
}

/// As a shell says it; `None` for one that only stopped.
fn exit_code(status: WaitStatus) -> Option<u8> {
    let signalled = status.terminating_signal().map(|signal| 128 + signal);
    u8::try_from(status.exit_status().or(signalled)?).ok()
}

/// A timer on the clock that counts suspended time: it fires as soon as the machine wakes, when Tokio's would sleep on.
struct BootTimer {
    timer: OwnedFd,
    fired: mpsc::Receiver<()>,
}

impl BootTimer {
    fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC)?;
        let mut waiting = File::from(timer.try_clone()?);
        let (fire, fired) = mpsc::channel(1);
        std::thread::spawn(move || while waiting.read_exact(&mut [0; 8]).is_ok() && fire.blocking_send(()).is_ok() {});
        Ok(Self { timer, fired })
    }

    fn set(&self, at: Instant) -> io::Result<()> {
        // A value of zero would disarm it.
        let nanos = i64::try_from(at.as_nanos().max(1)).unwrap_or(i64::MAX);
        let at = Timespec { tv_sec: nanos / 1_000_000_000, tv_nsec: nanos % 1_000_000_000 };
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &Itimerspec { it_interval: once, it_value: at })?;
        Ok(())
    }

    /// Returns when the deadline has passed. It may have fired for an earlier one.
    async fn reached(&mut self, deadline: Option<Instant>) {
        while deadline.is_none_or(|at| clock::now().at < at) {
            _ = self.fired.recv().await;
        }
        // What has come on other sockets meanwhile is noticed first.
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elector has renewed, but the guard was late to hear of it.
    #[test]
    fn a_deadline_that_waits_to_be_read_replaces_one_that_has_passed() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let code = runtime.block_on(async {
            let (elector, control) = UnixStream::pair().expect("sockets");
            let now = clock::now().at;
            for at in [now, now + Duration::from_mins(1)] {
                writeln!(&elector, "{}", Order::HoldUntil(at)).expect("written");
            }
            control.set_nonblocking(true).expect("set");
            let orders = BufReader::new(tokio::net::UnixStream::from_std(control).expect("a socket")).lines();
            let stdin = File::open("/dev/null").expect("there").into();
            watch(&[], stdin, orders).await.expect("watched")
        });
        // What it starts is this test's binary, which does not know what it is asked.
        assert!(code.is_some_and(|code| code != 0), "killed by the deadline that was replaced: {code:?}");
    }
}
