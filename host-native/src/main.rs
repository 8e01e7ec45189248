//! The `leader-elector` binary: one module a command.

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
mod metrics;
mod reset;
mod run;
mod tell;
#[cfg(feature = "viewer")]
mod viewer;
mod workload;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use leader_elector::transport::{Access, Transport};
pub(crate) use leader_elector_host::{Failure, config, end, log, observe, status};

use self::cli::{Cli, Command, StatusArgs};

fn main() -> ExitCode {
    let cli = Cli::parse();
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
        (Ok(_), Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "leader-elector", &mut std::io::stdout());
            Ok(())
        }
        (Ok(_), Command::Man { directory }) => manual(&directory),
    };
    ExitCode::from(end::exit_code(result))
}

/// The pages say what `--help` says.
fn manual(directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .with_context(|| format!("directory is `{}`", directory.display()))
        .map_err(Failure::Other)
}

/// Certificates that cannot be used are a mistake in the call.
fn transport(access: &Access) -> Result<Transport, Failure> {
    Transport::new(access).map_err(|error| Failure::Usage(vec![error.to_string()]))
}

async fn status(args: StatusArgs) -> Result<(), Failure> {
    let (settings, access) = config::reader(&args.lock)?;
    let transport = transport(&access)?;
    let watched = status::run(&args, settings, transport);
    if !args.watch {
        return watched.await;
    }
    tokio::select! {
        result = watched => result,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}
