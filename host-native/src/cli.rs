//! The command line, as it is typed. Nothing is checked here but its shape: `config` reports all mistakes at once.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
pub(crate) use leader_elector_host::args::{ApiArgs, EventsFormat, LockArgs, OutputFormat, RunArgs, StatusArgs};
use leader_elector_host::args::{EXIT_CODES, TOLD_BY_RUN};

use std::ffi::OsString;

use crate::beside::ListenArgs;
use crate::workload::WorkArgs;
use crate::{gist_server, guard, install};

/// Leader election across clusters that share nothing, with the lock in a GitHub Gist.
#[derive(Debug, Parser)]
#[command(name = "leader-elector", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = format!("\
Examples:
  leader-elector init                        make a secret gist for the lock
  LEADER_NAME=napoleon leader-elector run    be a candidate
  leader-elector status                      who leads?
  leader-elector history                     who led, and for how long?

The token comes from GITHUB_API_TOKEN, LEADER_ELECTION_GITHUB_API_TOKEN or --token-file; there is no flag for it,
because everybody on a machine can read its process list.

{EXIT_CODES}"))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Be a candidate: follow, lead, and follow again
    Run(Box<RunCommand>),
    /// Tell who leads
    Status(StatusArgs),
    /// Tell who led, term by term
    History(HistoryArgs),
    /// End a lock's history of one write mode, so that candidates of the other may begin
    Reset(ResetArgs),
    /// Try out whether the promise holds on your gist, with your token
    Doctor(DoctorArgs),
    /// Make a secret gist for a lock
    Init(InitArgs),
    /// Put this binary and its certificates into a folder, for containers of other images
    Install(install::Args),
    /// Serve GitHub's Gist API on this machine, for demos and tests
    GistServer(gist_server::Args),
    /// Serve the page that shows who leads, on this machine
    #[cfg(feature = "viewer")]
    Viewer(crate::viewer::Args),
    /// The guard of a command: `run` starts it
    #[command(name = guard::GUARD, hide = true)]
    Guard {
        /// The command
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// The last step before a guarded command: its guard starts it
    #[command(name = guard::EXEC, hide = true)]
    Exec {
        /// The guard
        #[arg(long)]
        parent: i32,
        /// The command
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Print a shell's completions
    #[command(after_help = "\
Examples:
  leader-elector completions bash > /etc/bash_completion.d/leader-elector
  leader-elector completions zsh > \"${fpath[1]}/_leader-elector\"
  leader-elector completions fish > ~/.config/fish/completions/leader-elector.fish

Exit codes: 0 printed, 2 a mistake in the call")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages, one for each command
    #[command(after_help = "\
Example:
  leader-elector man /usr/local/share/man/man1 && man leader-elector-run

Exit codes: 0 written, 1 cannot be written, 2 a mistake in the call")]
    Man {
        /// The directory; it is made if it is missing
        directory: PathBuf,
    },
}

#[derive(Args, Debug)]
#[command(after_help = format!("\
Examples:
  GIST_ID=… GITHUB_API_TOKEN=… LEADER_NAME=napoleon leader-elector run
  leader-elector run --gist … --token-file /run/secrets/token --name napoleon --log json
  leader-elector run --lease 20s --renew-deadline 14s --renew-interval 7500ms --poll 1s --request-timeout 3500ms
  leader-elector run --gist … -- ./job --port 80       start ./job while leading, end it before the term ends
  leader-elector run --gist … --http 127.0.0.1:8080    curl -f 127.0.0.1:8080/leader/me: does this machine lead?

Signals: SIGTERM, SIGINT and SIGHUP stop the work, release the lock and exit 0. A second one kills the work at once,
releases nothing, and exits. SIGUSR1 steps down, releases, and stays away for one lease.

With a command: it gets LEADER_FENCING_TOKEN, LEADER_NAME and LEADER_INSTANCE, and not the API token. To end it, it is
sent --kill-signal, and --stop-grace before the end of the term at the latest; 500 ms before that end it and all its
descendants are killed, also if this process is killed, hangs or is stopped. The lock is released when none is left.
Not covered: a paused machine; this process and its guard killed or stopped at once outside a PID namespace; setuid
programs; work that was handed to other daemons. For these there is the fencing token.

{TOLD_BY_RUN}, 129 and up ended at once by a second signal (128 + its number);
with --on-exit exit the command's own (128 + n for a signal, 126 cannot be run, 127 not found)"))]
pub(crate) struct RunCommand {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[cfg(feature = "kube")]
    #[command(flatten)]
    pub(crate) kube: crate::kube::Args,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  leader-elector history
  leader-elector history --max-requests 200 -o json

It reads the revisions of the gist, as few as tell the terms apart. In push mode a term is one revision, and what was
replaced is gone; LAST SEEN is the last renewal that is left, by the holder's clock.

Exit codes: 0 told, 2 a mistake in the call, 3 refused or unknown")]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// The most requests to spend
    #[arg(long, value_name = "N", help_heading = None, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_requests: u32,
    /// The format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = None)]
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
    #[arg(long, env = "LEADER_ELECTION_WRITE", value_name = "MODE", default_value = "push", help_heading = None)]
    pub(crate) write: String,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  leader-elector doctor                  on the gist in GIST_ID; its lock must be free
  leader-elector doctor --scratch        on a gist of its own, which it deletes
  leader-elector doctor -o json | jq -r .command

It writes a file of its own beside the lock, never the lock, and takes it away again; Ctrl-C does that at once. It
spends at most 400 requests, 90 of them writes, and refuses to run beside a live election. What it prints was observed:
`no lost update observed in 10 tries` does not say that it cannot happen.

Exit codes: 0 all well, 1 usable with changes, 2 not usable or a mistake in the call, 3 refused or unknown,
129, 130 or 143 ended by a signal")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// Make a secret gist for it, and delete it afterwards
    #[arg(long, help_heading = None)]
    pub(crate) scratch: bool,
    /// The time between two writes; GitHub asks for a second
    #[arg(long, value_name = "DURATION", default_value = "1s", help_heading = None)]
    pub(crate) pause: String,
    /// The format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = None)]
    pub(crate) output: OutputFormat,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  export GITHUB_API_TOKEN=…      a classic token with the scope `gist` and nothing else
  leader-elector init

Exit codes: 0 made, 2 a mistake in the call, 3 not made or unknown")]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// The name of the lock file
    #[arg(long, help_heading = None, env = "LEADER_ELECTION_FILE", value_name = "NAME", default_value = leader_elector_core::gist::DEFAULT_FILE)]
    pub(crate) file: String,
    /// The format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = None)]
    pub(crate) output: OutputFormat,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use leader_elector_host::{config::Config, end::Failure};

    use super::{Cli, Command};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// The words of a line of examples, as the binary gets them; what a person fills in is an id, or nothing.
    fn words(line: &str) -> Option<Vec<&str>> {
        let call = &line[line.find("leader-elector ")?..];
        let call = [" > ", " | ", " && ", "  "].iter().fold(call, |call, end| call.split(end).next().unwrap_or(call));
        let mut words: Vec<&str> = Vec::new();
        for word in call.split(' ') {
            match word {
                "…" if words.last()?.starts_with("--") => words.push("0123456789abcdef0123456789abcdef"),
                "…" => {}
                word => words.push(word),
            }
        }
        Some(words)
    }

    #[test]
    fn every_example_is_a_call_that_is_taken() {
        let mut cli = Cli::command();
        cli.build();
        let commands = std::iter::once(&cli).chain(cli.get_subcommands());
        let helps: Vec<String> = commands.filter_map(|command| Some(command.get_after_help()?.to_string())).collect();
        let examples = helps.iter().flat_map(|help| help.lines()).filter(|line| line.starts_with("  "));
        let calls: Vec<Vec<&str>> = examples.filter_map(words).collect();
        assert!(calls.len() > 20, "{calls:#?}");
        for call in calls {
            let cli = Cli::try_parse_from(&call).unwrap_or_else(|error| panic!("{call:?}: {error}"));
            // A gist and a token are not there; the rest has to fit.
            if let Command::Run(run) = cli.command
                && let Err(Failure::Usage(mistakes)) = Config::parse(&run.run, |_| Ok(()))
            {
                let here = |mistake: &&String| !mistake.starts_with("gist") && !mistake.starts_with("token");
                assert_eq!(mistakes.iter().find(here), None, "{call:?}");
            }
        }
    }
}
