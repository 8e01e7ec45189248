//! The flags and variables that every host has. Nothing is checked here but their shape: `config` reports all mistakes
//! at once.

#![expect(clippy::doc_markdown, reason = "doc comments here are help texts")]
#![expect(missing_docs, reason = "a doc comment would become the help text of the command that takes the arguments")]

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, Resettable};
use clap::{Args, Command, ValueEnum};

use crate::choice::Choice;

/// What the program's exit codes mean, for its help text.
pub const EXIT_CODES: &str =
    "Exit codes: 0 well, 1 failed (status: nobody leads), 2 a mistake in the call, 3 refused (status: unknown)";
/// What others read of `run`, its log and its exit codes, for its help text.
pub const TOLD_BY_RUN: &str = "\
With --log json each line is an object; its fields token, term (the same number), holder and until are for scripts.
until is the end of the term as of that line, RFC 3339 by this machine's clock; renewals move it, --events json tells.

Exit codes: 0 ended in order, 1 failed (as where nobody reads the events any more), 2 a mistake in the configuration,
3 refused before the first successful read";

/// The command line, as far as all hosts read it alike: an empty variable counts as none, help shows no values of
/// variables, and `-5s` is a duration that is not allowed rather than a flag that is not known.
#[must_use]
pub fn with_variables(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let is_empty = |name| std::env::var_os(name).is_some_and(|value| value.is_empty());
        let arg = if arg.get_env().is_some_and(is_empty) { arg.env(Resettable::Reset) } else { arg };
        let is_duration = arg.get_value_names().is_some_and(|names| names == ["DURATION"]);
        let arg = if is_duration { arg.allow_hyphen_values(true) } else { arg };
        arg.hide_env_values(true)
    });
    command.mut_subcommands(with_variables)
}

/// Where the lock is.
#[derive(Args, Debug)]
#[command(next_help_heading = "Lock")]
pub struct LockArgs {
    /// The gist that holds the lock: its id or its address
    #[arg(long, env = "GIST_ID", value_name = "ID")]
    pub gist: Option<String>,
    /// The name of the lock file in it
    #[arg(long, env = "LEADER_ELECTION_FILE", value_name = "NAME", default_value = leader_elector_core::gist::DEFAULT_FILE)]
    pub file: String,
    #[command(flatten)]
    pub api: ApiArgs,
}

/// How the API is reached.
#[derive(Args, Debug)]
#[command(next_help_heading = "Access")]
pub struct ApiArgs {
    /// A file with the token; read again when it changes [else GITHUB_API_TOKEN or LEADER_ELECTION_GITHUB_API_TOKEN]
    #[arg(long, env = "LEADER_ELECTION_TOKEN_FILE", value_name = "PATH")]
    pub token_file: Option<PathBuf>,
    /// The API's address; GitHub Enterprise: https://HOST/api/v3
    #[arg(long, env = "GITHUB_API_URL", value_name = "URL", default_value = leader_elector_core::gist::DEFAULT_API)]
    pub api_url: String,
    /// Where pushes go: URL/ID.git [default: what the API says of the gist, if it is of the API's site]
    #[arg(long, env = "LEADER_ELECTION_GIT_URL", value_name = "URL")]
    pub git_url: Option<String>,
    /// Certificates of your own authority (PEM), beside the system's; proxies, SOCKS too: HTTPS_PROXY, ALL_PROXY, NO_PROXY
    #[arg(long, env = "LEADER_ELECTION_CA_FILE", value_name = "PATH")]
    pub ca_file: Option<PathBuf>,
    /// Allow plain http to other hosts than this machine: the token travels in the clear
    #[arg(long, env = "LEADER_ELECTION_ALLOW_HTTP", value_parser = BoolishValueParser::new())]
    pub allow_http: bool,
}

#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub lock: LockArgs,
    /// The candidate's name [default: the host's name]
    #[arg(long, env = "LEADER_NAME", value_name = "NAME", help_heading = "Candidate")]
    pub name: Option<String>,
    /// How records are written: push (git's own compare-and-swap) or patch (REST only); one gist, one mode
    #[arg(
        long,
        env = "LEADER_ELECTION_WRITE",
        value_name = "MODE",
        default_value = "push",
        help_heading = "Candidate"
    )]
    pub write: String,
    #[command(flatten)]
    pub timings: TimingArgs,
    /// Go on when the store refuses at the start: try again every 60 s
    #[arg(
        long,
        env = "LEADER_ELECTION_KEEP_TRYING",
        value_parser = BoolishValueParser::new(),
        help_heading = "Candidate"
    )]
    pub keep_trying: bool,
    /// Tell programs on standard output what happens, renewals included: one object a line [default: nothing]
    #[arg(long, env = "LEADER_ELECTION_EVENTS", value_name = "FORMAT", help_heading = "Candidate")]
    pub events: Option<Choice<EventsFormat>>,
    #[command(flatten)]
    pub log: LogArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventsFormat {
    Json,
}

/// Durations as people write them: 30s, 1500ms, 2min.
#[derive(Args, Debug)]
#[command(next_help_heading = "Timings")]
pub struct TimingArgs {
    /// For how long others respect a lease
    #[arg(long, env = "LEADER_ELECTION_LEASE", value_name = "DURATION", default_value = "30s")]
    pub lease: String,
    /// How long after its last acknowledged write a leader stops by itself
    #[arg(long, env = "LEADER_ELECTION_RENEW_DEADLINE", value_name = "DURATION", default_value = "20s")]
    pub renew_deadline: String,
    /// The time between two renewals
    #[arg(long, env = "LEADER_ELECTION_RENEW_INTERVAL", value_name = "DURATION", default_value = "10s")]
    pub renew_interval: String,
    /// The time between two reads of a follower
    #[arg(long, env = "LEADER_ELECTION_POLL", value_name = "DURATION", default_value = "2s")]
    pub poll: String,
    /// How long the store may take to drop one of two concurrent writes
    #[arg(long, env = "LEADER_ELECTION_SETTLE", value_name = "DURATION", default_value = "1s")]
    pub settle: String,
    /// The time that the guarded work needs to end [default: 0s; with a command 4s]
    #[arg(long, env = "LEADER_ELECTION_STOP_GRACE", value_name = "DURATION")]
    pub stop_grace: Option<String>,
    /// The bound on one request [default: 5s, or a third of the renew deadline]
    #[arg(long, env = "LEADER_ELECTION_REQUEST_TIMEOUT", value_name = "DURATION")]
    pub request_timeout: Option<String>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Logs (standard error)")]
pub struct LogArgs {
    /// The format
    #[arg(long, env = "LEADER_ELECTION_LOG", value_name = "FORMAT", default_value = "text")]
    pub log: Choice<LogFormat>,
    /// The least level that is shown
    #[arg(long, env = "LEADER_ELECTION_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub log_level: Choice<LogLevel>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    Text,
    Json,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  leader-elector status
  leader-elector status --observe        watch until the lock moves, or a lease has passed: then it is sure
  leader-elector status -o json | jq -r .leader
  leader-elector status --watch -o json | jq -r --unbuffered .state

The budget is what the store says of its requests, without a token those of this address. Content writes are counted
from the revisions of the last hour, those of all candidates together, as far back as the store lists them (GitHub: 30).
A push replaces its revision: in push mode there is nothing to count. What the timings of a candidate need, and what it
has spent itself, is in its /metrics (native binary).

Exit codes: 0 somebody leads, 1 nobody leads, 2 a mistake in the call, 3 unknown; --watch ends well with Ctrl-C")]
pub struct StatusArgs {
    #[command(flatten)]
    pub lock: LockArgs,
    /// Watch long enough to be sure: until a renewal is seen, or the lease has passed without one
    #[arg(long, help_heading = None)]
    pub observe: bool,
    /// Print again whenever something changes, until Ctrl-C; with `-o json` one object a line
    #[arg(long, help_heading = None)]
    pub watch: bool,
    /// The format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = None)]
    pub output: OutputFormat,
}
