//! How a command ends: the exit codes in one place.

use leader_elector_core::gist::SettingsError;

use crate::say::complain;

/// A mistake in the call: nothing was done.
const USAGE: u8 = 2;
/// Refused at the start, or unknown.
pub(crate) const REFUSED: u8 = 3;

/// How a command ended, other than well.
#[derive(Debug)]
pub enum Failure {
    /// Every mistake in the configuration.
    Usage(Vec<String>),
    /// The store refuses, or cannot be asked.
    Refused(String),
    /// An answer in itself: `status` where nobody leads, a second signal.
    Code(u8),
    /// Anything else.
    Other(anyhow::Error),
}

impl From<Vec<SettingsError>> for Failure {
    fn from(mistakes: Vec<SettingsError>) -> Self {
        Self::Usage(mistakes.iter().map(ToString::to_string).collect())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// Says on standard error what is wrong, and gives the exit code.
#[must_use]
pub fn exit_code(result: Result<(), Failure>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(Failure::Code(code)) => code,
        Err(Failure::Usage(mistakes)) => {
            for mistake in mistakes {
                complain(format_args!("error: {mistake}"));
            }
            complain("\nFor every flag and variable, try '--help'.");
            USAGE
        }
        Err(Failure::Refused(why)) => {
            complain(format_args!("error: {why}"));
            REFUSED
        }
        Err(Failure::Other(error)) => {
            complain(format_args!("error: {error:#}"));
            1
        }
    }
}
