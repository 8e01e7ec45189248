//! The component: a complete candidate under `wasmtime run`, with nothing but outgoing HTTP and a clock.

#![warn(clippy::print_stdout, clippy::print_stderr)] // They panic where nobody reads; `say` has what does not.

mod cli;
mod run;
mod stdin;
mod transport;
mod world;

use leader_elector_host::say::complain;
use leader_elector_host::{Failure, config, end, native_only, status};

use self::cli::{Cli, Command};
use self::world::Component;

fn main() {
    if cfg!(not(target_os = "wasi")) {
        complain("error: this is a component, not a program of this machine: `cargo xtask wasi` builds and runs it");
        std::process::exit(2);
    }
    // std's exit tells success and failure only.
    wasip2::cli::exit::exit_with_code(match Cli::read() {
        Ok(cli) => end::exit_code(wstd::runtime::block_on(obey(cli.command))),
        Err(error) => {
            // There is nowhere left to complain.
            _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(1)
        }
    });
}

async fn obey(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(&args).await,
        Command::Status(args) => {
            native_only::ignored().for_each(|sentence| complain(format_args!("warning: {sentence}")));
            let (settings, component) = config::reader(&args.lock, |_| Ok(Component))?;
            status::run(&args, settings, component).await
        }
        Command::Native(words) => {
            let command = words.first().map_or("", String::as_str);
            Err(Failure::Usage(vec![format!(
                "command is `{command}`: allowed are run and status; the others are the native binary's"
            )]))
        }
    }
}
