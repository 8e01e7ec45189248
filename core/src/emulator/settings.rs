//! What an [`Emulator`](super::Emulator) is told about itself.

use std::fmt;

use serde::Deserialize;

/// How an emulator answers. Everything may be changed between two requests.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base of the API's URLs in answers, without a path or a final slash: `https://api.github.com`.
    pub api: String,
    /// Base of `git_pull_url`, `git_push_url` and `html_url`, in the same form: `https://gist.github.com`.
    pub git: String,
    /// Base of every `raw_url`, in the same form: `https://gist.githubusercontent.com`.
    pub raw: String,
    /// The tokens that are accepted; any other is answered 401.
    pub tokens: Vec<AcceptedToken>,
    /// Whether requests are counted and refused.
    pub limits: Limits,
    /// Requests an hour for one user; `None`: as GitHub documents it for the kind of token.
    pub hourly: Option<u32>,
    /// Whether a 304 counts.
    pub unchanged: Unchanged,
    /// Whether a gist's JSON carries its newest revisions.
    pub history: HistoryField,
    /// The branch that HEAD is: `main` or `master` (seen).
    pub branch: String,
    /// Whether a push may replace commits.
    pub replacing: Replacing,
    /// Whether a push is compared with what stands.
    pub swap: Swap,
    /// How a revision that left the chain is answered by its id.
    pub unreachable: Unreachable,
    /// Bytes of one file that an answer carries; a longer one is cut and marked `truncated` (doc: 1 MB).
    pub content_limit: usize,
    /// Files that an answer lists; with more, the gist is marked `truncated` (doc: 300).
    pub file_limit: usize,
    /// Revisions and past moments that each gist remembers, at least 1. GitHub forgets nothing that is reachable,
    /// but months of renewals in a simulator must not grow without bound.
    pub remember: usize,
}

impl Default for Settings {
    /// GitHub's limits on hosts under `.test`, and no token that would be accepted.
    fn default() -> Self {
        Self {
            api: "http://api.test".into(),
            git: "http://gist.test".into(),
            raw: "http://raw.test".into(),
            tokens: Vec::new(),
            limits: Limits::default(),
            hourly: None,
            unchanged: Unchanged::default(),
            history: HistoryField::default(),
            branch: "main".into(),
            replacing: Replacing::default(),
            swap: Swap::default(),
            unreachable: Unreachable::default(),
            content_limit: 1 << 20,
            file_limit: 300,
            remember: 10_000,
        }
    }
}

/// A token, whose it is, and what it may do.
#[derive(Clone, PartialEq, Eq)]
pub struct AcceptedToken {
    /// What stands behind `Bearer` in the `Authorization` header.
    pub secret: String,
    /// The login it acts as. All tokens of one user draw on one budget (doc).
    pub user: String,
    /// What it may do.
    pub grant: Grant,
}

impl AcceptedToken {
    /// A classic token with the `gist` scope.
    #[must_use]
    pub fn gist(secret: impl Into<String>, user: impl Into<String>) -> Self {
        Self { secret: secret.into(), user: user.into(), grant: Grant::Gist }
    }
}

impl fmt::Debug for AcceptedToken {
    /// Without the secret: a server's settings end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptedToken").field("user", &self.user).field("grant", &self.grant).finish_non_exhaustive()
    }
}

/// What a token may do. Each may read, as anyone may who knows a gist's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// A classic token with the `gist` scope: may write its user's gists.
    Gist,
    /// A classic token without it: writing is answered 404 (doc, seen).
    NoGist,
    /// An app's token, such as the one of a GitHub Actions job: 1,000 requests an hour, and writing is answered
    /// 403 "Resource not accessible by integration" (doc).
    App,
}

/// Whether GitHub's limits on the number of requests hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Limits {
    /// Primary and secondary limits as documented, counted and enforced.
    #[default]
    GitHub,
    /// Nothing is counted or refused; the headers tell of an untouched budget.
    Off,
}

/// Whether a read that is answered 304 counts against the hour's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unchanged {
    /// It is free to those with a token (doc).
    #[default]
    Free,
    /// It counts like any other.
    Counted,
}

/// Whether `history` is in a gist's JSON: it is nullable and deprecated (doc).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryField {
    /// The 30 newest revisions.
    #[default]
    Present,
    /// `null`: only `/commits` tells.
    Null,
}

/// Whether a push may replace commits, as `git push --force` does. Gists take it (seen); a server with
/// `receive.denyNonFastForwards` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replacing {
    /// Taken.
    #[default]
    Taken,
    /// `ng`.
    Refused,
}

/// Whether a push compares before it swaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Swap {
    /// As git does, under the lock of the ref.
    #[default]
    Compares,
    /// A server that lies: whatever old id a push names, it is taken.
    Overwrites,
}

/// How a revision is answered by its id once it left the chain below the head: after a lost update or a replacing
/// push. Not known for GitHub (open), so either may be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unreachable {
    /// 404.
    #[default]
    NotFound,
    /// 200, for as long as it is remembered.
    Served,
}
