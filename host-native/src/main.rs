//! The `leader-elector` binary: one module a command.

#![warn(clippy::print_stdout, clippy::print_stderr)] // They panic where nobody reads; `say` has what does not.

mod beside;
mod cli;
mod doctor;
mod gist_server;
mod guard;
mod history;
mod init;
mod install;
#[cfg(feature = "kube")]
mod kube;
mod listen;
mod manual;
mod metrics;
mod reset;
mod run;
mod tell;
#[cfg(feature = "viewer")]
mod viewer;
mod workload;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use clap_complete::Shell;
use leader_elector::transport::{Access, Transport};
use leader_elector_host::args::with_variables;
use leader_elector_host::say::print;
pub(crate) use leader_elector_host::{Failure, config, end, log, observe, status};

use self::cli::{Cli, Command, StatusArgs};

fn main() -> ExitCode {
    let mut command = with_variables(Cli::command());
    let matches = command.get_matches_mut();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match (runtime, cli.command) {
        (Err(error), _) => Err(Failure::Other(error.into())),
        (Ok(runtime), Command::Run(args)) => runtime.block_on(run::run(*args)),
        (Ok(runtime), Command::Status(args)) => runtime.block_on(status(args)),
        (Ok(runtime), Command::History(args)) => runtime.block_on(history::run(args)),
        (Ok(runtime), Command::Reset(args)) => runtime.block_on(reset::run(args)),
        (Ok(runtime), Command::Doctor(args)) => runtime.block_on(doctor::run(args)),
        (Ok(runtime), Command::Init(args)) => runtime.block_on(init::run(args)),
        (Ok(_), Command::Install(args)) => install::run(&args),
        (Ok(runtime), Command::GistServer(args)) => runtime.block_on(gist_server::run(args)),
        #[cfg(feature = "viewer")]
        (Ok(runtime), Command::Viewer(args)) => runtime.block_on(viewer::run(args)),
        (Ok(runtime), Command::Guard { command }) => {
            runtime.block_on(guard::guard(&command)).map_err(|error| Failure::Other(error.into()))
        }
        (Ok(_), Command::Exec { parent, command }) => Err(Failure::Code(guard::exec(parent, &command))),
        (Ok(_), Command::Completions { shell }) => completions(shell),
        (Ok(_), Command::Man { directory }) => manual::write(Cli::command(), &directory),
    };
    ExitCode::from(end::exit_code(result))
}

fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "leader-elector", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}

/// Certificates that cannot be used are a mistake in the call.
fn connect(access: &Access) -> Result<Transport, String> {
    Transport::new(access).map_err(|error| error.to_string())
}

async fn status(args: StatusArgs) -> Result<(), Failure> {
    let (settings, transport) = config::reader(&args.lock, connect)?;
    let watched = status::run(&args, settings, transport);
    if !args.watch {
        return watched.await;
    }
    tokio::select! {
        result = watched => result,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}
