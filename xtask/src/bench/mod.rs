//! `cargo xtask bench`: every promised bound, what was measured, and what the Go original needed.
//!
//! What takes a candidate's time is measured twice: at the default timings in virtual time, where hours pass in
//! milliseconds, and with real processes at short leases.

mod figures;
mod processes;
mod row;

use std::time::Instant;

use anyhow::Result;

use crate::demo;

/// A figure that was measured fewer times proves little.
const RUNS: usize = 20;

/// What is measured.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How records are written: push or patch
    #[arg(long, default_value = "push")]
    write: String,
}

/// Builds, measures, prints the table; `true` if every bound held.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let binary = demo::build(&["-p", "leader-elector"])?;
    let start = Instant::now();
    let mut rows = figures::virtual_time(&args.write)?;
    rows.extend(processes::elections(&binary, &args.write)?);
    rows.extend(processes::resources(&binary)?);
    rows.extend(figures::steps()?);
    let good = row::print(&rows);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    println!("\nMeasured in {:.0} s on {os} {arch}, {cores} cores.", start.elapsed().as_secs_f64());
    Ok(good)
}
