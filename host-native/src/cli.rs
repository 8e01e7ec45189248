//! The command line, as it is typed. Nothing is checked here but its shape: `config` reports all mistakes at once.

#![expect(clippy::doc_markdown, reason = "doc comments here are help texts")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::gist_server;

/// Leader election across clusters that share nothing, with the lock in a GitHub Gist.
#[derive(Debug, Parser)]
#[command(name = "leader-elector", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  leader-elector init                        make a secret gist for the lock
  LEADER_NAME=napoleon leader-elector run    be a candidate
  leader-elector status                      who leads?
  leader-elector history                     who led, and for how long?

The token comes from GITHUB_API_TOKEN, LEADER_ELECTION_GITHUB_API_TOKEN or --token-file; there is no flag for it,
because everybody on a machine can read its process list.

Exit codes: 0 well, 1 failed (status: nobody leads), 2 a mistake in the call, 3 refused (status: unknown)")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Be a candidate: follow, lead, and follow again
    Run(Box<RunArgs>),
    /// Tell who leads
    Status(StatusArgs),
    /// Tell who led, term by term
    History(HistoryArgs),
    /// End a lock's history of one write mode, so that candidates of the other may begin
    Reset(ResetArgs),
    /// Make a secret gist for a lock
    Init(InitArgs),
    /// Serve GitHub's Gist API on this machine, for demos and tests
    GistServer(gist_server::Args),
    /// Print a shell's completions
    #[command(after_help = "Example:\n  leader-elector completions bash > /etc/bash_completion.d/leader-elector")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Where the lock is.
#[derive(Args, Debug)]
#[command(next_help_heading = "Lock")]
pub(crate) struct LockArgs {
    /// The gist that holds the lock: its id or its address
    #[arg(long, env = "GIST_ID", value_name = "ID")]
    pub(crate) gist: Option<String>,
    /// The name of the lock file in it
    #[arg(long, env = "LEADER_ELECTION_FILE", value_name = "NAME", default_value = leader_elector_core::gist::DEFAULT_FILE)]
    pub(crate) file: String,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

/// How the API is reached.
#[derive(Args, Debug)]
#[command(next_help_heading = "Access")]
pub(crate) struct ApiArgs {
    /// A file with the token; read again when it changes [else GITHUB_API_TOKEN]
    #[arg(long, env = "LEADER_ELECTION_TOKEN_FILE", value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// The API's address; GitHub Enterprise: https://HOST/api/v3
    #[arg(long, env = "GITHUB_API_URL", value_name = "URL", default_value = leader_elector_core::gist::DEFAULT_API)]
    pub(crate) api_url: String,
    /// Where pushes go: URL/ID.git [default: what the API says of the gist, if it is of the API's site]
    #[arg(long, env = "LEADER_ELECTION_GIT_URL", value_name = "URL")]
    pub(crate) git_url: Option<String>,
    /// Certificates of your own authority (PEM), beside the system's; proxies come from HTTPS_PROXY and NO_PROXY
    #[arg(long, env = "LEADER_ELECTION_CA_FILE", value_name = "PATH")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Allow plain http to other hosts than this machine: the token travels in the clear
    #[arg(long, env = "LEADER_ELECTION_ALLOW_HTTP")]
    pub(crate) allow_http: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  GIST_ID=… GITHUB_API_TOKEN=… LEADER_NAME=napoleon leader-elector run
  leader-elector run --gist … --token-file /run/secrets/token --name napoleon --log json
  leader-elector run --lease 15s --renew-deadline 10s --renew-interval 6s --poll 1s

Signals: SIGTERM and SIGINT stop the work, release the lock and exit 0; a second one exits at once.
SIGUSR1 steps down, releases, and stays away for one lease.
Exit codes: 0 ended in order, 2 a mistake in the configuration, 3 refused before the first successful read")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// The candidate's name [default: the host's name]
    #[arg(long, env = "LEADER_NAME", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How records are written: push (git's own compare-and-swap) or patch (REST only); one gist, one mode
    #[arg(long, env = "LEADER_ELECTION_WRITE", value_name = "MODE", default_value = "push")]
    pub(crate) write: String,
    #[command(flatten)]
    pub(crate) timings: TimingArgs,
    /// Go on when the store refuses at the start: try again every 60 s
    #[arg(long, env = "LEADER_ELECTION_KEEP_TRYING")]
    pub(crate) keep_trying: bool,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// Durations as people write them: 30s, 1500ms, 2min.
#[derive(Args, Debug)]
#[command(next_help_heading = "Timings")]
pub(crate) struct TimingArgs {
    /// For how long others respect a lease
    #[arg(long, env = "LEADER_ELECTION_LEASE", value_name = "DURATION", default_value = "30s")]
    pub(crate) lease: String,
    /// How long after its last acknowledged write a leader stops by itself
    #[arg(long, env = "LEADER_ELECTION_RENEW_DEADLINE", value_name = "DURATION", default_value = "20s")]
    pub(crate) renew_deadline: String,
    /// The time between two renewals
    #[arg(long, env = "LEADER_ELECTION_RENEW_INTERVAL", value_name = "DURATION", default_value = "10s")]
    pub(crate) renew_interval: String,
    /// The time between two reads of a follower
    #[arg(long, env = "LEADER_ELECTION_POLL", value_name = "DURATION", default_value = "2s")]
    pub(crate) poll: String,
    /// How long the store may take to drop one of two concurrent writes
    #[arg(long, env = "LEADER_ELECTION_SETTLE", value_name = "DURATION", default_value = "1s")]
    pub(crate) settle: String,
    /// The time that the guarded work needs to end
    #[arg(long, env = "LEADER_ELECTION_STOP_GRACE", value_name = "DURATION", default_value = "0s")]
    pub(crate) stop_grace: String,
    /// The bound on one request [default: 5s, or a third of the renew deadline]
    #[arg(long, env = "LEADER_ELECTION_REQUEST_TIMEOUT", value_name = "DURATION")]
    pub(crate) request_timeout: Option<String>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Logs (standard error)")]
pub(crate) struct LogArgs {
    /// The format
    #[arg(long, env = "LEADER_ELECTION_LOG", value_name = "FORMAT", default_value = "text")]
    pub(crate) log: LogFormat,
    /// The least level that is shown
    #[arg(long, env = "LEADER_ELECTION_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: LogLevel,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Text,
    Json,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  leader-elector status
  leader-elector status --observe        watch until the lock moves, or a lease has passed: then it is sure
  leader-elector status -o json | jq -r .leader

Exit codes: 0 somebody leads, 1 nobody leads, 2 a mistake in the call, 3 unknown")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// Watch long enough to be sure: until a renewal is seen, or the lease has passed without one
    #[arg(long)]
    pub(crate) observe: bool,
    /// Print again whenever something changes, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// The format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: OutputFormat,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  leader-elector history
  leader-elector history --max-requests 200 -o json")]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// The most requests to spend
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(crate) max_requests: usize,
    /// The format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: OutputFormat,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  leader-elector reset                   all candidates are stopped; now start them with the other --write

It waits for as long as the record asks to be respected. If nothing moved, it writes a released record without an
author, which keeps the fencing token and holds for candidates of both modes.
Exit codes: 0 done, 1 the lock moved (a candidate still runs), 2 a mistake in the call, 3 refused or unknown")]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// How the record is written: push or patch
    #[arg(long, env = "LEADER_ELECTION_WRITE", value_name = "MODE", default_value = "push")]
    pub(crate) write: String,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  export GITHUB_API_TOKEN=…      a classic token with the scope `gist` and nothing else
  leader-elector init")]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// The name of the lock file
    #[arg(long, env = "LEADER_ELECTION_FILE", value_name = "NAME", default_value = leader_elector_core::gist::DEFAULT_FILE)]
    pub(crate) file: String,
    /// The format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: OutputFormat,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
