//! The command of `run -- command`: it and all its descendants are gone before the term ends, whatever happens to the
//! elector.
//!
//! ```text
//! elector ── guard ── command ── its descendants
//! ```
//!
//! * The guard is this same binary. It is the command's parent, and a subreaper: no descendant gets away from it by
//!   losing its parent or by `setsid`. It holds the deadline that the elector last told, on the boot clock, and kills
//!   everything when that passes, when the elector says so, and when the elector's end of the socket closes: killed,
//!   hung or stopped, the elector is not needed for it.
//! * The elector is a subreaper as well, and does the same for a guard that dies or is stopped: the command dies with
//!   its guard (parent-death signal), the rest becomes the elector's.
//! * Whether something is left is the kernel's answer: a subreaper without children has no descendants.
//! * Whom to kill is what `/proc` says: nothing is guarded where that is another namespace's or hides processes
//!   (`hidepid`), nor by an elector that has children from before, who would count as the command's.
//! * Neither can be traced or read by others of the same user (not dumpable): the elector's memory has the API token.
//!
//! Not covered: a paused machine, both processes killed or stopped at once outside a PID namespace, setuid programs
//! (they may not be signalled, and forget the parent-death signal), and work that was handed to other daemons.

mod handle;
mod message;
mod process;
mod tree;

use std::ffi::OsString;
use std::fmt::Display;
use std::time::Duration;

use leader_elector_core::Instant;
use rustix::process::{DumpableBehavior, getpid, set_child_subreaper, set_dumpable_behavior};

pub(crate) use self::handle::{Guard, Heard, clear};
pub(crate) use self::process::{exec, guard};

/// The hidden command that is the guard.
pub(crate) const GUARD: &str = "guard-command";
/// The hidden command that becomes the guarded command.
pub(crate) const EXEC: &str = "exec-command";
/// So long before the end of the term everything is killed.
pub(crate) const KILL_MARGIN: Duration = Duration::from_millis(500);

/// Makes this process the elector of a guarded command, and tries a guard out, which starts nothing.
///
/// # Errors
/// Why nothing can be guarded here.
pub(crate) async fn prepare(command: &[OsString]) -> Result<(), String> {
    let cannot = |why: &dyn Display| format!("a command cannot be guarded here: {why}");
    if !tree::has_our_numbers() {
        return Err(cannot(&"/proc is not mounted, or not that of this PID namespace (`unshare` needs --mount-proc)"));
    }
    if !tree::reap().alone {
        return Err(cannot(
            &"this process has children from before, who would be killed with the command \
              (a shell that starts some must not `exec` leader-elector)",
        ));
    }
    set_child_subreaper(Some(getpid()))
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .map_err(|error| cannot(&error))?;
    let mut trial = Guard::start(command, &[], Instant::ZERO).map_err(|error| cannot(&error))?;
    let heard = trial.heard().await;
    drop(trial);
    clear().await;
    if let Heard::Lost(why) = heard { Err(cannot(&why)) } else { Ok(()) }
}

/// The signals that this process was started to ignore, as `nohup` and background shells ask for: they stay ignored.
pub(crate) fn ignored_signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    (1..=64).filter(|number| mask >> (number - 1) & 1 == 1).collect()
}

/// Whether this process is in a terminal's foreground: what is typed there reaches the command as well.
pub(crate) fn in_foreground() -> bool {
    job().is_some_and(|[group, _, _, foreground]| group > 0 && group == foreground)
}

/// Whether this process has a terminal that others may hang up. Shell and kernel then send SIGHUP to the command as
/// well; to the leader of a session it comes alone.
pub(crate) fn follows_terminal() -> bool {
    let me = getpid().as_raw_nonzero().get();
    job().is_some_and(|[_, session, terminal, _]| terminal != 0 && session != me)
}

/// Process group, session, terminal and its foreground, by `/proc/self/stat` (proc(5)). 0 is none, or one of an outer
/// PID namespace.
fn job() -> Option<[i32; 4]> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut numbers = stat.rsplit_once(')')?.1.split_whitespace().skip(2).map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten();
    Some([next()?, next()?, next()?, next()?])
}
