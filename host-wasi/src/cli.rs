//! The command line: the native binary's, as far as a component can obey it.

use clap::builder::BoolishValueParser;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use leader_elector_host::args::{EXIT_CODES, RunArgs, StatusArgs, TOLD_BY_RUN, with_variables};
use leader_elector_host::native_only::{NativeOnly, REFUSED, in_component};

/// Leader election across clusters that share nothing, with the lock in a GitHub Gist: the WASI component.
#[derive(Debug, Parser)]
#[command(name = "leader-elector.wasm", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = format!("\
Examples:
  export GIST_ID=… GITHUB_API_TOKEN=… LEADER_NAME=cleopatra
  wasmtime run -S http -S inherit-env leader-elector.wasm run
  wasmtime run -S http -S inherit-env leader-elector.wasm status

Without `-S http` wasmtime cannot start it, and says: component imports instance `wasi:http/types@0.2.12`,
but a matching implementation was not found in the linker
`-S inherit-env` hands over the variables; `--env GITHUB_API_TOKEN=…` would show the token in the process list.
It takes wasmtime 46 or later: that is the first whose wasi:cli (0.2.12) hands on exit codes above 1 without a flag.

{EXIT_CODES}"))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// What was typed; or the help, or why it makes no sense.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let mut command = in_component(with_variables(Self::command()));
        let matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Be a candidate: follow, lead, and follow again
    #[command(after_help = format!("\
To end it in order, write the line `stop` on its standard input, or close that with --stop-on-eof: it steps down,
releases the lock and exits 0. wasmtime turns SIGTERM and Ctrl-C into sudden death: the others wait for the lease.

{REFUSED}

{TOLD_BY_RUN}"))]
    Run(Box<ComponentRunArgs>),
    /// Tell who leads
    Status(StatusArgs),
    #[command(external_subcommand)]
    Native(Vec<String>),
}

#[derive(Args, Debug)]
pub(crate) struct ComponentRunArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// End in order also when standard input ends, for hosts that hold a pipe: their work has to be over by then
    #[arg(long, env = "LEADER_ELECTION_STOP_ON_EOF", value_parser = BoolishValueParser::new())]
    pub(crate) stop_on_eof: bool,
    #[command(flatten)]
    pub(crate) native: NativeOnly,
}
