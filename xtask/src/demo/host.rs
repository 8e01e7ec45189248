//! What holds a candidate.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What the component may need beyond the bounds of the binary.
pub(crate) const COMPONENT_SLACK: Duration = Duration::from_millis(200);

/// A program that a candidate's words are told to.
#[derive(Clone, Debug)]
pub(crate) enum Host {
    /// The binary.
    Native(PathBuf),
    /// The component in its runner: what is killed, stopped and measured is the runner's process.
    Component {
        /// The program.
        runner: PathBuf,
        /// What it holds.
        component: PathBuf,
    },
}

impl Host {
    /// A call, still without words.
    pub(crate) fn command(&self) -> Command {
        match self {
            Self::Native(binary) => Command::new(binary),
            Self::Component { runner, component } => {
                let mut command = Command::new(runner);
                command.arg(component);
                command
            }
        }
    }

    /// Whether it is the component.
    pub(crate) const fn is_component(&self) -> bool {
        matches!(self, Self::Component { .. })
    }
}
