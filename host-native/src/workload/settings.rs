//! What was said on the command line about the work.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, ValueEnum};
use leader_elector_host::choice::Choice;
use rustix::process::Signal;

use crate::guard::KILL_MARGIN;

/// The grace of a command that nobody chose.
const COMMAND_GRACE: &str = "4s";
const SIGNALS: [(&str, Signal); 8] = [
    ("TERM", Signal::TERM),
    ("INT", Signal::INT),
    ("HUP", Signal::HUP),
    ("QUIT", Signal::QUIT),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
    ("KILL", Signal::KILL),
];

/// The work that leadership is for.
#[derive(Args, Debug)]
#[command(next_help_heading = "Workload")]
pub(crate) struct WorkArgs {
    /// What to do when the command ends by itself
    #[arg(long, env = "LEADER_ELECTION_ON_EXIT", value_name = "WHAT", default_value = "exit")]
    pub(crate) on_exit: Choice<OnExit>,
    /// The signal that asks the command to end
    #[arg(long, env = "LEADER_ELECTION_KILL_SIGNAL", value_name = "SIGNAL", default_value = "TERM")]
    pub(crate) kill_signal: String,
    /// What an orderly stop may assume about a workload beside this process
    #[arg(long, env = "LEADER_ELECTION_RELEASE", value_name = "WHEN", default_value = "told")]
    pub(crate) release: Choice<Release>,
    /// Started while leading; gone, with all its descendants, before the term ends
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What the end of a command means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnExit {
    /// Stop, release the lock, and exit with the command's code
    Exit,
    /// Start it again in the same term: after 1 s, 2 s, 4 s, at most 30 s
    Restart,
    /// Release the lock, and stay away for one lease
    Release,
}

/// What an orderly stop may assume about the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Release {
    /// It says itself when it has ended (POST /leader/stopped); with a command, or without --http, this process knows
    Told,
    /// It ends as soon as it is told to stop: release at once
    Now,
    /// Nothing: never release, let the lease run out
    Never,
}

/// The same, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) on_exit: OnExit,
    pub(crate) kill_signal: Signal,
    pub(crate) release: Release,
    /// Empty: none.
    pub(crate) command: Vec<OsString>,
}

impl WorkArgs {
    /// Checks it.
    ///
    /// # Errors
    /// Every mistake, with field, value and what is allowed.
    pub(crate) fn settings(&self) -> Result<Settings, Vec<String>> {
        let command = self.command.clone();
        match (self.on_exit.chosen("on exit"), signal(&self.kill_signal), self.release.chosen("release")) {
            (Ok(on_exit), Ok(kill_signal), Ok(release)) => Ok(Settings { on_exit, kill_signal, release, command }),
            (on_exit, kill_signal, release) => {
                Err([on_exit.err(), kill_signal.err(), release.err()].into_iter().flatten().collect())
            }
        }
    }

    /// The grace where none is given.
    pub(crate) fn default_grace(&self) -> &'static str {
        if self.command.is_empty() { "0s" } else { COMMAND_GRACE }
    }

    /// Checks a grace against the time that killing needs.
    ///
    /// # Errors
    /// The mistake, with field, value and what is allowed.
    pub(crate) fn check_grace(&self, grace: Duration) -> Result<(), String> {
        if self.command.is_empty() || grace > KILL_MARGIN {
            return Ok(());
        }
        Err(format!(
            "stop grace is {grace:?}: allowed with a command is more than {KILL_MARGIN:?}, the time before the end of the term at which everything is killed"
        ))
    }
}

fn signal(given: &str) -> Result<Signal, String> {
    let name = given.trim().to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let number: Option<i32> = name.parse().ok();
    let known = SIGNALS.iter().find(|(known, signal)| *known == name || Some(signal.as_raw()) == number);
    known.map(|(_, signal)| *signal).ok_or_else(|| {
        let names = SIGNALS.map(|(name, _)| name).join(", ");
        format!("kill signal is `{given}`: allowed are {names}, or their numbers")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_a_name_or_a_number() {
        for given in ["TERM", "sigterm", "15", " SIGTERM "] {
            assert_eq!(signal(given), Ok(Signal::TERM), "{given}");
        }
        for given in ["", "STOP", "0", "999", "TERMINATE"] {
            assert!(signal(given).is_err_and(|why| why.starts_with("kill signal is")), "{given}");
        }
    }
}
