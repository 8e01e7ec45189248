//! What kind of store the server plays, as it can be changed while it runs.

use leader_elector_core::emulator::{Grant, HistoryField, Replacing, Settings, Swap, Unchanged};
use serde::Deserialize;

/// A change; what is not named stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// `present` or `null`: whether answers list the newest revisions.
    history: Option<HistoryField>,
    /// `taken` or `refused`: what becomes of a push that replaces commits.
    replacing: Option<Replacing>,
    /// `compares` or `overwrites`: whether a push is compared with what stands.
    swap: Option<Swap>,
    /// `gist`, `no_gist` or `app`: what all tokens may do.
    grant: Option<Grant>,
    /// Requests an hour for one user; counted with `--limits github`.
    hourly: Option<u32>,
    /// `free` or `counted`: whether a 304 counts among them.
    unchanged: Option<Unchanged>,
    /// How far the server's clock is off, in milliseconds.
    pub(super) clock_ms: Option<i64>,
    /// Where answers say that pushes go.
    git: Option<String>,
    /// The branch that HEAD is.
    branch: Option<String>,
}

impl Change {
    pub(super) fn apply(self, settings: &mut Settings) {
        settings.history = self.history.unwrap_or(settings.history);
        settings.replacing = self.replacing.unwrap_or(settings.replacing);
        settings.swap = self.swap.unwrap_or(settings.swap);
        settings.hourly = self.hourly.or(settings.hourly);
        settings.unchanged = self.unchanged.unwrap_or(settings.unchanged);
        for token in &mut settings.tokens {
            token.grant = self.grant.unwrap_or(token.grant);
        }
        if let Some(git) = self.git {
            settings.git = git;
        }
        if let Some(branch) = self.branch {
            settings.branch = branch;
        }
    }
}
