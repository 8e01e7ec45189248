//! Developer commands. `cargo xtask` alone lists them.

mod bench;
mod chart;
mod clusters;
mod compose;
mod debian;
mod demo;
mod docker;
mod elector;
mod image;
mod mutate;
mod simulate;
mod test;
mod wasi;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of leader-elector", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests need: wasm targets, rustfmt, clippy
    Setup,
    /// Run every check; ends with a table of stages and a list of what was NOT RUN
    Test {
        /// NOT RUN is a failure, except for what xtask/exceptions.txt names
        #[arg(long)]
        require_all: bool,
    },
    /// Play random worlds in virtual time, and check every promise at every step (--help tells more)
    #[command(disable_help_flag = true)]
    Simulate {
        /// What the simulator is told
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Explore every schedule with a few deviations (--help tells more)
    #[command(disable_help_flag = true)]
    SmallWorld {
        /// What the explorer is told
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Break the rules one by one, and show what notices
    Mutate(mutate::Args),
    /// Build the WASI component; print its size and what it imports
    Wasi(wasi::Args),
    /// Watch three candidates elect, fail over, hand over, get cut off and sleep
    Demo(demo::Args),
    /// Hold deploy/chart against helm and the Kubernetes types
    Chart,
    /// Hold deploy/clusters.sh and the Makefile against shellcheck, and run them with stand-ins
    Clusters,
    /// Play random faults on three real containers, and attack the guard
    Docker(docker::Args),
    /// Build the container image with a local docker or podman; fails over 9 MB
    Image(image::Args),
    /// Measure what is promised: each bound beside what was measured, and beside the Go original's figure
    Bench(bench::Args),
    /// Build the page into target/web
    Web(web::Args),
}

fn main() -> ExitCode {
    let passed = match Cli::parse().command {
        Command::Setup => test::setup(),
        Command::Test { require_all } => test::run(require_all),
        Command::Simulate { args } => simulate::run("simulate", &args),
        Command::SmallWorld { args } => simulate::run("small_world", &args),
        Command::Mutate(args) => mutate::run(&args),
        Command::Wasi(args) => wasi::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Chart => test::only(chart::run),
        Command::Clusters => test::only(clusters::run),
        Command::Docker(args) => test::only(|| docker::run(&args)),
        Command::Image(args) => image::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Web(args) => web::run(&args),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
