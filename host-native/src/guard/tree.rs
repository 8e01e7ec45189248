//! The descendants of this process: found in `/proc`, stopped, killed, reaped, until the kernel says that none is left.
//!
//! This process must be a subreaper: whoever loses its parent becomes its child, so it has a descendant exactly as
//! long as it has a child. `wait` is therefore the judge of what is left; `/proc` only says whom to kill.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, wait};

/// Rounds in which to stop everybody before anybody is killed. A process that is stopped forks no more, so a round
/// finds only what the ones before it had not seen yet.
const ROUNDS: u32 = 64;

/// A child that ended, or was stopped.
pub(crate) struct Reaped {
    /// Who, and how.
    pub(crate) changed: Vec<(Pid, WaitStatus)>,
    /// No child is left, so no descendant either.
    pub(crate) alone: bool,
}

/// Takes in which children ended or were stopped, without waiting.
pub(crate) fn reap() -> Reaped {
    let mut changed = Vec::new();
    loop {
        match wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            Ok(Some(child)) => changed.push(child),
            Ok(None) => return Reaped { changed, alone: false },
            Err(Errno::INTR) => {}
            // No child: the only other error there is.
            Err(_) => return Reaped { changed, alone: true },
        }
    }
}

/// Whether `/proc` has the numbers of this process's own PID namespace: by another's, the sweep would meet strangers.
pub(crate) fn has_our_numbers() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    has_only(&status, getpid())
}

/// Whether a process has this number, and none in an outer namespace, by its `/proc/PID/status` (proc(5)).
fn has_only(status: &str, pid: Pid) -> bool {
    let line = |name| status.lines().find_map(|line| line.strip_prefix(name));
    // Not every kernel has the first.
    let numbers = line("NSpid:").or_else(|| line("Pid:")).unwrap_or_default();
    numbers.split_whitespace().eq([pid.to_string()])
}

/// Whether `/proc` shows this process, as the sweep needs it.
pub(crate) fn is_visible(pid: Pid) -> bool {
    processes().any(|process| process.pid == pid.as_raw_nonzero().get())
}

/// The killing of all descendants.
#[derive(Default)]
pub(crate) struct Sweep {
    /// Who was told to stop: process id and start time.
    stopped: HashSet<(i32, u64)>,
}

impl Sweep {
    /// Stops all descendants, then kills them all. Repeat it, reaping in between, until [`Reaped::alone`].
    ///
    /// Stopping comes first, because a killed process makes room for another one where a fork bomb has met its limit.
    pub(crate) fn strike(&mut self) {
        for _ in 0..ROUNDS {
            let mut news = false;
            each_descendant(|process| {
                if self.stopped.insert((process.pid, process.started)) {
                    news = true;
                    process.signal(Signal::STOP);
                }
            });
            if !news {
                break;
            }
        }
        each_descendant(|process| process.signal(Signal::KILL));
    }
}

/// A process that has not ended, as `/proc` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    started: u64,
}

impl Process {
    /// One that is gone meanwhile needs no signal; one that may not be signalled is not covered, and keeps us waiting.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Parses `/proc/PID/stat` (proc(5)); `None` for what has ended.
    fn parse(pid: i32, stat: &str) -> Option<Self> {
        // The name before the last bracket may contain anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let threads: u32 = fields.get(17)?.parse().ok()?;
        // A zombie whose other threads live is the main thread of a process that goes on.
        let ended = matches!(*fields.first()?, "Z" | "X" | "x") && threads <= 1;
        (!ended).then_some(Self { pid, parent: fields.get(1)?.parse().ok()?, started: fields.get(19)?.parse().ok()? })
    }
}

/// Calls `act` with each descendant as soon as it is known for one: in a chain of processes that fork and end, only
/// haste catches up.
fn each_descendant(mut act: impl FnMut(&Process)) {
    let mut family = HashSet::from([getpid().as_raw_nonzero().get()]);
    let mut others: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in processes() {
        if family.contains(&process.parent) {
            let mut found = vec![process];
            while let Some(process) = found.pop() {
                act(&process);
                family.insert(process.pid);
                found.extend(others.remove(&process.pid).unwrap_or_default());
            }
        } else {
            others.entry(process.parent).or_default().push(process);
        }
    }
}

fn processes() -> impl Iterator<Item = Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    let mut stat = Vec::with_capacity(512);
    entries.filter_map(move |entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        stat.clear();
        std::fs::File::open(format!("/proc/{pid}/stat")).ok()?.read_to_end(&mut stat).ok()?;
        Process::parse(pid, &String::from_utf8_lossy(&stat))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(stat: &str) -> Option<Process> {
        Process::parse(7, stat)
    }

    #[test]
    fn a_name_with_brackets_and_spaces_hides_nothing() {
        let line = "7 (a) Z 1 (b) S 5 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 1234 1 1";
        assert_eq!(parse(line), Some(Process { pid: 7, parent: 5, started: 1234 }));
    }

    #[test]
    fn a_zombie_has_ended_unless_other_threads_of_it_live() {
        let line = |threads| format!("7 (x) Z 5 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 {threads} 0 1234 0 0");
        assert_eq!(parse(&line(1)), None);
        assert!(parse(&line(2)).is_some());
    }

    #[test]
    fn garbage_is_no_process() {
        for line in ["", "7 (x)", "7 (x) S", "7 (x) S a b"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn this_process_is_visible() {
        assert!(has_our_numbers() && is_visible(getpid()));
    }

    #[test]
    fn the_number_of_an_outer_namespace_is_not_ours() {
        let pid = Pid::from_raw(7).expect("a number");
        for (status, ours) in [
            ("Pid:\t7\nPPid:\t1\nNSpid:\t7\n", true),
            ("Pid:\t900\nPPid:\t1\nNSpid:\t900\t7\n", false),
            // By chance the same outside.
            ("Pid:\t7\nPPid:\t1\nNSpid:\t7\t7\n", false),
            ("Pid:\t7\nPPid:\t1\n", true),
            ("Pid:\t900\nPPid:\t7\n", false),
            ("", false),
        ] {
            assert_eq!(has_only(status, pid), ours, "{status}");
        }
    }
}
