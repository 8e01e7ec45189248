//! The `leader-elector` binary: one module a command, exit codes in one place.

mod cli;
mod config;
mod gist_server;
mod history;
mod init;
mod log;
mod observe;
mod reset;
mod run;
mod status;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use self::cli::{Cli, Command};

/// A mistake in the call: nothing was done.
const USAGE: u8 = 2;
/// Refused at the start, or unknown.
const REFUSED: u8 = 3;

/// How a command ended, other than well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Every mistake in the configuration.
    Usage(Vec<String>),
    /// The store refuses, or cannot be asked.
    Refused(String),
    /// An answer in itself: `status` where nobody leads, a second signal.
    Code(u8),
    /// Anything else.
    Other(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match (runtime, cli.command) {
        (Err(error), _) => Err(Failure::Other(error.into())),
        (Ok(runtime), Command::Run(args)) => runtime.block_on(run::run(*args)),
        (Ok(runtime), Command::Status(args)) => runtime.block_on(status::run(args)),
        (Ok(runtime), Command::History(args)) => runtime.block_on(history::run(args)),
        (Ok(runtime), Command::Reset(args)) => runtime.block_on(reset::run(args)),
        (Ok(runtime), Command::Init(args)) => runtime.block_on(init::run(args)),
        (Ok(runtime), Command::GistServer(args)) => runtime.block_on(gist_server::run(args)),
        (Ok(_), Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "leader-elector", &mut std::io::stdout());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Code(code)) => ExitCode::from(code),
        Err(Failure::Usage(mistakes)) => {
            for mistake in mistakes {
                eprintln!("error: {mistake}");
            }
            eprintln!("\nFor every flag and variable, try '--help'.");
            ExitCode::from(USAGE)
        }
        Err(Failure::Refused(why)) => {
            eprintln!("error: {why}");
            ExitCode::from(REFUSED)
        }
        Err(Failure::Other(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
