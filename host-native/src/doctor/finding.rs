//! What was found, what follows from it, and how both are shown.

use leader_elector_host::say::print;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::Failure;
use leader_elector_host::say::printable;

/// What a finding means for the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As the election expects it.
    Well,
    /// Usable, with other settings or at another price.
    Change,
    /// The promise does not hold here in this write mode, or nothing works at all.
    Unusable,
    /// It ended before everything was tried.
    Unknown,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Change => "change",
            Self::Unusable => "UNUSABLE",
            Self::Unknown => "unknown",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// What was seen, in how many tries.
    pub(super) seen: String,
    /// What follows for the settings.
    pub(super) follows: String,
}

impl Finding {
    pub(super) fn well(check: &'static str, seen: impl Into<String>, follows: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Well, seen: seen.into(), follows: follows.into() }
    }

    pub(super) fn change(check: &'static str, seen: impl Into<String>, follows: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Change, seen: seen.into(), follows: follows.into() }
    }

    pub(super) fn unusable(check: &'static str, seen: impl Into<String>, follows: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Unusable, seen: seen.into(), follows: follows.into() }
    }
}

/// All of them so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) list: Vec<Finding>,
    /// With it, each is printed as it comes; cancelled where nobody reads that any more.
    pub(super) text: Option<CancellationToken>,
    /// Why nothing is printed any more.
    pub(super) unread: Option<Failure>,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        if let Some(unread) = self.text.as_ref().filter(|_| self.unread.is_none()) {
            let Finding { check, verdict, seen, follows } = &finding;
            let line = format!("{:<10}{check:<22}{} -> {}", verdict.word(), printable(seen), printable(follows));
            if let Err(failure) = print(&line) {
                unread.cancel();
                self.unread = Some(failure);
            }
        }
        self.list.push(finding);
    }

    pub(super) fn worst(&self) -> Verdict {
        self.list.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Well)
    }
}

/// The whole answer.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) gist: String,
    pub(super) verdict: Verdict,
    /// Why it ended early.
    pub(super) ended: Option<String>,
    pub(super) findings: Vec<Finding>,
    /// `None` where nothing would work, or too little is known.
    pub(super) command: Option<String>,
    pub(super) requests: usize,
    pub(super) writes: usize,
    /// What is left behind in the gist, in words.
    pub(super) left: String,
}

impl Report {
    /// What comes below the findings.
    pub(super) fn text(&self) -> String {
        let words = match self.verdict {
            Verdict::Well => "all well",
            Verdict::Change => "usable, with what is said above",
            Verdict::Unusable => "not usable: see above",
            Verdict::Unknown => "unknown: not everything was tried",
        };
        let command = self.command.as_ref().map(|command| format!(":\n  {command}")).unwrap_or_default();
        let Self { requests, writes, left, .. } = self;
        format!("\nspent {requests} requests, {writes} of them writes; {left}\n{words}{command}")
    }
}
